/* SPDX-License-Identifier: MIT */
/*
 * The shell's loop: read a line, run its commands; and what a command may ask of its shell (command.h). It knows the
 * table, the editor and its terminal, nothing else.
 */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/manage/error.h"
#include "hv/shell/shell.h"

void shell_init(struct shell *shell, const struct shell_terminal *terminal, void *context)
{
	memset(shell, 0, sizeof(*shell));
	shell->terminal = terminal;
	shell->context = context;
	line_history_init(&shell->history);
	line_editor_init(&shell->editor, &shell->history);
}

/* Output: formatted text is gathered in pieces, so that a line goes to the terminal as a whole. */
struct print_buffer {
	struct shell *shell;
	unsigned used;
	char bytes[256];
};

static void print_flush(struct print_buffer *buffer)
{
	buffer->shell->terminal->write(buffer->shell->context, buffer->bytes, buffer->used);
	buffer->used = 0;
}

static void print_put(void *context, char c)
{
	struct print_buffer *buffer = context;

	buffer->bytes[buffer->used++] = c;
	if (buffer->used == sizeof(buffer->bytes))
		print_flush(buffer);
}

static void print_args(struct shell *shell, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
static void print_args(struct shell *shell, const char *fmt, va_list args)
{
	struct print_buffer buffer = { .shell = shell };

	vformat_to(print_put, &buffer, fmt, args);
	print_flush(&buffer);
}

void shell_print(struct shell *shell, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_args(shell, fmt, args);
	va_end(args);
}

void shell_write(struct shell *shell, const char *bytes, size_t count)
{
	shell->terminal->write(shell->context, bytes, count);
}

void shell_write_raw(struct shell *shell, const char *bytes, size_t count)
{
	shell->terminal->write_raw(shell->context, bytes, count);
}

int shell_error(struct shell *shell, const char *fmt, ...)
{
	va_list args;

	shell_print(shell, "error: ");
	va_start(args, fmt);
	print_args(shell, fmt, args);
	va_end(args);
	shell_print(shell, "\n");
	return ERR_INVALID;
}

int shell_fail(struct shell *shell, const struct manage_error *error, const char *fmt, ...)
{
	va_list args;

	shell_print(shell, "error: ");
	va_start(args, fmt);
	print_args(shell, fmt, args);
	va_end(args);
	shell_print(shell, "\nerror: %s\n", error->text);
	return ERR_INVALID;
}

bool shell_interrupted(struct shell *shell)
{
	return shell_sleep(shell, 0);
}

bool shell_sleep(struct shell *shell, u64 duration_ns)
{
	for (unsigned i = shell->input_at; i < shell->input_count; i++) {
		if (shell->input[i] == 0x03) {
			shell->input_at = i + 1;
			return true;
		}
	}
	if (!shell->terminal->wait_interrupt(shell->context, duration_ns))
		return false;
	shell->input_at = shell->input_count; /* typed before the Ctrl-C */
	return true;
}

void shell_raw_begin(struct shell *shell)
{
	shell->terminal->hold_log(shell->context, true);
}

void shell_raw_end(struct shell *shell)
{
	shell->terminal->hold_log(shell->context, false);
}

void shell_wake(struct shell *shell)
{
	shell->terminal->wake(shell->context);
}

size_t shell_read_raw(struct shell *shell, char *bytes, size_t max, u64 timeout_ns)
{
	size_t count = MIN(max, (size_t)(shell->input_count - shell->input_at));

	if (!count)
		return shell->terminal->read(shell->context, bytes, max, timeout_ns);
	memcpy(bytes, shell->input + shell->input_at, count);
	shell->input_at += (unsigned)count;
	return count;
}

static void draw(struct shell *shell)
{
	line_editor_draw(&shell->editor, &shell->row);
	shell->terminal->set_row(shell->context, &shell->row);
}

/* Columns as ls has them: down, then right. */
static void list_completions(struct shell *shell, const struct shell_completions *completions)
{
	unsigned width = 0, across, used = 0;

	for (const char *word = completions->list; word < completions->list + completions->list_bytes;
	     word += strlen(word) + 1)
		width = MAX(width, (unsigned)utf8_text_columns(word, strlen(word)));
	width += 2;
	across = MAX(1u, shell->terminal->columns(shell->context) / width);
	for (const char *word = completions->list; word < completions->list + completions->list_bytes;
	     word += strlen(word) + 1) {
		bool last = ++used % across == 0;

		shell_print(shell, "%s", word);
		for (size_t i = utf8_text_columns(word, strlen(word)); !last && i < width; i++)
			shell_print(shell, " ");
		if (last)
			shell_print(shell, "\n");
	}
	if (used % across)
		shell_print(shell, "\n");
	if (completions->cut)
		shell_print(shell, "... and more\n");
}

/* Puts in what the completion adds, with a backslash before what would end or change the word. */
static void insert_completed(struct shell *shell, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strchr(" \t\\'\";#", bytes[i]) && !line_editor_insert(&shell->editor, "\\", 1))
			return;
		if (!line_editor_insert(&shell->editor, bytes + i, 1))
			return;
	}
}

static void complete(struct shell *shell)
{
	static const char blank = ' ';
	struct shell_completions *completions = kmalloc(sizeof(*completions));

	if (!completions)
		return;
	shell_find_completions(shell->editor.text, shell->editor.cursor, &shell->words, completions);
	if (completions->common_bytes > completions->prefix_bytes)
		insert_completed(shell, completions->common + completions->prefix_bytes,
				 completions->common_bytes - completions->prefix_bytes);
	if (completions->count == 1) {
		(void)line_editor_insert(&shell->editor, &blank, 1);
	} else if (completions->count > 1 && shell->listed) {
		draw(shell);
		shell->terminal->set_row(shell->context, NULL);
		list_completions(shell, completions);
	}
	shell->listed = completions->count > 1;
	kfree(completions);
}

/* The row stays behind as it was typed: a scrolled one is shown whole. */
static void finish_row(struct shell *shell)
{
	draw(shell);
	if (shell->row.bytes == strlen(shell->editor.prompt) + shell->editor.length) {
		shell->terminal->set_row(shell->context, NULL);
		return;
	}
	shell->row.bytes = shell->row.back_columns = 0;
	shell->terminal->set_row(shell->context, &shell->row);
	shell->terminal->set_row(shell->context, NULL);
	shell_print(shell, "%s%s\n", shell->editor.prompt, shell->editor.text);
}

/* One key; true: the line is over, for the reason in *event. */
static bool key(struct shell *shell, u8 byte, enum line_event *event)
{
	*event = line_editor_feed(&shell->editor, byte);
	switch (*event) {
	case LINE_NONE:
		shell->listed = false;
		return false;
	case LINE_COMPLETE:
		complete(shell);
		return false;
	case LINE_CLEAR:
		shell->terminal->clear(shell->context);
		return false;
	case LINE_DONE:
	case LINE_TOO_LONG:
	case LINE_INTERRUPT:
	case LINE_END:
		break;
	}
	return true;
}

enum line_event shell_read_line(struct shell *shell, const char *prompt)
{
	enum line_event event;

	line_editor_begin(&shell->editor, prompt, shell->terminal->columns(shell->context));
	shell->listed = false;
	for (;;) {
		while (shell->input_at < shell->input_count) {
			if (!key(shell, (u8)shell->input[shell->input_at++], &event))
				continue;
			finish_row(shell);
			return event;
		}
		shell->input_at = 0;
		shell->input_count = (unsigned)shell->terminal->read(shell->context, shell->input,
								     sizeof(shell->input), 0);
		if (shell->input_count)
			continue; /* drawn once when a paste is through, not at each of its bytes */
		draw(shell);
		shell->input_count = (unsigned)shell->terminal->read(shell->context, shell->input,
								     sizeof(shell->input), SHELL_FOREVER);
	}
}

/* A line that is to be text: no history, tabs stay. */
static enum line_event read_plain_line(struct shell *shell, const char *prompt)
{
	enum line_event event;

	shell->editor.history = NULL;
	shell->editor.literal_tabs = true;
	event = shell_read_line(shell, prompt);
	shell->editor.history = &shell->history;
	shell->editor.literal_tabs = false;
	return event;
}

bool shell_confirm(struct shell *shell, const char *question)
{
	char prompt[LINE_PROMPT_MAX];

	format(prompt, sizeof(prompt), "%s [y/N] ", question);
	if (read_plain_line(shell, prompt) != LINE_DONE)
		return false;
	return string_equal_ignore_case(shell->editor.text, "y") || string_equal_ignore_case(shell->editor.text, "yes");
}

static bool line_ends_text(const struct line_editor *editor, const char *end_text)
{
	size_t length = editor->length, end_length = end_text ? strlen(end_text) : 0;

	while (length && (editor->text[length - 1] == ' ' || editor->text[length - 1] == '\t'))
		length--;
	return end_length && length >= end_length && !memcmp(editor->text + length - end_length, end_text, end_length);
}

/* Appends the editor's line and a newline to *text, which stays terminated. */
static int append_line(struct shell *shell, char **text, size_t *used, size_t max)
{
	const struct line_editor *editor = &shell->editor;
	char *larger;

	if (*used + editor->length + 1 > max) {
		shell_error(shell, "text longer than %zu KiB: dropped", max / 1024);
		return ERR_FULL;
	}
	larger = krealloc(*text, *used + editor->length + 2);
	if (!larger) {
		shell_error(shell, "out of memory");
		return ERR_NO_MEMORY;
	}
	memcpy(larger + *used, editor->text, editor->length);
	*used += editor->length + 1;
	larger[*used - 1] = '\n';
	larger[*used] = '\0';
	*text = larger;
	return OK;
}

int shell_read_text(struct shell *shell, const char *end_text, size_t max, char **text)
{
	size_t used = 0;
	int code = OK;

	*text = kmalloc(1);
	if (!*text) {
		shell_error(shell, "out of memory");
		return ERR_NO_MEMORY;
	}
	**text = '\0';
	while (code == OK) {
		enum line_event event = read_plain_line(shell, "> ");

		if (event == LINE_END || (event == LINE_DONE && string_equal(shell->editor.text, ".")))
			return OK;
		if (event == LINE_INTERRUPT) {
			shell_error(shell, "interrupted");
			code = ERR_INTERRUPTED;
		} else if (event == LINE_TOO_LONG) {
			shell_error(shell, "a line is longer than %u bytes: the text is dropped", LINE_MAX_BYTES);
			code = ERR_FULL;
		} else {
			code = append_line(shell, text, &used, max);
			if (code == OK && line_ends_text(&shell->editor, end_text))
				return OK;
		}
	}
	kfree(*text);
	*text = NULL;
	return code;
}

/* As virsh, a line with a mistake in any of its commands runs none of them. */
static int check_line(struct shell *shell, const char *line)
{
	while (*line) {
		int code = shell_split(&line, &shell->words, shell->error);

		if (code == OK && shell->words.count)
			code = shell_bind(&shell->words, &shell->arguments, shell->error);
		if (code != OK) {
			shell_error(shell, "%s", shell->error);
			return code;
		}
	}
	return OK;
}

int shell_execute(struct shell *shell, const char *line)
{
	int code = check_line(shell, line);

	if (code != OK)
		return code;
	while (code != ERR_INTERRUPTED && *line) {
		if (shell_split(&line, &shell->words, shell->error) != OK || !shell->words.count)
			continue;
		if (shell_bind(&shell->words, &shell->arguments, shell->error) != OK)
			break;
		code = shell->arguments.command->function(shell, &shell->arguments);
		shell_print(shell, "\n");
	}
	return code;
}

/* The line is copied: the editor's buffer is used again by commands that ask something. */
static void run_line(struct shell *shell)
{
	char *line = kstrdup(shell->editor.text);

	if (!line) {
		shell_error(shell, "out of memory");
		return;
	}
	line_history_add(&shell->history, line);
	(void)shell_execute(shell, line);
	kfree(line);
}

void shell_run(struct shell *shell)
{
	for (;;) {
		enum line_event event = shell_read_line(shell, SHELL_PROMPT);

		if (event == LINE_DONE)
			run_line(shell);
		else if (event == LINE_TOO_LONG)
			shell_error(shell, "line longer than %u bytes: not run", LINE_MAX_BYTES);
	}
}

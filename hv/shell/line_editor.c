/* SPDX-License-Identifier: MIT */
/*
 * The line editor's text and its row: insertion, deletion, movement, history, drawing. Which key does what stands in
 * line_keys.c. Pure.
 */
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/shell/line_edit.h"

void line_editor_init(struct line_editor *editor, struct line_history *history)
{
	memset(editor, 0, sizeof(*editor));
	editor->history = history;
	editor->columns = 80;
}

void line_editor_begin(struct line_editor *editor, const char *prompt, unsigned columns)
{
	string_copy(editor->prompt, prompt, sizeof(editor->prompt));
	editor->columns = MIN(MAX(columns, 20u), (unsigned)LINE_COLUMNS_MAX);
	editor->length = editor->cursor = editor->view = 0;
	editor->text[0] = '\0';
	editor->too_long = false;
	editor->history_age = 0;
}

bool line_editor_insert(struct line_editor *editor, const char *text, size_t bytes)
{
	if (bytes > LINE_MAX_BYTES - editor->length)
		return false;
	memmove(editor->text + editor->cursor + bytes, editor->text + editor->cursor,
		editor->length - editor->cursor + 1);
	memcpy(editor->text + editor->cursor, text, bytes);
	editor->length += bytes;
	editor->cursor += bytes;
	return true;
}

void line_edit_delete(struct line_editor *editor, size_t from, size_t to)
{
	memmove(editor->text + from, editor->text + to, editor->length - to + 1);
	editor->length -= to - from;
	editor->cursor = from;
}

static bool is_word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ((u8)c & 0x80);
}

size_t line_edit_word_left(const struct line_editor *editor)
{
	size_t at = editor->cursor;

	while (at > 0 && !is_word_byte(editor->text[at - 1]))
		at--;
	while (at > 0 && is_word_byte(editor->text[at - 1]))
		at--;
	return at;
}

size_t line_edit_word_right(const struct line_editor *editor)
{
	size_t at = editor->cursor;

	while (at < editor->length && !is_word_byte(editor->text[at]))
		at++;
	while (at < editor->length && is_word_byte(editor->text[at]))
		at++;
	return at;
}

size_t line_edit_blank_left(const struct line_editor *editor)
{
	size_t at = editor->cursor;

	while (at > 0 && editor->text[at - 1] == ' ')
		at--;
	while (at > 0 && editor->text[at - 1] != ' ')
		at--;
	return at;
}

static void replace_text(struct line_editor *editor, const char *text)
{
	editor->length = MIN(string_copy(editor->text, text, sizeof(editor->text)), (size_t)LINE_MAX_BYTES);
	editor->cursor = editor->length;
	editor->view = 0;
}

void line_edit_older(struct line_editor *editor)
{
	const char *line = editor->history ? line_history_get(editor->history, editor->history_age + 1) : NULL;

	if (!line || editor->too_long)
		return;
	if (editor->history_age == 0)
		string_copy(editor->draft, editor->text, sizeof(editor->draft));
	editor->history_age++;
	replace_text(editor, line);
}

void line_edit_newer(struct line_editor *editor)
{
	if (editor->history_age == 0)
		return;
	editor->history_age--;
	replace_text(editor, editor->history_age ? line_history_get(editor->history, editor->history_age) : editor->draft);
}

/* Moves the view so that the cursor's column is in sight, with some text left of it. */
static void scroll_to_cursor(struct line_editor *editor, size_t room)
{
	if (editor->cursor < editor->view || editor->view > editor->length)
		editor->view = editor->cursor;
	while (editor->view > 0 &&
	       utf8_text_columns(editor->text + editor->view, editor->cursor - editor->view) < room / 3)
		editor->view = utf8_previous(editor->text, editor->view);
	if (utf8_text_columns(editor->text + editor->view, editor->cursor - editor->view) <= room)
		return;
	editor->view = editor->cursor;
	while (utf8_text_columns(editor->text + editor->view, editor->cursor - editor->view) < room / 2)
		editor->view = utf8_previous(editor->text, editor->view);
}

static void row_put(struct line_row *row, const char *bytes, size_t count)
{
	if (count > sizeof(row->text) - row->bytes)
		return;
	for (size_t i = 0; i < count; i++)
		row->text[row->bytes++] = bytes[i] == '\t' ? ' ' : bytes[i];
}

void line_editor_draw(struct line_editor *editor, struct line_row *row)
{
	size_t prompt_bytes = strlen(editor->prompt), used = 0, at;
	size_t room = editor->columns - 1 - MIN(utf8_text_columns(editor->prompt, prompt_bytes), (size_t)editor->columns - 8);

	row->bytes = 0;
	row->back_columns = 0;
	row_put(row, editor->prompt, prompt_bytes);
	scroll_to_cursor(editor, room - 1);
	at = editor->view;
	if (at > 0 && at < editor->cursor) { /* what is left of the view shows as one mark in place of its first column */
		size_t next = utf8_next(editor->text, editor->length, at);
		size_t columns = utf8_text_columns(editor->text + at, next - at);

		row_put(row, "<<", columns);
		used = columns;
		at = next;
	}
	while (at < editor->length) {
		size_t next = utf8_next(editor->text, editor->length, at);
		size_t columns = utf8_text_columns(editor->text + at, next - at);

		if (used + columns > room)
			break;
		if (next - at <= 64) /* a character with dozens of marks is not drawn */
			row_put(row, editor->text + at, next - at);
		else
			row_put(row, "??", columns);
		used += columns;
		if (at >= editor->cursor)
			row->back_columns += (unsigned)columns;
		at = next;
	}
}

/* SPDX-License-Identifier: MIT */
/* The full-screen editor: what keys do, and what rows show; see text_editor.h. */
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/shell/text_editor.h"

#define QUESTION "Save the changes? y: save and leave, n: leave without them, Ctrl-C: go on"
#define KEYS_HELP "Ctrl-S save  Ctrl-X leave  Ctrl-K cut to end of line  Ctrl-U cut line"
#define OTHER_ROWS 3u /* title and message */

int text_editor_init(struct text_editor *editor, const char *title, const char *text, size_t count)
{
	memset(editor, 0, sizeof(*editor));
	editor->title = title;
	editor->rows = 24;
	editor->columns = 80;
	return text_buffer_init(&editor->text, text, count);
}

void text_editor_release(struct text_editor *editor)
{
	text_buffer_release(&editor->text);
}

void text_editor_resize(struct text_editor *editor, unsigned rows, unsigned columns)
{
	editor->rows = MIN(MAX(rows, EDITOR_ROWS_MIN), EDITOR_ROWS_MAX);
	editor->columns = MIN(MAX(columns, EDITOR_COLUMNS_MIN), EDITOR_COLUMNS_MAX);
}

static void say(struct text_editor *editor, const char *message)
{
	string_copy(editor->message, message, sizeof(editor->message));
	for (char *c = editor->message; *c; c++)
		if ((u8)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

void text_editor_saved(struct text_editor *editor, const char *message)
{
	editor->changed = false;
	say(editor, message);
}

void text_editor_refused(struct text_editor *editor, const char *message, unsigned line)
{
	say(editor, message);
	if (line) {
		editor->text.cursor = text_lines_down(&editor->text, 0, line - 1);
		editor->wanted_column = 0;
	}
}

static void insert(struct text_editor *editor)
{
	if (text_insert(&editor->text, editor->keys.character, editor->keys.character_bytes))
		editor->changed = true;
	else
		say(editor, "The text is as long as it can be.");
}

static void cut(struct text_editor *editor, size_t from, size_t to)
{
	if (from == to)
		return;
	text_delete(&editor->text, from, to);
	editor->changed = true;
}

static void move_lines(struct text_editor *editor, unsigned lines, bool down)
{
	struct text_buffer *text = &editor->text;
	size_t start = text_line_start(text, text->cursor);

	start = down ? text_lines_down(text, start, lines) : text_lines_up(text, start, lines);
	text->cursor = text_at_column(text, start, editor->wanted_column);
}

/* True: the key moved between lines, so the column that the person came from stays wanted. */
static bool line_key(struct text_editor *editor, enum text_key key)
{
	unsigned page = editor->rows - OTHER_ROWS - 1;

	switch (key) {
	case TEXT_KEY_UP:
		move_lines(editor, 1, false);
		return true;
	case TEXT_KEY_DOWN:
		move_lines(editor, 1, true);
		return true;
	case TEXT_KEY_PAGE_UP:
		move_lines(editor, page, false);
		return true;
	case TEXT_KEY_PAGE_DOWN:
		move_lines(editor, page, true);
		return true;
	default:
		return false;
	}
}

static void cut_key(struct text_editor *editor, enum text_key key)
{
	struct text_buffer *text = &editor->text;
	size_t cursor = text->cursor, end = text_line_end(text, cursor);

	if (key == TEXT_KEY_CUT)
		cut(editor, cursor, end > cursor ? end : text_next(text, cursor));
	else
		cut(editor, text_line_start(text, cursor), text_next(text, end));
}

static void text_key(struct text_editor *editor, enum text_key key)
{
	struct text_buffer *text = &editor->text;
	size_t cursor = text->cursor;

	switch (key) {
	case TEXT_KEY_CHARACTER:
		insert(editor);
		break;
	case TEXT_KEY_LEFT:
		text->cursor = text_previous(text, cursor);
		break;
	case TEXT_KEY_RIGHT:
		text->cursor = text_next(text, cursor);
		break;
	case TEXT_KEY_HOME:
		text->cursor = text_line_start(text, cursor);
		break;
	case TEXT_KEY_END:
		text->cursor = text_line_end(text, cursor);
		break;
	case TEXT_KEY_FIRST:
		text->cursor = 0;
		break;
	case TEXT_KEY_LAST:
		text->cursor = text->length;
		break;
	case TEXT_KEY_BACKSPACE:
		cut(editor, text_previous(text, cursor), cursor);
		break;
	case TEXT_KEY_DELETE:
		cut(editor, cursor, text_next(text, cursor));
		break;
	case TEXT_KEY_CUT:
	case TEXT_KEY_CUT_LINE:
		cut_key(editor, key);
		break;
	default:
		break;
	}
}

static enum editor_event answer_key(struct text_editor *editor, enum text_key key)
{
	char c = key == TEXT_KEY_CHARACTER ? editor->keys.character[0] : '\0';

	if (c == 'y' || c == 'Y' || key == TEXT_KEY_SAVE) {
		editor->asking = false;
		return EDITOR_SAVE_AND_LEAVE;
	}
	if (c == 'n' || c == 'N')
		return EDITOR_LEAVE;
	if (key == TEXT_KEY_CANCEL) {
		editor->asking = false;
		say(editor, "");
	}
	return EDITOR_NONE;
}

static enum editor_event leave_key(struct text_editor *editor)
{
	if (!editor->changed)
		return EDITOR_LEAVE;
	editor->asking = true;
	say(editor, QUESTION);
	return EDITOR_NONE;
}

enum editor_event text_editor_feed(struct text_editor *editor, u8 byte)
{
	enum text_key key = text_keys_feed(&editor->keys, byte);

	if (key == TEXT_KEY_NONE)
		return EDITOR_NONE;
	if (key == TEXT_KEY_SIZE) {
		text_editor_resize(editor, editor->keys.parameters[0], editor->keys.parameters[1]);
		return EDITOR_DRAW_ALL;
	}
	if (key == TEXT_KEY_DRAW)
		return EDITOR_DRAW_ALL;
	if (editor->asking)
		return answer_key(editor, key);
	say(editor, key == TEXT_KEY_CANCEL ? "Ctrl-X leaves the editor." : "");
	if (key == TEXT_KEY_SAVE)
		return EDITOR_SAVE;
	if (key == TEXT_KEY_LEAVE)
		return leave_key(editor);
	if (!line_key(editor, key)) {
		text_key(editor, key);
		editor->wanted_column = text_column(&editor->text, editor->text.cursor);
	}
	return EDITOR_NONE;
}

void text_editor_prepare(struct text_editor *editor)
{
	struct text_buffer *text = &editor->text;
	size_t line = text_line_start(text, text->cursor);
	size_t highest = text_lines_up(text, line, editor->rows - OTHER_ROWS - 1); /* with the cursor on the last row */
	unsigned column = text_column(text, text->cursor);

	editor->view = text_line_start(text, MIN(editor->view, text->length));
	editor->view = MIN(MAX(editor->view, highest), line);
	if (column < editor->left || column >= editor->left + editor->columns - 1)
		editor->left = column < editor->columns - 1 ? 0 : column - editor->columns / 2;
}

void text_editor_cursor(const struct text_editor *editor, unsigned *row, unsigned *column)
{
	const struct text_buffer *text = &editor->text;

	*row = 1 + text_line_number(text, text->cursor) - text_line_number(text, editor->view);
	*column = text_column(text, text->cursor) - editor->left;
}

/* One character in the given column of its line; what the view cuts in two shows as blanks. */
static size_t draw_character(const struct text_editor *editor, size_t at, unsigned column, unsigned width, char *to)
{
	const struct text_buffer *text = &editor->text;
	size_t next = text_next(text, at), used = 0;
	u8 byte = (u8)text->bytes[at];
	u32 value;
	/* No control characters of either set: the terminal would obey them. */
	bool plain = utf8_decode(text->bytes + at, next - at, &value) && value >= 0x20 && (value < 0x7f || value >= 0xa0);

	if (plain && column >= editor->left && next - at <= 64) {
		memcpy(to, text->bytes + at, next - at);
		return next - at;
	}
	for (unsigned i = 0; i < width; i++)
		if (column + i >= editor->left)
			to[used++] = plain || byte == '\t' ? ' ' : '?';
	return used;
}

static size_t draw_line(const struct text_editor *editor, size_t start, char bytes[EDITOR_ROW_BYTES])
{
	const struct text_buffer *text = &editor->text;
	size_t at = start, end = text_line_end(text, start), used = 0;
	unsigned column = 0, right = editor->left + editor->columns;

	while (at < end && used + 64 < EDITOR_ROW_BYTES) {
		unsigned width = text_character_columns(text, at, column);

		if (column + width > right)
			break;
		used += draw_character(editor, at, column, width, bytes + used);
		column += width;
		at = text_next(text, at);
	}
	return used;
}

/* What stays of the bytes when a character that is cut off at their end goes. */
static size_t whole_characters(const char *bytes, size_t count)
{
	size_t at = 0;
	u32 character;

	while (at < count) {
		unsigned length = utf8_decode(bytes + at, count - at, &character);

		if (!length)
			break;
		at += length;
	}
	return at;
}

static size_t draw_title(const struct text_editor *editor, char bytes[EDITOR_ROW_BYTES])
{
	const struct text_buffer *text = &editor->text;
	size_t used = format(bytes, EDITOR_ROW_BYTES, "%s%s: line %u of %u, column %u", editor->title,
			     editor->changed ? " (changed)" : "", text_line_number(text, text->cursor),
			     text_line_number(text, text->length), text_column(text, text->cursor) + 1);

	return whole_characters(bytes, MIN(used, (size_t)editor->columns));
}

/* The message's part for one of the two last rows; on the very last one the keys, where the message leaves room. */
static size_t draw_message(const struct text_editor *editor, bool last, char bytes[EDITOR_ROW_BYTES])
{
	size_t length = strlen(editor->message), first = 0, end = 0;

	for (unsigned part = 0; part <= last; part++) { /* cut at characters: each takes at least a byte for a column */
		first = end;
		while (end < length && end - first < editor->columns - 1)
			end = utf8_next(editor->message, length, end);
	}
	if (last && first == end) {
		size_t count = MIN(sizeof(KEYS_HELP) - 1, (size_t)editor->columns - 1);

		memcpy(bytes, KEYS_HELP, count);
		return count;
	}
	memcpy(bytes, editor->message + first, end - first);
	return end - first;
}

size_t text_editor_row(const struct text_editor *editor, unsigned row, char bytes[EDITOR_ROW_BYTES])
{
	size_t before, start;

	if (row == 0)
		return draw_title(editor, bytes);
	if (row >= editor->rows - 2)
		return draw_message(editor, row == editor->rows - 1, bytes);
	if (row == 1)
		return draw_line(editor, editor->view, bytes);
	before = text_lines_down(&editor->text, editor->view, row - 2);
	start = text_lines_down(&editor->text, before, 1);
	return start == before ? 0 : draw_line(editor, start, bytes); /* 0: below the end of the text */
}

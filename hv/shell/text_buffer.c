/* SPDX-License-Identifier: MIT */
/* A text in memory: see text_buffer.h. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/shell/text_buffer.h"

#define ROOM_STEP 4096u

int text_buffer_init(struct text_buffer *text, const char *bytes, size_t count)
{
	*text = (struct text_buffer){ 0 };
	if (count > TEXT_MAX_BYTES)
		return ERR_FULL;
	text->room = count + ROOM_STEP;
	text->bytes = kmalloc(text->room);
	if (!text->bytes)
		return ERR_NO_MEMORY;
	memcpy(text->bytes, bytes, count);
	text->bytes[count] = '\0';
	text->length = count;
	return OK;
}

void text_buffer_release(struct text_buffer *text)
{
	kfree(text->bytes);
	*text = (struct text_buffer){ 0 };
}

bool text_insert(struct text_buffer *text, const char *bytes, size_t count)
{
	if (count > TEXT_MAX_BYTES - text->length)
		return false;
	if (text->length + count >= text->room) {
		size_t room = text->length + count + ROOM_STEP;
		char *larger = krealloc(text->bytes, room);

		if (!larger)
			return false;
		text->bytes = larger;
		text->room = room;
	}
	memmove(text->bytes + text->cursor + count, text->bytes + text->cursor, text->length - text->cursor + 1);
	memcpy(text->bytes + text->cursor, bytes, count);
	text->length += count;
	text->cursor += count;
	return true;
}

void text_delete(struct text_buffer *text, size_t from, size_t to)
{
	memmove(text->bytes + from, text->bytes + to, text->length - to + 1);
	text->length -= to - from;
	text->cursor = from;
}

/* A mark without width that begins a line stands alone: it must not make one character of two lines. */
size_t text_next(const struct text_buffer *text, size_t at)
{
	if (at >= text->length)
		return text->length;
	return text->bytes[at] == '\n' ? at + 1 : utf8_next(text->bytes, text->length, at);
}

size_t text_previous(const struct text_buffer *text, size_t at)
{
	size_t start = text_line_start(text, at);

	if (at == start)
		return at ? at - 1 : 0;
	return MAX(start, utf8_previous(text->bytes, at));
}

size_t text_line_start(const struct text_buffer *text, size_t at)
{
	while (at > 0 && text->bytes[at - 1] != '\n')
		at--;
	return at;
}

size_t text_line_end(const struct text_buffer *text, size_t at)
{
	while (at < text->length && text->bytes[at] != '\n')
		at++;
	return at;
}

size_t text_lines_down(const struct text_buffer *text, size_t start, unsigned lines)
{
	for (; lines; lines--) {
		size_t end = text_line_end(text, start);

		if (end == text->length)
			break;
		start = end + 1;
	}
	return start;
}

size_t text_lines_up(const struct text_buffer *text, size_t start, unsigned lines)
{
	for (; lines && start; lines--)
		start = text_line_start(text, start - 1);
	return start;
}

unsigned text_line_number(const struct text_buffer *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text->bytes[i] == '\n';
	return line;
}

unsigned text_character_columns(const struct text_buffer *text, size_t at, unsigned column)
{
	u8 byte = (u8)text->bytes[at];

	if (byte == '\t')
		return 8 - column % 8;
	if (byte < 0x20 || byte == 0x7f)
		return 1; /* shown as one mark */
	return (unsigned)utf8_text_columns(text->bytes + at, text_next(text, at) - at);
}

unsigned text_column(const struct text_buffer *text, size_t at)
{
	unsigned column = 0;

	for (size_t i = text_line_start(text, at); i < at; i = text_next(text, i))
		column += text_character_columns(text, i, column);
	return column;
}

size_t text_at_column(const struct text_buffer *text, size_t start, unsigned column)
{
	size_t at = start, end = text_line_end(text, start);
	unsigned reached = 0;

	while (at < end) {
		reached += text_character_columns(text, at, reached);
		if (reached > column)
			break;
		at = text_next(text, at);
	}
	return at;
}

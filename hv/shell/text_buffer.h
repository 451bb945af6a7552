/* SPDX-License-Identifier: MIT */
/*
 * A text in memory with a cursor: what the editor (text_editor.h) changes. Pure but for its memory.
 *
 * The bytes lie in one piece, so that whoever reads the text needs no copy; domain descriptions are a few KiB, and a move
 * of the largest text allowed takes a millisecond at most. Lines end with '\n'. Places are byte offsets that stand on the
 * first byte of a character with its marks. Columns are a terminal's: tabs reach the next multiple of eight.
 */
#ifndef HV_SHELL_TEXT_BUFFER_H
#define HV_SHELL_TEXT_BUFFER_H

#include "hv/lib/types.h"

#define TEXT_MAX_BYTES (1024u * 1024u)

struct text_buffer {
	char *bytes; /* terminated */
	size_t length, room, cursor;
};

MUST_CHECK int text_buffer_init(struct text_buffer *text, const char *bytes, size_t count); /* copied; or ERR_FULL, ERR_NO_MEMORY */
void text_buffer_release(struct text_buffer *text);

/* At the cursor, which goes behind it; false: longer than TEXT_MAX_BYTES, or no memory: nothing is changed. */
bool text_insert(struct text_buffer *text, const char *bytes, size_t count);
void text_delete(struct text_buffer *text, size_t from, size_t to); /* the cursor goes to from */

size_t text_next(const struct text_buffer *text, size_t at);     /* the next character; the end of a line counts as one */
size_t text_previous(const struct text_buffer *text, size_t at);
size_t text_line_start(const struct text_buffer *text, size_t at);
size_t text_line_end(const struct text_buffer *text, size_t at); /* its '\n', or the text's end */
size_t text_lines_down(const struct text_buffer *text, size_t start, unsigned lines); /* starts of lines; as far as there are any */
size_t text_lines_up(const struct text_buffer *text, size_t start, unsigned lines);
unsigned text_line_number(const struct text_buffer *text, size_t at); /* from 1 */
/* The columns that one character takes when it stands in the given column. */
unsigned text_character_columns(const struct text_buffer *text, size_t at, unsigned column);
unsigned text_column(const struct text_buffer *text, size_t at);      /* of a place, in its line */
/* The place in the line that begins at start which stands in the column, or before it, or at the line's end. */
size_t text_at_column(const struct text_buffer *text, size_t start, unsigned column);

#endif

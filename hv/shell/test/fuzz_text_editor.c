/* SPDX-License-Identifier: MIT */
/* LINK: hv/shell/text_editor.c hv/shell/text_buffer.c hv/shell/text_keys.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/*
 * Arbitrary bytes to the full-screen editor, on an arbitrary text: after each its invariants hold, no row is wider than the
 * screen or has a control character, and the cursor is on the screen. Input: rows, columns, the text's length, the text, keys.
 */
#include <assert.h>
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/shell/text_editor.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct text_editor editor;
static char row[EDITOR_ROW_BYTES];

static void check_row(unsigned number)
{
	size_t count = text_editor_row(&editor, number, row);

	assert(count <= sizeof(row));
	assert(utf8_text_columns(row, count) <= editor.columns);
	for (size_t at = 0; at < count;) {
		u32 character = 0xfffd;
		unsigned length = utf8_decode(row + at, count - at, &character);

		assert(character >= 0x20 && (character < 0x7f || character >= 0xa0));
		at += length ? length : 1;
	}
}

static void check(void)
{
	unsigned at_row, at_column;

	assert(editor.text.cursor <= editor.text.length && editor.text.length < editor.text.room);
	assert(editor.text.bytes[editor.text.length] == '\0');
	text_editor_prepare(&editor);
	assert(editor.view <= editor.text.cursor && text_line_start(&editor.text, editor.view) == editor.view);
	text_editor_cursor(&editor, &at_row, &at_column);
	assert(at_row >= 1 && at_row <= editor.rows - 3 && at_column < editor.columns);
	for (unsigned i = 0; i < editor.rows; i += editor.rows < 20 ? 1 : 7)
		check_row(i);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t text_bytes;

	if (size < 3)
		return 0;
	text_bytes = MIN((size_t)data[2], size - 3);
	if (text_editor_init(&editor, "\xc3\xa9.xml", (const char *)data + 3, text_bytes))
		return 0;
	text_editor_resize(&editor, data[0], data[1]);
	check();
	for (size_t i = 3 + text_bytes; i < size; i++) {
		switch (text_editor_feed(&editor, data[i])) {
		case EDITOR_SAVE:
			text_editor_saved(&editor, "saved");
			break;
		case EDITOR_SAVE_AND_LEAVE:
			text_editor_refused(&editor, "e\xcc\x81" "a.xml:3: <nome>: not supported", data[i]);
			break;
		case EDITOR_LEAVE:
			text_editor_release(&editor);
			return 0;
		case EDITOR_NONE:
		case EDITOR_DRAW_ALL:
			break;
		}
		check();
	}
	text_editor_release(&editor);
	return 0;
}

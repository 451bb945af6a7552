/* SPDX-License-Identifier: MIT */
/* LINK: hv/shell/line_editor.c hv/shell/line_keys.c hv/shell/history.c hv/shell/split.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* Arbitrary bytes to the line editor: its invariants hold after each, and what it hands on can be split. */
#include <assert.h>
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/shell/arguments.h"
#include "hv/shell/line_editor.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct line_editor editor;
static struct line_history history;
static struct line_row row;
static struct shell_words words;

static void check(void)
{
	assert(editor.length <= LINE_MAX_BYTES && editor.cursor <= editor.length);
	assert(strlen(editor.text) == editor.length);
	line_editor_draw(&editor, &row);
	assert(row.bytes <= sizeof(row.text));
	assert(utf8_text_columns(row.text, row.bytes) < editor.columns);
	for (size_t i = 0; i < row.bytes; i++)
		assert((u8)row.text[i] >= 0x20 && row.text[i] != 0x7f);
}

static void finish(void)
{
	char error[SHELL_PARSE_ERROR_MAX];

	for (const char *line = editor.text; *line;) {
		if (shell_split(&line, &words, error) != OK)
			break;
	}
	line_history_add(&history, editor.text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned columns = size ? data[0] : 80;

	line_history_init(&history);
	line_editor_init(&editor, &history);
	line_editor_begin(&editor, "solera # ", columns);
	for (size_t i = 1; i < size; i++) {
		enum line_event event = line_editor_feed(&editor, data[i]);

		check();
		if (event == LINE_NONE || event == LINE_COMPLETE || event == LINE_CLEAR)
			continue;
		if (event == LINE_DONE)
			finish();
		line_editor_begin(&editor, "> ", columns);
	}
	return 0;
}

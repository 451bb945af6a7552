/* SPDX-License-Identifier: MIT */
/* LINK: hv/shell/line_editor.c hv/shell/line_keys.c hv/shell/history.c hv/lib/utf8.c hv/lib/string.c hv/lib/test/log_stderr.c hv/lib/format.c */
/* The line editor by its keys: what stands in the line, where the cursor is, what the row shows. */
#include "hv/lib/string.h"
#include "hv/lib/test/unit.h"
#include "hv/lib/utf8.h"
#include "hv/shell/line_editor.h"

static struct line_editor editor;
static struct line_history history;
static struct line_row row;

static enum line_event type(const char *keys)
{
	enum line_event event = LINE_NONE;

	for (; *keys; keys++)
		event = line_editor_feed(&editor, (u8)*keys);
	return event;
}

static void fresh(void)
{
	line_history_init(&history);
	line_editor_init(&editor, &history);
	line_editor_begin(&editor, "$ ", 40);
}

START_TEST(keys)
{
	/* keys, text, byte offset of the cursor */
	static const struct { const char *keys, *text; size_t cursor; } rows[] = {
		{ "abc", "abc", 3 },
		{ "abc\x1b[DX", "abXc", 3 },                   /* left */
		{ "abc\x1b[D\x1b[D\x1b[C-", "ab-c", 3 },       /* right */
		{ "abc\x1b[HX\x1b[FY", "XabcY", 5 },           /* Home, End as xterm */
		{ "abc\x1b[1~X\x1b[4~Y", "XabcY", 5 },         /* as VT220 */
		{ "abc\x1bOHX\x1bOFY", "XabcY", 5 },           /* application mode */
		{ "abc\x01X\x05Y", "XabcY", 5 },               /* Ctrl-A, Ctrl-E */
		{ "abc\x01\x1b[3~", "bc", 0 },                 /* Delete */
		{ "abc\x01\x04", "bc", 0 },                    /* Ctrl-D in a line */
		{ "abc\x7f\x08", "a", 1 },                     /* both backspaces */
		{ "abc def\x17", "abc ", 4 },                  /* Ctrl-W */
		{ "abc def  \x17", "abc ", 4 },
		{ "abc def\x15", "", 0 },                      /* Ctrl-U */
		{ "abc\x02\x0b", "ab", 2 },                    /* Ctrl-B, Ctrl-K */
		{ "one two\x1b" "bX", "one Xtwo", 5 },         /* Alt-b */
		{ "one two\x1b[1;5DX", "one Xtwo", 5 },        /* Ctrl-left */
		{ "one two\x01\x1b" "d", " two", 0 },          /* Alt-d */
		{ "one-two\x1b\x7f", "one-", 4 },              /* Alt-Backspace */
		{ "\xc3\xa9\xe4\xb8\xad\x7f", "\xc3\xa9", 2 }, /* a wide character goes as one */
		{ "e\xcc\x81x\x1b[D\x1b[D!", "!e\xcc\x81x", 1 }, /* a mark moves with its letter */
		{ "a\xff\xfe\x80" "b", "ab", 2 },              /* what is no UTF-8 is dropped */
		{ "a\xe4\xb8" "b", "ab", 2 },                  /* a cut-off sequence too */
		{ "a\xc2\x9b" "31mb", "a31mb", 5 },            /* CSI in the second control set */
		{ "a\x1b[31mb\x1b]0;title\x07" "c", "abc", 3 }, /* what a terminal would answer or show */
		{ "a\x1b[99999999999999999999;1Zb", "ab", 2 },
		{ "a\x1bP\x1b\\b", "ab", 2 },
		{ "a\x1b[[Ab", "ab", 2 },                      /* F1 of the Linux console */
		{ "a\x02\x02\x02\x1b[D", "a", 0 },             /* at the edges nothing happens */
		{ "a\x1b[C\x1b[3~\x0b", "a", 1 },
		{ "\x7f\x17\x15\x0b", "", 0 },
		{ "\x1b[200~a\tb\x1b[201~", "a\tb", 3 },       /* Tab in a paste */
		{ "a\x01\x02\x03", "a", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh();
		type(rows[i].keys);
		ck_assert_msg(string_equal(editor.text, rows[i].text), "row %zu: '%s'", i, editor.text);
		ck_assert_msg(editor.cursor == rows[i].cursor, "row %zu: cursor %zu", i, editor.cursor);
		ck_assert_uint_eq(strlen(editor.text), editor.length);
	}
}
END_TEST

START_TEST(events)
{
	fresh();
	ck_assert_int_eq(type("a\r"), LINE_DONE);
	line_editor_begin(&editor, "$ ", 40);
	ck_assert_int_eq(type("\n"), LINE_NONE); /* CR LF is one end */
	ck_assert_int_eq(type("b\n"), LINE_DONE);
	ck_assert_str_eq(editor.text, "b");
	line_editor_begin(&editor, "$ ", 40);
	ck_assert_int_eq(type("\n"), LINE_DONE); /* LF LF is two */
	ck_assert_int_eq(type("x\x03"), LINE_INTERRUPT);
	fresh();
	ck_assert_int_eq(type("\x04"), LINE_END);
	ck_assert_int_eq(type("he\t"), LINE_COMPLETE);
	ck_assert_int_eq(type("\x0c"), LINE_CLEAR);
	fresh();
	ck_assert_int_eq(type("a\x1b\r"), LINE_DONE); /* an escape that was cut off does not swallow Enter */
	ck_assert_int_eq(type("\x1b]\x1b[12\r"), LINE_DONE);
	ck_assert_int_eq(type("\x1b]0;never ended\r"), LINE_DONE);
}
END_TEST

START_TEST(long_lines_are_refused_whole)
{
	fresh();
	for (unsigned i = 0; i < LINE_MAX_BYTES; i++)
		ck_assert_int_eq(line_editor_feed(&editor, 'x'), LINE_NONE);
	ck_assert_int_eq(type("\r"), LINE_DONE);
	ck_assert_uint_eq(editor.length, LINE_MAX_BYTES);
	line_editor_begin(&editor, "$ ", 40);
	for (unsigned i = 0; i < 65536; i++)
		ck_assert_int_eq(line_editor_feed(&editor, 'x'), LINE_NONE);
	line_editor_draw(&editor, &row);
	ck_assert_int_eq(type("\r"), LINE_TOO_LONG);
	ck_assert_str_eq(editor.text, "");
	line_editor_begin(&editor, "$ ", 40);
	ck_assert_int_eq(type("ok\r"), LINE_DONE);
	ck_assert_str_eq(editor.text, "ok");
}
END_TEST

START_TEST(history_goes_up_and_down_and_keeps_the_draft)
{
	fresh();
	line_history_add(&history, "first");
	line_history_add(&history, "second");
	line_history_add(&history, "second");
	line_history_add(&history, "");
	ck_assert_uint_eq(history.count, 2);
	type("dra\x1b[A");
	ck_assert_str_eq(editor.text, "second");
	type("\x10");
	ck_assert_str_eq(editor.text, "first");
	type("\x1b[A\x1b[A"); /* none older */
	ck_assert_str_eq(editor.text, "first");
	type("!\x1b[B\x0e");
	ck_assert_str_eq(editor.text, "dra");
	type("\x1b[B");
	ck_assert_str_eq(editor.text, "dra");
}
END_TEST

START_TEST(history_is_bounded)
{
	static char line[LINE_HISTORY_BYTES / 4 + 1];

	line_history_init(&history);
	memset(line, 'a', sizeof(line) - 1);
	line_history_add(&history, line); /* too long to keep */
	ck_assert_uint_eq(history.count, 0);
	line[1000] = '\0';
	for (unsigned i = 0; i < 100; i++) {
		line[0] = (char)('A' + i % 26);
		line_history_add(&history, line);
		ck_assert_uint_le(history.used, LINE_HISTORY_BYTES);
		ck_assert_str_eq(line_history_get(&history, 1), line);
	}
	ck_assert_uint_eq(history.count, 8);
	ck_assert_uint_eq(history.first_number, 93);
	ck_assert_ptr_null(line_history_get(&history, 9));
	ck_assert_ptr_null(line_history_get(&history, 0));
}
END_TEST

static void expect_row(const char *text, unsigned back)
{
	line_editor_draw(&editor, &row);
	ck_assert_uint_le(row.bytes, sizeof(row.text));
	ck_assert_msg(row.bytes == strlen(text) && !memcmp(row.text, text, row.bytes), "row '%.*s'", (int)row.bytes,
		      row.text);
	ck_assert_uint_eq(row.back_columns, back);
}

START_TEST(rows)
{
	fresh();
	expect_row("$ ", 0);
	type("abc\x1b[D\x1b[D");
	expect_row("$ abc", 2);
	type("\x15\x0b\xe4\xb8\xad\xe6\x96\x87\x1b[D");
	expect_row("$ \xe4\xb8\xad\xe6\x96\x87", 2); /* a wide character is two columns */
	fresh();
	type("a\tb");
	editor.literal_tabs = true;
	type("\t");
	editor.literal_tabs = false;
	expect_row("$ ab ", 0); /* Tab shows as one blank */
}
END_TEST

START_TEST(rows_never_exceed_the_terminal)
{
	fresh();
	for (unsigned i = 0; i < 300; i++) {
		size_t columns;

		type(i % 7 ? "x" : "\xe4\xb8\xad");
		if (i % 50 == 49)
			type("\x1b[D\x1b[D\x1b[D");
		line_editor_draw(&editor, &row);
		columns = utf8_text_columns(row.text, row.bytes);
		ck_assert_uint_le(columns, 39);
		ck_assert_uint_le(row.back_columns, columns - 2);
	}
	type("\x01");
	line_editor_draw(&editor, &row);
	ck_assert_uint_eq(editor.view, 0);
	type("\x05");
	line_editor_draw(&editor, &row);
	ck_assert_uint_eq(row.back_columns, 0);
	ck_assert_int_eq(row.text[2], '<');
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("line editor");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, keys);
	tcase_add_test(tests, events);
	tcase_add_test(tests, long_lines_are_refused_whole);
	tcase_add_test(tests, history_goes_up_and_down_and_keeps_the_draft);
	tcase_add_test(tests, history_is_bounded);
	tcase_add_test(tests, rows);
	tcase_add_test(tests, rows_never_exceed_the_terminal);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/shell/text_editor.c hv/shell/text_buffer.c hv/shell/text_keys.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* The full-screen editor by its keys: what becomes of the text, where the cursor is, what the rows show. */
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/lib/test/unit.h"
#include "hv/lib/utf8.h"
#include "hv/shell/text_editor.h"

static struct text_editor editor;
static char row[EDITOR_ROW_BYTES + 1];

static enum editor_event type(const char *keys)
{
	enum editor_event event = EDITOR_NONE;

	for (; *keys; keys++)
		event = text_editor_feed(&editor, (u8)*keys);
	return event;
}

static void fresh(const char *text)
{
	text_editor_release(&editor);
	ck_assert_int_eq(text_editor_init(&editor, "a.xml", text, strlen(text)), OK);
	text_editor_resize(&editor, 8, 20);
}

static const char *shown(unsigned number)
{
	text_editor_prepare(&editor);
	row[text_editor_row(&editor, number, row)] = '\0';
	return row;
}

#define UP "\x1b[A"
#define DOWN "\x1b[B"
#define RIGHT "\x1b[C"
#define LEFT "\x1b[D"
#define PAGE_UP "\x1b[5~"
#define PAGE_DOWN "\x1b[6~"

START_TEST(keys_change_the_text)
{
	static const struct { const char *before, *keys, *after; size_t cursor; } rows[] = {
		{ "ab\ncd\n", "x", "xab\ncd\n", 1 },
		{ "ab\ncd\n", RIGHT "\r", "a\nb\ncd\n", 2 },               /* a line is split */
		{ "ab\ncd\n", RIGHT "\r\n", "a\nb\ncd\n", 2 },             /* CR LF is one end of a line */
		{ "ab\ncd\n", RIGHT "\n\n", "a\n\nb\ncd\n", 3 },
		{ "ab\ncd\n", "\x1b[F\x1b[3~", "abcd\n", 2 },              /* End, Delete: lines are joined */
		{ "ab\ncd\n", DOWN "\x7f", "abcd\n", 2 },                  /* Backspace at a line's start */
		{ "ab\ncd\n", "\x7f", "ab\ncd\n", 0 },
		{ "ab", "\x1b[1;5F\x1b[3~", "ab", 2 },                     /* Delete at the very end */
		{ "ab\ncd\n", "\x0b", "\ncd\n", 0 },                       /* Ctrl-K: the line's rest, then its end */
		{ "ab\ncd\n", "\x0b\x0b", "cd\n", 0 },
		{ "ab\ncd\n", RIGHT "\x15", "cd\n", 0 },                   /* Ctrl-U: the line */
		{ "ab\ncd", DOWN "\x15\x15", "ab\n", 3 },
		{ "ab\ncd\n", DOWN RIGHT UP "x", "axb\ncd\n", 2 },
		{ "abcd\nx\nefgh\n", "\x1b[F" DOWN DOWN "-", "abcd\nx\nefgh-\n", 12 }, /* the column is remembered */
		{ "abcd\n\nefgh\n", RIGHT RIGHT DOWN DOWN "-", "abcd\n\nef-gh\n", 9 },
		{ "\tx\n12345678y\n", RIGHT DOWN "-", "\tx\n12345678-y\n", 12 }, /* a tab reaches to column 8 */
		{ "ab\ncd\n", "\x1b[1;5Fx", "ab\ncd\nx", 7 },              /* Ctrl-End */
		{ "ab\ncd\n", "\x1b[1;5F\x1b[1;5Hx", "xab\ncd\n", 1 },     /* Ctrl-Home */
		{ "ab\n", "\x1bOFx\x1bOHy", "yabx\n", 1 },                 /* End and Home in the other mode */
		{ "ab\n", "\x1b[4~x\x1b[1~y", "yabx\n", 1 },
		{ "a\xc3\xa9z", RIGHT RIGHT "\x7f", "az", 1 },             /* characters of two bytes */
		{ "az", RIGHT "\xc3\xa9", "a\xc3\xa9z", 3 },
		{ "e\xcc\x81z", RIGHT "\x7f", "z", 0 },                    /* a letter and its accent are one */
		{ "az", "\xc3q\xff\x80", "qaz", 1 },                       /* malformed bytes are none */
		{ "az", "\xc2\x9b", "az", 0 },                             /* a control character of the second set */
		{ "az", "\x1b[200~a\rb\tc\x13\x1b[201~", "a\nb\tcaz", 5 }, /* a paste is text */
		{ "az", "\x1b[9999999999;1;1~\x1b[<0;1;1M\x1b[[A\x1bOPx", "xaz", 1 }, /* sequences that mean nothing */
		{ "1\n2\n3\n4\n5\n6\n7\n8\n9\n", PAGE_DOWN "x", "1\n2\n3\n4\nx5\n6\n7\n8\n9\n", 9 },
		{ "1\n2\n3\n4\n5\n6\n7\n8\n9\n", PAGE_DOWN PAGE_DOWN PAGE_DOWN "x", "1\n2\n3\n4\n5\n6\n7\n8\n9\nx", 19 },
		{ "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "\x1b[1;5F" PAGE_UP "x", "1\n2\n3\n4\n5\nx6\n7\n8\n9\n", 11 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh(rows[i].before);
		ck_assert_int_eq(type(rows[i].keys), EDITOR_NONE);
		ck_assert_msg(string_equal(editor.text.bytes, rows[i].after), "row %u: '%s'", i, editor.text.bytes);
		ck_assert_msg(editor.text.cursor == rows[i].cursor, "row %u: cursor at %zu", i, editor.text.cursor);
		ck_assert_msg(editor.changed == !string_equal(rows[i].before, rows[i].after), "row %u", i);
	}
}
END_TEST

START_TEST(events)
{
	static const struct { const char *keys; enum editor_event event; } rows[] = {
		{ "\x13", EDITOR_SAVE }, { "\x0f", EDITOR_SAVE }, { "\x1bOQ", EDITOR_SAVE }, { "\x1b[12~", EDITOR_SAVE },
		{ "\x1b[[B", EDITOR_SAVE },
		{ "\x18", EDITOR_LEAVE }, { "\x11", EDITOR_LEAVE },
		{ "x\x18", EDITOR_NONE },                  /* asked first */
		{ "x\x18n", EDITOR_LEAVE }, { "x\x18y", EDITOR_SAVE_AND_LEAVE },
		{ "x\x18qz\rN", EDITOR_LEAVE },            /* what is no answer waits */
		{ "x\x18\x03y", EDITOR_NONE },             /* Ctrl-C: the y is text again */
		{ "\x0c", EDITOR_DRAW_ALL }, { "\x1b[50;132R", EDITOR_DRAW_ALL },
		{ "\x03", EDITOR_NONE },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh("ab\n");
		ck_assert_msg(type(rows[i].keys) == rows[i].event, "row %u", i);
	}
	fresh("");
	type("\x1b[50;132R");
	ck_assert_uint_eq(editor.rows, 50);
	ck_assert_uint_eq(editor.columns, 132);
	type("\x1b[1;1R");
	ck_assert_uint_eq(editor.rows, EDITOR_ROWS_MIN);
	ck_assert_uint_eq(editor.columns, EDITOR_COLUMNS_MIN);
	type("\x1b[9999;9999R");
	ck_assert_uint_eq(editor.rows, EDITOR_ROWS_MAX);
	ck_assert_uint_eq(editor.columns, EDITOR_COLUMNS_MAX);
}
END_TEST

START_TEST(rows)
{
	unsigned r, c;

	fresh("one\n\ttwo\nthree is a line that is long\n4\n5\n6\n7");
	text_editor_resize(&editor, 8, 40);
	ck_assert_str_eq(shown(0), "a.xml: line 1 of 7, column 1");
	ck_assert_str_eq(shown(1), "one");
	ck_assert_str_eq(shown(2), "        two");
	ck_assert_str_eq(shown(5), "5");
	ck_assert_str_eq(shown(6), "");
	ck_assert_str_eq(shown(7), "Ctrl-S save  Ctrl-X leave  Ctrl-K cut t");
	type(DOWN RIGHT "x");
	ck_assert_str_eq(shown(0), "a.xml (changed): line 2 of 7, column 10");
	text_editor_cursor(&editor, &r, &c);
	ck_assert_uint_eq(r, 2);
	ck_assert_uint_eq(c, 9);
	type("\x1b[1;5F"); /* the last line: rows scroll, no more than needed */
	ck_assert_str_eq(shown(1), "three is a line that is long");
	ck_assert_str_eq(shown(5), "7");
	type(UP UP UP UP UP UP);
	ck_assert_str_eq(shown(1), "one");
	text_editor_resize(&editor, 8, 20);
	type(DOWN DOWN "\x1b[F");
	ck_assert_str_eq(shown(3), "at is long"); /* scrolled sideways, with the cursor in sight */
	text_editor_cursor(&editor, &r, &c);
	ck_assert_uint_eq(c, 10);
	ck_assert_str_eq(shown(1), "");
	type("\x1b[H");
	ck_assert_str_eq(shown(3), "three is a line that");
}
END_TEST

START_TEST(a_refusal_shows_its_line)
{
	fresh("1\n2\n3\n");
	type("x\x13");
	text_editor_refused(&editor, "a.xml:3: <nome>: not supported\x1b", 3);
	ck_assert_uint_eq(editor.text.cursor, 5);
	ck_assert(editor.changed);
	ck_assert_str_eq(shown(6), "a.xml:3: <nome>: no");
	ck_assert_str_eq(shown(7), "t supported?");
	text_editor_refused(&editor, "a.xml:99: no", 99);
	ck_assert_uint_eq(editor.text.cursor, 7);
	type("y");
	ck_assert_str_eq(shown(6), "");
	text_editor_saved(&editor, "Saved.");
	ck_assert_str_eq(shown(6), "Saved.");
	ck_assert_int_eq(type("\x18"), EDITOR_LEAVE);
}
END_TEST

START_TEST(terminals_are_never_commanded)
{
	fresh("a\x1b[2Jb\x07\x7f\xc2\x9b\n\xff\xe4\xb8\xad");
	ck_assert_str_eq(shown(1), "a?[2Jb???");
	ck_assert_str_eq(shown(2), "?\xe4\xb8\xad");
}
END_TEST

START_TEST(the_length_is_bounded)
{
	static char large[TEXT_MAX_BYTES + 2];

	memset(large, 'a', TEXT_MAX_BYTES + 1);
	ck_assert_int_eq(text_editor_init(&editor, "a.xml", large, TEXT_MAX_BYTES + 1), ERR_FULL);
	ck_assert_int_eq(text_editor_init(&editor, "a.xml", large, TEXT_MAX_BYTES), OK);
	type("x");
	ck_assert_uint_eq(editor.text.length, TEXT_MAX_BYTES);
	ck_assert(!editor.changed);
	text_editor_release(&editor);
}
END_TEST

static void teardown(void)
{
	text_editor_release(&editor);
}

Suite *test_suite(void)
{
	Suite *suite = suite_create("text editor");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, keys_change_the_text);
	tcase_add_test(tests, events);
	tcase_add_test(tests, rows);
	tcase_add_test(tests, a_refusal_shows_its_line);
	tcase_add_test(tests, terminals_are_never_commanded);
	tcase_add_test(tests, the_length_is_bounded);
	suite_add_tcase(suite, tests);
	return suite;
}

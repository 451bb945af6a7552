/* SPDX-License-Identifier: MIT */
/* LINK: drivers/terminal.c drivers/terminal_escape.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* The terminal emulator: what a small screen shows after some bytes. */
#include <string.h>
#include "drivers/terminal.h"
#include "hv/lib/test/unit.h"
#include "hv/lib/utf8.h"

static struct terminal terminal;
static char shown[4096];
static char replies[64];

static void reply(void *context, const char *bytes, size_t count)
{
	(void)context;
	strncat(replies, bytes, count);
}

/* The screen's rows without blanks at their ends, with '/' between them; empty rows at the bottom are left out. */
static const char *screen(void)
{
	size_t used = 0, kept = 0;

	for (unsigned row = 0; row < terminal.rows; row++) {
		size_t end;

		if (row)
			shown[used++] = '/';
		end = used;
		for (unsigned column = 0; column < terminal.columns; column++) {
			struct terminal_cell cell = terminal_cell_at(&terminal, row, column);

			if (cell.flags & CELL_WIDE_RIGHT)
				continue;
			used += utf8_encode(cell.character, shown + used);
			if (cell.character != ' ')
				end = kept = used;
		}
		used = end;
	}
	shown[kept] = '\0';
	return shown;
}

START_TEST(screens)
{
	static const struct { const char *bytes, *screen; unsigned row, column; } rows[] = {
		{ "ab\r\ncd", "ab/cd", 1, 2 },
		{ "ab\ncd", "ab/  cd", 1, 4 },
		{ "0123456789", "0123456789", 0, 9 },          /* the wrap waits for the next character */
		{ "0123456789\r\nx", "0123456789/x", 1, 1 },
		{ "0123456789x", "0123456789/x", 1, 1 },
		{ "\x1b[?7l0123456789x", "012345678x", 0, 9 },
		{ "a\r\nb\r\nc\r\nd\r\ne", "b/c/d/e", 3, 1 },
		{ "a\tb", "a       b", 0, 9 },
		{ "abc\b\bX", "aXc", 0, 2 },
		{ "abc\x1b[2DX", "aXc", 0, 2 },
		{ "abc\x1b[99D\x1b[99A\x1b[99BX", "abc///X", 3, 1 },
		{ "\x1b[2;3HX\x1b[HY\x1b[99;99HZ", "Y/  X//         Z", 3, 9 },
		{ "abc\x1b[2G\x1b[K", "a", 0, 1 },
		{ "abc\x1b[2G\x1b[1K", "  c", 0, 1 },
		{ "abc\x1b[2K", "", 0, 3 },
		{ "ab\r\ncd\r\nef\x1b[2;2H\x1b[J", "ab/c", 1, 1 },
		{ "ab\r\ncd\r\nef\x1b[2;1H\x1b[1J", "/ d/ef", 1, 0 },
		{ "ab\r\ncd\x1b[2J", "", 1, 2 },
		{ "abcd\x1b[2G\x1b[2P", "ad", 0, 1 },
		{ "abcd\x1b[2G\x1b[2@", "a  bcd", 0, 1 },
		{ "abcd\x1b[2G\x1b[2X", "a  d", 0, 1 },
		{ "abcd\x1b[2G\x1b[4hXY\x1b[4lZ", "aXYZcd", 0, 4 },
		{ "a\r\nb\r\nc\x1b[2;1H\x1b[L", "a//b/c", 1, 0 },
		{ "a\r\nb\r\nc\x1b[1;1H\x1b[M", "b/c", 0, 0 },
		{ "a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[3;1H\n", "a/c//d", 2, 0 }, /* only the region scrolls */
		{ "a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[2;1H\x1bM", "a//b/d", 1, 0 },
		{ "ab\x1b[s\r\ncd\x1b[uX", "abX/cd", 0, 3 },
		{ "ab\x1b" "7\r\ncd\x1b" "8X", "abX/cd", 0, 3 },
		{ "ab\x1b]0;title\x07" "c\x1b]0;title\x1b\\d", "abcd", 0, 4 },
		{ "a\x1b[>1;2;3cb\x1b[!pc\x1b=d", "abcd", 0, 4 },  /* unknown ones are skipped */
		{ "\x1b(0lqk\x1b(Blqk", "\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90lqk", 0, 6 },
		{ "\x1b)0\x0elq\x0flq", "\xe2\x94\x8c\xe2\x94\x80lq", 0, 4 },
		{ "\xc3\xa1\xe4\xb8\xad" "b", "\xc3\xa1\xe4\xb8\xad" "b", 0, 4 },
		{ "a\xff" "b\xc3" "c", "a\xef\xbf\xbd" "b\xef\xbf\xbd" "c", 0, 5 },
		{ "012345678\xe4\xb8\xad", "012345678/\xe4\xb8\xad", 1, 2 }, /* a wide one does not stand half */
		{ "\xf0\x9f\x98\x80", "\xef\xbf\xbd", 0, 2 },
		{ "abc\x1b" "c", "", 0, 0 },
		{ "a\x1b[\x18" "b", "ab", 0, 2 },
		{ "a\x1b[?1049hb\x1b[?1049l", "", 0, 0 },
		{ "\x1b[3Sa\x1b[9999Sb", " b", 0, 2 },
		{ "a\x1b[9999Tb", " b", 0, 2 },
		{ "a\x1b[1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8;9mb", "ab", 0, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned row, column;

		terminal_init(&terminal, 10, 4);
		terminal_write(&terminal, rows[i].bytes, strlen(rows[i].bytes));
		ck_assert_msg(!strcmp(screen(), rows[i].screen), "row %zu: '%s'", i, shown);
		ck_assert(terminal_cursor(&terminal, &row, &column));
		ck_assert_msg(row == rows[i].row && column == rows[i].column, "row %zu: cursor %u %u", i, row, column);
	}
}
END_TEST

START_TEST(colours)
{
	static const struct { const char *bytes; u8 colours, flags; } rows[] = {
		{ "x", 0x07, 0 },
		{ "\x1b[31;44mx", 0x41, 0 },
		{ "\x1b[1;4;7mx", 0x07, CELL_BOLD | CELL_UNDERLINE | CELL_INVERSE },
		{ "\x1b[1;4;7;22;24;27mx", 0x07, 0 },
		{ "\x1b[31m\x1b[mx", 0x07, 0 },
		{ "\x1b[91;104;39mx", 0xc7, 0 },
		{ "\x1b[38;5;196mx", 0x09, 0 },
		{ "\x1b[48;5;244;32mx", 0x72, 0 },
		{ "\x1b[38;2;0;255;0;4mx", 0x0a, CELL_UNDERLINE },
		{ "\x1b[38mx", 0x07, 0 },
		{ "\x1b[38;5mx", 0x00, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct terminal_cell cell;

		terminal_init(&terminal, 10, 4);
		terminal_write(&terminal, rows[i].bytes, strlen(rows[i].bytes));
		cell = terminal_cell_at(&terminal, 0, 0);
		ck_assert_int_eq(cell.character, 'x');
		ck_assert_msg(cell.colours == rows[i].colours && cell.flags == rows[i].flags, "row %zu: %x %x", i,
			      cell.colours, cell.flags);
	}
}
END_TEST

START_TEST(looking_back)
{
	unsigned row, column;

	terminal_init(&terminal, 10, 2);
	terminal_write(&terminal, "a\r\nb\r\nc\r\nd", 10);
	ck_assert_str_eq(screen(), "c/d");
	terminal_look(&terminal, 1);
	ck_assert_str_eq(screen(), "b/c");
	ck_assert(!terminal_cursor(&terminal, &row, &column));
	terminal_look(&terminal, 100);
	ck_assert_str_eq(screen(), "a/b");
	terminal_write(&terminal, "\r\ne", 3); /* the view stays where it is */
	ck_assert_str_eq(screen(), "a/b");
	terminal_look(&terminal, -100);
	ck_assert_str_eq(screen(), "d/e");
	for (unsigned i = 0; i < 3 * TERMINAL_LINES; i++)
		terminal_write(&terminal, "\r\nx", 3);
	terminal_look(&terminal, 1 << 20);
	ck_assert_uint_eq(terminal.look_back, TERMINAL_LINES - 2);
	ck_assert_str_eq(screen(), "x/x");
}
END_TEST

START_TEST(answers)
{
	terminal.reply = reply;
	terminal_init(&terminal, 10, 4);
	terminal_write(&terminal, "ab\r\nc\x1b[6n\x1b[5n\x1b[7n", 18);
	ck_assert_str_eq(replies, "\x1b[2;2R\x1b[0n");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("terminal");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, screens);
	tcase_add_test(tests, colours);
	tcase_add_test(tests, looking_back);
	tcase_add_test(tests, answers);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: boot/text.c boot/command_line.c */
#include <string.h>
#include "boot/command_line.h"
#include "boot/text.h"
#include "hv/lib/test/unit.h"

START_TEST(appending_stops_at_the_end)
{
	char buffer[6];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_append(&text, "abc");
	text_append(&text, "defg");
	ck_assert_str_eq(buffer, "abcde");
	text_append(&text, "x");
	ck_assert_str_eq(buffer, "abcde");
}
END_TEST

START_TEST(decimals)
{
	char buffer[DECIMAL_MAX];

	ck_assert_str_eq(decimal(0, buffer), "0");
	ck_assert_str_eq(decimal(1024, buffer), "1024");
	ck_assert_str_eq(decimal(~0ull, buffer), "18446744073709551615");
}
END_TEST

START_TEST(comparisons)
{
	ck_assert(text_equal("", "") && text_equal("ab", "ab"));
	ck_assert(!text_equal("ab", "abc") && !text_equal("abc", "ab") && !text_equal("a", "A"));
	ck_assert(text_equal_ignore_case("CmdLine.TXT", "cmdline.txt"));
	ck_assert(!text_equal_ignore_case("cmdline.txt2", "cmdline.txt"));
	ck_assert(!text_equal_ignore_case("[", "{"));
}
END_TEST

START_TEST(utf16_names)
{
	static const uint16_t plain[] = { 'a', 0xe4, 0x20ac, 0xd83d, 0xde00, 0, 'x' };
	static const uint16_t lone[] = { 0xd800, 'b', 0xdc00 };
	char to[16];

	ck_assert(utf16_to_utf8(plain, 7, to, sizeof(to)));
	ck_assert_str_eq(to, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	ck_assert(utf16_to_utf8(plain, 7, to, 11)); /* exactly its bytes and the NUL */
	ck_assert(!utf16_to_utf8(plain, 7, to, 10));
	ck_assert_str_eq(to, "");
	ck_assert(utf16_to_utf8(lone, 3, to, sizeof(to)));
	ck_assert_str_eq(to, "\xef\xbf\xbd" "b" "\xef\xbf\xbd");
}
END_TEST

START_TEST(utf8_well_formed_only)
{
	static const struct { const char *s; size_t length; } rows[] = {
		{ "a", 1 }, { "\xc3\xa4", 2 }, { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x98\x80", 4 }, { "\x80", 0 },
		{ "\xc0\x80", 0 }, { "\xc1\xbf", 0 }, { "\xe0\x80\x80", 0 }, { "\xed\xa0\x80", 0 }, { "\xf0\x80\x80\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 }, { "\xe2\x82", 0 }, { "\xc3", 0 }, { "\xff", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_uint_eq(utf8_sequence((const uint8_t *)rows[i].s, strlen(rows[i].s)), rows[i].length);
	ck_assert_uint_eq(utf8_sequence((const uint8_t *)"", 0), 0);
}
END_TEST

static unsigned int clean(const char *from, char *to)
{
	return command_line_clean((const uint8_t *)from, strlen(from), to);
}

START_TEST(command_line_is_one_clean_line)
{
	char to[COMMAND_LINE_MAX];

	ck_assert_uint_eq(clean("  a=1\tb\r\n\r\nc  \n", to), COMMAND_LINE_CLEAN);
	ck_assert_str_eq(to, "a=1 b c");
	ck_assert_uint_eq(clean("\xef\xbb\xbf" "first\n# remark \xff\n  # also\nx#y", to), COMMAND_LINE_CLEAN);
	ck_assert_str_eq(to, "first x#y");
	ck_assert_uint_eq(clean("", to), COMMAND_LINE_CLEAN);
	ck_assert_str_eq(to, "");
}
END_TEST

START_TEST(garbled_command_lines_are_named)
{
	static const uint8_t utf16[] = { 0xff, 0xfe, 'a', 0, 'b', 0 };
	static const uint8_t nul[] = { 'a', 0, 'b' };
	char to[COMMAND_LINE_MAX];

	ck_assert_uint_eq(clean("con\x01sole\xff=\x7fgr\xc3\xbcn", to), COMMAND_LINE_NOT_TEXT);
	ck_assert_str_eq(to, "console=gr\xc3\xbcn");
	ck_assert_uint_eq(command_line_clean(nul, sizeof(nul), to), COMMAND_LINE_NOT_TEXT);
	ck_assert_str_eq(to, "ab");
	ck_assert_uint_eq(command_line_clean(utf16, sizeof(utf16), to), COMMAND_LINE_UTF16);
	ck_assert_str_eq(to, "");
}
END_TEST

START_TEST(long_command_lines_are_cut_between_words)
{
	char from[COMMAND_LINE_MAX + 100], to[COMMAND_LINE_MAX];

	memset(from, 'x', sizeof(from));
	from[sizeof(from) - 1] = 0;
	from[4000] = ' ';
	ck_assert_uint_eq(clean(from, to), COMMAND_LINE_TOO_LONG);
	ck_assert_uint_eq(strlen(to), 4000);
	from[4000] = 'x';
	ck_assert_uint_eq(clean(from, to), COMMAND_LINE_TOO_LONG);
	ck_assert_uint_eq(strlen(to), 0);
	from[COMMAND_LINE_MAX - 1] = 0;
	ck_assert_uint_eq(clean(from, to), COMMAND_LINE_CLEAN);
	ck_assert_uint_eq(strlen(to), COMMAND_LINE_MAX - 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("boot text");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, appending_stops_at_the_end);
	tcase_add_test(tests, decimals);
	tcase_add_test(tests, comparisons);
	tcase_add_test(tests, utf16_names);
	tcase_add_test(tests, utf8_well_formed_only);
	tcase_add_test(tests, command_line_is_one_clean_line);
	tcase_add_test(tests, garbled_command_lines_are_named);
	tcase_add_test(tests, long_command_lines_are_cut_between_words);
	suite_add_tcase(suite, tests);
	return suite;
}

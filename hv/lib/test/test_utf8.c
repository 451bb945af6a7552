/* SPDX-License-Identifier: MIT */
/* LINK: hv/lib/utf8.c */
#include <string.h>
#include "hv/lib/test/unit.h"
#include "hv/lib/utf8.h"

START_TEST(every_character_comes_back)
{
	for (u32 character = 0; character < 0x110000; character++) {
		char bytes[4];
		unsigned length = utf8_encode(character, bytes);
		u32 back = 0;

		if (utf8_decode(bytes, 4, &back) != length || utf8_decode(bytes, length - 1, &back) != 0 ||
		    back != (character >= 0xd800 && character <= 0xdfff ? 0xfffd : character))
			ck_abort_msg("U+%X", character); /* not ck_assert: a million of those take minutes */
	}
}
END_TEST

START_TEST(malformed_is_refused)
{
	static const char *const rows[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
					    "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xc3("};
	u32 character;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(utf8_decode(rows[i], strlen(rows[i]), &character) == 0, "row %zu", i);
}
END_TEST

START_TEST(columns)
{
	ck_assert_uint_eq(utf8_text_columns("a\xc3\xa9\xe4\xb8\xad" "e\xcc\x81\xff", 10), 6);
	ck_assert_uint_eq(utf8_columns(0x2500), 1);
	ck_assert_uint_eq(utf8_columns(0x1f600), 2);
	ck_assert_uint_eq(utf8_columns(0x200d), 0);
}
END_TEST

START_TEST(graphemes)
{
	static const char text[] = "ae\xcc\x81\xe4\xb8\xad\xff";

	ck_assert_uint_eq(utf8_next(text, 8, 0), 1);
	ck_assert_uint_eq(utf8_next(text, 8, 1), 4);
	ck_assert_uint_eq(utf8_next(text, 8, 4), 7);
	ck_assert_uint_eq(utf8_next(text, 8, 7), 8);
	ck_assert_uint_eq(utf8_next(text, 8, 8), 8);
	ck_assert_uint_eq(utf8_previous(text, 8), 7);
	ck_assert_uint_eq(utf8_previous(text, 7), 4);
	ck_assert_uint_eq(utf8_previous(text, 4), 1);
	ck_assert_uint_eq(utf8_previous(text, 1), 0);
	ck_assert_uint_eq(utf8_previous(text, 0), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, every_character_comes_back);
	tcase_add_test(tests, malformed_is_refused);
	tcase_add_test(tests, columns);
	tcase_add_test(tests, graphemes);
	suite_add_tcase(suite, tests);
	return suite;
}

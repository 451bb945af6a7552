/* SPDX-License-Identifier: MIT */
/* LINK: hv/lib/string.c */
#include "hv/lib/test/unit.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

START_TEST(copy_cuts_and_terminates)
{
	char to[4];

	ck_assert_uint_eq(string_copy(to, "abcdef", sizeof(to)), 6);
	ck_assert_str_eq(to, "abc");
}
END_TEST

START_TEST(number_accepts_whole_strings_only)
{
	static const struct { const char *text; int code; u64 value; } rows[] = {
		{ "0", OK, 0 }, { "18446744073709551615", OK, ~(u64)0 }, { "0xFf", OK, 255 },
		{ "18446744073709551616", ERR_RANGE, 0 }, { "", ERR_INVALID, 0 }, { "0x", ERR_INVALID, 0 },
		{ "-1", ERR_INVALID, 0 }, { "1 ", ERR_INVALID, 0 }, { "12a", ERR_INVALID, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 value = 77;

		ck_assert_int_eq(string_to_u64(rows[i].text, &value), rows[i].code);
		ck_assert_uint_eq(value, rows[i].code == OK ? rows[i].value : 77);
	}
}
END_TEST

START_TEST(prefixes_and_case)
{
	ck_assert(string_starts_with("domain", "dom"));
	ck_assert(!string_starts_with("do", "dom"));
	ck_assert(string_equal_ignore_case("KiB", "kib"));
	ck_assert(!string_equal_ignore_case("KiB", "ki"));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("string");
	TCase *tcase = tcase_create("string");

	tcase_add_test(tcase, copy_cuts_and_terminates);
	tcase_add_test(tcase, number_accepts_whole_strings_only);
	tcase_add_test(tcase, prefixes_and_case);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/lib/format.c */
/* Our formatter against the C library's, format by format. */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include "hv/lib/format.h"

#define SAME(...)                                                                                                 \
	do {                                                                                                      \
		char ours[128], theirs[128];                                                                      \
		size_t n = format(ours, sizeof(ours), __VA_ARGS__);                                               \
		int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                            \
		ck_assert_str_eq(ours, theirs);                                                                   \
		ck_assert_int_eq((int)n, m);                                                                      \
	} while (0)

START_TEST(agrees_with_the_c_library)
{
	SAME("%d|%5d|%-5d|%05d|%+d|% d", -42, 42, 42, 42, 42, 42);
	SAME("%u %lu %llu %zu %hhu", 7u, 8ul, 9ull, (size_t)10, (unsigned char)11);
	SAME("%x %X %#x %08x %016lx", 0xbeefu, 0xbeefu, 0xbeefu, 0xbeefu, 0xbeeful);
	SAME("%s|%10s|%-10s|%.2s|%*s", "abc", "abc", "abc", "abc", 6, "abc");
	SAME("%c%%%5c", 'a', 'b');
	SAME("%.3d %8.3d", 7, 7);
	SAME("%lld", -9223372036854775807ll - 1);
}
END_TEST

START_TEST(cuts_and_counts)
{
	char text[5];

	ck_assert_uint_eq(format(text, sizeof(text), "%s", "abcdefgh"), 8);
	ck_assert_str_eq(text, "abcd");
	ck_assert_uint_eq(format(NULL, 0, "%d", 12345), 5);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("format");
	TCase *tcase = tcase_create("format");

	tcase_add_test(tcase, agrees_with_the_c_library);
	tcase_add_test(tcase, cuts_and_counts);
	suite_add_tcase(suite, tcase);
	return suite;
}

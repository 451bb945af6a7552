/* SPDX-License-Identifier: MIT */
/* LINK: hv/efi_time.c */
/* Firmware times, good and forged, against the C library's calendar. */
#include "hv/lib/test/unit.h"
#include "hv/efi_runtime.h"
#include "hv/lib/error.h"
#include <time.h>

START_TEST(agrees_with_the_c_library)
{
	for (unsigned year = 1970; year < 2200; year += 7)
		for (u8 month = 1; month <= 12; month++) {
			struct efi_time t = { year, month, 28, 23, 59, 58, 0, 7, 0x7ff, 0, 0 };
			struct tm tm = { .tm_year = (int)year - 1900, .tm_mon = month - 1, .tm_mday = 28, .tm_hour = 23,
					 .tm_min = 59, .tm_sec = 58 };
			u64 ns;

			ck_assert_int_eq(efi_time_to_ns(&t, &ns), OK);
			ck_assert_uint_eq(ns, (u64)timegm(&tm) * 1000000000ull + 7);
		}
}
END_TEST

START_TEST(zones_and_forged_values)
{
	struct efi_time t = { 2026, 11, 21, 1, 0, 0, 0, 0, -60, 0, 0 }; /* one hour east: UTC is an hour earlier */
	u64 east, utc, untouched = 5;

	ck_assert_int_eq(efi_time_to_ns(&t, &east), OK);
	t.timezone_minutes = 0;
	ck_assert_int_eq(efi_time_to_ns(&t, &utc), OK);
	ck_assert_uint_eq(utc - east, 3600ull * 1000000000ull);
	static const struct efi_time bad[] = {
		{ 2026, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 }, { 2026, 13, 1, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 2025, 2, 29, 0, 0, 0, 0, 0, 0, 0, 0 }, { 1969, 12, 31, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 2026, 1, 1, 24, 0, 0, 0, 0, 0, 0, 0 }, { 2026, 1, 1, 0, 0, 60, 0, 0, 0, 0, 0 },
		{ 2026, 1, 1, 0, 0, 0, 0, 1000000000, 0, 0, 0 }, { 2026, 1, 1, 0, 0, 0, 0, 0, 1500, 0, 0 },
		{ 1970, 1, 1, 0, 0, 0, 0, 0, -60, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(efi_time_to_ns(&bad[i], &untouched), ERR_INVALID);
	ck_assert_uint_eq(untouched, 5);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("efi_time");
	TCase *tcase = tcase_create("efi_time");

	tcase_add_test(tcase, agrees_with_the_c_library);
	tcase_add_test(tcase, zones_and_forged_values);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* SPDX-License-Identifier: MIT */
#include "hv/lib/stopwatch.h"
#include "hv/lib/test/unit.h"

#define LATE ((u64)1 << 62) /* a counter after decades */

START_TEST(sums_intervals)
{
	static const struct { u64 start, stop, sum; } rows[] = {
		{ 100, 100, 0 }, { 100, 101, 1 }, { 5000, 6000, 1001 }, { 7, 8, 1002 }, { LATE, LATE + 10, 1012 },
		{ 0, 1, 1013 },
	};
	struct stopwatch watch = { 0 };
	u64 before = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_uint_eq(stopwatch_read(&watch, rows[i].start), before);
		stopwatch_start(&watch, rows[i].start);
		ck_assert_uint_eq(stopwatch_read(&watch, rows[i].start), before);
		ck_assert_uint_eq(stopwatch_read(&watch, rows[i].stop), rows[i].sum);
		stopwatch_stop(&watch, rows[i].stop);
		before = rows[i].sum;
		ck_assert_uint_eq(stopwatch_read(&watch, 12345), before); /* it stands: the time does not matter */
	}
}
END_TEST

START_TEST(grows_while_it_runs)
{
	struct stopwatch watch = { 0 };

	stopwatch_start(&watch, 1000);
	for (u64 now = 1000; now < 1100; now++)
		ck_assert_uint_eq(stopwatch_read(&watch, now), now - 1000);
	stopwatch_stop(&watch, 1100);
	stopwatch_start(&watch, 9000);
	ck_assert_uint_eq(stopwatch_read(&watch, 9001), 101);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("stopwatch");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, sums_intervals);
	tcase_add_test(tests, grows_while_it_runs);
	suite_add_tcase(suite, tests);
	return suite;
}

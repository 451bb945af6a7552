/* SPDX-License-Identifier: MIT */
/* LINK: */
/* Rates with bursts. */
#include "hv/lib/test/unit.h"
#include "hv/lib/token_bucket.h"

#define SECOND TOKEN_BUCKET_SECOND_NS

/* How many units of `cost` go through in `seconds`, asked for without pause, after idling. */
static u64 used(u64 cost, u64 rate, u64 burst, u64 seconds)
{
	u64 now = 1000 * SECOND, end = now + seconds * SECOND, paid = 0, sum = 0;

	while (now < end) {
		if (paid <= now) {
			paid = token_bucket_pay(paid, now, cost, rate, burst);
			sum += cost;
		} else {
			now = paid;
		}
	}
	return sum;
}

START_TEST(rates)
{
	static const struct { u64 cost, rate, burst; } rows[] = {
		{ 1, 100, 0 }, { 1, 100, 500 }, { 4096, 1 << 20, 0 }, { 4096, 1 << 20, 4 << 20 }, { 1 << 20, 1 << 20, 0 }, { 3, 7, 1 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 saved = rows[i].burst ? rows[i].burst : rows[i].rate / 10, sum = used(rows[i].cost, rows[i].rate, rows[i].burst, 20);

		ck_assert_msg(sum >= rows[i].rate * 20 && sum <= rows[i].rate * 20 + saved + 2 * rows[i].cost, "row %u: %llu", i,
			      (unsigned long long)sum);
	}
}
END_TEST

START_TEST(ends_of_the_scale)
{
	ck_assert_uint_eq(token_bucket_pay(0, 5, 1, SECOND, 0), 1); /* less time has passed than could be saved */
	ck_assert_uint_eq(token_bucket_pay(0, SECOND, ~0ull, 1, 0), ~0ull);
	ck_assert_uint_eq(token_bucket_pay(~0ull, SECOND, 1, 1, 0), ~0ull);
	ck_assert_uint_eq(token_bucket_pay(0, 10 * SECOND, 0, 1, ~0ull), 0);
	ck_assert_uint_eq(token_bucket_pay(0, 10 * SECOND, SECOND, SECOND, 1), 11 * SECOND - 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("token_bucket");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, rates);
	tcase_add_test(tests, ends_of_the_scale);
	suite_add_tcase(suite, tests);
	return suite;
}

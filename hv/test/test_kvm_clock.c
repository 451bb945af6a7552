/* SPDX-License-Identifier: MIT */
/* LINK: hv/kvm_clock_scale.c */
#include "hv/clock.h"
#include "hv/kvm_clock.h"
#include "hv/lib/test/unit.h"

static const u64 frequencies[] = { 1, 100000000, 999999999, 1000000000, 1000000001, 1996000000, 2000000000, 2000000001, 3600000000, 5500000000 };

START_TEST(a_second_is_a_second)
{
	for (size_t i = 1; i < ARRAY_SIZE(frequencies); i++) {
		u32 multiplier;
		s8 shift;
		u64 ns;

		kvm_clock_scale(frequencies[i], &multiplier, &shift);
		ck_assert_uint_ge(multiplier, 0x7fffffff); /* all its bits are used */
		ns = kvm_clock_elapsed(frequencies[i], multiplier, shift);
		ck_assert_uint_le(ns, NS_PER_S + 8);
		ck_assert_uint_ge(ns, NS_PER_S - 8);
	}
}
END_TEST

START_TEST(it_never_goes_back)
{
	u32 multiplier;
	s8 shift;
	u64 last = 0;

	kvm_clock_scale(3600000000, &multiplier, &shift);
	for (u64 ticks = BIT64(50); ticks < BIT64(50) + 100000; ticks++) {
		u64 ns = kvm_clock_elapsed(ticks, multiplier, shift);

		ck_assert_uint_ge(ns, last);
		last = ns;
	}
}
END_TEST

START_TEST(no_clock_no_crash)
{
	u32 multiplier;
	s8 shift;

	kvm_clock_scale(0, &multiplier, &shift);
	ck_assert_uint_eq(multiplier, 0);
	ck_assert_uint_eq(kvm_clock_elapsed(12345, multiplier, shift), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("kvm_clock");
	TCase *cases = tcase_create("all");

	tcase_add_test(cases, a_second_is_a_second);
	tcase_add_test(cases, it_never_goes_back);
	tcase_add_test(cases, no_clock_no_crash);
	suite_add_tcase(suite, cases);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: arch/x86/tsc_bounds.c arch/x86/cpu_features.c hv/lib/format.c hv/lib/string.c hv/lib/utf8.c hv/watch.c */
/* What is checked of another CPU: its time-stamp counter, its features; and the watchdog's judgement. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "arch/x86/cpu_features.h"
#include "arch/x86/tsc_sync.h"
#include "hv/watchdog.h"

/* Any delays: the true offset is always inside, and an offset larger than the quickest round is found. */
START_TEST(bounds_contain_the_truth)
{
	static const s64 offsets[] = { 0, 1, -1, 5000, -5000, 1000000000, -1000000000 };

	srand(7);
	for (u32 o = 0; o < ARRAY_SIZE(offsets); o++) {
		struct tsc_bounds bounds = TSC_BOUNDS_UNKNOWN;
		u64 now = 10000000000ull, quickest = ~(u64)0;

		for (u32 round = 0; round < 32; round++) {
			u64 there = 40 + (u64)(rand() % 3000), back = 40 + (u64)(rand() % 3000);

			tsc_bounds_add(&bounds, now, now + there + (u64)offsets[o], now + there + back);
			quickest = there + back < quickest ? there + back : quickest;
			now += there + back + 10;
			ck_assert(bounds.least <= offsets[o] && offsets[o] <= bounds.most);
		}
		ck_assert_int_eq(tsc_bounds_agree(&bounds), bounds.least <= 0 && bounds.most >= 0);
		if ((u64)llabs(offsets[o]) > quickest) {
			ck_assert(!tsc_bounds_agree(&bounds));
			ck_assert((u64)llabs(tsc_bounds_middle(&bounds) - offsets[o]) <= quickest);
		}
		if (offsets[o] == 0) {
			ck_assert(tsc_bounds_agree(&bounds));
			ck_assert_int_eq(tsc_bounds_middle(&bounds), 0);
		}
	}
}
END_TEST

static u32 bit_to_lose, leaf_to_lose, own_state;

static struct cpuid_result everything(u32 leaf, u32 subleaf)
{
	struct cpuid_result result = { ~0u, ~0u, ~0u, ~0u };

	(void)subleaf;
	if (leaf == leaf_to_lose)
		result.ebx &= ~bit_to_lose;
	if (leaf == 1)
		result.ecx &= ~own_state;
	return result;
}

START_TEST(features_that_lack)
{
	struct cpu_features ours, theirs;
	char words[120];

	leaf_to_lose = bit_to_lose = own_state = 0;
	cpu_features_read(&ours, everything);
	ck_assert(!cpu_features_lack(&ours, &ours, words, sizeof(words)));
	leaf_to_lose = 7;
	bit_to_lose = BIT32(5);
	cpu_features_read(&theirs, everything);
	ck_assert(cpu_features_lack(&ours, &theirs, words, sizeof(words)));
	ck_assert_str_eq(words, "CPUID 7 EBX lacks bits 00000020 of the boot CPU's");
	/* More than we have is no matter. */
	ck_assert(!cpu_features_lack(&theirs, &ours, words, sizeof(words)));
	/* OSXSAVE shows what CR4 holds at the moment. */
	leaf_to_lose = bit_to_lose = 0;
	own_state = BIT32(27);
	cpu_features_read(&theirs, everything);
	ck_assert(!cpu_features_lack(&ours, &theirs, words, sizeof(words)));
}
END_TEST

START_TEST(a_neighbour_that_stands_still)
{
	struct watch watch = { 0 };

	ck_assert(!watch_look(&watch, 1, 5, 100, 10));
	ck_assert(!watch_look(&watch, 1, 5, 109, 10));
	ck_assert(watch_look(&watch, 1, 5, 110, 10));
	ck_assert_msg(!watch_look(&watch, 1, 5, 500, 10), "said once");
	ck_assert(!watch_look(&watch, 1, 6, 501, 10));
	ck_assert_msg(watch_look(&watch, 1, 6, 511, 10), "a second standstill is another one");
	ck_assert_msg(!watch_look(&watch, 2, 6, 600, 10), "another neighbour begins anew");
	ck_assert(!watch_look(&watch, 2, 6, 609, 10));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("smp_checks");
	TCase *tcase = tcase_create("smp_checks");

	tcase_add_test(tcase, bounds_contain_the_truth);
	tcase_add_test(tcase, features_that_lack);
	tcase_add_test(tcase, a_neighbour_that_stands_still);
	suite_add_tcase(suite, tcase);
	return suite;
}

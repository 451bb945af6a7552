/* SPDX-License-Identifier: MIT */
/* LINK: hv/msr_policy.c */
#include "hv/msr_policy.h"
#include "hv/lib/test/unit.h"

START_TEST(every_row_is_found_and_the_gaps_are_not)
{
	u32 previous_last = 0;
	unsigned rows = 0;

	for (u64 msr = 0; msr < 0x2000; msr++) {
		const struct msr_rule *rule = msr_policy_find((u32)msr);

		if (rule) {
			ck_assert_uint_ge(msr, rule->first);
			ck_assert_uint_le(msr, rule->last);
			if (msr == rule->first) {
				rows++;
				ck_assert(previous_last <= msr);
				previous_last = rule->last;
			}
		}
	}
	ck_assert_uint_gt(rows, 15);
	ck_assert(!msr_policy_find(0x2));
	ck_assert(!msr_policy_find(0x900));
	ck_assert(!msr_policy_find(0x7ff));
	ck_assert(!msr_policy_find(0x40000000));
	ck_assert(!msr_policy_find(0xc0010117)); /* VM_HSAVE_PA: the host's */
	ck_assert(!msr_policy_find(0xffffffff));
	ck_assert_uint_eq(msr_policy_find(0x8ff)->read, MSR_APIC);
	ck_assert_uint_eq(msr_policy_find(0x4b564d01)->write, MSR_KVM);
}
END_TEST

START_TEST(the_svm_map_opens_only_what_passes)
{
	static u8 map[MSR_MAP_SVM_BYTES];
	unsigned open = 0;

	msr_policy_fill_svm(map);
	for (unsigned i = 0; i < MSR_MAP_SVM_BYTES * 8; i++)
		open += !(map[i / 8] & (1u << (i % 8)));
	ck_assert_uint_eq(open, 2 * (3 + 4 + 3));
	ck_assert_uint_eq(map[0x800 + 0x100 / 4] & 0x3f, 0);                 /* FS, GS, kernel GS base */
	ck_assert_uint_eq(map[0x800 + 0x100 / 4] & 0xc0, 0xc0);              /* TSC_AUX */
	ck_assert_uint_eq(map[0x800 + 0x80 / 4], 0x03);                      /* EFER closed, STAR… open */
	ck_assert_uint_eq(map[0x174 / 4], 0xc0);
}
END_TEST

START_TEST(values_are_checked)
{
	ck_assert(msr_pat_valid(0x0007040600070406));
	ck_assert(!msr_pat_valid(0x0007040600070402));
	ck_assert(!msr_pat_valid(0x8000000000000000));
	ck_assert(msr_mtrr_valid(0x2ff, 0xc06, 40));
	ck_assert(!msr_mtrr_valid(0x2ff, 0x1c06, 40));
	ck_assert(msr_mtrr_valid(0x201, 0xffc0000800, 40));
	ck_assert(!msr_mtrr_valid(0x201, 0x1ffc0000800, 40));
	ck_assert(!msr_mtrr_valid(0x200, 0x2, 40));
	ck_assert(msr_mtrr_valid(0x250, 0x0606060606060606, 40));
	ck_assert(!msr_mtrr_valid(0x250, 0x0606060306060606, 40));
	ck_assert(address_is_canonical(0x00007fffffffffff, 48));
	ck_assert(!address_is_canonical(0x0000800000000000, 48));
	ck_assert(address_is_canonical(0xffff800000000000, 48));
	ck_assert(address_is_canonical(0x0000800000000000, 57));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("msr_policy");
	TCase *cases = tcase_create("all");

	tcase_add_test(cases, every_row_is_found_and_the_gaps_are_not);
	tcase_add_test(cases, the_svm_map_opens_only_what_passes);
	tcase_add_test(cases, values_are_checked);
	suite_add_tcase(suite, cases);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* Sets of CPUs, at the edges of their words. */
#include "hv/lib/test/unit.h"
#include "hv/lib/cpu_mask.h"

START_TEST(next_walks_all_members)
{
	static const u32 members[] = { 0, 1, 63, 64, 127, 128, 200, 255 };
	struct cpu_mask mask = { { 0 } };
	u32 seen = 0;

	ck_assert(cpu_mask_empty(&mask));
	ck_assert_uint_eq(cpu_mask_next(&mask, 0), CPU_MAX);
	for (u32 i = 0; i < ARRAY_SIZE(members); i++)
		cpu_mask_set(&mask, members[i]);
	CPU_MASK_FOR_EACH(cpu, &mask)
		ck_assert_uint_eq(cpu, members[seen++]);
	ck_assert_uint_eq(seen, ARRAY_SIZE(members));
	ck_assert_uint_eq(cpu_mask_count(&mask), ARRAY_SIZE(members));
	ck_assert_uint_eq(cpu_mask_next(&mask, 129), 200);
	ck_assert_uint_eq(cpu_mask_next(&mask, 256), CPU_MAX);
}
END_TEST

START_TEST(has_refuses_what_cannot_be)
{
	struct cpu_mask all = CPU_MASK_ALL;

	ck_assert(cpu_mask_has(&all, 0));
	ck_assert(cpu_mask_has(&all, CPU_MAX - 1));
	ck_assert(!cpu_mask_has(&all, CPU_MAX));
	ck_assert(!cpu_mask_has(&all, ~0u));
}
END_TEST

START_TEST(intersection_and_changes)
{
	struct cpu_mask a = cpu_mask_of(70), b = CPU_MASK_ALL, both;

	cpu_mask_clear(&b, 71);
	both = cpu_mask_and(&a, &b);
	ck_assert(cpu_mask_has(&both, 70) && cpu_mask_count(&both) == 1);
	cpu_mask_clear(&b, 70);
	both = cpu_mask_and(&a, &b);
	ck_assert(cpu_mask_empty(&both));
}
END_TEST

START_TEST(atomic_changes_tell_who_made_them)
{
	struct cpu_mask mask = { { 0 } };

	ck_assert(cpu_mask_set_atomic(&mask, 65));
	ck_assert(!cpu_mask_set_atomic(&mask, 65));
	ck_assert(cpu_mask_clear_atomic(&mask, 65));
	ck_assert(!cpu_mask_clear_atomic(&mask, 65));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("cpu_mask");
	TCase *tcase = tcase_create("cpu_mask");

	tcase_add_test(tcase, next_walks_all_members);
	tcase_add_test(tcase, has_refuses_what_cannot_be);
	tcase_add_test(tcase, intersection_and_changes);
	tcase_add_test(tcase, atomic_changes_tell_who_made_them);
	suite_add_tcase(suite, tcase);
	return suite;
}

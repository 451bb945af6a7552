/* SPDX-License-Identifier: MIT */
/* LINK: hv/smp_plan.c */
/* Which CPUs are started: ids beyond 255, limits, faulty and doubled ones. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/smp_plan.h"

static struct acpi_info acpi;
static struct smp_plan plan;

static void list_ids(const u32 *ids, u32 count)
{
	memset(&acpi, 0, sizeof(acpi));
	acpi.madt = true;
	acpi.cpu_count = count;
	for (u32 i = 0; i < count; i++)
		acpi.cpus[i] = (struct acpi_cpu){ ids[i], i };
}

START_TEST(ids_by_kind_of_apic)
{
	static const u32 ids[] = { 0, 2, 254, 255, 256, 5000, 0xffffffffu };
	static const struct { bool x2apic; enum smp_refusal of[6]; } rows[] = {
		{ false, { SMP_USABLE, SMP_USABLE, SMP_NOT_REACHED, SMP_NOT_REACHED, SMP_NOT_REACHED, SMP_IMPOSSIBLE } },
		{ true, { SMP_USABLE, SMP_USABLE, SMP_USABLE, SMP_USABLE, SMP_USABLE, SMP_IMPOSSIBLE } },
	};

	for (u32 row = 0; row < ARRAY_SIZE(rows); row++) {
		list_ids(ids, ARRAY_SIZE(ids));
		smp_plan_from_acpi(&plan, &acpi, 0, rows[row].x2apic, 0);
		ck_assert_uint_eq(plan.count, 6);
		for (u32 i = 0; i < 6; i++) {
			ck_assert_uint_eq(plan.cpus[i].apic_id, ids[i + 1]);
			ck_assert_msg(plan.cpus[i].refusal == rows[row].of[i], "row %u, id %u: %s", row, ids[i + 1],
				      smp_refusal_words(plan.cpus[i].refusal));
		}
	}
}
END_TEST

START_TEST(the_boot_cpu_may_stand_anywhere)
{
	static const u32 ids[] = { 4, 6, 0, 2 };

	list_ids(ids, ARRAY_SIZE(ids));
	smp_plan_from_acpi(&plan, &acpi, 0, true, 0);
	ck_assert_uint_eq(plan.count, 3);
	ck_assert_uint_eq(plan.cpus[2].apic_id, 2);
}
END_TEST

START_TEST(limits)
{
	static u32 ids[400];
	static const struct { u32 limit, usable; } rows[] = { { 0, 255 }, { 1, 0 }, { 2, 1 }, { 4, 3 }, { 256, 255 }, { 9999, 255 } };

	for (u32 i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = i;
	list_ids(ids, ARRAY_SIZE(ids));
	for (u32 row = 0; row < ARRAY_SIZE(rows); row++) {
		u32 usable = 0, too_many = 0;

		smp_plan_from_acpi(&plan, &acpi, 0, true, rows[row].limit);
		for (u32 i = 0; i < plan.count; i++) {
			usable += plan.cpus[i].refusal == SMP_USABLE;
			too_many += plan.cpus[i].refusal == SMP_TOO_MANY;
		}
		ck_assert_uint_eq(usable, rows[row].usable);
		ck_assert_uint_eq(usable + too_many, 399);
	}
}
END_TEST

START_TEST(the_firmwares_list)
{
	static const struct boot_cpu cpus[] = {
		{ 0, 7 }, { 1, 6 }, { 2, 4 }, { 3, 2 }, { 1, 6 }, { 300, 6 },
	};
	static const enum smp_refusal expected[] = { SMP_USABLE, SMP_NOT_ENABLED, SMP_NOT_HEALTHY, SMP_IMPOSSIBLE, SMP_NOT_REACHED };

	smp_plan_from_firmware(&plan, cpus, ARRAY_SIZE(cpus), 0, false, 0);
	ck_assert_uint_eq(plan.count, ARRAY_SIZE(expected));
	for (u32 i = 0; i < plan.count; i++)
		ck_assert_uint_eq(plan.cpus[i].refusal, expected[i]);
	smp_plan_from_firmware(&plan, NULL, 0, 0, false, 0);
	ck_assert_uint_eq(plan.count, 0);
}
END_TEST

START_TEST(more_than_the_plan_holds)
{
	static struct boot_cpu cpus[4096];

	for (u32 i = 0; i < ARRAY_SIZE(cpus); i++)
		cpus[i] = (struct boot_cpu){ i, 6 };
	smp_plan_from_firmware(&plan, cpus, ARRAY_SIZE(cpus), 0, true, 0);
	ck_assert_uint_eq(plan.count, ACPI_MAX_CPUS);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("smp_plan");
	TCase *tcase = tcase_create("smp_plan");

	tcase_add_test(tcase, ids_by_kind_of_apic);
	tcase_add_test(tcase, the_boot_cpu_may_stand_anywhere);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, the_firmwares_list);
	tcase_add_test(tcase, more_than_the_plan_holds);
	suite_add_tcase(suite, tcase);
	return suite;
}

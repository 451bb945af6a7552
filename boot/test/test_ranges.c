/* SPDX-License-Identifier: MIT */
/* LINK: boot/ranges.c */
#include <string.h>
#include "boot/ranges.h"
#include "boot/text.h"
#include "hv/lib/test/unit.h"

#define PAGES 64

static struct boot_memory_range storage[256];

static struct range_list empty_list(uint32_t capacity)
{
	return (struct range_list){ .at = storage, .capacity = capacity };
}

/* What handoff.h promises. One assertion for all: each costs a write to Check's log. */
static void check_order(const struct range_list *list)
{
	bool good = true;

	for (uint32_t i = 0; i < list->count; i++) {
		good &= list->at[i].base % PAGE_BYTES == 0 && list->at[i].size_bytes % PAGE_BYTES == 0 && list->at[i].size_bytes;
		good &= !i || list->at[i - 1].base + list->at[i - 1].size_bytes <= list->at[i].base;
	}
	ck_assert(good);
}

START_TEST(free_memory_shrinks_to_pages_all_else_grows)
{
	struct range_list list = empty_list(256);

	ranges_add(&list, 0x1001, 0x2fff, BOOT_MEMORY_FREE, 0);
	ranges_add(&list, 0x10fff, 2, BOOT_MEMORY_RESERVED, 0);
	ranges_add(&list, 0x20001, 0xffe, BOOT_MEMORY_FREE, 0); /* less than a page: nothing */
	check_order(&list);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.at[0].base, 0x2000);
	ck_assert_uint_eq(list.at[0].size_bytes, 0x2000);
	ck_assert_uint_eq(list.at[1].base, 0x10000);
	ck_assert_uint_eq(list.at[1].size_bytes, 0x2000);
}
END_TEST

START_TEST(wrapping_ranges_are_cut)
{
	struct range_list list = empty_list(256);

	ranges_add(&list, ~0ull - 0x2fff, ~0ull, BOOT_MEMORY_MMIO, 0);
	ranges_add(&list, ~0ull, 1, BOOT_MEMORY_FREE, 0);
	ranges_add(&list, ~0ull - 10, ~0ull, BOOT_MEMORY_RESERVED, 0);
	check_order(&list);
	for (uint32_t i = 0; i < list.count; i++)
		ck_assert_uint_ge(list.at[i].base + list.at[i].size_bytes, list.at[i].base);
}
END_TEST

START_TEST(a_full_list_says_so)
{
	struct range_list list = empty_list(3);

	for (uint64_t i = 0; i < 5; i++)
		ranges_add(&list, i * 0x2000, 0x1000, BOOT_MEMORY_FREE, 0);
	ck_assert_uint_eq(list.count, 3);
	ck_assert(list.full);
	ranges_set(&list, 0x2000, 0x800, BOOT_MEMORY_IMAGE, 0); /* a whole range: needs no room */
	ck_assert_uint_eq(ranges_type(&list, 0x2000), BOOT_MEMORY_IMAGE);
	check_order(&list);
}
END_TEST

START_TEST(neighbours_merge)
{
	struct range_list list = empty_list(256);

	ranges_add(&list, 0x1000, 0x1000, BOOT_MEMORY_FREE, 0);
	ranges_add(&list, 0x2000, 0x1000, BOOT_MEMORY_FREE, 0);
	ranges_add(&list, 0x3000, 0x1000, BOOT_MEMORY_RUNTIME_DATA, 1);
	ranges_add(&list, 0x4000, 0x1000, BOOT_MEMORY_RUNTIME_DATA, 2);
	ranges_add(&list, 0x6000, 0x1000, BOOT_MEMORY_RUNTIME_DATA, 2);
	ranges_merge(&list);
	ck_assert_uint_eq(list.count, 4);
	ck_assert_uint_eq(list.at[0].size_bytes, 0x2000);
	list.count = 0;
	ranges_merge(&list);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

static int rank(uint32_t type)
{
	static const uint8_t order[] = { BOOT_MEMORY_FREE, BOOT_MEMORY_MODULE, BOOT_MEMORY_BOOT, BOOT_MEMORY_IMAGE,
					 BOOT_MEMORY_ACPI_TABLES, BOOT_MEMORY_ACPI_NVS, BOOT_MEMORY_MMIO,
					 BOOT_MEMORY_RUNTIME_DATA, BOOT_MEMORY_RUNTIME_CODE };

	for (int i = 0; i < (int)sizeof(order); i++) {
		if (order[i] == type)
			return i;
	}
	return 9;
}

/* Thousands of random changes, each compared with a plain array of pages that is changed the same way. */
START_TEST(agrees_with_a_plain_array)
{
	uint32_t seed = (uint32_t)_i * 2654435761u + 1;
	struct range_list list = empty_list(256);
	uint32_t model[PAGES] = { 0 };

	for (int step = 0; step < 5000; step++) {
		uint32_t first, count, type, old, kind;

		seed = seed * 1664525 + 1013904223;
		first = seed >> 8 & 63;
		count = (seed >> 14 & 15) % (PAGES - first) + 1;
		if (first + count > PAGES)
			count = PAGES - first;
		type = (seed >> 18) % 10 + 1;
		old = (seed >> 22) % 10 + 1;
		kind = seed >> 28 & 3;
		if (kind == 0)
			ranges_set(&list, first * PAGE_BYTES, count * PAGE_BYTES, type, 0);
		else if (kind == 1)
			ranges_convert(&list, first * PAGE_BYTES, count * PAGE_BYTES, old, type);
		else
			ranges_add(&list, first * PAGE_BYTES, count * PAGE_BYTES, type, 0);
		for (uint32_t p = first; p < first + count; p++) {
			if (kind == 0 || (kind == 1 && model[p] == old) ||
			    (kind >= 2 && (model[p] == 0 || rank(type) > rank(model[p]))))
				model[p] = type;
		}
		if (step % 16 == 15)
			ranges_merge(&list);
		check_order(&list);
		for (uint32_t p = 0; p < PAGES; p++)
			if (ranges_type(&list, p * PAGE_BYTES + 5) != model[p]) /* cheaper than an assertion each */
				ck_abort_msg("step %d, page %u", step, p);
	}
	ck_assert(!list.full);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("boot ranges");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, free_memory_shrinks_to_pages_all_else_grows);
	tcase_add_test(tests, wrapping_ranges_are_cut);
	tcase_add_test(tests, a_full_list_says_so);
	tcase_add_test(tests, neighbours_merge);
	tcase_add_loop_test(tests, agrees_with_a_plain_array, 0, 50);
	suite_add_tcase(suite, tests);
	return suite;
}

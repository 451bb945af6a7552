/* SPDX-License-Identifier: MIT */
/* LINK: hv/memory_map.c */
/* Firmware's memory maps, the hostile ones above all, against a page-by-page model. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/memory_map.h"

#define LIMIT (64 * GIB)

static struct memory_map map;

static void add(u64 base, u64 size, u32 type)
{
	struct boot_memory_range range = { base, size, type, 0, 0 };

	memory_map_add(&map, &range, LIMIT);
}

static void check_order(void)
{
	for (u32 i = 0; i < map.count; i++) {
		ck_assert_uint_lt(map.ranges[i].base, map.ranges[i].end);
		ck_assert_uint_eq((map.ranges[i].base | map.ranges[i].end) & PAGE_MASK, 0);
		ck_assert_uint_le(map.ranges[i].end, LIMIT);
		if (i)
			ck_assert_uint_le(map.ranges[i - 1].end, map.ranges[i].base);
	}
}

START_TEST(hostile_ranges)
{
	memory_map_init(&map);
	add(0x1000, 0, BOOT_MEMORY_FREE);               /* empty */
	add(~(u64)0 - 100, 200, BOOT_MEMORY_FREE);      /* wraps, and beyond the limit */
	add(LIMIT - 0x1000, ~(u64)0, BOOT_MEMORY_FREE); /* cut at the limit */
	add(0x5001, 0x2fff, BOOT_MEMORY_FREE);          /* no whole page at its start */
	add(0x9001, 1, BOOT_MEMORY_RESERVED);           /* takes its whole page */
	add(0x20000, 0x1000, 77);                       /* an unknown kind is reserved */
	check_order();
	ck_assert_uint_eq(map.count, 4);
	ck_assert_uint_eq(map.ranges[0].base, 0x6000);
	ck_assert_uint_eq(map.ranges[1].base, 0x9000);
	ck_assert_uint_eq(map.ranges[2].type, BOOT_MEMORY_RESERVED);
	ck_assert_uint_eq(map.ranges[3].end, LIMIT);
	ck_assert_uint_eq(map.dropped, 2);
}
END_TEST

START_TEST(the_stricter_kind_wins)
{
	memory_map_init(&map);
	add(0x100000, 0x100000, BOOT_MEMORY_FREE);
	add(0x140000, 0x10000, BOOT_MEMORY_RESERVED);
	add(0x130000, 0x40000, BOOT_MEMORY_BOOT); /* around the reserved part */
	add(0x100000, 0x100000, BOOT_MEMORY_FREE);
	check_order();
	ck_assert_uint_eq(memory_map_bytes(&map, BOOT_MEMORY_RESERVED), 0x10000);
	ck_assert_uint_eq(memory_map_bytes(&map, BOOT_MEMORY_BOOT), 0x30000);
	ck_assert_uint_eq(memory_map_bytes(&map, BOOT_MEMORY_FREE), 0x100000 - 0x40000);
	memory_map_retype(&map, 0, LIMIT, BOOT_MEMORY_BOOT, BOOT_MEMORY_FREE);
	check_order();
	ck_assert_uint_eq(map.count, 3);
}
END_TEST

static unsigned strictness(u32 type)
{
	static const unsigned order[] = { 0, 1, 2, 10, 3, 8, 4, 5, 7, 6, 9 };

	return order[type];
}

START_TEST(random_maps_agree_with_a_page_model)
{
	enum { PAGES = 256 };

	srand((unsigned)_i + 7);
	for (int round = 0; round < 300; round++) {
		u32 model[PAGES] = { 0 };

		memory_map_init(&map);
		for (int n = rand() % 40; n >= 0; n--) {
			u32 first = (u32)rand() % PAGES, count = 1 + (u32)rand() % 40, type = 1 + (u32)rand() % 10;

			count = MIN(count, PAGES - first);
			add((u64)first * PAGE_SIZE, (u64)count * PAGE_SIZE, type);
			for (u32 p = first; p < first + count; p++)
				if (model[p] == 0 || strictness(type) > strictness(model[p]))
					model[p] = type;
		}
		check_order();
		for (u32 p = 0; p < PAGES; p++) {
			u32 i = memory_map_find(&map, (u64)p * PAGE_SIZE), type = 0;

			if (i < map.count && map.ranges[i].base <= (u64)p * PAGE_SIZE)
				type = map.ranges[i].type;
			ck_assert_uint_eq(type, model[p]);
		}
	}
}
END_TEST

/* More ranges than there is room for: what is lost is free memory, never a reservation. */
START_TEST(too_many_ranges_lose_only_free_memory)
{
	memory_map_init(&map);
	add(0, 16 * GIB, BOOT_MEMORY_FREE);
	for (u64 i = 0; i < 2000; i++)
		add(0x100000 + i * 0x4000, 0x1000, BOOT_MEMORY_RESERVED);
	check_order();
	ck_assert_uint_gt(map.dropped, 0);
	for (u64 i = 0; i < 2000; i++) {
		u64 address = 0x100000 + i * 0x4000;
		u32 found = memory_map_find(&map, address);

		if (found < map.count && map.ranges[found].base <= address)
			ck_assert_uint_ne(map.ranges[found].type, BOOT_MEMORY_FREE);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("memory_map");
	TCase *tcase = tcase_create("memory_map");

	tcase_add_test(tcase, hostile_ranges);
	tcase_add_test(tcase, the_stricter_kind_wins);
	tcase_add_loop_test(tcase, random_maps_agree_with_a_page_model, 0, 4);
	tcase_add_test(tcase, too_many_ranges_lose_only_free_memory);
	suite_add_tcase(suite, tcase);
	return suite;
}

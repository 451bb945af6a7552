/* SPDX-License-Identifier: MIT */
/* LINK: hv/io_region.c */
#include "hv/io_region.h"
#include "hv/lib/error.h"
#include "hv/lib/test/unit.h"

static u64 last_offset, last_value;
static unsigned last_size, calls;

static u64 fake_read(void *device, u64 offset, unsigned size_bytes)
{
	last_offset = offset;
	last_size = size_bytes;
	calls++;
	return (u64)(uintptr_t)device + offset;
}

static void fake_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	(void)device;
	last_offset = offset;
	last_size = size_bytes;
	last_value = value;
	calls++;
}

static const struct io_ops fake_ops = { fake_read, fake_write };

static int add(struct io_map *map, u64 base, u64 size, u64 device)
{
	struct io_region region = { base, size, &fake_ops, (void *)(uintptr_t)device, "fake", false };

	return io_map_add(map, &region);
}

START_TEST(finds_its_region_and_only_that)
{
	struct io_map map;

	io_map_init(&map);
	ck_assert(!io_map_find(&map, 0));
	for (unsigned i = 0; i < 100; i++) /* added in a scrambled order */
		ck_assert_int_eq(add(&map, (i * 37 % 100) * 16, 8, 1), OK);
	for (u64 address = 0; address < 1600; address++) {
		const struct io_region *region = io_map_find(&map, address);

		if (address % 16 < 8)
			ck_assert_uint_eq(region->base, address & ~15ull);
		else
			ck_assert(!region);
	}
	io_map_remove(&map, 32);
	ck_assert(!io_map_find(&map, 33));
	ck_assert(io_map_find(&map, 48));
	io_map_release(&map);
}
END_TEST

START_TEST(overlaps_and_wraps_are_refused)
{
	struct io_map map;

	io_map_init(&map);
	ck_assert_int_eq(add(&map, 0x100, 0x10, 1), OK);
	ck_assert_int_eq(add(&map, 0x10f, 1, 1), ERR_EXISTS);
	ck_assert_int_eq(add(&map, 0xff, 2, 1), ERR_EXISTS);
	ck_assert_int_eq(add(&map, 0x80, 0x1000, 1), ERR_EXISTS);
	ck_assert_int_eq(add(&map, 0x100, 0x10, 1), ERR_EXISTS);
	ck_assert_int_eq(add(&map, ~0ull, 2, 1), ERR_INVALID);
	ck_assert_int_eq(add(&map, 0, 0, 1), ERR_INVALID);
	ck_assert_int_eq(add(&map, ~0ull, 1, 1), OK);
	ck_assert_int_eq(add(&map, 0x110, 1, 1), OK);
	io_map_release(&map);
}
END_TEST

START_TEST(nobody_reads_all_ones)
{
	struct io_map map;

	io_map_init(&map);
	ck_assert_uint_eq(io_map_read(&map, 5, 1), 0xff);
	ck_assert_uint_eq(io_map_read(&map, 5, 4), 0xffffffff);
	ck_assert_uint_eq(io_map_read(&map, 5, 8), ~0ull);
	io_map_write(&map, 5, 4, 1);
	io_map_release(&map);
}
END_TEST

START_TEST(an_access_across_two_devices_is_split)
{
	struct io_map map;

	io_map_init(&map);
	ck_assert_int_eq(add(&map, 0x10, 2, 0x40), OK);
	ck_assert_int_eq(add(&map, 0x12, 1, 0x80), OK);
	ck_assert_uint_eq(io_map_read(&map, 0x10, 4), 0xff804140);
	calls = 0;
	io_map_write(&map, 0x11, 4, 0x44332211);
	ck_assert_uint_eq(calls, 2);
	ck_assert_uint_eq(last_value, 0x22);
	ck_assert_uint_eq(io_map_read(&map, 0x10, 2), 0x40);
	ck_assert_uint_eq(last_size, 2);
	ck_assert_uint_eq(last_offset, 0);
	io_map_release(&map);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("io_region");
	TCase *cases = tcase_create("all");

	tcase_add_test(cases, finds_its_region_and_only_that);
	tcase_add_test(cases, overlaps_and_wraps_are_refused);
	tcase_add_test(cases, nobody_reads_all_ones);
	tcase_add_test(cases, an_access_across_two_devices_is_split);
	suite_add_tcase(suite, cases);
	return suite;
}

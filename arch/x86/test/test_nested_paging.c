/* SPDX-License-Identifier: MIT */
/* LINK: arch/x86/nested_paging.c */
#include <stdlib.h>
#include "arch/x86/nested_paging.h"
#include "hv/lib/error.h"
#include "hv/lib/test/unit.h"

static u64 live, budget;

static hpa_t fake_alloc(void *context)
{
	void *page;

	(void)context;
	if (!budget)
		return HPA(0);
	budget--;
	live++;
	page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	__builtin_memset(page, 0, PAGE_SIZE);
	return HPA((uintptr_t)page);
}
static void fake_free(void *context, hpa_t page)
{
	(void)context;
	live--;
	free((void *)(uintptr_t)page.value);
}
static u64 *fake_map(hpa_t page) { return (u64 *)(uintptr_t)page.value; }
static const struct nested_memory fake_memory = { fake_alloc, fake_free, fake_map, NULL };
static const struct nested_format *const formats[] = { &nested_format_npt, &nested_format_ept };

static void begin(struct nested_root *root, int which)
{
	budget = 1000;
	live = 0;
	ck_assert_int_eq(nested_init(root, formats[which], &fake_memory), OK);
}
static void end(struct nested_root *root)
{
	ck_assert_uint_eq(live, root->table_pages);
	nested_release(root);
	ck_assert_uint_eq(live, 0);
}

START_TEST(maps_the_largest_pages)
{
	struct nested_root root;
	struct nested_leaf leaf;

	begin(&root, _i);
	/* 2 MiB - 4 KiB up to 2 GiB + 4 KiB: 4 KiB, 2 MiB and 1 GiB pages */
	ck_assert_int_eq(nested_map(&root, GPA(0x1ff000), HPA(0x1ff000 + 4 * GIB), 2 * GIB - 0x1fe000, NESTED_ALL, GIB), OK);
	ck_assert(!nested_lookup(&root, GPA(0x1fefff), &leaf));
	ck_assert(nested_lookup(&root, GPA(0x1ff123), &leaf));
	ck_assert_uint_eq(leaf.size_bytes, PAGE_SIZE);
	ck_assert_uint_eq(leaf.hpa.value, 0x1ff123 + 4 * GIB);
	ck_assert_uint_eq(leaf.access, NESTED_ALL);
	ck_assert(nested_lookup(&root, GPA(0x234567), &leaf));
	ck_assert_uint_eq(leaf.size_bytes, 2 * MIB);
	ck_assert(nested_lookup(&root, GPA(GIB + 5), &leaf));
	ck_assert_uint_eq(leaf.size_bytes, GIB);
	ck_assert_uint_eq(leaf.hpa.value, 5 * GIB + 5);
	ck_assert(nested_lookup(&root, GPA(2 * GIB), &leaf));
	ck_assert_uint_eq(leaf.size_bytes, PAGE_SIZE);
	ck_assert(!nested_lookup(&root, GPA(2 * GIB + PAGE_SIZE), &leaf));
	end(&root);
}
END_TEST

START_TEST(host_alignment_limits_page_size)
{
	struct nested_root root;
	struct nested_leaf leaf;

	begin(&root, _i);
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(0x1000), 4 * MIB, NESTED_ALL, GIB), OK);
	ck_assert(nested_lookup(&root, GPA(2 * MIB), &leaf));
	ck_assert_uint_eq(leaf.size_bytes, PAGE_SIZE);
	ck_assert_uint_eq(leaf.hpa.value, 2 * MIB + 0x1000);
	end(&root);
}
END_TEST

START_TEST(protect_splits_at_the_edges_and_merge_undoes_it)
{
	struct nested_root root;
	struct nested_leaf leaf;

	begin(&root, _i);
	ck_assert_int_eq(nested_map(&root, GPA(GIB), HPA(GIB), GIB, NESTED_ALL, GIB), OK);
	ck_assert_uint_eq(root.table_pages, 2);
	ck_assert_int_eq(nested_protect(&root, GPA(GIB + 0x5000), 0x2000, NESTED_READ), OK);
	ck_assert_uint_eq(root.table_pages, 4);
	ck_assert(nested_lookup(&root, GPA(GIB + 0x5000), &leaf));
	ck_assert_uint_eq(leaf.access, NESTED_READ);
	ck_assert(nested_lookup(&root, GPA(GIB + 0x7000), &leaf));
	ck_assert_uint_eq(leaf.access, NESTED_ALL);
	ck_assert_uint_eq(leaf.size_bytes, PAGE_SIZE);
	ck_assert_uint_eq(leaf.hpa.value, GIB + 0x7000);
	ck_assert(nested_lookup(&root, GPA(GIB + 4 * MIB), &leaf));
	ck_assert_uint_eq(leaf.size_bytes, 2 * MIB);
	ck_assert_uint_eq(leaf.hpa.value, GIB + 4 * MIB);
	ck_assert(!nested_merge(&root, GPA(GIB), 2 * MIB));
	ck_assert_int_eq(nested_protect(&root, GPA(GIB + 0x5000), 0x2000, NESTED_ALL), OK);
	ck_assert(!nested_merge(&root, GPA(GIB), GIB));
	ck_assert(nested_merge(&root, GPA(GIB), 2 * MIB));
	ck_assert(nested_merge(&root, GPA(GIB), GIB));
	ck_assert_uint_eq(root.table_pages, 2);
	ck_assert(nested_lookup(&root, GPA(GIB + 0x7000), &leaf));
	ck_assert_uint_eq(leaf.size_bytes, GIB);
	ck_assert_uint_eq(leaf.hpa.value, GIB + 0x7000);
	end(&root);
}
END_TEST

START_TEST(unmap_takes_exactly_the_range_and_frees_tables)
{
	struct nested_root root;
	struct nested_leaf leaf;

	begin(&root, _i);
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(0), 8 * MIB, NESTED_ALL, 2 * MIB), OK);
	ck_assert_int_eq(nested_unmap(&root, GPA(2 * MIB - PAGE_SIZE), 2 * PAGE_SIZE), OK);
	ck_assert(nested_lookup(&root, GPA(2 * MIB - 2 * PAGE_SIZE), &leaf));
	ck_assert(!nested_lookup(&root, GPA(2 * MIB - PAGE_SIZE), &leaf));
	ck_assert(!nested_lookup(&root, GPA(2 * MIB), &leaf));
	ck_assert(nested_lookup(&root, GPA(2 * MIB + PAGE_SIZE), &leaf));
	ck_assert_int_eq(nested_unmap(&root, GPA(0), 8 * MIB), OK);
	ck_assert_uint_eq(root.table_pages, 1);
	ck_assert_int_eq(nested_unmap(&root, GPA(0), BIT64(48)), OK);
	end(&root);
}
END_TEST

START_TEST(remapping_a_split_page_frees_its_table)
{
	struct nested_root root;

	begin(&root, _i);
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(0), 2 * MIB, NESTED_ALL, PAGE_SIZE), OK);
	ck_assert_uint_eq(root.table_pages, 4);
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(0), 2 * MIB, NESTED_ALL, 2 * MIB), OK);
	ck_assert_uint_eq(root.table_pages, 3);
	ck_assert_int_eq(nested_split(&root, GPA(0x1234), PAGE_SIZE), OK);
	ck_assert_uint_eq(root.table_pages, 4);
	end(&root);
}
END_TEST

static u64 dirty_pages, dirty_last;
static void count_dirty(void *context, gpa_t gpa, u64 size_bytes)
{
	(void)context;
	(void)size_bytes;
	dirty_pages++;
	dirty_last = gpa.value;
}

START_TEST(dirty_bits_are_harvested_once)
{
	struct nested_root root;
	u64 entries[4], *table;

	begin(&root, _i);
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(0), 16 * PAGE_SIZE, NESTED_ALL, PAGE_SIZE), OK);
	ck_assert_uint_eq(nested_walk_entries(&root, GPA(0), entries), 4);
	table = fake_map(HPA(entries[2] & MASK64(51, 12)));
	table[3] |= root.format->dirty; /* as the CPU does */
	dirty_pages = 0;
	nested_collect_dirty(&root, GPA(0), GIB, count_dirty, NULL);
	ck_assert_uint_eq(dirty_pages, 1);
	ck_assert_uint_eq(dirty_last, 3 * PAGE_SIZE);
	nested_collect_dirty(&root, GPA(0), GIB, count_dirty, NULL);
	ck_assert_uint_eq(dirty_pages, 1);
	end(&root);
}
END_TEST

START_TEST(bad_ranges_and_no_memory)
{
	struct nested_root root;

	begin(&root, _i);
	ck_assert_int_eq(nested_map(&root, GPA(1), HPA(0), PAGE_SIZE, NESTED_ALL, GIB), ERR_INVALID);
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(1), PAGE_SIZE, NESTED_ALL, GIB), ERR_INVALID);
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(0), 0, NESTED_ALL, GIB), ERR_INVALID);
	ck_assert_int_eq(nested_map(&root, GPA(BIT64(48)), HPA(0), PAGE_SIZE, NESTED_ALL, GIB), ERR_INVALID);
	ck_assert_int_eq(nested_map(&root, GPA(BIT64(48) - PAGE_SIZE), HPA(0), 2 * PAGE_SIZE, NESTED_ALL, GIB), ERR_INVALID);
	budget = 1;
	ck_assert_int_eq(nested_map(&root, GPA(0), HPA(0), PAGE_SIZE, NESTED_ALL, GIB), ERR_NO_MEMORY);
	end(&root);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("nested_paging");
	TCase *cases = tcase_create("npt_and_ept");

	tcase_add_loop_test(cases, maps_the_largest_pages, 0, 2);
	tcase_add_loop_test(cases, host_alignment_limits_page_size, 0, 2);
	tcase_add_loop_test(cases, protect_splits_at_the_edges_and_merge_undoes_it, 0, 2);
	tcase_add_loop_test(cases, unmap_takes_exactly_the_range_and_frees_tables, 0, 2);
	tcase_add_loop_test(cases, remapping_a_split_page_frees_its_table, 0, 2);
	tcase_add_loop_test(cases, dirty_bits_are_harvested_once, 0, 2);
	tcase_add_loop_test(cases, bad_ranges_and_no_memory, 0, 2);
	suite_add_tcase(suite, cases);
	return suite;
}

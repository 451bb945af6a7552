/* SPDX-License-Identifier: MIT */
/* LINK: hv/pages.c hv/slab.c hv/memory_map.c hv/lib/test/log_stderr.c */
/* CFLAGS: -DSOLERA_DEBUG */
/* FORK: pages_init is for one machine */
/* Buddy and slab over an arena of the build machine that plays physical memory, sparsely used. */
#define _GNU_SOURCE
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "hv/lib/error.h"
#include "hv/memory_map.h"
#include "hv/pages.h"
#include "hv/slab.h"

u64 direct_map_base;

static struct memory_map map;
static void *directory;
static u64 arena_bytes;

static void add(u64 base, u64 size, u32 type)
{
	struct boot_memory_range range = { base, size, type, 0, 0 };

	memory_map_add(&map, &range, BIT64(46));
}

static void *reserve(u64 size)
{
	void *arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(arena, MAP_FAILED);
	return arena;
}

static void start(u64 size)
{
	arena_bytes = size;
	direct_map_base = (u64)reserve(size);
	memory_map_init(&map);
	add(0x100000, size - 0x100000, BOOT_MEMORY_FREE);
}

static void go(void)
{
	directory = calloc(1, pages_directory_bytes(&map));
	pages_init(&map, directory);
	slab_init();
}

static void stop(void)
{
	free(directory);
	munmap((void *)direct_map_base, arena_bytes);
}

static u64 free_pages(void)
{
	struct pages_stats stats;

	pages_stats(&stats);
	return stats.free_pages;
}

/* Pages of the arena that are really there. */
static u64 resident(void)
{
	u64 pages = arena_bytes / PAGE_SIZE, count = 0;
	unsigned char *map_bytes = malloc(pages);

	ck_assert_int_eq(mincore((void *)direct_map_base, arena_bytes, map_bytes), 0);
	for (u64 i = 0; i < pages; i++)
		count += map_bytes[i] & 1;
	free(map_bytes);
	return count;
}

START_TEST(start_touches_nothing)
{
	hpa_t page;

	start(64 * GIB);
	go();
	ck_assert_uint_eq(resident(), 0);
	page = pages_alloc(0, PAGE_OWNER_HOST, 0);
	ck_assert_uint_ne(page.value, 0);
	ck_assert_uint_le(resident(), 64); /* one section's table and a few list heads */
	stop();
}
END_TEST

START_TEST(everything_can_be_had_and_given_back)
{
	u64 all, count = 0;
	hpa_t *pages = malloc(sizeof(*pages) * 512 * MIB / PAGE_SIZE);

	start(512 * MIB);
	add(300 * MIB, 3 * PAGE_SIZE, BOOT_MEMORY_RESERVED);
	go();
	all = free_pages();
	for (;;) {
		hpa_t page = pages_alloc(0, PAGE_OWNER_GUEST, 0);

		if (page.value == 0)
			break;
		ck_assert(page.value < 300 * MIB || page.value >= 300 * MIB + 3 * PAGE_SIZE);
		memset(direct_map(page), 0xaa, 64);
		pages[count++] = page;
	}
	ck_assert_uint_eq(count, all);
	ck_assert_uint_eq(free_pages(), 0);
	for (u64 i = 0; i < count; i++)
		pages_free(pages[(i * 7919) % count], 0);
	ck_assert_uint_eq(free_pages(), all);
	/* All buddies have found each other again: large blocks are there. */
	ck_assert_uint_ne(pages_alloc(15, PAGE_OWNER_GUEST, 0).value, 0);
	free(pages);
	stop();
}
END_TEST

struct block { hpa_t base; unsigned order; };

START_TEST(random_blocks_never_overlap)
{
	static struct block blocks[300];
	u64 all;

	srand(3);
	memset(blocks, 0, sizeof(blocks));
	start(256 * MIB);
	go();
	all = free_pages();
	for (int round = 0; round < 20000; round++) {
		struct block *b = &blocks[rand() % ARRAY_SIZE(blocks)];

		if (b->base.value) {
			u64 *words = direct_map(b->base);

			ck_assert_uint_eq(words[4], b->base.value);
			ck_assert_uint_eq(words[(PAGE_SIZE << b->order) / 8 - 1], b->base.value);
			pages_free(b->base, b->order);
			b->base = HPA(0);
		} else {
			u64 *words;

			b->order = (unsigned)rand() % 8;
			b->base = pages_alloc(b->order, (enum page_owner)(1 + rand() % 8), 0);
			if (b->base.value == 0)
				continue;
			ck_assert(IS_ALIGNED(b->base.value, PAGE_SIZE << b->order));
			words = direct_map(b->base);
			words[4] = words[(PAGE_SIZE << b->order) / 8 - 1] = b->base.value;
		}
	}
	for (u32 i = 0; i < ARRAY_SIZE(blocks); i++)
		if (blocks[i].base.value)
			pages_free(blocks[i].base, blocks[i].order);
	ck_assert_uint_eq(free_pages(), all);
	stop();
}
END_TEST

START_TEST(reservations_are_kept)
{
	u64 all;
	hpa_t page;

	start(256 * MIB);
	go();
	all = free_pages();
	ck_assert_int_eq(pages_reserve(all + 1), ERR_NO_MEMORY);
	ck_assert_int_eq(pages_reserve(all), OK);
	ck_assert_int_eq(pages_reserve(1), ERR_NO_MEMORY);
	ck_assert_uint_eq(pages_alloc(0, PAGE_OWNER_HOST, 0).value, 0);
	page = pages_alloc(0, PAGE_OWNER_GUEST, PAGES_RESERVED);
	ck_assert_uint_ne(page.value, 0);
	pages_free(page, 0);
	pages_unreserve(all - 1);
	ck_assert_uint_ne(pages_alloc(0, PAGE_OWNER_HOST, 0).value, 0);
	stop();
}
END_TEST

START_TEST(low_memory_on_request_high_first)
{
	hpa_t page;

	start(6 * GIB);
	go();
	page = pages_alloc(0, PAGE_OWNER_HOST, 0);
	ck_assert_uint_ge(page.value, 4 * GIB);
	page = pages_alloc(3, PAGE_OWNER_DMA, PAGES_BELOW_4G);
	ck_assert(page.value && page.value < 4 * GIB);
	page = pages_alloc(18, PAGE_OWNER_GUEST, 0);
	ck_assert(page.value && IS_ALIGNED(page.value, GIB));
	stop();
}
END_TEST

START_TEST(split_find_and_release)
{
	struct pages_stats before, after;
	enum page_owner owner;
	unsigned order;
	hpa_t base, block;

	start(512 * MIB);
	add(200 * MIB, 2 * MIB, BOOT_MEMORY_MODULE); /* in a section that will be in use */
	add(0x100000, 0x4000, BOOT_MEMORY_BOOT);
	add(440 * MIB, 8 * MIB, BOOT_MEMORY_MODULE); /* in one that will not */
	go();
	block = pages_alloc(9, PAGE_OWNER_GUEST, 0);
	pages_split(block, 9, 0);
	ck_assert(pages_find(HPA(block.value + 5 * PAGE_SIZE + 17), &base, &order, &owner));
	ck_assert_uint_eq(base.value, block.value + 5 * PAGE_SIZE);
	ck_assert_uint_eq(order, 0);
	ck_assert_int_eq(owner, PAGE_OWNER_GUEST);
	for (u64 i = 0; i < 512; i++)
		pages_free(HPA(block.value + i * PAGE_SIZE), 0);
	while (pages_find(HPA(201 * MIB), &base, &order, &owner) || pages_alloc(15, PAGE_OWNER_HOST, 0).value)
		if (pages_alloc(0, PAGE_OWNER_HOST, 0).value == 0)
			break;
	pages_stats(&before);
	pages_release(HPA(200 * MIB), 2 * MIB, BOOT_MEMORY_MODULE);
	pages_release(HPA(440 * MIB), 8 * MIB, BOOT_MEMORY_MODULE);
	pages_release(HPA(0), PAGES_ADDRESS_LIMIT, BOOT_MEMORY_BOOT);
	pages_stats(&after);
	ck_assert_uint_eq(after.total_pages, before.total_pages + 10 * MIB / PAGE_SIZE + 4);
	ck_assert_uint_eq(after.free_pages, before.free_pages + 10 * MIB / PAGE_SIZE + 4);
	stop();
}
END_TEST

START_TEST(wrong_frees_panic)
{
	hpa_t page;

	start(256 * MIB);
	go();
	page = pages_alloc(1, PAGE_OWNER_HOST, 0);
	if (_i == 0) {
		pages_free(page, 0);
	} else if (_i == 1) {
		pages_free(page, 1);
		pages_free(page, 1);
	} else if (_i == 2) {
		pages_free(HPA(page.value + PAGE_SIZE), 0);
	} else if (_i == 3) {
		void *object = slab_alloc(100);

		slab_free(object);
		slab_free(object);
	} else {
		slab_free((u8 *)slab_alloc(100) + 8);
	}
}
END_TEST

START_TEST(slab_objects_are_aligned_and_apart)
{
	static struct { u8 *object; size_t size; u8 fill; } live[2000];
	u64 all;

	srand(4);
	memset(live, 0, sizeof(live));
	start(256 * MIB);
	go();
	all = free_pages();
	for (int round = 0; round < 200000; round++) {
		u32 i = (u32)rand() % ARRAY_SIZE(live);

		if (live[i].object) {
			ck_assert_uint_eq(live[i].object[0], live[i].fill);
			ck_assert_uint_eq(live[i].object[live[i].size - 1], live[i].fill);
			slab_free(live[i].object);
			live[i].object = NULL;
		} else {
			live[i].size = 1 + (size_t)rand() % (rand() % 20 == 0 ? 20000 : 2500);
			live[i].fill = (u8)rand();
			live[i].object = slab_alloc(live[i].size);
			ck_assert_ptr_nonnull(live[i].object);
			ck_assert_uint_ge(slab_size(live[i].object), live[i].size);
			ck_assert(IS_ALIGNED((u64)live[i].object, 16u));
			if ((live[i].size & (live[i].size - 1)) == 0)
				ck_assert(IS_ALIGNED((u64)live[i].object, live[i].size));
			memset(live[i].object, live[i].fill, live[i].size);
		}
	}
	for (u32 i = 0; i < ARRAY_SIZE(live); i++)
		if (live[i].object)
			slab_free(live[i].object);
	ck_assert_uint_eq(slab_objects(), 0);
	ck_assert_uint_le(all - free_pages(), 14 * 8); /* one empty slab a class */
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("pages");
	TCase *tcase = tcase_create("pages");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, start_touches_nothing);
	tcase_add_test(tcase, everything_can_be_had_and_given_back);
	tcase_add_test(tcase, random_blocks_never_overlap);
	tcase_add_test(tcase, reservations_are_kept);
	tcase_add_test(tcase, low_memory_on_request_high_first);
	tcase_add_test(tcase, split_find_and_release);
	tcase_add_loop_test_raise_signal(tcase, wrong_frees_panic, 6, 0, 5);
	tcase_add_test(tcase, slab_objects_are_aligned_and_apart);
	suite_add_tcase(suite, tcase);
	return suite;
}

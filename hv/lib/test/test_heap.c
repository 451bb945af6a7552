/* SPDX-License-Identifier: MIT */
/* LINK: hv/lib/heap.c */
/* The pairing heap against a plain array, under random inserts and removals. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include "hv/lib/heap.h"

#define COUNT 500

struct item {
	struct heap_node node;
	int key;
};

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return ((const struct item *)a)->key < ((const struct item *)b)->key;
}

static int least_key(const struct item *items)
{
	int least = 1 << 30;

	for (int i = 0; i < COUNT; i++)
		if (heap_contains(&items[i].node) && items[i].key < least)
			least = items[i].key;
	return least;
}

START_TEST(root_is_always_the_least)
{
	static struct item items[COUNT];
	struct heap heap = { NULL, before };

	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct item *item = &items[rand() % COUNT];

		if (heap_contains(&item->node)) {
			heap_remove(&heap, &item->node);
		} else {
			item->key = rand() % 1000;
			heap_insert(&heap, &item->node);
		}
		if (heap.root)
			ck_assert_int_eq(((struct item *)heap.root)->key, least_key(items));
		else
			ck_assert_int_eq(least_key(items), 1 << 30);
	}
}
END_TEST

START_TEST(sorts)
{
	static struct item items[COUNT];
	struct heap heap = { NULL, before };
	int last = -1;

	srand(2);
	for (int i = 0; i < COUNT; i++) {
		items[i].key = rand() % 100;
		heap_insert(&heap, &items[i].node);
	}
	for (int i = 0; i < COUNT; i++) {
		struct item *first = (struct item *)heap.root;

		ck_assert_ptr_nonnull(first);
		ck_assert_int_le(last, first->key);
		last = first->key;
		heap_remove(&heap, &first->node);
		ck_assert(!heap_contains(&first->node));
	}
	ck_assert_ptr_null(heap.root);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("heap");
	TCase *tcase = tcase_create("heap");

	tcase_add_test(tcase, root_is_always_the_least);
	tcase_add_test(tcase, sorts);
	suite_add_tcase(suite, tcase);
	return suite;
}

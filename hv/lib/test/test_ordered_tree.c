/* SPDX-License-Identifier: MIT */
/* LINK: hv/lib/ordered_tree.c */
/* The tree's rules after each of many random inserts and removals, and its order against a sorted array. */
#include "hv/lib/test/unit.h"
#include "hv/lib/ordered_tree.h"
#include <stdlib.h>

#define NODES 300

START_TEST(rules_hold_after_every_change)
{
	static struct ordered_node nodes[NODES];
	static bool in[NODES];
	struct ordered_tree tree = { 0 };
	unsigned count = 0;

	srand(7 + (unsigned)_i);
	for (int step = 0; step < 6000; step++) {
		int i = rand() % NODES;

		if (in[i]) {
			ordered_remove(&tree, &nodes[i]);
			count--;
		} else {
			ordered_insert(&tree, &nodes[i], (u64)(rand() % 50));
			count++;
		}
		in[i] = !in[i];
		ck_assert(ordered_check(&tree));
	}
	for (struct ordered_node *node = tree.first, *last = NULL; node; last = node, node = ordered_next(node)) {
		ck_assert(!last || last->key <= node->key);
		count--;
	}
	ck_assert_uint_eq(count, 0);
	for (int i = 0; i < NODES; i++)
		if (in[i])
			ordered_remove(&tree, &nodes[i]);
	ck_assert_ptr_null(tree.root);
	ck_assert_ptr_null(tree.first);
}
END_TEST

START_TEST(equal_keys_keep_their_order)
{
	struct ordered_node nodes[20];
	struct ordered_tree tree = { 0 };

	for (int i = 0; i < 20; i++)
		ordered_insert(&tree, &nodes[i], 5);
	for (int i = 0; i < 20; i++) {
		ck_assert_ptr_eq(tree.first, &nodes[i]);
		ordered_remove(&tree, tree.first);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ordered_tree");
	TCase *tcase = tcase_create("ordered_tree");

	tcase_add_loop_test(tcase, rules_hold_after_every_change, 0, 5);
	tcase_add_test(tcase, equal_keys_keep_their_order);
	suite_add_tcase(suite, tcase);
	return suite;
}

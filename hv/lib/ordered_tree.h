/* SPDX-License-Identifier: MIT */
/*
 * A red-black tree of nodes ordered by a 64-bit key: insert and remove in O(log n), the smallest at hand, no allocation.
 *
 * Equal keys keep the order of their insertion. Used by timers and by the scheduler. Not locked.
 */
#ifndef HV_LIB_ORDERED_TREE_H
#define HV_LIB_ORDERED_TREE_H

#include "hv/lib/types.h"

struct ordered_node {
	struct ordered_node *parent, *child[2]; /* child[0]: smaller */
	u64 key;
	bool red;
};

struct ordered_tree {
	struct ordered_node *root, *first; /* first: the smallest, NULL when empty */
};

void ordered_insert(struct ordered_tree *tree, struct ordered_node *node, u64 key);
void ordered_remove(struct ordered_tree *tree, struct ordered_node *node);
struct ordered_node *ordered_next(const struct ordered_node *node);
/* Red below black, equal black heights, order, parents, first: for debug builds and tests. */
bool ordered_check(const struct ordered_tree *tree);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A pairing heap: intrusive, so that inserting never allocates. Insert and peek are constant time, removing is amortised
 * O(log n). Fredman, Sedgewick, Sleator, Tarjan, "The Pairing Heap: A New Form of Self-Adjusting Heap" (1986).
 */
#ifndef HV_LIB_HEAP_H
#define HV_LIB_HEAP_H

#include "hv/lib/types.h"

struct heap_node {
	struct heap_node *child, *next;
	struct heap_node *previous; /* left sibling, or parent for a first child; itself at the root; NULL: not in a heap */
};

struct heap {
	struct heap_node *root;
	bool (*before)(const struct heap_node *a, const struct heap_node *b); /* (c) strict order */
};

static inline bool heap_contains(const struct heap_node *node)
{
	return node->previous != NULL;
}

/* In line: a heap of none or two, as most of the scheduler's are. */
void heap_insert_beside(struct heap *heap, struct heap_node *node);
void heap_remove_among(struct heap *heap, struct heap_node *node);

static inline void heap_insert(struct heap *heap, struct heap_node *node)
{
	node->child = NULL;
	node->next = NULL;
	node->previous = node;
	if (heap->root)
		heap_insert_beside(heap, node);
	else
		heap->root = node;
}

static inline void heap_remove(struct heap *heap, struct heap_node *node)
{
	struct heap_node *child = node->child;

	if (node != heap->root || (child && child->next)) {
		heap_remove_among(heap, node);
		return;
	}
	heap->root = child;
	if (child)
		child->previous = child;
	node->child = NULL;
	node->previous = NULL;
}

#endif

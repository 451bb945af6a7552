/* SPDX-License-Identifier: MIT */
/* The pairing heap of heap.h: melding two trees makes the later root the first child of the earlier. */
#include "hv/lib/heap.h"

static struct heap_node *meld(struct heap *heap, struct heap_node *a, struct heap_node *b)
{
	struct heap_node *swap;

	if (!a)
		return b;
	if (!b)
		return a;
	if (heap->before(b, a)) {
		swap = a;
		a = b;
		b = swap;
	}
	b->next = a->child;
	if (b->next)
		b->next->previous = b;
	b->previous = a;
	a->child = b;
	return a;
}

/* Two passes over a list of siblings: meld pairs from the left, then all from the right. */
static struct heap_node *meld_list(struct heap *heap, struct heap_node *list)
{
	struct heap_node *pairs = NULL, *result = NULL;

	while (list) {
		struct heap_node *a = list, *b = a->next;

		list = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		a = meld(heap, a, b);
		a->next = pairs; /* a stack, so that the second pass starts at the right */
		pairs = a;
	}
	while (pairs) {
		struct heap_node *rest = pairs->next;

		pairs->next = NULL;
		result = meld(heap, result, pairs);
		pairs = rest;
	}
	return result;
}

static void set_root(struct heap *heap, struct heap_node *root)
{
	heap->root = root;
	if (root) {
		root->next = NULL;
		root->previous = root;
	}
}

void heap_insert_beside(struct heap *heap, struct heap_node *node)
{
	set_root(heap, meld(heap, heap->root, node));
}

void heap_remove_among(struct heap *heap, struct heap_node *node)
{
	struct heap_node *children = meld_list(heap, node->child);

	if (node == heap->root) {
		set_root(heap, children);
	} else {
		if (node->previous->child == node)
			node->previous->child = node->next;
		else
			node->previous->next = node->next;
		if (node->next)
			node->next->previous = node->previous;
		set_root(heap, meld(heap, heap->root, children));
	}
	node->child = NULL;
	node->next = NULL;
	node->previous = NULL;
}

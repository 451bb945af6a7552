/* SPDX-License-Identifier: MIT */
/* A doubly linked ring with a head: constant-time insert and remove, no allocation. */
#ifndef HV_LIB_LIST_H
#define HV_LIB_LIST_H

#include "hv/lib/types.h"

struct list_node {
	struct list_node *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list_node *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline void list_insert_between(struct list_node *node, struct list_node *prev, struct list_node *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

static inline void list_push_front(struct list_node *head, struct list_node *node)
{
	list_insert_between(node, head, head->next);
}

static inline void list_push_back(struct list_node *head, struct list_node *node)
{
	list_insert_between(node, head->prev, head);
}

/* Leaves the node as an empty ring, so that removing twice is harmless and list_empty(node) tells "not queued". */
static inline void list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
#define LIST_FOR_EACH(node, head) for (struct list_node *node = (head)->next; node != (head); node = node->next)
/* The body may remove the node. */
#define LIST_FOR_EACH_SAFE(node, head)                                                                            \
	for (struct list_node *node = (head)->next, *node##_next = node->next; node != (head);                    \
	     node = node##_next, node##_next = node->next)

#endif

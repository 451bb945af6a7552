/* SPDX-License-Identifier: MIT */
/*
 * Red-black insertion and removal, each case written once for both sides (side and !side).
 * Cormen et al., "Introduction to Algorithms", chapter "Red-Black Trees", without its sentinel.
 */
#include "hv/lib/ordered_tree.h"

static bool is_red(const struct ordered_node *node)
{
	return node && node->red;
}

static int side_of(const struct ordered_node *node)
{
	return node->parent->child[1] == node;
}

static void replace_child(struct ordered_tree *tree, struct ordered_node *parent, struct ordered_node *old,
			  struct ordered_node *new)
{
	if (!parent)
		tree->root = new;
	else
		parent->child[parent->child[1] == old] = new;
	if (new)
		new->parent = parent;
}

/* The child on the other side comes up; node goes down to `side`. */
static void rotate(struct ordered_tree *tree, struct ordered_node *node, int side)
{
	struct ordered_node *up = node->child[!side];

	node->child[!side] = up->child[side];
	if (up->child[side])
		up->child[side]->parent = node;
	replace_child(tree, node->parent, node, up);
	up->child[side] = node;
	node->parent = up;
}

static void repair_after_insert(struct ordered_tree *tree, struct ordered_node *node)
{
	struct ordered_node *parent, *grand, *uncle;

	while (is_red(parent = node->parent)) {
		int side = side_of(parent);

		grand = parent->parent; /* there: a red parent is not the root */
		uncle = grand->child[!side];
		if (is_red(uncle)) {
			parent->red = uncle->red = false;
			grand->red = true;
			node = grand;
			continue;
		}
		if (side_of(node) != side) {
			rotate(tree, parent, side);
			parent = node;
		}
		parent->red = false;
		grand->red = true;
		rotate(tree, grand, !side);
		break;
	}
	tree->root->red = false;
}

void ordered_insert(struct ordered_tree *tree, struct ordered_node *node, u64 key)
{
	struct ordered_node *parent = NULL, **link = &tree->root;
	bool smallest = true;

	while (*link) {
		parent = *link;
		if (key < parent->key) {
			link = &parent->child[0];
		} else {
			link = &parent->child[1];
			smallest = false;
		}
	}
	*node = (struct ordered_node){ .parent = parent, .key = key, .red = true };
	*link = node;
	if (smallest)
		tree->first = node;
	repair_after_insert(tree, node);
}

struct ordered_node *ordered_next(const struct ordered_node *node)
{
	struct ordered_node *next = node->child[1];

	if (next) {
		while (next->child[0])
			next = next->child[0];
		return next;
	}
	while (node->parent && side_of(node) == 1)
		node = node->parent;
	return node->parent;
}

/* The subtree at (parent, side) lacks one black node. */
static void repair_after_remove(struct ordered_tree *tree, struct ordered_node *parent, int side)
{
	while (parent) {
		struct ordered_node *node = parent->child[side], *sibling;

		if (is_red(node)) {
			node->red = false;
			return;
		}
		sibling = parent->child[!side]; /* there: this side lacks a black, so the other has one */
		if (sibling->red) {
			sibling->red = false;
			parent->red = true;
			rotate(tree, parent, side);
			sibling = parent->child[!side];
		}
		if (!is_red(sibling->child[0]) && !is_red(sibling->child[1])) {
			sibling->red = true;
			if (parent->parent)
				side = side_of(parent);
			else if (!parent->red)
				return;
			if (parent->red) {
				parent->red = false;
				return;
			}
			parent = parent->parent;
			continue;
		}
		if (!is_red(sibling->child[!side])) {
			sibling->child[side]->red = false;
			sibling->red = true;
			rotate(tree, sibling, !side);
			sibling = parent->child[!side];
		}
		sibling->red = parent->red;
		parent->red = false;
		sibling->child[!side]->red = false;
		rotate(tree, parent, side);
		return;
	}
	if (tree->root)
		tree->root->red = false;
}

/* Takes out a node with at most one child. */
static void unlink_simple(struct ordered_tree *tree, struct ordered_node *node)
{
	struct ordered_node *child = node->child[0] ? node->child[0] : node->child[1], *parent = node->parent;
	int side = parent ? side_of(node) : 0;

	replace_child(tree, parent, node, child);
	if (node->red)
		return;
	if (is_red(child))
		child->red = false;
	else
		repair_after_remove(tree, parent, side);
}

void ordered_remove(struct ordered_tree *tree, struct ordered_node *node)
{
	struct ordered_node *next;

	if (tree->first == node)
		tree->first = ordered_next(node);
	if (!node->child[0] || !node->child[1]) {
		unlink_simple(tree, node);
	} else {
		/* The successor has no smaller child: take it out, then put it where node stands. */
		next = ordered_next(node);
		unlink_simple(tree, next);
		next->red = node->red;
		next->child[0] = node->child[0];
		next->child[1] = node->child[1];
		for (int side = 0; side < 2; side++)
			if (next->child[side])
				next->child[side]->parent = next;
		replace_child(tree, node->parent, node, next);
	}
	node->parent = node->child[0] = node->child[1] = NULL;
}

/* Black height, or -1 when a rule is broken. Depth is at most twice the logarithm, so the recursion is bounded. */
static int check_subtree(const struct ordered_node *node, const struct ordered_node *parent)
{
	int left, right;

	if (!node)
		return 0;
	if (node->parent != parent || (node->red && is_red(parent)))
		return -1;
	if ((node->child[0] && node->child[0]->key > node->key) || (node->child[1] && node->child[1]->key < node->key))
		return -1;
	left = check_subtree(node->child[0], node);
	right = check_subtree(node->child[1], node);
	return left < 0 || left != right ? -1 : left + !node->red;
}

bool ordered_check(const struct ordered_tree *tree)
{
	const struct ordered_node *first = tree->root;

	while (first && first->child[0])
		first = first->child[0];
	return first == tree->first && !is_red(tree->root) && check_subtree(tree->root, NULL) >= 0;
}

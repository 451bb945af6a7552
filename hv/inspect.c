/* SPDX-License-Identifier: MIT */
/* See inspect.h. */
#include "hv/inspect.h"
#include "hv/gmem_internal.h"

void inspect_nested_walk(struct vm *vm, u64 gpa, struct inspect_nested *walk)
{
	struct gmem *gmem = vm->gmem;
	struct nested_leaf leaf;
	u64 flags = lock_irqsave(&gmem->nested_lock);

	*walk = (struct inspect_nested){ .format = gmem->nested.format->name, .ram = gmem_is_ram(gmem, gpa) };
	walk->count = nested_walk_entries(&gmem->nested, GPA(gpa), walk->entries);
	walk->present = nested_lookup(&gmem->nested, GPA(gpa), &leaf);
	unlock_irqrestore(&gmem->nested_lock, flags);
	if (!walk->present)
		return;
	walk->hpa = leaf.hpa.value;
	walk->page_bytes = leaf.size_bytes;
	walk->read = leaf.access & NESTED_READ;
	walk->write = leaf.access & NESTED_WRITE;
	walk->execute = leaf.access & NESTED_EXECUTE;
	walk->accessed = leaf.accessed;
	walk->dirty = leaf.dirty;
}

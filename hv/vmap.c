/* SPDX-License-Identifier: MIT */
/*
 * Address space for mappings and stacks. Mappings take ascending addresses of an area of 16 TiB and never come back, and
 * vunmap flushes every CPU's TLB; stacks that were freed stay mapped and wait for the next thread, so they need no flush.
 */
#include "hv/vmap.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "hv/lib/error.h"
#include "hv/lib/lock.h"
#include "hv/lib/log.h"
#include "hv/pages.h"
#include "hv/smp.h"

static struct spinlock vmap_lock = SPINLOCK_INIT("vmap", LOCK_RANK_VMALLOC);
static u64 next_mapping = VMAP_AREA_BASE;   /* [vmap_lock] */
static u64 next_stack = STACK_AREA_BASE;    /* [vmap_lock] */
static u64 free_stacks;                     /* [vmap_lock] top of the first; its lowest word holds the next one's */

void *vmap(hpa_t address, u64 size_bytes, enum vmap_type type)
{
	static const unsigned type_flags[] = {
		[VMAP_UNCACHED] = PAGING_WRITE | PAGING_UNCACHED,
		[VMAP_WRITE_COMBINING] = PAGING_WRITE | PAGING_WRITE_COMBINING,
		[VMAP_READ_ONLY] = 0,
	};
	u64 base = ALIGN_DOWN(address.value, PAGE_SIZE), end, flags, virtual;
	int result;

	if (size_bytes == 0 || __builtin_add_overflow(address.value, size_bytes, &end) || end > BIT64(52))
		return NULL;
	end = ALIGN_UP(end, PAGE_SIZE);
	flags = lock_irqsave(&vmap_lock);
	/* The same offset in 2 MiB lets large pages be used; a hole after each mapping catches overruns. */
	virtual = ALIGN_UP(next_mapping, 2 * MIB) + (base & (2 * MIB - 1));
	result = virtual + (end - base) < VMAP_AREA_END ? paging_map(virtual, base, end - base, type_flags[type]) : ERR_NO_MEMORY;
	next_mapping = virtual + (end - base) + PAGE_SIZE;
	unlock_irqrestore(&vmap_lock, flags);
	return result == OK ? (void *)(virtual + (address.value - base)) : NULL;
}

void vunmap(void *pointer, u64 size_bytes)
{
	u64 base = ALIGN_DOWN((u64)pointer, PAGE_SIZE), end = ALIGN_UP((u64)pointer + size_bytes, PAGE_SIZE), flags;

	BUG_ON(base < VMAP_AREA_BASE || end > VMAP_AREA_END);
	flags = lock_irqsave(&vmap_lock);
	paging_unmap(base, end - base);
	unlock_irqrestore(&vmap_lock, flags);
	smp_flush_tlb(base, end - base); /* without the lock, since it waits for other CPUs; the addresses are not used again */
}

static u64 map_new_stack(void)
{
	hpa_t memory = pages_alloc(2, PAGE_OWNER_STACK, 0);
	u64 bottom = next_stack + STACK_SLOT_BYTES - STACK_BYTES;

	if (memory.value == 0)
		return 0;
	if (paging_map(bottom, memory.value, STACK_BYTES, PAGING_WRITE | PAGING_SMALL) != OK) {
		pages_free(memory, 2);
		return 0;
	}
	next_stack += STACK_SLOT_BYTES;
	return bottom + STACK_BYTES;
}

u64 stack_alloc(void)
{
	u64 flags = lock_irqsave(&vmap_lock), top = free_stacks;

	if (top)
		free_stacks = *(u64 *)(top - STACK_BYTES);
	else
		top = map_new_stack();
	unlock_irqrestore(&vmap_lock, flags);
	return top;
}

void stack_free(u64 top)
{
	u64 flags = lock_irqsave(&vmap_lock);

	*(u64 *)(top - STACK_BYTES) = free_stacks;
	free_stacks = top;
	unlock_irqrestore(&vmap_lock, flags);
}

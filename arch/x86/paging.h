/* SPDX-License-Identifier: MIT */
/*
 * The host's page tables: one address space for all CPUs, built once by paging_build, extended by paging_map.
 *
 * Tables are reached through the front door's identity map until paging_build has switched, through the direct map
 * afterwards. Callers serialise themselves (hv/vmap.c holds the lock).
 */
#ifndef ARCH_X86_PAGING_H
#define ARCH_X86_PAGING_H

#include "hv/lib/types.h"

enum paging_flags {
	PAGING_WRITE = 1,
	PAGING_EXECUTE = 2,
	PAGING_UNCACHED = 4,
	PAGING_WRITE_COMBINING = 8,
	PAGING_SMALL = 16, /* 4 KiB pages only */
};

/* Gives a page for a table (contents do not matter), or 0. */
void paging_set_allocator(u64 (*allocate_table)(void));
/* Switches on NX, WP, global pages, UMIP, SMEP, SMAP and the PAT: each CPU, before the final tables. */
void paging_enable_features(void);
/*
 * Maps in the final tables, with the largest pages that fit; nothing there may be mapped yet. Sizes in bytes, all
 * page aligned. ERR_NO_MEMORY: a part may be mapped then.
 */
MUST_CHECK int paging_map(u64 virtual, u64 physical, u64 size_bytes, unsigned flags);
void paging_unmap(u64 virtual, u64 size_bytes); /* 4 KiB pages; TLBs are the caller's to flush (smp_flush_tlb) */
/* From here on the final tables are in force and tables are reached through the direct map. */
void paging_switch(void);
u64 paging_root(void); /* the value for CR3 */
void paging_load(void);      /* each further CPU: the final tables, and nothing else in its TLB */
void paging_flush_all(void); /* this CPU's TLB, global entries too */
/* Looks the address up in the tables that CR3 holds. Any context, also in a panic. */
bool paging_is_mapped(u64 virtual);
/* A top-level table for another address space that shares the upper half: EFI run-time services. */
void paging_share_upper_half(u64 *top_level);
/* The same as paging_map in that address space. */
MUST_CHECK int paging_map_in(u64 *top_level, u64 virtual, u64 physical, u64 size_bytes, unsigned flags);

static inline void invlpg(u64 virtual)
{
	__asm__ volatile("invlpg (%0)" ::"r"(virtual) : "memory");
}

#endif

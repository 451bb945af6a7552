/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: the buddy allocator, the direct map, and reservations for guests.
 *
 * Pages come in naturally aligned blocks of 2^order pages, order 0 to PAGES_MAX_ORDER (1 GiB). Any context
 * with interrupts on or off, except the fast exit path and NMIs. Memory is not zeroed unless PAGES_ZERO asks for it.
 */
#ifndef HV_PAGES_H
#define HV_PAGES_H

#include "arch/x86/layout.h"
#include "hv/lib/types.h"

#define PAGES_MAX_ORDER 18 /* 1 GiB */


enum page_owner { /* what a frame is used for: the frame table's word, for nodememstats, leak checks and panics */
	PAGE_OWNER_FREE = 0,
	PAGE_OWNER_HOST = 1,   /* general */
	PAGE_OWNER_SLAB = 2,
	PAGE_OWNER_STACK = 3,
	PAGE_OWNER_TABLE = 4,  /* host page tables */
	PAGE_OWNER_NESTED = 5, /* nested page tables */
	PAGE_OWNER_GUEST = 6,  /* a machine's RAM */
	PAGE_OWNER_MODULE = 7,
	PAGE_OWNER_DMA = 8,    /* drivers' rings and buffers */
};

enum pages_flags { PAGES_ZERO = 1, PAGES_RESERVED = 2 /* draws on a reservation */, PAGES_BELOW_4G = 4 };

/* Returns a block, or HPA(0) when there is none. */
hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags);
void pages_free(hpa_t base, unsigned order);
/* Takes count pages out of what others may allocate, without choosing which; ERR_NO_MEMORY when there are not enough. */
MUST_CHECK int pages_reserve(u64 count);
void pages_unreserve(u64 count);

#if __STDC_HOSTED__
extern u64 direct_map_base; /* a test's own: where its "physical" address 0 lies */
#else
#define direct_map_base DIRECT_MAP_BASE
#endif
static inline void *direct_map(hpa_t address)
{
	return (void *)(address.value + direct_map_base);
}
static inline hpa_t direct_unmap(const void *address) /* only for pointers that direct_map or kmalloc gave */
{
	return HPA((u64)address - direct_map_base);
}

/* Turns an allocated block of 2^order pages into blocks of 2^new_order, each to be freed by itself. */
void pages_split(hpa_t base, unsigned order, unsigned new_order);
/* The block that holds the address: its base, order, owner; false: nobody's. Any context, also a panic. */
bool pages_find(hpa_t address, hpa_t *base, unsigned *order, enum page_owner *owner);

struct memory_map;
/* Start-up: the map (kept), and zeroed memory for pages_directory_bytes() bytes. */
u64 pages_directory_bytes(const struct memory_map *map);
void pages_init(struct memory_map *map, void *directory);
/* Memory of this kind in [base, end) is no longer needed: boot records once copied, dropped modules. */
void pages_release(hpa_t base, u64 size_bytes, u32 boot_memory_type);

/* RAM above is left alone: the direct map and the frame table's directory end here. */
#define PAGES_ADDRESS_LIMIT (16ull * 1024 * GIB)

struct pages_stats {
	u64 total_pages, free_pages, reserved_pages; /* reserved: promised to guests, not yet allocated */
	u64 by_owner[16];
};
void pages_stats(struct pages_stats *stats);

#endif

/* SPDX-License-Identifier: MIT */
/* Mapped ranges outside of the direct map: device registers, framebuffers, firmware tables in reserved memory; stacks. */
#ifndef HV_VMAP_H
#define HV_VMAP_H

#include "hv/lib/types.h"

enum vmap_type {
	VMAP_UNCACHED,        /* registers */
	VMAP_WRITE_COMBINING, /* framebuffers */
	VMAP_READ_ONLY,       /* firmware tables, cached */
};

/* Any address and size, not only whole pages; NULL: no memory or an impossible range. Thread context or start-up. */
void *vmap(hpa_t address, u64 size_bytes, enum vmap_type type);
static inline volatile void *vmap_mmio(hpa_t address, u64 size_bytes)
{
	return vmap(address, size_bytes, VMAP_UNCACHED);
}
/* Gives the mapping up, on all CPUs (its addresses are not used again). Thread context without locks, or start-up. */
void vunmap(void *pointer, u64 size_bytes);

/* A stack of 16 KiB aligned to its size, unmapped memory below: the address above it; 0: no memory. */
u64 stack_alloc(void);
void stack_free(u64 top);

#endif

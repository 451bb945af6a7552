/* SPDX-License-Identifier: MIT */
/* Start-up of memory: from the hand-over record to final page tables and working allocators. */
#ifndef HV_MEMORY_H
#define HV_MEMORY_H

#include "boot/handoff.h"
#include "hv/memory_map.h"

extern struct memory_map host_memory_map;

/* Early, under the front door's tables. After it: direct map, kmalloc, pages_alloc, vmap. */
void memory_init(const struct bootinfo *info);
/* A page below 1 MiB for the other CPUs' first instructions, or 0. */
u64 memory_trampoline_page(void);
/* Bytes that Solera uses itself: image, tables, heap, stacks; not guests, not modules. */
u64 memory_host_bytes(void);
/* Reads firmware's memory wherever it is: RAM through the direct map, reserved memory by a mapping. NULL: not memory. */
const void *memory_firmware_pointer(hpa_t address, u64 size_bytes);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The machine's physical memory by use: the firmware's map made safe. Pure.
 *
 * Firmware maps are input from outside: unsorted, overlapping, empty, unaligned or wrapping ranges all occur. The result
 * is sorted, page aligned, without overlaps, neighbours of one kind merged; where ranges overlap the more restrictive
 * kind wins, so that no byte is called free that anyone else claims.
 */
#ifndef HV_MEMORY_MAP_H
#define HV_MEMORY_MAP_H

#include "boot/handoff.h"
#include "hv/lib/types.h"

#define MEMORY_MAP_MAX 512

struct memory_range {
	u64 base, end;
	u32 type;       /* enum boot_memory_type */
	u64 attributes;
};

struct memory_map {
	struct memory_range ranges[MEMORY_MAP_MAX];
	u32 count;
	u32 dropped; /* ranges that made no sense or had no room */
};

void memory_map_init(struct memory_map *map);
/* limit: the first address that the CPU cannot form (2^physical bits). */
void memory_map_add(struct memory_map *map, const struct boot_memory_range *range, u64 limit);
/* What is in [base, end) and of type `from` becomes `to`. */
void memory_map_retype(struct memory_map *map, u64 base, u64 end, u32 from, u32 to);
/* Kinds that are RAM which the hypervisor may look at through the direct map. */
bool memory_type_is_ram(u32 type);
u64 memory_map_bytes(const struct memory_map *map, u32 type);
/* The first range that ends after address (its index), or count. */
u32 memory_map_find(const struct memory_map *map, u64 address);

#endif

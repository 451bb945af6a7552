/* SPDX-License-Identifier: MIT */
/* The memory map under construction: a sorted list of ranges without overlaps. Pure. */
#ifndef BOOT_RANGES_H
#define BOOT_RANGES_H

#include "boot/handoff.h"
#include <stdbool.h>

struct range_list {
	struct boot_memory_range *at;
	uint32_t count, capacity;
	bool full; /* something was dropped for lack of room */
};

/*
 * What a firmware says of a range. Free memory is rounded inward to pages, all else outward. Where ranges overlap,
 * the more careful type stays (reserved before tables before free). A range that wraps is cut at 2^64 - 4096.
 */
void ranges_add(struct range_list *list, uint64_t base, uint64_t size_bytes, uint32_t type, uint64_t attributes);

/* What we know better: replaces whatever was said of these pages before. */
void ranges_set(struct range_list *list, uint64_t base, uint64_t size_bytes, uint32_t type, uint64_t attributes);

/* The type of the page at address, 0 if no range has it. */
uint32_t ranges_type(const struct range_list *list, uint64_t address);

/* Like ranges_set, but only for the parts that have type old. */
void ranges_convert(struct range_list *list, uint64_t base, uint64_t size_bytes, uint32_t old, uint32_t type);

/* Joins neighbours of one type and attributes. */
void ranges_merge(struct range_list *list);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A device's claim on guest ports or guest-physical MMIO addresses, and the sorted map in which an access finds it.
 *
 * Callbacks get the offset from the region's base, an access size of 1, 2, 4 or 8 bytes that lies wholly inside the
 * region, and (write) a value cut to that size. They run on the vCPU that made the access, without locks held, and take
 * their device's own lock. A FAST region's callbacks keep the fast contract (DESIGN.md, section 5): no sleep, allocation,
 * log or contended lock. Reads of what nobody claims give all ones, writes go nowhere.
 */
#ifndef HV_IO_REGION_H
#define HV_IO_REGION_H

#include "hv/lib/types.h"

struct io_region;

struct io_ops {
	u64 (*read)(void *device, u64 offset, unsigned size_bytes);
	void (*write)(void *device, u64 offset, unsigned size_bytes, u64 value);
};

struct io_region {
	u64 base, size_bytes;
	const struct io_ops *ops;
	void *device;
	const char *name;
	bool fast;
};

/* Sorted by base, without overlaps; never changed once it is published. */
struct io_table {
	struct io_table *older; /* [memory_lock] among the retired */
	u32 count;
	struct io_region regions[];
};

/*
 * Changed under the machine's memory_lock, or while no vCPU of it runs; io_map_find needs no lock. Somebody may still
 * search a table that was replaced: it is kept, retired, until every vCPU has passed its run loop (vm_synchronise, hv/vm.h).
 */
struct io_map {
	struct io_table *table;   /* (a) */
	struct io_table *retired; /* those before, the newest first */
	u64 generation;           /* (a) counts the changes: who remembers a region forgets it when this moved */
};

void io_map_init(struct io_map *map);
void io_map_release(struct io_map *map);
MUST_CHECK int io_map_add(struct io_map *map, const struct io_region *region); /* ERR_EXISTS: overlap; ERR_NO_MEMORY */
void io_map_remove(struct io_map *map, u64 base);
struct io_table *io_map_take_retired(struct io_map *map); /* for io_table_free when nobody searches them any more */
void io_table_free(struct io_table *tables);              /* and all older ones */
const struct io_region *io_map_find(const struct io_map *map, u64 address); /* O(log n); NULL: nobody */
/* Whole accesses, split where they straddle regions; also the place of the all-ones rule. */
u64 io_map_read(const struct io_map *map, u64 address, unsigned size_bytes);
void io_map_write(const struct io_map *map, u64 address, unsigned size_bytes, u64 value);

#endif

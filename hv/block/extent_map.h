/* SPDX-License-Identifier: MIT */
/*
 * Where the sectors of a file lie on the disk below: looked up by any CPU at any level without a lock, while one thread makes it
 * longer. Extents are only appended, or the last one extended, and counted after they are written; what is cut off is not looked up
 * any more (image_file.h: no request lies behind a size that shrinks). Pure but for kmalloc.
 */
#ifndef HV_BLOCK_EXTENT_MAP_H
#define HV_BLOCK_EXTENT_MAP_H

#include "hv/lib/types.h"

#define EXTENTS_PER_CHUNK 128u
#define EXTENT_CHUNKS_MAX 512u /* 65,536 extents */

struct extent { u64 first, disk, count; }; /* sectors [first, first + count) lie at disk */

struct extent_map {
	struct extent *chunks[EXTENT_CHUNKS_MAX]; /* (a) appended by the writer */
	u32 count;                                /* (a) extents */
};

/* Writer, one thread. ERR_FULL: too many pieces; ERR_NO_MEMORY. first is where the map ended. */
MUST_CHECK int extent_map_add(struct extent_map *map, u64 first, u64 disk, u64 count);
void extent_map_cut(struct extent_map *map, u64 sectors); /* keeps the first `sectors` */
u64 extent_map_sectors(const struct extent_map *map);
void extent_map_release(struct extent_map *map);
/* Any context: where the sector lies, and how many follow it there. False: behind the end. */
bool extent_map_find(const struct extent_map *map, u64 sector, u64 *disk, u64 *count);

#endif

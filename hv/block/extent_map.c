/* SPDX-License-Identifier: MIT */
/* The table of extents (hv/block/extent_map.h): binary search over chunks that never move. */
#include "hv/block/extent_map.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"

static struct extent *at(const struct extent_map *map, u32 index)
{
	return &__atomic_load_n(&map->chunks[index / EXTENTS_PER_CHUNK], __ATOMIC_RELAXED)[index % EXTENTS_PER_CHUNK];
}

u64 extent_map_sectors(const struct extent_map *map)
{
	u32 count = __atomic_load_n(&map->count, __ATOMIC_ACQUIRE);
	const struct extent *last = count ? at(map, count - 1) : NULL;

	return last ? last->first + READ_ONCE(last->count) : 0;
}

int extent_map_add(struct extent_map *map, u64 first, u64 disk, u64 count)
{
	struct extent *last = map->count ? at(map, map->count - 1) : NULL;
	u32 chunk = map->count / EXTENTS_PER_CHUNK;

	if (last && last->disk + last->count == disk) {
		WRITE_ONCE(last->count, last->count + count);
		return OK;
	}
	if (chunk == EXTENT_CHUNKS_MAX)
		return ERR_FULL;
	if (!map->chunks[chunk]) {
		struct extent *new = kzalloc(EXTENTS_PER_CHUNK * sizeof(*new));

		if (!new)
			return ERR_NO_MEMORY;
		__atomic_store_n(&map->chunks[chunk], new, __ATOMIC_RELEASE);
	}
	*at(map, map->count) = (struct extent){ first, disk, count };
	__atomic_store_n(&map->count, map->count + 1, __ATOMIC_RELEASE);
	return OK;
}

void extent_map_cut(struct extent_map *map, u64 sectors)
{
	while (map->count && at(map, map->count - 1)->first >= sectors)
		__atomic_store_n(&map->count, map->count - 1, __ATOMIC_RELEASE);
	if (map->count && extent_map_sectors(map) > sectors)
		WRITE_ONCE(at(map, map->count - 1)->count, sectors - at(map, map->count - 1)->first);
}

void extent_map_release(struct extent_map *map)
{
	for (u32 i = 0; i < EXTENT_CHUNKS_MAX; i++)
		kfree(map->chunks[i]);
}

bool extent_map_find(const struct extent_map *map, u64 sector, u64 *disk, u64 *count)
{
	u32 low = 0, high = __atomic_load_n(&map->count, __ATOMIC_ACQUIRE);
	const struct extent *extent;

	while (high - low > 1) { /* the last extent that does not begin behind the sector */
		u32 middle = low + (high - low) / 2;

		if (at(map, middle)->first <= sector)
			low = middle;
		else
			high = middle;
	}
	if (low == high)
		return false;
	extent = at(map, low);
	if (sector < extent->first || sector - extent->first >= READ_ONCE(extent->count))
		return false;
	*disk = extent->disk + (sector - extent->first);
	*count = READ_ONCE(extent->count) - (sector - extent->first);
	return true;
}

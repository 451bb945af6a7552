/* SPDX-License-Identifier: MIT */
/* Building the memory map range by range; ranges that come in order cost constant time each. */
#include "hv/memory_map.h"
#include "hv/lib/string.h"

/* Who wins where two ranges overlap; an unknown type counts as reserved. */
static unsigned restriction(u32 type)
{
	static const u8 order[] = {
		[BOOT_MEMORY_FREE] = 1, [BOOT_MEMORY_BOOT] = 2, [BOOT_MEMORY_MODULE] = 3, [BOOT_MEMORY_ACPI_TABLES] = 4,
		[BOOT_MEMORY_ACPI_NVS] = 5, [BOOT_MEMORY_RUNTIME_DATA] = 6, [BOOT_MEMORY_RUNTIME_CODE] = 7,
		[BOOT_MEMORY_RESERVED] = 8, [BOOT_MEMORY_MMIO] = 9, [BOOT_MEMORY_IMAGE] = 10,
	};

	return type < ARRAY_SIZE(order) ? order[type] : 0;
}

bool memory_type_is_ram(u32 type)
{
	return type != BOOT_MEMORY_RESERVED && type != BOOT_MEMORY_MMIO;
}

void memory_map_init(struct memory_map *map)
{
	map->count = 0;
	map->dropped = 0;
}

u32 memory_map_find(const struct memory_map *map, u64 address)
{
	u32 low = 0, high = map->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (map->ranges[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void remove_at(struct memory_map *map, u32 index)
{
	memmove(&map->ranges[index], &map->ranges[index + 1], (map->count - index - 1) * sizeof(map->ranges[0]));
	map->count--;
}

/*
 * A full table gives up its smallest free range: memory lost is better than a reservation forgotten. The range at *index
 * stays (count: none is spared); *index follows it.
 */
static bool make_room(struct memory_map *map, u32 *index)
{
	u32 smallest = map->count;

	for (u32 i = 0; i < map->count; i++) {
		struct memory_range *r = &map->ranges[i];

		if (r->type == BOOT_MEMORY_FREE && i != *index &&
		    (smallest == map->count || r->end - r->base < map->ranges[smallest].end - map->ranges[smallest].base))
			smallest = i;
	}
	if (smallest == map->count)
		return false;
	remove_at(map, smallest);
	map->dropped++;
	if (smallest < *index)
		(*index)--;
	return true;
}

static void insert_at(struct memory_map *map, u32 index, struct memory_range range)
{
	if (map->count == MEMORY_MAP_MAX) {
		u32 spared = map->count;

		if (range.type == BOOT_MEMORY_FREE || !make_room(map, &spared)) {
			map->dropped++;
			return;
		}
		index = memory_map_find(map, range.base);
	}
	memmove(&map->ranges[index + 1], &map->ranges[index], (map->count - index) * sizeof(map->ranges[0]));
	map->ranges[index] = range;
	map->count++;
}

static bool same_kind(const struct memory_range *a, const struct memory_range *b)
{
	return a->type == b->type && a->attributes == b->attributes;
}

/* Joins range `index` with its neighbours where they touch. */
static void join(struct memory_map *map, u32 index)
{
	struct memory_range *r = &map->ranges[index];

	if (index + 1 < map->count && r->end == r[1].base && same_kind(r, r + 1)) {
		r->end = r[1].end;
		remove_at(map, index + 1);
	}
	if (index > 0 && r[-1].end == r->base && same_kind(r, r - 1)) {
		r[-1].end = r->end;
		remove_at(map, index);
	}
}

static void join_around(struct memory_map *map, u64 base, u64 end)
{
	u32 i = memory_map_find(map, base ? base - 1 : 0);

	while (i < map->count && map->ranges[i].base <= end) {
		u32 before = map->count;

		join(map, i);
		if (map->count == before)
			i++;
	}
}

/* Cuts range *index so that one part of it is exactly [base, end), which *index then names; false: no room. */
static bool carve(struct memory_map *map, u32 *place, u64 base, u64 end)
{
	struct memory_range whole = map->ranges[*place];
	u32 index;

	while (map->count + 2 > MEMORY_MAP_MAX)
		if (!make_room(map, place))
			return false;
	index = *place;
	if (whole.base < base) {
		struct memory_range head = whole;

		head.end = base;
		map->ranges[index].base = base;
		insert_at(map, index, head);
		index++;
	}
	if (whole.end > end) {
		struct memory_range tail = whole;

		tail.base = end;
		map->ranges[index].end = end;
		insert_at(map, index + 1, tail);
	}
	*place = index;
	return true;
}

/* The part of `range` that an existing range covers: the more restrictive kind keeps it. */
static void settle_overlap(struct memory_map *map, u32 index, const struct memory_range *range, u64 base, u64 end)
{
	if (restriction(range->type) <= restriction(map->ranges[index].type))
		return;
	if (!carve(map, &index, base, end))
		map->dropped++; /* no room to cut: all of it takes the stricter kind */
	map->ranges[index].type = range->type;
	map->ranges[index].attributes = range->attributes;
}

static void add(struct memory_map *map, struct memory_range range)
{
	u64 place = range.base;

	while (place < range.end) {
		u32 i = memory_map_find(map, place);
		u64 end = range.end;

		if (i == map->count || map->ranges[i].base >= range.end) {
			insert_at(map, i, (struct memory_range){ place, end, range.type, range.attributes });
		} else if (map->ranges[i].base > place) {
			end = map->ranges[i].base;
			insert_at(map, i, (struct memory_range){ place, end, range.type, range.attributes });
		} else {
			end = MIN(end, map->ranges[i].end);
			settle_overlap(map, i, &range, place, end);
		}
		place = end;
	}
	join_around(map, range.base, range.end);
}

void memory_map_add(struct memory_map *map, const struct boot_memory_range *boot, u64 limit)
{
	struct memory_range range = { boot->base, 0, boot->type, boot->attributes };

	if (restriction(range.type) == 0)
		range.type = BOOT_MEMORY_RESERVED;
	if (__builtin_add_overflow(boot->base, boot->size_bytes, &range.end) || range.end > limit)
		range.end = limit;
	if (range.base >= limit || boot->size_bytes == 0) {
		map->dropped++;
		return;
	}
	if (range.type == BOOT_MEMORY_FREE) {
		if (range.base > limit - PAGE_SIZE)
			return;
		range.base = ALIGN_UP(range.base, PAGE_SIZE);
		range.end = ALIGN_DOWN(range.end, PAGE_SIZE);
	} else {
		range.base = ALIGN_DOWN(range.base, PAGE_SIZE);
		range.end = ALIGN_UP(range.end, PAGE_SIZE);
	}
	if (range.base < range.end)
		add(map, range);
}

void memory_map_retype(struct memory_map *map, u64 base, u64 end, u32 from, u32 to)
{
	for (u32 i = memory_map_find(map, base); i < map->count && map->ranges[i].base < end; i++) {
		if (map->ranges[i].type != from)
			continue;
		if (!carve(map, &i, MAX(base, map->ranges[i].base), MIN(end, map->ranges[i].end))) {
			map->dropped++;
			return;
		}
		map->ranges[i].type = to;
		map->ranges[i].attributes = 0;
	}
	join_around(map, base, end);
}

u64 memory_map_bytes(const struct memory_map *map, u32 type)
{
	u64 total = 0;

	for (u32 i = 0; i < map->count; i++)
		if (map->ranges[i].type == type)
			total += map->ranges[i].end - map->ranges[i].base;
	return total;
}

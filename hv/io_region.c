/* SPDX-License-Identifier: MIT */
/*
 * The sorted map from guest ports or MMIO addresses to the devices that claim them.
 *
 * Lookup is a binary search over an array that is never changed in place: an addition or removal builds a new array and
 * swaps it in (the old one is retired, and freed later or with the map), so a vCPU that searches on another CPU sees the
 * old map or the new one. Writers hold the machine's memory_lock. Next to read: hv/exit_io.c.
 */
#include "hv/io_region.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define ALL_ONES(size_bytes) ((size_bytes) >= 8 ? ~(u64)0 : BIT64((size_bytes) * 8) - 1)

static bool map_is_sane(const struct io_region *region)
{
	return region->size_bytes && region->base + region->size_bytes - 1 >= region->base && region->ops;
}

void io_map_init(struct io_map *map)
{
	*map = (struct io_map){ 0 };
}

void io_map_release(struct io_map *map)
{
	kfree(map->table);
	io_table_free(map->retired);
	io_map_init(map);
}

struct io_table *io_map_take_retired(struct io_map *map)
{
	struct io_table *retired = map->retired;

	map->retired = NULL;
	return retired;
}

void io_table_free(struct io_table *tables)
{
	while (tables) {
		struct io_table *older = tables->older;

		kfree(tables);
		tables = older;
	}
}

/* Replaces the table; whoever still searches the one before finishes on it. */
static void publish(struct io_map *map, struct io_table *table)
{
	struct io_table *old = map->table;

	__atomic_store_n(&map->table, table, __ATOMIC_RELEASE);
	__atomic_fetch_add(&map->generation, 1, __ATOMIC_RELEASE);
	if (!old)
		return;
	old->older = map->retired;
	map->retired = old;
}

static struct io_table *table_new(u32 count)
{
	struct io_table *table = kmalloc(sizeof(*table) + count * sizeof(table->regions[0]));

	if (table)
		table->count = count;
	return table;
}

int io_map_add(struct io_map *map, const struct io_region *region)
{
	u32 old_count = map->table ? map->table->count : 0, at = 0;
	const struct io_region *old = map->table ? map->table->regions : NULL;
	struct io_table *table;

	if (!map_is_sane(region))
		return ERR_INVALID;
	while (at < old_count && old[at].base < region->base)
		at++;
	if (at > 0 && region->base - old[at - 1].base < old[at - 1].size_bytes)
		return ERR_EXISTS;
	if (at < old_count && old[at].base - region->base < region->size_bytes)
		return ERR_EXISTS;
	table = table_new(old_count + 1);
	if (!table)
		return ERR_NO_MEMORY;
	if (at)
		memcpy(table->regions, old, at * sizeof(*old));
	table->regions[at] = *region;
	if (old_count - at)
		memcpy(&table->regions[at + 1], &old[at], (old_count - at) * sizeof(*old));
	publish(map, table);
	return OK;
}

void io_map_remove(struct io_map *map, u64 base)
{
	struct io_table *table, *old = map->table;
	u32 to = 0;

	if (!old || !io_map_find(map, base))
		return;
	table = table_new(old->count);
	if (!table)
		return; /* no memory: the region stays; its owner must keep answering until the machine ends */
	for (u32 i = 0; i < old->count; i++)
		if (old->regions[i].base != base)
			table->regions[to++] = old->regions[i];
	table->count = to;
	publish(map, table);
}

const struct io_region *io_map_find(const struct io_map *map, u64 address)
{
	const struct io_table *table = __atomic_load_n(&map->table, __ATOMIC_ACQUIRE);
	const struct io_region *low, *probe;
	u32 count;

	if (UNLIKELY(!table || !table->count))
		return NULL;
	low = table->regions;
	for (count = table->count; count > 1; count -= count / 2) {
		probe = low + count / 2;
		if (probe->base <= address)
			low = probe;
	}
	return address - low->base < low->size_bytes ? low : NULL;
}

static bool in_one_region(const struct io_region *region, u64 address, unsigned size_bytes)
{
	return region && region->size_bytes - (address - region->base) >= size_bytes;
}

u64 io_map_read(const struct io_map *map, u64 address, unsigned size_bytes)
{
	const struct io_region *region = io_map_find(map, address);
	u64 value = 0;

	if (LIKELY(in_one_region(region, address, size_bytes)))
		return region->ops->read(region->device, address - region->base, size_bytes) & ALL_ONES(size_bytes);
	if (size_bytes == 1)
		return 0xff;
	for (unsigned i = 0; i < size_bytes; i++)
		value |= io_map_read(map, address + i, 1) << (8 * i);
	return value;
}

void io_map_write(const struct io_map *map, u64 address, unsigned size_bytes, u64 value)
{
	const struct io_region *region = io_map_find(map, address);

	if (LIKELY(in_one_region(region, address, size_bytes))) {
		region->ops->write(region->device, address - region->base, size_bytes, value & ALL_ONES(size_bytes));
		return;
	}
	for (unsigned i = 0; size_bytes > 1 && i < size_bytes; i++)
		io_map_write(map, address + i, 1, (value >> (8 * i)) & 0xff);
}

/* SPDX-License-Identifier: MIT */
/*
 * The allocation table of a FAT32 file system, held in memory, and its way back to the disk.
 *
 * What changes is marked by sector; fat_commit writes the marked ones to each copy and flushes. Nothing reaches the disk before:
 * so callers decide what is durable before what. The free count in FSInfo is written along; after a cut of power it may be old,
 * which every system takes for a hint. Next to read: fat_entry.c, fat_resize.c for the orders.
 */
#include "hv/block/fat_internal.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define PIECE_BYTES 65536u
#define PIECE_ENTRIES (PIECE_BYTES / 4)

static u32 sectors_per_piece(const struct fat_volume *volume)
{
	return PIECE_BYTES / volume->geometry.sector_bytes;
}

static u32 piece_count(const struct fat_volume *volume)
{
	return DIV_ROUND_UP(volume->table_used_sectors, sectors_per_piece(volume));
}

static u8 *entry_at(const struct fat_volume *volume, u32 cluster)
{
	return volume->table[cluster / PIECE_ENTRIES] + (size_t)(cluster % PIECE_ENTRIES) * 4;
}

static int read_pieces(struct fat_volume *volume)
{
	const struct fat_geometry *g = &volume->geometry;
	u64 start = g->table_start + (u64)g->active_copy * g->table_sectors;
	u32 per_piece = sectors_per_piece(volume);
	int error = OK;

	for (u32 i = 0; i < piece_count(volume) && !error; i++) {
		volume->table[i] = kmalloc(PIECE_BYTES);
		if (!volume->table[i])
			return ERR_NO_MEMORY;
		memset(volume->table[i], 0, PIECE_BYTES);
		error = fat_sectors_read(volume, start + (u64)i * per_piece, volume->table[i],
					 MIN(per_piece, volume->table_used_sectors - i * per_piece));
	}
	return error;
}

static void count_free(struct fat_volume *volume)
{
	volume->next_free = FAT_FIRST_CLUSTER;
	for (u32 i = 0; i < volume->geometry.cluster_count; i++)
		volume->free_clusters += fat_table_get(volume, FAT_FIRST_CLUSTER + i) == FAT_FREE;
}

int fat_table_load(struct fat_volume *volume)
{
	u64 bytes = ((u64)volume->geometry.cluster_count + FAT_FIRST_CLUSTER) * 4;
	int error;

	volume->table_used_sectors = (u32)DIV_ROUND_UP(bytes, volume->geometry.sector_bytes);
	volume->table = kzalloc(piece_count(volume) * sizeof(*volume->table));
	volume->dirty = kzalloc(DIV_ROUND_UP(volume->table_used_sectors, 64) * sizeof(*volume->dirty));
	if (!volume->table || !volume->dirty)
		return ERR_NO_MEMORY;
	error = read_pieces(volume);
	if (!error)
		count_free(volume);
	return error;
}

void fat_table_release(struct fat_volume *volume)
{
	for (u32 i = 0; volume->table && i < piece_count(volume); i++)
		kfree(volume->table[i]);
	kfree(volume->table);
	kfree(volume->dirty);
}

u32 fat_table_get(const struct fat_volume *volume, u32 cluster)
{
	return fat_little32(entry_at(volume, cluster)) & FAT_END;
}

void fat_table_set(struct fat_volume *volume, u32 cluster, u32 value)
{
	u8 *entry = entry_at(volume, cluster);
	u32 sector = cluster / (volume->geometry.sector_bytes / 4);
	bool was_free = fat_table_get(volume, cluster) == FAT_FREE;

	fat_put32(entry, (fat_little32(entry) & ~FAT_END) | value); /* the upper four bits are not ours */
	volume->free_clusters += (u32)(value == FAT_FREE) - (u32)was_free;
	volume->dirty[sector / 64] |= BIT64(sector % 64);
	if (volume->dirty_low == volume->dirty_high) {
		volume->dirty_low = sector;
		volume->dirty_high = sector + 1;
	}
	volume->dirty_low = MIN(volume->dirty_low, sector);
	volume->dirty_high = MAX(volume->dirty_high, sector + 1);
}

bool fat_cluster_valid(const struct fat_volume *volume, u32 cluster)
{
	return cluster >= FAT_FIRST_CLUSTER && cluster - FAT_FIRST_CLUSTER < volume->geometry.cluster_count;
}

int fat_chain_next(const struct fat_volume *volume, u32 cluster, u32 *next)
{
	u32 value = fat_table_get(volume, cluster);

	*next = 0;
	if (value >= FAT_END_MIN)
		return OK;
	if (!fat_cluster_valid(volume, value))
		return ERR_INVALID; /* free, bad, or outside */
	*next = value;
	return OK;
}

/* Clusters in ascending order from where the last search ended: a file that grows alone lies in one piece. */
int fat_chain_allocate(struct fat_volume *volume, u32 count, u32 *first)
{
	u32 at = volume->next_free, last = 0;

	if (count > volume->free_clusters)
		return ERR_FULL;
	for (u32 taken = 0; taken < count; at++) {
		if (!fat_cluster_valid(volume, at))
			at = FAT_FIRST_CLUSTER;
		if (fat_table_get(volume, at) != FAT_FREE)
			continue;
		if (last)
			fat_table_set(volume, last, at);
		else
			*first = at;
		fat_table_set(volume, at, FAT_END);
		last = at;
		taken++;
	}
	volume->next_free = at;
	return OK;
}

void fat_chain_free(struct fat_volume *volume, u32 first)
{
	while (first) {
		u32 next;
		int error = fat_chain_next(volume, first, &next); /* an entry that is free already ends it: no loop goes on */

		fat_table_set(volume, first, FAT_FREE);
		first = error ? 0 : next;
	}
}

static bool is_dirty(const struct fat_volume *volume, u32 sector)
{
	return volume->dirty[sector / 64] >> (sector % 64) & 1;
}

/* Marked sectors that follow each other inside of a piece, to one copy. */
static int write_run(struct fat_volume *volume, u32 copy, u32 sector, u32 count)
{
	const struct fat_geometry *g = &volume->geometry;
	u32 per_piece = sectors_per_piece(volume);
	const u8 *bytes = volume->table[sector / per_piece] + (size_t)(sector % per_piece) * g->sector_bytes;

	return fat_sectors_write(volume, g->table_start + (u64)copy * g->table_sectors + sector, bytes, count);
}

static int write_copy(struct fat_volume *volume, u32 copy)
{
	int error = OK;

	for (u32 sector = volume->dirty_low; sector < volume->dirty_high && !error;) {
		u32 count = 0, room = sectors_per_piece(volume) - sector % sectors_per_piece(volume);

		while (count < room && sector + count < volume->dirty_high && is_dirty(volume, sector + count))
			count++;
		if (count)
			error = write_run(volume, copy, sector, count);
		sector += count ? count : 1;
	}
	return error;
}

/* "FAT32 File System Specification", "FAT32 FSInfo Sector Structure": signatures at 0, 484 and 508, free count at 488. */
static int write_info(struct fat_volume *volume)
{
	u8 *info = kmalloc(volume->geometry.sector_bytes);
	int error = info ? fat_sectors_read(volume, volume->geometry.info_sector, info, 1) : ERR_NO_MEMORY;

	if (!error && fat_little32(info) == 0x41615252 && fat_little32(info + 484) == 0x61417272) {
		fat_put32(info + 488, volume->free_clusters);
		fat_put32(info + 492, fat_cluster_valid(volume, volume->next_free) ? volume->next_free : FAT_FIRST_CLUSTER);
		error = fat_sectors_write(volume, volume->geometry.info_sector, info, 1);
	}
	kfree(info);
	return error;
}

int fat_commit(struct fat_volume *volume)
{
	const struct fat_geometry *g = &volume->geometry;
	int error = OK;

	if (volume->failed)
		return ERR_IO;
	if (volume->dirty_low != volume->dirty_high) {
		for (u32 i = 0; i < (g->mirrored ? g->table_copies : 1) && !error; i++)
			error = write_copy(volume, g->mirrored ? i : g->active_copy);
		if (!error && g->info_sector)
			error = write_info(volume);
		memset(volume->dirty + volume->dirty_low / 64, 0,
		       (DIV_ROUND_UP(volume->dirty_high, 64) - volume->dirty_low / 64) * sizeof(*volume->dirty));
		volume->dirty_low = volume->dirty_high = 0;
	}
	if (!error)
		error = block_flush(volume->device);
	volume->failed = volume->failed || error;
	return error;
}

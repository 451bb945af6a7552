/* SPDX-License-Identifier: MIT */
/*
 * A file's bytes: read, written in place, and where they lie. The lock is held only to find a run of clusters, never while data
 * move: clusters of an open file are taken from it by its own shrinking alone.
 */
#include "hv/block/fat_internal.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

struct run { u64 offset, sector, size_bytes; }; /* offset in the file; sector of the device, in its 512 bytes */

/* [lock] The cluster with this number in the file; walks on from the place of the last walk where it can. 0: there is none. */
static u32 cluster_at(struct fat_file *file, u32 index)
{
	if (index >= file->cluster_count)
		return 0;
	if (index < file->near_index) {
		file->near_index = 0;
		file->near_cluster = file->first_cluster;
	}
	while (file->near_index < index) {
		u32 next;

		if (fat_chain_next(file->volume, file->near_cluster, &next) || !next)
			return 0;
		file->near_cluster = next;
		file->near_index++;
	}
	return file->near_cluster;
}

/* [lock] The clusters from the one of `offset` on that follow each other on the disk, up to `max` bytes. false: behind the chain. */
static bool find_run(struct fat_file *file, u64 offset, u64 max, struct run *run)
{
	struct fat_volume *volume = file->volume;
	u64 cluster_bytes = fat_cluster_bytes(volume), inside = offset % cluster_bytes;
	u32 index = (u32)(offset / cluster_bytes), first = cluster_at(file, index), count = 1;

	if (!first)
		return false;
	while (count * cluster_bytes - inside < max && cluster_at(file, index + count) == first + count)
		count++;
	run->offset = offset;
	run->sector = fat_cluster_sector(volume, first) * (volume->geometry.sector_bytes / BLOCK_SECTOR_BYTES) +
		      inside / BLOCK_SECTOR_BYTES;
	run->size_bytes = MIN(count * cluster_bytes - inside, max);
	return true;
}

void fat_extents(struct fat_file *file, u64 from, bool (*visit)(void *context, const struct fat_extent *extent), void *context)
{
	struct run run;
	bool more = true;

	for (u64 offset = from * BLOCK_SECTOR_BYTES; more; offset += run.size_bytes) {
		struct fat_extent extent;

		mutex_lock(&file->volume->lock);
		more = find_run(file, offset, ~(u64)0, &run);
		mutex_unlock(&file->volume->lock);
		if (!more)
			return;
		extent = (struct fat_extent){ offset / BLOCK_SECTOR_BYTES, run.sector, run.size_bytes / BLOCK_SECTOR_BYTES };
		more = visit(context, &extent);
	}
}

/* Part of one sector: read, changed, and written where it is a write. */
static int move_part(struct fat_volume *volume, bool write, const struct run *run, u32 inside, u8 *buffer, u32 size_bytes)
{
	u32 sectors = volume->geometry.sector_bytes / BLOCK_SECTOR_BYTES;
	u8 *sector = kmalloc(volume->geometry.sector_bytes);
	int error = sector ? block_read(volume->device, run->sector, sector, sectors) : ERR_NO_MEMORY;

	if (!error && write) {
		memcpy(sector + inside, buffer, size_bytes);
		error = block_write(volume->device, run->sector, sector, sectors, 0);
	} else if (!error) {
		memcpy(buffer, sector + inside, size_bytes);
	}
	kfree(sector);
	return error;
}

/* The next piece at offset: whole sectors of a run, or one at most by a copy. Returns its size, or an error. */
static s64 move_piece(struct fat_file *file, bool write, u64 offset, u8 *buffer, u64 size_bytes)
{
	struct fat_volume *volume = file->volume;
	u32 sector_bytes = volume->geometry.sector_bytes, inside = (u32)(offset % sector_bytes);
	struct run run;
	u64 part;
	bool found;
	int error;

	mutex_lock(&volume->lock);
	found = find_run(file, offset - inside, ALIGN_UP(inside + size_bytes, (u64)sector_bytes), &run);
	mutex_unlock(&volume->lock);
	if (!found)
		return ERR_IO;
	if (inside || size_bytes < sector_bytes || ((uintptr_t)buffer & 3)) {
		part = MIN(size_bytes, (u64)sector_bytes - inside);
		error = move_part(volume, write, &run, inside, buffer, (u32)part);
	} else {
		part = ALIGN_DOWN(MIN(size_bytes, run.size_bytes), (u64)sector_bytes);
		error = write ? block_write(volume->device, run.sector, buffer, part / BLOCK_SECTOR_BYTES, 0)
			      : block_read(volume->device, run.sector, buffer, part / BLOCK_SECTOR_BYTES);
	}
	return error ? error : (s64)part;
}

int fat_data_move(struct fat_file *file, bool write, u64 offset, u8 *buffer, u64 size_bytes)
{
	while (size_bytes) {
		s64 part = move_piece(file, write, offset, buffer, size_bytes);

		if (part < 0)
			return (int)part;
		offset += (u64)part;
		buffer += part;
		size_bytes -= (u64)part;
	}
	return OK;
}

static int check_range(const struct fat_file *file, u64 offset, u64 size_bytes)
{
	u64 size = fat_size(file);

	return offset > size || size_bytes > size - offset ? ERR_RANGE : OK;
}

int fat_read(struct fat_file *file, u64 offset, void *buffer, u64 size_bytes)
{
	int error = check_range(file, offset, size_bytes);

	return error ? error : fat_data_move(file, false, offset, buffer, size_bytes);
}

int fat_write(struct fat_file *file, u64 offset, const void *buffer, u64 size_bytes)
{
	int error = check_range(file, offset, size_bytes);

	if (error)
		return error;
	mutex_lock(&file->volume->lock);
	error = fat_may_write(file->volume);
	mutex_unlock(&file->volume->lock);
	return error ? error : fat_data_move(file, true, offset, (u8 *)(uintptr_t)buffer, size_bytes);
}

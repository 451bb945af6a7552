/* SPDX-License-Identifier: MIT */
/*
 * Files made longer and shorter. After each step there is a flush; power may be cut between any two:
 *
 *   longer:   a chain of new clusters, not linked  |  zeroes in them  |  linked behind the last one  |  the entry's size
 *   shorter:  the entry's size  |  the end mark at the new last cluster  |  what was behind it freed
 *
 * So the chain is never shorter than the size, and what is left over is lost clusters, or clusters behind the file's end, which
 * the next growth of that file uses.
 */
#include "hv/block/fat_internal.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static u32 clusters_for(const struct fat_volume *volume, u64 size_bytes)
{
	return (u32)DIV_ROUND_UP(size_bytes, fat_cluster_bytes(volume));
}

/* Not locked: nobody else knows these clusters. */
static int zero_chain(struct fat_volume *volume, u32 cluster)
{
	u32 scale = volume->geometry.sector_bytes / BLOCK_SECTOR_BYTES;
	int error = OK;

	while (cluster && !error) {
		u32 first = cluster, count = 0, next = cluster;

		mutex_lock(&volume->lock);
		while (next == first + count && count < 1u << 16 && !error) {
			count++;
			error = fat_chain_next(volume, next, &next);
		}
		mutex_unlock(&volume->lock);
		cluster = next;
		error = error ? error : block_write_zeroes(volume->device, fat_cluster_sector(volume, first) * scale,
							   count * fat_cluster_bytes(volume) / BLOCK_SECTOR_BYTES);
	}
	return error;
}

struct zeroing { struct fat_volume *volume; int error; };

static bool zero_extent(void *context, const struct fat_extent *extent)
{
	struct zeroing *zeroing = context;

	zeroing->error = block_write_zeroes(zeroing->volume->device, extent->disk, extent->count);
	return zeroing->error == OK;
}

/* The bytes that the chain has behind the old size: the rest of its last sector, then whole sectors. */
static int zero_rest(struct fat_file *file, u64 old_size)
{
	struct fat_volume *volume = file->volume;
	u32 sector_bytes = volume->geometry.sector_bytes, inside = (u32)(old_size % sector_bytes);
	u64 whole = ALIGN_UP(old_size, (u64)sector_bytes), chain_bytes;
	struct zeroing zeroing = { volume, OK };
	u8 *zeroes;

	mutex_lock(&volume->lock);
	chain_bytes = (u64)file->cluster_count * fat_cluster_bytes(volume);
	mutex_unlock(&volume->lock);
	if (inside) {
		zeroes = kzalloc(sector_bytes);
		zeroing.error = zeroes ? fat_data_move(file, true, old_size, zeroes, sector_bytes - inside) : ERR_NO_MEMORY;
		kfree(zeroes);
	}
	if (!zeroing.error && whole < chain_bytes)
		fat_extents(file, whole / BLOCK_SECTOR_BYTES, zero_extent, &zeroing);
	return zeroing.error;
}

/* [lock] The new clusters become the file's, then the size. */
static int link_and_size(struct fat_file *file, u32 new_first, u32 new_count, u32 size_bytes)
{
	struct fat_volume *volume = file->volume;
	u32 first = file->cluster_count ? file->first_cluster : new_first, last = new_first;
	int error = OK;

	if (new_count && file->cluster_count) {
		fat_table_set(volume, file->last_cluster, new_first);
		error = fat_commit(volume);
	}
	error = error ? error : fat_entry_update(volume, file->place, first, size_bytes);
	if (error)
		return error; /* the volume is marked: nothing more is written */
	for (u32 i = 1; i < new_count; i++)
		if (fat_chain_next(volume, last, &last))
			return ERR_IO;
	if (!file->cluster_count) {
		file->first_cluster = file->near_cluster = new_first;
		file->near_index = 0;
	}
	file->cluster_count += new_count;
	file->last_cluster = new_count ? last : file->last_cluster;
	__atomic_store_n(&file->size_bytes, size_bytes, __ATOMIC_RELEASE);
	return OK;
}

static int grow(struct fat_file *file, u32 size_bytes, bool undefined)
{
	struct fat_volume *volume = file->volume;
	u32 old_size = file->size_bytes, needed = clusters_for(volume, size_bytes), new_first = 0, new_count = 0;
	int error = OK;

	mutex_lock(&volume->lock);
	if (needed > file->cluster_count) {
		new_count = needed - file->cluster_count;
		error = fat_chain_allocate(volume, new_count, &new_first);
		new_count = error ? 0 : new_count;
		volume->sector_number = ~(u64)0; /* it may be of a folder that is gone, and the file's now */
		error = error ? error : fat_commit(volume);
	}
	mutex_unlock(&volume->lock);
	if (!error && !undefined) {
		error = zero_rest(file, old_size);
		error = error ? error : zero_chain(volume, new_first);
		error = error ? error : block_flush(volume->device);
	}
	mutex_lock(&volume->lock);
	if (!error) {
		error = link_and_size(file, new_first, new_count, size_bytes);
	} else if (new_count) {
		fat_chain_free(volume, new_first);
		(void)!fat_commit(volume);
	}
	mutex_unlock(&volume->lock);
	return error;
}

/* [lock] */
static int cut_chain(struct fat_file *file, u32 keep)
{
	struct fat_volume *volume = file->volume;
	u32 last = file->first_cluster, behind;
	int error = OK;

	if (keep >= file->cluster_count)
		return OK;
	for (u32 i = 1; i < keep && !error; i++)
		error = fat_chain_next(volume, last, &last);
	if (error)
		return error;
	behind = last;
	if (keep) {
		error = fat_chain_next(volume, last, &behind);
		fat_table_set(volume, last, FAT_END);
		error = error ? error : fat_commit(volume);
	}
	if (error)
		return error;
	fat_chain_free(volume, behind);
	file->cluster_count = keep;
	file->last_cluster = keep ? last : 0;
	file->first_cluster = keep ? file->first_cluster : 0;
	file->near_index = 0;
	file->near_cluster = file->first_cluster;
	return fat_commit(volume);
}

static int shrink(struct fat_file *file, u32 size_bytes)
{
	struct fat_volume *volume = file->volume;
	u32 keep = clusters_for(volume, size_bytes);
	int error;

	mutex_lock(&volume->lock);
	error = fat_entry_update(volume, file->place, keep ? file->first_cluster : 0, size_bytes);
	if (!error)
		__atomic_store_n(&file->size_bytes, size_bytes, __ATOMIC_RELEASE);
	error = error ? error : cut_chain(file, keep);
	mutex_unlock(&volume->lock);
	return error;
}

int fat_resize(struct fat_file *file, u64 size_bytes, bool undefined)
{
	struct fat_volume *volume = file->volume;
	int error;

	if (size_bytes > FAT_FILE_MAX)
		return ERR_RANGE;
	mutex_lock(&volume->lock);
	error = file->resizing ? ERR_BUSY : fat_may_write(volume);
	if (!error)
		file->resizing = true;
	mutex_unlock(&volume->lock);
	if (error)
		return error;
	if (size_bytes > file->size_bytes)
		error = grow(file, (u32)size_bytes, undefined);
	else if (size_bytes < file->size_bytes)
		error = shrink(file, (u32)size_bytes);
	mutex_lock(&volume->lock);
	file->resizing = false;
	mutex_unlock(&volume->lock);
	return error;
}

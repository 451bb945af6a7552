/* SPDX-License-Identifier: MIT */
/*
 * A FAT32 file system mounted: its boot sector judged, its table loaded, every chain checked; and the way to its sectors.
 *
 * The "dirty" bits of the table's second entry are left as they are: what Solera writes leaves at worst lost clusters at any moment,
 * so there is nothing that they would have to warn of. Next to read: fat_check.c, fat_table.c.
 */
#include "hv/block/fat_internal.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

u64 fat_cluster_bytes(const struct fat_volume *volume)
{
	return (u64)volume->geometry.cluster_sectors * volume->geometry.sector_bytes;
}

u64 fat_cluster_sector(const struct fat_volume *volume, u32 cluster)
{
	return volume->geometry.data_start + (u64)(cluster - FAT_FIRST_CLUSTER) * volume->geometry.cluster_sectors;
}

int fat_sectors_read(struct fat_volume *volume, u64 sector, void *buffer, u32 count)
{
	u32 scale = volume->geometry.sector_bytes / BLOCK_SECTOR_BYTES;

	return block_read(volume->device, sector * scale, buffer, (u64)count * scale);
}

int fat_sectors_write(struct fat_volume *volume, u64 sector, const void *buffer, u32 count)
{
	u32 scale = volume->geometry.sector_bytes / BLOCK_SECTOR_BYTES;
	int error = block_write(volume->device, sector * scale, buffer, (u64)count * scale, 0);

	if (error)
		volume->failed = true;
	return error;
}

int fat_may_write(const struct fat_volume *volume)
{
	if (volume->read_only)
		return ERR_UNSUPPORTED;
	return volume->failed ? ERR_IO : OK;
}

int fat_cluster_zero(struct fat_volume *volume, u32 cluster)
{
	u32 scale = volume->geometry.sector_bytes / BLOCK_SECTOR_BYTES;
	int error = block_write_zeroes(volume->device, fat_cluster_sector(volume, cluster) * scale,
				       fat_cluster_bytes(volume) / BLOCK_SECTOR_BYTES);

	volume->failed = volume->failed || error;
	return error;
}

int fat_flush(struct fat_volume *volume)
{
	return block_flush(volume->device);
}

static int read_geometry(struct fat_volume *volume, char *problem, size_t problem_size)
{
	const struct block_limits *limits = &volume->device->limits;
	struct fat_geometry *geometry = &volume->geometry;
	u64 bytes = MAX(limits->logical_block_bytes, 512u);
	u8 *boot;
	int error;

	if (limits->sector_count < 16) {
		format(problem, problem_size, "it is too small for a file system");
		return ERR_INVALID;
	}
	boot = kmalloc(bytes);
	if (!boot)
		return ERR_NO_MEMORY;
	error = block_read(volume->device, 0, boot, bytes / BLOCK_SECTOR_BYTES);
	error = error ? error : fat_geometry_read(boot, geometry, problem, problem_size);
	kfree(boot);
	if (error)
		return error;
	if (geometry->total_sectors > limits->sector_count / (geometry->sector_bytes / BLOCK_SECTOR_BYTES)) {
		format(problem, problem_size, "its file system says that it is larger than %s", volume->device->name);
		return ERR_INVALID;
	}
	if (geometry->sector_bytes < limits->logical_block_bytes) {
		format(problem, problem_size, "its file system has sectors of %u bytes, the disk blocks of %u", geometry->sector_bytes,
		       limits->logical_block_bytes);
		return ERR_INVALID;
	}
	if (((u64)geometry->cluster_count + FAT_FIRST_CLUSTER) * 4 > FAT_TABLE_BYTES_MAX) {
		format(problem, problem_size, "it has %u clusters, more than %u: make it anew with larger ones", geometry->cluster_count,
		       FAT_TABLE_BYTES_MAX / 4);
		return ERR_UNSUPPORTED;
	}
	return OK;
}

/* The root's label entry; one that is broken is none. */
static void read_label(struct fat_volume *volume)
{
	struct fat_cursor cursor = fat_cursor_start(volume->geometry.root_cluster);
	struct fat_place place = { 0, 0 };
	const u8 *slot = NULL;

	while (fat_cursor_slot(volume, &cursor, &place, &slot) == 1 && slot[0]) {
		if (slot[0] == 0xe5 || (slot[11] & FAT_LONG_NAME) == FAT_LONG_NAME || !(slot[11] & FAT_LABEL))
			continue;
		for (unsigned i = 0; i < 11; i++)
			volume->label[i] = slot[i] >= 0x20 && slot[i] < 0x7f ? (char)slot[i] : '?';
		for (unsigned i = 11; i && volume->label[i - 1] == ' '; i--)
			volume->label[i - 1] = 0;
		return;
	}
}

static void release(struct fat_volume *volume)
{
	fat_table_release(volume);
	kfree(volume->sector);
	kfree(volume);
}

int fat_mount(struct block_device *device, bool read_only, struct fat_volume **out, char *problem, size_t problem_size)
{
	struct fat_volume *volume = kzalloc(sizeof(*volume));
	int error;

	problem[0] = 0;
	if (!volume)
		return ERR_NO_MEMORY;
	mutex_init(&volume->lock, "FAT32 file system");
	list_init(&volume->files);
	volume->device = device;
	volume->read_only = read_only;
	volume->sector_number = ~(u64)0;
	error = read_geometry(volume, problem, problem_size);
	if (!error) {
		volume->sector = kmalloc(volume->geometry.sector_bytes);
		error = volume->sector ? fat_table_load(volume) : ERR_NO_MEMORY;
	}
	error = error ? error : fat_check(volume, problem, problem_size);
	if (error) {
		release(volume);
		return error;
	}
	read_label(volume);
	*out = volume;
	return OK;
}

void fat_unmount(struct fat_volume *volume)
{
	release(volume);
}

void fat_get_space(struct fat_volume *volume, struct fat_space *space)
{
	mutex_lock(&volume->lock);
	*space = (struct fat_space){
		.total_bytes = volume->geometry.cluster_count * fat_cluster_bytes(volume),
		.free_bytes = volume->free_clusters * fat_cluster_bytes(volume),
		.lost_bytes = volume->lost_clusters * fat_cluster_bytes(volume),
		.cluster_bytes = (u32)fat_cluster_bytes(volume),
		.serial = volume->geometry.serial,
		.read_only = volume->read_only || volume->failed,
	};
	string_copy(space->label, volume->label, sizeof(space->label));
	mutex_unlock(&volume->lock);
}

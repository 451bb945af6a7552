/* SPDX-License-Identifier: MIT */
/* Which volumes there are (hv/manage/volume.h), and those that are made, changed and deleted. Copies: volume_copy.c. */
#include "hv/manage/volume.h"
#include "hv/block/file_system.h"
#include "hv/block/image_file.h"
#include "hv/block/partition.h"
#include "hv/block/qcow2_create.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/text.h"
#include "hv/manage/volume_internal.h"

#define VOLUMES_MAX 4096u

struct gathering {
	const struct pool_config *pool;
	struct volume_info *infos;
	size_t count;
	const struct block_device *disk;
	bool no_memory;
};

static struct volume_info *add(struct gathering *all, const char *name, u64 capacity_bytes, u64 allocation_bytes)
{
	struct volume_info *info;

	if (all->count == VOLUMES_MAX || strlen(name) >= VOLUME_NAME_MAX ||
	    strlen(all->pool->target) + strlen(name) + 2 > VOLUME_PATH_MAX)
		return NULL;
	if (all->count % 16 == 0) {
		info = krealloc(all->infos, (all->count + 16) * sizeof(*info));
		all->no_memory = all->no_memory || !info;
		if (!info)
			return NULL;
		all->infos = info;
	}
	info = &all->infos[all->count++];
	*info = (struct volume_info){ .capacity_bytes = capacity_bytes, .allocation_bytes = allocation_bytes,
				      .block = all->pool->type == POOL_DISK };
	string_copy(info->name, name, sizeof(info->name));
	string_copy(info->pool, all->pool->name, sizeof(info->pool));
	format(info->path, sizeof(info->path), "%s/%s", all->pool->target, name);
	return info;
}

static bool add_file(void *context, const struct fat_info *file)
{
	if (!file->folder)
		(void)add(context, file->name, file->size_bytes, file->allocated_bytes);
	return true;
}

static bool add_partition(void *context, struct block_device *device)
{
	struct gathering *all = context;
	u64 bytes = device->limits.sector_count * BLOCK_SECTOR_BYTES;

	if (string_equal(device->name, all->pool->device))
		all->disk = device;
	else if (device->parent && device->parent == all->disk && partition_of(device))
		(void)add(all, device->name, bytes, bytes);
	return true;
}

/* A qcow2 image says its own size: "QFI\xfb" at 0, the size at 24, big-endian (docs/interop/qcow2.txt of QEMU). */
static void look_inside(struct fat_volume *fat, struct volume_info *info)
{
	char device[BLOCK_NAME_MAX];
	struct fat_file *file;
	u8 *head = kmalloc(32);
	u64 size = 0;

	if (head && info->capacity_bytes >= 32 && fat_open(fat, file_path_split(info->path, device), 0, &file) == OK) {
		info->qcow2 = fat_read(file, 0, head, 32) == OK && memcmp(head, "QFI\xfb", 4) == 0;
		for (unsigned i = 24; i < 32; i++)
			size = size << 8 | head[i];
		if (info->qcow2)
			info->capacity_bytes = size;
		fat_close(file);
	}
	kfree(head);
}

static int gather_files(struct gathering *all, struct manage_error *error)
{
	struct file_system *file_system;
	char words[200] = "no memory", device[BLOCK_NAME_MAX];
	int code = file_system_get(all->pool->device, &file_system, words, sizeof(words));

	if (code)
		return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "%s", words);
	code = fat_list(file_system_volume(file_system), file_path_split(all->pool->target, device), add_file, all);
	for (size_t i = 0; i < all->count && !code; i++)
		look_inside(file_system_volume(file_system), &all->infos[i]);
	file_system_put(file_system);
	return code ? manage_fail(error, MANAGE_ERR_SYSTEM_ERROR, "cannot read directory '%s'", all->pool->target) : OK;
}

int volumes_all(const char *pool, struct volume_info **infos, size_t *count, struct manage_error *error)
{
	struct pool_info info;
	struct gathering all = { .pool = &info.config };
	int code = volume_pool(pool, &info, error);

	if (code)
		return code;
	all.infos = kmalloc(16 * sizeof(*all.infos));
	if (!all.infos)
		return manage_fail_no_memory(error);
	if (info.config.type == POOL_DISK)
		block_for_each(add_partition, &all);
	else
		code = gather_files(&all, error);
	if (!code && all.no_memory)
		code = manage_fail_no_memory(error);
	if (code) {
		kfree(all.infos);
		return code;
	}
	*infos = all.infos;
	*count = all.count;
	return OK;
}

int volume_pool(const char *pool, struct pool_info *info, struct manage_error *error)
{
	int code = pool_find(pool, info, error);

	if (!code && !info->active)
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "storage pool is not active");
	return code;
}

/* OK, or MANAGE_FAILED also when the pool cannot be looked into. */
static int find_in(const char *pool, const char *name, bool by_path, struct volume_info *info)
{
	struct manage_error error;
	struct volume_info *all;
	size_t count;
	int code = volumes_all(pool, &all, &count, &error), result = MANAGE_FAILED;

	for (size_t i = 0; !code && i < count && result; i++) {
		if (string_equal(by_path ? all[i].path : all[i].name, name)) {
			*info = all[i];
			result = OK;
		}
	}
	if (!code)
		kfree(all);
	return result;
}

static int find_anywhere(const char *path, struct volume_info *info)
{
	struct manage_error error;
	struct pool_info *all;
	size_t count;
	int result = MANAGE_FAILED;

	if (pools_all(&all, &count, &error))
		return MANAGE_FAILED;
	for (size_t i = 0; i < count && result; i++)
		if (all[i].active && string_starts_with(path, all[i].config.target))
			result = find_in(all[i].config.name, path, true, info);
	kfree(all);
	return result;
}

int volume_find(const char *pool, const char *name, struct volume_info *info, struct manage_error *error)
{
	struct pool_info pool_info;
	int code = pool ? volume_pool(pool, &pool_info, error) : OK;

	if (code)
		return code;
	if (pool && find_in(pool, name, false, info) == OK)
		return OK;
	if (name[0] == '/' && find_anywhere(name, info) == OK)
		return OK;
	return manage_fail(error, MANAGE_ERR_NO_STORAGE_VOL, "no storage vol with matching path '%s'", name);
}

int volume_refuse(int code, const char *what, struct manage_error *error)
{
	switch (code) {
	case ERR_NO_MEMORY: return manage_fail_no_memory(error);
	case ERR_EXISTS: return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "storage vol already exists");
	case ERR_FULL: return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s: there is not enough space left in the pool", what);
	case ERR_RANGE: return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s: a file of FAT32 has 4 GiB - 1 byte at most", what);
	case ERR_INVALID: return manage_fail(error, MANAGE_ERR_INVALID_ARG, "%s: FAT32 cannot have such a name", what);
	case ERR_BUSY: return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "volume '%s' is still in use", what);
	case ERR_UNSUPPORTED: return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s: the file system can only be read", what);
	case ERR_NOT_FOUND: return manage_fail(error, MANAGE_ERR_NO_STORAGE_VOL, "no storage vol with matching path '%s'", what);
	case ERR_INTERRUPTED: return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s: given up", what);
	default: return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s: the disk failed", what);
	}
}

static int files_only(const char *pool, struct pool_info *info, struct manage_error *error)
{
	int code = volume_pool(pool, info, error);

	if (!code && info->config.type == POOL_DISK)
		code = manage_fail(error, MANAGE_ERR_CONFIG_UNSUPPORTED, "partitions of a pool of type 'disk' are not made or changed by "
				   "this version of Solera");
	return code;
}

int volume_new_begin(const char *pool, const char *name, struct new_volume *new, struct manage_error *error)
{
	struct pool_info info;
	struct fat_info there;
	char device[BLOCK_NAME_MAX], words[200] = "no memory", path[VOLUME_PATH_MAX];
	int code = files_only(pool, &info, error);

	if (code)
		return code;
	*new = (struct new_volume){ .file_system = NULL };
	if (strchr(name, '/') || format(path, sizeof(path), "%s/%s.part", info.config.target, name) >= sizeof(path) ||
	    strlen(name) + 6 > VOLUME_NAME_MAX)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "volume name '%.100s' cannot contain '/' or be so long", name);
	if (file_system_get(info.config.device, &new->file_system, words, sizeof(words)))
		return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "%s", words);
	string_copy(new->name, name, sizeof(new->name));
	string_copy(new->part_path, path, sizeof(new->part_path));
	string_copy(new->part, file_path_split(path, device), sizeof(new->part));
	path[strlen(path) - strlen(".part")] = 0;
	code = fat_stat(file_system_volume(new->file_system), file_path_split(path, device), &there);
	code = code == OK ? ERR_EXISTS : code == ERR_NOT_FOUND ? OK : code;
	if (!code) { /* of an attempt that did not end: it is nobody's */
		(void)!fat_delete(file_system_volume(new->file_system), new->part);
		code = fat_open(file_system_volume(new->file_system), new->part, FAT_CREATE | FAT_EXCLUSIVE, &new->file);
	}
	if (code) {
		file_system_put(new->file_system);
		return volume_refuse(code, name, error);
	}
	return OK;
}

int volume_new_end(struct new_volume *new, int code, struct manage_error *error)
{
	struct fat_volume *fat = file_system_volume(new->file_system);

	fat_close(new->file);
	code = code ? code : fat_flush(fat);
	code = code ? code : fat_rename(fat, new->part, new->name); /* shorter than before: it fits where it was */
	if (code)
		(void)!fat_delete(fat, new->part);
	file_system_put(new->file_system);
	return code ? volume_refuse(code, new->name, error) : OK;
}

#define STEP_BYTES (16 * MIB)

int volume_create(const char *pool, const char *name, u64 capacity_bytes, const struct volume_progress *progress,
		  struct manage_error *error)
{
	struct new_volume new;
	int code = volume_new_begin(pool, name, &new, error);
	u64 done = 0;

	if (code)
		return code;
	code = capacity_bytes > FAT_FILE_MAX ? ERR_RANGE : OK;
	while (done < capacity_bytes && !code) { /* zeroes are written: in steps, so that one may give up */
		done = MIN(capacity_bytes, done + STEP_BYTES);
		code = fat_resize(new.file, done, false);
		if (!code && progress && !progress->tell(progress->context, done, capacity_bytes))
			code = ERR_INTERRUPTED;
	}
	return volume_new_end(&new, code, error);
}

int volume_create_qcow2(const char *pool, const char *name, u64 capacity_bytes, struct manage_error *error)
{
	u64 capacity = ALIGN_UP(capacity_bytes, (u64)BLOCK_SECTOR_BYTES);
	u32 clusters = qcow2_create_clusters(capacity);
	u8 *cluster = kmalloc(QCOW2_CREATE_CLUSTER_BYTES);
	struct new_volume new;
	int code;

	if (!cluster)
		return manage_fail_no_memory(error);
	if (!clusters || capacity < capacity_bytes) {
		kfree(cluster);
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "a qcow2 volume has at most 64 TiB here");
	}
	code = volume_new_begin(pool, name, &new, error);
	if (!code) {
		code = fat_resize(new.file, (u64)clusters * QCOW2_CREATE_CLUSTER_BYTES, true); /* all of it is written below */
		for (u32 i = 0; i < clusters && !code; i++) {
			qcow2_create_cluster(capacity, i, cluster);
			code = fat_write(new.file, (u64)i * QCOW2_CREATE_CLUSTER_BYTES, cluster, QCOW2_CREATE_CLUSTER_BYTES);
		}
		code = volume_new_end(&new, code, error);
	}
	kfree(cluster);
	return code;
}

int volume_delete(const struct volume_info *volume, struct manage_error *error)
{
	struct file_system *file_system;
	struct pool_info pool;
	char device[BLOCK_NAME_MAX], words[200] = "no memory";
	int code = files_only(volume->pool, &pool, error);

	if (code)
		return code;
	if (file_system_get(pool.config.device, &file_system, words, sizeof(words)))
		return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "%s", words);
	code = fat_delete(file_system_volume(file_system), file_path_split(volume->path, device));
	file_system_put(file_system);
	return code ? volume_refuse(code, volume->name, error) : OK;
}

int volume_resize(const struct volume_info *volume, u64 capacity_bytes, bool shrink, struct manage_error *error)
{
	struct pool_info pool;
	struct image_file file;
	int code = files_only(volume->pool, &pool, error);

	if (code)
		return code;
	if (volume->qcow2)
		return manage_fail(error, MANAGE_ERR_CONFIG_UNSUPPORTED, "qcow2 volumes are not resized by this version of Solera");
	if (capacity_bytes < volume->capacity_bytes && !shrink)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "Can't shrink capacity below current capacity unless shrink flag "
				   "explicitly specified");
	if (image_file_open(&file, volume->path, BLOCK_OPEN_EXCLUSIVE, "vol-resize", NULL))
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s", file.user.words);
	code = file.resize(&file, capacity_bytes, 0);
	image_file_close(&file);
	return code ? volume_refuse(code, volume->name, error) : OK;
}

char *volume_dump_xml(const struct volume_info *volume)
{
	struct text to;

	text_init(&to);
	text_append(&to, "<volume type='%s'>\n  <name>", volume->block ? "block" : "file");
	text_append_xml(&to, volume->name, false);
	text_append(&to, "</name>\n  <key>");
	text_append_xml(&to, volume->path, false);
	text_append(&to, "</key>\n  <capacity unit='bytes'>%llu</capacity>\n  <allocation unit='bytes'>%llu</allocation>\n"
		    "  <target>\n    <path>", (unsigned long long)volume->capacity_bytes, (unsigned long long)volume->allocation_bytes);
	text_append_xml(&to, volume->path, false);
	text_append(&to, "</path>\n    <format type='%s'/>\n  </target>\n</volume>\n",
		    volume->block ? "none" : volume->qcow2 ? "qcow2" : "raw");
	return text_take(&to);
}

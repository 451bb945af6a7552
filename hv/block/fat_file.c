/* SPDX-License-Identifier: MIT */
/* Files and folders of FAT32 by path: looked at, made, deleted, renamed, replaced whole, opened. Each function takes the lock. */
#include "hv/block/fat_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static void fill_info(const struct fat_volume *volume, const struct fat_entry *entry, struct fat_info *info)
{
	string_copy(info->name, entry->name, sizeof(info->name));
	info->folder = entry->attributes & FAT_FOLDER;
	info->hidden = entry->attributes & FAT_HIDDEN;
	info->system = entry->attributes & FAT_SYSTEM;
	info->read_only = entry->attributes & FAT_READ_ONLY;
	info->size_bytes = info->folder ? 0 : entry->size_bytes;
	info->allocated_bytes = ALIGN_UP((u64)info->size_bytes, fat_cluster_bytes(volume));
	info->modified_s = fat_time_read(entry->date, entry->time);
}

int fat_stat(struct fat_volume *volume, const char *path, struct fat_info *info)
{
	struct fat_entry entry;
	const char *last;
	u32 parent;
	int error;

	mutex_lock(&volume->lock);
	error = fat_path_find(volume, path, &entry, &parent, &last);
	if (!error)
		fill_info(volume, &entry, info);
	mutex_unlock(&volume->lock);
	return error;
}

static int list(struct fat_volume *volume, u32 folder, bool (*visit)(void *context, const struct fat_info *info), void *context)
{
	struct fat_cursor cursor = fat_cursor_start(folder);
	struct fat_entry *entry = kmalloc(sizeof(*entry));
	struct fat_info *info = kmalloc(sizeof(*info));
	int result = entry && info ? 1 : ERR_NO_MEMORY;

	while (result == 1) {
		result = fat_cursor_entry(volume, &cursor, entry);
		if (result != 1)
			break;
		fill_info(volume, entry, info);
		if (!visit(context, info))
			result = OK;
	}
	kfree(entry);
	kfree(info);
	return result;
}

int fat_list(struct fat_volume *volume, const char *path, bool (*visit)(void *context, const struct fat_info *info), void *context)
{
	struct fat_entry entry;
	const char *last;
	u32 parent;
	int error;

	mutex_lock(&volume->lock);
	error = fat_path_find(volume, path, &entry, &parent, &last);
	if (!error && (!(entry.attributes & FAT_FOLDER) || !fat_cluster_valid(volume, entry.cluster)))
		error = ERR_INVALID;
	if (!error)
		error = list(volume, entry.cluster, visit, context);
	mutex_unlock(&volume->lock);
	return error;
}

/* Something new is to stand at path: OK, with its folder and name; or ERR_EXISTS, or why not. [lock] */
static int find_place(struct fat_volume *volume, const char *path, struct fat_entry *entry, u32 *parent, const char **name)
{
	int error = fat_may_write(volume);

	error = error ? error : fat_path_find(volume, path, entry, parent, name);
	if (!error)
		return ERR_EXISTS;
	return error == ERR_NOT_FOUND && *name ? OK : error;
}

/* "." and ".." of a new folder, and its end. [lock] */
static int write_dots(struct fat_volume *volume, u32 cluster, u32 parent)
{
	u32 parents[2] = { cluster, parent == volume->geometry.root_cluster ? 0 : parent };
	u8 *slot;
	int error = fat_slot_load(volume, (struct fat_place){ cluster, 0 }, &slot);

	for (unsigned i = 0; i < 2 && !error; i++, slot += FAT_SLOT_BYTES) {
		memcpy(slot, i ? "..         " : ".          ", 11);
		slot[11] = FAT_FOLDER;
		fat_put16(slot + 20, parents[i] >> 16);
		fat_put16(slot + 26, parents[i]);
		fat_put16(slot + 24, 1 << 5 | 1); /* 1980-01-01: a date of zero is none */
	}
	return error ? error : fat_slot_write(volume);
}

static int make_folder(struct fat_volume *volume, u32 parent, const char *name, struct fat_entry *entry)
{
	u32 cluster;
	int error = fat_chain_allocate(volume, 1, &cluster);

	if (error)
		return error;
	error = fat_cluster_zero(volume, cluster);
	if (volume->sector_number != ~(u64)0)
		volume->sector_number = ~(u64)0; /* it may have been one of the cluster's, from a former life */
	error = error ? error : write_dots(volume, cluster, parent);
	error = error ? error : fat_commit(volume);
	error = error ? error : fat_entry_add(volume, parent, name, FAT_FOLDER, cluster, 0, entry);
	if (error) {
		fat_chain_free(volume, cluster);
		(void)!fat_commit(volume);
	}
	return error;
}

int fat_make_folder(struct fat_volume *volume, const char *path)
{
	struct fat_entry entry;
	const char *name;
	u32 parent;
	int error;

	mutex_lock(&volume->lock);
	error = find_place(volume, path, &entry, &parent, &name);
	if (!error)
		error = make_folder(volume, parent, name, &entry);
	mutex_unlock(&volume->lock);
	return error;
}

/* What is there may be taken away: no open file, no folder with something in it, not the root. [lock] */
static int may_go(struct fat_volume *volume, const struct fat_entry *entry)
{
	struct fat_cursor cursor = fat_cursor_start(entry->cluster);
	struct fat_entry *inside;
	int result;

	if (!entry->place.cluster)
		return ERR_INVALID;
	if (fat_is_open(volume, entry->place))
		return ERR_BUSY;
	if (!(entry->attributes & FAT_FOLDER))
		return OK;
	if (!fat_cluster_valid(volume, entry->cluster))
		return ERR_INVALID;
	inside = kmalloc(sizeof(*inside));
	if (!inside)
		return ERR_NO_MEMORY;
	result = fat_cursor_entry(volume, &cursor, inside);
	kfree(inside);
	return result == 1 ? ERR_BUSY : result;
}

/* [lock] The chain of something whose entry is gone; what an entry on the disk says is not trusted. */
static int free_chain(struct fat_volume *volume, u32 cluster)
{
	if (fat_cluster_valid(volume, cluster) && fat_table_get(volume, cluster) != FAT_FREE)
		fat_chain_free(volume, cluster);
	return fat_commit(volume);
}

int fat_delete(struct fat_volume *volume, const char *path)
{
	struct fat_entry entry;
	const char *last;
	u32 parent;
	int error;

	mutex_lock(&volume->lock);
	error = fat_may_write(volume);
	error = error ? error : fat_path_find(volume, path, &entry, &parent, &last);
	error = error ? error : may_go(volume, &entry);
	error = error ? error : fat_entry_remove(volume, &entry);
	error = error ? error : free_chain(volume, entry.cluster);
	mutex_unlock(&volume->lock);
	return error;
}

int fat_rename(struct fat_volume *volume, const char *path, const char *new_name)
{
	struct fat_entry entry, other;
	const char *last;
	u32 parent;
	int error;

	mutex_lock(&volume->lock);
	error = fat_may_write(volume);
	error = error ? error : fat_path_find(volume, path, &entry, &parent, &last);
	if (!error && !entry.place.cluster)
		error = ERR_INVALID;
	if (!error && fat_is_open(volume, entry.place))
		error = ERR_BUSY;
	if (!error) {
		error = fat_folder_find(volume, parent, new_name, &other);
		if (error == OK && (other.place.cluster != entry.place.cluster || other.place.slot != entry.place.slot))
			error = ERR_EXISTS;
		else if (error == ERR_NOT_FOUND)
			error = OK;
	}
	error = error ? error : fat_entry_rename(volume, parent, &entry, new_name);
	mutex_unlock(&volume->lock);
	return error;
}

/* [lock] Bytes of any memory into a new chain, the last cluster's rest as zeroes. */
static int write_chain(struct fat_volume *volume, u32 cluster, const u8 *data, u32 size_bytes)
{
	u64 cluster_bytes = fat_cluster_bytes(volume);
	u8 *buffer = kmalloc(cluster_bytes);
	int error = buffer ? OK : ERR_NO_MEMORY;

	while (cluster && !error) {
		u32 part = (u32)MIN(size_bytes, cluster_bytes);

		memcpy(buffer, data, part);
		memset(buffer + part, 0, cluster_bytes - part);
		data += part;
		size_bytes -= part;
		error = fat_sectors_write(volume, fat_cluster_sector(volume, cluster), buffer, volume->geometry.cluster_sectors);
		error = error ? error : fat_chain_next(volume, cluster, &cluster);
	}
	kfree(buffer);
	return error;
}

static int replace(struct fat_volume *volume, const char *path, u32 first, u32 size_bytes)
{
	struct fat_entry entry;
	const char *name;
	u32 parent;
	int error = find_place(volume, path, &entry, &parent, &name);

	if (error == OK)
		return fat_entry_add(volume, parent, name, FAT_ARCHIVE, first, size_bytes, &entry);
	if (error != ERR_EXISTS)
		return error;
	if (entry.attributes & FAT_FOLDER)
		return ERR_INVALID;
	if (fat_is_open(volume, entry.place))
		return ERR_BUSY;
	error = fat_entry_update(volume, entry.place, first, size_bytes); /* the switch: one sector */
	if (!error && free_chain(volume, entry.cluster))
		return OK; /* the new bytes stand; the old chain is lost, and the volume takes no more writes */
	return error;
}

int fat_replace(struct fat_volume *volume, const char *path, const void *data, u32 size_bytes)
{
	u32 count = (u32)DIV_ROUND_UP(size_bytes, fat_cluster_bytes(volume)), first = 0;
	int error;

	mutex_lock(&volume->lock);
	error = fat_may_write(volume);
	if (!error && count)
		error = fat_chain_allocate(volume, count, &first);
	if (!error && count) {
		volume->sector_number = ~(u64)0; /* it may be of a folder that is gone, and a file's now */
		error = write_chain(volume, first, data, size_bytes);
		error = error ? error : fat_commit(volume);
	}
	error = error ? error : replace(volume, path, first, size_bytes);
	if (error && first) {
		fat_chain_free(volume, first);
		(void)!fat_commit(volume);
	}
	mutex_unlock(&volume->lock);
	return error;
}

static struct fat_file *find_open(struct fat_volume *volume, struct fat_place place)
{
	LIST_FOR_EACH(node, &volume->files) {
		struct fat_file *file = LIST_ENTRY(node, struct fat_file, node);

		if (file->place.cluster == place.cluster && file->place.slot == place.slot)
			return file;
	}
	return NULL;
}

/* [lock] The chain's length and end; what the entry says must fit it. */
static int measure_chain(struct fat_file *file)
{
	struct fat_volume *volume = file->volume;
	u32 cluster = file->first_cluster;

	for (file->cluster_count = 0; cluster; file->cluster_count++) {
		if (!fat_cluster_valid(volume, cluster) || file->cluster_count == volume->geometry.cluster_count)
			return ERR_INVALID;
		file->last_cluster = cluster;
		if (fat_chain_next(volume, cluster, &cluster))
			return ERR_INVALID;
	}
	return (u64)file->cluster_count * fat_cluster_bytes(volume) < file->size_bytes ? ERR_INVALID : OK;
}

static int open_entry(struct fat_volume *volume, const struct fat_entry *entry, struct fat_file **out)
{
	struct fat_file *file = find_open(volume, entry->place);
	int error;

	if (entry->attributes & FAT_FOLDER)
		return ERR_INVALID;
	if (!file) {
		file = kzalloc(sizeof(*file));
		if (!file)
			return ERR_NO_MEMORY;
		file->volume = volume;
		file->place = entry->place;
		file->size_bytes = entry->size_bytes;
		file->first_cluster = file->near_cluster = entry->cluster;
		error = measure_chain(file);
		if (error) {
			kfree(file);
			return error;
		}
		list_push_back(&volume->files, &file->node);
	}
	file->references++;
	*out = file;
	return OK;
}

int fat_open(struct fat_volume *volume, const char *path, unsigned flags, struct fat_file **out)
{
	struct fat_entry entry;
	const char *name;
	u32 parent;
	int error;

	mutex_lock(&volume->lock);
	error = fat_path_find(volume, path, &entry, &parent, &name);
	if (!error && (flags & FAT_EXCLUSIVE))
		error = ERR_EXISTS;
	if (error == ERR_NOT_FOUND && name && (flags & FAT_CREATE)) {
		error = fat_may_write(volume);
		error = error ? error : fat_entry_add(volume, parent, name, FAT_ARCHIVE, 0, 0, &entry);
	}
	error = error ? error : open_entry(volume, &entry, out);
	mutex_unlock(&volume->lock);
	return error;
}

void fat_close(struct fat_file *file)
{
	struct fat_volume *volume = file->volume;
	bool last;

	mutex_lock(&volume->lock);
	last = --file->references == 0;
	if (last)
		list_remove(&file->node);
	mutex_unlock(&volume->lock);
	if (last)
		kfree(file);
}

u32 fat_size(const struct fat_file *file)
{
	return __atomic_load_n(&file->size_bytes, __ATOMIC_ACQUIRE);
}

int fat_read_whole(struct fat_volume *volume, const char *path, u32 max, void **data, u32 *size_bytes)
{
	struct fat_file *file;
	u8 *buffer;
	int error = fat_open(volume, path, 0, &file);

	if (error)
		return error;
	*size_bytes = fat_size(file);
	buffer = *size_bytes <= max ? kmalloc((size_t)*size_bytes + 1) : NULL;
	error = *size_bytes > max ? ERR_RANGE : buffer ? fat_read(file, 0, buffer, *size_bytes) : ERR_NO_MEMORY;
	fat_close(file);
	if (error) {
		kfree(buffer);
		return error;
	}
	buffer[*size_bytes] = 0;
	*data = buffer;
	return OK;
}

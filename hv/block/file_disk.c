/* SPDX-License-Identifier: MIT */
/* Which files are block devices, who has them, and how they grow (hv/block/file_disk.h). Requests: file_disk_submit.c. */
#include "hv/block/file_disk.h"
#include "hv/block/file_disk_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/thread.h"

static struct mutex file_disks_lock = {
	NULL, { SPINLOCK_INIT("file disks", LOCK_RANK_WAITQUEUE), LIST_INIT(file_disks_lock.queue.waiters) }
};
static struct list_node file_disks = LIST_INIT(file_disks); /* [file_disks_lock] */
static u32 last_number;                                     /* [file_disks_lock] */

struct adding { struct extent_map *map; u64 end; int error; };

static bool add_extent(void *context, const struct fat_extent *extent)
{
	struct adding *adding = context;
	u64 count = MIN(extent->count, adding->end - extent->first);

	adding->error = extent_map_add(adding->map, extent->first, extent->disk, count);
	return !adding->error && extent->first + count < adding->end;
}

static u64 sectors_of(const struct file_disk *disk)
{
	u64 block = disk->below->limits.logical_block_bytes;

	return ALIGN_UP((u64)fat_size(disk->file), block) / BLOCK_SECTOR_BYTES;
}

/* The map reaches to the file's end. */
static int extend_map(struct file_disk *disk)
{
	struct adding adding = { &disk->map, sectors_of(disk), OK };

	if (extent_map_sectors(&disk->map) < adding.end)
		fat_extents(disk->file, extent_map_sectors(&disk->map), add_extent, &adding);
	return adding.error;
}

static int resize(struct image_file *image, u64 size_bytes, u32 flags)
{
	struct file_disk *disk = image->context;
	int error, map_error;

	if (size_bytes < fat_size(disk->file)) {
		WRITE_ONCE(disk->device.limits.sector_count,
			   ALIGN_UP(size_bytes, (u64)disk->device.limits.logical_block_bytes) / BLOCK_SECTOR_BYTES);
		extent_map_cut(&disk->map, disk->device.limits.sector_count);
	}
	error = fat_resize(disk->file, size_bytes, flags & IMAGE_FILE_UNDEFINED);
	map_error = extend_map(disk);
	if (map_error) /* nothing behind the map's end is offered */
		error = error ? error : map_error;
	WRITE_ONCE(disk->device.limits.sector_count, MIN(sectors_of(disk), extent_map_sectors(&disk->map)));
	__atomic_store_n(&image->size_bytes, (u64)fat_size(disk->file), __ATOMIC_RELEASE);
	block_device_changed(&disk->device);
	return error;
}

static int flush(struct image_file *image)
{
	return block_flush(image->device);
}

static void fill_device(struct file_disk *disk, const char *path, bool read_only)
{
	struct block_device *device = &disk->device;
	const char *name = strrchr(path, '/');

	format(device->name, sizeof(device->name), "file%u", last_number++);
	string_copy(device->model, name ? name + 1 : path, sizeof(device->model));
	device->kind = "file";
	device->ops = &file_disk_ops;
	device->context = disk;
	device->parent = file_system_anchor(disk->file_system);
	device->fast_bytes = disk->below->fast_bytes;
	device->limits = disk->below->limits;
	device->limits.max_segments = MIN(device->limits.max_segments, FILE_DISK_SEGMENTS);
	device->limits.read_only = device->limits.read_only || read_only;
	device->limits.sector_count = sectors_of(disk);
}

/* Takes the caller's references of file and file system, on success. [file_disks_lock] */
static int make(struct file_system *file_system, struct fat_file *file, const char *path, struct file_disk **out)
{
	struct file_disk *disk = kzalloc(sizeof(*disk));
	struct fat_space space;
	int error = disk ? OK : ERR_NO_MEMORY;

	if (!error) {
		disk->file_system = file_system;
		disk->file = file;
		disk->below = file_system_below(file_system);
		file_disk_splits_init(disk);
		fat_get_space(file_system_volume(file_system), &space);
		fill_device(disk, path, space.read_only);
		error = extend_map(disk);
	}
	error = error ? error : block_register(&disk->device);
	if (error) {
		if (disk)
			extent_map_release(&disk->map);
		kfree(disk);
		return error;
	}
	list_push_back(&file_disks, &disk->node);
	*out = disk;
	return OK;
}

/* [file_disks_lock] */
static struct file_disk *find(const struct fat_file *file)
{
	LIST_FOR_EACH(node, &file_disks) {
		struct file_disk *disk = LIST_ENTRY(node, struct file_disk, node);

		if (disk->file == file)
			return disk;
	}
	return NULL;
}

static const char *why(int error)
{
	switch (error) {
	case ERR_NOT_FOUND: return "is not there";
	case ERR_INVALID: return "is no file";
	case ERR_NO_MEMORY: return "cannot be opened: no memory";
	case ERR_FULL: return "lies in too many pieces: copy it";
	default: return "cannot be read";
	}
}

static int get(const char *path, struct file_disk **out, char *words, size_t words_size)
{
	char name[BLOCK_NAME_MAX];
	const char *inside = file_path_split(path, name);
	struct file_system *file_system;
	struct file_disk *disk;
	struct fat_file *file;
	int error = inside ? file_system_get(name, &file_system, words, words_size) : ERR_NOT_FOUND;

	if (error) {
		if (!inside)
			format(words, words_size, "'%.100s' is no path: it begins with a device, /sda1/…", path);
		return error;
	}
	error = fat_open(file_system_volume(file_system), inside, 0, &file);
	if (error) {
		format(words, words_size, "'%.100s' %s", path, why(error));
		file_system_put(file_system);
		return error;
	}
	mutex_lock(&file_disks_lock);
	disk = find(file);
	error = disk ? OK : make(file_system, file, path, out);
	if (disk)
		*out = disk;
	if (!error)
		(*out)->references++;
	mutex_unlock(&file_disks_lock);
	if (disk || error) { /* the device has its own references */
		fat_close(file);
		file_system_put(file_system);
	}
	if (error)
		format(words, words_size, "'%.100s' %s", path, why(error));
	return error;
}

static void put(struct file_disk *disk)
{
	bool last;

	mutex_lock(&file_disks_lock);
	last = --disk->references == 0;
	if (last) {
		list_remove(&disk->node);
		block_unregister(&disk->device); /* nobody else has it: image_file_open is the only way in */
	}
	mutex_unlock(&file_disks_lock);
	if (!last)
		return;
	fat_close(disk->file);
	file_system_put(disk->file_system);
	extent_map_release(&disk->map);
	kfree(disk);
}

int file_disk_open(struct image_file *file, const char *path, enum block_open_mode mode)
{
	struct file_disk *disk;
	int error = get(path, &disk, file->user.words, sizeof(file->user.words));

	if (error)
		return error;
	error = block_open(disk->device.name, mode, &file->user);
	if (error) {
		put(disk);
		return error;
	}
	file->device = &disk->device;
	file->size_bytes = fat_size(disk->file);
	file->context = disk;
	file->flush = flush;
	if (mode == BLOCK_OPEN_EXCLUSIVE)
		file->resize = resize;
	return OK;
}

void file_disk_close(struct image_file *file)
{
	block_close(&file->user);
	put(file->context);
}

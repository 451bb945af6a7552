/* SPDX-License-Identifier: MIT */
/*
 * What a path names, opened (hv/block/image_file.h). Devices and boot files are here; a file of a file system is
 * opened by hv/block/file_disk.c. Nothing is remembered here: an opened device is the registry's.
 */
#include "hv/block/image_file.h"
#include "hv/block/file_disk.h"
#include "hv/block/ramdisk.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/modules.h"

static int flush_device(struct image_file *file)
{
	return block_flush(file->device);
}

static int refuse(struct image_file *file, int code, const char *path, const char *what)
{
	format(file->user.words, sizeof(file->user.words), "'%.120s' %s", path, what);
	return code;
}

static int open_device(struct image_file *file, const char *name, enum block_open_mode mode)
{
	int code = block_open(name, mode, &file->user);

	if (code)
		return code;
	file->device = file->user.device;
	if (string_equal(file->device->kind, "file")) { /* by its path only: who has that open decides how long it stays */
		block_close(&file->user);
		return refuse(file, ERR_NOT_FOUND, name, "is a file's: its path is to be named instead");
	}
	file->size_bytes = file->device->limits.sector_count * BLOCK_SECTOR_BYTES;
	return OK;
}

static int open_module(struct image_file *file, const char *path, enum block_open_mode mode)
{
	const struct module *module = module_find(path + strlen("/solera/"));
	struct block_device *device;
	int code;

	if (!module)
		return refuse(file, ERR_NOT_FOUND, path, "is no file of \\solera\\ on the boot medium");
	code = ramdisk_of_module(module, &device);
	if (code)
		return refuse(file, code, path, code == ERR_NO_MEMORY ? "cannot be opened: no memory" : "has less than one sector");
	code = open_device(file, device->name, mode);
	if (code == OK)
		file->size_bytes = module->size_bytes;
	return code;
}

int image_file_open(struct image_file *file, const char *path, enum block_open_mode mode, const char *who,
		    const struct block_device *holder)
{
	*file = (struct image_file){ .user = { .holder = holder }, .flush = flush_device };
	string_copy(file->user.name, who, sizeof(file->user.name));
	if (string_starts_with(path, "/dev/"))
		return open_device(file, path + strlen("/dev/"), mode);
	if (string_starts_with(path, "/solera/"))
		return open_module(file, path, mode);
	return file_disk_open(file, path, mode);
}

void image_file_close(struct image_file *file)
{
	if (file->context)
		file_disk_close(file);
	else
		block_close(&file->user);
}

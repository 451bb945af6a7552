/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/fat_geometry.c hv/block/fat_name.c hv/block/fat_table.c hv/block/fat_volume.c hv/block/fat_directory.c hv/block/fat_entry.c */
/* LINK: hv/block/fat_path.c hv/block/fat_check.c hv/block/fat_file.c hv/block/fat_data.c hv/block/fat_resize.c hv/rtc_time.c hv/lib/utf8.c */
/* LINK: hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/test/fake_disk.c hv/test/thread_hosted.c hv/test/clock_hosted.c */
/* LINK: hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/*
 * A hostile disk with a FAT32 file system: the input is laid over an empty one, in pieces of 64 bytes; then what can be mounted is
 * walked, written and changed. Whatever was mounted and changed can be mounted again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/block/fat.h"
#include "hv/block/fat_internal.h"
#include "hv/block/test/fake_disk.h"
#include "hv/lib/error.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define SECTORS 256u
#define TABLE_SECTORS 2u /* 254 clusters of one sector at most */

static char names[16][FAT_NAME_MAX];
static unsigned name_count;

/* An empty file system, then pieces of the input over it: the first byte of each says in which sector, the second where in it. */
static void lay_out(u8 *medium, const u8 *data, size_t size)
{
	u8 *boot = medium;

	fat_put16(boot + 11, 512);
	boot[13] = 1;
	fat_put16(boot + 14, 2);
	boot[16] = 2;
	fat_put32(boot + 32, SECTORS);
	fat_put32(boot + 36, TABLE_SECTORS);
	fat_put32(boot + 44, 2);
	fat_put16(boot + 48, 1);
	boot[510] = 0x55, boot[511] = 0xaa;
	fat_put32(medium + 2 * 512, 0x0ffffff8);
	fat_put32(medium + 2 * 512 + 4, 0x0fffffff);
	fat_put32(medium + 2 * 512 + 8, 0x0fffffff);
	while (size > 1) {
		size_t part = MIN(size - 1, 64u), at = (size_t)data[0] * 512 + (data[1] & 7) * 64u;

		memcpy(medium + at, data + 1, part);
		data += part + 1;
		size -= part + 1;
	}
}

static bool remember(void *context, const struct fat_info *info)
{
	(void)context;
	if (name_count < ARRAY_SIZE(names))
		strcpy(names[name_count++], info->name);
	return true;
}

static void use_name(struct fat_volume *volume, const char *name, const u8 *data, size_t size)
{
	struct fat_file *file;
	struct fat_info info;
	char path[2 * FAT_NAME_MAX];
	void *whole;
	u32 length;

	if (fat_stat(volume, name, &info) == OK && info.folder) {
		snprintf(path, sizeof(path), "%s/inside of it", name);
		(void)!fat_replace(volume, path, data, (u32)MIN(size, 3000u));
	}
	if (fat_read_whole(volume, name, 1u << 20, &whole, &length) == OK)
		free(whole);
	if (fat_open(volume, name, 0, &file) == OK) {
		u32 old = fat_size(file);

		(void)!fat_resize(file, old + 700ull, false);
		(void)!fat_resize(file, old / 2, false);
		fat_close(file);
	}
	(void)!fat_rename(volume, name, "another name");
	(void)!fat_delete(volume, "another name");
	(void)!fat_delete(volume, name);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fake_disk disk;
	struct fat_volume *volume;
	char problem[200];
	int error;

	if (size > 8192)
		return 0;
	fake_disk_init(&disk, "sda1", SECTORS);
	lay_out(disk.medium, data, size);
	error = fat_mount(&disk.device, false, &volume, problem, sizeof(problem));
	if (error == ERR_INVALID && (!problem[0] || !memchr(problem, 0, sizeof(problem))))
		abort();
	if (!error) {
		name_count = 0;
		(void)!fat_list(volume, "", remember, NULL);
		(void)!fat_replace(volume, "a new file with a name", data, (u32)size);
		(void)!fat_make_folder(volume, "folder");
		(void)!fat_replace(volume, "folder/x", data, (u32)MIN(size, 600u));
		for (unsigned i = 0; i < name_count; i++)
			use_name(volume, names[i], data, size);
		fat_unmount(volume);
		if (fat_mount(&disk.device, false, &volume, problem, sizeof(problem)) == OK)
			fat_unmount(volume);
		else
			abort();
	}
	fake_disk_release(&disk);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/fat_geometry.c hv/block/fat_name.c hv/block/fat_table.c hv/block/fat_volume.c hv/block/fat_directory.c hv/block/fat_entry.c */
/* LINK: hv/block/fat_path.c hv/block/fat_check.c hv/block/fat_file.c hv/block/fat_data.c hv/block/fat_resize.c hv/rtc_time.c hv/lib/utf8.c */
/* LINK: hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/test/fake_disk.c hv/block/test/fat_judge.c hv/test/thread_hosted.c */
/* LINK: hv/test/clock_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/*
 * FAT32: what Solera writes is read by mtools and found whole by fsck.fat, what mtools wrote is read by Solera, broken file
 * systems are refused with words, and a cut of power at any write leaves at worst lost clusters.
 */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/block/fat.h"
#include "hv/block/fat_internal.h"
#include "hv/block/test/fake_disk.h"
#include "hv/block/test/fat_judge.h"
#include "hv/lib/error.h"


static struct fake_disk disk;
static struct fat_volume *volume;
static char problem[256];
static size_t image_bytes;

/* large: as many clusters as mtools demands before it takes it for FAT32. */
static void start(const char *mkfs_options, bool large)
{
	u32 sectors = large ? 70000 : 16384;
	u8 *image = fat_image_make(mkfs_options, sectors);

	image_bytes = (size_t)sectors * 512;
	fake_disk_init(&disk, "sda1", sectors);
	memcpy(disk.medium, image, image_bytes);
	free(image);
}

static void mount(void)
{
	int error = fat_mount(&disk.device, false, &volume, problem, sizeof(problem));

	ck_assert_msg(error == OK, "error %d: %s", error, problem);
}

static void stop(void)
{
	if (volume)
		fat_unmount(volume);
	volume = NULL;
	fake_disk_release(&disk);
}

static void judge(void)
{
	ck_assert_str_eq(fat_judge(disk.medium, image_bytes, false), "");
}

static u8 *pattern(size_t size, u32 seed)
{
	u8 *data = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		data[i] = (u8)((seed = seed * 1103515245 + 12345) >> 16);
	return data;
}

static void replace_with(const char *path, size_t size, u32 seed)
{
	u8 *data = pattern(size, seed);

	ck_assert_int_eq(fat_replace(volume, path, data, (u32)size), OK);
	free(data);
}

/* As Solera and mtools read it. */
static void check_content(const char *path, size_t size, u32 seed)
{
	u8 *expected = pattern(size, seed), *theirs;
	size_t length;
	void *ours;
	u32 ours_size;

	ck_assert_int_eq(fat_read_whole(volume, path, 1u << 24, &ours, &ours_size), OK);
	ck_assert_uint_eq(ours_size, size);
	ck_assert_int_eq(memcmp(ours, expected, size), 0);
	theirs = fat_mtools_read(disk.medium, image_bytes, path, &length);
	ck_assert_ptr_nonnull(theirs);
	ck_assert_uint_eq(length, size);
	ck_assert_int_eq(memcmp(theirs, expected, size), 0);
	free(ours), free(theirs), free(expected);
}

START_TEST(files_and_folders)
{
	static const char *const names[] = { "README.TXT", "Debian 12 (bookworm).qcow2", "lower", "Grüße-Ω.img", ".hidden", "a.b.c.d",
					     "x", "A name that is so long that its short one is made up of something else entirely.xml" };
	struct fat_info info;
	char path[300];

	start("-s 1", true);
	mount();
	ck_assert_int_eq(fat_make_folder(volume, "Images"), OK);
	ck_assert_int_eq(fat_make_folder(volume, "images"), ERR_EXISTS);
	ck_assert_int_eq(fat_make_folder(volume, "images/deeper"), OK);
	ck_assert_int_eq(fat_make_folder(volume, "no/where"), ERR_NOT_FOUND);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/IMAGES/deeper/%s", names[i]);
		replace_with(path, i * 700, i);
		check_content(path + 1, i * 700, i);
		ck_assert_int_eq(fat_stat(volume, path, &info), OK);
		ck_assert_str_eq(info.name, names[i]);
		ck_assert_uint_gt(info.modified_s, 1700000000);
	}
	replace_with("GRÜSSE-𝄞", 10, 1); /* beyond 16 bits: mtools does not read such names */
	ck_assert_int_eq(fat_stat(volume, "grüSSE-𝄞", &info), OK);
	ck_assert_int_eq(fat_delete(volume, "grüsse-𝄞"), OK);
	judge();
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) { /* replaced by other sizes */
		snprintf(path, sizeof(path), "images/deeper/%s", names[i]);
		replace_with(path, 5000 - i * 700, i + 50);
		check_content(path, 5000 - i * 700, i + 50);
	}
	judge();
	ck_assert_int_eq(fat_delete(volume, "images/deeper"), ERR_BUSY);
	ck_assert_int_eq(fat_delete(volume, ""), ERR_INVALID);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "images/deeper/%s", names[i]);
		ck_assert_int_eq(fat_delete(volume, path), OK);
		ck_assert_int_eq(fat_stat(volume, path, &info), ERR_NOT_FOUND);
	}
	ck_assert_int_eq(fat_delete(volume, "images/deeper"), OK);
	ck_assert_int_eq(fat_delete(volume, "images"), OK);
	judge();
	stop();
}
END_TEST

static bool count_one(void *context, const struct fat_info *info)
{
	(void)info;
	++*(unsigned *)context;
	return true;
}

/* A folder that grows over sectors and clusters, with holes in it. */
START_TEST(many_names)
{
	unsigned count = 0;
	char path[64];

	start("-s 1", true);
	mount();
	ck_assert_int_eq(fat_make_folder(volume, "many"), OK);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "many/%.*s file %u", 1 + (int)(i * 7 % 40), "a name of some length, or of another one", i);
		replace_with(path, i, i);
		if (i % 3 == 0)
			ck_assert_int_eq(fat_delete(volume, path), OK);
		if (i % 50 == 49)
			judge();
	}
	ck_assert_int_eq(fat_list(volume, "many", count_one, &count), OK);
	ck_assert_uint_eq(count, 200 - 67);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "many/%.*s file %u", 1 + (int)(i * 7 % 40), "a name of some length, or of another one", i);
		if (i % 3 && i % 20 == 1)
			check_content(path, i, i);
	}
	judge();
	stop();
}
END_TEST

START_TEST(sizes)
{
	static const u32 steps[] = { 1, 511, 512, 513, 100000, 4096, 70000, 0, 3, 1u << 20, 12345, 12346, 2u << 20, 0 };
	struct fat_file *file;
	u8 *shadow = calloc(1, 4u << 20), *buffer = malloc(4u << 20);
	struct fat_space space;
	u64 free_before;
	u32 size = 0;

	start("-s 2", false);
	mount();
	fat_get_space(volume, &space);
	free_before = space.free_bytes;
	ck_assert_int_eq(fat_open(volume, "f.img", FAT_CREATE | FAT_EXCLUSIVE, &file), OK);
	memset(disk.medium + image_bytes / 2, 0xa5, 65536); /* what deleted files left must not be seen */
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		ck_assert_int_eq(fat_resize(file, steps[i], false), OK);
		memset(shadow + MIN(size, steps[i]), 0, (4u << 20) - MIN(size, steps[i]));
		size = steps[i];
		ck_assert_uint_eq(fat_size(file), size);
		ck_assert_int_eq(fat_read(file, 0, buffer, size), OK);
		ck_assert_int_eq(memcmp(buffer, shadow, size), 0);
		for (u32 offset = 0; offset < size; offset += 7777) {
			u32 part = MIN(size - offset, 3333u);

			memset(shadow + offset, (int)(offset + i), part);
			memcpy(buffer, shadow + offset, part);
			ck_assert_int_eq(fat_write(file, offset, buffer, part), OK);
		}
		ck_assert_int_eq(fat_write(file, size, buffer, 1), ERR_RANGE);
		ck_assert_int_eq(fat_read(file, size + 1ull, buffer, 0), ERR_RANGE);
		judge();
	}
	ck_assert_int_eq(fat_resize(file, FAT_FILE_MAX + 1, false), ERR_RANGE);
	ck_assert_int_eq(fat_resize(file, 9u << 20, false), ERR_FULL);
	ck_assert_int_eq(fat_delete(volume, "F.IMG"), ERR_BUSY);
	ck_assert_int_eq(fat_rename(volume, "f.img", "g.img"), ERR_BUSY);
	fat_close(file);
	ck_assert_int_eq(fat_delete(volume, "F.IMG"), OK);
	fat_get_space(volume, &space);
	ck_assert_uint_eq(space.free_bytes, free_before);
	judge();
	free(shadow), free(buffer);
	stop();
}
END_TEST

START_TEST(renames)
{
	struct fat_info info;

	start("-s 1 -n STORE", true);
	mount();
	replace_with("one", 1000, 1);
	replace_with("other.txt", 2000, 2);
	ck_assert_int_eq(fat_rename(volume, "one", "A much longer name than before.txt"), OK);
	ck_assert_int_eq(fat_rename(volume, "a much longer name than before.txt", "OTHER.TXT"), ERR_EXISTS);
	ck_assert_int_eq(fat_rename(volume, "a much longer name than before.txt", "A MUCH longer name than before.txt"), OK);
	ck_assert_int_eq(fat_stat(volume, "A MUCH LONGER NAME THAN BEFORE.TXT", &info), OK);
	ck_assert_str_eq(info.name, "A MUCH longer name than before.txt");
	check_content("a much longer name than before.txt", 1000, 1);
	ck_assert_int_eq(fat_rename(volume, "other.txt", "bad/name"), ERR_INVALID);
	ck_assert_int_eq(fat_rename(volume, "other.txt", "SHORT"), OK);
	check_content("short", 2000, 2);
	judge();
	stop();
}
END_TEST

/* What others wrote: subfolders, long names, a label; and what they find after us. */
START_TEST(others_files)
{
	u8 *data = pattern(40000, 9);
	struct fat_space space;

	start("-s 1 -n SOLERA", true);
	fat_mtools_command(disk.medium, image_bytes, "mmd", "::/EFI ::/EFI/BOOT '::/a folder with a long name'");
	fat_mtools_write(disk.medium, image_bytes, "/EFI/BOOT/BOOTX64.EFI", data, 40000);
	fat_mtools_write(disk.medium, image_bytes, "/a folder with a long name/Mixed Case.Bin", data, 40000);
	mount();
	check_content("efi/boot/bootx64.efi", 40000, 9);
	check_content("a folder with a long name/mixed case.bin", 40000, 9);
	ck_assert_int_eq(fat_make_folder(volume, "EFI/BOOT/solera"), OK);
	replace_with("efi/boot/solera/demo.xml", 3000, 3);
	fat_get_space(volume, &space);
	ck_assert_str_eq(space.label, "SOLERA");
	ck_assert_uint_eq(space.cluster_bytes, 512);
	fat_unmount(volume);
	volume = NULL;
	judge();
	fat_mtools_command(disk.medium, image_bytes, "mdel", "::/EFI/BOOT/BOOTX64.EFI");
	mount();
	check_content("efi/boot/solera/demo.xml", 3000, 3);
	free(data);
	stop();
}
END_TEST

static void refused(const char *words)
{
	ck_assert_int_eq(fat_mount(&disk.device, false, &volume, problem, sizeof(problem)), ERR_INVALID);
	ck_assert_msg(strstr(problem, words), "'%s' is not in '%s'", words, problem);
	volume = NULL;
}

START_TEST(broken_file_systems)
{
	struct fat_geometry g;
	u8 *table, *root, *saved;
	u32 first, second;

	start("-s 1", false);
	saved = malloc(image_bytes);
	mount();
	replace_with("A", 3000, 1);
	replace_with("B", 3000, 2);
	g = volume->geometry;
	fat_unmount(volume);
	volume = NULL;
	memcpy(saved, disk.medium, image_bytes);
	table = disk.medium + (size_t)g.table_start * 512;
	root = disk.medium + (size_t)g.data_start * 512;
	first = fat_little16(root + 26), second = fat_little16(root + 32 + 26);
	ck_assert_uint_ne(first, second);

	fat_put32(table + (first + 2) * 4, first); /* a loop */
	refused("'A' in '/' has a cluster twice");
	memcpy(disk.medium, saved, image_bytes);
	fat_put32(table + first * 4, second); /* a cross link */
	refused("'B' in '/' has a cluster twice");
	memcpy(disk.medium, saved, image_bytes);
	fat_put32(table + first * 4, 0); /* into nothing */
	refused("'A' in '/' has a chain of clusters that leads nowhere");
	memcpy(disk.medium, saved, image_bytes);
	fat_put32(table + first * 4, 0x0fffffff);
	refused("'A' in '/' is shorter than its size says");
	memcpy(disk.medium, saved, image_bytes);
	fat_put16(root + 26, 0xfff0);
	refused("'A' in '/' begins outside");
	memcpy(disk.medium, saved, image_bytes);
	fat_put16(root + 26, 2); /* the root itself */
	refused("has a cluster twice");
	memcpy(disk.medium, saved, image_bytes);
	disk.medium[510] = 0;
	refused("no boot sector");
	memcpy(disk.medium, saved, image_bytes);
	fat_put16(disk.medium + 22, 10);
	refused("FAT12 or FAT16");
	memcpy(disk.medium, saved, image_bytes);
	fat_put16(disk.medium + 19, 0);
	fat_put32(disk.medium + 32, (u32)(image_bytes / 512) + 8);
	refused("larger than sda1");
	memcpy(disk.medium, saved, image_bytes);
	fat_put32(disk.medium + 36, 1);
	refused("too short for its clusters");
	memcpy(disk.medium, saved, image_bytes);
	disk.device.limits.logical_block_bytes = 4096;
	refused("sectors of 512 bytes");
	free(saved);
	stop();
}
END_TEST

START_TEST(failing_disk)
{
	struct fat_info info;

	start("-s 1", true);
	mount();
	replace_with("kept", 2000, 1);
	disk.fail_with = ERR_IO;
	ck_assert_int_eq(fat_replace(volume, "new", "x", 1), ERR_IO);
	disk.fail_with = OK;
	ck_assert_int_eq(fat_replace(volume, "new", "x", 1), ERR_IO); /* not before it is mounted anew */
	ck_assert_int_eq(fat_delete(volume, "kept"), ERR_IO);
	fat_unmount(volume);
	mount();
	check_content("kept", 2000, 1);
	ck_assert_int_eq(fat_replace(volume, "new", "x", 1), OK);
	ck_assert_int_eq(fat_stat(volume, "new", &info), OK);
	judge();
	stop();
}
END_TEST

/* Cuts of power: every write is kept with the number of the flush that it waits for. */

struct write { u64 sector; u8 data[512]; unsigned epoch; };
static struct write *writes;
static unsigned write_count, epoch;
static const struct block_device_ops *real_ops;

static void record(struct block_device *device, struct block_request *request)
{
	u64 sector = request->sector;

	if (request->operation == BLOCK_FLUSH)
		epoch++;
	for (u32 i = 0; request->operation == BLOCK_WRITE && i < request->segment_count; i++)
		for (u64 at = 0; at < request->segments[i].size_bytes; at += 512, sector++) {
			writes = realloc(writes, (write_count + 1) * sizeof(*writes));
			writes[write_count].sector = sector;
			writes[write_count].epoch = epoch;
			memcpy(writes[write_count++].data, (u8 *)request->segments[i].address.value + at, 512);
		}
	real_ops->submit(device, request);
}

static const struct block_device_ops recording_ops = { .submit = record };

static void change_things(void)
{
	struct fat_file *file;
	char path[64];

	for (unsigned i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "store/domain %u of some length.xml", i);
		replace_with(path, 1000 + i * 300, i);
	}
	replace_with("store/precious.xml", 1700, 100);
	ck_assert_int_eq(fat_open(volume, "store/disk.img", FAT_CREATE, &file), OK);
	ck_assert_int_eq(fat_resize(file, 3000, false), OK);
	ck_assert_int_eq(fat_resize(file, 9000, true), OK);
	ck_assert_int_eq(fat_resize(file, 1500, false), OK);
	fat_close(file);
	ck_assert_int_eq(fat_delete(volume, "store/domain 2 of some length.xml"), OK);
	ck_assert_int_eq(fat_make_folder(volume, "store/inner"), OK);
	ck_assert_int_eq(fat_rename(volume, "store/disk.img", "disk-2.img"), OK);
	ck_assert_int_eq(fat_delete(volume, "store/inner"), OK);
	ck_assert_int_eq(fat_delete(volume, "store/disk-2.img"), OK);
}

/* precious.xml has its old bytes, or its new ones. */
static void check_precious(void)
{
	u8 *old = pattern(900, 99), *new = pattern(1700, 100);
	void *data;
	u32 size;

	ck_assert_int_eq(fat_read_whole(volume, "store/precious.xml", 10000, &data, &size), OK);
	ck_assert((size == 900 && memcmp(data, old, 900) == 0) || (size == 1700 && memcmp(data, new, 1700) == 0));
	free(old), free(new), free(data);
}

START_TEST(power_cuts)
{
	u8 *before;
	u32 seed = 4711;
	unsigned rounds = 0;

	start("-s 1", false);
	before = malloc(image_bytes);
	mount();
	ck_assert_int_eq(fat_make_folder(volume, "store"), OK);
	replace_with("store/precious.xml", 900, 99);
	memcpy(before, disk.medium, image_bytes);
	disk.device.limits.max_write_zeroes_sectors = 0; /* so that every change is a write that is seen */
	real_ops = disk.device.ops;
	disk.device.ops = &recording_ops;
	change_things();
	disk.device.ops = real_ops;
	judge();
	fat_unmount(volume);
	for (unsigned cut = 0; cut <= epoch; cut++) {
		for (unsigned variant = 0; variant < 3; variant++, rounds++) {
			memcpy(disk.medium, before, image_bytes);
			for (unsigned i = 0; i < write_count; i++) {
				seed = seed * 1103515245 + 12345;
				if (writes[i].epoch < cut || (writes[i].epoch == cut && seed >> 30 & 1)) /* in any order, some not at all */
					memcpy(disk.medium + writes[i].sector * 512, writes[i].data, 512);
			}
			ck_assert_str_eq(fat_judge(disk.medium, image_bytes, true), "");
			mount();
			check_precious();
			replace_with("store/after.xml", 2500, cut); /* it can be gone on with */
			fat_unmount(volume);
			ck_assert_str_eq(fat_judge(disk.medium, image_bytes, true), "");
		}
	}
	volume = NULL;
	ck_assert_uint_gt(rounds, 100);
	free(before), free(writes);
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("fat");
	TCase *tests = tcase_create("fat");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, files_and_folders);
	tcase_add_test(tests, many_names);
	tcase_add_test(tests, sizes);
	tcase_add_test(tests, renames);
	tcase_add_test(tests, others_files);
	tcase_add_test(tests, broken_file_systems);
	tcase_add_test(tests, failing_disk);
	tcase_add_test(tests, power_cuts);
	suite_add_tcase(suite, tests);
	return suite;
}

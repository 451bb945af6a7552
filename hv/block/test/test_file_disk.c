/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/fat_geometry.c hv/block/fat_name.c hv/block/fat_table.c hv/block/fat_volume.c hv/block/fat_directory.c hv/block/fat_entry.c */
/* LINK: hv/block/fat_path.c hv/block/fat_check.c hv/block/fat_file.c hv/block/fat_data.c hv/block/fat_resize.c hv/rtc_time.c hv/lib/utf8.c */
/* LINK: hv/block/file_disk.c hv/block/file_disk_submit.c hv/block/file_system.c hv/block/extent_map.c hv/block/image_file.c hv/block/ramdisk.c */
/* LINK: hv/block/registry.c hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/test/fake_disk.c hv/block/test/fat_judge.c */
/* LINK: hv/test/thread_hosted.c hv/test/clock_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/* FORK: what a test registers stays */
/* Files of a FAT32 file system as disks: data lie where the file says, across extents too; growth, users, words. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/block/extent_map.h"
#include "hv/block/file_system.h"
#include "hv/block/image_file.h"
#include "hv/block/test/fake_disk.h"
#include "hv/block/test/fat_judge.h"
#include "hv/block/transfer.h"
#include "hv/lib/error.h"
#include "hv/modules.h"
#include "hv/pages.h"

#define SECTORS 16384u
#define PIECES 40u
#define FILE_BYTES (PIECES * 3072u)

const struct module *module_find(const char *name)
{
	(void)name;
	return NULL;
}

hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags)
{
	(void)owner, (void)flags;
	return HPA((u64)calloc(1, PAGE_SIZE << order));
}

void pages_free(hpa_t base, unsigned order)
{
	(void)order;
	free((void *)base.value);
}

static struct fake_disk disk;

/* Two files that grow in turn: each lies in PIECES extents of six clusters. */
static void set_up(void)
{
	u8 *image = fat_image_make("-s 1", SECTORS);
	struct file_system *file_system;
	struct fat_file *a, *b;
	char words[200];

	fake_disk_init(&disk, "sda1", SECTORS);
	memcpy(disk.medium, image, (size_t)SECTORS * 512);
	free(image);
	ck_assert_int_eq(block_register(&disk.device), OK);
	ck_assert_int_eq(file_system_get("sda1", &file_system, words, sizeof(words)), OK);
	ck_assert_int_eq(fat_make_folder(file_system_volume(file_system), "images"), OK);
	ck_assert_int_eq(fat_open(file_system_volume(file_system), "images/a.img", FAT_CREATE, &a), OK);
	ck_assert_int_eq(fat_open(file_system_volume(file_system), "images/b.img", FAT_CREATE, &b), OK);
	for (u32 i = 1; i <= PIECES; i++) {
		ck_assert_int_eq(fat_resize(a, i * 3072, false), OK);
		ck_assert_int_eq(fat_resize(b, i * 3072, false), OK);
	}
	fat_close(a), fat_close(b);
	file_system_put(file_system);
}

static void open_image(struct image_file *file, const char *path)
{
	int error = image_file_open(file, path, BLOCK_OPEN_EXCLUSIVE, "domain a", NULL);

	ck_assert_msg(error == OK, "%d: %s", error, file->user.words);
}

START_TEST(data_cross_extents)
{
	struct image_file file;
	u8 *shadow = calloc(1, FILE_BYTES), *buffer = malloc(FILE_BYTES);
	u32 seed = 1;

	set_up();
	open_image(&file, "/sda1/images/a.img");
	ck_assert_uint_eq(file.size_bytes, FILE_BYTES);
	ck_assert_uint_eq(file.device->limits.sector_count, FILE_BYTES / 512);
	for (unsigned i = 0; i < 300; i++) {
		u32 sector = (seed = seed * 1103515245 + 12345) / 65536 % (FILE_BYTES / 512);
		u32 count = 1 + (seed = seed * 1103515245 + 12345) / 65536 % (FILE_BYTES / 512 - sector);

		if (i % 2) {
			memset(shadow + sector * 512, (int)i, count * 512);
			ck_assert_int_eq(block_write(file.device, sector, shadow + sector * 512, count, 0), OK);
		} else {
			ck_assert_int_eq(block_read(file.device, sector, buffer, count), OK);
			ck_assert_int_eq(memcmp(buffer, shadow + sector * 512, count * 512), 0);
		}
	}
	ck_assert_int_eq(block_write(file.device, FILE_BYTES / 512 - 1, shadow, 2, 0), ERR_RANGE);
	ck_assert_int_eq(block_flush(file.device), OK);
	image_file_close(&file);
	ck_assert_str_eq(fat_judge(disk.medium, (size_t)SECTORS * 512, false), "");
	open_image(&file, "/sda1/images/b.img"); /* the neighbour was not touched */
	ck_assert_int_eq(block_read(file.device, 0, buffer, FILE_BYTES / 512), OK);
	for (u32 i = 0; i < FILE_BYTES; i++)
		ck_assert_uint_eq(buffer[i], 0);
	image_file_close(&file);
	free(shadow), free(buffer);
}
END_TEST

static unsigned finished;

static void count_finished(struct block_transfer *transfer, int status)
{
	(void)transfer;
	ck_assert_int_eq(status, OK);
	finished++;
}

/* More requests across extents than there are records for, all under way at once, in segments of odd sizes. */
START_TEST(many_at_once)
{
	static struct block_transfer transfers[20];
	static struct block_segment segments[20][3];
	struct image_file file;
	u8 *data = malloc(20 * 6144), *back = malloc(6144);

	set_up();
	open_image(&file, "/sda1/images/a.img");
	disk.deferred = true;
	for (unsigned i = 0; i < 20; i++) {
		memset(data + i * 6144, (int)i + 1, 6144);
		segments[i][0] = (struct block_segment){ HPA((u64)data + i * 6144), 512 };
		segments[i][1] = (struct block_segment){ HPA((u64)data + i * 6144 + 512), 3584 };
		segments[i][2] = (struct block_segment){ HPA((u64)data + i * 6144 + 4096), 2048 };
		transfers[i] = (struct block_transfer){ .device = file.device, .operation = BLOCK_WRITE, .segments = segments[i],
							.segment_count = 3, .sector = i * 12 + 1, .sector_count = 11,
							.complete = count_finished };
		segments[i][2].size_bytes = 1536;
		block_transfer_start(&transfers[i]);
	}
	while (fake_disk_complete(&disk, 3))
		;
	ck_assert_uint_eq(finished, 20);
	disk.deferred = false;
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(block_read(file.device, i * 12 + 1, back, 11), OK);
		ck_assert_int_eq(memcmp(back, data + i * 6144, 11 * 512), 0);
	}
	disk.fail_with = ERR_IO;
	ck_assert_int_eq(block_read(file.device, 0, back, 12), ERR_IO);
	disk.fail_with = OK;
	image_file_close(&file);
	free(data), free(back);
}
END_TEST

START_TEST(growth)
{
	struct image_file file;
	u8 *buffer = malloc(4u << 20);

	set_up();
	open_image(&file, "/sda1/images/a.img");
	for (u32 i = 0; i < 20; i++) {
		u64 size = FILE_BYTES + (i + 1) * 65536ull + i;

		ck_assert_int_eq(file.resize(&file, size, i % 2 ? IMAGE_FILE_UNDEFINED : 0), OK);
		ck_assert_uint_eq(file.size_bytes, size);
		ck_assert_uint_eq(file.device->limits.sector_count, DIV_ROUND_UP(size, 512));
		memset(buffer, (int)i + 1, 65536);
		ck_assert_int_eq(block_write(file.device, FILE_BYTES / 512 + i * 128, buffer, 128, 0), OK);
	}
	ck_assert_int_eq(block_read(file.device, FILE_BYTES / 512, buffer, 20 * 128), OK);
	for (u32 i = 0; i < 20 * 65536u; i++)
		ck_assert_uint_eq(buffer[i], i / 65536 + 1);
	ck_assert_int_eq(file.resize(&file, 64u << 20, 0), ERR_FULL);
	ck_assert_int_eq(block_read(file.device, FILE_BYTES / 512, buffer, 128), OK);
	ck_assert_int_eq(file.resize(&file, 1000, 0), OK);
	ck_assert_uint_eq(file.device->limits.sector_count, 2);
	ck_assert_int_eq(block_read(file.device, 2, buffer, 1), ERR_RANGE);
	ck_assert_int_eq(file.resize(&file, 100000, 0), OK);
	ck_assert_int_eq(block_read(file.device, 0, buffer, 196), OK);
	for (u32 i = 1000; i < 100000; i++)
		ck_assert_uint_eq(buffer[i], 0);
	image_file_close(&file);
	ck_assert_str_eq(fat_judge(disk.medium, (size_t)SECTORS * 512, false), "");
	free(buffer);
}
END_TEST

START_TEST(users)
{
	struct image_file a, b;

	set_up();
	open_image(&a, "/sda1/images/a.img");
	ck_assert_int_eq(image_file_open(&b, "/sda1/IMAGES/A.img", BLOCK_OPEN_READ, "domain b", NULL), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(b.user.words, "is in use by domain a"));
	open_image(&b, "/sda1/images/b.img");
	image_file_close(&b);
	ck_assert_int_eq(image_file_open(&b, "/dev/sda1", BLOCK_OPEN_EXCLUSIVE, "domain b", NULL), ERR_BUSY);
	ck_assert_int_eq(image_file_open(&b, "/dev/file0", BLOCK_OPEN_LOOK, "domain b", NULL), ERR_NOT_FOUND);
	ck_assert_int_eq(image_file_open(&b, "/sda1/none.img", BLOCK_OPEN_READ, "domain b", NULL), ERR_NOT_FOUND);
	ck_assert_str_eq(b.user.words, "'/sda1/none.img' is not there");
	ck_assert_int_eq(image_file_open(&b, "/sda1/images", BLOCK_OPEN_READ, "domain b", NULL), ERR_INVALID);
	ck_assert_int_eq(image_file_open(&b, "/sdb1/x", BLOCK_OPEN_READ, "domain b", NULL), ERR_NOT_FOUND);
	ck_assert_str_eq(b.user.words, "there is no block device 'sdb1'");
	image_file_close(&a);
	ck_assert_int_eq(image_file_open(&b, "/dev/sda1", BLOCK_OPEN_EXCLUSIVE, "domain b", NULL), OK); /* it was unmounted */
	ck_assert_int_eq(image_file_open(&a, "/sda1/images/a.img", BLOCK_OPEN_READ, "domain a", NULL), ERR_BUSY);
	image_file_close(&b);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("file_disk");
	TCase *tests = tcase_create("file_disk");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, data_cross_extents);
	tcase_add_test(tests, many_at_once);
	tcase_add_test(tests, growth);
	tcase_add_test(tests, users);
	suite_add_tcase(suite, tests);
	return suite;
}

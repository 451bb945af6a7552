/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/file_disk.c hv/block/file_disk_submit.c hv/block/file_system.c hv/block/extent_map.c hv/block/fat_geometry.c hv/block/fat_name.c hv/block/fat_table.c hv/block/fat_volume.c hv/block/fat_directory.c hv/block/fat_entry.c hv/block/fat_path.c hv/block/fat_check.c hv/block/fat_file.c hv/block/fat_data.c hv/block/fat_resize.c hv/rtc_time.c hv/lib/utf8.c hv/test/clock_hosted.c */
/* LINK: hv/block/image_file.c hv/block/registry.c hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/ramdisk.c */
/* LINK: hv/block/test/fake_disk.c hv/test/thread_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/* FORK: what a test registers stays */
/* Image files: what a path names, its size, and the words of a refusal. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/block/image_file.h"
#include "hv/block/test/fake_disk.h"
#include "hv/lib/error.h"
#include "hv/modules.h"
#include "hv/pages.h"

static u8 file_bytes[4096] ALIGNED(4096);
static const struct module module = { "tiny.img", file_bytes, 1000 };

const struct module *module_find(const char *name)
{
	return strcmp(name, "tiny.img") ? NULL : &module;
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

START_TEST(paths)
{
	struct image_file a, b;
	struct fake_disk disk;

	fake_disk_init(&disk, "sda", 8);
	ck_assert_int_eq(block_register(&disk.device), OK);
	ck_assert_int_eq(image_file_open(&a, "/dev/sda", BLOCK_OPEN_EXCLUSIVE, "domain a", NULL), OK);
	ck_assert_ptr_eq(a.device, &disk.device);
	ck_assert_uint_eq(a.size_bytes, 4096);
	ck_assert_ptr_eq(a.resize, NULL);
	ck_assert_int_eq(a.flush(&a), OK);
	ck_assert_uint_eq(disk.flushes, 1);
	ck_assert_int_eq(image_file_open(&b, "/dev/sda", BLOCK_OPEN_READ, "domain b", NULL), ERR_BUSY);
	ck_assert_str_eq(b.user.words, "sda is in use by domain a");
	image_file_close(&a);
	ck_assert_int_eq(image_file_open(&a, "/dev/sdb", BLOCK_OPEN_READ, "domain a", NULL), ERR_NOT_FOUND);
	ck_assert_int_eq(image_file_open(&a, "/solera/tiny.img", BLOCK_OPEN_EXCLUSIVE, "domain a", NULL), OK);
	ck_assert_uint_eq(a.size_bytes, 1000);
	ck_assert_uint_eq(a.device->limits.sector_count, 2);
	image_file_close(&a);
	ck_assert_int_eq(image_file_open(&a, "/solera/big.img", BLOCK_OPEN_READ, "domain a", NULL), ERR_NOT_FOUND);
	ck_assert_str_eq(a.user.words, "'/solera/big.img' is no file of \\solera\\ on the boot medium");
	ck_assert_int_eq(image_file_open(&a, "nothing", BLOCK_OPEN_READ, "domain a", NULL), ERR_NOT_FOUND);
	block_unregister(&disk.device);
	fake_disk_release(&disk);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("image_file");
	TCase *tests = tcase_create("image_file");

	tcase_add_test(tests, paths);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/manage/pool.c hv/manage/pool_xml.c hv/manage/volume.c hv/manage/volume_copy.c hv/block/qcow2_create.c hv/block/qcow2_header.c hv/manage/store.c hv/manage/error.c hv/manage/text.c */
/* LINK: hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/manage/domain_config.c hv/kstrdup.c */
/* LINK: hv/block/file_disk.c hv/block/file_disk_submit.c hv/block/file_system.c hv/block/extent_map.c hv/block/image_file.c hv/block/ramdisk.c */
/* LINK: hv/block/fat_geometry.c hv/block/fat_name.c hv/block/fat_table.c hv/block/fat_volume.c hv/block/fat_directory.c hv/block/fat_entry.c */
/* LINK: hv/block/fat_path.c hv/block/fat_check.c hv/block/fat_file.c hv/block/fat_data.c hv/block/fat_resize.c hv/rtc_time.c hv/lib/utf8.c */
/* LINK: hv/block/partition.c hv/block/partition_table.c hv/block/partition_gpt.c hv/block/partition_mbr.c hv/lib/crc32.c hv/cpu_topology.c */
/* LINK: hv/block/registry.c hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/test/fake_disk.c hv/block/test/fat_judge.c */
/* LINK: hv/manage/domain_tune_value.c hv/manage/cpu_list.c hv/test/random_hosted.c hv/test/thread_hosted.c hv/test/clock_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/unit/libexpat.a */
/* FORK: pools and what is registered stay */
/* Pools, volumes and the store on a fake disk: what is kept, what comes back, what a copy leaves when it is given up. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/block/fat.h"
#include "hv/block/file_system.h"
#include "hv/block/test/fake_disk.h"
#include "hv/block/test/fat_judge.h"
#include "hv/lib/error.h"
#include "hv/manage/store.h"
#include "hv/manage/volume.h"
#include "hv/modules.h"
#include "hv/pages.h"

#define SECTORS 16384u

static u8 file_bytes[8192] ALIGNED(4096);
static const struct module module = { "tiny.img", file_bytes, 5000 };
static struct fake_disk disk;
static struct manage_error error;

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

static void set_up(bool store)
{
	u8 *image = fat_image_make("-s 1", SECTORS);
	struct file_system *file_system;
	char words[200];

	fake_disk_init(&disk, "sda1", SECTORS);
	memcpy(disk.medium, image, (size_t)SECTORS * 512);
	free(image);
	ck_assert_int_eq(block_register(&disk.device), OK);
	ck_assert_int_eq(file_system_get("sda1", &file_system, words, sizeof(words)), OK);
	ck_assert_int_eq(fat_make_folder(file_system_volume(file_system), "images"), OK);
	if (store)
		ck_assert_int_eq(fat_make_folder(file_system_volume(file_system), "Solera"), OK);
	file_system_put(file_system);
	store_find();
}

static void works(int code)
{
	ck_assert_msg(code == OK, "%s", error.text);
}

static void define_images(struct pool_info *info)
{
	static const char xml[] = "<pool type='dir'><name>images</name><target><path>/sda1/images/</path></target></pool>";

	works(pool_define_xml("p.xml", xml, strlen(xml), info, &error));
}

START_TEST(kept_and_loaded)
{
	struct pool_info info, *all;
	char kept[256], uuid[DOMAIN_UUID_TEXT_SIZE], words[STORE_WORDS_MAX], path[128];
	size_t count;

	set_up(true);
	define_images(&info);
	ck_assert_str_eq(info.kept, "It is kept in sda1:\\solera\\store.");
	ck_assert_str_eq(info.config.target, "/sda1/images");
	works(pool_set_autostart("images", true, &info, &error));
	domain_uuid_format(uuid, &info.config.uuid);
	works(pool_undefine("images", kept, &error));
	ck_assert_str_eq(kept, "");
	pools_load_store();
	works(pools_all(&all, &count, &error));
	ck_assert_uint_eq(count, 0);
	free(all);
	/* As after a boot: the files are there, the pool is not. */
	strcpy(path, uuid);
	strcat(path, ".xml");
	ck_assert_int_eq(store_write("pools", path, "<pool type='dir'><name>images</name><uuid>aaaaaaaa-1111-4111-8111-111111111111</uuid>"
				     "<target><path>/sda1/images</path></target></pool>", 134, words), OK);
	ck_assert_int_eq(store_write("pools", "aaaaaaaa-1111-4111-8111-111111111111.autostart", "", 0, words), OK);
	ck_assert_int_eq(store_write("pools", "broken.xml", "<pool", 5, words), OK);
	pools_load_store();
	works(pool_find("aaaaaaaa-1111-4111-8111-111111111111", &info, &error));
	ck_assert(info.active && info.autostart);
	ck_assert_uint_gt(info.available_bytes, 7u << 20);
	works(pool_stop("images", &error));
	ck_assert_str_eq(fat_judge(disk.medium, (size_t)SECTORS * 512, false), "");
}
END_TEST

START_TEST(without_a_place)
{
	struct pool_info info;

	set_up(false);
	define_images(&info);
	ck_assert_str_eq(info.kept, "It lives until power-off: no disk of this host has a FAT32 file system with a folder \\solera.");
}
END_TEST

/* A disk that is full, or fails, or can only be read. */
START_TEST(store_says_why)
{
	struct pool_info info;

	set_up(true);
	disk.fail_with = ERR_IO;
	define_images(&info);
	ck_assert_str_eq(info.kept, "It lives until power-off: sda1 cannot be mounted: it cannot be read.");
	disk.fail_with = OK;
	works(pool_set_autostart("images", false, &info, &error));
	ck_assert_str_eq(info.kept, "It is kept in sda1:\\solera\\store.");
	disk.device.limits.read_only = true;
	works(pool_set_autostart("images", true, &info, &error));
	ck_assert_str_eq(info.kept, "It lives until power-off: sda1: it can only be read.");
}
END_TEST

static bool give_up(void *context, u64 done, u64 total)
{
	(void)context, (void)done, (void)total;
	return false;
}

START_TEST(volumes)
{
	struct volume_progress stop = { give_up, NULL };
	struct pool_info pool;
	struct volume_info info, *all;
	size_t count;
	char *xml;

	set_up(true);
	define_images(&pool);
	ck_assert_int_eq(volume_find("images", "a.img", &info, &error), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "Requested operation is not valid: storage pool is not active");
	works(pool_start("images", &error));
	works(volume_create("images", "a.img", 10000, NULL, &error));
	ck_assert_int_eq(volume_create("images", "A.IMG", 10, NULL, &error), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "operation failed: storage vol already exists");
	ck_assert_int_eq(volume_create("images", "b/c", 10, NULL, &error), MANAGE_FAILED);
	ck_assert_int_eq(volume_create("images", "big", 100u << 20, NULL, &error), MANAGE_FAILED);
	ck_assert_ptr_nonnull(strstr(error.text, "there is not enough space left in the pool"));
	works(volume_find(NULL, "/sda1/images/a.img", &info, &error));
	ck_assert_uint_eq(info.capacity_bytes, 10000);
	ck_assert_uint_eq(info.allocation_bytes, 10240);
	memset(file_bytes, 0x5a, 5000);
	works(volume_upload(&info, "/solera/tiny.img", NULL, &error));
	ck_assert_int_eq(volume_clone(&info, "given up", &stop, &error), MANAGE_FAILED);
	works(volume_clone(&info, "copy.img", NULL, &error));
	works(volumes_all("images", &all, &count, &error));
	ck_assert_uint_eq(count, 2); /* nothing of what was given up or had no room */
	free(all);
	works(volume_resize(&info, 20000, false, &error));
	ck_assert_int_eq(volume_resize(&info, 5, false, &error), MANAGE_FAILED);
	ck_assert_ptr_nonnull(strstr(error.text, "Can't shrink capacity below current capacity"));
	works(volume_resize(&info, 5, true, &error));
	works(volume_find("images", "copy.img", &info, &error));
	xml = volume_dump_xml(&info);
	ck_assert_ptr_nonnull(strstr(xml, "<capacity unit='bytes'>10000</capacity>"));
	free(xml);
	works(volume_delete(&info, &error));
	works(pool_stop("images", &error));
	ck_assert_str_eq(fat_judge(disk.medium, (size_t)SECTORS * 512, false), "");
}
END_TEST

START_TEST(refused_descriptions)
{
	static const struct { const char *xml, *words; } rows[] = {
		{ "<pool><name>a</name></pool>", "p.xml:1: <pool>: the attribute 'type' is missing" },
		{ "<pool type='zfs'><name>a</name></pool>", "type 'zfs' is not supported" },
		{ "<pool type='dir'><name>a/b</name></pool>", "cannot contain '/'" },
		{ "<pool type='dir'><name>a</name><target><path>/x</path></target></pool>", "is no folder of a file system" },
		{ "<pool type='dir'><name>a</name><target><path>/dev/x</path></target></pool>", "is no folder of a file system" },
		{ "<pool type='fs'><name>a</name></pool>", "missing storage pool source device name" },
		{ "<pool type='fs'><name>a</name><source><device path='/x'/></source></pool>", "'/x' is not a block device" },
		{ "<pool type='fs'><name>a</name><source><device path='/dev/sda1'/></source><target><path>/mnt</path></target></pool>",
		  "Solera has the volumes of this pool in /sda1" },
		{ "<pool type='dir'><name>a</name><colour/></pool>", "<colour>" },
	};
	struct pool_info info;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(pool_define_xml("p.xml", rows[i].xml, strlen(rows[i].xml), &info, &error), MANAGE_FAILED);
		ck_assert_msg(strstr(error.text, rows[i].words), "'%s' is not in '%s'", rows[i].words, error.text);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("pool");
	TCase *tests = tcase_create("pool");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, kept_and_loaded);
	tcase_add_test(tests, without_a_place);
	tcase_add_test(tests, store_says_why);
	tcase_add_test(tests, volumes);
	tcase_add_test(tests, refused_descriptions);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/partition.c hv/block/partition_table.c hv/block/partition_gpt.c hv/block/partition_mbr.c hv/lib/crc32.c hv/lib/utf8.c */
/* LINK: hv/block/registry.c hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/test/fake_disk.c hv/test/thread_hosted.c */
/* LINK: hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* FORK: what a test registers stays */
/* Partitions as block devices: they lie where the table says, end where it says, and keep a disk's users apart. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/block/partition.h"
#include "hv/block/registry.h"
#include "hv/block/test/fake_disk.h"
#include "hv/lib/error.h"
#include "hv/pages.h"
#include "hv/thread.h"

#define DISK_SECTORS 4096u
#define FIRST 100u
#define SIZE 300u

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

static void set_up(const char *name)
{
	u8 *entry;

	fake_disk_init(&disk, name, DISK_SECTORS);
	disk.device.limits.max_transfer_bytes = 4096; /* so that longer reads come in pieces */
	for (u32 i = 1; i < DISK_SECTORS; i++)
		memset(disk.medium + (size_t)i * 512, (int)(i * 5 + i / 256), 512);
	entry = disk.medium + 446;
	memset(entry, 0, 64);
	entry[4] = 0x83;
	memcpy(entry + 8, &(u32){ FIRST }, 4);
	memcpy(entry + 12, &(u32){ SIZE }, 4);
	disk.medium[510] = 0x55, disk.medium[511] = 0xaa;
	ck_assert_int_eq(block_register(&disk.device), OK);
	ck_assert_int_eq(partitions_scan(&disk.device), OK);
}

static struct block_user user_named(const char *name)
{
	struct block_user user = { .mode = 0 };

	strcpy(user.name, name);
	return user;
}

START_TEST(data_lies_where_the_table_says)
{
	static u8 read[20 * 512], written[20 * 512];
	struct block_user user = user_named("test");

	set_up("sdx");
	ck_assert_int_eq(block_open("sdx1", BLOCK_OPEN_EXCLUSIVE, &user), OK);
	ck_assert_uint_eq(user.device->limits.sector_count, SIZE);
	ck_assert_ptr_nonnull(partition_of(user.device));
	ck_assert_uint_eq(partition_of(user.device)->mbr_type, 0x83);
	ck_assert_int_eq(block_read(user.device, 7, read, 20), OK);
	ck_assert_mem_eq(read, disk.medium + (FIRST + 7) * 512, sizeof(read));
	memset(written, 0xa5, sizeof(written));
	ck_assert_int_eq(block_write(user.device, SIZE - 20, written, 20, 0), OK);
	ck_assert_mem_eq(disk.medium + (FIRST + SIZE - 20) * 512, written, sizeof(written));
	ck_assert_int_eq(block_flush(user.device), OK);
	ck_assert_uint_eq(disk.flushes, 1);
	block_close(&user);
}
END_TEST

START_TEST(nothing_outside_is_reached)
{
	static u8 data[4 * 512];
	struct block_user user = user_named("test");

	set_up("sdy");
	ck_assert_int_eq(block_open("sdy1", BLOCK_OPEN_EXCLUSIVE, &user), OK);
	ck_assert_int_eq(block_read(user.device, SIZE - 1, data, 2), ERR_RANGE);
	ck_assert_int_eq(block_write(user.device, SIZE, data, 1, 0), ERR_RANGE);
	ck_assert_int_eq(block_write(user.device, ~(u64)0, data, 1, 0), ERR_RANGE);
	ck_assert_int_eq(block_write(user.device, ~(u64)0 - FIRST + 1, data, 1, 0), ERR_RANGE);
	block_close(&user);
}
END_TEST

START_TEST(disk_and_partition_are_not_written_by_two)
{
	struct block_user one = user_named("one"), two = user_named("two");

	set_up("nvme7n1");
	ck_assert_int_eq(block_open("nvme7n1p1", BLOCK_OPEN_EXCLUSIVE, &one), OK);
	ck_assert_int_eq(block_open("nvme7n1", BLOCK_OPEN_EXCLUSIVE, &two), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(two.words, "one"));
	block_close(&one);
	ck_assert_int_eq(block_open("nvme7n1", BLOCK_OPEN_EXCLUSIVE, &two), OK);
	ck_assert_int_eq(block_open("nvme7n1p1", BLOCK_OPEN_READ, &one), ERR_BUSY);
	block_close(&two);
}
END_TEST

static void pull_out(void *device)
{
	block_disk_unregister(device);
}

static void note_gone(void *context, struct block_device *device)
{
	__atomic_store_n((bool *)context, device->gone, __ATOMIC_RELEASE);
}

/* A disk that comes and goes takes its partitions with it; who uses one gets errors, and the disk waits until that one let go. */
START_TEST(a_disk_that_comes_and_goes)
{
	static u8 buffer[512] ALIGNED(4096);

	set_up("fd");
	block_disk_unregister(&disk.device);
	for (u32 i = 0; i < 3; i++) {
		struct block_user user = user_named("user"), other = user_named("other");
		struct thread *thread;
		bool gone = false;

		user.changed = note_gone;
		user.context = &gone;
		ck_assert_int_eq(block_disk_register(&disk.device), OK);
		partitions_scan_all(); /* its table was read already */
		ck_assert_int_eq(block_open("fd1", BLOCK_OPEN_EXCLUSIVE, &user), OK);
		ck_assert_int_eq(block_read(user.device, 0, buffer, 1), OK);
		thread = thread_create("pull", pull_out, &disk.device);
		while (!__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
			thread_yield();
		ck_assert_int_eq(block_read(user.device, 0, buffer, 1), ERR_NOT_FOUND);
		ck_assert_int_eq(block_open("fd1", BLOCK_OPEN_READ, &other), ERR_NOT_FOUND);
		block_close(&user);
		thread_join(thread);
		ck_assert_int_eq(block_open("fd", BLOCK_OPEN_READ, &other), ERR_NOT_FOUND);
	}
	fake_disk_release(&disk);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("partitions");
	TCase *tests = tcase_create("partitions");

	tcase_add_test(tests, data_lies_where_the_table_says);
	tcase_add_test(tests, nothing_outside_is_reached);
	tcase_add_test(tests, disk_and_partition_are_not_written_by_two);
	tcase_add_test(tests, a_disk_that_comes_and_goes);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/registry.c hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/ramdisk.c hv/block/test/fake_disk.c hv/test/thread_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* The block layer's base: who may open what, requests' limits, cutting of transfers, RAM disks. */
#include "hv/lib/test/unit.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "hv/block/ramdisk.h"
#include "hv/block/registry.h"
#include "hv/block/test/fake_disk.h"
#include "hv/block/transfer.h"
#include "hv/lib/error.h"
#include "hv/modules.h"
#include "hv/pages.h"
#include "hv/thread.h"

hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags)
{
	(void)owner;
	(void)flags;
	return HPA((u64)calloc(1, PAGE_SIZE << order));
}

void pages_free(hpa_t base, unsigned order)
{
	(void)order;
	free((void *)base.value);
}

static struct block_user user_named(const char *name)
{
	struct block_user user = { .mode = 0 };

	strcpy(user.name, name);
	return user;
}

START_TEST(open_modes)
{
	static const struct {
		u8 first, second;
		bool together;
	} rows[] = {
		{ BLOCK_OPEN_READ, BLOCK_OPEN_READ, true },       { BLOCK_OPEN_READ, BLOCK_OPEN_EXCLUSIVE, false },
		{ BLOCK_OPEN_READ, BLOCK_OPEN_SHARED, false },    { BLOCK_OPEN_EXCLUSIVE, BLOCK_OPEN_EXCLUSIVE, false },
		{ BLOCK_OPEN_EXCLUSIVE, BLOCK_OPEN_SHARED, false }, { BLOCK_OPEN_SHARED, BLOCK_OPEN_SHARED, true },
		{ BLOCK_OPEN_LOOK, BLOCK_OPEN_EXCLUSIVE, true },  { BLOCK_OPEN_LOOK, BLOCK_OPEN_LOOK, true },
	};
	struct fake_disk disk;

	fake_disk_init(&disk, "fake0", 8);
	ck_assert_int_eq(block_register(&disk.device), OK);
	ck_assert_int_eq(block_register(&disk.device), ERR_EXISTS);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct block_user a = user_named("domain one"), b = user_named("domain two");
		bool swapped = i % 2;

		ck_assert_int_eq(block_open("fake0", swapped ? rows[i / 2].second : rows[i / 2].first, &a), OK);
		ck_assert_int_eq(block_open("fake0", swapped ? rows[i / 2].first : rows[i / 2].second, &b),
				 rows[i / 2].together ? OK : ERR_BUSY);
		if (rows[i / 2].together)
			block_close(&b);
		else
			ck_assert_str_eq(b.words, "fake0 is in use by domain one");
		block_close(&a);
	}
	block_unregister(&disk.device);
	fake_disk_release(&disk);
}
END_TEST

START_TEST(stacked_devices)
{
	struct fake_disk disk, part1, part2;
	struct block_user a = user_named("domain one"), b = user_named("pool p"), c = user_named("image i");

	fake_disk_init(&disk, "sda", 8);
	fake_disk_init(&part1, "sda1", 8);
	fake_disk_init(&part2, "sda2", 8);
	part1.device.parent = part2.device.parent = &disk.device;
	part2.device.limits.read_only = true;
	ck_assert(block_register(&disk.device) == OK && block_register(&part1.device) == OK && block_register(&part2.device) == OK);
	ck_assert_int_eq(block_open("sda1", BLOCK_OPEN_EXCLUSIVE, &a), OK);
	ck_assert_int_eq(block_open("sda", BLOCK_OPEN_EXCLUSIVE, &b), ERR_BUSY);
	ck_assert_str_eq(b.words, "sda is in use by domain one through sda1");
	ck_assert_int_eq(block_open("sda2", BLOCK_OPEN_READ, &b), OK);
	block_close(&b);
	ck_assert_int_eq(block_open("sda2", BLOCK_OPEN_SHARED, &b), ERR_UNSUPPORTED);
	ck_assert_str_eq(b.words, "sda2 can only be read");
	block_close(&a);
	c.holder = &part1.device; /* what part1 lies on is its own */
	ck_assert_int_eq(block_open("sda", BLOCK_OPEN_EXCLUSIVE, &c), OK);
	ck_assert_int_eq(block_open("sda1", BLOCK_OPEN_EXCLUSIVE, &a), OK);
	ck_assert_int_eq(block_open("sda2", BLOCK_OPEN_READ, &b), ERR_BUSY);
	block_close(&a);
	block_close(&c);
	ck_assert_int_eq(block_open("sdb", BLOCK_OPEN_READ, &b), ERR_NOT_FOUND);
	ck_assert_str_eq(b.words, "there is no block device 'sdb'");
	block_unregister(&part1.device);
	block_unregister(&part2.device);
	block_unregister(&disk.device);
	fake_disk_release(&disk);
	fake_disk_release(&part1);
	fake_disk_release(&part2);
}
END_TEST

static unsigned told;

static void close_when_gone(void *context, struct block_device *device)
{
	(void)context;
	told += device->gone ? 100 : 1;
}

static void *close_later(void *user)
{
	while (!__atomic_load_n(&((struct block_user *)user)->device->gone, __ATOMIC_ACQUIRE))
		thread_yield();
	block_close(user);
	return NULL;
}

START_TEST(unplugging)
{
	struct block_user user = user_named("domain one");
	struct fake_disk disk;
	pthread_t closer;
	u8 buffer[512];

	fake_disk_init(&disk, "fake0", 8);
	user.changed = close_when_gone;
	ck_assert(block_register(&disk.device) == OK && block_open("fake0", BLOCK_OPEN_SHARED, &user) == OK);
	told = 0;
	block_device_changed(&disk.device);
	ck_assert_uint_eq(told, 1);
	pthread_create(&closer, NULL, close_later, &user);
	block_unregister(&disk.device); /* returns when the user let go */
	pthread_join(closer, NULL);
	ck_assert_uint_eq(told, 101);
	ck_assert_int_eq(block_read(&disk.device, 0, buffer, 1), ERR_NOT_FOUND);
	fake_disk_release(&disk);
}
END_TEST

START_TEST(request_limits)
{
	static const struct {
		u8 operation;
		u64 sector, count;
		int code;
	} rows[] = {
		{ BLOCK_READ, 0, 64, OK },          { BLOCK_READ, 0, 72, ERR_RANGE },   { BLOCK_READ, 64, 0, OK },
		{ BLOCK_READ, 72, 0, ERR_RANGE },   { BLOCK_READ, 56, 16, ERR_RANGE },  { BLOCK_READ, ~0ull - 7, 8, ERR_RANGE },
		{ BLOCK_READ, 8, ~0ull - 7, ERR_RANGE }, { BLOCK_READ, 1, 8, ERR_RANGE }, { BLOCK_READ, 8, 1, ERR_RANGE },
		{ BLOCK_WRITE, 0, 8, OK },          { BLOCK_DISCARD, 0, 8, OK },        { BLOCK_DISCARD, 0, 24, ERR_RANGE },
		{ BLOCK_WRITE_ZEROES, 0, 8, ERR_UNSUPPORTED }, { BLOCK_FLUSH, 99, 99, OK }, { 200, 0, 8, ERR_UNSUPPORTED },
	};
	struct fake_disk disk;

	fake_disk_init(&disk, "fake0", 64);
	disk.device.limits.logical_block_bytes = 4096;
	disk.device.limits.max_discard_sectors = 16;
	disk.device.limits.max_write_zeroes_sectors = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct block_request request = { .operation = rows[i].operation, .sector = rows[i].sector,
						 .sector_count = rows[i].count };

		ck_assert_msg(block_check(&disk.device, &request) == rows[i].code, "row %u", i);
	}
	disk.device.limits.read_only = true;
	ck_assert_int_eq(block_check(&disk.device, &(struct block_request){ .operation = BLOCK_WRITE }), ERR_UNSUPPORTED);
	ck_assert_int_eq(block_check(&disk.device, &(struct block_request){ .operation = BLOCK_DISCARD }), ERR_UNSUPPORTED);
	fake_disk_release(&disk);
}
END_TEST

static int ended;
static int last_status;

static void transfer_ended(struct block_transfer *transfer, int status)
{
	(void)transfer;
	ended++;
	last_status = status;
}

/* Random buffers, limits and completions: what was written comes back, and the fake checks every request. */
START_TEST(cutting)
{
	enum { SECTORS = 256 };
	u8 *memory = aligned_alloc(4096, 2 * SECTORS * 512), *back = aligned_alloc(4096, SECTORS * 512);
	struct fake_disk disk;

	srandom(42);
	fake_disk_init(&disk, "fake0", SECTORS);
	ck_assert_int_eq(block_register(&disk.device), OK);
	for (unsigned round = 0; round < 2000; round++) {
		struct block_limits *limits = &disk.device.limits;
		struct block_segment segments[SECTORS];
		struct block_transfer transfer = { .device = &disk.device, .operation = BLOCK_WRITE, .segments = segments,
						   .complete = transfer_ended };
		u8 *from = memory;
		u32 block = random() % 2 ? 512 : 4096;
		u64 left;

		limits->logical_block_bytes = block;
		limits->max_segments = 8 + (u32)random() % 9;
		limits->max_transfer_bytes = 4096u * (1 + (u32)random() % 8);
		limits->segment_boundary_mask = block != 512 || random() % 2 ? ~(u64)0 : 0xffff;
		transfer.sector_count = (u64)(1 + random() % (SECTORS * 512 / block)) * (block / 512);
		transfer.sector = ALIGN_DOWN((u64)random() % (SECTORS - transfer.sector_count + 1), (u64)block / 512);
		for (left = transfer.sector_count; left;) {
			u64 part = 1 + (u64)random() % 24;

			part = MIN(left, part);
			from += 512 * (random() % 3 ? 0 : 1);
			segments[transfer.segment_count++] = (struct block_segment){ HPA((u64)from), part * 512 };
			for (u64 i = 0; i < part * 512; i += 8)
				*(u64 *)(void *)(from + i) = ((u64)random() << 32) | (u64)random();
			from += part * 512;
			left -= part;
			if (from + 25 * 512 > memory + 2 * SECTORS * 512)
				from = memory;
			if (left && from == memory)
				break;
		}
		transfer.sector_count -= left;
		if (transfer.sector_count % (block / 512))
			continue; /* the buffer ran out inside a block */
		disk.deferred = random() % 2;
		ended = 0;
		block_transfer_start(&transfer);
		while (!ended)
			ck_assert_uint_eq(fake_disk_complete(&disk, 1), 1);
		ck_assert_int_eq(ended, 1);
		ck_assert_int_eq(last_status, OK);
		disk.deferred = false;
		ck_assert_int_eq(block_read(&disk.device, transfer.sector, back, transfer.sector_count), OK);
		ck_assert(memcmp(back, disk.medium + transfer.sector * 512, transfer.sector_count * 512) == 0);
	}
	block_unregister(&disk.device);
	fake_disk_release(&disk);
	free(memory);
	free(back);
}
END_TEST

START_TEST(failing_piece)
{
	u8 *memory = aligned_alloc(4096, 64 * 512);
	struct block_segment segment = { HPA((u64)memory), 64 * 512 };
	struct fake_disk disk;

	memset(memory, 7, 64 * 512);
	for (int deferred = 0; deferred < 2; deferred++) {
		struct block_transfer transfer = { .operation = BLOCK_WRITE, .segments = &segment, .segment_count = 1,
						   .sector_count = 64, .complete = transfer_ended };

		fake_disk_init(&disk, "fake0", 64);
		disk.device.limits.max_transfer_bytes = 4096;
		disk.deferred = deferred;
		disk.fail_with = ERR_IO;
		transfer.device = &disk.device;
		segment.size_bytes = 64 * 512;
		ended = 0;
		block_transfer_start(&transfer);
		if (deferred)
			ck_assert_uint_eq(fake_disk_complete(&disk, 99), 1);
		ck_assert_int_eq(ended, 1);
		ck_assert_int_eq(last_status, ERR_IO);
		ck_assert_uint_eq(disk.submitted, 1);
		ck_assert_uint_eq(disk.device.statistics.errors, 1);
		fake_disk_release(&disk);
	}
	free(memory);
}
END_TEST

START_TEST(ram_disks)
{
	u8 *file = aligned_alloc(4096, 8192), *buffer = aligned_alloc(4096, 3 << 20);
	struct module module = { "disk.img", file, 4097 };
	struct block_device *disk, *again;

	memset(file, 0, 8192);
	memcpy(file, "first", 5);
	file[4096] = 'x';
	ck_assert_int_eq(ramdisk_of_module(&module, &disk), OK);
	ck_assert_int_eq(ramdisk_of_module(&module, &again), OK);
	ck_assert_ptr_eq(disk, again);
	ck_assert_uint_eq(disk->limits.sector_count, 9);
	ck_assert(disk->limits.volatile_medium);
	ck_assert_str_eq(disk->model, "disk.img");
	ck_assert_int_eq(block_read(disk, 8, buffer, 1), OK);
	ck_assert(buffer[0] == 'x' && buffer[1] == 0);
	ck_assert_int_eq(block_read(disk, 8, buffer, 2), ERR_RANGE);
	memset(buffer, 5, 512);
	ck_assert_int_eq(block_write(disk, 1, buffer, 1, BLOCK_FUA), OK);
	ck_assert_uint_eq(file[512], 5);
	ck_assert_int_eq(block_flush(disk), OK);
	ck_assert_int_eq(ramdisk_create(511, &disk), ERR_RANGE);
	ck_assert_int_eq(ramdisk_create(5 << 20, &disk), OK);
	memset(buffer, 9, 3 << 20);
	ck_assert_int_eq(block_write(disk, 2048, buffer, 3 << 11, 0), OK); /* across pieces of 2 MiB */
	memset(buffer, 0, 3 << 20);
	ck_assert_int_eq(block_read(disk, 2048, buffer, 3 << 11), OK);
	for (unsigned i = 0; i < 3u << 20; i += 511)
		ck_assert_uint_eq(buffer[i], 9);
	ck_assert_uint_eq(disk->statistics.bytes[BLOCK_READ], 3 << 20);
	ramdisk_destroy(disk);
	free(file);
	free(buffer);
}
END_TEST

Suite *test_suite(void)
{
	Suite *s = suite_create("block");
	TCase *t = tcase_create("base");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, open_modes);
	tcase_add_test(t, stacked_devices);
	tcase_add_test(t, unplugging);
	tcase_add_test(t, request_limits);
	tcase_add_test(t, cutting);
	tcase_add_test(t, failing_piece);
	tcase_add_test(t, ram_disks);
	suite_add_tcase(s, t);
	return s;
}

/* SPDX-License-Identifier: MIT */
/* LINK: drivers/virtio_host.c drivers/virtio_host_queue.c drivers/virtio_host_blk.c drivers/virtio_host_blk_request.c drivers/pci_function.c drivers/test/fake_bus.c drivers/test/fake_virtio.c */
/* LINK: hv/block/request.c hv/test/host_card_hosted.c hv/net_port.c hv/host_card_thread.c hv/host_card.c hv/lib/format.c hv/lib/string.c */
/* FORK: a driver's numbers and its disk stay */
/* A virtio disk of the host over a fake device with a medium: all operations, full queues, errors, sizes, nonsense, silence. */
#include "hv/lib/test/unit.h"
#include "drivers/test/fake_virtio.h"
#include "drivers/virtio_host_blk.h"
#include "hv/clock.h"
#include "hv/test/host_card_hosted.h"

#define FEATURES (BIT64(VIRTIO_BLK_F_SEG_MAX) | BIT64(VIRTIO_BLK_F_FLUSH) | BIT64(VIRTIO_BLK_F_BLK_SIZE) | BIT64(VIRTIO_BLK_F_DISCARD) | \
		  BIT64(VIRTIO_BLK_F_WRITE_ZEROES))
#define SECTORS 4096u

static struct block_device *disk;
static u8 medium[SECTORS * 512], memory[256 * 1024];
static struct { u8 operation; u64 sector; } seen[2048];
static u32 seen_count, completed, changes;
static int last_status;
static u8 answer;
static struct timer *watchdog;

/* What the driver calls beside the bus. */
static struct block_device *kept[8]; /* for the leak checker */
int block_register(struct block_device *device)
{
	static u32 count;

	disk = kept[count++] = device;
	return OK;
}
void block_device_changed(struct block_device *device) { (void)device; changes++; }
void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context)
{
	*timer = (struct timer){ .function = function, .context = context };
	watchdog = timer;
}

void timer_arm(struct timer *timer, u64 deadline_ns) { (void)timer, (void)deadline_ns; }


/* Carries out the next request. False: there is none. */
static bool serve(void)
{
	int head = fake_virtio_take(0);
	struct virtq_desc descriptor, next;
	struct virtio_blk_header header;
	u32 i = 1, written = 1;
	u8 *at;

	if (head < 0)
		return false;
	ck_assert(fake_virtio_descriptor(0, (u16)head, 0, &descriptor) && descriptor.length == sizeof(header));
	memcpy(&header, (const void *)descriptor.address, sizeof(header));
	at = medium + header.sector * 512;
	seen[seen_count].operation = (u8)header.type;
	seen[seen_count++].sector = header.sector;
	for (; fake_virtio_descriptor(0, (u16)head, i, &descriptor) && fake_virtio_descriptor(0, (u16)head, i + 1, &next); i++) {
		ck_assert_uint_eq(!!(descriptor.flags & VIRTQ_DESC_F_WRITE), header.type == VIRTIO_BLK_T_IN);
		if (header.type == VIRTIO_BLK_T_DISCARD || header.type == VIRTIO_BLK_T_WRITE_ZEROES) {
			const struct virtio_blk_range *range = (const void *)descriptor.address;

			memset(medium + range->sector * 512, header.type == VIRTIO_BLK_T_DISCARD ? 0xee : 0, range->sector_count * 512);
			seen[seen_count - 1].sector = range->sector;
			continue;
		}
		memcpy(header.type == VIRTIO_BLK_T_IN ? (void *)descriptor.address : at, header.type == VIRTIO_BLK_T_IN ? at : (void *)descriptor.address,
		       descriptor.length);
		at += descriptor.length;
		written += header.type == VIRTIO_BLK_T_IN ? descriptor.length : 0;
	}
	ck_assert(descriptor.length == 1 && (descriptor.flags & VIRTQ_DESC_F_WRITE));
	*(u8 *)descriptor.address = answer;
	fake_virtio_use(0, (u32)head, written);
	return true;
}

static void serve_all(void)
{
	while (serve())
		fake_bus_interrupt(1);
}

static int probe(u64 features)
{
	struct virtio_blk_config config = { .capacity = SECTORS, .seg_max = 254, .blk_size = 512, .max_discard_sectors = 1000, .max_discard_seg = 1,
					    .max_write_zeroes_sectors = 1000, .max_write_zeroes_seg = 1 };

	fake_virtio_init(VIRTIO_ID_BLOCK, features, PCI_INTERRUPT_MSIX, 2);
	memcpy(fake_virtio.config, &config, sizeof(config));
	return virtio_host_blk_driver.probe(&fake_bus.function);
}

static void usual_disk(void)
{
	ck_assert_int_eq(probe(FEATURES), OK);
	for (u32 i = 0; i < sizeof(medium); i++)
		medium[i] = (u8)(i * 5 + i / 512);
}

static void complete(struct block_request *request, int status)
{
	(void)request;
	completed++;
	last_status = status;
}

static struct block_request requests[600];
static struct block_segment segments[130];

static struct block_request *ask(u32 number, u8 operation, u64 sector, u64 count, u32 pieces)
{
	struct block_request *request = &requests[number];
	u64 each = pieces ? count * 512 / pieces & ~511ull : 0;

	for (u32 i = 0; i < pieces; i++)
		segments[i] = (struct block_segment){ HPA((u64)memory + i * each), i == pieces - 1 ? count * 512 - i * each : each };
	*request = (struct block_request){ .operation = operation, .sector = sector, .sector_count = count, .segments = segments,
					   .segment_count = pieces, .complete = complete };
	return request;
}

START_TEST(a_disk_has_its_limits)
{
	usual_disk();
	ck_assert_str_eq(disk->name, "vda");
	ck_assert(disk->limits.sector_count == SECTORS && disk->limits.volatile_cache && !disk->limits.read_only);
	ck_assert_uint_eq(disk->limits.max_segments, 126);
	ck_assert_uint_eq(disk->limits.max_discard_sectors, 1000);
	ck_assert_uint_eq(fake_virtio.queues[0].vector, 1);
	ck_assert_int_eq(probe(BIT64(VIRTIO_BLK_F_SEG_MAX) | BIT64(VIRTIO_BLK_F_RO)), OK);
	ck_assert(disk->limits.read_only && !disk->limits.volatile_cache && !disk->limits.max_discard_sectors);
	ck_assert_str_eq(disk->name, "vdb");
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	ck_assert_int_ne(probe(0), OK); /* one segment only */
	fake_virtio_init(VIRTIO_ID_BLOCK, FEATURES, PCI_INTERRUPT_MSIX, 2); /* a configuration of zeros: blocks of 0 bytes */
	ck_assert_int_ne(virtio_host_blk_driver.probe(&fake_bus.function), OK);
	ck_assert_uint_eq(fake_bus.blocks, 0);
	fake_virtio_init(VIRTIO_ID_BLOCK, FEATURES, PCI_INTERRUPT_MSIX, 2);
	fake_virtio.queue_size = 8;
	ck_assert_int_ne(virtio_host_blk_driver.probe(&fake_bus.function), OK);
	ck_assert_ptr_null(disk);
}
END_TEST

START_TEST(data_move_both_ways)
{
	static const struct { u64 count; u32 pieces; } shapes[] = { { 1, 1 }, { 8, 1 }, { 16, 3 }, { 126, 126 }, { 500, 7 } };

	usual_disk();
	for (u32 i = 0; i < ARRAY_SIZE(shapes); i++) {
		u64 bytes = shapes[i].count * 512;

		memset(memory, 0, sizeof(memory));
		block_submit(disk, ask(0, BLOCK_READ, 100 + i, shapes[i].count, shapes[i].pieces));
		serve_all();
		ck_assert(completed == 2 * i + 1 && last_status == OK);
		ck_assert_int_eq(memcmp(memory, medium + (100 + i) * 512, bytes), 0);
		block_submit(disk, ask(0, BLOCK_WRITE, 2000, shapes[i].count, shapes[i].pieces));
		serve_all();
		ck_assert_int_eq(memcmp(memory, medium + 2000 * 512, bytes), 0);
	}
	block_submit(disk, ask(0, BLOCK_WRITE_ZEROES, 10, 20, 0));
	serve_all();
	ck_assert(medium[10 * 512] == 0 && medium[30 * 512 - 1] == 0 && medium[30 * 512] != 0);
	block_submit(disk, ask(0, BLOCK_DISCARD, 40, 1, 0));
	serve_all();
	ck_assert(medium[40 * 512] == 0xee && last_status == OK);
	ck_assert_uint_eq(disk->statistics.errors, 0);
}
END_TEST

START_TEST(flushes_and_durable_writes)
{
	struct block_request *request;

	usual_disk();
	block_submit(disk, ask(0, BLOCK_FLUSH, 0, 0, 0));
	ck_assert_uint_eq(completed, 0);
	serve_all();
	ck_assert(completed == 1 && seen[0].operation == VIRTIO_BLK_T_FLUSH);
	request = ask(1, BLOCK_WRITE, 5, 1, 1);
	request->flags = BLOCK_FUA;
	block_submit(disk, request);
	ck_assert(serve());
	fake_bus_interrupt(1);
	ck_assert_uint_eq(completed, 1); /* written, not flushed yet */
	serve_all();
	ck_assert(completed == 2 && seen_count == 3 && seen[1].operation == VIRTIO_BLK_T_OUT && seen[2].operation == VIRTIO_BLK_T_FLUSH);
	ck_assert_int_eq(probe(BIT64(VIRTIO_BLK_F_SEG_MAX)), OK); /* no cache, nothing to flush */
	block_submit(disk, ask(0, BLOCK_FLUSH, 0, 0, 0));
	ck_assert(completed == 3 && last_status == OK && seen_count == 3);
}
END_TEST

START_TEST(a_full_queue_makes_wait_in_order)
{
	usual_disk();
	for (u32 i = 0; i < 600; i++)
		block_submit(disk, ask(i, BLOCK_READ, i, 1, 1));
	serve_all();
	ck_assert_uint_eq(completed, 600);
	for (u32 i = 0; i < 600; i++)
		ck_assert_uint_eq(seen[i].sector, i);
}
END_TEST

START_TEST(errors_have_names)
{
	static const struct { u8 answer; int status; } answers[] = { { VIRTIO_BLK_S_IOERR, ERR_IO }, { VIRTIO_BLK_S_UNSUPP, ERR_UNSUPPORTED },
								     { 77, ERR_IO }, { 0xff, ERR_IO } };

	usual_disk();
	for (u32 i = 0; i < ARRAY_SIZE(answers); i++) {
		answer = answers[i].answer;
		block_submit(disk, ask(0, BLOCK_READ, 1, 1, 1));
		serve_all();
		ck_assert_int_eq(last_status, answers[i].status);
	}
	block_submit(disk, ask(0, BLOCK_READ, SECTORS, 1, 1));
	ck_assert_int_eq(last_status, ERR_RANGE);
	block_submit(disk, ask(0, BLOCK_READ, 0, 127, 127));
	ck_assert_int_eq(last_status, ERR_RANGE);
	ck_assert_uint_eq(completed, 6);
}
END_TEST

/* The keeper runs until it would wait again: then this test jumps out of it. */
#include <setjmp.h>
static jmp_buf keeper_waits;
static void leave_keeper(void) { longjmp(keeper_waits, 1); }
static void turn_keeper(void)
{
	hosted_while_waiting = leave_keeper;
	if (!setjmp(keeper_waits))
		hosted_thread_function(hosted_thread_argument);
}

START_TEST(nonsense_and_silence_lead_to_a_reset)
{
	usual_disk();
	block_submit(disk, ask(0, BLOCK_READ, 1, 1, 1));
	fake_virtio_use(0, 200, 1); /* never offered */
	fake_bus_interrupt(1);
	block_submit(disk, ask(1, BLOCK_READ, 2, 1, 1));
	turn_keeper();
	ck_assert(completed == 2 && last_status == ERR_TIMEOUT && fake_virtio.resets == 4);
	block_submit(disk, ask(0, BLOCK_READ, 1, 1, 1));
	serve_all();
	ck_assert(completed == 3 && last_status == OK);
	block_submit(disk, ask(0, BLOCK_READ, 1, 1, 1)); /* and nobody answers */
	hosted_now_ns += 29 * NS_PER_S;
	watchdog->function(watchdog);
	turn_keeper();
	ck_assert_uint_eq(completed, 3);
	hosted_now_ns += 2 * NS_PER_S;
	watchdog->function(watchdog);
	turn_keeper();
	ck_assert(completed == 4 && last_status == ERR_TIMEOUT);
	block_submit(disk, ask(0, BLOCK_READ, 1, 1, 1));
	fake_virtio_use(0, 0, 4096); /* more than there was room for */
	fake_bus_interrupt(1);
	fake_virtio.never_resets = true;
	turn_keeper();
	ck_assert(completed == 5 && !fake_bus_may_master());
	block_submit(disk, ask(0, BLOCK_READ, 1, 1, 1));
	ck_assert(completed == 6 && last_status == ERR_IO);
}
END_TEST

START_TEST(a_disk_may_grow)
{
	usual_disk();
	fake_virtio.config[1] = 0x20; /* 8,192 sectors */
	fake_bus_interrupt(0);
	turn_keeper();
	ck_assert(disk->limits.sector_count == 8192 && changes == 1);
	memset(fake_virtio.config, 0xff, 8);
	fake_bus_interrupt(0);
	turn_keeper();
	ck_assert_uint_eq(disk->limits.sector_count, 0); /* no such size */
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio disk");
	TCase *tests = tcase_create("virtio disk");

	tcase_add_test(tests, a_disk_has_its_limits);
	tcase_add_test(tests, what_makes_no_sense_is_refused);
	tcase_add_test(tests, data_move_both_ways);
	tcase_add_test(tests, flushes_and_durable_writes);
	tcase_add_test(tests, a_full_queue_makes_wait_in_order);
	tcase_add_test(tests, errors_have_names);
	tcase_add_test(tests, nonsense_and_silence_lead_to_a_reset);
	tcase_add_test(tests, a_disk_may_grow);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_blk.c virtio/virtio_blk_request.c virtio/virtio_blk_errors.c virtio/virtio_blk_limits.c hv/block/transfer.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* Disk requests: every operation, framing of any form, each rule that a driver can break, cache modes, errors of the medium. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/test/harness.h"
#include "virtio/virtio_blk.h"

#define HEADER BUFFERS
#define DATA (BUFFERS + 0x1000)
#define STATUS (BUFFERS + 0x9000)
#define SECTORS 2048u

static struct fake_disk disk;
static struct disk_statistics statistics;

static void start_with(struct device_disk options)
{
	struct device_spec spec = { .model = "virtio-blk", .alias = "virtio-disk0", .slot = HARNESS_SLOT, .disk = options };

	fake_disk_init(&disk, "fake0", SECTORS);
	for (u32 i = 0; i < SECTORS * 512; i++)
		disk.medium[i] = (u8)(i / 512 + i);
	harness_disk = &disk;
	memset(&statistics, 0, sizeof(statistics));
	spec.disk.device = &disk.device;
	spec.disk.statistics = &statistics;
	harness_create(&virtio_blk_model, &spec);
	harness.device = &((struct virtio_blk *)harness.instance.device)->device;
}

static void setup(void)
{
	start_with((struct device_disk){ .serial = "0123456789abcdefghij", .discard = true });
	harness_start();
}

static void teardown(void)
{
	disk.deferred = false;
	harness_destroy();
	fake_disk_release(&disk);
}

static void restart_with(struct device_disk options, u64 features)
{
	teardown();
	start_with(options);
	harness.features = features;
	harness_start();
}

static void put_header(u32 type, u64 sector)
{
	struct virtio_blk_header header = { type, 0xdeadbeef, sector };

	memcpy(fake_ram + HEADER, &header, sizeof(header));
	fake_ram[STATUS] = 0xee;
}

/* Header, one data buffer (size 0: none), status; returns the status byte; *length: used.length. */
static u8 request(u32 type, u64 sector, u64 address, u32 size_bytes, bool device_writes, u32 *length)
{
	u32 id;

	put_header(type, sector);
	ring_desc(0, 0, HEADER, 16, VIRTQ_DESC_F_NEXT, size_bytes ? 1 : 2);
	ring_desc(0, 1, address, size_bytes, VIRTQ_DESC_F_NEXT | (device_writes ? VIRTQ_DESC_F_WRITE : 0), 2);
	ring_desc(0, 2, STATUS, 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
	harness_run();
	ck_assert(ring_used(0, &id, length));
	ck_assert_uint_eq(id, 0);
	return fake_ram[STATUS];
}

START_TEST(reads_and_writes)
{
	u32 length;

	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 5, DATA, 4096, true, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(length, 4097);
	ck_assert(memcmp(fake_ram + DATA, disk.medium + 5 * 512, 4096) == 0);
	memset(fake_ram + DATA, 0x5a, 1024);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, SECTORS - 2, DATA, 1024, false, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(length, 1);
	ck_assert(disk.medium[SECTORS * 512 - 1] == 0x5a && disk.medium[(SECTORS - 2) * 512] == 0x5a);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0, false, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(disk.flushes, 1);
	ck_assert(statistics.read_bytes == 4096 && statistics.write_bytes == 1024 && statistics.flush_requests == 1);
	ck_assert(statistics.read_requests == 1 && statistics.write_requests == 1 && statistics.read_ns);
	ck_assert_uint_eq(fake_pins(), 3);
	ck_assert_uint_eq(((struct virtio_blk *)harness.instance.device)->bounces, 0);
}
END_TEST

START_TEST(serial_number)
{
	u32 length;

	ck_assert_uint_eq(request(VIRTIO_BLK_T_GET_ID, 0, DATA, 20, true, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(length, 21);
	ck_assert(memcmp(fake_ram + DATA, "0123456789abcdefghij", 20) == 0);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_GET_ID, 0, DATA, 64, true, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(length, 20);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_GET_ID, 0, DATA, 3, true, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(length, 4);
}
END_TEST

/* Requests that get an answer, and which; data buffer of 512 bytes at DATA unless said. HOSTILE 1 and 4. */
static const struct {
	u32 type;
	u64 sector, address;
	u32 size;
	bool write;
	u8 status;
} answered[] = {
	{ VIRTIO_BLK_T_IN, SECTORS - 1, DATA, 512, true, 0 },
	{ VIRTIO_BLK_T_IN, SECTORS, DATA, 512, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, SECTORS - 1, DATA, 1024, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, ~0ull, DATA, 512, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, ~0ull / 512 + 1, DATA, 512, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, SECTORS, DATA, 512, false, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, ~0ull - 3, DATA, 4096, false, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, DATA, 511, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, 0, DATA, 513, false, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, DATA, 512, false, 0 }, /* its data is to be read: a read of nothing */
	{ VIRTIO_BLK_T_IN, 0, 0xfee00000, 512, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, FAKE_RAM_BYTES, 512, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, FAKE_RAM_BYTES - 256, 512, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, 0, ~0ull - 511, 511, false, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, RING_DESC(0) + 0xc000, 512, true, 0 },
	{ VIRTIO_BLK_T_IN, 0, 0, 0xf0000000, true, VIRTIO_BLK_S_IOERR },
	{ 2, 0, DATA, 512, true, VIRTIO_BLK_S_UNSUPP },
	{ 0x80000000, 0, DATA, 512, true, VIRTIO_BLK_S_UNSUPP },
	{ 0xffffffff, 0, DATA, 512, false, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_GET_ID, 0, FAKE_RAM_BYTES, 20, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_DISCARD, 0, DATA, 15, false, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_DISCARD, 0, DATA, 17 * 16, false, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_DISCARD, 0, DATA, 16, true, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_DISCARD, 0, FAKE_RAM_BYTES, 16, false, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 0, DATA, 1, false, VIRTIO_BLK_S_IOERR },
};

START_TEST(hostile_requests)
{
	u64 before = fake_pins();
	u32 length;

	ck_assert_uint_eq(request(answered[_i].type, answered[_i].sector, answered[_i].address, answered[_i].size, answered[_i].write,
				  &length), answered[_i].status);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1), 15);
	ck_assert_uint_eq(fake_pins(), before);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, DATA, 512, true, &length), VIRTIO_BLK_S_OK); /* and it goes on */
}
END_TEST

/* Requests that no answer can be given to: the driver is told to reset the device; then all is well again. */
static const struct {
	const char *what;
	struct virtq_desc first, second;
} unanswerable[] = {
	{ "no status byte", { HEADER, 16, 0, 0 }, { 0 } },
	{ "status in a buffer to be read", { HEADER, 16, VIRTQ_DESC_F_NEXT, 1 }, { STATUS, 1, 0, 0 } },
	{ "no header", { STATUS, 1, VIRTQ_DESC_F_WRITE, 0 }, { 0 } },
	{ "half a header", { HEADER, 15, VIRTQ_DESC_F_NEXT, 1 }, { STATUS, 1, VIRTQ_DESC_F_WRITE, 0 } },
	{ "status outside of RAM", { HEADER, 16, VIRTQ_DESC_F_NEXT, 1 }, { FAKE_RAM_BYTES, 1, VIRTQ_DESC_F_WRITE, 0 } },
	{ "a circle", { HEADER, 16, VIRTQ_DESC_F_NEXT, 0 }, { 0 } },
};

START_TEST(no_answer_possible)
{
	u32 id, length;

	put_header(VIRTIO_BLK_T_IN, 0);
	harness.messages[0] = 0;
	memcpy(fake_ram + RING_DESC(0), &unanswerable[_i].first, 16);
	memcpy(fake_ram + RING_DESC(0) + 16, &unanswerable[_i].second, 16);
	ring_offer(0, 0);
	ring_doorbell(0);
	harness_run();
	ck_assert_msg(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1) & VIRTIO_STATUS_NEEDS_RESET, "%s", unanswerable[_i].what);
	ck_assert_uint_eq(harness.messages[0], 1);
	ck_assert(!ring_used(0, &id, &length));
	harness_start();
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1), 15);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, DATA, 512, true, &length), VIRTIO_BLK_S_OK);
}
END_TEST

/* "No assumption on descriptor arrangement": the same request in pieces of every size, its data in odd places. */
START_TEST(any_framing)
{
	for (u32 piece = 1; piece < 40; piece++) {
		bool write = piece % 2;
		u32 total = write ? 16 + 512 : 512 + 1, index = 0, id, length, readable = write ? total : 16;
		u32 at;

		put_header(write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, piece);
		for (u32 i = 0; i < 512; i++)
			fake_ram[DATA + i] = (u8)(i ^ piece);
		/* One table; what is to be read lies in one row of memory, what is to be written in another. */
		for (at = 0; at < readable;) {
			u32 part = MIN(piece, readable - at), first = at < 16 ? MIN(part, 16 - at) : part;

			memcpy(fake_ram + BUFFERS + 0x20000 + 16 * index,
			       &(struct virtq_desc){ at < 16 ? HEADER + at : DATA + at - 16, first, VIRTQ_DESC_F_NEXT, (u16)(index + 1) }, 16);
			index++;
			at += first;
		}
		for (at = 0; at < (write ? 1 : total);) {
			u32 all = write ? 1 : total, part = MIN(piece, all - at);
			u64 address = write || (at + part == all && part == 1) ? STATUS : DATA + 0x2001 + at;

			if (!write && at < 512 && at + part > 512)
				part = 512 - at;
			memcpy(fake_ram + BUFFERS + 0x20000 + 16 * index,
			       &(struct virtq_desc){ at == 512 ? STATUS : address, part, (u16)(VIRTQ_DESC_F_WRITE |
						     (at + part < all ? VIRTQ_DESC_F_NEXT : 0)), (u16)(index + 1) }, 16);
			index++;
			at += part;
		}
		ring_desc(0, 5, BUFFERS + 0x20000, index * 16, VIRTQ_DESC_F_INDIRECT, 0);
		ring_offer(0, 5);
		ring_doorbell(0);
		harness_run();
		ck_assert(ring_used(0, &id, &length));
		ck_assert_uint_eq(id, 5);
		ck_assert_uint_eq(fake_ram[STATUS], VIRTIO_BLK_S_OK);
		ck_assert_uint_eq(length, write ? 1 : 513);
		if (write)
			ck_assert(memcmp(disk.medium + piece * 512, fake_ram + DATA, 512) == 0);
		else
			ck_assert(memcmp(disk.medium + piece * 512, fake_ram + DATA + 0x2001, 512) == 0);
	}
	ck_assert_uint_gt(((struct virtio_blk *)harness.instance.device)->bounces, 0);
	ck_assert_uint_eq(fake_pins(), 3);
}
END_TEST

/* Pages that are not there: the doorbell leaves it to the thread, which brings them; also an indirect table's. */
START_TEST(missing_pages)
{
	static const u32 places[] = { HEADER, DATA, DATA + 0x1000, STATUS, BUFFERS + 0x20000 };

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		u32 id, length;

		put_header(VIRTIO_BLK_T_IN, 7);
		memcpy(fake_ram + BUFFERS + 0x20000, (struct virtq_desc[]){ { HEADER, 16, VIRTQ_DESC_F_NEXT, 1 },
			{ DATA + 0x800, 0x1000, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 2 }, { STATUS, 1, VIRTQ_DESC_F_WRITE, 0 } }, 48);
		ring_desc(0, 0, BUFFERS + 0x20000, 48, VIRTQ_DESC_F_INDIRECT, 0);
		fake_missing[places[i] >> PAGE_SHIFT] = true;
		ring_offer(0, 0);
		ring_doorbell(0);
		ck_assert(!ring_used(0, &id, &length));
		ck_assert_uint_ne(harness.device->kicks, 0);
		harness_run();
		ck_assert(ring_used(0, &id, &length));
		ck_assert_uint_eq(fake_ram[STATUS], 0);
		ck_assert(memcmp(disk.medium + 7 * 512, fake_ram + DATA + 0x800, 0x1000) == 0);
	}
}
END_TEST

static u8 clear(u32 type, u64 sector, u32 count, u32 flags)
{
	struct virtio_blk_range range = { sector, count, flags };
	u32 length;

	memcpy(fake_ram + DATA, &range, sizeof(range));
	return request(type, 0, DATA, 16, false, &length);
}

START_TEST(discards_and_zeroes)
{
	struct virtio_blk_range two[2] = { { 100, 2, 0 }, { 200, 3, VIRTIO_BLK_RANGE_UNMAP } };
	u32 length;

	ck_assert_uint_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 10, 4, 0), VIRTIO_BLK_S_OK);
	ck_assert(disk.medium[10 * 512] == 0 && disk.medium[14 * 512 - 1] == 0 && disk.medium[14 * 512] != 0);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 10, 4, 1), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 10, 4, 2), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, 10, 4, 0), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, 10, 4, 1), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, 10, 4, 0x80000000), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, SECTORS, 1, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, SECTORS - 1, 2, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, ~0ull, 2, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, 0, 0xffffffff, 0), VIRTIO_BLK_S_IOERR);
	memcpy(fake_ram + DATA, two, sizeof(two));
	ck_assert_uint_eq(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, DATA, 32, false, &length), VIRTIO_BLK_S_OK);
	ck_assert(disk.medium[100 * 512] == 0 && disk.medium[203 * 512 - 1] == 0);
	/* One bad range, and nothing is done of the good one. */
	two[0].sector = 300;
	two[1].flags = 4;
	memcpy(fake_ram + DATA, two, sizeof(two));
	ck_assert_uint_eq(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, DATA, 32, false, &length), VIRTIO_BLK_S_UNSUPP);
	ck_assert(disk.medium[300 * 512 + 1] != 0);
	/* Not negotiated, not there. */
	restart_with((struct device_disk){ .discard = true }, ~(BIT64(VIRTIO_BLK_F_DISCARD) | BIT64(VIRTIO_BLK_F_WRITE_ZEROES)));
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, 10, 4, 0), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 10, 4, 0), VIRTIO_BLK_S_UNSUPP);
	restart_with((struct device_disk){ .discard = false }, ~0ull);
	ck_assert_uint_eq(harness.device->offered & BIT64(VIRTIO_BLK_F_DISCARD), 0);
}
END_TEST

START_TEST(read_only)
{
	u32 length;

	restart_with((struct device_disk){ .read_only = true, .discard = true }, ~0ull);
	ck_assert(harness.device->features & BIT64(VIRTIO_BLK_F_RO));
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, DATA, 512, true, &length), VIRTIO_BLK_S_OK);
	memset(fake_ram + DATA, 0, 512);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 1, DATA, 512, false, &length), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_DISCARD, 1, 1, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 1, 1, 0), VIRTIO_BLK_S_IOERR);
	ck_assert(disk.medium[512 + 5] != 0);
}
END_TEST

static u8 last_flags;

static void note_submit(struct block_device *device, struct block_request *block)
{
	last_flags = block->flags;
	block_complete(device, block, OK);
}

/* Writes that must be durable when they complete carry FUA: by what was negotiated, and by the driver's switch. */
START_TEST(cache_modes)
{
	static const struct block_device_ops ops = { .submit = note_submit };
	static const struct {
		u64 features;
		bool writethrough, switched_on, switched_off;
		u8 flags;
	} rows[] = {
		{ ~0ull, false, false, false, 0 }, { ~0ull, true, false, false, BLOCK_FUA }, { ~0ull, false, false, true, BLOCK_FUA },
		{ ~0ull, true, true, false, 0 }, { ~BIT64(VIRTIO_BLK_F_CONFIG_WCE), false, false, false, 0 },
		{ ~(BIT64(VIRTIO_BLK_F_CONFIG_WCE) | BIT64(VIRTIO_BLK_F_FLUSH)), false, false, false, BLOCK_FUA },
		{ ~BIT64(VIRTIO_BLK_F_FLUSH), false, false, false, BLOCK_FUA },
	};
	u32 length;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		restart_with((struct device_disk){ .writethrough = rows[i].writethrough }, rows[i].features);
		disk.device.ops = &ops;
		if (rows[i].switched_on || rows[i].switched_off)
			reg_write(DEVICE_CONFIG + VIRTIO_BLK_CONFIG_WRITEBACK, 1, rows[i].switched_on);
		ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 1, DATA, 512, false, &length), VIRTIO_BLK_S_OK);
		ck_assert_msg(last_flags == rows[i].flags, "row %u", i);
	}
}
END_TEST

START_TEST(errors_of_the_medium)
{
	static const struct { int code; u8 status; u32 error; } rows[] = {
		{ ERR_IO, VIRTIO_BLK_S_IOERR, DISK_ERROR_UNSPECIFIED }, { ERR_TIMEOUT, VIRTIO_BLK_S_IOERR, DISK_ERROR_UNSPECIFIED },
		{ ERR_FULL, VIRTIO_BLK_S_IOERR, DISK_ERROR_NO_SPACE }, { ERR_NOT_FOUND, VIRTIO_BLK_S_IOERR, DISK_ERROR_UNSPECIFIED },
	};
	u32 length;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		disk.fail_with = rows[i].code;
		ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 1, DATA, 512, true, &length), rows[i].status);
		ck_assert_uint_eq(length, 0);
		ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 1, DATA, 512, false, &length), rows[i].status);
		ck_assert_uint_eq(length, 1);
		ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0, false, &length), rows[i].status);
		ck_assert_uint_eq(statistics.last_error, rows[i].error);
		ck_assert_uint_eq(statistics.errors, 3 * (i + 1));
	}
}
END_TEST

/* A head that is in flight comes again: only a driver that cheats does that. */
static unsigned stops;

static void note_stop(void *context)
{
	ck_assert_ptr_eq(context, &stops);
	stops++;
}

/* What each policy makes of each failure: 0 an answer, 1 the request waits. */
static const struct { u8 policy; int failure; u8 status; bool waits; } policies[] = {
	{ DISK_ERRORS_REPORT, ERR_IO, VIRTIO_BLK_S_IOERR, false }, { DISK_ERRORS_REPORT, ERR_FULL, VIRTIO_BLK_S_IOERR, false },
	{ DISK_ERRORS_IGNORE, ERR_IO, VIRTIO_BLK_S_OK, false },    { DISK_ERRORS_ENOSPACE, ERR_IO, VIRTIO_BLK_S_IOERR, false },
	{ DISK_ERRORS_ENOSPACE, ERR_FULL, 0, true },               { DISK_ERRORS_STOP, ERR_IO, 0, true },
	{ DISK_ERRORS_STOP, ERR_TIMEOUT, 0, true },                { DISK_ERRORS_STOP, ERR_NOT_FOUND, 0, true },
	{ DISK_ERRORS_STOP, ERR_RANGE, VIRTIO_BLK_S_IOERR, false }, /* the guest's own mistake */
};

static bool ask_with_policy(unsigned i, bool read, u32 *length)
{
	u32 id;

	stops = 0;
	restart_with((struct device_disk){ .read_errors = read ? policies[i].policy : DISK_ERRORS_REPORT,
					   .write_errors = read ? DISK_ERRORS_REPORT : policies[i].policy, .stopped = note_stop,
					   .context = &stops }, ~0ull);
	memset(fake_ram + DATA, 0x77, 512);
	disk.fail_with = policies[i].failure;
	put_header(read ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 3);
	ring_desc(0, 0, HEADER, 16, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(0, 1, DATA, 512, VIRTQ_DESC_F_NEXT | (read ? VIRTQ_DESC_F_WRITE : 0), 2);
	ring_desc(0, 2, STATUS, 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
	harness_run();
	return ring_used(0, &id, length);
}

START_TEST(error_policies)
{
	const struct device_ops *ops;
	u64 pins;
	u32 id, length;

	for (unsigned read = 0; read < 2; read++) {
		bool answered_it = ask_with_policy((unsigned)_i, read, &length);

		ops = harness.instance.ops;
		ck_assert_uint_eq(answered_it, !policies[_i].waits);
		ck_assert_uint_eq(stops, policies[_i].waits);
		ck_assert_uint_eq(statistics.errors, 1);
		if (!policies[_i].waits) {
			ck_assert_uint_eq(fake_ram[STATUS], policies[_i].status);
			continue;
		}
		/* Nothing is in flight: the machine can be paused. It waits, with doorbells too, until the device goes on. */
		pins = fake_pins();
		ring_doorbell(0);
		harness_run();
		ck_assert(!ring_used(0, &id, &length));
		ops->quiesce(harness.instance.device);
		ops->resume(harness.instance.device);
		harness_run();
		ck_assert(!ring_used(0, &id, &length)); /* it failed again */
		ck_assert_uint_eq(stops, 2);
		ck_assert_uint_eq(fake_pins(), pins);
		ops->quiesce(harness.instance.device);
		disk.fail_with = OK;
		ops->resume(harness.instance.device);
		harness_run();
		ck_assert(ring_used(0, &id, &length));
		ck_assert_uint_eq(fake_ram[STATUS], VIRTIO_BLK_S_OK);
		ck_assert_uint_eq(disk.medium[3 * 512] == 0x77, !read);
		ck_assert_uint_eq(fake_pins(), pins);
	}
}
END_TEST

/* A guest that resets the device, or changes the ring, has no request there any more; a spoilt chain is a spoilt chain. */
START_TEST(set_aside_and_gone)
{
	u32 length;

	ck_assert(!ask_with_policy(5, false, &length));
	disk.fail_with = OK;
	harness_start();
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, DATA, 512, true, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_ne(disk.medium[3 * 512], 0x77);
	ck_assert(!ask_with_policy(5, false, &length));
	harness.instance.ops->quiesce(harness.instance.device);
	ring_desc(0, 1, DATA, 512, VIRTQ_DESC_F_NEXT, 1);
	harness.instance.ops->resume(harness.instance.device);
	harness_run();
	ck_assert(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1) & VIRTIO_STATUS_NEEDS_RESET);
	disk.fail_with = OK;
	harness_start();
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, DATA, 512, true, &length), VIRTIO_BLK_S_OK);
}
END_TEST

/* What goes over a limit stays in the ring until it is paid for; another kind of limit, or none, does not hold it. */
START_TEST(limits)
{
	static struct disk_limits limit;
	u32 id, length;
	unsigned waits = 0;
	u64 pins;

	limit = (struct disk_limits){ .rates = { [DISK_LIMIT_READ_BYTES] = 512 * 100 }, .active = true, .changes = 1 };
	restart_with((struct device_disk){ .limits = &limit }, ~0ull);
	for (unsigned i = 0; i < 20; i++) /* a burst is ten sectors, a tenth of a second's */
		ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, i, DATA, 512, false, &length), VIRTIO_BLK_S_OK);
	put_header(VIRTIO_BLK_T_IN, 0);
	pins = fake_pins();
	for (unsigned i = 0; i < 40; i++) {
		ring_desc(0, 0, HEADER, 16, VIRTQ_DESC_F_NEXT, 1);
		ring_desc(0, 1, DATA, 512, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, 2);
		ring_desc(0, 2, STATUS, 1, VIRTQ_DESC_F_WRITE, 0);
		ring_offer(0, 0);
		ring_doorbell(0);
		harness_run();
		while (!ring_used(0, &id, &length)) {
			ck_assert(harness_fire());
			harness_run();
			waits++;
		}
	}
	ck_assert(waits >= 25 && waits <= 40); /* less what had been saved up when the clock began */
	ck_assert_uint_eq(fake_pins(), pins);
	limit.rates[DISK_LIMIT_READ_BYTES] = 1; /* so little that a sector takes minutes; then none */
	limit.changes++;
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, DATA, 512, true, &length), VIRTIO_BLK_S_OK);
	ring_offer(0, 0);
	ring_doorbell(0);
	harness_run();
	ck_assert(harness_fire());
	harness_run();
	ck_assert(!ring_used(0, &id, &length));
	limit = (struct disk_limits){ .changes = limit.changes + 1 };
	ck_assert(harness_fire());
	harness_run();
	ck_assert(ring_used(0, &id, &length));
}
END_TEST

START_TEST(head_twice)
{
	disk.deferred = true;
	put_header(VIRTIO_BLK_T_IN, 0);
	ring_desc(0, 0, HEADER, 16, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(0, 1, DATA, 512, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, 2);
	ring_desc(0, 2, STATUS, 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(0, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
	harness_run();
	ck_assert(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1) & VIRTIO_STATUS_NEEDS_RESET);
	ck_assert_uint_eq(disk.submitted, 1);
}
END_TEST

/* Many at once: one doorbell takes a bounded number, the thread the others; completions come in any order. */
START_TEST(many_at_once)
{
	bool seen[20] = { false };
	u32 id, length, rounds = 0;

	for (u32 i = 0; i < 20; i++) {
		struct virtio_blk_header header = { VIRTIO_BLK_T_IN, 0, i };

		memcpy(fake_ram + HEADER + 16 * i, &header, 16);
		ring_desc(0, 3 * i, HEADER + 16 * i, 16, VIRTQ_DESC_F_NEXT, (u16)(3 * i + 1));
		ring_desc(0, 3 * i + 1, DATA + 512 * i, 512, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, (u16)(3 * i + 2));
		ring_desc(0, 3 * i + 2, STATUS + i, 1, VIRTQ_DESC_F_WRITE, 0);
		ring_offer(0, (u16)(3 * i));
	}
	disk.deferred = true;
	ring_doorbell(0);
	ck_assert_uint_eq(disk.submitted, 16);
	harness_run();
	ck_assert_uint_eq(disk.submitted, 20);
	while (fake_disk_complete(&disk, 3))
		while (ring_used(0, &id, &length)) {
			seen[id / 3] = true;
			rounds++;
		}
	ck_assert_uint_eq(rounds, 20);
	for (u32 i = 0; i < 20; i++)
		ck_assert(seen[i] && fake_ram[STATUS + i] == 0);
	ck_assert(memcmp(fake_ram + DATA, disk.medium, 20 * 512) == 0);
}
END_TEST

START_TEST(large_requests)
{
	u32 length;

	disk.device.limits.max_segments = 3;
	disk.device.limits.max_transfer_bytes = 16384;
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 0, DATA + 0x20000, 512 * 1024, true, &length), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(length, 512 * 1024 + 1);
	ck_assert(memcmp(fake_ram + DATA + 0x20000, disk.medium, 512 * 1024) == 0);
	ck_assert_uint_gt(disk.submitted, 30);
	ck_assert_uint_eq(fake_pins(), 3);
}
END_TEST

START_TEST(configuration)
{
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 8), SECTORS);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 12, 4), BLK_SEG_MAX);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 20, 4), 512);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + VIRTIO_BLK_CONFIG_WRITEBACK, 1), 1);
	reg_write(DEVICE_CONFIG + VIRTIO_BLK_CONFIG_WRITEBACK, 1, 0xfe); /* one bit of it counts */
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + VIRTIO_BLK_CONFIG_WRITEBACK, 1), 0);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + VIRTIO_BLK_CONFIG_WRITEBACK, 1), 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio blk");
	TCase *t = tcase_create("requests");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, reads_and_writes);
	tcase_add_test(t, serial_number);
	tcase_add_loop_test(t, hostile_requests, 0, ARRAY_SIZE(answered));
	tcase_add_loop_test(t, no_answer_possible, 0, ARRAY_SIZE(unanswerable));
	tcase_add_test(t, any_framing);
	tcase_add_test(t, missing_pages);
	tcase_add_test(t, discards_and_zeroes);
	tcase_add_test(t, read_only);
	tcase_add_test(t, cache_modes);
	tcase_add_test(t, errors_of_the_medium);
	tcase_add_loop_test(t, error_policies, 0, ARRAY_SIZE(policies));
	tcase_add_test(t, set_aside_and_gone);
	tcase_add_test(t, limits);
	tcase_add_test(t, head_twice);
	tcase_add_test(t, many_at_once);
	tcase_add_test(t, large_requests);
	tcase_add_test(t, configuration);
	suite_add_tcase(suite, t);
	return suite;
}

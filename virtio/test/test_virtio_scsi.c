/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/scsi_unit.c virtio/scsi_inquiry.c virtio/scsi_block.c virtio/scsi_mode.c virtio/scsi_cdrom.c virtio/virtio_payload.c virtio/virtio_scsi.c virtio/virtio_scsi_request.c virtio/virtio_scsi_control.c hv/block/transfer.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/format.c hv/lib/string.c */
/* The SCSI controller: any framing, payload, sense data and residuals, task management, events, media, errors of the medium and policies. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/test/harness.h"
#include "virtio/virtio_scsi.h"

#define REQUEST BUFFERS
#define RESPONSE (BUFFERS + 0x400)
#define OUT (BUFFERS + 0x1000)
#define IN (BUFFERS + 0x5000)
#define SECTORS 2048u
#define REQUESTS 2u /* the queue */

static struct fake_disk disk, medium;
static struct disk_statistics statistics;
static struct scsi_bus bus;
static struct device_scsi_unit units[2];
static struct device_spec spec;
static unsigned stops;

static void stopped(void *context)
{
	ck_assert_ptr_eq(context, &stops);
	stops++;
}

static void fill_medium(struct fake_disk *fake, const char *name, u8 first)
{
	fake_disk_init(fake, name, SECTORS);
	for (u32 i = 0; i < SECTORS * 512; i++)
		fake->medium[i] = (u8)(first + i / 512 + i);
}

static void start_with(u8 write_errors, u64 features)
{
	fill_medium(&disk, "fake0", 0);
	fill_medium(&medium, "fake1", 9);
	harness_disk = &disk;
	memset(&statistics, 0, sizeof(statistics));
	stops = 0;
	units[0] = (struct device_scsi_unit){ .target = 0, .lun = 0, .disk = { .device = &disk.device, .statistics = &statistics, .serial = "S1",
					      .discard = true, .write_errors = write_errors, .stopped = stopped, .context = &stops } };
	units[1] = (struct device_scsi_unit){ .target = 0, .lun = 1, .cdrom = true, .disk = { .device = &medium.device } };
	spec = (struct device_spec){ .model = "virtio-scsi", .alias = "scsi0", .slot = HARNESS_SLOT, .scsi = { 2, units, 2, &bus } };
	harness_create(&virtio_scsi_model, &spec);
	harness.device = &((struct virtio_scsi *)harness.instance.device)->device;
	harness.features = features;
	harness_start();
}

static void setup(void) { start_with(DISK_ERRORS_REPORT, ~0ull); }

static void teardown(void)
{
	disk.deferred = false;
	harness_destroy();
	ck_assert_ptr_null(bus.device);
	fake_disk_release(&disk);
	fake_disk_release(&medium);
}

struct result {
	u32 used, residual, sense; /* sense: key << 16 | code; 0: none */
	u8 response, status;
};

static void put_head(u8 lun, const u8 *cdb, u32 bytes)
{
	struct virtio_scsi_request_head head = { .lun = { 1, 0, 0x40, lun }, .tag = 0x1234 };

	memset(fake_ram + REQUEST, 0, 0x600);
	memset(fake_ram + RESPONSE, 0xee, 108);
	memcpy(fake_ram + REQUEST, &head, sizeof(head));
	memcpy(fake_ram + REQUEST + sizeof(head), cdb, bytes);
}

static struct result read_result(u32 used)
{
	struct virtio_scsi_response_head head;
	const u8 *sense = fake_ram + RESPONSE + sizeof(head);

	memcpy(&head, fake_ram + RESPONSE, sizeof(head));
	return (struct result){ used, head.residual, head.sense_length ? (u32)sense[2] << 16 | (u32)sense[12] << 8 | sense[13] : 0, head.response,
				head.status };
}

static void offer(u32 out_bytes, u32 in_bytes)
{
	unsigned at = 0;

	ring_desc(REQUESTS, 0, REQUEST, 51, VIRTQ_DESC_F_NEXT, 1);
	at = 1;
	if (out_bytes) {
		ring_desc(REQUESTS, at, OUT, out_bytes, VIRTQ_DESC_F_NEXT, (u16)(at + 1));
		at++;
	}
	ring_desc(REQUESTS, at, RESPONSE, 108, (u16)(VIRTQ_DESC_F_WRITE | (in_bytes ? VIRTQ_DESC_F_NEXT : 0)), (u16)(at + 1));
	if (in_bytes)
		ring_desc(REQUESTS, at + 1, IN, in_bytes, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(REQUESTS, 0);
	ring_doorbell(REQUESTS);
	harness_run();
}

static struct result command(u8 lun, u32 out_bytes, u32 in_bytes, const u8 *cdb, u32 bytes)
{
	u32 id, used = 0;

	put_head(lun, cdb, bytes);
	offer(out_bytes, in_bytes);
	ck_assert(ring_used(REQUESTS, &id, &used));
	return read_result(used);
}
#define COMMAND(lun, out, in, ...) command(lun, out, in, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

/* The first command of each unit is told that there was a reset. */
static void past_attentions(void)
{
	ck_assert_uint_eq(COMMAND(0, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_POWER_ON_OR_RESET);
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_POWER_ON_OR_RESET);
}

START_TEST(reads_and_writes)
{
	struct result result;

	past_attentions();
	result = COMMAND(0, 0, 4096, SCSI_READ_10, 0, 0, 0, 0, 5, 0, 0, 8);
	ck_assert(result.response == VIRTIO_SCSI_S_OK && !result.status && !result.residual && result.used == 108 + 4096);
	ck_assert(memcmp(fake_ram + IN, disk.medium + 5 * 512, 4096) == 0);
	result = COMMAND(0, 0, 8192, SCSI_READ_10, 0, 0, 0, 0, 5, 0, 0, 1);
	ck_assert(!result.status && result.residual == 8192 - 512 && result.used == 108 + 512);
	memset(fake_ram + OUT, 0x5a, 1024);
	result = COMMAND(0, 1024, 0, SCSI_WRITE_16, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2);
	ck_assert(!result.status && !result.residual && result.used == 108);
	ck_assert(disk.medium[9 * 512] == 0x5a && disk.medium[11 * 512 - 1] == 0x5a);
	result = COMMAND(0, 0, 0, SCSI_SYNCHRONIZE_CACHE_10);
	ck_assert(!result.status && disk.flushes == 1);
	result = COMMAND(1, 0, 2048, SCSI_READ_10, 0, 0, 0, 0, 1, 0, 0, 1);
	ck_assert(!result.status && memcmp(fake_ram + IN, medium.medium + 2048, 2048) == 0);
	ck_assert(statistics.read_requests == 2 && statistics.read_bytes == 4608 && statistics.write_bytes == 1024 && statistics.flush_requests == 1);
	ck_assert_uint_eq(fake_pins(), 3 * harness.device->queue_count);
}
END_TEST

START_TEST(too_little_room)
{
	past_attentions();
	ck_assert_uint_eq(COMMAND(0, 0, 511, SCSI_READ_10, 0, 0, 0, 0, 5, 0, 0, 1).response, VIRTIO_SCSI_S_OVERRUN);
	ck_assert_uint_eq(COMMAND(0, 512, 0, SCSI_WRITE_10, 0, 0, 0, 0, 5, 0, 0, 2).response, VIRTIO_SCSI_S_OVERRUN);
	ck_assert_uint_eq(COMMAND(0, 0, 7, SCSI_READ_CAPACITY_10).response, VIRTIO_SCSI_S_OVERRUN);
	ck_assert_uint_eq(COMMAND(0, 23, 0, SCSI_MODE_SELECT_6, 0x10, 0, 0, 24).response, VIRTIO_SCSI_S_OVERRUN);
	ck_assert_uint_eq(disk.submitted, 0);
}
END_TEST

START_TEST(places)
{
	struct result result = COMMAND(7, 0, 36, SCSI_INQUIRY, 0, 0, 0, 36);

	ck_assert(!result.status && fake_ram[IN] == SCSI_TYPE_NONE);
	ck_assert_uint_eq(COMMAND(7, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_ILLEGAL_REQUEST << 16 | SCSI_LOGICAL_UNIT_NOT_SUPPORTED);
	put_head(0, (const u8[]){ SCSI_INQUIRY }, 1);
	for (unsigned i = 0; i < 4; i++) { /* a wrong first byte, another target, another form of number, a second level */
		static const struct { u8 at, value; } wrong[] = { { 0, 0 }, { 1, 3 }, { 2, 0xc1 }, { 5, 1 } };
		u32 id, used;

		put_head(0, (const u8[]){ SCSI_INQUIRY }, 1);
		fake_ram[REQUEST + wrong[i].at] = wrong[i].value;
		offer(0, 0);
		ck_assert(ring_used(REQUESTS, &id, &used));
		ck_assert_uint_eq(read_result(used).response, VIRTIO_SCSI_S_BAD_TARGET);
	}
	result = COMMAND(0, 0, 64, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 64);
	ck_assert(result.used == 108 + 24 && fake_ram[IN + 3] == 16 && fake_ram[IN + 17] == 1);
}
END_TEST

/* Each byte a descriptor of its own: head, CDB, answer, data. */
START_TEST(any_framing)
{
	u32 id, used, at = 0;
	struct result result;

	past_attentions();
	put_head(0, (const u8[]){ SCSI_READ_CAPACITY_10 }, 1);
	for (; at < 51; at++)
		ring_desc(REQUESTS, at % 64, REQUEST + at, 1, VIRTQ_DESC_F_NEXT, (u16)(at + 1));
	for (u32 i = 0; i < 12; i++, at++)
		ring_desc(REQUESTS, at, RESPONSE + i * 9, 9, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, (u16)(at + 1));
	ring_desc(REQUESTS, at, IN, 8, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(REQUESTS, 0);
	ring_doorbell(REQUESTS);
	harness_run();
	ck_assert(ring_used(REQUESTS, &id, &used));
	result = read_result(used);
	ck_assert(!result.response && !result.status && used == 116 && fake_ram[IN + 2] == 7 && fake_ram[IN + 3] == 0xff);
	/* Buffers that no controller takes go by way of one of ours. */
	put_head(0, (const u8[]){ SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1 }, 9);
	ring_desc(REQUESTS, 0, REQUEST, 51, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(REQUESTS, 1, RESPONSE, 108, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 2);
	ring_desc(REQUESTS, 2, IN + 1, 100, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 3);
	ring_desc(REQUESTS, 3, IN + 101, 412, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(REQUESTS, 0);
	ring_doorbell(REQUESTS);
	harness_run();
	ck_assert(ring_used(REQUESTS, &id, &used));
	ck_assert(!read_result(used).status && memcmp(fake_ram + IN + 1, disk.medium + 3 * 512, 512) == 0);
	ck_assert_uint_eq(((struct virtio_scsi *)harness.instance.device)->bounces, 1);
}
END_TEST

START_TEST(no_answer_possible)
{
	u32 id, used;

	put_head(0, (const u8[]){ SCSI_TEST_UNIT_READY }, 1);
	ring_desc(REQUESTS, 0, REQUEST, 51, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(REQUESTS, 1, RESPONSE, 107, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(REQUESTS, 0);
	ring_doorbell(REQUESTS);
	harness_run();
	ck_assert(!ring_used(REQUESTS, &id, &used));
	ck_assert(harness.device->status & VIRTIO_STATUS_NEEDS_RESET);
}
END_TEST

START_TEST(sizes_that_the_driver_chose)
{
	u32 id, used;

	reg_write(DEVICE_CONFIG + VIRTIO_SCSI_CONFIG_SENSE_SIZE, 4, 8);
	reg_write(DEVICE_CONFIG + VIRTIO_SCSI_CONFIG_CDB_SIZE, 4, 16);
	reg_write(DEVICE_CONFIG, 4, 77); /* not the driver's */
	ck_assert(reg_read(DEVICE_CONFIG, 4) == 2 && reg_read(DEVICE_CONFIG + VIRTIO_SCSI_CONFIG_SENSE_SIZE, 4) == 8);
	put_head(0, (const u8[]){ SCSI_TEST_UNIT_READY }, 1);
	ring_desc(REQUESTS, 0, REQUEST, 35, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(REQUESTS, 1, RESPONSE, 20, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(REQUESTS, 0);
	ring_doorbell(REQUESTS);
	harness_run();
	ck_assert(ring_used(REQUESTS, &id, &used) && used == 20);
	ck_assert(fake_ram[RESPONSE] == 8 && fake_ram[RESPONSE + 12 + 2] == SCSI_UNIT_ATTENTION && fake_ram[RESPONSE + 20] == 0xee);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
	ck_assert(reg_read(DEVICE_CONFIG + VIRTIO_SCSI_CONFIG_SENSE_SIZE, 4) == 96 && reg_read(DEVICE_CONFIG + VIRTIO_SCSI_CONFIG_CDB_SIZE, 4) == 32);
}
END_TEST

START_TEST(cleared_and_filled)
{
	static const u8 list[24] = { 0, 22, 0, 16, [8 + 7] = 4, [8 + 11] = 4 };

	past_attentions();
	disk.device.limits.max_write_zeroes_sectors = 0;
	memset(fake_ram + OUT, 0x77, 512);
	ck_assert_uint_eq(COMMAND(0, 512, 0, SCSI_WRITE_SAME_10, 0, 0, 0, 0, 16, 0, 1, 0).status, SCSI_GOOD);
	for (u32 i = 16 * 512; i < (16 + 256) * 512; i++)
		ck_assert_uint_eq(disk.medium[i], 0x77);
	ck_assert(disk.medium[16 * 512 - 1] != 0x77 || disk.medium[(16 + 256) * 512] != 0x77);
	memset(fake_ram + OUT, 0, 512);
	disk.device.limits.max_write_zeroes_sectors = 2048;
	ck_assert_uint_eq(COMMAND(0, 512, 0, SCSI_WRITE_SAME_16, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4).status, SCSI_GOOD);
	ck_assert(disk.medium[20 * 512] == 0 && disk.medium[24 * 512 - 1] == 0 && disk.medium[24 * 512] == 0x77);
	memcpy(fake_ram + OUT, list, sizeof(list));
	ck_assert_uint_eq(COMMAND(0, 24, 0, SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, 24).status, SCSI_GOOD);
}
END_TEST

static u8 manage(u32 subtype, u8 target, u8 lun, u64 tag)
{
	struct virtio_scsi_tmf tmf = { VIRTIO_SCSI_T_TMF, subtype, { 1, target, 0x40, lun }, tag };
	u32 id, used;

	memcpy(fake_ram + REQUEST + 0x800, &tmf, sizeof(tmf));
	ring_desc(0, 0, REQUEST + 0x800, sizeof(tmf), VIRTQ_DESC_F_NEXT, 1);
	ring_desc(0, 1, REQUEST + 0x900, 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
	harness_run();
	ck_assert(ring_used(0, &id, &used) && used == 1);
	return fake_ram[REQUEST + 0x900];
}

START_TEST(task_management)
{
	u32 id, used;

	past_attentions();
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_QUERY_TASK, 0, 0, 0x1234), VIRTIO_SCSI_S_OK);
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_ABORT_TASK, 0, 9, 1), VIRTIO_SCSI_S_INCORRECT_LUN);
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_ABORT_TASK, 9, 0, 1), VIRTIO_SCSI_S_BAD_TARGET);
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_CLEAR_ACA, 0, 0, 0), VIRTIO_SCSI_S_FUNCTION_REJECTED);
	disk.deferred = true;
	put_head(0, (const u8[]){ SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1 }, 9);
	offer(0, 512);
	ck_assert(!ring_used(REQUESTS, &id, &used));
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_QUERY_TASK, 0, 0, 0x1234), VIRTIO_SCSI_S_FUNCTION_SUCCEEDED);
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_QUERY_TASK, 0, 0, 0x1235), VIRTIO_SCSI_S_OK);
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_QUERY_TASK_SET, 0, 1, 0), VIRTIO_SCSI_S_OK);
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_ABORT_TASK, 0, 0, 0x1234), VIRTIO_SCSI_S_OK); /* waits for it */
	ck_assert(ring_used(REQUESTS, &id, &used));
	disk.deferred = false;
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_LOGICAL_UNIT_RESET, 0, 0, 0), VIRTIO_SCSI_S_OK);
	ck_assert_uint_eq(COMMAND(0, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_BUS_DEVICE_RESET);
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_TEST_UNIT_READY).sense, 0);
	ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_I_T_NEXUS_RESET, 0, 0, 0), VIRTIO_SCSI_S_OK);
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_BUS_DEVICE_RESET);
}
END_TEST

static bool event(struct virtio_scsi_event *to)
{
	u32 id, used;

	ring_desc(1, 0, REQUEST + 0xa00, 16, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(1, 0);
	ring_doorbell(1);
	harness_run();
	if (!ring_used(1, &id, &used))
		return false;
	memcpy(to, fake_ram + REQUEST + 0xa00, sizeof(*to));
	return used == 16;
}

START_TEST(units_come_and_go)
{
	struct device_scsi_unit more = { .target = 0, .lun = 5, .disk = { .device = &disk.device } };
	struct virtio_scsi_event told;

	past_attentions();
	ck_assert_int_eq(bus.attach(bus.device, &more), OK);
	ck_assert_int_eq(bus.attach(bus.device, &more), ERR_EXISTS);
	ck_assert(event(&told) && told.event == VIRTIO_SCSI_T_TRANSPORT_RESET && told.reason == VIRTIO_SCSI_EVT_RESET_RESCAN && told.lun[3] == 5);
	ck_assert_uint_eq(COMMAND(0, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_REPORTED_LUNS_DATA_CHANGED);
	ck_assert_uint_eq(COMMAND(5, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_POWER_ON_OR_RESET);
	disk.deferred = true;
	put_head(5, (const u8[]){ SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1 }, 9);
	offer(0, 512);
	bus.detach(bus.device, 0, 5); /* waits for the read */
	ck_assert(list_empty(&disk.waiting));
	bus.detach(bus.device, 0, 6);
	disk.deferred = false;
	disk.device.limits.sector_count = 1024;
	harness.instance.ops->changed(harness.instance.device);
	harness.instance.ops->changed(harness.instance.device);
	ck_assert(bus.attach(bus.device, &more) == OK);
}
END_TEST

START_TEST(a_disk_grows)
{
	struct virtio_scsi_event told;

	past_attentions();
	disk.device.limits.sector_count = 1024;
	harness.instance.ops->changed(harness.instance.device);
	ck_assert(event(&told) && told.event == VIRTIO_SCSI_T_PARAM_CHANGE && told.reason == (0x2a | 0x09 << 8));
	ck_assert_uint_eq(COMMAND(0, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_CAPACITY_DATA_CHANGED);
	(void)COMMAND(0, 0, 8, SCSI_READ_CAPACITY_10);
	ck_assert(fake_ram[IN + 2] == 3 && fake_ram[IN + 3] == 0xff);
}
END_TEST

START_TEST(events_that_nobody_wants)
{
	struct virtio_scsi_event told;

	teardown();
	start_with(DISK_ERRORS_REPORT, ~(BIT64(VIRTIO_SCSI_F_HOTPLUG) | BIT64(VIRTIO_SCSI_F_CHANGE)));
	bus.detach(bus.device, 0, 1);
	ck_assert(!event(&told));
}
END_TEST

START_TEST(more_events_than_room)
{
	struct device_scsi_unit more = { .target = 4, .lun = 5, .disk = { .device = &disk.device } };
	struct virtio_scsi_event told;

	for (unsigned i = 0; i < SCSI_EVENTS_MAX; i++) {
		ck_assert_int_eq(bus.attach(bus.device, &more), OK);
		bus.detach(bus.device, 4, 5);
	}
	ck_assert(event(&told) && told.event == (VIRTIO_SCSI_T_TRANSPORT_RESET | VIRTIO_SCSI_T_EVENTS_MISSED));
	ck_assert(event(&told) && told.event == VIRTIO_SCSI_T_TRANSPORT_RESET);
}
END_TEST

START_TEST(media)
{
	past_attentions();
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_PREVENT_ALLOW_MEDIUM_REMOVAL, 0, 0, 0, 1).status, SCSI_GOOD);
	ck_assert_int_eq(bus.set_medium(bus.device, 0, 1, NULL, false), ERR_BUSY);
	(void)COMMAND(1, 0, 8, SCSI_GET_EVENT_STATUS_NOTIFICATION, 1, 0, 0, 0x10, 0, 0, 0, 8);
	ck_assert(fake_ram[IN + 4] == SCSI_MEDIA_EJECT_REQUEST && fake_ram[IN + 5] == 2);
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_PREVENT_ALLOW_MEDIUM_REMOVAL).status, SCSI_GOOD);
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_START_STOP_UNIT, 0, 0, 0, 2).status, SCSI_GOOD);
	ck_assert(bus.tray_is_open(bus.device, 0, 1));
	ck_assert_int_eq(bus.set_medium(bus.device, 0, 1, NULL, false), OK);
	ck_assert(!bus.tray_is_open(bus.device, 0, 1));
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_NOT_READY << 16 | SCSI_MEDIUM_NOT_PRESENT);
	ck_assert_int_eq(bus.set_medium(bus.device, 0, 1, &disk.device, false), OK);
	ck_assert_uint_eq(COMMAND(1, 0, 0, SCSI_TEST_UNIT_READY).sense, SCSI_UNIT_ATTENTION << 16 | SCSI_MEDIUM_MAY_HAVE_CHANGED);
	ck_assert_uint_eq(COMMAND(1, 0, 2048, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1).status, SCSI_GOOD);
	ck_assert(memcmp(fake_ram + IN, disk.medium, 2048) == 0);
	ck_assert_int_eq(bus.set_medium(bus.device, 0, 0, NULL, true), ERR_NOT_FOUND); /* a disk is no drive */
}
END_TEST

START_TEST(the_medium_fails)
{
	struct result result;

	past_attentions();
	disk.fail_with = ERR_IO;
	result = COMMAND(0, 0, 512, SCSI_READ_10, 0, 0, 0, 0, 5, 0, 0, 1);
	ck_assert(result.status == SCSI_CHECK_CONDITION && result.sense == (SCSI_MEDIUM_ERROR << 16 | SCSI_UNRECOVERED_READ_ERROR) &&
		  result.residual == 512 && statistics.errors == 1);
	disk.fail_with = ERR_FULL;
	ck_assert_uint_eq(COMMAND(0, 512, 0, SCSI_WRITE_10, 0, 0, 0, 0, 5, 0, 0, 1).sense, SCSI_DATA_PROTECT << 16 | SCSI_SPACE_ALLOCATION_FAILED);
	ck_assert_uint_eq(statistics.last_error, DISK_ERROR_NO_SPACE);
}
END_TEST

START_TEST(the_machine_stops)
{
	u32 id, used;

	teardown();
	start_with(DISK_ERRORS_ENOSPACE, ~0ull);
	past_attentions();
	disk.fail_with = ERR_FULL;
	memset(fake_ram + OUT, 0x42, 512);
	for (unsigned round = 0; round < 2; round++) { /* tried again when the machine goes on; aborted the second time */
		put_head(0, (const u8[]){ SCSI_WRITE_10, 0, 0, 0, 0, 5, 0, 0, 1 }, 9);
		offer(512, 0);
		ck_assert(!ring_used(REQUESTS, &id, &used) && stops == round + 1);
		ck_assert_uint_eq(fake_pins(), 3 * harness.device->queue_count);
		harness.instance.ops->quiesce(harness.instance.device);
		if (round) {
			harness.instance.ops->resume(harness.instance.device);
			ck_assert_uint_eq(manage(VIRTIO_SCSI_TMF_ABORT_TASK, 0, 0, 0x1234), VIRTIO_SCSI_S_OK);
			continue;
		}
		disk.fail_with = OK;
		harness.instance.ops->resume(harness.instance.device);
		harness_run();
		ck_assert(ring_used(REQUESTS, &id, &used) && !read_result(used).status && disk.medium[5 * 512] == 0x42);
		disk.fail_with = ERR_FULL;
	}
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer writer;
	struct state_reader reader;
	struct virtio_scsi *scsi = harness.instance.device;

	past_attentions();
	(void)COMMAND(1, 0, 0, SCSI_PREVENT_ALLOW_MEDIUM_REMOVAL, 0, 0, 0, 1);
	scsi->slots[0].unit.write_cache = false;
	harness.instance.ops->quiesce(harness.instance.device);
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	scsi->slots[0].unit.write_cache = true;
	scsi->slots[1].unit.locked = false;
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(harness.instance.ops->load(harness.instance.device, &reader), OK);
	ck_assert(!scsi->slots[0].unit.write_cache && scsi->slots[1].unit.locked);
	for (size_t i = writer.size_bytes - 16 * 16; i < writer.size_bytes; i++) { /* of the units' record: nothing that is not sane */
		writer.data[i] ^= 0x80;
		reader.offset_bytes = 0;
		if (harness.instance.ops->load(harness.instance.device, &reader) == OK)
			ck_abort_msg("byte %zu", i);
		writer.data[i] ^= 0x80;
	}
	state_writer_release(&writer);
	harness.instance.ops->resume(harness.instance.device);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio-scsi");
	TCase *tests = tcase_create("controller");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, reads_and_writes);
	tcase_add_test(tests, too_little_room);
	tcase_add_test(tests, places);
	tcase_add_test(tests, any_framing);
	tcase_add_test(tests, no_answer_possible);
	tcase_add_test(tests, sizes_that_the_driver_chose);
	tcase_add_test(tests, cleared_and_filled);
	tcase_add_test(tests, task_management);
	tcase_add_test(tests, units_come_and_go);
	tcase_add_test(tests, a_disk_grows);
	tcase_add_test(tests, events_that_nobody_wants);
	tcase_add_test(tests, more_events_than_room);
	tcase_add_test(tests, media);
	tcase_add_test(tests, the_medium_fails);
	tcase_add_test(tests, the_machine_stops);
	tcase_add_test(tests, saved_state);
	suite_add_tcase(suite, tests);
	return suite;
}

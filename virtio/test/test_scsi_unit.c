/* SPDX-License-Identifier: MIT */
/* LINK: virtio/scsi_unit.c virtio/scsi_inquiry.c virtio/scsi_block.c virtio/scsi_mode.c virtio/scsi_cdrom.c hv/lib/string.c */
/* SCSI commands as values: a CDB and a unit in, an answer, sense data or a checked range out. Tables; what changes with time is below them. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/scsi_unit.h"

#define BLOCKS 2048u

static struct block_limits limits;
static struct scsi_unit disk, cd;
static struct scsi_command command;
static u8 data[SCSI_DATA_MAX];
static const u16 luns[] = { 0, 3, 300 };

static void setup(void)
{
	limits = (struct block_limits){ .sector_count = BLOCKS, .logical_block_bytes = 512, .physical_block_bytes = 4096,
					.max_discard_sectors = 1024, .max_write_zeroes_sectors = 1024 };
	disk = (struct scsi_unit){ .discard = true, .write_cache_default = true, .id = "SERIAL-1", .medium = &limits };
	cd = (struct scsi_unit){ .cdrom = true, .id = "CD", .lun = 3, .read_only = true, .medium = &limits };
	scsi_unit_init(&disk);
	scsi_unit_init(&cd);
	disk.attentions = cd.attentions = 0;
}

/* The CDB's bytes; what is missing is 0. */
static void run_with(struct scsi_unit *unit, const u8 *cdb, u32 bytes, u32 parameters)
{
	memset(&command, 0xee, sizeof(command));
	memset(command.cdb, 0, sizeof(command.cdb));
	memcpy(command.cdb, cdb, bytes);
	command.data = data;
	command.parameter_bytes = parameters;
	command.luns = luns;
	command.lun_count = ARRAY_SIZE(luns);
	scsi_execute(unit, &command);
}
#define RUN(unit, ...) run_with(unit, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }), 0)
#define RUN_LIST(unit, parameters, ...) run_with(unit, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }), parameters)

static u32 sense(void)
{
	if (command.action != SCSI_ANSWERED || command.result.status != SCSI_CHECK_CONDITION)
		return 0;
	ck_assert(command.result.sense[0] == 0x70 && command.result.sense[7] == 10 && !command.data_bytes);
	return (u32)command.result.sense[2] << 16 | scsi_get16(command.result.sense + 12);
}
#define ILLEGAL(asc) (SCSI_ILLEGAL_REQUEST << 16 | (asc))
#define NOT_READY(asc) (SCSI_NOT_READY << 16 | (asc))
#define ATTENTION(asc) (SCSI_UNIT_ATTENTION << 16 | (asc))

/* Reads and writes of every length of CDB: a range, or sense data. */
static const struct {
	u8 cdb[16];
	u8 action;
	bool fua;
	u64 sector, count;
	u32 sense;
} moves[] = {
	{ { SCSI_READ_6, 0, 1, 2, 3 }, SCSI_MOVE_IN, false, 0x102, 3, 0 },
	{ { SCSI_READ_6, 0xe0, 0, 0, 0 }, SCSI_MOVE_IN, false, 0, 256, 0 }, /* 0 means 256; the upper bits are no address */
	{ { SCSI_READ_6, 0x1f, 0xff, 0xff, 1 }, 0, false, 0, 0, ILLEGAL(SCSI_LBA_OUT_OF_RANGE) },
	{ { SCSI_READ_10, 0, 0, 0, 7, 0xff, 0, 0, 1 }, SCSI_MOVE_IN, false, 2047, 1, 0 },
	{ { SCSI_READ_10, 0, 0, 0, 7, 0xff, 0, 0, 2 }, 0, false, 0, 0, ILLEGAL(SCSI_LBA_OUT_OF_RANGE) },
	{ { SCSI_READ_10, 0, 0, 0, 8, 0, 0, 0, 0 }, SCSI_ANSWERED, false, 0, 0, 0 },
	{ { SCSI_READ_10, 0, 0, 0, 8, 1, 0, 0, 0 }, 0, false, 0, 0, ILLEGAL(SCSI_LBA_OUT_OF_RANGE) },
	{ { SCSI_READ_10, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff }, 0, false, 0, 0, ILLEGAL(SCSI_LBA_OUT_OF_RANGE) },
	{ { SCSI_READ_10, 0x20, 0, 0, 0, 0, 0, 0, 1 }, 0, false, 0, 0, ILLEGAL(SCSI_INVALID_FIELD_IN_CDB) },
	{ { SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1, 4 }, 0, false, 0, 0, ILLEGAL(SCSI_INVALID_FIELD_IN_CDB) }, /* NACA */
	{ { SCSI_READ_12, 0, 0, 0, 0, 1, 0, 0, 0, 2 }, SCSI_MOVE_IN, false, 1, 2, 0 },
	{ { SCSI_READ_12, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff }, 0, false, 0, 0, ILLEGAL(SCSI_LBA_OUT_OF_RANGE) },
	{ { SCSI_READ_16, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 8 }, SCSI_MOVE_IN, false, 9, 8, 0 },
	{ { SCSI_READ_16, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 8 }, 0, false, 0, 0, ILLEGAL(SCSI_LBA_OUT_OF_RANGE) },
	{ { SCSI_WRITE_6, 0, 0, 5, 1 }, SCSI_MOVE_OUT, false, 5, 1, 0 },
	{ { SCSI_WRITE_10, 0x08, 0, 0, 0, 5, 0, 0, 1 }, SCSI_MOVE_OUT, true, 5, 1, 0 },
	{ { SCSI_WRITE_12, 0, 0, 0, 0, 5, 0, 0, 0, 1 }, SCSI_MOVE_OUT, false, 5, 1, 0 },
	{ { SCSI_WRITE_16, 0x08, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1 }, SCSI_MOVE_OUT, true, 5, 1, 0 },
	{ { SCSI_SYNCHRONIZE_CACHE_10 }, SCSI_FLUSH, false, 0, 0, 0 },
	{ { SCSI_SYNCHRONIZE_CACHE_16, 0, 0xff }, 0, false, 0, 0, ILLEGAL(SCSI_LBA_OUT_OF_RANGE) },
	{ { 0xff }, 0, false, 0, 0, ILLEGAL(SCSI_INVALID_OPERATION_CODE) },
	{ { SCSI_READ_TOC }, 0, false, 0, 0, ILLEGAL(SCSI_INVALID_OPERATION_CODE) }, /* a disk has none */
};

START_TEST(ranges)
{
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		run_with(&disk, moves[i].cdb, 16, 0);
		ck_assert_msg(sense() == moves[i].sense, "row %zu: sense %x", i, sense());
		if (moves[i].sense)
			continue;
		ck_assert_msg(command.action == moves[i].action && command.fua == moves[i].fua, "row %zu", i);
		if (moves[i].action == SCSI_MOVE_IN || moves[i].action == SCSI_MOVE_OUT)
			ck_assert_msg(command.range_count == 1 && command.ranges[0].sector == moves[i].sector &&
				      command.ranges[0].sector_count == moves[i].count, "row %zu", i);
	}
	limits.logical_block_bytes = 4096; /* blocks of 8 sectors */
	RUN(&disk, SCSI_READ_10, 0, 0, 0, 0, 255, 0, 0, 1);
	ck_assert(command.ranges[0].sector == 2040 && command.ranges[0].sector_count == 8);
	RUN(&disk, SCSI_READ_10, 0, 0, 0, 1, 0, 0, 0, 1);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_LBA_OUT_OF_RANGE));
	limits.sector_count = 1ull << 40; /* more than a command may move */
	RUN(&disk, SCSI_READ_16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	disk.read_only = true;
	RUN(&disk, SCSI_WRITE_10, 0, 0, 0, 0, 0, 0, 0, 1);
	ck_assert_uint_eq(sense(), SCSI_DATA_PROTECT << 16 | SCSI_WRITE_PROTECTED);
}
END_TEST

START_TEST(identity)
{
	RUN(&disk, SCSI_INQUIRY, 0, 0, 0, 255);
	ck_assert(!sense() && command.data_bytes == 36 && data[0] == SCSI_TYPE_DISK && data[1] == 0 && data[4] == 31);
	ck_assert(memcmp(data + 8, "SOLERA  ", 8) == 0);
	RUN(&cd, SCSI_INQUIRY, 0, 0, 0, 5);
	ck_assert(command.data_bytes == 5 && data[0] == SCSI_TYPE_CD && data[1] == 0x80);
	RUN(NULL, SCSI_INQUIRY, 0, 0, 0, 36);
	ck_assert(!sense() && data[0] == SCSI_TYPE_NONE);
	RUN(NULL, SCSI_TEST_UNIT_READY);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_LOGICAL_UNIT_NOT_SUPPORTED));
	RUN(&disk, SCSI_INQUIRY, 1, SCSI_VPD_SUPPORTED, 0, 255);
	ck_assert(command.data_bytes == 4 + 6 && data[3] == 6);
	for (u8 i = 4, pages = data[3]; i < 4 + pages; i++) { /* each that is listed is there */
		u8 page = (RUN(&disk, SCSI_INQUIRY, 1, SCSI_VPD_SUPPORTED, 0, 255), data[i]);

		RUN(&disk, SCSI_INQUIRY, 1, page, 0, 255);
		ck_assert(!sense() && data[1] == page && command.data_bytes == 4u + scsi_get16(data + 2));
	}
	RUN(&disk, SCSI_INQUIRY, 1, SCSI_VPD_SERIAL, 0, 255);
	ck_assert(command.data_bytes == 12 && memcmp(data + 4, "SERIAL-1", 8) == 0);
	RUN(&disk, SCSI_INQUIRY, 1, SCSI_VPD_BLOCK_LIMITS, 0, 255);
	ck_assert(scsi_get32(data + 20) == 1024 && scsi_get32(data + 24) == SCSI_RANGES_MAX && scsi_get16(data + 6) == 8);
	RUN(&disk, SCSI_INQUIRY, 1, 0x55, 0, 255);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	RUN(&disk, SCSI_INQUIRY, 0, SCSI_VPD_SERIAL, 0, 255);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	RUN(&cd, SCSI_INQUIRY, 1, SCSI_VPD_BLOCK_LIMITS, 0, 255);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	RUN(&disk, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 1, 0);
	ck_assert(command.data_bytes == 32 && scsi_get32(data) == 24 && scsi_get16(data + 16) == 3 && scsi_get16(data + 24) == (0x4000 | 300));
	RUN(&disk, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 8);
	ck_assert_uint_eq(command.data_bytes, 8);
}
END_TEST

START_TEST(capacities)
{
	RUN(&disk, SCSI_READ_CAPACITY_10);
	ck_assert(command.data_bytes == 8 && scsi_get32(data) == BLOCKS - 1 && scsi_get32(data + 4) == 512);
	RUN(&disk, SCSI_SERVICE_ACTION_IN_16, SCSI_READ_CAPACITY_16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
	ck_assert(command.data_bytes == 32 && scsi_get64(data) == BLOCKS - 1 && data[13] == 3 && data[14] == 0x80);
	RUN(&disk, SCSI_SERVICE_ACTION_IN_16, 0x11);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	limits.sector_count = 1ull << 33;
	RUN(&disk, SCSI_READ_CAPACITY_10);
	ck_assert_uint_eq(scsi_get32(data), 0xffffffff);
	limits.sector_count = 4096 + 3; /* the rest of a block is none */
	RUN(&cd, SCSI_READ_CAPACITY_10);
	ck_assert(scsi_get32(data) == 1023 && scsi_get32(data + 4) == 2048);
}
END_TEST

START_TEST(attentions)
{
	scsi_unit_reset(&disk, SCSI_ATTENTION_POWER_ON);
	scsi_unit_attend(&disk, SCSI_ATTENTION_CAPACITY);
	RUN(&disk, SCSI_INQUIRY, 0, 0, 0, 36);
	ck_assert(!sense());
	RUN(&disk, SCSI_TEST_UNIT_READY);
	ck_assert_uint_eq(sense(), ATTENTION(SCSI_POWER_ON_OR_RESET));
	RUN(&disk, SCSI_REQUEST_SENSE, 0, 0, 0, 252);
	ck_assert(!sense() && command.data_bytes == 18 && data[2] == SCSI_UNIT_ATTENTION && scsi_get16(data + 12) == SCSI_CAPACITY_DATA_CHANGED);
	RUN(&disk, SCSI_REQUEST_SENSE, 1, 0, 0, 252);
	ck_assert(command.data_bytes == 8 && data[0] == 0x72 && data[1] == SCSI_NO_SENSE);
	RUN(&disk, SCSI_TEST_UNIT_READY);
	ck_assert(!sense() && command.result.status == SCSI_GOOD);
}
END_TEST

START_TEST(unmapping)
{
	u8 list[8 + 2 * 16] = { 0, 38, 0, 32, [8 + 7] = 4, [8 + 11] = 8, [24 + 6] = 4, [24 + 11] = 1 };

	memcpy(data, list, sizeof(list));
	RUN_LIST(&disk, 40, SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, 40);
	ck_assert(command.action == SCSI_CLEAR && command.range_count == 2 && command.ranges[0].sector == 4 && command.ranges[0].sector_count == 8);
	ck_assert(command.ranges[1].sector == 1024 && command.ranges[1].sector_count == 1);
	data[24 + 6] = 8;
	RUN_LIST(&disk, 40, SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, 40);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_LBA_OUT_OF_RANGE));
	data[3] = 48; /* more than there is */
	RUN_LIST(&disk, 40, SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, 40);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_PARAMETER_LIST_LENGTH_ERROR));
	RUN_LIST(&disk, 7, SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, 7);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_PARAMETER_LIST_LENGTH_ERROR));
	RUN(&disk, SCSI_UNMAP);
	ck_assert(!sense() && command.action == SCSI_ANSWERED);
	disk.discard = false;
	RUN_LIST(&disk, 40, SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, 40);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_OPERATION_CODE));
}
END_TEST

START_TEST(the_same_again)
{
	u8 cdb[16] = { SCSI_WRITE_SAME_10, 0x08, 0, 0, 0, 2, 0, 0, 9 };

	ck_assert_uint_eq(scsi_parameter_bytes(&disk, cdb), 512);
	run_with(&disk, cdb, 10, 512);
	ck_assert(command.action == SCSI_FILL && command.unmap && command.ranges[0].sector == 2 && command.ranges[0].sector_count == 9);
	cdb[8] = 0; /* WSNZ */
	run_with(&disk, cdb, 10, 512);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	memcpy(cdb, (const u8[16]){ SCSI_WRITE_SAME_16, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9 }, 16); /* NDOB */
	ck_assert_uint_eq(scsi_parameter_bytes(&disk, cdb), 0);
	data[5] = 1;
	run_with(&disk, cdb, 16, 0);
	ck_assert(command.action == SCSI_FILL && !command.unmap && data[5] == 0);
	disk.read_only = true;
	run_with(&disk, cdb, 16, 0);
	ck_assert_uint_eq(sense(), SCSI_DATA_PROTECT << 16 | SCSI_WRITE_PROTECTED);
}
END_TEST

START_TEST(mode_pages)
{
	u8 list[4 + 20];

	RUN(&disk, SCSI_MODE_SENSE_6, 0, 0x3f, 0, 255);
	ck_assert(command.data_bytes == data[0] + 1u && data[2] == 0x10 && data[3] == 8 && scsi_get32(data + 4) == BLOCKS);
	RUN(&disk, SCSI_MODE_SENSE_6, 8, 0x08, 0, 255);
	ck_assert(command.data_bytes == 24 && data[4] == 0x08 && data[6] == 0x04);
	memset(list, 0, sizeof(list));
	memcpy(list + 4, data + 4, 20);
	list[6] = 0; /* the write cache off: what it had is flushed, and writes are durable from now on */
	memcpy(data, list, sizeof(list));
	RUN_LIST(&disk, 24, SCSI_MODE_SELECT_6, 0x10, 0, 0, 24);
	ck_assert(command.action == SCSI_FLUSH && !disk.write_cache);
	RUN(&disk, SCSI_WRITE_10, 0, 0, 0, 0, 0, 0, 0, 1);
	ck_assert(command.fua);
	RUN(&disk, SCSI_MODE_SENSE_10, 8, 0x88, 0, 0, 0, 0, 0, 255); /* defaults */
	ck_assert(command.data_bytes == 28 && data[10] == 4);
	list[8] = 1; /* what cannot be changed */
	memcpy(data, list, sizeof(list));
	RUN_LIST(&disk, 24, SCSI_MODE_SELECT_6, 0x10, 0, 0, 24);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_PARAMETER_LIST));
	RUN_LIST(&disk, 3, SCSI_MODE_SELECT_6, 0x10, 0, 0, 3);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_PARAMETER_LIST_LENGTH_ERROR));
	RUN(&disk, SCSI_MODE_SENSE_6, 8, 0xc8, 0, 255);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_SAVING_PARAMETERS_NOT_SUPPORTED));
	RUN(&disk, SCSI_MODE_SENSE_6, 8, 0x2a, 0, 255);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	RUN(&cd, SCSI_MODE_SENSE_10, 0, 0x2a, 0, 0, 0, 0, 0, 255);
	ck_assert(command.data_bytes == 30 && data[8] == 0x2a && data[14] == 0x29);
}
END_TEST

START_TEST(a_tray)
{
	RUN(&cd, SCSI_READ_10, 0, 0, 0, 0, 1, 0, 0, 1);
	ck_assert(command.action == SCSI_MOVE_IN && command.ranges[0].sector == 4 && command.ranges[0].sector_count == 4);
	RUN(&cd, SCSI_PREVENT_ALLOW_MEDIUM_REMOVAL, 0, 0, 0, 1);
	RUN(&cd, SCSI_START_STOP_UNIT, 0, 0, 0, 2);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_MEDIUM_REMOVAL_PREVENTED));
	RUN(&cd, SCSI_PREVENT_ALLOW_MEDIUM_REMOVAL, 0, 0, 0, 0);
	RUN(&cd, SCSI_START_STOP_UNIT, 0, 0, 0, 2);
	ck_assert(!sense() && cd.tray_open);
	RUN(&cd, SCSI_TEST_UNIT_READY);
	ck_assert_uint_eq(sense(), NOT_READY(SCSI_MEDIUM_NOT_PRESENT_TRAY_OPEN));
	RUN(&cd, SCSI_GET_EVENT_STATUS_NOTIFICATION, 1, 0, 0, 0x10, 0, 0, 0, 8);
	ck_assert(command.data_bytes == 8 && data[2] == 4 && data[4] == SCSI_MEDIA_REMOVAL && data[5] == 1);
	RUN(&cd, SCSI_START_STOP_UNIT, 0, 0, 0, 3);
	RUN(&cd, SCSI_TEST_UNIT_READY);
	ck_assert(!sense());
	RUN(&cd, SCSI_GET_EVENT_STATUS_NOTIFICATION, 1, 0, 0, 0x10, 0, 0, 0, 8);
	ck_assert(data[4] == SCSI_MEDIA_NEW && data[5] == 2);
	RUN(&cd, SCSI_GET_EVENT_STATUS_NOTIFICATION, 1, 0, 0, 0x10, 0, 0, 0, 8);
	ck_assert(data[4] == SCSI_MEDIA_NO_CHANGE);
	RUN(&cd, SCSI_GET_EVENT_STATUS_NOTIFICATION, 0, 0, 0, 0x10, 0, 0, 0, 8);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	scsi_unit_set_medium(&cd, &limits, false);
	RUN(&cd, SCSI_TEST_UNIT_READY);
	ck_assert_uint_eq(sense(), ATTENTION(SCSI_MEDIUM_MAY_HAVE_CHANGED));
	scsi_unit_set_medium(&cd, NULL, false);
	RUN(&cd, SCSI_READ_CAPACITY_10);
	ck_assert_uint_eq(sense(), NOT_READY(SCSI_MEDIUM_NOT_PRESENT));
	RUN(&cd, SCSI_GET_CONFIGURATION, 0, 0, 0, 0, 0, 0, 0, 255);
	ck_assert(!sense() && scsi_get16(data + 6) == 0 && command.data_bytes == 4 + scsi_get32(data));
	RUN(&cd, SCSI_WRITE_10, 0, 0, 0, 0, 0, 0, 0, 1);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_OPERATION_CODE));
}
END_TEST

START_TEST(a_compact_disc)
{
	RUN(&cd, SCSI_READ_TOC, 0, 0, 0, 0, 0, 0, 0, 255);
	ck_assert(command.data_bytes == 20 && scsi_get16(data) == 18 && data[6] == 1 && data[14] == 0xaa && scsi_get32(data + 16) == BLOCKS / 4);
	RUN(&cd, SCSI_READ_TOC, 2, 0, 0, 0, 0, 0xaa, 0, 255);
	ck_assert(command.data_bytes == 12 && data[9] == 0 && data[10] == 8 && data[11] == 62); /* 512 + 150 frames */
	RUN(&cd, SCSI_READ_TOC, 0, 1, 0, 0, 0, 0, 0, 4);
	ck_assert(command.data_bytes == 4 && scsi_get16(data) == 10);
	RUN(&cd, SCSI_READ_TOC, 0, 0, 0, 0, 0, 2, 0, 255);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	RUN(&cd, SCSI_READ_TOC, 0, 5, 0, 0, 0, 0, 0, 255);
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
	RUN(&cd, SCSI_GET_CONFIGURATION, 0, 0, 0, 0, 0, 0, 0, 255);
	ck_assert(scsi_get16(data + 6) == 8 && command.data_bytes == 4 + scsi_get32(data) && data[10] == 3 && data[8 + 4 + 6] == 1);
	limits.sector_count = 4ull * 1024 * 1024 * 2; /* 4 GiB: a DVD */
	RUN(&cd, SCSI_GET_CONFIGURATION, 2, 0, 0x1f, 0, 0, 0, 0, 255);
	ck_assert(scsi_get16(data + 6) == 0x10 && command.data_bytes == 16 && (data[10] & 1));
	RUN(&cd, SCSI_READ_DISC_INFORMATION, 0, 0, 0, 0, 0, 0, 0, 255);
	ck_assert(command.data_bytes == 34 && data[2] == 0x0e);
	RUN(&cd, SCSI_SET_CD_SPEED);
	ck_assert(!sense());
}
END_TEST

START_TEST(stopped_disks)
{
	RUN(&disk, SCSI_START_STOP_UNIT, 0, 0, 0, 0);
	ck_assert(command.action == SCSI_FLUSH && disk.stopped);
	RUN(&disk, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1);
	ck_assert_uint_eq(sense(), NOT_READY(SCSI_INITIALIZING_COMMAND_REQUIRED));
	RUN(&disk, SCSI_START_STOP_UNIT, 0, 0, 0, 1);
	RUN(&disk, SCSI_TEST_UNIT_READY);
	ck_assert(!sense());
	RUN(&disk, SCSI_START_STOP_UNIT, 0, 0, 0, 2); /* it has no tray */
	ck_assert_uint_eq(sense(), ILLEGAL(SCSI_INVALID_FIELD_IN_CDB));
}
END_TEST

START_TEST(failures_of_the_medium)
{
	static const struct { bool in; int status; u8 key; u16 asc; } rows[] = {
		{ true, ERR_IO, SCSI_MEDIUM_ERROR, SCSI_UNRECOVERED_READ_ERROR }, { false, ERR_IO, SCSI_MEDIUM_ERROR, SCSI_WRITE_ERROR },
		{ false, ERR_FULL, SCSI_DATA_PROTECT, SCSI_SPACE_ALLOCATION_FAILED }, { true, ERR_RANGE, SCSI_ILLEGAL_REQUEST, SCSI_LBA_OUT_OF_RANGE },
		{ true, ERR_NOT_FOUND, SCSI_HARDWARE_ERROR, SCSI_INTERNAL_TARGET_FAILURE },
	};
	struct scsi_result result;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		scsi_judge_medium(&result, rows[i].in, rows[i].status);
		ck_assert(result.status == SCSI_CHECK_CONDITION && result.sense[2] == rows[i].key && scsi_get16(result.sense + 12) == rows[i].asc);
	}
	scsi_judge_medium(&result, true, OK);
	ck_assert_uint_eq(result.status, SCSI_GOOD);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("SCSI units");
	TCase *tests = tcase_create("commands");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, ranges);
	tcase_add_test(tests, identity);
	tcase_add_test(tests, capacities);
	tcase_add_test(tests, attentions);
	tcase_add_test(tests, unmapping);
	tcase_add_test(tests, the_same_again);
	tcase_add_test(tests, mode_pages);
	tcase_add_test(tests, a_tray);
	tcase_add_test(tests, a_compact_disc);
	tcase_add_test(tests, stopped_disks);
	tcase_add_test(tests, failures_of_the_medium);
	suite_add_tcase(suite, tests);
	return suite;
}

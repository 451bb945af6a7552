/* SPDX-License-Identifier: MIT */
/*
 * The table of SCSI commands, what is judged before any of them, and those that concern the unit itself (scsi_unit.h).
 *
 * The order of judgement is SAM's and SPC's: does the unit exist, is there a unit attention, does it know the command, is its medium there.
 */
#include "virtio/scsi_unit.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define CONTROL_NACA BIT32(2)

enum command_flag {
	FOR_DISK = BIT32(0), FOR_CD = BIT32(1), FOR_BOTH = FOR_DISK | FOR_CD,
	NEEDS_MEDIUM = BIT32(2),
	ALWAYS = BIT32(3), /* carried out while a unit attention waits */
};

struct command_row {
	u8 opcode, cdb_bytes;
	u8 flags;
	scsi_handler *handler;
	u8 parameters_at;  /* where the CDB has its parameter list's length; 0: it has none */
	u8 parameters_size;
};

/* Sense data: "Fixed format sense data" of SPC */

void scsi_sense(struct scsi_result *result, u8 key, u16 asc)
{
	*result = (struct scsi_result){ SCSI_CHECK_CONDITION, { [0] = 0x70, [2] = key, [7] = SCSI_SENSE_BYTES - 8 } };
	scsi_put16(result->sense + 12, asc);
}

void scsi_check(struct scsi_command *command, u8 key, u16 asc)
{
	command->action = SCSI_ANSWERED;
	command->data_bytes = 0;
	scsi_sense(&command->result, key, asc);
}

void scsi_answer(struct scsi_command *command, u32 bytes, u32 allocation)
{
	command->data_bytes = MIN(bytes, allocation);
}

static const u16 attention_codes[SCSI_ATTENTION_COUNT] = {
	[SCSI_ATTENTION_POWER_ON] = SCSI_POWER_ON_OR_RESET, [SCSI_ATTENTION_RESET] = SCSI_BUS_DEVICE_RESET,
	[SCSI_ATTENTION_MEDIUM] = SCSI_MEDIUM_MAY_HAVE_CHANGED, [SCSI_ATTENTION_CAPACITY] = SCSI_CAPACITY_DATA_CHANGED,
	[SCSI_ATTENTION_MODE] = SCSI_MODE_PARAMETERS_CHANGED, [SCSI_ATTENTION_LUNS] = SCSI_REPORTED_LUNS_DATA_CHANGED,
};

/* Takes the most important one; the others wait. */
static u16 take_attention(struct scsi_unit *unit)
{
	unsigned first = (unsigned)__builtin_ctz(unit->attentions);

	unit->attentions &= ~BIT32(first);
	return attention_codes[first];
}

/* Readiness */

u32 scsi_block_bytes(const struct scsi_unit *unit)
{
	return unit->cdrom ? SCSI_CD_BLOCK_BYTES : unit->medium ? unit->medium->logical_block_bytes : BLOCK_SECTOR_BYTES;
}

u64 scsi_block_count(const struct scsi_unit *unit)
{
	return unit->medium ? READ_ONCE(unit->medium->sector_count) / (scsi_block_bytes(unit) / BLOCK_SECTOR_BYTES) : 0;
}

static bool is_ready(const struct scsi_unit *unit, struct scsi_command *command)
{
	if (unit->tray_open)
		scsi_check(command, SCSI_NOT_READY, SCSI_MEDIUM_NOT_PRESENT_TRAY_OPEN);
	else if (!scsi_block_count(unit))
		scsi_check(command, SCSI_NOT_READY, SCSI_MEDIUM_NOT_PRESENT);
	else if (unit->stopped)
		scsi_check(command, SCSI_NOT_READY, SCSI_INITIALIZING_COMMAND_REQUIRED);
	else
		return true;
	return false;
}

static void test_unit_ready(struct scsi_unit *unit, struct scsi_command *command)
{
	(void)unit;
	(void)command; /* the row's NEEDS_MEDIUM is all that it asks */
}

/* "REQUEST SENSE command": a waiting unit attention, or that there is nothing. As every answer, in the command's own data. */
static void request_sense(struct scsi_unit *unit, struct scsi_command *command)
{
	struct scsi_result said;
	bool descriptor = command->cdb[1] & 1;

	if (!unit)
		scsi_sense(&said, SCSI_ILLEGAL_REQUEST, SCSI_LOGICAL_UNIT_NOT_SUPPORTED);
	else if (unit->attentions)
		scsi_sense(&said, SCSI_UNIT_ATTENTION, take_attention(unit));
	else
		scsi_sense(&said, SCSI_NO_SENSE, SCSI_NO_ADDITIONAL_SENSE);
	if (descriptor) { /* "Descriptor format sense data" without descriptors */
		const u8 sense[8] = { 0x72, said.sense[2], said.sense[12], said.sense[13] };

		memcpy(command->data, sense, sizeof(sense));
	} else {
		memcpy(command->data, said.sense, SCSI_SENSE_BYTES);
	}
	scsi_answer(command, descriptor ? 8 : SCSI_SENSE_BYTES, command->cdb[4]);
}

/* "REPORT LUNS command": single-level numbers, flat above 255. */
static void report_luns(struct scsi_unit *unit, struct scsi_command *command)
{
	u32 allocation = scsi_get32(command->cdb + 6), count = MIN(command->lun_count, SCSI_DATA_MAX / 8 - 1);
	bool well_known = command->cdb[2] == 1; /* there are none */

	if (command->cdb[2] > 2) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	if (unit)
		unit->attentions &= ~BIT32(SCSI_ATTENTION_LUNS);
	memset(command->data, 0, SCSI_DATA_MAX);
	count = well_known ? 0 : count;
	scsi_put32(command->data, count * 8);
	for (u32 i = 0; i < count; i++)
		scsi_put16(command->data + 8 + 8 * i, command->luns[i] | (command->luns[i] > 255 ? 0x4000u : 0));
	scsi_answer(command, 8 + count * 8, allocation);
}

static void accept(struct scsi_unit *unit, struct scsi_command *command)
{
	(void)unit;
	(void)command;
}

static const struct command_row rows[] = {
	{ SCSI_TEST_UNIT_READY, 6, FOR_BOTH | NEEDS_MEDIUM, test_unit_ready, 0, 0 },
	{ SCSI_REQUEST_SENSE, 6, FOR_BOTH | ALWAYS, request_sense, 0, 0 },
	{ SCSI_INQUIRY, 6, FOR_BOTH | ALWAYS, scsi_inquiry, 0, 0 },
	{ SCSI_REPORT_LUNS, 12, FOR_BOTH | ALWAYS, report_luns, 0, 0 },
	{ SCSI_MODE_SENSE_6, 6, FOR_BOTH, scsi_mode_sense, 0, 0 },
	{ SCSI_MODE_SENSE_10, 10, FOR_BOTH, scsi_mode_sense, 0, 0 },
	{ SCSI_MODE_SELECT_6, 6, FOR_BOTH, scsi_mode_select, 4, 1 },
	{ SCSI_MODE_SELECT_10, 10, FOR_BOTH, scsi_mode_select, 7, 2 },
	{ SCSI_START_STOP_UNIT, 6, FOR_BOTH, scsi_start_stop, 0, 0 },
	{ SCSI_PREVENT_ALLOW_MEDIUM_REMOVAL, 6, FOR_CD, scsi_prevent_allow, 0, 0 },
	{ SCSI_READ_CAPACITY_10, 10, FOR_BOTH | NEEDS_MEDIUM, scsi_read_capacity, 0, 0 },
	{ SCSI_SERVICE_ACTION_IN_16, 16, FOR_BOTH | NEEDS_MEDIUM, scsi_service_action_in, 0, 0 },
	{ SCSI_READ_6, 6, FOR_BOTH | NEEDS_MEDIUM, scsi_read, 0, 0 },
	{ SCSI_READ_10, 10, FOR_BOTH | NEEDS_MEDIUM, scsi_read, 0, 0 },
	{ SCSI_READ_12, 12, FOR_BOTH | NEEDS_MEDIUM, scsi_read, 0, 0 },
	{ SCSI_READ_16, 16, FOR_BOTH | NEEDS_MEDIUM, scsi_read, 0, 0 },
	{ SCSI_WRITE_6, 6, FOR_DISK | NEEDS_MEDIUM, scsi_write, 0, 0 },
	{ SCSI_WRITE_10, 10, FOR_DISK | NEEDS_MEDIUM, scsi_write, 0, 0 },
	{ SCSI_WRITE_12, 12, FOR_DISK | NEEDS_MEDIUM, scsi_write, 0, 0 },
	{ SCSI_WRITE_16, 16, FOR_DISK | NEEDS_MEDIUM, scsi_write, 0, 0 },
	{ SCSI_SYNCHRONIZE_CACHE_10, 10, FOR_BOTH | NEEDS_MEDIUM, scsi_synchronize_cache, 0, 0 },
	{ SCSI_SYNCHRONIZE_CACHE_16, 16, FOR_BOTH | NEEDS_MEDIUM, scsi_synchronize_cache, 0, 0 },
	{ SCSI_UNMAP, 10, FOR_DISK | NEEDS_MEDIUM, scsi_unmap, 7, 2 },
	{ SCSI_WRITE_SAME_10, 10, FOR_DISK | NEEDS_MEDIUM, scsi_write_same, 0, 0 },
	{ SCSI_WRITE_SAME_16, 16, FOR_DISK | NEEDS_MEDIUM, scsi_write_same, 0, 0 },
	{ SCSI_READ_TOC, 10, FOR_CD | NEEDS_MEDIUM, scsi_read_toc, 0, 0 },
	{ SCSI_READ_DISC_INFORMATION, 10, FOR_CD | NEEDS_MEDIUM, scsi_read_disc_information, 0, 0 },
	{ SCSI_GET_CONFIGURATION, 10, FOR_CD | ALWAYS, scsi_get_configuration, 0, 0 },
	{ SCSI_GET_EVENT_STATUS_NOTIFICATION, 10, FOR_CD | ALWAYS, scsi_get_event_status, 0, 0 },
	{ SCSI_SET_CD_SPEED, 12, FOR_CD, accept, 0, 0 },
};

static const struct command_row *find(const struct scsi_unit *unit, u8 opcode)
{
	unsigned kind = unit && unit->cdrom ? FOR_CD : FOR_DISK;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].opcode == opcode && (rows[i].flags & kind))
			return &rows[i];
	return NULL;
}

u32 scsi_parameter_bytes(const struct scsi_unit *unit, const u8 *cdb)
{
	const struct command_row *row = unit ? find(unit, cdb[0]) : NULL;

	if (!row)
		return 0;
	if (row->handler == scsi_write_same) /* a block, unless the 16-byte form says NDOB */
		return cdb[0] == SCSI_WRITE_SAME_16 && (cdb[1] & 1) ? 0 : scsi_block_bytes(unit);
	if (!row->parameters_at)
		return 0;
	return row->parameters_size == 1 ? cdb[row->parameters_at] : MIN((u32)scsi_get16(cdb + row->parameters_at), SCSI_DATA_MAX);
}

/* "Logical unit not supported": what is answered in spite of it. */
static void execute_absent(struct scsi_command *command)
{
	switch (command->cdb[0]) {
	case SCSI_INQUIRY: scsi_inquiry(NULL, command); break;
	case SCSI_REPORT_LUNS: report_luns(NULL, command); break;
	case SCSI_REQUEST_SENSE: request_sense(NULL, command); break;
	default: scsi_refuse(command, SCSI_LOGICAL_UNIT_NOT_SUPPORTED);
	}
}

void scsi_execute(struct scsi_unit *unit, struct scsi_command *command)
{
	const struct command_row *row = find(unit, command->cdb[0]);

	command->action = SCSI_ANSWERED;
	command->result = (struct scsi_result){ SCSI_GOOD, { 0 } };
	command->fua = command->unmap = false;
	command->data_bytes = command->range_count = 0;
	if (!unit)
		execute_absent(command);
	else if (unit->attentions && !(row && (row->flags & ALWAYS)))
		scsi_check(command, SCSI_UNIT_ATTENTION, take_attention(unit));
	else if (!row)
		scsi_refuse(command, SCSI_INVALID_OPERATION_CODE);
	else if (command->cdb[row->cdb_bytes - 1] & CONTROL_NACA) /* there is no auto contingent allegiance */
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
	else if (!(row->flags & NEEDS_MEDIUM) || is_ready(unit, command))
		row->handler(unit, command);
}

void scsi_judge_medium(struct scsi_result *result, bool in, int status)
{
	switch (status) {
	case OK: *result = (struct scsi_result){ SCSI_GOOD, { 0 } }; break;
	case ERR_RANGE: scsi_sense(result, SCSI_ILLEGAL_REQUEST, SCSI_LBA_OUT_OF_RANGE); break; /* the medium shrank meanwhile */
	case ERR_FULL: scsi_sense(result, SCSI_DATA_PROTECT, SCSI_SPACE_ALLOCATION_FAILED); break;
	case ERR_NO_MEMORY: scsi_sense(result, SCSI_ABORTED_COMMAND, SCSI_NO_ADDITIONAL_SENSE); break;
	case ERR_NOT_FOUND: scsi_sense(result, SCSI_HARDWARE_ERROR, SCSI_INTERNAL_TARGET_FAILURE); break;
	default: scsi_sense(result, SCSI_MEDIUM_ERROR, in ? SCSI_UNRECOVERED_READ_ERROR : SCSI_WRITE_ERROR);
	}
}

void scsi_unit_reset(struct scsi_unit *unit, enum scsi_attention why)
{
	unit->attentions = BIT32(why);
	unit->write_cache = unit->write_cache_default;
	unit->stopped = unit->locked = false;
}

void scsi_unit_init(struct scsi_unit *unit)
{
	unit->media_event = SCSI_MEDIA_NO_CHANGE;
	unit->tray_open = false;
	scsi_unit_reset(unit, SCSI_ATTENTION_POWER_ON);
}

void scsi_unit_set_medium(struct scsi_unit *unit, const struct block_limits *limits, bool tray_open)
{
	unit->medium = limits;
	unit->tray_open = tray_open;
	unit->locked = false;
	unit->media_event = limits ? SCSI_MEDIA_NEW : SCSI_MEDIA_REMOVAL;
	if (limits)
		scsi_unit_attend(unit, SCSI_ATTENTION_MEDIUM);
}

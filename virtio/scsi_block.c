/* SPDX-License-Identifier: MIT */
/* Commands on blocks (SBC-3): reading, writing, sizes, flushes, unmapping, filling. Every range is checked here, in blocks, then told in sectors. */
#include "virtio/scsi_unit.h"
#include "hv/lib/string.h"

#define FUA BIT32(3)
#define PROTECT 0xe0u      /* RDPROTECT, WRPROTECT: there is no protection information */
#define SAME_ANCHOR BIT32(4)
#define SAME_UNMAP BIT32(3)
#define SAME_OBSOLETE 0x06u
#define UNMAP_ANCHOR BIT32(0)

struct blocks {
	u64 first, count;
};

/* The range of a READ, WRITE or SYNCHRONIZE CACHE of any length of CDB. */
static struct blocks blocks_of(const u8 *cdb)
{
	switch (cdb[0] >> 5) { /* the group: how long the CDB is */
	case 0: return (struct blocks){ scsi_get32(cdb) & 0x1fffff, cdb[4] ? cdb[4] : 256 };
	case 4: return (struct blocks){ scsi_get64(cdb + 2), scsi_get32(cdb + 10) };
	case 5: return (struct blocks){ scsi_get32(cdb + 2), scsi_get32(cdb + 6) };
	default: return (struct blocks){ scsi_get32(cdb + 2), scsi_get16(cdb + 7) };
	}
}

static bool is_in_range(const struct scsi_unit *unit, struct blocks blocks)
{
	u64 all = scsi_block_count(unit);

	return blocks.first <= all && blocks.count <= all - blocks.first;
}

static void set_range(const struct scsi_unit *unit, struct scsi_command *command, struct blocks blocks)
{
	u32 sectors = scsi_block_bytes(unit) / BLOCK_SECTOR_BYTES;

	command->ranges[command->range_count++] = (struct scsi_range){ blocks.first * sectors, blocks.count * sectors };
	command->block_bytes = scsi_block_bytes(unit);
}

static void move(struct scsi_unit *unit, struct scsi_command *command, enum scsi_action action)
{
	struct blocks blocks = blocks_of(command->cdb);
	bool long_form = command->cdb[0] >> 5;

	if (long_form && (command->cdb[1] & PROTECT))
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
	else if (!is_in_range(unit, blocks))
		scsi_refuse(command, SCSI_LBA_OUT_OF_RANGE);
	else if (blocks.count > SCSI_TRANSFER_BYTES_MAX / scsi_block_bytes(unit))
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
	else if (action == SCSI_MOVE_OUT && unit->read_only)
		scsi_check(command, SCSI_DATA_PROTECT, SCSI_WRITE_PROTECTED);
	else if (blocks.count) { /* none is no error */
		command->action = (u8)action;
		command->fua = action == SCSI_MOVE_OUT && ((long_form && (command->cdb[1] & FUA)) || !unit->write_cache);
		set_range(unit, command, blocks);
	}
}

void scsi_read(struct scsi_unit *unit, struct scsi_command *command) { move(unit, command, SCSI_MOVE_IN); }
void scsi_write(struct scsi_unit *unit, struct scsi_command *command) { move(unit, command, SCSI_MOVE_OUT); }

/* Everything is flushed, whatever the range; IMMED may be ignored. */
void scsi_synchronize_cache(struct scsi_unit *unit, struct scsi_command *command)
{
	if (!is_in_range(unit, blocks_of(command->cdb)))
		scsi_refuse(command, SCSI_LBA_OUT_OF_RANGE);
	else if (!unit->read_only)
		command->action = SCSI_FLUSH;
}

void scsi_read_capacity(struct scsi_unit *unit, struct scsi_command *command)
{
	u64 last = scsi_block_count(unit) - 1;

	scsi_put32(command->data, (u32)MIN(last, 0xffffffffu)); /* all ones: READ CAPACITY (16) knows */
	scsi_put32(command->data + 4, scsi_block_bytes(unit));
	scsi_answer(command, 8, 8);
}

void scsi_service_action_in(struct scsi_unit *unit, struct scsi_command *command)
{
	u32 physical = unit->medium->physical_block_bytes, logical = scsi_block_bytes(unit);

	if ((command->cdb[1] & 0x1f) != SCSI_READ_CAPACITY_16) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	memset(command->data, 0, 32);
	scsi_put64(command->data, scsi_block_count(unit) - 1);
	scsi_put32(command->data + 8, logical);
	command->data[13] = physical > logical ? (u8)(31 - __builtin_clz(physical / logical)) : 0;
	command->data[14] = unit->discard && !unit->read_only ? 0x80 : 0; /* LBPME */
	scsi_answer(command, 32, scsi_get32(command->cdb + 10));
}

/* "UNMAP parameter list": all of it is judged before the first range is cleared. */
void scsi_unmap(struct scsi_unit *unit, struct scsi_command *command)
{
	u32 length = scsi_get16(command->cdb + 7), described;
	u64 most = unit->medium->max_discard_sectors / (scsi_block_bytes(unit) / BLOCK_SECTOR_BYTES);

	if (!unit->discard) {
		scsi_refuse(command, SCSI_INVALID_OPERATION_CODE);
		return;
	}
	if (command->cdb[1] & UNMAP_ANCHOR) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	if (unit->read_only) {
		scsi_check(command, SCSI_DATA_PROTECT, SCSI_WRITE_PROTECTED);
		return;
	}
	if (!length)
		return;
	described = length >= 8 && command->parameter_bytes >= 8 ? scsi_get16(command->data + 2) : ~0u;
	if (length != command->parameter_bytes || described % 16 || described > length - 8) {
		scsi_refuse(command, SCSI_PARAMETER_LIST_LENGTH_ERROR);
		return;
	}
	if (described / 16 > SCSI_RANGES_MAX) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_PARAMETER_LIST);
		return;
	}
	for (const u8 *at = command->data + 8; at < command->data + 8 + described; at += 16) {
		struct blocks blocks = { scsi_get64(at), scsi_get32(at + 8) };

		if (!is_in_range(unit, blocks)) {
			scsi_refuse(command, SCSI_LBA_OUT_OF_RANGE);
			return;
		}
		if (blocks.count > most) {
			scsi_refuse(command, SCSI_INVALID_FIELD_IN_PARAMETER_LIST);
			return;
		}
		if (blocks.count)
			set_range(unit, command, blocks);
	}
	if (command->range_count)
		command->action = SCSI_CLEAR;
}

void scsi_write_same(struct scsi_unit *unit, struct scsi_command *command)
{
	struct blocks blocks = blocks_of(command->cdb);
	bool no_data = command->cdb[0] == SCSI_WRITE_SAME_16 && (command->cdb[1] & 1);
	bool unmap = command->cdb[1] & SAME_UNMAP;

	if ((command->cdb[1] & (PROTECT | SAME_ANCHOR | SAME_OBSOLETE)) || (!no_data && (command->cdb[1] & 1)) || (unmap && !unit->discard) ||
	    !blocks.count || blocks.count > SCSI_FILL_BYTES_MAX / scsi_block_bytes(unit))
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
	else if (!is_in_range(unit, blocks))
		scsi_refuse(command, SCSI_LBA_OUT_OF_RANGE);
	else if (unit->read_only)
		scsi_check(command, SCSI_DATA_PROTECT, SCSI_WRITE_PROTECTED);
	else if (command->parameter_bytes != (no_data ? 0 : scsi_block_bytes(unit)))
		scsi_refuse(command, SCSI_PARAMETER_LIST_LENGTH_ERROR);
	else {
		if (no_data)
			memset(command->data, 0, scsi_block_bytes(unit));
		command->action = SCSI_FILL;
		command->unmap = unmap;
		command->fua = !unit->write_cache;
		set_range(unit, command, blocks);
	}
}

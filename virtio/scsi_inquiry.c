/* SPDX-License-Identifier: MIT */
/* INQUIRY: what a logical unit is, and its vital product data pages (SPC-4, "INQUIRY command"; SBC-3 for pages B0 to B2). */
#include "virtio/scsi_unit.h"
#include "hv/lib/string.h"

#define VENDOR "SOLERA  "
#define STANDARD_BYTES 36u

static u8 type_of(const struct scsi_unit *unit)
{
	return !unit ? SCSI_TYPE_NONE : unit->cdrom ? SCSI_TYPE_CD : SCSI_TYPE_DISK;
}

static u32 standard(const struct scsi_unit *unit, u8 *data)
{
	data[1] = unit && unit->cdrom ? 0x80 : 0; /* RMB */
	data[2] = 6;                              /* SPC-4 */
	data[3] = 2;                              /* the response data format */
	data[4] = STANDARD_BYTES - 5;
	data[7] = 0x02;                           /* CMDQUE */
	memcpy(data + 8, VENDOR, 8);
	memcpy(data + 16, unit && unit->cdrom ? "CD-ROM          " : "disk            ", 16);
	memcpy(data + 32, "1.0 ", 4);
	return STANDARD_BYTES;
}

static u32 supported_pages(const struct scsi_unit *unit, u8 *page)
{
	static const u8 pages[] = { SCSI_VPD_SUPPORTED, SCSI_VPD_SERIAL, SCSI_VPD_IDENTIFICATION, SCSI_VPD_BLOCK_LIMITS,
				    SCSI_VPD_CHARACTERISTICS, SCSI_VPD_PROVISIONING };
	u32 count = unit->cdrom ? 3 : ARRAY_SIZE(pages);

	memcpy(page, pages, count);
	return count;
}

static u32 serial_number(const struct scsi_unit *unit, u8 *page)
{
	u32 length = (u32)strlen(unit->id);

	memcpy(page, unit->id, length);
	return length;
}

/* One designator: ASCII, "T10 vendor ID based", of the logical unit. */
static u32 identification(const struct scsi_unit *unit, u8 *page)
{
	u32 length = (u32)strlen(unit->id);

	page[0] = 2;
	page[1] = 1;
	page[3] = (u8)(8 + length);
	memcpy(page + 4, VENDOR, 8);
	memcpy(page + 12, unit->id, length);
	return 12 + length;
}

static u32 block_limits(const struct scsi_unit *unit, u8 *page)
{
	const struct block_limits *limits = unit->medium;
	u32 block = scsi_block_bytes(unit), sectors = block / BLOCK_SECTOR_BYTES;

	page[0] = 1;                                                       /* WSNZ: WRITE SAME of 0 blocks is refused */
	scsi_put32(page + 4, SCSI_TRANSFER_BYTES_MAX / block);
	if (limits) {
		scsi_put16(page + 2, limits->physical_block_bytes / block);
		scsi_put32(page + 8, limits->optimal_io_bytes / block);
		if (unit->discard && !unit->read_only) {
			scsi_put32(page + 16, (u32)MIN(limits->max_discard_sectors / sectors, 0xffffffffu));
			scsi_put32(page + 20, SCSI_RANGES_MAX);
		}
	}
	scsi_put64(page + 32, SCSI_FILL_BYTES_MAX / block);                /* of WRITE SAME */
	return 60;
}

static u32 characteristics(const struct scsi_unit *unit, u8 *page)
{
	scsi_put16(page, unit->medium && unit->medium->rotational ? 7200 : 1); /* 1: it does not rotate */
	return 60;
}

static u32 provisioning(const struct scsi_unit *unit, u8 *page)
{
	bool thin = unit->discard && !unit->read_only;

	page[1] = thin ? 0xe0 : 0; /* LBPU, LBPWS, LBPWS10; what was unmapped may read as anything */
	page[2] = thin ? 2 : 0;    /* thin provisioned */
	return 4;
}

static void vital_product_data(const struct scsi_unit *unit, struct scsi_command *command)
{
	u8 *page = command->data + 4;
	u32 bytes;

	switch (command->cdb[2]) {
	case SCSI_VPD_SUPPORTED: bytes = supported_pages(unit, page); break;
	case SCSI_VPD_SERIAL: bytes = serial_number(unit, page); break;
	case SCSI_VPD_IDENTIFICATION: bytes = identification(unit, page); break;
	case SCSI_VPD_BLOCK_LIMITS: bytes = unit->cdrom ? 0 : block_limits(unit, page); break;
	case SCSI_VPD_CHARACTERISTICS: bytes = unit->cdrom ? 0 : characteristics(unit, page); break;
	case SCSI_VPD_PROVISIONING: bytes = unit->cdrom ? 0 : provisioning(unit, page); break;
	default: bytes = 0;
	}
	if (!bytes) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	command->data[1] = command->cdb[2];
	scsi_put16(command->data + 2, bytes);
	scsi_answer(command, 4 + bytes, scsi_get16(command->cdb + 3));
}

/* unit may be NULL: a number without a unit says that it has none. */
void scsi_inquiry(struct scsi_unit *unit, struct scsi_command *command)
{
	bool vital = command->cdb[1] & 1;

	memset(command->data, 0, 256);
	command->data[0] = type_of(unit);
	if ((command->cdb[1] & 2) || (!vital && command->cdb[2]) || (vital && !unit))
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
	else if (vital)
		vital_product_data(unit, command);
	else
		scsi_answer(command, standard(unit, command->data), scsi_get16(command->cdb + 3));
}

/* SPDX-License-Identifier: MIT */
/*
 * MODE SENSE and MODE SELECT, 6 and 10 (SPC-4): error recovery, caching, control and, of a CD drive, its capabilities.
 * One thing may be changed: whether a disk caches writes (WCE).
 */
#include "virtio/scsi_unit.h"
#include "hv/lib/string.h"

#define PAGE_BYTES_MAX 32u
#define CACHING_WCE BIT32(2)
#define HEADER_6 4u
#define HEADER_10 8u
#define DESCRIPTOR_BYTES 8u

enum control { CURRENT, CHANGEABLE, DEFAULTS, SAVED };

static u32 error_recovery(u8 *page)
{
	page[1] = 10;
	page[2] = 0x80; /* AWRE: the medium looks after itself */
	return 12;
}

static u32 caching(const struct scsi_unit *unit, enum control control, u8 *page)
{
	bool on = control == DEFAULTS ? unit->write_cache_default : unit->write_cache;

	page[1] = 18;
	page[2] = on || control == CHANGEABLE ? CACHING_WCE : 0;
	return 20;
}

static u32 control_page(u8 *page)
{
	page[1] = 10;
	page[3] = 0x10; /* unrestricted reordering */
	return 12;
}

/* MMC, "CD/DVD Capabilities and Mechanical Status Page": reads CD and DVD, a tray that locks and ejects. */
static u32 capabilities(const struct scsi_unit *unit, u8 *page)
{
	page[1] = 20;
	page[2] = 0x3b;
	page[4] = 0x70;
	page[6] = (u8)(0x29 | (unit->locked ? 0x02 : 0));
	scsi_put16(page + 8, 50 * 176);  /* KB/s, which nobody paces */
	scsi_put16(page + 12, 2048);
	scsi_put16(page + 14, 50 * 176);
	return 22;
}

/* Its bytes, or 0: the unit has no such page. Of what may be changed only WCE is anything but 0. */
static u32 page_of(const struct scsi_unit *unit, u8 code, enum control control, u8 *page)
{
	u32 bytes = 0;

	memset(page, 0, PAGE_BYTES_MAX);
	switch (code) {
	case SCSI_PAGE_ERROR_RECOVERY: bytes = error_recovery(page); break;
	case SCSI_PAGE_CACHING: bytes = unit->cdrom ? 0 : caching(unit, control, page); break;
	case SCSI_PAGE_CONTROL: bytes = unit->cdrom ? 0 : control_page(page); break;
	case SCSI_PAGE_CD_CAPABILITIES: bytes = unit->cdrom ? capabilities(unit, page) : 0; break;
	default: break;
	}
	page[0] = code;
	if (bytes && control == CHANGEABLE && code != SCSI_PAGE_CACHING)
		memset(page + 2, 0, bytes - 2);
	return bytes;
}

static const u8 codes[] = { SCSI_PAGE_ERROR_RECOVERY, SCSI_PAGE_CACHING, SCSI_PAGE_CONTROL, SCSI_PAGE_CD_CAPABILITIES };

/* "Short LBA mode parameter block descriptor" */
static void block_descriptor(const struct scsi_unit *unit, u8 *to)
{
	scsi_put32(to, (u32)MIN(scsi_block_count(unit), 0xffffffffu));
	scsi_put32(to + 4, scsi_block_bytes(unit)); /* its first byte is reserved: blocks are below 16 MiB */
}

void scsi_mode_sense(struct scsi_unit *unit, struct scsi_command *command)
{
	bool ten = command->cdb[0] == SCSI_MODE_SENSE_10;
	u8 code = command->cdb[2] & 0x3f, subpage = command->cdb[3], page[PAGE_BYTES_MAX];
	enum control control = command->cdb[2] >> 6;
	u32 header = ten ? HEADER_10 : HEADER_6, descriptor = unit->cdrom || (command->cdb[1] & 8) ? 0 : DESCRIPTOR_BYTES;
	u32 bytes = header + descriptor;
	bool any = false;

	memset(command->data, 0, SCSI_DATA_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		u32 more = code == codes[i] || code == SCSI_PAGE_ALL ? page_of(unit, codes[i], control, page) : 0;

		memcpy(command->data + bytes, page, more);
		bytes += more;
		any |= more != 0;
	}
	if (!any || (subpage && subpage != 0xff)) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	if (control == SAVED) {
		scsi_refuse(command, SCSI_SAVING_PARAMETERS_NOT_SUPPORTED);
		return;
	}
	if (descriptor)
		block_descriptor(unit, command->data + header);
	/* WP and DPOFUA, of a disk */
	command->data[ten ? 3 : 2] = unit->cdrom ? 0 : (u8)((unit->read_only ? 0x80 : 0) | 0x10);
	if (ten) {
		scsi_put16(command->data, bytes - 2);
		scsi_put16(command->data + 6, descriptor);
	} else {
		command->data[0] = (u8)(bytes - 1);
		command->data[3] = (u8)descriptor;
	}
	scsi_answer(command, bytes, ten ? scsi_get16(command->cdb + 7) : command->cdb[4]);
}

/* A page of the list: it may differ from the current one where the changeable one has ones. */
static bool is_acceptable(const struct scsi_unit *unit, const u8 *given, u32 left, u32 *bytes)
{
	u8 now[PAGE_BYTES_MAX], mask[PAGE_BYTES_MAX];
	u8 code = given[0] & 0x3f;

	*bytes = page_of(unit, code, CURRENT, now);
	(void)page_of(unit, code, CHANGEABLE, mask);
	if ((given[0] & 0x40) || !*bytes || left < *bytes || given[1] != now[1])
		return false;
	for (u32 i = 2; i < *bytes; i++)
		if ((given[i] ^ now[i]) & ~mask[i])
			return false;
	return true;
}

/* Carried out, or with apply false only judged. */
static bool take_pages(struct scsi_unit *unit, const u8 *at, const u8 *end, bool apply)
{
	u32 bytes;

	for (; at < end; at += bytes) {
		if (end - at < 2 || !is_acceptable(unit, at, (u32)(end - at), &bytes))
			return false;
		if (apply && (at[0] & 0x3f) == SCSI_PAGE_CACHING)
			unit->write_cache = at[2] & CACHING_WCE;
	}
	return true;
}

void scsi_mode_select(struct scsi_unit *unit, struct scsi_command *command)
{
	bool ten = command->cdb[0] == SCSI_MODE_SELECT_10, page_format = command->cdb[1] & 0x10, save = command->cdb[1] & 1;
	u32 length = ten ? scsi_get16(command->cdb + 7) : command->cdb[4], header = ten ? HEADER_10 : HEADER_6, descriptors;
	bool cached = unit->write_cache;

	if (!page_format || save) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	if (!length)
		return;
	if (length != command->parameter_bytes || length < header) {
		scsi_refuse(command, SCSI_PARAMETER_LIST_LENGTH_ERROR);
		return;
	}
	descriptors = ten ? scsi_get16(command->data + 6) : command->data[3];
	if (descriptors > length - header) {
		scsi_refuse(command, SCSI_PARAMETER_LIST_LENGTH_ERROR);
		return;
	}
	/* A block length is as it is. */
	if ((descriptors && descriptors != DESCRIPTOR_BYTES) ||
	    (descriptors && (scsi_get32(command->data + header + 4) & 0xffffff) != scsi_block_bytes(unit)) ||
	    !take_pages(unit, command->data + header + descriptors, command->data + length, false)) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_PARAMETER_LIST);
		return;
	}
	(void)take_pages(unit, command->data + header + descriptors, command->data + length, true);
	if (cached && !unit->write_cache && !unit->read_only)
		command->action = SCSI_FLUSH; /* what was cached before is durable when the cache is off */
}

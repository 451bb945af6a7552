/* SPDX-License-Identifier: MIT */
/*
 * A drive with a tray (MMC-6): one session of one data track, which is the image; the tray, its lock, and what is told of them.
 * START STOP UNIT is here for disks too.
 */
#include "virtio/scsi_unit.h"
#include "hv/lib/string.h"

#define LEAD_OUT 0xaau
#define DATA_TRACK 0x14u            /* ADR 1, a data track */
#define CD_BLOCKS_MAX (80u * 60 * 75) /* more than any CD holds: a DVD then */
#define EVENT_CLASS_MEDIA 4u
#define PROFILE_CD_ROM 0x0008u
#define PROFILE_DVD_ROM 0x0010u

/* An address as READ TOC has it: a block, or minutes, seconds and frames, where block 0 is at 2 seconds. */
static void put_address(u8 *to, u64 block, bool msf)
{
	u32 frames = (u32)MIN(block + 150, 256u * 60 * 75 - 1);

	if (!msf) {
		scsi_put32(to, (u32)block);
		return;
	}
	to[0] = 0;
	to[1] = (u8)(frames / (60 * 75));
	to[2] = (u8)(frames / 75 % 60);
	to[3] = (u8)(frames % 75);
}

static void put_track(u8 *to, u8 number, u64 block, bool msf)
{
	to[1] = DATA_TRACK;
	to[2] = number;
	put_address(to + 4, block, msf);
}

void scsi_read_toc(struct scsi_unit *unit, struct scsi_command *command)
{
	u8 *data = command->data, start = command->cdb[6];
	unsigned format = (command->cdb[2] & 0x0f) ? command->cdb[2] & 0x0f : command->cdb[9] >> 6;
	bool msf = command->cdb[1] & 2;
	u32 bytes = 4;

	if (format > 1 || (format == 0 && start > 1 && start != LEAD_OUT)) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	memset(data, 0, 32);
	if (format == 1 || start <= 1) {
		put_track(data + bytes, 1, 0, msf);
		bytes += 8;
	}
	if (format == 0) {
		put_track(data + bytes, LEAD_OUT, scsi_block_count(unit), msf);
		bytes += 8;
	}
	scsi_put16(data, bytes - 2);
	data[2] = data[3] = 1; /* the first and last track, or session */
	scsi_answer(command, bytes, scsi_get16(command->cdb + 7));
}

/* "READ DISC INFORMATION": complete, one session, one track. */
void scsi_read_disc_information(struct scsi_unit *unit, struct scsi_command *command)
{
	(void)unit;
	if (command->cdb[1] & 7) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	memset(command->data, 0, 34);
	scsi_put16(command->data, 32);
	command->data[2] = 0x0e;
	command->data[3] = command->data[4] = command->data[5] = command->data[6] = 1;
	command->data[7] = 0x20;
	scsi_put32(command->data + 16, 0xffffffff); /* where more could be written: nowhere */
	scsi_put32(command->data + 20, 0xffffffff);
	scsi_answer(command, 34, scsi_get16(command->cdb + 7));
}

/* Features */

struct feature {
	u16 code;
	u8 version_and_persistent; /* byte 2, but for "current" */
	u16 profile;               /* current while the medium is of this one; 0: while there is one; 1: always */
	u8 bytes;
	u8 data[8];
};

static const struct feature features[] = {
	{ 0x0000, 0x02, 1, 8, { PROFILE_DVD_ROM >> 8, PROFILE_DVD_ROM & 0xff, 0, 0, PROFILE_CD_ROM >> 8, PROFILE_CD_ROM & 0xff, 0, 0 } },
	{ 0x0001, 0x0a, 1, 8, { 0, 0, 0, 1 } },                  /* core: the SCSI family */
	{ 0x0003, 0x0a, 1, 4, { 0x29 } },                        /* removable medium: a tray; it ejects and locks */
	{ 0x0010, 0x00, 0, 8, { 0, 0, 8, 0, 0, 16, 1 } },        /* random reading, of 2048-byte blocks */
	{ 0x001e, 0x08, PROFILE_CD_ROM, 4, { 0 } },
	{ 0x001f, 0x04, PROFILE_DVD_ROM, 4, { 0 } },
};

static u16 profile_of(const struct scsi_unit *unit)
{
	u64 blocks = unit->tray_open ? 0 : scsi_block_count(unit);

	return !blocks ? 0 : blocks > CD_BLOCKS_MAX ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

static u32 put_feature(u8 *to, const struct feature *feature, u16 profile, bool current)
{
	scsi_put16(to, feature->code);
	to[2] = (u8)(feature->version_and_persistent | current);
	to[3] = feature->bytes;
	memcpy(to + 4, feature->data, feature->bytes);
	for (unsigned i = 0; feature->code == 0 && i < 8; i += 4)
		to[4 + i + 2] = profile && scsi_get16(to + 4 + i) == profile;
	return 4u + feature->bytes;
}

void scsi_get_configuration(struct scsi_unit *unit, struct scsi_command *command)
{
	u16 profile = profile_of(unit), first = scsi_get16(command->cdb + 2);
	unsigned which = command->cdb[1] & 3; /* 0: all from first on, 1: the current of them, 2: first alone */
	u32 bytes = 8;

	if (which == 3) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	memset(command->data, 0, 128);
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *feature = &features[i];
		bool current = feature->profile == 1 || (profile && (!feature->profile || feature->profile == profile));

		if (which == 2 ? feature->code == first : feature->code >= first && (current || !which))
			bytes += put_feature(command->data + bytes, feature, profile, current);
	}
	scsi_put32(command->data, bytes - 4);
	scsi_put16(command->data + 6, profile);
	scsi_answer(command, bytes, scsi_get16(command->cdb + 7));
}

/* What happened to the medium since somebody asked. Only asking is supported, not waiting. */
void scsi_get_event_status(struct scsi_unit *unit, struct scsi_command *command)
{
	bool media = command->cdb[4] & BIT32(EVENT_CLASS_MEDIA);
	u8 *data = command->data;

	if (!(command->cdb[1] & 1)) {
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
		return;
	}
	memset(data, 0, 8);
	data[2] = media ? EVENT_CLASS_MEDIA : 0x80; /* NEA: none of these classes */
	data[3] = BIT32(EVENT_CLASS_MEDIA);
	if (media) {
		scsi_put16(data, 4);
		data[4] = unit->media_event;
		data[5] = (u8)((unit->tray_open ? 1 : 0) | (!unit->tray_open && scsi_block_count(unit) ? 2 : 0));
		unit->media_event = SCSI_MEDIA_NO_CHANGE;
	}
	scsi_answer(command, media ? 8 : 4, scsi_get16(command->cdb + 7));
}

void scsi_prevent_allow(struct scsi_unit *unit, struct scsi_command *command)
{
	if (command->cdb[4] & 2) /* persistent prevention */
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB);
	else
		unit->locked = command->cdb[4] & 1;
}

/*
 * A medium that the guest itself takes in again is the one that it let out: what a person changes meanwhile says so by itself. So there is
 * no unit attention, on which Linux would fail the first read of whoever opened the drive.
 */
static void move_tray(struct scsi_unit *unit, struct scsi_command *command, bool open)
{
	if (open == unit->tray_open)
		return;
	if (open && unit->locked) {
		scsi_refuse(command, SCSI_MEDIUM_REMOVAL_PREVENTED);
		return;
	}
	unit->tray_open = open;
	if (scsi_block_count(unit))
		unit->media_event = open ? SCSI_MEDIA_REMOVAL : SCSI_MEDIA_NEW;
}

void scsi_start_stop(struct scsi_unit *unit, struct scsi_command *command)
{
	u8 what = command->cdb[4];
	bool start = what & 1, load = what & 2, no_flush = what & 4;

	if ((what >> 4) || (load && !unit->cdrom))
		scsi_refuse(command, SCSI_INVALID_FIELD_IN_CDB); /* there are no power conditions */
	else if (load)
		move_tray(unit, command, !start);
	else if (!unit->cdrom) {
		unit->stopped = !start;
		if (!start && !no_flush && !unit->read_only)
			command->action = SCSI_FLUSH;
	}
}

/* SPDX-License-Identifier: MIT */
/* Wrappers and SCSI commands of bulk-only storage: bulk_only.h. */
#include "drivers/usb/bulk_only.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define COMMAND_SIGNATURE 0x43425355u
#define STATUS_SIGNATURE 0x53425355u

enum bulk_operation {
	SCSI_TEST_UNIT_READY = 0x00, SCSI_REQUEST_SENSE = 0x03, SCSI_INQUIRY = 0x12, SCSI_MODE_SENSE_6 = 0x1a, SCSI_READ_CAPACITY_10 = 0x25,
	SCSI_READ_10 = 0x28, SCSI_WRITE_10 = 0x2a, SCSI_SYNCHRONIZE_CACHE_10 = 0x35, SCSI_READ_16 = 0x88, SCSI_WRITE_16 = 0x8a,
	SCSI_SERVICE_ACTION_IN = 0x9e,
};
#define READ_CAPACITY_16 0x10u

static void put_little(u8 *at, u32 value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (u8)(value >> 8 * i);
}

static u32 little32(const u8 *at) { return at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24; }

static void put_big(u8 *at, u64 value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (u8)(value >> 8 * (bytes - 1 - i));
}

static u64 big(const u8 *at, unsigned bytes)
{
	u64 value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

void bulk_command_wrap(u8 wrapper[BULK_COMMAND_BYTES], u32 tag, u8 unit, const struct bulk_command *command)
{
	memset(wrapper, 0, BULK_COMMAND_BYTES);
	put_little(wrapper, COMMAND_SIGNATURE);
	put_little(wrapper + 4, tag);
	put_little(wrapper + 8, command->data_bytes);
	wrapper[12] = command->in ? 0x80 : 0;
	wrapper[13] = unit;
	wrapper[14] = command->count;
	memcpy(wrapper + 15, command->bytes, command->count);
}

/* "Valid and Meaningful CSW" (6.3). */
enum bulk_status bulk_status_read(const u8 *data, size_t size, u32 tag, u32 data_bytes, u32 *residue)
{
	*residue = 0;
	if (size != BULK_STATUS_BYTES || little32(data) != STATUS_SIGNATURE || little32(data + 4) != tag || data[12] > 2)
		return BULK_NO_STATUS;
	if (data[12] == 2)
		return BULK_PHASE_ERROR;
	if (little32(data + 8) > data_bytes)
		return BULK_NO_STATUS;
	*residue = little32(data + 8);
	return data[12] ? BULK_FAILED : BULK_PASSED;
}

static void plain(struct bulk_command *command, u8 operation, u8 count, u32 data_bytes)
{
	*command = (struct bulk_command){ .bytes = { operation }, .count = count, .in = data_bytes != 0, .data_bytes = data_bytes };
}

void bulk_test_unit_ready(struct bulk_command *command) { plain(command, SCSI_TEST_UNIT_READY, 6, 0); }
void bulk_synchronize_cache(struct bulk_command *command) { plain(command, SCSI_SYNCHRONIZE_CACHE_10, 10, 0); }

void bulk_request_sense(struct bulk_command *command)
{
	plain(command, SCSI_REQUEST_SENSE, 6, SCSI_SENSE_BYTES);
	command->bytes[4] = SCSI_SENSE_BYTES;
}

void bulk_inquiry(struct bulk_command *command)
{
	plain(command, SCSI_INQUIRY, 6, SCSI_INQUIRY_BYTES);
	command->bytes[4] = SCSI_INQUIRY_BYTES;
}

void bulk_read_capacity(struct bulk_command *command, bool wide)
{
	plain(command, wide ? SCSI_SERVICE_ACTION_IN : SCSI_READ_CAPACITY_10, wide ? 16 : 10, wide ? 32 : 8);
	if (wide) {
		command->bytes[1] = READ_CAPACITY_16;
		command->bytes[13] = 32;
	}
}

void bulk_mode_sense(struct bulk_command *command)
{
	plain(command, SCSI_MODE_SENSE_6, 6, 4);
	command->bytes[2] = 0x3f; /* all pages: what some sticks answer only */
	command->bytes[4] = 4;
}

void bulk_transfer(struct bulk_command *command, bool write, bool wide, u64 block, u32 blocks, u32 block_bytes)
{
	u8 narrow = write ? SCSI_WRITE_10 : SCSI_READ_10;

	plain(command, wide ? (write ? SCSI_WRITE_16 : SCSI_READ_16) : narrow, wide ? 16 : 10, blocks * block_bytes);
	command->in = !write;
	if (wide) {
		put_big(command->bytes + 2, block, 8);
		put_big(command->bytes + 10, blocks, 4);
	} else {
		put_big(command->bytes + 2, block, 4);
		put_big(command->bytes + 7, blocks, 2);
	}
}

/* ASCII, padded with blanks; other characters do not belong on a terminal. */
static size_t take_text(char *to, const u8 *from, size_t count)
{
	while (count && (from[count - 1] == ' ' || from[count - 1] == 0))
		count--;
	for (size_t i = 0; i < count; i++)
		to[i] = from[i] >= ' ' && from[i] < 0x7f ? (char)from[i] : '?';
	to[count] = 0;
	return count;
}

int bulk_identity_read(const u8 *data, size_t size, struct bulk_identity *out)
{
	size_t vendor;

	if (size < SCSI_INQUIRY_BYTES || data[0] >> 5)
		return ERR_INVALID;
	out->type = data[0] & 0x1f;
	out->removable = data[1] & 0x80;
	vendor = take_text(out->text, data + 8, 8);
	if (vendor)
		out->text[vendor++] = ' ';
	if (take_text(out->text + vendor, data + 16, 16) == 0 && vendor)
		out->text[vendor - 1] = 0;
	return OK;
}

int bulk_capacity_read(const u8 *data, size_t size, bool wide, u64 *blocks, u32 *block_bytes, bool *wide_needed)
{
	unsigned number_bytes = wide ? 8 : 4;
	u64 last;

	*wide_needed = false;
	if (size < number_bytes + 4)
		return ERR_INVALID;
	last = big(data, number_bytes);
	*block_bytes = (u32)big(data + number_bytes, 4);
	*wide_needed = !wide && last == UINT32_MAX;
	if (*block_bytes < 512 || *block_bytes > 4096 || (*block_bytes & (*block_bytes - 1)) || last >= BIT64(52))
		return ERR_INVALID;
	*blocks = last + 1;
	return OK;
}

bool bulk_is_write_protected(const u8 *data, size_t size)
{
	return size >= 4 && (data[2] & 0x80);
}

enum bulk_sense bulk_sense_read(const u8 *data, size_t size)
{
	u8 key, code, format = size ? data[0] & 0x7f : 0;

	if (size < 14 || (format != 0x70 && format != 0x71))
		return SENSE_ERROR;
	key = data[2] & 15;
	code = data[12];
	switch (key) {
	case 0:
	case 1: /* recovered */
		return SENSE_NONE;
	case 2:
		return code == 0x3a ? SENSE_NO_MEDIUM : SENSE_NOT_READY;
	case 5:
		return code == 0x20 || code == 0x24 ? SENSE_UNSUPPORTED : SENSE_ERROR;
	case 6:
		return SENSE_ATTENTION;
	case 7:
		return SENSE_PROTECTED;
	}
	return SENSE_ERROR;
}

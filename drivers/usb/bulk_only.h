/* SPDX-License-Identifier: MIT */
/*
 * Bulk-only transport's two wrappers and the SCSI commands that travel in them. Pure. Universal Serial Bus Mass Storage Class,
 * Bulk-Only Transport 1.0; SCSI Primary Commands (SPC) and Block Commands (SBC). Next to read: usb_storage.c.
 */
#ifndef DRIVERS_USB_BULK_ONLY_H
#define DRIVERS_USB_BULK_ONLY_H

#include "hv/lib/types.h"

#define BULK_COMMAND_BYTES 31u
#define BULK_STATUS_BYTES 13u
#define SCSI_INQUIRY_BYTES 36u
#define SCSI_SENSE_BYTES 18u

struct bulk_command {
	u8 bytes[16];
	u8 count;
	bool in;        /* data come from the device */
	u32 data_bytes;
};

enum bulk_status {
	BULK_PASSED, BULK_FAILED, /* the command itself, or not: REQUEST SENSE says why */
	BULK_PHASE_ERROR,         /* the device lost the thread: reset recovery */
	BULK_NO_STATUS,           /* what came is no status of this command: reset recovery */
};

void bulk_command_wrap(u8 wrapper[BULK_COMMAND_BYTES], u32 tag, u8 unit, const struct bulk_command *command);
/* *residue: bytes of data_bytes that were not moved; never more than data_bytes. */
enum bulk_status bulk_status_read(const u8 *data, size_t size, u32 tag, u32 data_bytes, u32 *residue);

void bulk_test_unit_ready(struct bulk_command *command);
void bulk_request_sense(struct bulk_command *command);
void bulk_inquiry(struct bulk_command *command);
void bulk_read_capacity(struct bulk_command *command, bool wide);
void bulk_mode_sense(struct bulk_command *command); /* write protection, in 4 bytes */
void bulk_synchronize_cache(struct bulk_command *command);
/* wide: the 16-byte form, for blocks beyond 32 bits. */
void bulk_transfer(struct bulk_command *command, bool write, bool wide, u64 block, u32 blocks, u32 block_bytes);

struct bulk_identity {
	u8 type;            /* 0: direct access */
	bool removable;
	char text[28];      /* vendor and product */
};
/* ERR_INVALID: no answer to INQUIRY. */
MUST_CHECK int bulk_identity_read(const u8 *data, size_t size, struct bulk_identity *out);
/* *wide_needed: the 10-byte answer says that the disk is larger than it can tell. ERR_INVALID: impossible numbers. */
MUST_CHECK int bulk_capacity_read(const u8 *data, size_t size, bool wide, u64 *blocks, u32 *block_bytes, bool *wide_needed);
bool bulk_is_write_protected(const u8 *data, size_t size);

enum bulk_sense { SENSE_NONE, SENSE_NOT_READY, SENSE_NO_MEDIUM, SENSE_ATTENTION, SENSE_PROTECTED, SENSE_UNSUPPORTED, SENSE_ERROR };
enum bulk_sense bulk_sense_read(const u8 *data, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Moves data of any size in as many requests as a device's limits make necessary, one after another.
 *
 * A guest's buffers come in more and other pieces than a controller takes; this is the one place that cuts them. The common case,
 * one request, costs a comparison of each limit. Next to read: transfer.c.
 */
#ifndef HV_BLOCK_TRANSFER_H
#define HV_BLOCK_TRANSFER_H

#include "hv/block_device.h"

/*
 * The submitter fills the first part, calls block_transfer_start, and owns it again when complete is called (contexts and
 * codes as struct block_request's; possibly before block_transfer_start returned). segments must be multiples of 512 bytes;
 * their sizes are changed while it runs, and undefined afterwards. BLOCK_FLUSH has no segments and no range.
 */
struct block_transfer {
	struct block_device *device;
	u8 operation, flags;
	u32 segment_count;
	struct block_segment *segments;
	u64 sector, sector_count;
	void (*complete)(struct block_transfer *transfer, int status);
	void *owner;

	/* its own */
	struct block_request request;
	u32 next_segment;           /* where the next piece begins */
	u64 left_sectors;           /* behind the piece under way */
	struct block_segment rest;  /* what was cut off the piece's last segment */
	int failure;                /* of a piece that was not the last */
	u8 turn;                    /* (a) enum in transfer.c */
};

void block_transfer_start(struct block_transfer *transfer);

#endif

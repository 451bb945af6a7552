/* SPDX-License-Identifier: MIT */
/*
 * Cutting of long transfers (hv/block/transfer.h).
 *
 * A device may complete inside of submit. Submitting the next piece from there would nest as deep as there are pieces, so
 * whoever started the piece goes on instead: `turn` tells which of the two, submit's return or the completion, came first.
 */
#include "hv/block/transfer.h"
#include "hv/lib/error.h"

enum turn { TURN_SUBMITTING, TURN_COMPLETED_INSIDE, TURN_RETURNED };

static u64 max_sectors(const struct block_transfer *transfer)
{
	const struct block_limits *limits = &transfer->device->limits;

	switch (transfer->operation) {
	case BLOCK_DISCARD: return limits->max_discard_sectors;
	case BLOCK_WRITE_ZEROES: return limits->max_write_zeroes_sectors;
	default: return limits->max_transfer_bytes / BLOCK_SECTOR_BYTES;
	}
}

/* Up to where the segment goes before it crosses a boundary of the controller's. */
static u64 until_boundary(const struct block_limits *limits, const struct block_segment *segment)
{
	u64 mask = limits->segment_boundary_mask;

	return mask == ~(u64)0 ? segment->size_bytes : MIN(segment->size_bytes, mask + 1 - (segment->address.value & mask));
}

/*
 * How many bytes from next_segment on one request may carry; *count: in how many segments. Cutting inside of a segment is done
 * at its end only, so a segment that crosses a boundary ends the piece.
 */
static u64 measure_piece(const struct block_transfer *transfer, u64 limit_bytes, u32 *count)
{
	const struct block_limits *limits = &transfer->device->limits;
	u64 bytes = 0;
	u32 i;

	for (i = transfer->next_segment; i < transfer->segment_count && bytes < limit_bytes; i++) {
		u64 part = until_boundary(limits, &transfer->segments[i]);

		if (i - transfer->next_segment == limits->max_segments)
			break;
		bytes += MIN(part, limit_bytes - bytes);
		if (part < transfer->segments[i].size_bytes) {
			i++;
			break;
		}
	}
	*count = i - transfer->next_segment;
	return bytes;
}

/* Takes blocks off the piece's end until it is a whole number of the device's; false: not even one block fits. */
static bool cut_piece(struct block_transfer *transfer, u64 bytes, u32 count)
{
	struct block_segment *segments = transfer->segments + transfer->next_segment;
	u64 sum = 0;
	u32 i = 0;

	bytes = ALIGN_DOWN(bytes, (u64)transfer->device->limits.logical_block_bytes);
	if (!bytes)
		return false;
	for (; i < count && sum < bytes; i++)
		sum += segments[i].size_bytes;
	transfer->rest.size_bytes = sum - bytes;
	segments[i - 1].size_bytes -= sum - bytes;
	transfer->rest.address = HPA(segments[i - 1].address.value + segments[i - 1].size_bytes);
	transfer->request.segments = segments;
	transfer->request.segment_count = i;
	transfer->request.sector_count = bytes / BLOCK_SECTOR_BYTES;
	return true;
}

/* The next piece into transfer->request; false: it cannot be cut to what the device takes. */
static bool prepare(struct block_transfer *transfer)
{
	struct block_request *request = &transfer->request;
	u64 limit = MIN(transfer->left_sectors, max_sectors(transfer)), bytes;
	u32 count;

	request->segment_count = 0;
	request->sector_count = limit;
	if (transfer->operation == BLOCK_READ || transfer->operation == BLOCK_WRITE) {
		bytes = measure_piece(transfer, limit * BLOCK_SECTOR_BYTES, &count);
		if (!cut_piece(transfer, bytes, count))
			return false;
	} else if (transfer->operation != BLOCK_FLUSH && !limit && transfer->left_sectors) {
		return false;
	}
	transfer->left_sectors -= request->sector_count;
	return true;
}

/*
 * Submits piece after piece while they complete at once. The last one's completion ends the transfer, whose memory may be gone
 * then: so it is not looked at after the last submit, and an earlier piece's failure is told from here or from completed().
 */
static void run(struct block_transfer *transfer)
{
	for (;;) {
		u8 turn = TURN_SUBMITTING;

		if (transfer->failure == OK && !prepare(transfer))
			transfer->failure = ERR_RANGE;
		if (transfer->failure != OK) {
			transfer->complete(transfer, transfer->failure);
			return;
		}
		if (!transfer->left_sectors) {
			block_submit(transfer->device, &transfer->request);
			return;
		}
		__atomic_store_n(&transfer->turn, TURN_SUBMITTING, __ATOMIC_RELEASE);
		block_submit(transfer->device, &transfer->request);
		if (__atomic_compare_exchange_n(&transfer->turn, &turn, TURN_RETURNED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return; /* completed() goes on when its time has come: the transfer is not ours any more */
	}
}

static void advance(struct block_transfer *transfer)
{
	struct block_request *request = &transfer->request;

	request->sector = transfer->sector + (transfer->sector_count - transfer->left_sectors); /* layers below moved it */
	if (!request->segment_count)
		return;
	transfer->next_segment += request->segment_count;
	if (transfer->rest.size_bytes)
		transfer->segments[--transfer->next_segment] = transfer->rest;
}

static void completed(struct block_request *request, int status)
{
	struct block_transfer *transfer = request->owner;
	u8 turn = TURN_SUBMITTING;

	if (!transfer->left_sectors) {
		transfer->complete(transfer, status);
		return;
	}
	transfer->failure = status;
	advance(transfer);
	if (!__atomic_compare_exchange_n(&transfer->turn, &turn, TURN_COMPLETED_INSIDE, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		run(transfer);
}

void block_transfer_start(struct block_transfer *transfer)
{
	struct block_request *request = &transfer->request;

	request->operation = transfer->operation;
	request->flags = transfer->flags;
	request->segments = transfer->segments;
	request->sector = transfer->sector;
	request->complete = completed;
	request->owner = transfer;
	transfer->next_segment = 0;
	transfer->failure = OK;
	transfer->left_sectors = transfer->sector_count;
	run(transfer);
}

/* SPDX-License-Identifier: MIT */
/*
 * Requests to a file (hv/block/file_disk.h). One that lies in one extent is moved there and handed down as it is, without memory
 * or lock. One that crosses extents is cut into pieces that go one after the other, by one of a few records made beforehand; while
 * those are busy it waits. Its payload is not copied either: only the list of segments is.
 */
#include "hv/block/file_disk_internal.h"
#include "hv/lib/error.h"

enum turn { TURN_SUBMITTING, TURN_COMPLETED_INSIDE, TURN_RETURNED };

static void serve(struct file_disk *disk);

void file_disk_splits_init(struct file_disk *disk)
{
	spinlock_init(&disk->lock, "file disk", LOCK_RANK_BLOCK);
	list_init(&disk->free_splits);
	list_init(&disk->waiting);
	for (u32 i = 0; i < FILE_DISK_SPLITS; i++) {
		disk->splits[i].disk = disk;
		list_push_back(&disk->free_splits, &disk->splits[i].node);
	}
}

/* The piece's segments: as many bytes of the request's as it moves, from where the last piece ended. */
static void take_segments(struct file_split *split, u64 bytes)
{
	const struct block_request *request = split->request;
	u32 count = 0;

	while (bytes && split->next_segment < request->segment_count && count < FILE_DISK_SEGMENTS) {
		const struct block_segment *from = &request->segments[split->next_segment];
		u64 part = MIN(bytes, from->size_bytes - split->segment_bytes_done);

		split->segments[count++] = (struct block_segment){ HPA(from->address.value + split->segment_bytes_done), part };
		bytes -= part;
		split->segment_bytes_done += part;
		if (split->segment_bytes_done == from->size_bytes) {
			split->next_segment++;
			split->segment_bytes_done = 0;
		}
	}
	split->piece.segments = split->segments;
	split->piece.segment_count = count;
}

static bool prepare(struct file_split *split)
{
	const struct block_request *request = split->request;
	u64 left = request->sector_count - split->done_sectors, disk, count;

	if (!extent_map_find(&split->disk->map, request->sector + split->done_sectors, &disk, &count))
		return false;
	split->piece.sector = disk;
	split->piece.sector_count = MIN(left, count);
	split->piece.segment_count = 0;
	if (request->operation <= BLOCK_WRITE)
		take_segments(split, split->piece.sector_count * BLOCK_SECTOR_BYTES);
	split->done_sectors += split->piece.sector_count;
	return true;
}

static void finish(struct file_split *split)
{
	struct file_disk *disk = split->disk;
	struct block_request *request = split->request;
	int failure = split->failure;
	u64 flags = lock_irqsave(&disk->lock);

	list_push_back(&disk->free_splits, &split->node);
	unlock_irqrestore(&disk->lock, flags);
	request->complete(request, failure);
	serve(disk);
}

/* Piece after piece while they complete at once (transfer.c says how turns keep the stack flat). */
static void run(struct file_split *split)
{
	for (;;) {
		u8 turn = TURN_SUBMITTING;

		if (split->failure == OK && split->done_sectors < split->request->sector_count) {
			if (!prepare(split))
				split->failure = ERR_RANGE;
		} else {
			finish(split);
			return;
		}
		if (split->failure != OK) {
			finish(split);
			return;
		}
		__atomic_store_n(&split->turn, TURN_SUBMITTING, __ATOMIC_RELEASE);
		block_submit(split->disk->below, &split->piece);
		if (__atomic_compare_exchange_n(&split->turn, &turn, TURN_RETURNED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return; /* completed() goes on when its time has come */
	}
}

static void completed(struct block_request *piece, int status)
{
	struct file_split *split = piece->owner;
	u8 turn = TURN_SUBMITTING;

	split->failure = status;
	if (!__atomic_compare_exchange_n(&split->turn, &turn, TURN_COMPLETED_INSIDE, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		run(split);
}

static void start(struct file_split *split, struct block_request *request)
{
	split->request = request;
	split->piece = (struct block_request){ .operation = request->operation, .flags = request->flags, .complete = completed,
					       .owner = split };
	split->done_sectors = split->segment_bytes_done = 0;
	split->next_segment = 0;
	split->failure = OK;
	run(split);
}

/* Hands waiting requests to free records. Only one at a time does, so that it does not nest through completions. */
static void serve(struct file_disk *disk)
{
	u64 flags = lock_irqsave(&disk->lock);
	bool mine = !disk->serving;

	disk->serving = true;
	while (mine && !list_empty(&disk->free_splits) && !list_empty(&disk->waiting)) {
		struct file_split *split = LIST_ENTRY(disk->free_splits.next, struct file_split, node);
		struct block_request *request = LIST_ENTRY(disk->waiting.next, struct block_request, node);

		list_remove(&split->node);
		list_remove(&request->node);
		unlock_irqrestore(&disk->lock, flags);
		start(split, request);
		flags = lock_irqsave(&disk->lock);
	}
	if (mine)
		disk->serving = false;
	unlock_irqrestore(&disk->lock, flags);
}

static void wait_for_split(struct file_disk *disk, struct block_request *request)
{
	u64 flags = lock_irqsave(&disk->lock);

	list_push_back(&disk->waiting, &request->node);
	unlock_irqrestore(&disk->lock, flags);
	serve(disk);
}

static void submit(struct block_device *device, struct block_request *request)
{
	struct file_disk *disk = device->context;
	int error = block_check(device, request);
	u64 at, count;

	if (error) {
		block_complete(device, request, error);
		return;
	}
	__atomic_fetch_add(&device->statistics.requests[request->operation], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&device->statistics.bytes[request->operation], request->sector_count * BLOCK_SECTOR_BYTES, __ATOMIC_RELAXED);
	if (request->operation == BLOCK_FLUSH || !request->sector_count) {
		request->sector = 0;
		block_submit(disk->below, request);
	} else if (request->segment_count > FILE_DISK_SEGMENTS || !extent_map_find(&disk->map, request->sector, &at, &count)) {
		request->complete(request, ERR_RANGE);
	} else if (count >= request->sector_count) {
		request->sector = at;
		block_submit(disk->below, request);
	} else {
		wait_for_split(disk, request);
	}
}

const struct block_device_ops file_disk_ops = { .submit = submit };

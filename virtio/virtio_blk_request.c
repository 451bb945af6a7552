/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a disk request ("Block Device", Device Operation): header copied and checked, buffers pinned and given to the
 * block device as they are, status and used ring written when it completes.
 *
 * Two ways, one end. The short way runs inside of the doorbell, on the exit path's fast level: a read or write of a few plain
 * buffers whose pages are there, to a disk that takes it there (block_device.fast_bytes). Everything else, good or bad, is done by
 * the device's thread. Buffers that no controller could take (not whole sectors, odd addresses) are bounced there, one request at
 * a time, and counted.
 */
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"
#include "virtio/virtio_blk.h"

#define HEADER_BYTES ((u32)sizeof(struct virtio_blk_header))
#define FAST_REQUESTS 16u          /* of one doorbell; the thread takes the others */
#define FAST_TOTAL_BYTES (64u * 1024)

STATIC_ASSERT(sizeof(struct gmem_segment) == sizeof(struct block_segment) &&
	      offsetof(struct gmem_segment, size_bytes) == offsetof(struct block_segment, size_bytes), "the same pairs");

static struct virtio_blk *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_blk, device);
}

void blk_requests_init(struct virtio_blk *blk, unsigned queue)
{
	for (u32 i = 0; i < BLK_QUEUE_SIZE; i++) {
		blk->requests[queue][i].blk = blk;
		blk->requests[queue][i].queue = (u16)queue;
		blk->requests[queue][i].head = (u16)i;
	}
}

/* Completions */

static void unpin(struct blk_request *request)
{
	struct vm *vm = request->blk->device.vm;

	for (u32 i = 0; i < request->range_count; i++)
		gmem_unpin(vm, GPA(request->ranges[i].address), request->ranges[i].size_bytes, request->access);
	if (UNLIKELY(request->ranges != request->inline_ranges)) {
		kfree(request->ranges);
		kfree(request->transfer.segments);
		request->ranges = request->inline_ranges;
	}
	request->range_count = 0;
}

static void count(struct blk_request *request, int status)
{
	struct disk_statistics *statistics = request->blk->disk.statistics;
	u64 bytes = request->transfer.sector_count * BLOCK_SECTOR_BYTES, ns = clock_ns() - request->started_ns;
	u64 *counters;

	if (!statistics)
		return;
	if (status != OK) {
		__atomic_fetch_add(&statistics->errors, 1, __ATOMIC_RELAXED);
		WRITE_ONCE(statistics->last_error, status == ERR_FULL ? DISK_ERROR_NO_SPACE : DISK_ERROR_UNSPECIFIED);
		return;
	}
	if (request->type == VIRTIO_BLK_T_FLUSH) {
		__atomic_fetch_add(&statistics->flush_requests, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&statistics->flush_ns, ns, __ATOMIC_RELAXED);
		return;
	}
	if (request->type != VIRTIO_BLK_T_IN && request->type != VIRTIO_BLK_T_OUT)
		return;
	counters = request->type == VIRTIO_BLK_T_IN ? &statistics->read_requests : &statistics->write_requests;
	__atomic_fetch_add(&counters[0], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&counters[1], bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&counters[2], ns, __ATOMIC_RELAXED);
}

static u8 status_byte(int status)
{
	return status == OK ? VIRTIO_BLK_S_OK : status == ERR_UNSUPPORTED ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

/* The end of every request that has a status byte, which is pinned: writing it cannot fail. Any context. */
static void finish(struct blk_request *request, int status)
{
	struct virtio_device *device = &request->blk->device;
	u32 written = status == OK ? request->written : request->written_on_error;
	u16 queue = request->queue, head = request->head;
	u8 byte = status_byte(status);

	unpin(request);
	if (gmem_write_nofault(device->vm, GPA(request->status_address), &byte, 1) != OK)
		written = 0;
	gmem_unpin(device->vm, GPA(request->status_address), 1, GMEM_WRITE);
	__atomic_store_n(&request->busy, false, __ATOMIC_RELEASE);
	virtio_give(device, queue, head, written);
}

/* The medium's word, through the error policy. Any context. */
static void finish_medium(struct blk_request *request, int status)
{
	struct virtio_device *device = &request->blk->device;
	int judged = status == OK ? OK : blk_judge_failure(request, status);

	if (LIKELY(judged != ERR_AGAIN)) {
		finish(request, judged);
		return;
	}
	unpin(request);
	gmem_unpin(device->vm, GPA(request->status_address), 1, GMEM_WRITE);
	blk_set_aside(request);
}

/* Payload between the bounce buffer and the guest's pinned ranges, page by page. */
static void copy_bounced(struct blk_request *request, bool to_guest)
{
	struct vm *vm = request->blk->device.vm;
	u8 *at = request->bounce;

	for (u32 i = 0; i < request->range_count; i++) {
		u64 address = request->ranges[i].address, left = request->ranges[i].size_bytes;

		while (left) {
			u64 part = MIN(left, PAGE_SIZE - (address & PAGE_MASK));
			int code = to_guest ? gmem_write_nofault(vm, GPA(address), at, part)
					    : gmem_read_nofault(vm, GPA(address), at, part);

			if (code != OK) /* pinned pages are there: only a bug comes here, and it leaves zeroes */
				return;
			address += part;
			at += part;
			left -= part;
		}
	}
}

static void end_bounce(struct blk_request *request, int status)
{
	struct virtio_blk *blk = request->blk;

	if (status == OK && request->type == VIRTIO_BLK_T_IN)
		copy_bounced(request, true);
	kfree(request->bounce);
	request->bounce = NULL;
	__atomic_store_n(&blk->bouncing, false, __ATOMIC_RELEASE);
	waitqueue_wake_all(&blk->bounce_wait);
}

static void transfer_complete(struct block_transfer *transfer, int status)
{
	struct blk_request *request = transfer->owner;

	count(request, status);
	if (UNLIKELY(request->bounce != NULL))
		end_bounce(request, status);
	/* A range or an operation that the medium refuses is an error of this request. */
	finish_medium(request, status == ERR_UNSUPPORTED && request->type == VIRTIO_BLK_T_OUT ? ERR_IO : status);
}

/* What a write must be when it completes: see "the device's write cache" of "Block Device". */
static bool is_writethrough(const struct virtio_blk *blk)
{
	if (virtio_has(&blk->device, VIRTIO_BLK_F_CONFIG_WCE))
		return !READ_ONCE(blk->device.config[VIRTIO_BLK_CONFIG_WRITEBACK]);
	return !virtio_has(&blk->device, VIRTIO_BLK_F_FLUSH);
}

/* The transfer's constant part; segments are the caller's. */
static void fill_transfer(struct blk_request *request, u64 sector, u32 bytes)
{
	struct block_transfer *transfer = &request->transfer;
	struct virtio_blk *blk = request->blk;

	transfer->device = blk->disk.device;
	transfer->owner = request;
	transfer->complete = transfer_complete;
	transfer->operation = request->type == VIRTIO_BLK_T_IN ? BLOCK_READ :
			      request->type == VIRTIO_BLK_T_OUT ? BLOCK_WRITE : BLOCK_FLUSH;
	transfer->flags = transfer->operation == BLOCK_WRITE && is_writethrough(blk) ? BLOCK_FUA : 0;
	transfer->sector = transfer->operation == BLOCK_FLUSH ? 0 : sector; /* a flush has no range, whatever its header says */
	transfer->sector_count = bytes / BLOCK_SECTOR_BYTES;
	request->started_ns = clock_ns();
}

/* used.length: what was written from the start on. On an error nothing is promised of the data before the status byte. */
static void set_written(struct blk_request *request, const struct virtq_chain *chain)
{
	u32 before = chain->writable_bytes - 1;

	request->written_on_error = before ? 0 : 1;
	request->written = before && request->type != VIRTIO_BLK_T_IN ? 0 : chain->writable_bytes;
}

/* The short way */

struct fast {
	struct blk_request *request;
	u32 bytes; /* given to it so far */
};

static bool is_plain(const struct virtq_range *range)
{
	return !((range->address & 3) | (range->size_bytes & (BLOCK_SECTOR_BYTES - 1)));
}

/* Pins data and status without sleeping; on failure nothing stays pinned. */
static int pin_fast(struct blk_request *request, u32 ranges)
{
	struct vm *vm = request->blk->device.vm;
	struct gmem_segment *segments = (struct gmem_segment *)(void *)request->inline_segments, status;
	u32 count_segments = 0;

	request->ranges = request->inline_ranges;
	for (request->range_count = 0; request->range_count < ranges; request->range_count++) {
		const struct virtq_range *range = &request->inline_ranges[request->range_count];
		int count_new;

		count_new = is_plain(range) ? gmem_pin_nofault(vm, GPA(range->address), range->size_bytes, request->access,
							       segments + count_segments, BLK_INLINE - count_segments) : ERR_AGAIN;
		if (count_new < 0) {
			unpin(request);
			return ERR_AGAIN;
		}
		count_segments += (u32)count_new;
	}
	if (gmem_pin_nofault(vm, GPA(request->status_address), 1, GMEM_WRITE, &status, 1) < 0) {
		unpin(request);
		return ERR_AGAIN;
	}
	request->transfer.segments = request->inline_segments;
	request->transfer.segment_count = count_segments;
	return OK;
}

/* virtio_take's, under the queue's lock. Whatever is not plain is ERR_AGAIN: the thread will look at it. */
static int prepare_fast(struct virtio_device *device, struct virtq_chain *chain, void *context)
{
	struct fast *fast = context;
	struct blk_request *request = &fast->request[index_nospec(chain->head, BLK_QUEUE_SIZE)];
	struct virtio_blk_header header;
	struct virtq_range status;
	u32 bytes, offset;
	int ranges;

	if (READ_ONCE(request->busy) || chain->readable_bytes < HEADER_BYTES || !chain->writable_bytes ||
	    virtq_chain_read(device->vm, chain, 0, &header, HEADER_BYTES, false) != OK)
		return ERR_AGAIN;
	if (header.type != VIRTIO_BLK_T_IN && header.type != VIRTIO_BLK_T_OUT && header.type != VIRTIO_BLK_T_FLUSH)
		return ERR_AGAIN;
	bytes = header.type == VIRTIO_BLK_T_IN ? chain->writable_bytes - 1 :
		header.type == VIRTIO_BLK_T_OUT ? chain->readable_bytes - HEADER_BYTES : 0;
	offset = header.type == VIRTIO_BLK_T_OUT ? HEADER_BYTES : 0;
	if (bytes > of(device)->disk.device->fast_bytes || bytes > FAST_TOTAL_BYTES - fast->bytes ||
	    (!bytes && header.type != VIRTIO_BLK_T_FLUSH) || (header.type == VIRTIO_BLK_T_OUT && of(device)->disk.read_only))
		return ERR_AGAIN;
	ranges = virtq_chain_slice(chain, header.type == VIRTIO_BLK_T_IN, offset, bytes, request->inline_ranges, BLK_INLINE);
	if (ranges < 0 || virtq_chain_slice(chain, true, chain->writable_bytes - 1, 1, &status, 1) != 1)
		return ERR_AGAIN;
	request->type = header.type;
	request->access = header.type == VIRTIO_BLK_T_IN ? GMEM_WRITE : GMEM_READ;
	request->status_address = status.address;
	if (pin_fast(request, (u32)ranges) != OK)
		return ERR_AGAIN;
	if (UNLIKELY(!blk_admit(of(device), chain))) {
		unpin(request);
		gmem_unpin(device->vm, GPA(request->status_address), 1, GMEM_WRITE);
		return ERR_BUSY;
	}
	set_written(request, chain);
	fill_transfer(request, header.sector, bytes);
	fast->bytes += bytes;
	WRITE_ONCE(request->busy, true);
	return OK;
}

void blk_doorbell(struct virtio_device *device, unsigned queue)
{
	struct virtio_blk *blk = of(device);
	struct virtq_range ranges[BLK_INLINE + 2];
	struct virtq_chain chain = { .ranges = ranges, .capacity = ARRAY_SIZE(ranges) };
	struct fast fast = { .request = blk->requests[queue] };
	int code = ERR_AGAIN;

	if (blk->disk.device->fast_bytes) {
		for (u32 i = 0; i < FAST_REQUESTS; i++) {
			code = virtio_take(device, queue, &chain, prepare_fast, &fast);
			if (code != OK)
				break;
			block_transfer_start(&fast.request[index_nospec(chain.head, BLK_QUEUE_SIZE)].transfer);
		}
	}
	if (code == OK || code == ERR_AGAIN || code == ERR_FULL)
		virtio_kick(device, queue);
}

/* The thread's way */

static u64 pages_of(const struct virtq_range *ranges, u32 count_ranges)
{
	u64 pages = 0;

	for (u32 i = 0; i < count_ranges; i++)
		pages += ((ranges[i].address & PAGE_MASK) + ranges[i].size_bytes + PAGE_MASK) >> PAGE_SHIFT;
	return pages;
}

/* The payload's ranges, and room for its segments; small ones inside of the request. */
static int allocate_lists(struct blk_request *request, const struct virtq_chain *chain, u32 offset, u32 bytes, u32 *ranges, u32 *room)
{
	bool in = request->type == VIRTIO_BLK_T_IN;
	u32 most = in ? chain->writable_count : chain->readable_count;
	int found;

	request->ranges = most <= BLK_INLINE ? request->inline_ranges : kmalloc(most * sizeof(*request->ranges));
	if (!request->ranges)
		goto no_memory;
	found = virtq_chain_slice(chain, in, offset, bytes, request->ranges, most);
	*ranges = found < 0 ? 0 : (u32)found;
	*room = (u32)pages_of(request->ranges, *ranges);
	request->transfer.segments = request->inline_segments;
	if (request->ranges == request->inline_ranges && *room <= BLK_INLINE)
		return OK;
	request->transfer.segments = kmalloc(*room * sizeof(struct block_segment));
	if (request->ranges == request->inline_ranges && request->transfer.segments) {
		/* Both are allocated or neither: unpin frees by one of them. */
		struct virtq_range *copy = kmalloc(*ranges * sizeof(*copy));

		if (copy)
			memcpy(copy, request->ranges, *ranges * sizeof(*copy));
		request->ranges = copy;
	}
	if (request->transfer.segments && request->ranges)
		return OK;
	kfree(request->transfer.segments);
no_memory:
	if (request->ranges != request->inline_ranges)
		kfree(request->ranges);
	request->ranges = request->inline_ranges;
	return ERR_NO_MEMORY;
}

static int pin_all(struct blk_request *request, u32 ranges, u32 room)
{
	struct gmem_segment *segments = (struct gmem_segment *)(void *)request->transfer.segments;
	u32 used = 0;

	request->transfer.segment_count = 0;
	for (request->range_count = 0; request->range_count < ranges; request->range_count++) {
		const struct virtq_range *range = &request->ranges[request->range_count];
		int count_new = gmem_pin(request->blk->device.vm, GPA(range->address), range->size_bytes, request->access,
					 segments + used, room - used);

		if (count_new < 0)
			return count_new; /* what is pinned goes with finish() */
		used += (u32)count_new;
	}
	request->transfer.segment_count = used;
	return OK;
}

static bool all_plain(const struct virtq_range *ranges, u32 count_ranges)
{
	for (u32 i = 0; i < count_ranges; i++)
		if (!is_plain(&ranges[i]))
			return false;
	return true;
}

/* Waits for the bounce before, then replaces the segments by a buffer of ours. */
static int begin_bounce(struct blk_request *request, u32 bytes)
{
	struct virtio_blk *blk = request->blk;

	if (bytes > BLK_BOUNCE_MAX)
		return ERR_RANGE;
	waitqueue_wait(&blk->bounce_wait, !__atomic_load_n(&blk->bouncing, __ATOMIC_ACQUIRE));
	request->bounce = kzalloc(bytes);
	if (!request->bounce)
		return ERR_NO_MEMORY;
	WRITE_ONCE(blk->bouncing, true);
	__atomic_fetch_add(&blk->bounces, 1, __ATOMIC_RELAXED);
	if (request->type == VIRTIO_BLK_T_OUT)
		copy_bounced(request, false);
	request->transfer.segments[0] = (struct block_segment){ direct_unmap(request->bounce), bytes };
	request->transfer.segment_count = 1;
	return OK;
}

static void move_data(struct blk_request *request, const struct virtq_chain *chain, u64 sector)
{
	bool in = request->type == VIRTIO_BLK_T_IN;
	u32 bytes = in ? chain->writable_bytes - 1 : chain->readable_bytes - HEADER_BYTES, ranges, room;
	int code;

	request->access = in ? GMEM_WRITE : GMEM_READ;
	fill_transfer(request, sector, bytes);
	if (bytes % BLOCK_SECTOR_BYTES || bytes > BLK_BYTES_MAX || (!in && request->blk->disk.read_only)) {
		finish(request, ERR_IO);
		return;
	}
	if (!bytes) {
		finish(request, OK);
		return;
	}
	code = allocate_lists(request, chain, in ? 0 : HEADER_BYTES, bytes, &ranges, &room);
	if (code == OK)
		code = pin_all(request, ranges, room);
	if (code == OK && !all_plain(request->ranges, ranges))
		code = begin_bounce(request, bytes);
	if (code != OK)
		finish(request, ERR_IO);
	else
		block_transfer_start(&request->transfer);
}

/* Discard and write-zeroes: a list of ranges, each judged before the first is carried out. */

static int judge_range(const struct blk_request *request, const struct virtio_blk_range *range)
{
	const struct block_limits *limits = &request->blk->disk.device->limits;
	bool discard = request->type == VIRTIO_BLK_T_DISCARD;
	u64 most = discard ? limits->max_discard_sectors : limits->max_write_zeroes_sectors;

	if ((range->flags & ~VIRTIO_BLK_RANGE_UNMAP) || (discard && range->flags))
		return ERR_UNSUPPORTED;
	if (range->sector_count > most || range->sector > limits->sector_count ||
	    range->sector_count > limits->sector_count - range->sector)
		return ERR_RANGE;
	return OK;
}

static void next_range(struct blk_request *request)
{
	const struct virtio_blk_range *range = &request->list[request->list_next++];
	struct block_transfer *transfer = &request->transfer;

	transfer->sector = range->sector;
	transfer->sector_count = range->sector_count;
	transfer->flags = (range->flags & VIRTIO_BLK_RANGE_UNMAP) ? BLOCK_UNMAP : 0;
	block_transfer_start(transfer);
}

static void range_complete(struct block_transfer *transfer, int status)
{
	struct blk_request *request = transfer->owner;

	if (status == OK && request->list_next < request->list_count) {
		next_range(request); /* nests at most BLK_LIST_MAX deep */
		return;
	}
	kfree(request->list);
	request->list = NULL;
	count(request, status);
	finish_medium(request, status);
}

static int read_list(struct blk_request *request, const struct virtq_chain *chain)
{
	u32 bytes = chain->readable_bytes - HEADER_BYTES;
	int code = OK;

	if (!bytes || bytes % sizeof(struct virtio_blk_range) || bytes / sizeof(struct virtio_blk_range) > BLK_LIST_MAX)
		return ERR_RANGE;
	request->list = kmalloc(bytes);
	if (!request->list)
		return ERR_NO_MEMORY;
	request->list_count = bytes / (u32)sizeof(struct virtio_blk_range);
	request->list_next = 0;
	code = virtq_chain_read(request->blk->device.vm, chain, HEADER_BYTES, request->list, bytes, true);
	for (u32 i = 0; code == OK && i < request->list_count; i++)
		code = judge_range(request, &request->list[i]);
	return code;
}

static void clear_ranges(struct blk_request *request, const struct virtq_chain *chain)
{
	bool discard = request->type == VIRTIO_BLK_T_DISCARD;
	int code = virtio_has(&request->blk->device, discard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES) ? OK : ERR_UNSUPPORTED;

	if (request->blk->disk.read_only)
		code = ERR_IO;
	if (code == OK)
		code = read_list(request, chain);
	if (code != OK) {
		kfree(request->list);
		request->list = NULL;
		finish(request, code);
		return;
	}
	fill_transfer(request, 0, 0);
	request->transfer.operation = discard ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES;
	request->transfer.complete = range_complete;
	request->transfer.segment_count = 0;
	next_range(request);
}

static void get_id(struct blk_request *request, const struct virtq_chain *chain)
{
	u32 room = chain->writable_bytes - 1, bytes = MIN(room, VIRTIO_BLK_ID_BYTES);
	int code = virtq_chain_write(request->blk->device.vm, chain, 0, request->blk->serial, bytes);

	request->written = bytes == room ? room + 1 : bytes;
	finish(request, code == OK ? OK : ERR_IO);
}

/* Busy until finish(); the queue's lock is held. */
static int claim(struct virtio_device *device, struct virtq_chain *chain, void *context)
{
	struct blk_request *requests = *(struct blk_request **)context, *request = &requests[index_nospec(chain->head, BLK_QUEUE_SIZE)];

	if (READ_ONCE(request->busy)) {
		device->queues[request->queue].ring.broken = "a head that is still in use";
		return ERR_INVALID;
	}
	if (!blk_admit(of(device), chain))
		return ERR_BUSY;
	WRITE_ONCE(request->busy, true);
	return OK;
}

static void handle(struct blk_request *request, const struct virtq_chain *chain)
{
	struct virtio_device *device = &request->blk->device;
	struct virtio_blk_header header;
	struct gmem_segment segment;
	struct virtq_range status;

	request->range_count = 0;
	request->ranges = request->inline_ranges;
	/* Without a header or a status byte in RAM there is no answer to give. */
	if (chain->readable_bytes < HEADER_BYTES || virtq_chain_slice(chain, true, chain->writable_bytes - 1, 1, &status, 1) != 1 ||
	    gmem_pin(device->vm, GPA(status.address), 1, GMEM_WRITE, &segment, 1) < 0) {
		WRITE_ONCE(request->busy, false);
		virtio_driver_error(device, "a disk request without header or status byte");
		virtio_drop(device, request->queue);
		return;
	}
	request->status_address = status.address;
	request->type = ~0u;
	set_written(request, chain);
	if (virtq_chain_read(device->vm, chain, 0, &header, HEADER_BYTES, true) != OK) {
		finish(request, ERR_IO);
		return;
	}
	request->type = header.type;
	set_written(request, chain);
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		move_data(request, chain, header.sector);
		break;
	case VIRTIO_BLK_T_FLUSH:
		fill_transfer(request, 0, 0);
		request->transfer.segment_count = 0;
		block_transfer_start(&request->transfer);
		break;
	case VIRTIO_BLK_T_GET_ID:
		get_id(request, chain);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		clear_ranges(request, chain);
		break;
	default:
		finish(request, ERR_UNSUPPORTED);
	}
}

/* What was set aside when the medium failed, in any order, as if it came now. */
static void try_again(struct virtio_blk *blk, unsigned queue, struct virtq_chain *chain)
{
	struct blk_request *request;

	while ((request = blk_next_again(blk, queue))) {
		int code = virtio_take_again(&blk->device, queue, request->head, chain);
		u8 byte;

		if (code == ERR_AGAIN && gmem_read(blk->device.vm, GPA(chain->ranges[0].address), &byte, 1) == OK)
			continue;
		if (code != OK)
			return; /* not live any more, or broken: it stays aside */
		__atomic_store_n(&request->aside, BLK_NOT_ASIDE, __ATOMIC_RELEASE);
		handle(request, chain);
	}
}

void blk_work(struct virtio_device *device, unsigned queue)
{
	struct virtio_blk *blk = of(device);
	struct virtq_chain chain = { .ranges = blk->scratch, .capacity = VIRTQ_CHAIN_MAX };
	struct blk_request *requests = blk->requests[queue];

	try_again(blk, queue, &chain);
	for (;;) {
		int code = virtio_take(device, queue, &chain, claim, &requests);
		u8 byte;

		if (code == ERR_AGAIN && gmem_read(device->vm, GPA(chain.ranges[0].address), &byte, 1) == OK)
			continue; /* an indirect table's page is there now */
		if (code != OK)
			return;
		handle(&requests[index_nospec(chain.head, BLK_QUEUE_SIZE)], &chain);
	}
}

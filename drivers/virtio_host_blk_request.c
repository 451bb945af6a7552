/* SPDX-License-Identifier: MIT */
/*
 * Requests to a virtio disk of the host and back: header, data where they lie, status (VIRTIO 1.2, "Device Operation", 5.2.6).
 *
 * A write that must be durable (BLOCK_FUA) has a flush behind it, by the same request: its second chain.
 * A request is one chain; what the queue has no room for waits in order. The status byte is read once; the data of a read are what
 * the device wrote, wherever that came from: nobody trusts a disk's contents.
 */
#include "drivers/virtio_host_blk.h"
#include "hv/clock.h"
#include "hv/lib/string.h"

static const u32 types[BLOCK_OPERATION_COUNT] = {
	[BLOCK_READ] = VIRTIO_BLK_T_IN, [BLOCK_WRITE] = VIRTIO_BLK_T_OUT, [BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
	[BLOCK_DISCARD] = VIRTIO_BLK_T_DISCARD, [BLOCK_WRITE_ZEROES] = VIRTIO_BLK_T_WRITE_ZEROES,
};

/* A request's device_words while the driver has it. */
enum { WORD_STATUS = 0, WORD_FLUSHES = 1 };

/* What the device is asked for now. */
static u8 operation_of(const struct block_request *request)
{
	return request->device_words[WORD_FLUSHES] ? BLOCK_FLUSH : request->operation;
}

static bool moves_data(const struct block_request *request)
{
	return operation_of(request) == BLOCK_READ || operation_of(request) == BLOCK_WRITE;
}

/* What of a request's memory the device gets, between header and status. Returns the number of buffers. */
static u32 describe_data(const struct block_request *request, u64 words_address, struct virtio_host_buffer *buffers)
{
	if (!moves_data(request)) {
		buffers[0] = (struct virtio_host_buffer){ words_address + offsetof(struct virtio_host_blk_words, range),
							  sizeof(struct virtio_blk_range), false };
		return operation_of(request) == BLOCK_FLUSH ? 0 : 1;
	}
	for (u32 i = 0; i < request->segment_count; i++)
		buffers[i] = (struct virtio_host_buffer){ request->segments[i].address.value, (u32)request->segments[i].size_bytes,
							  request->operation == BLOCK_READ };
	return request->segment_count;
}

/* [lock] False: no room now. */
static bool issue(struct virtio_host_blk *blk, struct block_request *request)
{
	struct virtio_host_buffer buffers[VIRTIO_HOST_BLK_SEGMENTS + 2];
	u16 head = virtio_host_queue_free_at(&blk->queue, VIRTIO_HOST_NONE);
	struct virtio_host_blk_words *words = &blk->words[head % VIRTIO_HOST_QUEUE_MAX];
	u64 address = blk->words_address.value + (u64)head * sizeof(*words);
	u32 count = 1, needed = (moves_data(request) ? request->segment_count : 1) + 2;

	if (!blk->live || needed > blk->queue.free_count)
		return false;
	*words = (struct virtio_host_blk_words){
		.header = { .type = types[operation_of(request)], .sector = moves_data(request) ? request->sector : 0 },
		.range = { request->sector, (u32)request->sector_count,
			   request->operation == BLOCK_WRITE_ZEROES && (request->flags & BLOCK_UNMAP) && blk->may_unmap ? VIRTIO_BLK_RANGE_UNMAP : 0 },
		.status = 0xff,
	};
	buffers[0] = (struct virtio_host_buffer){ address, sizeof(words->header), false };
	count += describe_data(request, address, buffers + 1);
	buffers[count++] = (struct virtio_host_buffer){ address + offsetof(struct virtio_host_blk_words, status), 1, true };
	if (virtio_host_queue_add(&blk->queue, buffers, count) < 0)
		return false;
	blk->requests[head] = request;
	blk->issued_ns[head] = clock_ns();
	return true;
}

void virtio_host_blk_submit(struct block_device *device, struct block_request *request)
{
	struct virtio_host_blk *blk = device->context;
	int error = block_check(device, request);
	u64 flags;

	request->device_words[WORD_FLUSHES] = 0;
	if (!error && moves_data(request) && request->segment_count > blk->segments_max)
		error = ERR_RANGE;
	/* Without a volatile cache there is nothing to flush; no sectors are nothing to do. */
	if (error || (request->operation == BLOCK_FLUSH ? !device->limits.volatile_cache : request->sector_count == 0)) {
		block_complete(device, request, error);
		return;
	}
	flags = lock_irqsave(&blk->lock);
	if (blk->dead) {
		error = ERR_IO;
	} else {
		if (!list_empty(&blk->waiting) || !issue(blk, request))
			list_push_back(&blk->waiting, &request->node);
		virtio_host_queue_publish(&blk->queue);
		if (!timer_armed(&blk->watchdog))
			timer_arm(&blk->watchdog, clock_ns() + VIRTIO_HOST_BLK_TIMEOUT_NS);
	}
	unlock_irqrestore(&blk->lock, flags);
	if (error)
		block_complete(device, request, error);
}

static int error_of(u8 status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK: return OK;
	case VIRTIO_BLK_S_UNSUPP: return ERR_UNSUPPORTED;
	default: return ERR_IO;
	}
}

/* [lock] A write that is to be durable, and is not yet: its flush goes before what waits. */
static bool flushes_now(struct virtio_host_blk *blk, struct block_request *request)
{
	if (request->operation != BLOCK_WRITE || !(request->flags & BLOCK_FUA) || !blk->disk.limits.volatile_cache ||
	    request->device_words[WORD_FLUSHES] || request->device_words[WORD_STATUS])
		return false;
	request->device_words[WORD_FLUSHES] = 1;
	list_push_front(&blk->waiting, &request->node);
	return true;
}

/* [lock] Moves what is done to the list, each with its status in its words. */
static void take_done(struct virtio_host_blk *blk, struct list_node *done)
{
	u32 written;
	int head;

	while ((head = virtio_host_queue_take(&blk->queue, &written)) >= 0) {
		struct block_request *request = blk->requests[head];

		blk->requests[head] = NULL;
		request->device_words[WORD_STATUS] = (u64)(s64)error_of(READ_ONCE(blk->words[head].status));
		if (!flushes_now(blk, request))
			list_push_back(done, &request->node);
	}
	if (head == ERR_IO && !blk->failed) {
		blk->failed = true; /* the queue is broken: it claimed what it never had */
		waitqueue_wake_all(&blk->attention);
	}
}

static void complete_all(struct virtio_host_blk *blk, struct list_node *done)
{
	LIST_FOR_EACH_SAFE(node, done) {
		struct block_request *request = LIST_ENTRY(node, struct block_request, node);
		int status = (int)(s64)request->device_words[WORD_STATUS];

		list_remove(node);
		block_complete(&blk->disk, request, status);
	}
}

void virtio_host_blk_look(struct virtio_host_blk *blk)
{
	struct list_node done = LIST_INIT(done);
	u64 flags = lock_irqsave(&blk->lock);

	if (blk->live)
		take_done(blk, &done);
	while (!list_empty(&blk->waiting) && issue(blk, LIST_ENTRY(blk->waiting.next, struct block_request, node)))
		list_remove(blk->waiting.next);
	virtio_host_queue_publish(&blk->queue);
	unlock_irqrestore(&blk->lock, flags);
	complete_all(blk, &done);
}

void virtio_host_blk_fail(struct virtio_host_blk *blk, int status)
{
	struct list_node done = LIST_INIT(done);
	u64 flags = lock_irqsave(&blk->lock);

	for (u32 i = 0; i < VIRTIO_HOST_QUEUE_MAX; i++) {
		if (blk->requests[i])
			list_push_back(&done, &blk->requests[i]->node);
		blk->requests[i] = NULL;
	}
	while (!list_empty(&blk->waiting)) {
		struct list_node *node = blk->waiting.next;

		list_remove(node);
		list_push_back(&done, node);
	}
	unlock_irqrestore(&blk->lock, flags);
	LIST_FOR_EACH(node, &done)
		LIST_ENTRY(node, struct block_request, node)->device_words[WORD_STATUS] = (u64)(s64)status;
	complete_all(blk, &done);
}

u64 virtio_host_blk_oldest(struct virtio_host_blk *blk)
{
	u64 flags = lock_irqsave(&blk->lock), oldest = ~(u64)0;

	for (u32 i = 0; i < VIRTIO_HOST_QUEUE_MAX; i++)
		if (blk->requests[i] && blk->issued_ns[i] < oldest)
			oldest = blk->issued_ns[i];
	unlock_irqrestore(&blk->lock, flags);
	return oldest;
}

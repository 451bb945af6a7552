/* SPDX-License-Identifier: MIT */
/*
 * A qcow2 image's requests: straight through where the map is known, else by the worker.
 *
 * device_words[0] counts who still has a part of a request, [1] is its first failure; both under image->lock. A piece that was sent
 * below is counted in the generation of its time, so that the worker can wait for all that may still touch a cluster it frees.
 * A write into new clusters becomes visible (in L2) when its data are there: nobody reads what a cluster held before.
 * Next to read: qcow2_zeroes.c, qcow2_commit.c.
 */
#include "hv/block/qcow2_request.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

static struct qcow2 *of(struct block_device *device)
{
	return device->context;
}

static bool is_write(const struct block_request *request)
{
	return request->operation == BLOCK_WRITE;
}

static u64 guest_start(const struct block_request *request)
{
	return request->sector * BLOCK_SECTOR_BYTES;
}

/* One part of a request is over. */
static void drop(struct qcow2 *image, struct block_request *request, int status)
{
	u64 flags = lock_irqsave(&image->lock);
	bool last = --request->device_words[0] == 0;

	if (status != OK && !request->device_words[1])
		request->device_words[1] = (u64)(s64)status;
	unlock_irqrestore(&image->lock, flags);
	if (last)
		block_complete(&image->device, request, (int)(s64)request->device_words[1]);
}

/* Pieces */

/* [lock] */
static struct qcow2_piece *take_piece(struct qcow2 *image, struct block_request *request)
{
	struct qcow2_piece *piece;

	if (list_empty(&image->free_pieces))
		return NULL;
	piece = LIST_ENTRY(image->free_pieces.next, struct qcow2_piece, node);
	list_remove(&piece->node);
	piece->request = request;
	piece->allocating = false;
	piece->generation = image->generation;
	image->under_way[piece->generation]++;
	request->device_words[0]++;
	return piece;
}

/* Any context. The worker waits for pieces, for a generation's end, and for what is finished. */
static void piece_complete(struct block_transfer *transfer, int status)
{
	struct qcow2_piece *piece = transfer->owner;
	struct qcow2 *image = piece->image;
	struct block_request *request = piece->request;
	bool allocating = piece->allocating;
	u64 flags = lock_irqsave(&image->lock);

	piece->status = status;
	image->under_way[piece->generation]--;
	list_push_back(allocating ? &image->finished : &image->free_pieces, &piece->node);
	waitqueue_wake_all(&image->wake);
	unlock_irqrestore(&image->lock, flags);
	if (!allocating)
		drop(image, request, status);
}

/* The part of the request's segments that begins skip bytes in. */
static u32 cut_segments(const struct block_request *request, u64 skip, u64 bytes, struct block_segment *out)
{
	u32 count = 0;

	for (u32 i = 0; i < request->segment_count && bytes; i++) {
		struct block_segment segment = request->segments[i];

		if (skip >= segment.size_bytes) {
			skip -= segment.size_bytes;
			continue;
		}
		segment.address.value += skip;
		segment.size_bytes = MIN(segment.size_bytes - skip, bytes);
		skip = 0;
		bytes -= segment.size_bytes;
		out[count++] = segment;
	}
	return count;
}

static void start_piece(struct qcow2_piece *piece, struct block_device *device, u64 skip, u64 bytes, u64 at)
{
	struct block_transfer *transfer = &piece->transfer;
	const struct block_request *request = piece->request;

	transfer->device = device;
	transfer->operation = request->operation;
	transfer->flags = is_write(request) ? request->flags : 0;
	transfer->segments = piece->segments;
	transfer->segment_count = cut_segments(request, skip, bytes, piece->segments);
	transfer->sector = at / BLOCK_SECTOR_BYTES;
	transfer->sector_count = bytes / BLOCK_SECTOR_BYTES;
	transfer->complete = piece_complete;
	transfer->owner = piece;
	block_transfer_start(transfer);
}

/* Straight through; false: the worker has to look at it. */
static bool submit_quick(struct qcow2 *image, struct block_request *request)
{
	u64 bytes = request->sector_count * BLOCK_SECTOR_BYTES, host = 0, flags;
	struct qcow2_piece *piece = NULL;
	bool quick;

	flags = lock_irqsave(&image->lock);
	switch (request->operation) {
	case BLOCK_READ:
		quick = bytes && qcow2_map_quick(image, guest_start(request), bytes, false, &host);
		break;
	case BLOCK_WRITE: /* durable means that its map is, too */
		quick = bytes && !READ_ONCE(image->broken) && (!(request->flags & BLOCK_FUA) || qcow2_is_clean(image)) &&
			qcow2_map_quick(image, guest_start(request), bytes, true, &host);
		break;
	case BLOCK_FLUSH:
		quick = qcow2_is_clean(image) && !image->free_count;
		bytes = 0;
		break;
	default:
		quick = false;
	}
	if (quick) {
		request->device_words[0] = 0;
		piece = take_piece(image, request);
	}
	unlock_irqrestore(&image->lock, flags);
	if (piece)
		start_piece(piece, image->below, 0, bytes, host);
	return piece;
}

void qcow2_submit(struct block_device *device, struct block_request *request)
{
	struct qcow2 *image = of(device);
	int code = block_check(device, request);
	u64 flags;

	if (code == OK && request->segment_count > QCOW2_SEGMENTS)
		code = ERR_RANGE;
	if (code) {
		block_complete(device, request, code);
		return;
	}
	request->device_words[1] = OK;
	if (submit_quick(image, request))
		return;
	request->device_words[0] = 1; /* the worker's */
	flags = lock_irqsave(&image->lock);
	list_push_back(&image->queue, &request->node);
	waitqueue_wake_all(&image->wake);
	unlock_irqrestore(&image->lock, flags);
}

/* From here on: the worker. */

static bool end_allocation(struct qcow2 *image);

static struct qcow2_piece *wait_for_piece(struct qcow2 *image, struct block_request *request)
{
	for (;;) {
		u64 flags = lock_irqsave(&image->lock);
		struct qcow2_piece *piece = take_piece(image, request);

		unlock_irqrestore(&image->lock, flags);
		if (piece)
			return piece;
		if (!end_allocation(image))
			waitqueue_wait(&image->wake, !list_empty(&image->free_pieces) || !list_empty(&image->finished));
	}
}

void qcow2_drain(struct qcow2 *image)
{
	u64 flags = lock_irqsave(&image->lock);
	u8 old = image->generation;

	image->generation = !old; /* its own pieces were waited for the last time */
	unlock_irqrestore(&image->lock, flags);
	waitqueue_wait(&image->wake, !READ_ONCE(image->under_way[old]));
}

/* The data are there: the map may show them. What was there before is freed when nothing durable shows it. */
static int publish(struct qcow2 *image, struct qcow2_piece *piece)
{
	int code = piece->status;
	u64 done = 0;

	for (; done < piece->clusters && code == OK; done++) {
		u64 old;

		code = qcow2_entry(image, piece->guest_cluster + done, &old);
		if (code == OK)
			code = qcow2_set_entry(image, piece->guest_cluster + done,
					       (piece->host + (done << image->cluster_bits)) | QCOW2_COPIED);
		if (code)
			break;
		code = qcow2_release_entry(image, old);
	}
	if (done < piece->clusters && qcow2_uncount(image, piece->host + (done << image->cluster_bits), piece->clusters - done) != OK)
		code = code ? code : ERR_IO;
	return code;
}

/* Ends one allocation whose data are written; false: there is none. */
static bool end_allocation(struct qcow2 *image)
{
	u64 flags = lock_irqsave(&image->lock);
	struct qcow2_piece *piece = list_empty(&image->finished) ? NULL :
				    LIST_ENTRY(image->finished.next, struct qcow2_piece, node);
	struct block_request *request;
	int code;

	if (piece)
		list_remove(&piece->node);
	unlock_irqrestore(&image->lock, flags);
	if (!piece)
		return false;
	code = publish(image, piece);
	request = piece->request;
	list_remove(&piece->allocation);
	flags = lock_irqsave(&image->lock);
	list_push_back(&image->free_pieces, &piece->node);
	unlock_irqrestore(&image->lock, flags);
	drop(image, request, code);
	return true;
}

static bool is_allocating(const struct qcow2 *image, u64 first, u64 last)
{
	LIST_FOR_EACH(node, &image->allocations) {
		const struct qcow2_piece *piece = LIST_ENTRY(node, const struct qcow2_piece, allocation);

		if (first < piece->guest_cluster + piece->clusters && piece->guest_cluster <= last)
			return true;
	}
	return false;
}

void qcow2_wait_for_allocations(struct qcow2 *image, u64 guest, u64 bytes)
{
	while (is_allocating(image, guest >> image->cluster_bits, (guest + bytes - 1) >> image->cluster_bits))
		if (!end_allocation(image))
			waitqueue_wait(&image->wake, !list_empty(&image->finished));
}

/* NULL from: zeroes. */
static void fill_segments(const struct block_request *request, u64 skip, u64 bytes, const u8 *from)
{
	for (u32 i = 0; i < request->segment_count && bytes; i++) {
		const struct block_segment *segment = &request->segments[i];
		u64 part;

		if (skip >= segment->size_bytes) {
			skip -= segment->size_bytes;
			continue;
		}
		part = MIN(segment->size_bytes - skip, bytes);
		if (from)
			memcpy((u8 *)direct_map(segment->address) + skip, from, part);
		else
			memset((u8 *)direct_map(segment->address) + skip, 0, part);
		from = from ? from + part : NULL;
		skip = 0;
		bytes -= part;
	}
}

static void send(struct qcow2 *image, struct block_request *request, struct block_device *device, u64 skip, u64 bytes, u64 at)
{
	if (bytes)
		start_piece(wait_for_piece(image, request), device, skip, bytes, at);
}

/* What lies behind the end of a file or of an image below reads as zeroes. */
static void read_up_to_end(struct qcow2 *image, struct block_request *request, struct block_device *device, u64 skip, u64 bytes, u64 at)
{
	u64 end = device ? READ_ONCE(device->limits.sector_count) * BLOCK_SECTOR_BYTES : 0;
	u64 there = at < end ? MIN(bytes, end - at) : 0;

	fill_segments(request, skip + there, bytes - there, NULL);
	send(image, request, device, skip, there, at);
}

static int read_part(struct qcow2 *image, struct block_request *request, u64 skip, const struct qcow2_mapping *mapping)
{
	u64 guest = guest_start(request) + skip;
	const u8 *bytes;
	int code;

	switch (mapping->state) {
	case QCOW2_DATA:
		read_up_to_end(image, request, image->below, skip, mapping->bytes, mapping->host);
		return OK;
	case QCOW2_ZEROES:
		fill_segments(request, skip, mapping->bytes, NULL);
		return OK;
	case QCOW2_PACKED:
		code = qcow2_unpack(image, mapping->entry, &bytes);
		if (code == OK)
			fill_segments(request, skip, mapping->bytes, bytes + (guest & (image->cluster_bytes - 1)));
		__atomic_fetch_add(&image->unpacked_bytes, mapping->bytes, __ATOMIC_RELAXED);
		return code;
	default:
		read_up_to_end(image, request, image->backing, skip, mapping->bytes, guest);
		return OK;
	}
}

/* New clusters for the first part of the write; *bytes: how much of it they take. */
static int write_new(struct qcow2 *image, struct block_request *request, u64 skip, u64 *bytes)
{
	u64 guest = guest_start(request) + skip, inside = guest & (image->cluster_bytes - 1), host, got, end, tail;
	struct qcow2_piece *piece;
	int code = qcow2_allocate(image, (inside + *bytes + image->cluster_bytes - 1) >> image->cluster_bits, &host, &got);

	if (code)
		return code;
	*bytes = MIN(*bytes, (got << image->cluster_bits) - inside);
	end = guest + *bytes;
	tail = ALIGN_UP(end, image->cluster_bytes) - end;
	code = qcow2_need_tables(image, guest >> image->cluster_bits, got);
	code = code ? code : qcow2_copy_up(image, guest - inside, host, inside);
	code = code ? code : qcow2_copy_up(image, end, host + inside + *bytes, tail);
	if (code) {
		return qcow2_uncount(image, host, got) == OK ? code : ERR_IO;
	}
	piece = wait_for_piece(image, request);
	piece->allocating = true;
	piece->guest_cluster = guest >> image->cluster_bits;
	piece->clusters = got;
	piece->host = host;
	list_push_back(&image->allocations, &piece->allocation);
	start_piece(piece, image->below, skip, *bytes, host + inside);
	return OK;
}

static int write_part(struct qcow2 *image, struct block_request *request, u64 skip, struct qcow2_mapping *mapping)
{
	int code;

	if (mapping->state != QCOW2_DATA || !mapping->own)
		return write_new(image, request, skip, &mapping->bytes);
	code = qcow2_make_room(image, mapping->host + mapping->bytes);
	if (code == OK)
		send(image, request, image->below, skip, mapping->bytes, mapping->host);
	return code;
}

/* Durable when it completes: its data (the pieces have the flag), and what shows where they are. */
static int make_durable(struct qcow2 *image, struct block_request *request)
{
	for (;;) {
		u64 flags = lock_irqsave(&image->lock), parts = request->device_words[0];

		unlock_irqrestore(&image->lock, flags);
		if (parts == 1)
			return qcow2_commit(image);
		if (!end_allocation(image))
			waitqueue_wait(&image->wake, !list_empty(&image->finished) || READ_ONCE(request->device_words[0]) == 1);
	}
}

static int move_data(struct qcow2 *image, struct block_request *request)
{
	u64 start = guest_start(request), bytes = request->sector_count * BLOCK_SECTOR_BYTES;
	struct qcow2_mapping mapping;
	int code = is_write(request) && READ_ONCE(image->broken) ? ERR_IO : OK;

	for (u64 skip = 0; skip < bytes && code == OK; skip += mapping.bytes) {
		u64 left = bytes - skip;

		if (is_write(request))
			qcow2_wait_for_allocations(image, start + skip, left);
		code = qcow2_map(image, start + skip, left, &mapping);
		if (code == OK)
			code = is_write(request) ? write_part(image, request, skip, &mapping) : read_part(image, request, skip, &mapping);
	}
	if (code == OK && is_write(request) && request->flags & BLOCK_FUA)
		code = make_durable(image, request);
	return code;
}

static int carry_out(struct qcow2 *image, struct block_request *request)
{
	switch (request->operation) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		return move_data(image, request);
	case BLOCK_FLUSH:
		return image->writable ? qcow2_commit(image) : OK;
	default:
		if (READ_ONCE(image->broken))
			return ERR_IO;
		return request->sector_count ? qcow2_clear(image, request) : OK;
	}
}

bool qcow2_turn(struct qcow2 *image)
{
	struct block_request *request = NULL;
	u64 flags;

	if (end_allocation(image))
		return true;
	flags = lock_irqsave(&image->lock);
	if (!list_empty(&image->queue)) {
		request = LIST_ENTRY(image->queue.next, struct block_request, node);
		list_remove(&request->node);
	}
	unlock_irqrestore(&image->lock, flags);
	if (request)
		drop(image, request, carry_out(image, request));
	return request;
}

static bool has_work(const struct qcow2 *image)
{
	return !list_empty(&image->queue) || !list_empty(&image->finished);
}

void qcow2_work(void *context)
{
	struct qcow2 *image = context;

	while (!__atomic_load_n(&image->stop, __ATOMIC_ACQUIRE) || has_work(image) || !list_empty(&image->allocations)) {
		waitqueue_wait(&image->wake, has_work(image) || __atomic_load_n(&image->stop, __ATOMIC_ACQUIRE));
		while (qcow2_turn(image))
			;
	}
}

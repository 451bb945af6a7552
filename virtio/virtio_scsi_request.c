/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a SCSI command ("SCSI Host Device", Device Operation: Request Queues): head and CDB copied and judged, payload pinned
 * and given to the disk as it is, the answer written when it completes.
 *
 * The device's thread takes all of them. The answer's place is pinned from the start, so that it can be written in any context. What a
 * failing medium does follows the description's policy: told as sense data, ignored, or set aside with the machine paused and tried again
 * when it goes on; what is set aside is neither in flight nor pinned.
 */
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"
#include "virtio/virtio_scsi.h"

#define HEAD_BYTES ((u32)sizeof(struct virtio_scsi_request_head))
#define PATTERN_BYTES (64u * 1024)
#define PATTERN_SEGMENTS (SCSI_FILL_BYTES_MAX / PATTERN_BYTES)
#define ZEROED_SENSE_MAX VIRTIO_SCSI_SENSE_DEFAULT /* of a larger sense_size the rest is left alone, and not counted as written */

void scsi_requests_init(struct virtio_scsi *scsi, unsigned queue)
{
	for (u32 i = 0; i < SCSI_QUEUE_SIZE; i++) {
		struct scsi_request *request = &scsi->requests[queue][i];

		request->scsi = scsi;
		request->queue = (u16)queue;
		request->head = (u16)i;
		request->response = request->response_inline;
		virtio_payload_init(&request->payload, scsi->device.vm);
	}
}

/* The answer */

static void unpin_response(struct scsi_request *request)
{
	for (u32 i = 0; i < request->response_count; i++)
		gmem_unpin(request->scsi->device.vm, GPA(request->response[i].address), request->response[i].size_bytes, GMEM_WRITE);
	request->response_count = 0;
	if (request->response != request->response_inline)
		kfree(request->response);
	request->response = request->response_inline;
}

static u32 response_bytes(const struct scsi_request *request)
{
	return SCSI_RESPONSE_BYTES + MIN(request->sense_size, ZEROED_SENSE_MAX);
}

/* False: there is no room for an answer in RAM. */
static bool pin_response(struct scsi_request *request, const struct virtq_chain *chain)
{
	struct vm *vm = request->scsi->device.vm;
	int count;

	if (chain->writable_count > SCSI_RESPONSE_INLINE)
		request->response = kmalloc(chain->writable_count * sizeof(*request->response));
	if (!request->response) {
		request->response = request->response_inline;
		return false;
	}
	request->response_count = 0;
	count = virtq_chain_slice(chain, true, 0, response_bytes(request), request->response, MAX(chain->writable_count, SCSI_RESPONSE_INLINE));
	for (int i = 0; i < count; i++) {
		const struct virtq_range *range = &request->response[i];
		struct gmem_segment segments[2];

		/* 108 bytes lie in two pages at most. */
		if (gmem_pin(vm, GPA(range->address), range->size_bytes, GMEM_WRITE, segments, ARRAY_SIZE(segments)) < 0) {
			unpin_response(request);
			return false;
		}
		request->response_count++;
	}
	return count > 0;
}

static void end_buffers(struct scsi_request *request, bool deliver)
{
	struct virtio_scsi *scsi = request->scsi;
	bool ours = request->payload.bounce || request->pattern;

	virtio_payload_end(&request->payload, deliver);
	kfree(request->pattern);
	kfree(request->ranges);
	if (request->pattern)
		kfree(request->transfer.segments);
	request->pattern = NULL;
	request->ranges = NULL;
	if (!ours)
		return;
	__atomic_store_n(&scsi->bouncing, false, __ATOMIC_RELEASE);
	waitqueue_wake_all(&scsi->bounce_wait);
}

/* It is not at its medium any more: who waits for that may let the disk go. */
static void leave_medium(struct scsi_request *request)
{
	struct virtio_scsi *scsi = request->scsi;
	u64 flags = lock_irqsave(&scsi->lock);

	if (request->slot)
		request->slot->in_flight--;
	request->slot = NULL;
	waitqueue_wake_all(&scsi->idle);
	unlock_irqrestore(&scsi->lock, flags);
}

/*
 * The end of every request. transferred: of the payload. used.length counts from the answer on as far as everything was written: data
 * behind it only when it is there whole.
 */
static void respond(struct scsi_request *request, u8 response, const struct scsi_result *result, u32 transferred)
{
	struct virtio_device *device = &request->scsi->device;
	struct {
		struct virtio_scsi_response_head head;
		u8 sense[ZEROED_SENSE_MAX];
	} answer = { .head = { .response = response, .residual = request->in_bytes + request->out_bytes - transferred } };
	u32 bytes = response_bytes(request), written = bytes;
	u16 queue = (u16)(VIRTIO_SCSI_Q_REQUEST + request->queue), head = request->head;

	if (result && response == VIRTIO_SCSI_S_OK) {
		answer.head.status = result->status;
		answer.head.sense_length = result->status == SCSI_CHECK_CONDITION ? MIN(request->sense_size, SCSI_SENSE_BYTES) : 0;
		memcpy(answer.sense, result->sense, answer.head.sense_length);
	}
	if (request->in_bytes && transferred && request->sense_size <= ZEROED_SENSE_MAX)
		written += transferred;
	virtio_payload_write(device->vm, request->response, request->response_count, &answer, bytes);
	unpin_response(request);
	__atomic_store_n(&request->busy, false, __ATOMIC_RELEASE);
	virtio_give(device, queue, head, written);
}

static void respond_plain(struct scsi_request *request, u8 response)
{
	respond(request, response, NULL, 0);
}

/*
 * A task that was aborted must not be answered behind the answer to its abortion, and the request is not to be touched once it was given.
 * So a count says that an answer is on its way; the device outlives it (scsi_settle).
 */
static void leave_and_respond(struct scsi_request *request, u8 response, const struct scsi_result *result, u32 transferred)
{
	struct virtio_scsi *scsi = request->scsi;

	__atomic_fetch_add(&scsi->responding, 1, __ATOMIC_SEQ_CST);
	leave_medium(request);
	respond(request, response, result, transferred);
	__atomic_fetch_sub(&scsi->responding, 1, __ATOMIC_SEQ_CST);
}

void scsi_settle(struct virtio_scsi *scsi)
{
	while (__atomic_load_n(&scsi->responding, __ATOMIC_SEQ_CST)) /* moments: nobody wakes us for it */
		(void)waitqueue_wait_until(&scsi->idle, !__atomic_load_n(&scsi->responding, __ATOMIC_SEQ_CST), clock_ns() + 20 * NS_PER_US);
}

/* Policies: see virtio_blk_errors.c. ERR_AGAIN: set it aside. */
static int judge_failure(const struct device_disk *disk, bool in, int status)
{
	u8 policy = in ? disk->read_errors : disk->write_errors;

	if (status != ERR_IO && status != ERR_FULL && status != ERR_NOT_FOUND && status != ERR_TIMEOUT)
		return status;
	if (policy == DISK_ERRORS_IGNORE)
		return OK;
	if (disk->stopped && (policy == DISK_ERRORS_STOP || (policy == DISK_ERRORS_ENOSPACE && status == ERR_FULL)))
		return ERR_AGAIN;
	return status;
}

static void set_aside(struct scsi_request *request)
{
	struct virtio_scsi *scsi = request->scsi;
	const struct device_disk *disk = &request->slot->disk;
	void (*stopped)(void *context) = disk->stopped;
	void *context = disk->context;

	unpin_response(request);
	request->aside_slot = request->slot;
	__atomic_store_n(&request->aside, SCSI_ASIDE, __ATOMIC_RELEASE);
	leave_medium(request);
	stopped(context);
	virtio_drop(&scsi->device, VIRTIO_SCSI_Q_REQUEST + request->queue);
}

static void count(const struct scsi_request *request, int status)
{
	struct disk_statistics *statistics = request->slot->disk.statistics;
	u64 ns = clock_ns() - request->started_ns, bytes = request->transfer.sector_count * BLOCK_SECTOR_BYTES, *counters;

	if (!statistics)
		return;
	if (status != OK) {
		__atomic_fetch_add(&statistics->errors, 1, __ATOMIC_RELAXED);
		WRITE_ONCE(statistics->last_error, status == ERR_FULL ? DISK_ERROR_NO_SPACE : DISK_ERROR_UNSPECIFIED);
	} else if (request->action == SCSI_FLUSH) {
		__atomic_fetch_add(&statistics->flush_requests, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&statistics->flush_ns, ns, __ATOMIC_RELAXED);
	} else if (request->action == SCSI_MOVE_IN || request->action == SCSI_MOVE_OUT) {
		counters = request->action == SCSI_MOVE_IN ? &statistics->read_requests : &statistics->write_requests;
		__atomic_fetch_add(&counters[0], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&counters[1], bytes, __ATOMIC_RELAXED);
		__atomic_fetch_add(&counters[2], ns, __ATOMIC_RELAXED);
	}
}

/* The medium's word. Any context. */
static void finish(struct scsi_request *request, int status)
{
	bool in = request->action == SCSI_MOVE_IN, moved = in || request->action == SCSI_MOVE_OUT;
	u32 bytes = moved ? (u32)(request->transfer.sector_count * BLOCK_SECTOR_BYTES) : 0;
	struct scsi_result result;
	int judged = status;

	if (status != OK) {
		count(request, status);
		judged = judge_failure(&request->slot->disk, in, status);
	}
	end_buffers(request, status == OK);
	if (judged == ERR_AGAIN) {
		set_aside(request);
		return;
	}
	scsi_judge_medium(&result, in, judged);
	leave_and_respond(request, VIRTIO_SCSI_S_OK, &result, judged == OK ? bytes : 0);
}

/* What is done to the medium */

static void next_range(struct scsi_request *request)
{
	const struct scsi_range *range = &request->ranges[request->range_next++];

	request->transfer.sector = range->sector;
	request->transfer.sector_count = range->sector_count;
	block_transfer_start(&request->transfer);
}

static void completed(struct block_transfer *transfer, int status)
{
	struct scsi_request *request = transfer->owner;

	if (status == OK && request->ranges && request->range_next < request->range_count) {
		next_range(request); /* nests at most SCSI_RANGES_MAX deep */
		return;
	}
	if (status == OK)
		count(request, OK);
	finish(request, status);
}

/* Waits until nobody else has a buffer of ours: the device's memory stays bounded. */
static void claim_buffer(struct virtio_scsi *scsi)
{
	waitqueue_wait(&scsi->bounce_wait, !__atomic_load_n(&scsi->bouncing, __ATOMIC_ACQUIRE));
	WRITE_ONCE(scsi->bouncing, true);
	__atomic_fetch_add(&scsi->bounces, 1, __ATOMIC_RELAXED);
}

static void move(struct scsi_request *request, const struct virtq_chain *chain, u32 offset)
{
	struct virtio_scsi *scsi = request->scsi;
	bool in = request->action == SCSI_MOVE_IN;
	u32 bytes = (u32)(request->transfer.sector_count * BLOCK_SECTOR_BYTES);
	int code = virtio_payload_pin(&request->payload, chain, in, offset, bytes);

	if (code == OK && !virtio_payload_is_plain(&request->payload)) {
		claim_buffer(scsi);
		code = virtio_payload_bounce(&request->payload, bytes);
		if (code != OK) {
			virtio_payload_end(&request->payload, false);
			__atomic_store_n(&scsi->bouncing, false, __ATOMIC_RELEASE);
		}
	}
	if (code != OK) { /* buffers that are not RAM, or too many odd ones: nothing is the medium's fault */
		leave_and_respond(request, VIRTIO_SCSI_S_FAILURE, NULL, 0);
		return;
	}
	request->transfer.segments = request->payload.segments;
	request->transfer.segment_count = request->payload.segment_count;
	block_transfer_start(&request->transfer);
}

static void clear(struct scsi_request *request, const struct scsi_command *command)
{
	request->ranges = kmalloc(command->range_count * sizeof(*request->ranges));
	if (!request->ranges) {
		finish(request, ERR_NO_MEMORY);
		return;
	}
	memcpy(request->ranges, command->ranges, command->range_count * sizeof(*request->ranges));
	request->range_count = command->range_count;
	request->range_next = 0;
	next_range(request);
}

static bool is_zero(const u8 *data, u32 bytes)
{
	return data[0] == 0 && memcmp(data, data + 1, bytes - 1) == 0;
}

/* Writes the same block over and over: one buffer full of it, as many times as it takes. */
static void fill(struct scsi_request *request, const struct scsi_command *command)
{
	struct virtio_scsi *scsi = request->scsi;
	struct block_transfer *transfer = &request->transfer;
	u64 left = transfer->sector_count * BLOCK_SECTOR_BYTES;
	u32 size = (u32)MIN(left, PATTERN_BYTES), segments = (u32)((left + size - 1) / size);

	if (is_zero(command->data, command->block_bytes) && transfer->device->limits.max_write_zeroes_sectors) {
		transfer->operation = BLOCK_WRITE_ZEROES;
		transfer->flags = command->unmap ? BLOCK_UNMAP : 0;
		block_transfer_start(transfer);
		return;
	}
	claim_buffer(scsi);
	request->pattern = kmalloc(size);
	transfer->segments = kmalloc(segments * sizeof(*transfer->segments));
	if (!request->pattern || !transfer->segments) {
		if (!request->pattern) { /* end_buffers frees the segments with the pattern */
			kfree(transfer->segments);
			__atomic_store_n(&scsi->bouncing, false, __ATOMIC_RELEASE);
		}
		finish(request, ERR_NO_MEMORY);
		return;
	}
	for (u32 at = 0; at < size; at += command->block_bytes)
		memcpy(request->pattern + at, command->data, command->block_bytes);
	for (u32 i = 0; i < segments; i++, left -= MIN(left, size))
		transfer->segments[i] = (struct block_segment){ direct_unmap(request->pattern), MIN(left, size) };
	transfer->segment_count = segments;
	block_transfer_start(transfer);
}

/* The command is not the request's: it is the thread's, for the next one. */
static void carry_out(struct scsi_request *request, struct scsi_command *command, const struct virtq_chain *chain, struct block_device *device)
{
	static const u8 operations[] = { [SCSI_MOVE_IN] = BLOCK_READ, [SCSI_MOVE_OUT] = BLOCK_WRITE, [SCSI_FLUSH] = BLOCK_FLUSH,
					 [SCSI_CLEAR] = BLOCK_DISCARD, [SCSI_FILL] = BLOCK_WRITE };
	struct block_transfer *transfer = &request->transfer;
	u32 offset = command->action == SCSI_MOVE_IN ? SCSI_RESPONSE_BYTES + request->sense_size : chain->readable_bytes - request->out_bytes;

	request->action = command->action;
	request->started_ns = clock_ns();
	*transfer = (struct block_transfer){
		.device = device, .owner = request, .complete = completed, .operation = operations[command->action],
		.flags = command->fua && operations[command->action] == BLOCK_WRITE ? BLOCK_FUA : 0,
	};
	if (command->range_count) {
		transfer->sector = command->ranges[0].sector;
		transfer->sector_count = command->ranges[0].sector_count;
	}
	switch (command->action) {
	case SCSI_CLEAR: clear(request, command); break;
	case SCSI_FILL: fill(request, command); break;
	case SCSI_FLUSH: block_transfer_start(transfer); break;
	default: move(request, chain, offset); break;
	}
}

static void answer(struct scsi_request *request, const struct scsi_command *command, const struct virtq_chain *chain)
{
	if (command->data_bytes > request->in_bytes) {
		respond_plain(request, VIRTIO_SCSI_S_OVERRUN);
		return;
	}
	if (command->data_bytes && virtq_chain_write(request->scsi->device.vm, chain, SCSI_RESPONSE_BYTES + request->sense_size, command->data,
						     command->data_bytes) != OK) {
		respond_plain(request, VIRTIO_SCSI_S_FAILURE);
		return;
	}
	respond(request, VIRTIO_SCSI_S_OK, &command->result, command->data_bytes);
}

/* Does what the command moves go into the driver's buffers? */
static bool fits(const struct scsi_request *request, const struct scsi_command *command)
{
	u64 bytes = command->range_count ? command->ranges[0].sector_count * BLOCK_SECTOR_BYTES : 0;

	if (command->action == SCSI_MOVE_IN)
		return bytes <= request->in_bytes;
	return command->action != SCSI_MOVE_OUT || bytes <= request->out_bytes;
}

/* [lock] Numbers of a target's units, in order; places on the bus are few. */
static u32 list_luns(const struct virtio_scsi *scsi, u8 target, u16 *luns)
{
	u32 count_luns = 0;

	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++) {
		u32 at = count_luns;

		if (!scsi->slots[i].present || scsi->slots[i].target != target)
			continue;
		for (; at && luns[at - 1] > scsi->slots[i].unit.lun; at--)
			luns[at] = luns[at - 1];
		luns[at] = scsi->slots[i].unit.lun;
		count_luns++;
	}
	return count_luns;
}

enum judgement { SAY_RESPONSE, GIVE_ANSWER, GO_TO_MEDIUM };

/* [lock] Judges the command; *response: VIRTIO_SCSI_S_, with SAY_RESPONSE. */
static enum judgement judge(struct scsi_request *request, struct scsi_command *command, struct scsi_slot *slot, u8 *response)
{
	scsi_execute(slot ? &slot->unit : NULL, command);
	if (command->action == SCSI_ANSWERED)
		return GIVE_ANSWER;
	if (!fits(request, command)) {
		*response = VIRTIO_SCSI_S_OVERRUN;
		return SAY_RESPONSE;
	}
	slot->in_flight++;
	request->slot = slot;
	return GO_TO_MEDIUM;
}

static void execute(struct scsi_request *request, const struct virtq_chain *chain, const u8 *lun, u32 cdb_size)
{
	struct virtio_scsi *scsi = request->scsi;
	struct scsi_command *command = scsi->command;
	u32 parameters_at = HEAD_BYTES + cdb_size;
	struct block_device *device = NULL;
	u16 luns[DEVICE_SCSI_UNITS_MAX], number;
	u8 target, response = VIRTIO_SCSI_S_BAD_TARGET;
	enum judgement judgement = SAY_RESPONSE;
	struct scsi_slot *slot;
	u64 flags;
	bool known;

	known = scsi_parse_lun(lun, &target, &number);
	flags = lock_irqsave(&scsi->lock);
	known = known && scsi_has_target(scsi, target);
	slot = known ? scsi_find(scsi, target, number) : NULL;
	command->parameter_bytes = scsi_parameter_bytes(slot ? &slot->unit : NULL, command->cdb);
	unlock_irqrestore(&scsi->lock, flags);
	if (known && command->parameter_bytes > request->out_bytes) {
		response = VIRTIO_SCSI_S_OVERRUN;
	} else if (known && virtq_chain_read(scsi->device.vm, chain, parameters_at, command->data, command->parameter_bytes, true) != OK) {
		response = VIRTIO_SCSI_S_FAILURE;
	} else if (known) {
		flags = lock_irqsave(&scsi->lock);
		slot = scsi_find(scsi, target, number); /* reading may have slept */
		command->luns = luns;
		command->lun_count = list_luns(scsi, target, luns);
		judgement = judge(request, command, slot, &response);
		device = slot ? slot->disk.device : NULL;
		unlock_irqrestore(&scsi->lock, flags);
	}
	if (judgement == GO_TO_MEDIUM)
		carry_out(request, command, chain, device);
	else if (judgement == GIVE_ANSWER)
		answer(request, command, chain);
	else
		respond_plain(request, response);
}

static u32 config_word(const struct virtio_scsi *scsi, u32 offset)
{
	u32 value;

	memcpy(&value, scsi->device.config + offset, sizeof(value)); /* the driver may write it meanwhile: a mixture is a number, too */
	return value;
}

static void handle(struct scsi_request *request, const struct virtq_chain *chain)
{
	struct virtio_scsi *scsi = request->scsi;
	u32 cdb_size = config_word(scsi, VIRTIO_SCSI_CONFIG_CDB_SIZE);
	struct virtio_scsi_request_head head;
	bool aborted = __atomic_exchange_n(&request->aborted, false, __ATOMIC_ACQ_REL);

	request->in_bytes = request->out_bytes = 0;
	request->sense_size = config_word(scsi, VIRTIO_SCSI_CONFIG_SENSE_SIZE);
	/* Without room for an answer there is none. */
	if (chain->writable_bytes < SCSI_RESPONSE_BYTES || chain->writable_bytes - SCSI_RESPONSE_BYTES < request->sense_size ||
	    !pin_response(request, chain)) {
		WRITE_ONCE(request->busy, false);
		virtio_driver_error(&scsi->device, "a SCSI request without room for an answer");
		virtio_drop(&scsi->device, VIRTIO_SCSI_Q_REQUEST + request->queue);
		return;
	}
	request->in_bytes = chain->writable_bytes - SCSI_RESPONSE_BYTES - request->sense_size;
	if (aborted) {
		respond_plain(request, VIRTIO_SCSI_S_ABORTED);
		return;
	}
	if (chain->readable_bytes < HEAD_BYTES || chain->readable_bytes - HEAD_BYTES < cdb_size) {
		respond_plain(request, VIRTIO_SCSI_S_FAILURE);
		return;
	}
	request->out_bytes = chain->readable_bytes - HEAD_BYTES - cdb_size;
	memset(scsi->command->cdb, 0, SCSI_CDB_BYTES);
	if (virtq_chain_read(scsi->device.vm, chain, 0, &head, HEAD_BYTES, true) != OK ||
	    virtq_chain_read(scsi->device.vm, chain, HEAD_BYTES, scsi->command->cdb, MIN(cdb_size, SCSI_CDB_BYTES), true) != OK) {
		respond_plain(request, VIRTIO_SCSI_S_FAILURE);
		return;
	}
	WRITE_ONCE(request->tag, head.tag);
	execute(request, chain, head.lun, cdb_size);
}

/* Busy until it ends; the queue's lock is held. */
static int claim(struct virtio_device *device, struct virtq_chain *chain, void *context)
{
	struct scsi_request *requests = *(struct scsi_request **)context, *request = &requests[index_nospec(chain->head, SCSI_QUEUE_SIZE)];

	if (READ_ONCE(request->busy)) {
		device->queues[VIRTIO_SCSI_Q_REQUEST + request->queue].ring.broken = "a head that is still in use";
		return ERR_INVALID;
	}
	WRITE_ONCE(request->busy, true);
	return OK;
}

static struct scsi_request *next_again(struct virtio_scsi *scsi, unsigned queue)
{
	for (u32 i = 0; i < SCSI_QUEUE_SIZE; i++)
		if (__atomic_load_n(&scsi->requests[queue][i].aside, __ATOMIC_ACQUIRE) == SCSI_ASIDE_AGAIN)
			return &scsi->requests[queue][i];
	return NULL;
}

/* What was set aside when the medium failed, as if it came now. */
static void try_again(struct virtio_scsi *scsi, unsigned queue, struct virtq_chain *chain)
{
	struct scsi_request *request;

	while ((request = next_again(scsi, queue))) {
		int code = virtio_take_again(&scsi->device, VIRTIO_SCSI_Q_REQUEST + queue, request->head, chain);
		u8 byte;

		if (code == ERR_AGAIN && gmem_read(scsi->device.vm, GPA(chain->ranges[0].address), &byte, 1) == OK)
			continue;
		if (code != OK)
			return; /* not live any more, or broken: it stays aside */
		__atomic_store_n(&request->aside, SCSI_NOT_ASIDE, __ATOMIC_RELEASE);
		handle(request, chain);
	}
}

void scsi_requests_work(struct virtio_scsi *scsi, unsigned queue)
{
	struct virtq_chain chain = { .ranges = scsi->scratch, .capacity = VIRTQ_CHAIN_MAX };
	struct scsi_request *requests = scsi->requests[queue];

	try_again(scsi, queue, &chain);
	for (;;) {
		int code = virtio_take(&scsi->device, VIRTIO_SCSI_Q_REQUEST + queue, &chain, claim, &requests);
		u8 byte;

		if (code == ERR_AGAIN && gmem_read(scsi->device.vm, GPA(chain.ranges[0].address), &byte, 1) == OK)
			continue; /* an indirect table's page is there now */
		if (code != OK)
			return;
		handle(&requests[index_nospec(chain.head, SCSI_QUEUE_SIZE)], &chain);
	}
}

void scsi_forget_aside(struct virtio_scsi *scsi, unsigned queue)
{
	for (u32 i = 0; i < SCSI_QUEUE_SIZE; i++) {
		struct scsi_request *request = &scsi->requests[queue][i];

		WRITE_ONCE(request->aborted, false);
		if (__atomic_exchange_n(&request->aside, SCSI_NOT_ASIDE, __ATOMIC_ACQ_REL) != SCSI_NOT_ASIDE)
			WRITE_ONCE(request->busy, false);
	}
}

void scsi_allow_again(struct virtio_scsi *scsi)
{
	for (u32 i = 0; i < (scsi->device.queue_count - VIRTIO_SCSI_Q_REQUEST) * SCSI_QUEUE_SIZE; i++) {
		struct scsi_request *request = &scsi->requests[i / SCSI_QUEUE_SIZE][i % SCSI_QUEUE_SIZE];

		if (READ_ONCE(request->aside) == SCSI_ASIDE)
			WRITE_ONCE(request->aside, SCSI_ASIDE_AGAIN);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * Requests to commands, completions to requests.
 *
 * A request's commands are issued as slots come free; until all are, it stands in `waiting`. How far it is stands in its
 * device_words (struct progress). Submission costs one lock, one slot and one doorbell; completion one lock and one
 * doorbell for all that came.
 */
#include "drivers/nvme_internal.h"
#include "arch/x86/cpu.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/mmio.h"

/* A request's device_words while the driver has it. */
struct progress {
	struct nvme_namespace *namespace;
	u32 segment, segment_done_bytes, done_bytes; /* struct nvme_cursor; done_bytes of other operations: 1 when issued */
	u32 under_way;                               /* commands issued and not completed */
	s32 error;                                   /* the first one */
	u32 waiting;                                 /* it stands in queue->waiting */
};
STATIC_ASSERT(sizeof(struct progress) == sizeof(((struct block_request *)0)->device_words), "it lies there");

static struct progress *progress_of(struct block_request *request)
{
	return (struct progress *)request->device_words;
}

void nvme_ring(struct nvme_queue *queue, bool completion, u32 value)
{
	u64 offset = NVME_DOORBELLS + (u64)(2u * queue->id + completion) * NVME_CAP_DOORBELL_BYTES(queue->controller->capabilities);

	mmio_write32(queue->controller->registers, offset, value);
}

static u32 take_slot(struct nvme_queue *queue)
{
	while (queue->slots[queue->next_slot].request)
		queue->next_slot = (queue->next_slot + 1) & (queue->entries - 1);
	queue->free_count--;
	return queue->next_slot;
}

/* Reads and writes: one piece. False: all pieces are issued. */
static bool fill_transfer(struct nvme_queue *queue, struct block_request *request, u32 slot, struct nvme_command *command)
{
	struct nvme_namespace *namespace = progress_of(request)->namespace;
	struct nvme_controller *controller = queue->controller;
	struct progress *progress = progress_of(request);
	struct nvme_cursor cursor = { progress->segment, progress->segment_done_bytes, progress->done_bytes };
	void *page = queue->pages + (size_t)slot * NVME_PAGE_BYTES;
	u64 page_address = queue->pages_address.value + (u64)slot * NVME_PAGE_BYTES;
	u32 block_bytes = BLOCK_SECTOR_BYTES << namespace->block_shift;
	struct nvme_piece piece;
	u64 block;

	if (!nvme_next_piece(request, &cursor, block_bytes, controller->max_transfer_bytes, page, page_address, &piece))
		return false;
	progress->segment = cursor.segment;
	progress->segment_done_bytes = (u32)cursor.segment_done_bytes;
	progress->done_bytes = (u32)cursor.done_bytes;
	if (piece.bounce) {
		piece.prp1 = page_address;
		piece.prp2 = 0;
		controller->bounced++;
		if (request->operation == BLOCK_WRITE)
			nvme_copy_piece(request, piece.offset_bytes, piece.size_bytes, page, true);
	}
	queue->slots[slot].offset_bytes = piece.offset_bytes;
	queue->slots[slot].bounce_bytes = piece.bounce && request->operation == BLOCK_READ ? piece.size_bytes : 0;
	block = (request->sector + piece.offset_bytes / BLOCK_SECTOR_BYTES) >> namespace->block_shift;
	command->opcode = request->operation == BLOCK_READ ? NVME_READ : NVME_WRITE;
	command->prp1 = piece.prp1;
	command->prp2 = piece.prp2;
	command->words[0] = (u32)block;
	command->words[1] = (u32)(block >> 32);
	command->words[2] = (u32)(piece.size_bytes / block_bytes - 1);
	if (request->operation == BLOCK_WRITE && (request->flags & BLOCK_FUA))
		command->words[2] |= NVME_RW_FUA;
	return true;
}

/* The other operations are one command each. */
static bool fill_other(struct nvme_queue *queue, struct block_request *request, u32 slot, struct nvme_command *command)
{
	struct nvme_namespace *namespace = progress_of(request)->namespace;
	u64 block = request->sector >> namespace->block_shift, blocks = request->sector_count >> namespace->block_shift;
	struct nvme_dsm_range *range = (void *)(queue->pages + (size_t)slot * NVME_PAGE_BYTES);

	if (progress_of(request)->done_bytes)
		return false;
	progress_of(request)->done_bytes = 1;
	queue->slots[slot].bounce_bytes = 0;
	switch (request->operation) {
	case BLOCK_FLUSH:
		command->opcode = NVME_FLUSH;
		break;
	case BLOCK_DISCARD:
		*range = (struct nvme_dsm_range){ 0, (u32)blocks, block };
		command->opcode = NVME_DATASET_MANAGEMENT;
		command->prp1 = queue->pages_address.value + (u64)slot * NVME_PAGE_BYTES;
		command->words[1] = NVME_DSM_DEALLOCATE;
		break;
	default: /* BLOCK_WRITE_ZEROES */
		command->opcode = NVME_WRITE_ZEROES;
		command->words[0] = (u32)block;
		command->words[1] = (u32)(block >> 32);
		command->words[2] = (u32)(blocks - 1) | (request->flags & BLOCK_UNMAP ? NVME_ZEROES_DEALLOCATE : 0);
	}
	return true;
}

/* [lock] Issues what slots allow; true: the whole request. */
static bool issue(struct nvme_queue *queue, struct block_request *request)
{
	struct progress *progress = progress_of(request);
	bool transfer = request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
	u64 whole = transfer ? request->sector_count * BLOCK_SECTOR_BYTES : 1;

	while (queue->free_count && progress->done_bytes < whole) {
		struct nvme_command command = { .namespace_id = progress->namespace->id };
		u32 slot = take_slot(queue);

		if (transfer)
			fill_transfer(queue, request, slot, &command);
		else
			fill_other(queue, request, slot, &command);
		command.id = (u16)slot;
		queue->slots[slot].request = request;
		queue->slots[slot].issued_ns = clock_ns();
		progress->under_way++;
		queue->commands[queue->tail] = command;
		queue->tail = (queue->tail + 1) & (queue->entries - 1);
	}
	return progress->done_bytes >= whole;
}

void nvme_submit(struct block_device *device, struct block_request *request)
{
	struct nvme_namespace *namespace = device->context;
	struct nvme_controller *controller = namespace->controller;
	int error = block_check(device, request);
	struct nvme_queue *queue;
	u64 flags;
	u32 tail;

	/* The commands count from zero: no blocks cannot be said, and a count below it would say 65,536 of them. */
	if (error || (request->sector_count == 0 && request->operation != BLOCK_FLUSH)) {
		block_complete(device, request, error);
		return;
	}
	*progress_of(request) = (struct progress){ .namespace = namespace };
	flags = irq_save();
	queue = &controller->queues[this_cpu()->index % controller->queue_count];
	lock_raw(&queue->lock);
	if (__atomic_load_n(&controller->broken, __ATOMIC_ACQUIRE)) /* under the lock: nvme_queue_fail comes after it was set, and takes what stands here */
		error = ERR_IO;
	if (!error) {
		tail = queue->tail;
		if (!list_empty(&queue->waiting) || !issue(queue, request)) {
			progress_of(request)->waiting = 1;
			list_push_back(&queue->waiting, &request->node);
		}
		if (queue->tail != tail)
			nvme_ring(queue, false, queue->tail);
		if (!timer_armed(&queue->watchdog))
			timer_arm(&queue->watchdog, clock_ns() + NVME_COMMAND_TIMEOUT_NS);
	}
	unlock_raw(&queue->lock);
	irq_restore(flags);
	if (error)
		block_complete(device, request, error);
}

static int error_of(u16 status)
{
	switch (NVME_STATUS_CODE(status)) {
	case 0: return OK;
	case NVME_STATUS_INVALID_OPCODE: return ERR_UNSUPPORTED;
	case NVME_STATUS_LBA_RANGE: return ERR_RANGE;
	case NVME_STATUS_CAPACITY: return ERR_FULL;
	default: return ERR_IO;
	}
}

/* [lock] A command's end. Its request, when that was its last one; NULL otherwise, and for numbers that are not out. */
static struct block_request *end_command(struct nvme_queue *queue, u32 number, int error)
{
	struct nvme_slot *slot = number < queue->entries ? &queue->slots[number] : NULL;
	struct block_request *request = slot ? slot->request : NULL;
	struct progress *progress;

	if (!request)
		return NULL;
	progress = progress_of(request);
	if (!error && slot->bounce_bytes)
		nvme_copy_piece(request, slot->offset_bytes, slot->bounce_bytes, queue->pages + (size_t)number * NVME_PAGE_BYTES, false);
	if (error && !progress->error)
		progress->error = error;
	slot->request = NULL;
	queue->free_count++;
	progress->under_way--;
	/* One that still waits is neither lost nor ended: issue() goes on with it. */
	return progress->under_way || progress->waiting ? NULL : request;
}

/* [lock] Slots came free: the oldest requests go on. */
static void issue_waiting(struct nvme_queue *queue)
{
	while (queue->free_count && !list_empty(&queue->waiting)) {
		struct block_request *request = LIST_ENTRY(queue->waiting.next, struct block_request, node);

		if (!issue(queue, request))
			return;
		list_remove(&request->node);
		progress_of(request)->waiting = 0;
	}
}

static void complete_all(struct list_node *done, int status)
{
	LIST_FOR_EACH_SAFE(node, done) {
		struct block_request *request = LIST_ENTRY(node, struct block_request, node);
		struct progress *progress = progress_of(request);

		list_remove(node);
		block_complete(&progress->namespace->device, request, status ? status : progress->error);
	}
}

void nvme_queue_interrupt(void *context)
{
	struct nvme_queue *queue = context;
	struct list_node done = LIST_INIT(done);
	u64 flags = lock_irqsave(&queue->lock);
	u32 head = queue->head, tail = queue->tail;

	for (;;) {
		const volatile struct nvme_completion *completion = &queue->completions[queue->head];
		u16 status = completion->status;
		struct block_request *request;

		if ((status & 1) != queue->phase)
			break;
		request = end_command(queue, completion->command_id, error_of(status));
		if (request)
			list_push_back(&done, &request->node);
		if (++queue->head == queue->entries) {
			queue->head = 0;
			queue->phase ^= 1;
		}
	}
	if (queue->head != head)
		nvme_ring(queue, true, queue->head);
	issue_waiting(queue);
	if (queue->tail != tail)
		nvme_ring(queue, false, queue->tail);
	unlock_irqrestore(&queue->lock, flags);
	complete_all(&done, OK);
}

/* Is not cancelled when the queue runs empty: that would cost every request, this costs one interrupt in 30 s. */
static void watch(struct timer *timer)
{
	struct nvme_queue *queue = timer->context;
	u64 flags = lock_irqsave(&queue->lock), oldest = ~(u64)0, now = clock_ns();

	for (u32 i = 0; i < queue->entries; i++)
		if (queue->slots[i].request && queue->slots[i].issued_ns < oldest)
			oldest = queue->slots[i].issued_ns;
	if (oldest != ~(u64)0 && now - oldest >= NVME_COMMAND_TIMEOUT_NS) {
		queue->controller->stuck = true;
		waitqueue_wake_all(&queue->controller->attention);
	} else if (oldest != ~(u64)0) {
		timer_arm(timer, oldest + NVME_COMMAND_TIMEOUT_NS);
	}
	unlock_irqrestore(&queue->lock, flags);
}

void nvme_queue_fail(struct nvme_queue *queue, int status)
{
	struct list_node done = LIST_INIT(done);
	u64 flags = lock_irqsave(&queue->lock);

	LIST_FOR_EACH_SAFE(node, &queue->waiting) {
		struct block_request *request = LIST_ENTRY(node, struct block_request, node);

		list_remove(node);
		progress_of(request)->waiting = 0;
		if (progress_of(request)->under_way == 0)
			list_push_back(&done, node);
	}
	for (u32 i = 0; i < queue->entries; i++) {
		struct block_request *request = end_command(queue, i, status);

		if (request)
			list_push_back(&done, &request->node);
	}
	unlock_irqrestore(&queue->lock, flags);
	complete_all(&done, status);
}

void nvme_queue_start(struct nvme_queue *queue)
{
	u64 flags = lock_irqsave(&queue->lock);

	memset((void *)queue->completions, 0, queue->entries * sizeof(*queue->completions));
	queue->tail = 0;
	queue->head = 0;
	queue->phase = 1;
	queue->next_slot = 0;
	queue->free_count = queue->entries - 1;
	unlock_irqrestore(&queue->lock, flags);
}

int nvme_queue_create(struct nvme_queue *queue, struct nvme_controller *controller, u16 id, u32 entries)
{
	spinlock_init(&queue->lock, "nvme queue", LOCK_RANK_DRIVER);
	list_init(&queue->waiting);
	timer_init(&queue->watchdog, watch, queue);
	queue->controller = controller;
	queue->id = id;
	queue->entries = entries;
	queue->commands = dma_alloc(entries * sizeof(*queue->commands), false, &queue->commands_address);
	queue->completions = dma_alloc(entries * sizeof(*queue->completions), false, &queue->completions_address);
	queue->pages = dma_alloc((u64)entries * NVME_PAGE_BYTES, false, &queue->pages_address);
	if (!queue->commands || !queue->completions || !queue->pages)
		return ERR_NO_MEMORY; /* a controller is never given back: its driver stays */
	nvme_queue_start(queue);
	return OK;
}

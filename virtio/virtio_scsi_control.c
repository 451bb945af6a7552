/* SPDX-License-Identifier: MIT */
/*
 * Task management and events of the SCSI controller ("SCSI Host Device", Device Operation: controlq and eventq).
 *
 * What is at a disk cannot be called back, so a task that is to be aborted is waited for: when the function is complete it has ended, well or
 * not. What was offered before the function was is taken first, or it would begin when the driver thinks that it was aborted. Events
 * wait here until the driver has given buffers for them.
 */
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "virtio/virtio_scsi.h"

struct scope {
	struct virtio_scsi *scsi;
	struct scsi_slot *slot;  /* NULL: all of the target */
	u8 target;
	bool by_tag;
	u64 tag;
};

static bool is_meant(const struct scope *scope, const struct scsi_request *request, const struct scsi_slot *slot)
{
	if (!slot || (scope->slot ? slot != scope->slot : slot->target != scope->target))
		return false;
	return !scope->by_tag || READ_ONCE(request->tag) == scope->tag;
}

static u32 count_requests(const struct virtio_scsi *scsi)
{
	return (scsi->device.queue_count - VIRTIO_SCSI_Q_REQUEST) * SCSI_QUEUE_SIZE;
}

static struct scsi_request *request_at(struct virtio_scsi *scsi, u32 i)
{
	return &scsi->requests[i / SCSI_QUEUE_SIZE][i % SCSI_QUEUE_SIZE];
}

static bool any_left(const struct scope *scope)
{
	struct virtio_scsi *scsi = scope->scsi;
	u64 flags = lock_irqsave(&scsi->lock);
	bool any = false;

	for (u32 i = 0; i < count_requests(scsi) && !any; i++)
		any = is_meant(scope, request_at(scsi, i), request_at(scsi, i)->slot);
	unlock_irqrestore(&scsi->lock, flags);
	return any;
}

/* All that the driver has offered so far is under way. */
static void take_all(struct virtio_scsi *scsi)
{
	for (unsigned i = VIRTIO_SCSI_Q_REQUEST; i < scsi->device.queue_count; i++)
		scsi_requests_work(scsi, i - VIRTIO_SCSI_Q_REQUEST);
}

/* Those that wait for a failing medium are answered as aborted; those at one have ended and were answered. */
static void abort_all(const struct scope *scope)
{
	struct virtio_scsi *scsi = scope->scsi;

	for (u32 i = 0; i < count_requests(scsi); i++) {
		struct scsi_request *request = request_at(scsi, i);

		if (__atomic_load_n(&request->aside, __ATOMIC_ACQUIRE) == SCSI_NOT_ASIDE || !is_meant(scope, request, request->aside_slot))
			continue;
		WRITE_ONCE(request->aborted, true);
		__atomic_store_n(&request->aside, SCSI_ASIDE_AGAIN, __ATOMIC_RELEASE);
	}
	take_all(scsi);
	waitqueue_wait(&scsi->idle, !any_left(scope));
	scsi_settle(scsi);
}

static void reset_units(const struct scope *scope)
{
	struct virtio_scsi *scsi = scope->scsi;
	u64 flags = lock_irqsave(&scsi->lock);

	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++) {
		struct scsi_slot *slot = &scsi->slots[i];

		if (slot->present && (scope->slot ? slot == scope->slot : slot->target == scope->target))
			scsi_unit_reset(&slot->unit, SCSI_ATTENTION_RESET);
	}
	unlock_irqrestore(&scsi->lock, flags);
}

/* OK is "FUNCTION COMPLETE". */
static u8 carry_out(struct scope *scope, u32 function)
{
	switch (function) {
	case VIRTIO_SCSI_TMF_QUERY_TASK:
	case VIRTIO_SCSI_TMF_QUERY_TASK_SET:
		return any_left(scope) ? VIRTIO_SCSI_S_FUNCTION_SUCCEEDED : VIRTIO_SCSI_S_OK;
	case VIRTIO_SCSI_TMF_ABORT_TASK:
	case VIRTIO_SCSI_TMF_ABORT_TASK_SET:
	case VIRTIO_SCSI_TMF_CLEAR_TASK_SET:
		abort_all(scope);
		return VIRTIO_SCSI_S_OK;
	case VIRTIO_SCSI_TMF_I_T_NEXUS_RESET:
	case VIRTIO_SCSI_TMF_LOGICAL_UNIT_RESET:
		abort_all(scope);
		reset_units(scope);
		return VIRTIO_SCSI_S_OK;
	default: /* CLEAR ACA: there is none */
		return VIRTIO_SCSI_S_FUNCTION_REJECTED;
	}
}

static u8 task_management(struct virtio_scsi *scsi, const struct virtio_scsi_tmf *tmf)
{
	struct scope scope = { .scsi = scsi, .tag = tmf->tag };
	bool known, whole_target = tmf->subtype == VIRTIO_SCSI_TMF_I_T_NEXUS_RESET;
	u16 number;
	u64 flags;

	if (!scsi_parse_lun(tmf->lun, &scope.target, &number))
		return VIRTIO_SCSI_S_BAD_TARGET;
	flags = lock_irqsave(&scsi->lock);
	known = scsi_has_target(scsi, scope.target);
	scope.slot = whole_target ? NULL : scsi_find(scsi, scope.target, number);
	unlock_irqrestore(&scsi->lock, flags);
	if (!known)
		return VIRTIO_SCSI_S_BAD_TARGET;
	if (!scope.slot && !whole_target)
		return VIRTIO_SCSI_S_INCORRECT_LUN;
	scope.by_tag = tmf->subtype == VIRTIO_SCSI_TMF_ABORT_TASK || tmf->subtype == VIRTIO_SCSI_TMF_QUERY_TASK;
	take_all(scsi);
	return carry_out(&scope, tmf->subtype);
}

/* Answers a request of the control queue; how many bytes, or 0: it is no request. */
static u32 control(struct virtio_scsi *scsi, const struct virtq_chain *chain, u8 *response)
{
	union {
		u32 type;
		struct virtio_scsi_tmf tmf;
		struct virtio_scsi_an an;
	} request = { .type = ~0u };
	u32 size = MIN(chain->readable_bytes, (u32)sizeof(request));
	u16 number;
	u8 target;

	if (virtq_chain_read(scsi->device.vm, chain, 0, &request, size, true) != OK || size < sizeof(u32))
		return 0;
	switch (request.type) {
	case VIRTIO_SCSI_T_TMF:
		response[0] = size < sizeof(request.tmf) ? (u8)VIRTIO_SCSI_S_FAILURE : task_management(scsi, &request.tmf);
		return 1;
	case VIRTIO_SCSI_T_AN_QUERY:
	case VIRTIO_SCSI_T_AN_SUBSCRIBE: /* no asynchronous notification is offered: event_actual is 0 */
		memset(response, 0, 4);
		response[4] = size < sizeof(request.an) ? VIRTIO_SCSI_S_FAILURE : VIRTIO_SCSI_S_OK;
		if (response[4] == VIRTIO_SCSI_S_OK && !scsi_parse_lun(request.an.lun, &target, &number))
			response[4] = VIRTIO_SCSI_S_BAD_TARGET;
		return 5;
	default:
		response[0] = VIRTIO_SCSI_S_FAILURE;
		return 1;
	}
}

void scsi_control_work(struct virtio_scsi *scsi)
{
	struct virtio_device *device = &scsi->device;

	for (;;) {
		/* Not scsi->scratch: what is done may take other chains. Control requests are short. */
		struct virtq_range ranges[16];
		struct virtq_chain chain = { .ranges = ranges, .capacity = ARRAY_SIZE(ranges) };
		int code = virtio_take(device, VIRTIO_SCSI_Q_CONTROL, &chain, NULL, NULL);
		u8 response[5], byte;
		u32 bytes;

		if (code == ERR_AGAIN && gmem_read(device->vm, GPA(chain.ranges[0].address), &byte, 1) == OK)
			continue;
		if (code == ERR_FULL)
			virtio_driver_error(device, "a SCSI control request in too many pieces");
		if (code != OK)
			return;
		bytes = control(scsi, &chain, response);
		if (!bytes || chain.writable_bytes < bytes || virtq_chain_write(device->vm, &chain, 0, response, bytes) != OK) {
			virtio_driver_error(device, "a SCSI control request that cannot be answered");
			virtio_drop(device, VIRTIO_SCSI_Q_CONTROL);
			return;
		}
		virtio_give(device, VIRTIO_SCSI_Q_CONTROL, chain.head, bytes);
	}
}

/* Events */

void scsi_post_event(struct virtio_scsi *scsi, u32 event, u8 target, u16 lun, u32 reason)
{
	u64 flags = lock_irqsave(&scsi->lock);

	if (scsi->event_count == SCSI_EVENTS_MAX)
		scsi->events_missed = true;
	else
		scsi->events[(scsi->event_first + scsi->event_count++) % SCSI_EVENTS_MAX] = (struct scsi_event){ event, reason, lun, target };
	unlock_irqrestore(&scsi->lock, flags);
	virtio_kick(&scsi->device, VIRTIO_SCSI_Q_EVENT);
}

static bool is_wanted(const struct virtio_device *device, u32 event)
{
	return virtio_has(device, event == VIRTIO_SCSI_T_PARAM_CHANGE ? VIRTIO_SCSI_F_CHANGE : VIRTIO_SCSI_F_HOTPLUG);
}

/* The oldest event as the driver gets it; false: there is none. What it did not negotiate is forgotten. */
static bool peek_event(struct virtio_scsi *scsi, struct virtio_scsi_event *to)
{
	u64 flags = lock_irqsave(&scsi->lock);
	const struct scsi_event *event;
	bool any;

	while (scsi->event_count && !is_wanted(&scsi->device, scsi->events[scsi->event_first].event)) {
		scsi->event_first = (scsi->event_first + 1) % SCSI_EVENTS_MAX;
		scsi->event_count--;
	}
	event = &scsi->events[scsi->event_first];
	any = scsi->event_count != 0;
	if (any)
		*to = (struct virtio_scsi_event){ event->event | (scsi->events_missed ? VIRTIO_SCSI_T_EVENTS_MISSED : 0),
						  { 1, event->target, (u8)(0x40 | event->lun >> 8), (u8)event->lun }, event->reason };
	unlock_irqrestore(&scsi->lock, flags);
	return any;
}

static void drop_event(struct virtio_scsi *scsi)
{
	u64 flags = lock_irqsave(&scsi->lock);

	if (scsi->event_count) { /* a reset may have come between */
		scsi->event_first = (scsi->event_first + 1) % SCSI_EVENTS_MAX;
		scsi->event_count--;
	}
	scsi->events_missed = false;
	unlock_irqrestore(&scsi->lock, flags);
}

void scsi_event_work(struct virtio_scsi *scsi)
{
	struct virtio_device *device = &scsi->device;
	struct virtio_scsi_event event;

	while (peek_event(scsi, &event)) {
		struct virtq_range ranges[4];
		struct virtq_chain chain = { .ranges = ranges, .capacity = ARRAY_SIZE(ranges) };
		int code = virtio_take(device, VIRTIO_SCSI_Q_EVENT, &chain, NULL, NULL);
		u8 byte;

		if (code == ERR_AGAIN && gmem_read(device->vm, GPA(chain.ranges[0].address), &byte, 1) == OK)
			continue;
		if (code == ERR_FULL)
			virtio_driver_error(device, "a SCSI event buffer in too many pieces");
		if (code != OK)
			return;
		if (chain.writable_bytes < SCSI_EVENT_BYTES || virtq_chain_write(device->vm, &chain, 0, &event, SCSI_EVENT_BYTES) != OK) {
			virtio_driver_error(device, "a SCSI event buffer that is too short or not RAM");
			virtio_drop(device, VIRTIO_SCSI_Q_EVENT);
			return;
		}
		drop_event(scsi);
		virtio_give(device, VIRTIO_SCSI_Q_EVENT, chain.head, SCSI_EVENT_BYTES);
	}
}

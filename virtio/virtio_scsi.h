/* SPDX-License-Identifier: MIT */
/*
 * The virtio SCSI controller as its files see it: virtio_scsi.c is the device and its units' life, virtio_scsi_request.c what becomes of a
 * command, virtio_scsi_control.c task management and events. What a command means is scsi_unit.h's.
 *
 * All commands are taken by the device's thread; those that concern the medium come back in any context. A unit's disk is changed or
 * let go of when nothing is at it any more (in_flight).
 */
#ifndef VIRTIO_VIRTIO_SCSI_H
#define VIRTIO_VIRTIO_SCSI_H

#include "hv/block/transfer.h"
#include "hv/device_model.h"
#include "virtio/models.h"
#include "virtio/scsi_unit.h"
#include "virtio/spec/virtio_scsi.h"
#include "virtio/virtio_payload.h"
#include "virtio/virtio_pci.h"

#define SCSI_QUEUE_SIZE 128u
#define SCSI_REQUEST_QUEUES_MAX 8u
#define SCSI_EVENTS_MAX 32u
#define SCSI_EVENT_BYTES ((u32)sizeof(struct virtio_scsi_event))
#define SCSI_RESPONSE_BYTES ((u32)sizeof(struct virtio_scsi_response_head))
#define SCSI_RESPONSE_INLINE 4u

struct virtio_scsi;

/* A place on the bus, with its unit. */
struct scsi_slot {
	struct scsi_unit unit;           /* [lock] */
	struct device_disk disk;         /* [lock] device; the rest (c) while it is present */
	u8 target;                       /* (c) while it is present */
	bool present;                    /* [lock] */
	u32 in_flight;                   /* [lock] commands at the medium */
	u64 known_sectors;               /* (o) hv/manage: the size that the guest was told of */
};

enum scsi_aside { SCSI_NOT_ASIDE, SCSI_ASIDE, SCSI_ASIDE_AGAIN /* the machine goes on: to be tried again */ };

/* One for each head of a request queue. */
struct scsi_request {
	struct block_transfer transfer;
	struct virtio_scsi *scsi;        /* (c) */
	u16 queue, head;                 /* (c) */
	bool busy;                       /* (a) set under the queue's lock */
	bool aborted;                    /* (a) by task management, while it is aside */
	u8 aside;                        /* (a) enum scsi_aside */
	u8 action;                       /* enum scsi_action */
	struct scsi_slot *slot;          /* [lock] at whose medium it is; NULL: at none */
	struct scsi_slot *aside_slot;    /* at whose it was */
	u64 tag, started_ns;
	struct virtio_payload payload;
	u8 *pattern;                     /* of SCSI_FILL, kmalloc'd; with it segments */
	struct scsi_range *ranges;       /* of SCSI_CLEAR, kmalloc'd */
	u32 range_count, range_next;
	u32 sense_size, in_bytes, out_bytes; /* what the driver has room for, or gives */
	u32 response_count;              /* pinned */
	struct virtq_range *response;    /* the answer's ranges: response_inline, or kmalloc'd */
	struct virtq_range response_inline[SCSI_RESPONSE_INLINE];
};

struct scsi_event {
	u32 event, reason;
	u16 lun;
	u8 target;
};

struct virtio_scsi {
	struct virtio_device device;
	struct virtio_pci pci;
	struct spinlock lock;            /* units and events; under no other lock of ours */
	struct scsi_slot slots[DEVICE_SCSI_UNITS_MAX];
	struct waitqueue idle;           /* a unit's in_flight became 0, or a request ended */
	struct scsi_request *requests[SCSI_REQUEST_QUEUES_MAX]; /* (c) by request queue */
	struct scsi_event events[SCSI_EVENTS_MAX]; /* [lock] a ring of those that the driver was not told of */
	u32 event_first, event_count;    /* [lock] */
	bool events_missed;              /* [lock] */
	struct scsi_bus *bus;            /* (c) hv/manage's view of us */
	u32 responding;                  /* (a) requests that have left their medium, whose answers are being written */
	bool bouncing;                   /* (a) one request at a time has a buffer of ours */
	struct waitqueue bounce_wait;
	u64 bounces;                     /* (a) counted: payload that was copied */
	/* (o) the device's thread */
	struct virtq_range *scratch;     /* VIRTQ_CHAIN_MAX ranges */
	struct scsi_command *command;
	u8 *data;                        /* the command's */
};

static inline struct virtio_scsi *scsi_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_scsi, device);
}

/* virtio_scsi.c. [lock]: */
struct scsi_slot *scsi_find(struct virtio_scsi *scsi, u8 target, u16 lun); /* NULL: none */
bool scsi_has_target(const struct virtio_scsi *scsi, u8 target);
/* "the LUN field": a target's number and a single-level number. False: it names no place that could be. */
bool scsi_parse_lun(const u8 *lun, u8 *target, u16 *number);

/* virtio_scsi_request.c */
void scsi_requests_init(struct virtio_scsi *scsi, unsigned queue);
void scsi_requests_work(struct virtio_scsi *scsi, unsigned queue);
void scsi_forget_aside(struct virtio_scsi *scsi, unsigned queue); /* stopped */
void scsi_allow_again(struct virtio_scsi *scsi);                  /* before the device is live again */
/* Every answer that was begun has been given; those of requests that were waited for, before. Thread context. */
void scsi_settle(struct virtio_scsi *scsi);

/* virtio_scsi_control.c */
void scsi_control_work(struct virtio_scsi *scsi);
void scsi_event_work(struct virtio_scsi *scsi);
/* Tells the driver, now or when it has given a buffer. Any context, lock not held. */
void scsi_post_event(struct virtio_scsi *scsi, u32 event, u8 target, u16 lun, u32 reason);

#endif

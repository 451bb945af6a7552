/* SPDX-License-Identifier: MIT */
/*
 * A virtio disk as the host's: a block device "vda". VIRTIO 1.2, "Block Device" (5.2). Tags as in hv/vcpu.h.
 * Next to read: virtio_host_blk.c, virtio_host_blk_request.c.
 */
#ifndef DRIVERS_VIRTIO_HOST_BLK_H
#define DRIVERS_VIRTIO_HOST_BLK_H

#include "drivers/virtio_host.h"
#include "hv/block_device.h"
#include "hv/thread.h"
#include "hv/timer.h"
#include "virtio/spec/virtio_blk.h"

#define VIRTIO_HOST_BLK_SEGMENTS 126u /* of a request; with header and status half of the largest queue */
#define VIRTIO_HOST_BLK_TIMEOUT_NS (30 * 1000000000ull)

/* What the device reads before and writes after the data; a place of its own for each descriptor that may be a chain's head. */
struct virtio_host_blk_words {
	struct virtio_blk_header header;
	struct virtio_blk_range range;
	u8 status, unused[31];
};
STATIC_ASSERT(sizeof(struct virtio_host_blk_words) == 64, "virtio_host_blk_words");

struct virtio_host_blk {
	struct block_device disk;
	struct virtio_host device;
	struct virtio_host_queue queue;    /* [lock] */
	struct virtio_host_blk_words *words; /* (c) DMA */
	hpa_t words_address;               /* (c) */
	u32 segments_max;                  /* (c) of one request */
	bool may_unmap;                    /* (c) write-zeroes may give space back */
	struct spinlock lock;              /* rank LOCK_RANK_DRIVER */
	struct block_request *requests[VIRTIO_HOST_QUEUE_MAX]; /* [lock] by their chain's head */
	u64 issued_ns[VIRTIO_HOST_QUEUE_MAX]; /* [lock] */
	struct list_node waiting;          /* [lock] requests that the queue had no room for, oldest first */
	bool live;                         /* [lock] */
	bool dead;                         /* [lock] it did not come back: everything fails */
	u8 config_asked;                   /* (a) its configuration changed */
	bool failed;                       /* (a) to be reset by the keeper */
	struct timer watchdog;             /* armed while requests are under way */
	struct waitqueue attention;        /* the keeper's */
};

extern const struct pci_driver virtio_host_blk_driver;

/* virtio_host_blk_request.c */
void virtio_host_blk_submit(struct block_device *device, struct block_request *request);
/* Completes what the device is done with, and goes on with what waits. Any context. */
void virtio_host_blk_look(struct virtio_host_blk *blk);
/* Ends all requests, also those that wait. The device is reset, or off the bus. */
void virtio_host_blk_fail(struct virtio_host_blk *blk, int status);
/* The oldest request's time of issue; ~0: none. */
u64 virtio_host_blk_oldest(struct virtio_host_blk *blk);

#endif

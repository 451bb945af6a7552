/* SPDX-License-Identifier: MIT */
/* virtio-blk as its two files see it: virtio_blk.c is the device, virtio_blk_request.c what becomes of a request. */
#ifndef VIRTIO_VIRTIO_BLK_H
#define VIRTIO_VIRTIO_BLK_H

#include "hv/block/transfer.h"
#include "hv/device_model.h"
#include "hv/timer.h"
#include "virtio/models.h"
#include "virtio/spec/virtio_blk.h"
#include "virtio/virtio_pci.h"

#define BLK_QUEUE_SIZE 128u
#define BLK_SEG_MAX (BLK_QUEUE_SIZE - 2)
#define BLK_SIZE_MAX (128u * 1024)         /* of one segment */
#define BLK_BYTES_MAX (BLK_SEG_MAX * BLK_SIZE_MAX)
#define BLK_BOUNCE_MAX (1u << 20)          /* of a request whose buffers no controller could take */
#define BLK_INLINE 4u                      /* ranges and segments of a request that needs no allocation */
#define BLK_LIST_MAX 16u                   /* ranges of one discard or write-zeroes */
#define BLK_QUEUES_MAX 8u

struct virtio_blk;

enum blk_aside { BLK_NOT_ASIDE, BLK_ASIDE, BLK_ASIDE_AGAIN /* the machine goes on: to be tried again */ };

/* One for each head of a queue: a head is in flight once at most, or the driver cheats. */
struct blk_request {
	struct block_transfer transfer;
	struct virtio_blk *blk;            /* (c) */
	u16 queue, head;                   /* (c) */
	bool busy;                         /* (a) set under the queue's lock */
	u8 aside;                          /* (a) enum blk_aside: the medium failed it and the policy is to stop */
	u8 access;                         /* how the ranges are pinned: enum gmem_access */
	u32 type;                          /* VIRTIO_BLK_T_ */
	u32 written;                       /* used.length when it goes well */
	u32 written_on_error;
	u64 status_address, started_ns;
	u32 range_count;                   /* pinned */
	struct virtq_range *ranges;        /* inline_ranges, or kmalloc'd */
	u8 *bounce;                        /* NULL, or the payload while it is at the controller */
	struct virtio_blk_range *list;     /* of discard and write-zeroes, kmalloc'd */
	u32 list_count, list_next;
	struct virtq_range inline_ranges[BLK_INLINE];
	struct block_segment inline_segments[BLK_INLINE];
};

struct blk_limiter {
	struct spinlock lock;
	u64 paid_until_ns[DISK_LIMITS];    /* [lock] */
	u32 changes;                       /* [lock] of the limits that they are about */
	struct timer timer;                /* looks again */
};

struct virtio_blk {
	struct virtio_device device;
	struct virtio_pci pci;
	struct device_disk disk;           /* (c) */
	struct blk_limiter limiter;
	char serial[VIRTIO_BLK_ID_BYTES];  /* (c) */
	struct blk_request *requests[BLK_QUEUES_MAX]; /* (c) */
	struct virtq_range *scratch;       /* (o) the device's thread: VIRTQ_CHAIN_MAX ranges */
	struct waitqueue bounce_wait;
	bool bouncing;                     /* (a) one request at a time */
	u64 bounces;                       /* (a) counted: payload that was copied */
};

/* virtio_blk_request.c */
void blk_doorbell(struct virtio_device *device, unsigned queue);
void blk_work(struct virtio_device *device, unsigned queue);
/* virtio_blk_errors.c: error policies. */
int blk_judge_failure(const struct blk_request *request, int status); /* the status that the policy makes of it; ERR_AGAIN: stop */
void blk_set_aside(struct blk_request *request); /* its buffers are unpinned; the device may be gone afterwards */
void blk_forget_aside(struct virtio_blk *blk, unsigned queue); /* stopped */
void blk_allow_again(struct virtio_blk *blk);    /* before the device is live again */
struct blk_request *blk_next_again(struct virtio_blk *blk, unsigned queue); /* the device's thread */

/* virtio_blk_limits.c: <iotune>. admit: under the queue's lock; false: not now, the queue will be kicked. Fast level. */
void blk_limits_init(struct virtio_blk *blk);
void blk_limits_end(struct virtio_blk *blk);
bool blk_admit(struct virtio_blk *blk, const struct virtq_chain *chain);

void blk_requests_init(struct virtio_blk *blk, unsigned queue);

#endif

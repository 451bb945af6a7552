/* SPDX-License-Identifier: MIT */
/* virtio-blk as its two files see it: virtio_blk.c is the device, virtio_blk_request.c what becomes of a request. */
#ifndef VIRTIO_VIRTIO_BLK_H
#define VIRTIO_VIRTIO_BLK_H

#include "hv/block/transfer.h"
#include "hv/device_model.h"
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

/* One for each head of a queue: a head is in flight once at most, or the driver cheats. */
struct blk_request {
	struct block_transfer transfer;
	struct virtio_blk *blk;            /* (c) */
	u16 queue, head;                   /* (c) */
	bool busy;                         /* (a) set under the queue's lock */
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

struct virtio_blk {
	struct virtio_device device;
	struct virtio_pci pci;
	struct device_disk disk;           /* (c) */
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
void blk_requests_init(struct virtio_blk *blk, unsigned queue);

#endif

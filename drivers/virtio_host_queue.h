/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue, seen from the driver's side (VIRTIO 1.2, 2.7): Solera offers buffers, a host device uses them.
 *
 * The device is not trusted: which descriptors hang together, and how much of each may be written, stands in memory of our own; what
 * the device writes (the used ring) is read once and held against that. A queue whose device said nonsense is broken: it gives
 * nothing any more until it is made anew after a reset of the device. No lock in here: the driver's.
 * Next to read: virtio_host_queue.c, virtio_host.h.
 */
#ifndef DRIVERS_VIRTIO_HOST_QUEUE_H
#define DRIVERS_VIRTIO_HOST_QUEUE_H

#include "hv/lib/error.h"
#include "virtio/spec/virtio.h"

#define VIRTIO_HOST_QUEUE_MAX 256u
#define VIRTIO_HOST_NONE 0xffffu

struct virtio_host_buffer {
	u64 address;
	u32 size_bytes;
	bool device_writes; /* those that the device reads come first */
};

struct virtio_host_queue {
	u16 size;                         /* (c) a power of two; 0: not there */
	struct virtq_desc *descriptors;   /* (c) DMA, as the two rings */
	u8 *available, *used;
	hpa_t address;                    /* (c) of the descriptors */
	u64 descriptor_bytes, available_bytes, memory_bytes; /* (c) */
	volatile void *doorbell;          /* (c) a 16-bit register */
	u16 index;                        /* (c) the device's number for it */
	/* The driver's lock from here. */
	bool broken;
	u16 available_index;              /* as the device knows it after virtio_host_queue_publish */
	u16 published_index;
	u16 used_index;                   /* the next element that we read */
	u16 free_first, free_count;
	u16 chains;                       /* that the device has */
	u16 next[VIRTIO_HOST_QUEUE_MAX];  /* of a chain, or of the free descriptors */
	u16 count[VIRTIO_HOST_QUEUE_MAX]; /* at a chain's head: its descriptors; 0: no head */
	u32 writable_bytes[VIRTIO_HOST_QUEUE_MAX]; /* at a chain's head */
};

/* Memory for a queue of `size`. ERR_NO_MEMORY. Thread context. */
MUST_CHECK int virtio_host_queue_create(struct virtio_host_queue *queue, u16 size);
void virtio_host_queue_free(struct virtio_host_queue *queue); /* the device is reset, or may not master the bus */
/* Empty, as after its creation: the device is reset, and whatever was in it is the driver's again. */
void virtio_host_queue_empty(struct virtio_host_queue *queue);
/* The descriptor that the n-th buffer of the next chain gets: the first, or the one after `before`. VIRTIO_HOST_NONE: no more. */
u16 virtio_host_queue_free_at(const struct virtio_host_queue *queue, u16 before);
/* A chain, not shown to the device yet. Returns its head; ERR_FULL: not so many descriptors are free. count is not 0. */
MUST_CHECK int virtio_host_queue_add(struct virtio_host_queue *queue, const struct virtio_host_buffer *buffers, u32 count);
/* Shows what was added, and rings when the device wants that. */
void virtio_host_queue_publish(struct virtio_host_queue *queue);
/*
 * A chain that the device is done with: its head, and how much the device says that it wrote (no more than it could).
 * ERR_NOT_FOUND: none; ERR_IO: the queue is broken.
 */
MUST_CHECK int virtio_host_queue_take(struct virtio_host_queue *queue, u32 *written_bytes);
bool virtio_host_queue_pending(const struct virtio_host_queue *queue);
/* Interrupts wanted or not: a hint to the device. After turning them on look for what came in between. */
void virtio_host_queue_interrupts(struct virtio_host_queue *queue, bool on);

#endif

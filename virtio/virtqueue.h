/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a split virtqueue (VIRTIO 1.2, "Split Virtqueues"): the one place where indices, lengths and chains that
 * a guest wrote are bounded.
 *
 * Everything is read once, by copy, and the copy is checked; what a second vCPU changes meanwhile changes nothing. A broken
 * rule of the driver's is ERR_INVALID with words in queue->broken; the transport then asks for a reset. The caller keeps calls on
 * one queue apart (virtio_device.c's queue lock). Nothing here sleeps but virtq_enable. Next to read: virtio_device.h.
 */
#ifndef VIRTIO_VIRTQUEUE_H
#define VIRTIO_VIRTQUEUE_H

#include "hv/gmem.h"

#define VIRTQ_SIZE_MAX 1024u
#define VIRTQ_CHAIN_MAX 1024u /* descriptors of one chain, an indirect table's included */

struct virtq_range {
	u64 address;
	u32 size_bytes;       /* never 0; address + size_bytes does not wrap */
};

/* One chain, copied and checked: first what the device may read, then what it may write. */
struct virtq_chain {
	struct virtq_range *ranges; /* the caller's, capacity of them */
	u32 capacity;
	u32 readable_count, writable_count;
	u32 readable_bytes, writable_bytes; /* together below 2^32 */
	u16 head;
};

struct virtq {
	struct vm *vm;              /* (c) */
	u16 size_max;               /* (c) */
	u16 size;                   /* the driver's choice: a power of two up to size_max */
	u64 desc, avail, used;      /* where the driver put the parts */
	bool enabled, event_idx, indirect;
	bool signalled_valid;       /* an interrupt was considered before */
	u16 next_avail, next_used;  /* free-running */
	u16 signalled;              /* next_used when an interrupt was last considered */
	const char *broken;         /* NULL, or which rule the driver broke */
	struct gmem_window desc_window, avail_window, used_window; /* mapped while enabled */
};

/* Power-on state; size is size_max then. */
void virtq_init(struct virtq *queue, struct vm *vm, u16 size_max);
/* Maps the rings. ERR_INVALID: size or alignment; ERR_FAULT: not all RAM; ERR_NO_MEMORY. Thread context. */
MUST_CHECK int virtq_enable(struct virtq *queue);
void virtq_disable(struct virtq *queue); /* unmaps; back to the power-on state. No chain is out any more */

/*
 * Takes the next chain. OK; ERR_NOT_FOUND: there is none; ERR_FULL: more descriptors than chain->capacity (nothing was taken);
 * ERR_AGAIN: an indirect table's page is not there yet (nothing was taken; *chain->ranges[0].address says where: read a byte
 * of it by gmem_read, then try again); ERR_INVALID: broken.
 */
MUST_CHECK int virtq_pop(struct virtq *queue, struct virtq_chain *chain);
MUST_CHECK int virtq_again(struct virtq *queue, u16 head, struct virtq_chain *chain); /* one that was popped and not pushed, anew */
void virtq_unpop(struct virtq *queue); /* gives the chain back that virtq_pop gave last, and so on backwards; no push was between */
/* The chain is done; the device wrote `written` bytes from the start of what it may write. */
void virtq_push(struct virtq *queue, u16 head, u32 written);
/* The same for several at once, which the driver sees all or none: fill the ahead-th from 0 on, then publish their count. */
void virtq_fill(struct virtq *queue, u16 ahead, u16 head, u32 written);
void virtq_publish(struct virtq *queue, u16 count);
bool virtq_wants_interrupt(struct virtq *queue); /* after one or more pushes */
/* Asks for a doorbell at the next chain; true: there is one already, so pop again. */
bool virtq_ask_doorbell(struct virtq *queue);
void virtq_decline_doorbells(struct virtq *queue); /* while somebody pops anyway */

/*
 * Copies part of what the device may read (or write) of a chain; the part lies inside of it. may_sleep: thread context. ERR_FAULT:
 * not RAM; ERR_AGAIN: not there yet (only without may_sleep).
 */
MUST_CHECK int virtq_chain_read(struct vm *vm, const struct virtq_chain *chain, u32 offset, void *to, u32 size_bytes, bool may_sleep);
MUST_CHECK int virtq_chain_write(struct vm *vm, const struct virtq_chain *chain, u32 offset, const void *from, u32 size_bytes);
/* The ranges of [offset, offset + size) of the readable or writable part; returns their count, or ERR_FULL. */
MUST_CHECK int virtq_chain_slice(const struct virtq_chain *chain, bool writable, u32 offset, u32 size_bytes, struct virtq_range *to,
				 u32 max);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The data part of a chain on its way to a disk or from it: pinned as the guest laid it out, or, where no controller could take it so
 * (not whole sectors, odd addresses), by way of a buffer of ours. Next to read: virtio_payload.c.
 */
#ifndef VIRTIO_VIRTIO_PAYLOAD_H
#define VIRTIO_VIRTIO_PAYLOAD_H

#include "hv/block_device.h"
#include "virtio/virtqueue.h"

#define PAYLOAD_INLINE 4u               /* ranges and segments that need no allocation */
#define PAYLOAD_BOUNCE_MAX (1u << 20)

struct virtio_payload {
	struct vm *vm;                  /* (c) */
	u8 access;                      /* how it is pinned: enum gmem_access */
	u32 range_count;                /* pinned */
	u32 segment_count;
	struct virtq_range *ranges;     /* inline_ranges, or kmalloc'd */
	struct block_segment *segments; /* inline_segments, or kmalloc'd */
	u8 *bounce;                     /* NULL, or where the data is while it is at the controller */
	struct virtq_range inline_ranges[PAYLOAD_INLINE];
	struct block_segment inline_segments[PAYLOAD_INLINE];
};

void virtio_payload_init(struct virtio_payload *payload, struct vm *vm);
/*
 * Pins `bytes` from offset on of what the device may write (writable), or read. Thread context. ERR_NO_MEMORY, ERR_FAULT; nothing
 * stays pinned then.
 */
MUST_CHECK int virtio_payload_pin(struct virtio_payload *payload, const struct virtq_chain *chain, bool writable, u32 offset, u32 bytes);
bool virtio_payload_is_plain(const struct virtio_payload *payload); /* a controller can have it as it is */
/* Puts a buffer in its place, with the data that goes to the disk. Thread context. ERR_RANGE: too large; ERR_NO_MEMORY. */
MUST_CHECK int virtio_payload_bounce(struct virtio_payload *payload, u32 bytes);
/* Ends it; deliver: what came from the disk goes to the guest. Any context. A payload that is not pinned is left alone. */
void virtio_payload_end(struct virtio_payload *payload, bool deliver);
/* Writes to pinned ranges from their start on. Any context. */
void virtio_payload_write(struct vm *vm, const struct virtq_range *ranges, u32 count, const void *from, u32 bytes);

#endif

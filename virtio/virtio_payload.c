/* SPDX-License-Identifier: MIT */
/* See virtio_payload.h. */
#include "virtio/virtio_payload.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

STATIC_ASSERT(sizeof(struct gmem_segment) == sizeof(struct block_segment) &&
	      offsetof(struct gmem_segment, size_bytes) == offsetof(struct block_segment, size_bytes), "the same pairs");

void virtio_payload_init(struct virtio_payload *payload, struct vm *vm)
{
	*payload = (struct virtio_payload){ .vm = vm };
	payload->ranges = payload->inline_ranges;
	payload->segments = payload->inline_segments;
}

static void release_lists(struct virtio_payload *payload)
{
	if (payload->ranges != payload->inline_ranges)
		kfree(payload->ranges);
	if (payload->segments != payload->inline_segments)
		kfree(payload->segments);
	payload->ranges = payload->inline_ranges;
	payload->segments = payload->inline_segments;
	payload->segment_count = 0;
}

static void unpin(struct virtio_payload *payload)
{
	for (u32 i = 0; i < payload->range_count; i++)
		gmem_unpin(payload->vm, GPA(payload->ranges[i].address), payload->ranges[i].size_bytes, payload->access);
	payload->range_count = 0;
}

static u64 pages_of(const struct virtq_range *ranges, u32 count)
{
	u64 pages = 0;

	for (u32 i = 0; i < count; i++)
		pages += ((ranges[i].address & PAGE_MASK) + ranges[i].size_bytes + PAGE_MASK) >> PAGE_SHIFT;
	return pages;
}

/* Ranges, and room for their segments; the count of ranges, or ERR_NO_MEMORY. */
static int make_lists(struct virtio_payload *payload, const struct virtq_chain *chain, bool writable, u32 offset, u32 bytes, u64 *room)
{
	u32 most = writable ? chain->writable_count : chain->readable_count;
	int found;

	if (most > PAYLOAD_INLINE)
		payload->ranges = kmalloc(most * sizeof(*payload->ranges));
	if (!payload->ranges) {
		payload->ranges = payload->inline_ranges;
		return ERR_NO_MEMORY;
	}
	found = virtq_chain_slice(chain, writable, offset, bytes, payload->ranges, most);
	if (found < 0)
		return found;
	*room = pages_of(payload->ranges, (u32)found);
	if (*room > PAYLOAD_INLINE)
		payload->segments = kmalloc(*room * sizeof(*payload->segments));
	if (!payload->segments) {
		payload->segments = payload->inline_segments;
		return ERR_NO_MEMORY;
	}
	return found;
}

int virtio_payload_pin(struct virtio_payload *payload, const struct virtq_chain *chain, bool writable, u32 offset, u32 bytes)
{
	u64 room = 0;
	int count = make_lists(payload, chain, writable, offset, bytes, &room), code = count;

	payload->access = writable ? GMEM_WRITE : GMEM_READ;
	for (int i = 0; i < count && code >= 0; i++) {
		struct gmem_segment *segments = (struct gmem_segment *)(void *)payload->segments;

		code = gmem_pin(payload->vm, GPA(payload->ranges[i].address), payload->ranges[i].size_bytes, payload->access,
				segments + payload->segment_count, (unsigned)room - payload->segment_count);
		if (code < 0)
			break;
		payload->segment_count += (u32)code;
		payload->range_count++;
	}
	if (code >= 0)
		return OK;
	unpin(payload);
	release_lists(payload);
	return code;
}

bool virtio_payload_is_plain(const struct virtio_payload *payload)
{
	for (u32 i = 0; i < payload->range_count; i++)
		if ((payload->ranges[i].address & 3) || (payload->ranges[i].size_bytes & (BLOCK_SECTOR_BYTES - 1)))
			return false;
	return true;
}

/* Between a buffer and pinned ranges, page by page: the pages are there, so only a bug fails, and it leaves zeroes. */
static void copy(struct vm *vm, const struct virtq_range *ranges, u32 count, u8 *at, u64 bytes, bool to_guest)
{
	for (u32 i = 0; i < count && bytes; i++) {
		u64 address = ranges[i].address, left = MIN((u64)ranges[i].size_bytes, bytes);

		bytes -= left;
		while (left) {
			u64 part = MIN(left, PAGE_SIZE - (address & PAGE_MASK));
			int code = to_guest ? gmem_write_nofault(vm, GPA(address), at, part)
					    : gmem_read_nofault(vm, GPA(address), at, part);

			if (code != OK)
				return;
			address += part;
			at += part;
			left -= part;
		}
	}
}

void virtio_payload_write(struct vm *vm, const struct virtq_range *ranges, u32 count, const void *from, u32 bytes)
{
	copy(vm, ranges, count, (u8 *)(uintptr_t)from, bytes, true);
}

int virtio_payload_bounce(struct virtio_payload *payload, u32 bytes)
{
	if (bytes > PAYLOAD_BOUNCE_MAX)
		return ERR_RANGE;
	payload->bounce = kzalloc(bytes);
	if (!payload->bounce)
		return ERR_NO_MEMORY;
	if (payload->access == GMEM_READ)
		copy(payload->vm, payload->ranges, payload->range_count, payload->bounce, bytes, false);
	payload->segments[0] = (struct block_segment){ direct_unmap(payload->bounce), bytes };
	payload->segment_count = 1;
	return OK;
}

void virtio_payload_end(struct virtio_payload *payload, bool deliver)
{
	u64 bytes = 0;

	for (u32 i = 0; i < payload->range_count; i++)
		bytes += payload->ranges[i].size_bytes;
	if (payload->bounce && deliver && payload->access == GMEM_WRITE)
		copy(payload->vm, payload->ranges, payload->range_count, payload->bounce, bytes, true);
	kfree(payload->bounce);
	payload->bounce = NULL;
	unpin(payload);
	release_lists(payload);
}

/* SPDX-License-Identifier: MIT */
/*
 * The driver's side of a split virtqueue (virtio_host_queue.h), in the order of VIRTIO 1.2, "Supplying Buffers to The Device"
 * (2.7.13) and "Receiving Used Buffers From The Device" (2.7.14).
 *
 * x86 keeps stores in order, and loads in order: a compiler's barrier is enough for both, but not between our store of an index and
 * our load of the other side's flags. That pair is a whole barrier.
 */
#include "drivers/virtio_host_queue.h"
#include "hv/dma.h"
#include "hv/lib/string.h"
#include "hv/mmio.h"

static volatile u16 *word(u8 *ring, u32 offset)
{
	return (volatile u16 *)(void *)(ring + offset);
}

static void link_free(struct virtio_host_queue *queue)
{
	for (u16 i = 0; i < queue->size; i++) {
		queue->next[i] = (u16)(i + 1u < queue->size ? i + 1u : VIRTIO_HOST_NONE);
		queue->count[i] = 0;
	}
	queue->free_first = 0;
	queue->free_count = queue->size;
	queue->chains = 0;
}

void virtio_host_queue_empty(struct virtio_host_queue *queue)
{
	memset(queue->descriptors, 0, queue->memory_bytes);
	queue->available_index = queue->published_index = queue->used_index = 0;
	queue->broken = false;
	link_free(queue);
}

int virtio_host_queue_create(struct virtio_host_queue *queue, u16 size)
{
	queue->descriptor_bytes = size * sizeof(struct virtq_desc);
	queue->available_bytes = ALIGN_UP(VIRTQ_AVAIL_BYTES((u64)size), 4u);
	queue->memory_bytes = queue->descriptor_bytes + queue->available_bytes + VIRTQ_USED_BYTES((u64)size);
	queue->descriptors = dma_alloc(queue->memory_bytes, false, &queue->address);
	if (!queue->descriptors)
		return ERR_NO_MEMORY;
	queue->size = size;
	queue->available = (u8 *)queue->descriptors + queue->descriptor_bytes;
	queue->used = queue->available + queue->available_bytes;
	virtio_host_queue_empty(queue);
	return OK;
}

void virtio_host_queue_free(struct virtio_host_queue *queue)
{
	dma_free(queue->descriptors, queue->memory_bytes);
	queue->descriptors = NULL;
	queue->size = 0;
}

u16 virtio_host_queue_free_at(const struct virtio_host_queue *queue, u16 before)
{
	return before == VIRTIO_HOST_NONE ? queue->free_first : queue->next[before];
}

int virtio_host_queue_add(struct virtio_host_queue *queue, const struct virtio_host_buffer *buffers, u32 count)
{
	u16 head = queue->free_first, at = head;
	u32 writable = 0;

	if (queue->broken || count > queue->free_count)
		return ERR_FULL;
	for (u32 i = 0; i < count; i++) {
		bool last = i == count - 1;
		u16 flags = (u16)((last ? 0 : VIRTQ_DESC_F_NEXT) | (buffers[i].device_writes ? VIRTQ_DESC_F_WRITE : 0));

		queue->descriptors[at] = (struct virtq_desc){ buffers[i].address, buffers[i].size_bytes, flags,
							      last ? 0 : queue->next[at] };
		writable += buffers[i].device_writes ? buffers[i].size_bytes : 0;
		if (!last)
			at = queue->next[at];
	}
	queue->free_first = queue->next[at];
	queue->next[at] = VIRTIO_HOST_NONE;
	queue->free_count = (u16)(queue->free_count - count);
	queue->count[head] = (u16)count;
	queue->writable_bytes[head] = writable;
	*word(queue->available, VIRTQ_AVAIL_RING(queue->available_index & (queue->size - 1u))) = head;
	queue->available_index++;
	queue->chains++;
	return head;
}

void virtio_host_queue_publish(struct virtio_host_queue *queue)
{
	if (queue->available_index == queue->published_index)
		return;
	COMPILER_BARRIER();
	*word(queue->available, VIRTQ_AVAIL_IDX) = queue->available_index;
	queue->published_index = queue->available_index;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(*word(queue->used, VIRTQ_USED_FLAGS) & VIRTQ_USED_F_NO_NOTIFY))
		mmio_write16(queue->doorbell, 0, queue->index);
}

static void give_back(struct virtio_host_queue *queue, u16 head)
{
	u16 last = head;

	while (queue->next[last] != VIRTIO_HOST_NONE)
		last = queue->next[last];
	queue->next[last] = queue->free_first;
	queue->free_first = head;
	queue->free_count = (u16)(queue->free_count + queue->count[head]);
	queue->count[head] = 0;
	queue->chains--;
}

bool virtio_host_queue_pending(const struct virtio_host_queue *queue)
{
	return queue->size && !queue->broken && *word(queue->used, VIRTQ_USED_IDX) != queue->used_index;
}

int virtio_host_queue_take(struct virtio_host_queue *queue, u32 *written_bytes)
{
	const volatile struct virtq_used_element *element;
	u32 id, length;
	u16 ahead;

	if (queue->broken)
		return ERR_IO;
	ahead = (u16)(*word(queue->used, VIRTQ_USED_IDX) - queue->used_index);
	if (!ahead)
		return ERR_NOT_FOUND;
	COMPILER_BARRIER();
	element = (void *)(queue->used + VIRTQ_USED_RING(queue->used_index & (queue->size - 1u)));
	id = element->id;
	length = element->length;
	if (ahead > queue->chains || id >= queue->size || !queue->count[index_nospec(id, queue->size)] ||
	    length > queue->writable_bytes[index_nospec(id, queue->size)]) {
		queue->broken = true;
		return ERR_IO;
	}
	queue->used_index++;
	give_back(queue, (u16)id);
	*written_bytes = length;
	return (int)id;
}

void virtio_host_queue_interrupts(struct virtio_host_queue *queue, bool on)
{
	*word(queue->available, VIRTQ_AVAIL_FLAGS) = on ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues, the device's side (virtqueue.h).
 *
 * A doubt is always settled against the driver: it gets NEEDS_RESET, nobody else notices. Section titles below are VIRTIO 1.2's.
 */
#include "virtio/virtqueue.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "virtio/spec/virtio.h"

static u16 *avail_word(const struct virtq *queue, u32 offset)
{
	return gmem_window_at(&queue->avail_window, offset);
}

static u16 *used_word(const struct virtq *queue, u32 offset)
{
	return gmem_window_at(&queue->used_window, offset);
}

static int broken(struct virtq *queue, const char *rule)
{
	queue->broken = rule;
	return ERR_INVALID;
}

void virtq_init(struct virtq *queue, struct vm *vm, u16 size_max)
{
	*queue = (struct virtq){ .vm = vm, .size_max = size_max, .size = size_max };
}

int virtq_enable(struct virtq *queue)
{
	struct vm *vm = queue->vm;
	u16 size = queue->size;
	int code;

	if (!size || size > queue->size_max || (size & (size - 1)) || !IS_ALIGNED(queue->desc, 16) ||
	    !IS_ALIGNED(queue->avail, 2) || !IS_ALIGNED(queue->used, 4))
		return ERR_INVALID;
	code = gmem_map(vm, GPA(queue->desc), size * (u32)sizeof(struct virtq_desc), GMEM_READ, &queue->desc_window);
	if (code == OK)
		code = gmem_map(vm, GPA(queue->avail), VIRTQ_AVAIL_BYTES(size), GMEM_READ, &queue->avail_window);
	if (code == OK)
		code = gmem_map(vm, GPA(queue->used), VIRTQ_USED_BYTES(size), GMEM_WRITE, &queue->used_window);
	if (code != OK) {
		gmem_unmap(vm, &queue->desc_window);
		gmem_unmap(vm, &queue->avail_window);
		gmem_unmap(vm, &queue->used_window);
		return code;
	}
	queue->enabled = true;
	return OK;
}

void virtq_disable(struct virtq *queue)
{
	gmem_unmap(queue->vm, &queue->desc_window);
	gmem_unmap(queue->vm, &queue->avail_window);
	gmem_unmap(queue->vm, &queue->used_window);
	virtq_init(queue, queue->vm, queue->size_max);
}

/* Two loads, each of memory that the guest may change: what they gave is what counts. */
static struct virtq_desc copy_desc(const struct virtq *queue, u16 index)
{
	const u64 *words = gmem_window_at(&queue->desc_window, index * (u32)sizeof(struct virtq_desc));
	u64 address = READ_ONCE(words[0]), rest = READ_ONCE(words[1]);

	return (struct virtq_desc){ address, (u32)rest, (u16)(rest >> 32), (u16)(rest >> 48) };
}

/* Adds a buffer to the chain, in the order that "Message Framing" and "The Virtqueue Descriptor Table" demand. */
static int add_range(struct virtq *queue, struct virtq_chain *chain, const struct virtq_desc *desc)
{
	u32 count = chain->readable_count + chain->writable_count;

	if (!desc->length)
		return broken(queue, "a descriptor of no length");
	if (desc->address + desc->length < desc->address)
		return broken(queue, "a buffer that wraps the address space");
	if ((u64)chain->readable_bytes + chain->writable_bytes + desc->length > 0xffffffffu)
		return broken(queue, "a chain of 4 GiB or more");
	if (count == VIRTQ_CHAIN_MAX)
		return broken(queue, "a chain of too many descriptors");
	if (count == chain->capacity)
		return ERR_FULL;
	if (desc->flags & VIRTQ_DESC_F_WRITE) {
		chain->writable_count++;
		chain->writable_bytes += desc->length;
	} else {
		if (chain->writable_count)
			return broken(queue, "a buffer to read behind one to write");
		chain->readable_count++;
		chain->readable_bytes += desc->length;
	}
	chain->ranges[count] = (struct virtq_range){ desc->address, desc->length };
	return OK;
}

/* One entry of an indirect table, which may cross a page. */
static int copy_indirect(struct virtq *queue, u64 address, struct virtq_desc *desc, u64 *missing)
{
	u32 first = (u32)MIN(sizeof(*desc), PAGE_SIZE - (address & PAGE_MASK));
	int code;

	*missing = address;
	code = gmem_read_nofault(queue->vm, GPA(address), desc, first);
	if (code == OK && first < sizeof(*desc)) {
		*missing = address + first;
		code = gmem_read_nofault(queue->vm, GPA(address + first), (u8 *)desc + first, sizeof(*desc) - first);
	}
	return code == ERR_FAULT ? broken(queue, "an indirect table outside of RAM") : code;
}

/* "Indirect Descriptors" (2.7.5.3): the table may not hold another one, and ends the chain. WRITE on the descriptor is ignored. */
static int walk_indirect(struct virtq *queue, struct virtq_chain *chain, const struct virtq_desc *table)
{
	u32 count = table->length / (u32)sizeof(struct virtq_desc), index = 0;
	struct virtq_desc desc;

	if (!queue->indirect)
		return broken(queue, "an indirect descriptor without the feature");
	if (table->flags & VIRTQ_DESC_F_NEXT)
		return broken(queue, "an indirect descriptor with a next one");
	if (!count || table->length % sizeof(struct virtq_desc) || count > VIRTQ_CHAIN_MAX ||
	    table->address + table->length < table->address)
		return broken(queue, "an indirect table of a wrong length");
	for (u32 steps = 0; steps < count; steps++) {
		u64 missing;
		int code = copy_indirect(queue, table->address + index * (u32)sizeof(desc), &desc, &missing);

		if (code == ERR_AGAIN)
			chain->ranges[0].address = missing;
		if (code != OK)
			return code;
		if (desc.flags & VIRTQ_DESC_F_INDIRECT)
			return broken(queue, "an indirect table inside of another");
		code = add_range(queue, chain, &desc);
		if (code != OK || !(desc.flags & VIRTQ_DESC_F_NEXT))
			return code;
		if (desc.next >= count)
			return broken(queue, "a next index outside of the indirect table");
		index = desc.next;
	}
	return broken(queue, "an indirect table that runs in a circle");
}

static int walk(struct virtq *queue, struct virtq_chain *chain)
{
	u16 index = chain->head;

	for (u32 steps = 0; steps < queue->size; steps++) {
		struct virtq_desc desc = copy_desc(queue, (u16)index_nospec(index, queue->size));
		int code;

		if (desc.flags & VIRTQ_DESC_F_INDIRECT)
			return walk_indirect(queue, chain, &desc);
		code = add_range(queue, chain, &desc);
		if (code != OK || !(desc.flags & VIRTQ_DESC_F_NEXT))
			return code;
		if (desc.next >= queue->size)
			return broken(queue, "a next index outside of the descriptor table");
		index = desc.next;
	}
	return broken(queue, "a chain that runs in a circle");
}

/* How many chains wait; ERR_INVALID: more than the ring can hold. */
static int waiting(struct virtq *queue)
{
	u16 count = (u16)(__atomic_load_n(avail_word(queue, VIRTQ_AVAIL_IDX), __ATOMIC_ACQUIRE) - queue->next_avail);

	return count > queue->size ? broken(queue, "an available index beyond the ring") : count;
}

int virtq_again(struct virtq *queue, u16 head, struct virtq_chain *chain)
{
	chain->readable_count = chain->writable_count = chain->readable_bytes = chain->writable_bytes = 0;
	chain->head = head;
	if (head >= queue->size)
		return broken(queue, "a head outside of the descriptor table");
	return walk(queue, chain);
}

int virtq_pop(struct virtq *queue, struct virtq_chain *chain)
{
	int count = waiting(queue), code;

	if (count <= 0)
		return count ? count : ERR_NOT_FOUND;
	code = virtq_again(queue, READ_ONCE(*avail_word(queue, VIRTQ_AVAIL_RING(queue->next_avail & (queue->size - 1u)))), chain);
	if (code == OK)
		queue->next_avail++;
	return code;
}

void virtq_unpop(struct virtq *queue)
{
	queue->next_avail--;
}

void virtq_fill(struct virtq *queue, u16 ahead, u16 head, u32 written)
{
	u32 offset = VIRTQ_USED_RING((u32)(u16)(queue->next_used + ahead) & (queue->size - 1u));

	/* An element may cross a page, its two words do not. "The Virtqueue Used Ring" (2.7.8): length before idx. */
	WRITE_ONCE(*(u32 *)gmem_window_at(&queue->used_window, offset), head);
	WRITE_ONCE(*(u32 *)gmem_window_at(&queue->used_window, offset + 4), written);
	gmem_window_written(queue->vm, &queue->used_window, offset, 8);
}

void virtq_publish(struct virtq *queue, u16 count)
{
	queue->next_used = (u16)(queue->next_used + count);
	__atomic_store_n(used_word(queue, VIRTQ_USED_IDX), queue->next_used, __ATOMIC_RELEASE);
	gmem_window_written(queue->vm, &queue->used_window, VIRTQ_USED_IDX, 2);
}

void virtq_push(struct virtq *queue, u16 head, u32 written)
{
	virtq_fill(queue, 0, head, written);
	virtq_publish(queue, 1);
}

bool virtq_wants_interrupt(struct virtq *queue)
{
	u16 old = queue->signalled;
	bool first = !queue->signalled_valid;

	/* The used index must be seen before what the driver says is read: it may be turning interrupts on at this moment. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!queue->event_idx)
		return !(READ_ONCE(*avail_word(queue, VIRTQ_AVAIL_FLAGS)) & VIRTQ_AVAIL_F_NO_INTERRUPT);
	queue->signalled = queue->next_used;
	queue->signalled_valid = true;
	return first || virtq_passes(READ_ONCE(*avail_word(queue, VIRTQ_AVAIL_RING(queue->size))), queue->next_used, old);
}

bool virtq_ask_doorbell(struct virtq *queue)
{
	u32 offset = queue->event_idx ? VIRTQ_USED_RING(queue->size) : VIRTQ_USED_FLAGS;

	WRITE_ONCE(*used_word(queue, offset), queue->event_idx ? queue->next_avail : 0);
	gmem_window_written(queue->vm, &queue->used_window, offset, 2);
	/* As above: a chain that came just before the driver could see this must be found here. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return waiting(queue) != 0;
}

void virtq_decline_doorbells(struct virtq *queue)
{
	if (queue->event_idx) /* avail_event stays where it was: behind what the driver has passed */
		return;
	WRITE_ONCE(*used_word(queue, VIRTQ_USED_FLAGS), VIRTQ_USED_F_NO_NOTIFY);
	gmem_window_written(queue->vm, &queue->used_window, VIRTQ_USED_FLAGS, 2);
}

int virtq_chain_slice(const struct virtq_chain *chain, bool writable, u32 offset, u32 size_bytes, struct virtq_range *to, u32 max)
{
	u32 first = writable ? chain->readable_count : 0, end = first + (writable ? chain->writable_count : chain->readable_count);
	u32 count = 0;

	for (u32 i = first; i < end && size_bytes; i++) {
		const struct virtq_range *range = &chain->ranges[i];
		u32 part;

		if (offset >= range->size_bytes) {
			offset -= range->size_bytes;
			continue;
		}
		part = MIN(range->size_bytes - offset, size_bytes);
		if (count == max)
			return ERR_FULL;
		to[count++] = (struct virtq_range){ range->address + offset, part };
		size_bytes -= part;
		offset = 0;
	}
	return (int)count;
}

static int read_nofault(struct vm *vm, u64 address, u8 *to, u32 size_bytes)
{
	while (size_bytes) {
		u32 part = (u32)MIN(size_bytes, PAGE_SIZE - (address & PAGE_MASK));
		int code = gmem_read_nofault(vm, GPA(address), to, part);

		if (code != OK)
			return code;
		address += part;
		to += part;
		size_bytes -= part;
	}
	return OK;
}

int virtq_chain_read(struct vm *vm, const struct virtq_chain *chain, u32 offset, void *to, u32 size_bytes, bool may_sleep)
{
	u8 *at = to;

	while (size_bytes) {
		struct virtq_range part;
		int code;

		if (virtq_chain_slice(chain, false, offset, size_bytes, &part, 1) == 0)
			return ERR_FAULT;
		code = may_sleep ? gmem_read(vm, GPA(part.address), at, part.size_bytes)
				 : read_nofault(vm, part.address, at, part.size_bytes);
		if (code != OK)
			return code;
		at += part.size_bytes;
		offset += part.size_bytes;
		size_bytes -= part.size_bytes;
	}
	return OK;
}

int virtq_chain_write(struct vm *vm, const struct virtq_chain *chain, u32 offset, const void *from, u32 size_bytes)
{
	const u8 *at = from;

	while (size_bytes) {
		struct virtq_range part;
		int code;

		if (virtq_chain_slice(chain, true, offset, size_bytes, &part, 1) == 0)
			return ERR_FAULT;
		code = gmem_write(vm, GPA(part.address), at, part.size_bytes);
		if (code != OK)
			return code;
		at += part.size_bytes;
		offset += part.size_bytes;
		size_bytes -= part.size_bytes;
	}
	return OK;
}

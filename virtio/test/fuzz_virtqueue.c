/* SPDX-License-Identifier: MIT */
/* LINK: virtio/virtqueue.c hv/test/gmem_hosted.c */
/*
 * Split rings whose every byte is the input's, changed between the device's steps: whatever comes out of virtq_pop keeps its
 * promises (bounds, order, sums), and nothing is read or written outside of RAM (the sanitizers look).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "hv/test/gmem_hosted.h"
#include "virtio/virtqueue.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(const struct virtq_chain *chain, const struct virtq *queue)
{
	u64 readable = 0, writable = 0;

	assert(chain->head < queue->size);
	assert(chain->readable_count + chain->writable_count <= chain->capacity);
	for (u32 i = 0; i < chain->readable_count + chain->writable_count; i++) {
		const struct virtq_range *range = &chain->ranges[i];

		assert(range->size_bytes && range->address + range->size_bytes > range->address);
		*(i < chain->readable_count ? &readable : &writable) += range->size_bytes;
	}
	assert(readable == chain->readable_bytes && writable == chain->writable_bytes && readable + writable <= 0xffffffff);
}

/* Input: size, flags, three places; then steps of four bytes: what, where (16 bits), value. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct virtq_range ranges[32];
	struct virtq_chain chain = { .ranges = ranges, .capacity = 32 };
	struct virtq queue;

	if (size < 8)
		return 0;
	fake_ram_create();
	virtq_init(&queue, NULL, 256);
	queue.size = (u16)(1u << data[0] % 9);
	queue.desc = (u64)data[1] << 8;
	queue.avail = (u64)data[2] << 8;
	queue.used = (u64)data[3] << 8;
	queue.event_idx = data[4] & 1;
	queue.indirect = data[4] & 2;
	chain.capacity = 1 + data[5] % 32;
	memcpy(fake_ram, data, MIN(size, 0x12000)); /* rings and tables start as the input itself */
	if (virtq_enable(&queue) == OK) {
		for (size_t at = 6; at + 4 <= size; at += 4) {
			u32 place = data[at + 1] | (u32)data[at + 2] << 8;
			u8 byte;

			switch (data[at] % 8) {
			case 0:
			case 1:
				if (virtq_pop(&queue, &chain) == OK) {
					check(&chain, &queue);
					if (chain.readable_bytes)
						(void)!virtq_chain_read(NULL, &chain, place % chain.readable_bytes, &byte, 1, data[at] & 64);
					if (chain.writable_bytes)
						(void)!virtq_chain_write(NULL, &chain, place % chain.writable_bytes, &byte, 1);
					virtq_push(&queue, chain.head, data[at + 3]);
				}
				break;
			case 2: (void)virtq_wants_interrupt(&queue); break;
			case 3: (void)virtq_ask_doorbell(&queue); break;
			case 4: virtq_decline_doorbells(&queue); break;
			case 5: fake_missing[place % 32] = data[at + 3] & 1; break;
			default: fake_ram[place] = data[at + 3]; break;
			}
		}
	}
	virtq_disable(&queue);
	fake_ram_destroy();
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Log lines in a ring: each is a header and its text, one after the other, also across the ring's end. */
#include "hv/log_ring.h"
#include "hv/lib/string.h"

static void copy_in(struct log_ring *ring, u64 position, const void *from, u32 size)
{
	u32 place = (u32)position & (ring->size_bytes - 1), part = MIN(size, ring->size_bytes - place);

	memcpy(ring->data + place, from, part);
	memcpy(ring->data, (const u8 *)from + part, size - part);
}

static void copy_out(const struct log_ring *ring, u64 position, void *to, u32 size)
{
	u32 place = (u32)position & (ring->size_bytes - 1), part = MIN(size, ring->size_bytes - place);

	memcpy(to, ring->data + place, part);
	memcpy((u8 *)to + part, ring->data, size - part);
}

void log_ring_init(struct log_ring *ring, void *data, u32 size_bytes)
{
	*ring = (struct log_ring){ .data = data, .size_bytes = size_bytes };
}

void log_ring_write(struct log_ring *ring, const struct log_ring_entry *entry, const char *text)
{
	u32 size = (u32)sizeof(*entry) + entry->length;
	struct log_ring_entry oldest;

	if (size > ring->size_bytes)
		return;
	while (ring->next + size - ring->first > ring->size_bytes) {
		copy_out(ring, ring->first, &oldest, sizeof(oldest));
		ring->first += sizeof(oldest) + oldest.length;
	}
	copy_in(ring, ring->next, entry, sizeof(*entry));
	copy_in(ring, ring->next + sizeof(*entry), text, entry->length);
	ring->next += size;
}

bool log_ring_read(const struct log_ring *ring, u64 *position, struct log_ring_entry *entry, char *text, size_t size)
{
	u64 place = MAX(*position, ring->first);
	u32 length;

	if (place >= ring->next)
		return false;
	copy_out(ring, place, entry, sizeof(*entry));
	length = (u32)MIN(entry->length, size - 1);
	copy_out(ring, place + sizeof(*entry), text, length);
	text[length] = 0;
	*position = place + sizeof(*entry) + entry->length;
	return true;
}

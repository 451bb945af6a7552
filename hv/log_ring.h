/* SPDX-License-Identifier: MIT */
/* The ring of log lines. Pure: the caller locks. */
#ifndef HV_LOG_RING_H
#define HV_LOG_RING_H

#include "hv/lib/types.h"

struct log_ring {
	u8 *data;
	u32 size_bytes;   /* a power of two */
	u64 first, next;  /* positions of the oldest line and of the next one */
};

struct log_ring_entry {
	u64 tsc;
	u32 level;
	u32 length; /* of the text */
};

void log_ring_init(struct log_ring *ring, void *data, u32 size_bytes);
void log_ring_write(struct log_ring *ring, const struct log_ring_entry *entry, const char *text);
/* As log_read; text gets at most size - 1 bytes and is terminated. */
bool log_ring_read(const struct log_ring *ring, u64 *position, struct log_ring_entry *entry, char *text, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Where the later fragments of an IPv4 packet go: only the first one has the transport's header, so what became of it is remembered
 * for the others. Pure. Bounded, ageing, a share for each owner; a fragment that comes before its packet's first one is not kept, and
 * is dropped by whoever asks. Next to read: fragments.c, nat.c.
 */
#ifndef HV_NET_FRAGMENTS_H
#define HV_NET_FRAGMENTS_H

#include "hv/lib/types.h"

#define FRAGMENTS_MAX 256u
#define FRAGMENTS_OWNER_MAX 32u
#define FRAGMENTS_AGE_NS (30ull * 1000000000ull) /* as long as Linux waits for the rest of a packet */

struct fragment_key {
	u32 source, destination;
	u16 id;
	u8 protocol, from;
};

struct fragment_way {
	u32 source, destination; /* after translation */
	u16 id;
	u8 to;
};

struct fragments {
	struct {
		struct fragment_key key;
		struct fragment_way way;
		u64 end_ns; /* 0: free */
		u16 owner;
	} entries[FRAGMENTS_MAX];
};

/* Replaces what is over, else the oldest: of the owner when it has its share. */
void fragments_add(struct fragments *table, const struct fragment_key *key, const struct fragment_way *way, u16 owner, u64 now_ns);
bool fragments_find(const struct fragments *table, const struct fragment_key *key, u64 now_ns, struct fragment_way *way);

#endif

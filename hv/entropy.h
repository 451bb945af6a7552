/* SPDX-License-Identifier: MIT */
/*
 * Random bytes that may become keys: the CPU's generator (RDSEED, RDRAND) behind a deterministic one, ChaCha20 with a key that is
 * replaced after each use ("fast key erasure"), so that what was given out earlier cannot be computed from what is in memory.
 * hv/random.h is the other one, for what must only differ. Next to read: entropy.c.
 */
#ifndef HV_ENTROPY_H
#define HV_ENTROPY_H

#include "hv/lib/types.h"

#define ENTROPY_KEY_BYTES 32u

/* One user's generator; calls on one are kept apart by the caller. */
struct entropy {
	u8 key[ENTROPY_KEY_BYTES];
	bool seeded;
};

/* Does this host's CPU have a source? Without one there are no bytes to give. */
bool entropy_available(void);
/* ERR_UNSUPPORTED: no source; ERR_IO: it gave nothing. Fresh seed is mixed in at every call. Thread context, up to 64 KiB. */
MUST_CHECK int entropy_bytes(struct entropy *entropy, void *bytes, u32 size_bytes);

/* RFC 8439, "The ChaCha20 Block Function"; for the unit test. */
void chacha20_block(const u8 key[ENTROPY_KEY_BYTES], u32 counter, u8 out[64]);

#endif

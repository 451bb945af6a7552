/* SPDX-License-Identifier: MIT */
/*
 * Random bytes: RDRAND where the CPU has it, always mixed with the time-stamp counter and everything drawn before.
 *
 * Without RDRAND the bytes differ from boot to boot only as much as the start-up's timing does. That is enough that
 * two hosts do not make the same UUIDs and nobody can prepare hash collisions beforehand; it is not enough for keys.
 */
#include "hv/random.h"
#include "arch/x86/random.h"
#include "hv/lib/string.h"

static u64 state; /* (a) */

/* The finaliser of the SplitMix64 generator: every input bit reaches every output bit. */
static u64 mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static u64 random_u64(void)
{
	u64 hardware = 0;
	u64 step;

	random_hardware(&hardware); /* on failure it stays 0, and the counter alone must do */
	step = __atomic_add_fetch(&state, (random_tsc() << 1 ^ hardware) + 0x9e3779b97f4a7c15ull, __ATOMIC_RELAXED);
	return mix(step) ^ hardware;
}

void random_bytes(void *bytes, size_t size)
{
	u8 *to = bytes;

	while (size) {
		u64 word = random_u64();
		size_t part = MIN(size, sizeof(word));

		memcpy(to, &word, part);
		to += part;
		size -= part;
	}
}

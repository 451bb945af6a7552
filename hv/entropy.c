/* SPDX-License-Identifier: MIT */
/*
 * The generator of hv/entropy.h: key := key XOR seed; ChaCha20(key) gives the next key first, then the bytes.
 *
 * A seed is four words of the CPU's, each RDSEED where there is one, else the XOR of some RDRANDs (that generator reseeds itself
 * far less often than it is asked). No vector registers, no tables, no secret branches.
 */
#include "hv/entropy.h"
#include "arch/x86/random.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define RDRANDS_A_WORD 16

static u32 rotate(u32 x, unsigned by)
{
	return x << by | x >> (32 - by);
}

static void quarter(u32 *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b]; s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d]; s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b]; s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d]; s[b] = rotate(s[b] ^ s[c], 7);
}

void chacha20_block(const u8 key[ENTROPY_KEY_BYTES], u32 counter, u8 out[64])
{
	/* "expand 32-byte k", key, counter, a nonce of zero: every key is used for one call only */
	u32 start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, [12] = counter }, s[16];

	memcpy(&start[4], key, ENTROPY_KEY_BYTES);
	memcpy(s, start, sizeof(s));
	for (unsigned round = 0; round < 10; round++) {
		quarter(s, 0, 4, 8, 12); quarter(s, 1, 5, 9, 13); quarter(s, 2, 6, 10, 14); quarter(s, 3, 7, 11, 15);
		quarter(s, 0, 5, 10, 15); quarter(s, 1, 6, 11, 12); quarter(s, 2, 7, 8, 13); quarter(s, 3, 4, 9, 14);
	}
	for (unsigned i = 0; i < 16; i++)
		s[i] += start[i];
	memcpy(out, s, sizeof(s));
}

static bool seed_word(u64 *word)
{
	u64 part;

	if (random_seed(word))
		return true;
	*word = 0;
	for (unsigned i = 0; i < RDRANDS_A_WORD; i++) {
		if (!random_hardware(&part))
			return false;
		*word ^= part;
	}
	return true;
}

bool entropy_available(void)
{
	u64 word;

	return random_seed(&word) || random_hardware(&word);
}

static bool mix_seed(struct entropy *entropy)
{
	u64 seed[ENTROPY_KEY_BYTES / 8];

	for (unsigned i = 0; i < ARRAY_SIZE(seed); i++)
		if (!seed_word(&seed[i]))
			return false;
	for (unsigned i = 0; i < ENTROPY_KEY_BYTES; i++)
		entropy->key[i] ^= ((const u8 *)seed)[i];
	entropy->seeded = true;
	return true;
}

int entropy_bytes(struct entropy *entropy, void *bytes, u32 size_bytes)
{
	u8 block[64], next[ENTROPY_KEY_BYTES], *to = bytes;
	u32 counter = 0;

	/* A source that pauses is no reason to stop once there was a seed: the key still is nobody's. */
	if (!mix_seed(entropy) && !entropy->seeded)
		return entropy_available() ? ERR_IO : ERR_UNSUPPORTED;
	chacha20_block(entropy->key, counter++, block);
	memcpy(next, block, sizeof(next));
	while (size_bytes) {
		u32 part = MIN(size_bytes, (u32)sizeof(block));

		chacha20_block(entropy->key, counter++, block);
		memcpy(to, block, part);
		to += part;
		size_bytes -= part;
	}
	memcpy(entropy->key, next, sizeof(next));
	memset(block, 0, sizeof(block));
	memset(next, 0, sizeof(next));
	__asm__ volatile("" ::"r"(block), "r"(next) : "memory"); /* the compiler may not leave that out */
	return OK;
}

/* SPDX-License-Identifier: MIT */
/* CRC-32, four bits at a time: the table has 16 words, and what it is used for (partition tables) is short. */
#include "hv/lib/crc32.h"

#define POLYNOMIAL 0xedb88320u

/* What shifting four zero bits out of a register that ends in `bits` adds. */
static u32 nibble(u32 bits)
{
	for (unsigned i = 0; i < 4; i++)
		bits = bits & 1 ? bits >> 1 ^ POLYNOMIAL : bits >> 1;
	return bits;
}

u32 crc32_update(u32 crc, const void *bytes, size_t count)
{
	const u8 *at = bytes;
	u32 table[16];

	for (u32 i = 0; i < ARRAY_SIZE(table); i++)
		table[i] = nibble(i);
	crc = ~crc;
	for (size_t i = 0; i < count; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

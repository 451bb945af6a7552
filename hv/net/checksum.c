/* SPDX-License-Identifier: MIT */
/* See checksum.h. */
#include "hv/net/checksum.h"
#include "hv/net/bytes.h"

u16 checksum_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)((sum & 0xffff) + (sum >> 16));
}

u32 checksum_add(u32 sum, const u8 *bytes, u32 size_bytes)
{
	u64 wide = sum;

	for (; size_bytes >= 2; bytes += 2, size_bytes -= 2)
		wide += get_be16(bytes);
	if (size_bytes)
		wide += (u32)*bytes << 8;
	wide = (wide & 0xffffffff) + (wide >> 32);
	return checksum_fold((u32)wide);
}

u32 checksum_pseudo(const u8 *addresses, u32 address_bytes, u8 protocol, u32 size_bytes)
{
	return checksum_add(protocol + (size_bytes >> 16) + (size_bytes & 0xffff), addresses, 2 * address_bytes);
}

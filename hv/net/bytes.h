/* SPDX-License-Identifier: MIT */
/* Numbers in network byte order at any address. */
#ifndef HV_NET_BYTES_H
#define HV_NET_BYTES_H

#include "hv/lib/types.h"

static inline u16 get_be16(const u8 *at)
{
	return (u16)(at[0] << 8 | at[1]);
}

static inline u32 get_be32(const u8 *at)
{
	return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3];
}

static inline void put_be16(u8 *at, u32 value)
{
	at[0] = (u8)(value >> 8);
	at[1] = (u8)value;
}

static inline void put_be32(u8 *at, u32 value)
{
	put_be16(at, value >> 16);
	put_be16(at + 2, value);
}

#endif

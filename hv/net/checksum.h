/* SPDX-License-Identifier: MIT */
/* The Internet checksum (RFC 1071) in parts that can be added. Pure. */
#ifndef HV_NET_CHECKSUM_H
#define HV_NET_CHECKSUM_H

#include "hv/lib/types.h"

/* Adds size_bytes to a sum; a piece of odd length can only be the last. */
u32 checksum_add(u32 sum, const u8 *bytes, u32 size_bytes);
u16 checksum_fold(u32 sum); /* not complemented */
/* Of the transport's pseudo-header: addresses of 4 or 16 bytes each, one behind the other. */
u32 checksum_pseudo(const u8 *addresses, u32 address_bytes, u8 protocol, u32 size_bytes);

#endif

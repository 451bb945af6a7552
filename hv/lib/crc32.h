/* SPDX-License-Identifier: MIT */
/* The CRC-32 of Ethernet, GPT and many files (polynomial 0x04C11DB7, reflected). Pure. */
#ifndef HV_LIB_CRC32_H
#define HV_LIB_CRC32_H

#include "hv/lib/types.h"

/* Goes on from crc: start with 0, give each result to the next call. */
u32 crc32_update(u32 crc, const void *bytes, size_t count);

#endif

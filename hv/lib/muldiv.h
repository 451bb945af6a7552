/* SPDX-License-Identifier: MIT */
/* a * b / c with the full 128-bit product in between; ~0 where the quotient does not fit or c is 0. */
#ifndef HV_LIB_MULDIV_H
#define HV_LIB_MULDIV_H

#include "hv/lib/types.h"

static inline u64 multiply_divide(u64 a, u64 b, u64 c)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	u64 high = (u64)(product >> 64), quotient, remainder;

	if (high >= c)
		return ~(u64)0;
	__asm__("divq %4" : "=a"(quotient), "=d"(remainder) : "a"((u64)product), "d"(high), "r"(c) : "cc");
	return quotient;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A rate with bursts, as one word: until when what was used is paid for. Pure.
 *
 * Something may be used when nothing is owed (paid_until <= now). Whoever used nothing for a while has saved up to `burst` units; one
 * that is larger than that is let through, and owed for.
 */
#ifndef HV_LIB_TOKEN_BUCKET_H
#define HV_LIB_TOKEN_BUCKET_H

#include "hv/lib/muldiv.h"
#include "hv/lib/types.h"

#define TOKEN_BUCKET_SECOND_NS 1000000000ull
#define TOKEN_BUCKET_USUAL_NS 100000000ull /* saved at most where no burst is said */

/* rate: units a second, not 0; burst 0: a tenth of a second's. The new paid_until. */
static inline u64 token_bucket_pay(u64 paid_until, u64 now, u64 cost, u64 rate, u64 burst)
{
	u64 saved = burst ? multiply_divide(burst, TOKEN_BUCKET_SECOND_NS, rate) : TOKEN_BUCKET_USUAL_NS;
	u64 from = MAX(paid_until, now - MIN(now, saved)), price = multiply_divide(cost, TOKEN_BUCKET_SECOND_NS, rate);

	return price > ~(u64)0 - from ? ~(u64)0 : from + price;
}

#endif

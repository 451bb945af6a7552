/* SPDX-License-Identifier: MIT */
/* A bound on how often something may happen: a bucket of tokens that fills with time. Pure; for broadcasts of a port. */
#ifndef HV_NET_STORM_H
#define HV_NET_STORM_H

#include "hv/lib/types.h"

#define STORM_PERIOD_NS 1000000ull /* a token: 1,000 a second */
#define STORM_BURST 2000ull

struct net_storm {
	u64 empty_ns; /* when the bucket was, or will be, empty: the tokens are the time since then */
};

/* Takes a token; false: there is none. A fresh bucket (all zero) is full. */
static inline bool net_storm_allows(struct net_storm *storm, u64 now_ns)
{
	u64 oldest = now_ns > STORM_BURST * STORM_PERIOD_NS ? now_ns - STORM_BURST * STORM_PERIOD_NS : 0;

	storm->empty_ns = MAX(storm->empty_ns, oldest);
	if (storm->empty_ns + STORM_PERIOD_NS > now_ns)
		return false;
	storm->empty_ns += STORM_PERIOD_NS;
	return true;
}

#endif

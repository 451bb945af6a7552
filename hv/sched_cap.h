/* SPDX-License-Identifier: MIT */
/*
 * A cap: so much CPU time in each period, for one task or for many on many CPUs at once. Pure, and without a lock.
 *
 * Time is granted before it is used, in pieces of at most a slice, and what was not used is given back: so all CPUs
 * together never use more in a period than the quota. A period is a window of the clock (now / period), the same for all;
 * nothing is carried into the next window but a debt, for those who were stopped late.
 */
#ifndef HV_SCHED_CAP_H
#define HV_SCHED_CAP_H

#include "hv/lib/types.h"

struct sched_cap {
	u64 period; /* (a) ticks */
	u64 quota;  /* (a) ticks in a period; 0: no cap */
	u64 window; /* (a) the number of the window's low 24 bits << 40 | what was granted in it */
};

/* quota 0: none. Grants that are out stay out, and are charged to what holds when they are given back. */
void sched_cap_set(struct sched_cap *cap, u64 period, u64 quota);
static inline bool sched_cap_on(const struct sched_cap *cap)
{
	return READ_ONCE(cap->quota) != 0;
}
/* Up to `want` ticks; 0: all of this window's are used. */
u64 sched_cap_grant(struct sched_cap *cap, u64 now, u64 want);
/* Granted in this window or an earlier one (then it is gone), and not used. */
void sched_cap_return(struct sched_cap *cap, u64 now, u64 granted_at, u64 ticks);
/* Used without a grant. */
void sched_cap_overrun(struct sched_cap *cap, u64 now, u64 ticks);
/* When the next window begins. */
u64 sched_cap_refill(const struct sched_cap *cap, u64 now);

#endif

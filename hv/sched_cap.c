/* SPDX-License-Identifier: MIT */
/* One word holds a window's number and its use, so that one compare-and-exchange keeps both right. */
#include "hv/sched_cap.h"

#define USED_BITS 40 /* 1 s on 256 CPUs of 4 GHz */
#define USED_MAX MASK64(USED_BITS - 1, 0)

static u64 window_of(const struct sched_cap *cap, u64 now)
{
	u64 period = READ_ONCE(cap->period);

	return period ? now / period << USED_BITS : 0;
}

/* What is used of the window at `now`: an older window leaves only its debt. */
static u64 used_in(const struct sched_cap *cap, u64 word, u64 window)
{
	u64 used = word & USED_MAX, quota = READ_ONCE(cap->quota);

	if ((word & ~USED_MAX) == window)
		return used;
	return used > quota ? used - quota : 0;
}

void sched_cap_set(struct sched_cap *cap, u64 period, u64 quota)
{
	WRITE_ONCE(cap->period, period);
	WRITE_ONCE(cap->quota, MIN(quota, USED_MAX));
}

u64 sched_cap_grant(struct sched_cap *cap, u64 now, u64 want)
{
	u64 window = window_of(cap, now), quota = READ_ONCE(cap->quota);
	u64 word = __atomic_load_n(&cap->window, __ATOMIC_RELAXED), used, got;

	do {
		used = used_in(cap, word, window);
		got = used < quota ? MIN(want, quota - used) : 0;
	} while (!__atomic_compare_exchange_n(&cap->window, &word, window | (used + got), true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return got;
}

void sched_cap_return(struct sched_cap *cap, u64 now, u64 granted_at, u64 ticks)
{
	u64 window = window_of(cap, now), word = __atomic_load_n(&cap->window, __ATOMIC_RELAXED), used;

	if (!ticks || window_of(cap, granted_at) != window)
		return;
	do {
		used = used_in(cap, word, window);
	} while (!__atomic_compare_exchange_n(&cap->window, &word, window | (used - MIN(used, ticks)), true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void sched_cap_overrun(struct sched_cap *cap, u64 now, u64 ticks)
{
	u64 window = window_of(cap, now), word = __atomic_load_n(&cap->window, __ATOMIC_RELAXED), used;

	do {
		used = used_in(cap, word, window);
	} while (!__atomic_compare_exchange_n(&cap->window, &word, window | MIN(used + ticks, USED_MAX), true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

u64 sched_cap_refill(const struct sched_cap *cap, u64 now)
{
	u64 period = READ_ONCE(cap->period);

	return period ? (now / period + 1) * period : now;
}

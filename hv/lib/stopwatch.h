/* SPDX-License-Identifier: MIT */
/*
 * A sum of intervals in time-stamp-counter ticks: one writer, any number of readers, also while an interval runs.
 *
 * All is one word, so that a reader sees the sum and whether an interval runs at the same moment, without a lock:
 *
 *    63                                                       1      0
 *   +----------------------------------------------------------+---------+
 *   | stands: the sum          runs: the sum minus the start   | runs: 1 |
 *   +----------------------------------------------------------+---------+
 *
 * 63 bits of a 5 GHz counter last for 58 years. Times are the caller's, so the logic runs in unit tests.
 */
#ifndef HV_LIB_STOPWATCH_H
#define HV_LIB_STOPWATCH_H

#include "hv/lib/types.h"

struct stopwatch {
	u64 word; /* (a) */
};

#define STOPWATCH_RUNS BIT64(0)

/* The writer only. It stands; from now on it runs. */
static inline void stopwatch_start(struct stopwatch *watch, u64 now)
{
	WRITE_ONCE(watch->word, (((watch->word >> 1) - now) << 1) | STOPWATCH_RUNS);
}

/* The writer only. It runs; from now on it stands. */
static inline void stopwatch_stop(struct stopwatch *watch, u64 now)
{
	WRITE_ONCE(watch->word, ((watch->word >> 1) + now) << 1);
}

/* Anyone: the sum up to now. CPUs whose counters differ see it that much off while an interval runs. */
static inline u64 stopwatch_read(const struct stopwatch *watch, u64 now)
{
	u64 word = READ_ONCE(watch->word), sum = word >> 1;

	if (word & STOPWATCH_RUNS)
		sum += now;
	return sum & (~(u64)0 >> 1);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Time: monotonic since Solera's entry, and the wall clock. Any context, also the fast exit path. */
#ifndef HV_CLOCK_H
#define HV_CLOCK_H

#include "hv/lib/types.h"

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

u64 clock_ns(void);              /* nanoseconds since entry; never goes back, on any CPU */
u64 clock_wall_ns(void);         /* nanoseconds since 1970-01-01 UTC */
u64 clock_tsc_hz(void);          /* calibrated frequency of the time-stamp counter */
u64 clock_tsc_to_ns(u64 tsc);    /* absolute TSC value to clock_ns()'s scale */
u64 clock_ns_to_tsc(u64 ns);     /* the inverse, rounded up */
u64 clock_ticks_to_ns(u64 ticks); /* a difference of two TSC values */

#endif

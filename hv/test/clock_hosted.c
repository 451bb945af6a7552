/* SPDX-License-Identifier: MIT */
/* hv/clock.h for hosted tests: the build machine's clock. Deadlines are on the wall clock's scale there. */
#include "hv/clock.h"
#include <time.h>

u64 clock_ns(void)
{
	return clock_wall_ns();
}

u64 clock_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (u64)now.tv_sec * NS_PER_S + (u64)now.tv_nsec;
}

u64 clock_ticks_to_ns(u64 ticks)
{
	return ticks;
}

u64 clock_tsc_hz(void)
{
	return NS_PER_S;
}

/* SPDX-License-Identifier: MIT */
/*
 * Time from the TSC: ns = (tsc - start) * factor / 2^32, in 128 bits, so that neither accuracy nor range runs out.
 * Zero until clock_init has the calibrated frequency (arch/x86/tsc.c).
 */
#include "hv/clock.h"
#include "arch/x86/msr.h"
#include "hv/clock_internal.h"
#include "hv/lib/muldiv.h"

static struct {
	u64 start_tsc;     /* (c) */
	u64 tsc_hz;        /* (c) */
	u64 ns_per_tsc_32; /* (c) 32.32 fixed point */
	u64 tsc_per_ns_32; /* (c) */
	u64 wall_start_ns; /* (a) wall clock at clock_ns() == 0 */
} clock;

void clock_set_start(u64 tsc)
{
	clock.start_tsc = tsc;
}

void clock_init(u64 tsc_hz)
{
	clock.tsc_hz = tsc_hz;
	clock.ns_per_tsc_32 = multiply_divide(NS_PER_S, BIT64(32), tsc_hz);
	clock.tsc_per_ns_32 = multiply_divide(tsc_hz, BIT64(32), NS_PER_S);
}

void clock_set_wall(u64 wall_ns)
{
	__atomic_store_n(&clock.wall_start_ns, wall_ns - clock_ns(), __ATOMIC_RELAXED);
}

u64 clock_tsc_to_ns(u64 tsc)
{
	if (tsc < clock.start_tsc)
		return 0;
	return (u64)(((unsigned __int128)(tsc - clock.start_tsc) * clock.ns_per_tsc_32) >> 32);
}

u64 clock_ticks_to_ns(u64 ticks)
{
	return (u64)(((unsigned __int128)ticks * clock.ns_per_tsc_32) >> 32);
}

u64 clock_ns_to_tsc(u64 ns)
{
	unsigned __int128 ticks = ((unsigned __int128)ns * clock.tsc_per_ns_32) >> 32;

	if (ticks > ~(u64)0 - clock.start_tsc - 2)
		return ~(u64)0;
	return clock.start_tsc + (u64)ticks + 1;
}

u64 clock_ns(void)
{
	return clock_tsc_to_ns(rdtsc_ordered());
}

u64 clock_wall_ns(void)
{
	return __atomic_load_n(&clock.wall_start_ns, __ATOMIC_RELAXED) + clock_ns();
}

u64 clock_tsc_hz(void)
{
	return clock.tsc_hz;
}

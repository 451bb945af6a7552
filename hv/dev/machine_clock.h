/* SPDX-License-Identifier: MIT */
/*
 * A machine's own time: nanoseconds since it was made, standing still while it is paused. Devices count their ticks on it.
 *
 * Changed only while the machine is quiesced, so readers need no lock. Any context.
 */
#ifndef HV_DEV_MACHINE_CLOCK_H
#define HV_DEV_MACHINE_CLOCK_H

#include "hv/clock.h"

struct machine_clock {
	u64 offset_ns;     /* clock_ns() = machine time + offset (modulo 2^64) */
	u64 stopped_at_ns; /* the machine time, while stopped */
	bool stopped;
};

/* No host timer of a machine's device fires more often than this: 10 kHz for each of a few devices (docs/guest-pc.md). */
#define MACHINE_TIMER_MIN_PERIOD_NS (100 * NS_PER_US)
#define MACHINE_TIME_MAX_NS BIT64(61) /* 73 years: what load accepts, and what deadlines saturate at */

static inline u64 machine_clock_ns(const struct machine_clock *clock)
{
	return UNLIKELY(clock->stopped) ? clock->stopped_at_ns : clock_ns() - clock->offset_ns;
}

/* Machine time to the host's, for timer_arm. */
static inline u64 machine_clock_to_host_ns(const struct machine_clock *clock, u64 machine_ns)
{
	return machine_ns + clock->offset_ns;
}

static inline void machine_clock_stop(struct machine_clock *clock)
{
	clock->stopped_at_ns = machine_clock_ns(clock);
	clock->stopped = true;
}

static inline void machine_clock_start(struct machine_clock *clock)
{
	if (clock->stopped)
		clock->offset_ns = clock_ns() - clock->stopped_at_ns;
	clock->stopped = false;
}

/* Nanoseconds to ticks of a counter, rounded down, and back, rounded up: exact, without 128-bit division. */
static inline u64 ns_to_ticks(u64 ns, u64 hz)
{
	return ns / NS_PER_S * hz + ns % NS_PER_S * hz / NS_PER_S;
}

static inline u64 ticks_to_ns(u64 ticks, u64 hz)
{
	return ticks / hz * NS_PER_S + DIV_ROUND_UP(ticks % hz * NS_PER_S, hz);
}

#endif

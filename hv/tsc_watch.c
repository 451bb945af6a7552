/* SPDX-License-Identifier: MIT */
/*
 * The comparison is arch/x86/tsc_sync.h's, by calls in place of a ball: the other CPU's reading lies between two of ours, so the
 * bounds are true whatever lay between, only wider by the time of an interrupt. What lies within them no thread can notice: to
 * change its CPU takes as long.
 */
#include "hv/tsc_watch.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "arch/x86/msr.h"
#include "arch/x86/tsc_sync.h"
#include "hv/boot_record.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/thread.h"

#define ROUNDS 16u
#define DEFAULT_SECONDS 60u

static u64 interval_ns;
static u64 reported[CPU_MAX]; /* how far off an incorrigible one was when it was last said */

static void read_here(void *argument)
{
	*(u64 *)argument = rdtsc_ordered();
}

static void correct_here(void *argument)
{
	tsc_sync_correct(*(const s64 *)argument);
}

/* [on the boot CPU] */
static struct tsc_bounds compare(u32 cpu_index)
{
	struct tsc_bounds bounds = TSC_BOUNDS_UNKNOWN;

	for (u32 i = 0; i < ROUNDS; i++) {
		u64 flags = irq_save(), before = rdtsc_ordered(), theirs = 0;

		cpu_call(cpu_index, read_here, &theirs);
		tsc_bounds_add(&bounds, before, theirs, rdtsc_ordered());
		irq_restore(flags);
	}
	return bounds;
}

static void look_at(u32 cpu_index)
{
	struct tsc_bounds bounds = compare(cpu_index);
	s64 off = tsc_bounds_middle(&bounds);
	u64 distance = (u64)(off < 0 ? -off : off);

	if (tsc_bounds_agree(&bounds))
		return;
	cpu_call(cpu_index, correct_here, &off);
	bounds = compare(cpu_index);
	if (tsc_bounds_agree(&bounds)) {
		log_warning("CPU %u: its time-stamp counter had drifted by %lld ticks from the boot CPU's and was corrected", cpu_index,
			    (long long)off);
		return;
	}
	if (distance / 2 < reported[cpu_index])
		return;
	reported[cpu_index] = MAX(distance, 1u);
	log_error("CPU %u: its time-stamp counter has drifted by %lld ticks from the boot CPU's and cannot be corrected: time may go back "
		  "by so much for a thread or guest that comes there; `cpus=%u` on the command line leaves it out", cpu_index,
		  (long long)off, cpu_index);
}

static void watch(void *argument)
{
	const struct cpu_mask boot = cpu_mask_of(0);

	(void)argument;
	if (thread_set_affinity(thread_current(), &boot) != OK)
		return;
	for (;;) {
		thread_sleep_ns(interval_ns);
		CPU_MASK_FOR_EACH(i, &cpus_online)
			if (i != 0)
				look_at(i);
	}
}

static u64 wanted_seconds(void)
{
	u64 seconds = DEFAULT_SECONDS;
	char text[8];

	if (boot_option("tscwatch", text, sizeof(text)) && (string_to_u64(text, &seconds) != OK || seconds > 86400)) {
		log_warning("tscwatch=%s: a number of seconds up to 86400 is needed; it is %u", text, DEFAULT_SECONDS);
		seconds = DEFAULT_SECONDS;
	}
	return seconds;
}

void tsc_watch_start(void)
{
	interval_ns = wanted_seconds() * NS_PER_S;
	if (cpu_count < 2 || !interval_ns)
		return;
	if (!thread_create("tsc watch", watch, NULL))
		log_warning("no memory to watch the time-stamp counters");
}

bool tsc_watch_disturb(u64 ticks)
{
	const struct cpu_mask boot = cpu_mask_of(0);
	s64 back = -(s64)ticks;
	struct tsc_bounds bounds;

	if (cpu_count < 2 || thread_set_affinity(thread_current(), &boot) != OK)
		return false;
	cpu_call(cpu_count - 1, correct_here, &back);
	bounds = compare(cpu_count - 1);
	return !tsc_bounds_agree(&bounds);
}

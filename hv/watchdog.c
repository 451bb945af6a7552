/* SPDX-License-Identifier: MIT */
/* The watchdog's timers and report. See watchdog.h; what counts as a standstill is hv/watch.c's. */
#include "hv/watchdog.h"
#include "arch/x86/cpu.h"
#include "hv/boot_record.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/panic.h"
#include "hv/smp.h"
#include "hv/symbols.h"
#include "hv/timer.h"

#define PERIOD_NS (2 * NS_PER_S) /* an idle CPU's only wake-up */
#define DEFAULT_SECONDS 10u
#define ANSWER_WAIT_NS (100 * NS_PER_MS)

static struct beat {
	struct timer timer;
	u64 beats;          /* (a) written by its own CPU */
	struct watch watch; /* (o) of its own CPU: what it knows of its neighbour */
} beats[CPU_MAX];
static u64 limit_ns; /* (c) */

static void report(u32 index)
{
	struct smp_place place;
	u64 offset = 0;
	const char *name;

	if (!smp_ask_place(index, ANSWER_WAIT_NS, &place)) {
		log_error("watchdog: CPU %u has taken no timer interrupt for %llu s, and does not answer an NMI", index,
			  (unsigned long long)(limit_ns / NS_PER_S));
		return;
	}
	name = symbol_find(symbols_of_image(), place.rip, &offset);
	log_error("watchdog: CPU %u has taken no timer interrupt for %llu s: thread %s is at %llx %s+0x%llx", index,
		  (unsigned long long)(limit_ns / NS_PER_S), place.thread, (unsigned long long)place.rip, name ? name : "?",
		  (unsigned long long)offset);
}

static u32 neighbour_of(u32 index)
{
	u32 next = cpu_mask_next(&cpus_online, index + 1);

	return next < CPU_MAX ? next : cpu_mask_next(&cpus_online, 0);
}

static void beat(struct timer *timer)
{
	u32 self = this_cpu()->index, neighbour = neighbour_of(self);
	u64 nmis = panic_take_nmis();

	if (nmis)
		log_warning("NMI: the hardware reports a problem (memory, bus), or someone pressed the NMI button (%llu of them)",
			    (unsigned long long)nmis);
	__atomic_store_n(&beats[self].beats, beats[self].beats + 1, __ATOMIC_RELAXED);
	if (neighbour != self && watch_look(&beats[self].watch, neighbour, __atomic_load_n(&beats[neighbour].beats, __ATOMIC_RELAXED),
					    clock_ns(), limit_ns))
		report(neighbour);
	timer_arm(timer, clock_ns() + PERIOD_NS);
}

static u64 wanted_seconds(void)
{
	char text[8];
	u64 seconds = DEFAULT_SECONDS;

	if (boot_option("watchdog", text, sizeof(text)) && string_to_u64(text, &seconds) != OK) {
		log_warning("watchdog=%s: a number of seconds is needed; it is %u", text, DEFAULT_SECONDS);
		seconds = DEFAULT_SECONDS;
	}
	return seconds;
}

void watchdog_start_cpu(void)
{
	u64 flags = irq_save();
	u32 self = this_cpu()->index;

	if (self == 0)
		limit_ns = wanted_seconds() * NS_PER_S;
	if (limit_ns) {
		timer_init(&beats[self].timer, beat, NULL);
		timer_arm(&beats[self].timer, clock_ns() + PERIOD_NS);
	}
	irq_restore(flags);
}

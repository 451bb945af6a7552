/* SPDX-License-Identifier: MIT */
/* Time on many CPUs: TSCs that agree, a KVM clock that never goes back from one CPU to another, also when one TSC is moved. */
#include "guest-tests/lib/smp.h"

#define TSC_ADJUST 0x3b
#define SYSTEM_TIME 0x4b564d01
#define TSC_STABLE 1u
#define ROUNDS 200u /* on one CPU of the host each wait for the lock may cost a slice */

static struct clock {
	volatile u32 version, pad0;
	volatile u64 tsc_timestamp, system_time;
	volatile u32 tsc_to_system_mul;
	volatile signed char tsc_shift;
	volatile u8 flags, pad[2];
} clocks[SMP_CPUS_MAX] __attribute__((aligned(64)));

static volatile unsigned lock, went_back, done;
static volatile u64 last;
static u64 (*now)(void);

static u64 kvm_clock(void)
{
	const struct clock *clock = &clocks[smp_this()];
	u64 ticks, high, ns;
	u32 version;

	do {
		version = clock->version;
		__asm__ volatile("" ::: "memory");
		ticks = rdtsc() - clock->tsc_timestamp;
		ticks = clock->tsc_shift < 0 ? ticks >> -clock->tsc_shift : ticks << clock->tsc_shift;
		__asm__("mulq %3" : "=a"(ns), "=d"(high) : "a"(ticks), "rm"((u64)clock->tsc_to_system_mul));
		ns = clock->system_time + (ns >> 32 | high << 32);
		__asm__ volatile("" ::: "memory");
	} while ((version & 1) || version != clock->version);
	return ns;
}

/* Each in turn, under a lock: later in the queue is later in time. */
static void compare(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 time;

		while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
			__asm__ volatile("pause");
		time = now();
		if (time < last)
			went_back++;
		last = time;
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
	__atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
}

static bool never_back(u64 (*clock)(void))
{
	now = clock;
	went_back = done = 0;
	last = 0;
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		smp_call(cpu, compare);
	return smp_wait_all() && done == 3 && !went_back;
}

static void clock_on(void) { wrmsr(SYSTEM_TIME, (u64)&clocks[smp_this()] | 1); }
static void clock_off(void) { wrmsr(SYSTEM_TIME, 0); }
static void move_tsc(void) { wrmsr(TSC_ADJUST, 1000000000); }
static void move_tsc_back(void) { wrmsr(TSC_ADJUST, 0); }

static bool on(unsigned cpu, void (*function)(void))
{
	smp_call(cpu, function);
	return smp_wait(cpu);
}

static unsigned stable(void)
{
	unsigned mask = 0;

	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		mask |= clocks[cpu].flags & TSC_STABLE ? 1u << cpu : 0;
	return mask;
}

void test_main(void)
{
	bool same = true;

	report(smp_start(), "four CPUs");
	report(never_back(rdtsc), "the TSC does not go back from CPU to CPU");
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		(void)on(cpu, clock_on);
	report(stable() == 14, "KVM's clock is stable across CPUs, it says");
	for (unsigned cpu = 2; cpu < smp_cpus; cpu++)
		same &= clocks[cpu].system_time == clocks[1].system_time && clocks[cpu].tsc_timestamp == clocks[1].tsc_timestamp;
	report(same, "all count from one point");
	report(never_back(kvm_clock), "and does not go back");
	report(on(2, move_tsc), "one CPU moves its TSC by TSC_ADJUST");
	(void)on(1, clock_on);
	(void)on(3, clock_on);
	report(stable() == 0, "now none says stable");
	report(never_back(kvm_clock), "the clock does not go back all the same");
	report(on(2, move_tsc_back), "it moves it back");
	(void)on(1, clock_on);
	(void)on(3, clock_on);
	report(stable() == 14, "stable again");
	report(never_back(rdtsc), "and TSCs agree again");
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		(void)on(cpu, clock_off);
}

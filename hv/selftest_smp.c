/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs against each other: calls, wake-ups, migration, stealing, timers, shoot-down, accounting. With one CPU the
 * same code runs and shows less. The scenario guest-tests/scenarios/host-smp.py waits for the lines.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/pages.h"
#include "hv/selftest.h"
#include "hv/smp.h"
#include "hv/thread.h"
#include "hv/timer.h"
#include "hv/vmap.h"

#define THREADS_MAX 16u
#define WAKES 200u
#define MOVES 100u

static u32 failed;

static void report(bool passed, const char *name)
{
	failed += !passed;
	log_notice("selftest: %s smp: %s", passed ? "PASS" : "FAIL", name);
}

static void stay_on(struct thread *thread, u32 cpu)
{
	const struct cpu_mask mask = cpu_mask_of(cpu);

	if (thread_set_affinity(thread, &mask) != OK)
		panic("selftest: CPU %u is not there", cpu);
}

static u32 cpu_here(void)
{
	u64 flags = irq_save();
	u32 index = this_cpu()->index;

	irq_restore(flags);
	return index;
}

/* Each CPU calls all others at once, again and again: whoever waits serves. */

static u32 calls_made; /* (a) */

static void count_call(void *argument)
{
	__atomic_fetch_add((u32 *)argument, 1, __ATOMIC_RELAXED);
}

static void call_everybody(void *argument)
{
	const struct cpu_mask all = CPU_MASK_ALL;

	(void)argument;
	for (u32 i = 0; i < 50; i++)
		cpu_call_mask(&all, count_call, &calls_made);
}

static void test_calls(void)
{
	struct thread *threads[THREADS_MAX];
	u32 count = MIN(cpu_count, THREADS_MAX);

	calls_made = 0;
	for (u32 i = 0; i < count; i++) {
		threads[i] = thread_create("caller", call_everybody, NULL);
		stay_on(threads[i], i);
	}
	for (u32 i = 0; i < count; i++)
		thread_join(threads[i]);
	report(calls_made == count * 50 * cpu_count, "calls from everybody to everybody");
}

/* A ring of threads on different CPUs hands a token on: each hop is a wake-up of another CPU. */

static struct ring_place {
	struct waitqueue queue;
	u32 token;   /* (a) how often it came here */
	u32 taken;   /* (o) */
	u32 index, of;
} ring[THREADS_MAX];

static void hand_on(void *argument)
{
	struct ring_place *me = argument, *next = &ring[(me->index + 1) % me->of];

	while (me->taken < WAKES) {
		waitqueue_wait(&me->queue, __atomic_load_n(&me->token, __ATOMIC_ACQUIRE) > me->taken);
		me->taken++;
		__atomic_fetch_add(&next->token, 1, __ATOMIC_RELEASE);
		waitqueue_wake_all(&next->queue);
	}
}

static void test_wakes(bool pinned)
{
	struct thread *threads[THREADS_MAX];
	u32 count = MIN(MAX(cpu_count, 2u), THREADS_MAX);
	bool all = true;

	for (u32 i = 0; i < count; i++) {
		ring[i] = (struct ring_place){ .index = i, .of = count };
		waitqueue_init(&ring[i].queue, "selftest ring");
	}
	for (u32 i = 0; i < count; i++) {
		threads[i] = thread_create("ring", hand_on, &ring[i]);
		if (pinned)
			stay_on(threads[i], i % cpu_count);
	}
	__atomic_fetch_add(&ring[0].token, 1, __ATOMIC_RELEASE);
	waitqueue_wake_all(&ring[0].queue);
	for (u32 i = 0; i < count; i++)
		thread_join(threads[i]);
	for (u32 i = 0; i < count; i++)
		all &= ring[i].taken == WAKES;
	report(all, pinned ? "a token goes round, each hop to another CPU" : "a token goes round among free threads");
}

/* Threads that are moved by others while they run, wait and sleep, and that move themselves. */

static u32 wrong_cpu; /* (a) */
static bool stop;     /* (a) */

static void wander(void *argument)
{
	u32 at = (u32)(u64)argument;

	for (u32 i = 0; i < MOVES; i++) {
		at = (at + 1) % cpu_count;
		stay_on(thread_current(), at);
		if (cpu_here() != at)
			__atomic_fetch_add(&wrong_cpu, 1, __ATOMIC_RELAXED);
		if (i % 8 == 0)
			thread_yield();
		if (i % 16 == 0)
			thread_sleep_ns(100 * NS_PER_US);
	}
}

static void test_moving_oneself(void)
{
	struct thread *threads[8];

	wrong_cpu = 0;
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = thread_create("wanderer", wander, (void *)(u64)i);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		thread_join(threads[i]);
	report(wrong_cpu == 0, "threads change their own CPU");
}

static void be_pushed(void *argument)
{
	u32 rounds = 0;

	(void)argument;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (++rounds % 64 == 0)
			thread_sleep_ns(50 * NS_PER_US);
		else
			cpu_relax();
	}
}

static void test_moving_others(void)
{
	struct thread *threads[4];
	bool arrived = true;

	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = thread_create("pushed", be_pushed, NULL);
	for (u32 i = 0; i < MOVES; i++)
		stay_on(threads[i % ARRAY_SIZE(threads)], i / 2 % cpu_count);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++) {
		u64 end = clock_ns() + 5 * NS_PER_S;

		stay_on(threads[i], i % cpu_count);
		while (thread_cpu(threads[i]) != i % cpu_count && clock_ns() < end)
			thread_yield();
		arrived &= thread_cpu(threads[i]) == i % cpu_count;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		thread_join(threads[i]);
	report(arrived, "threads are pushed while they run and sleep");
}

/* As many spinners as CPUs, all made on this one: each gets a CPU, by placement or theft. */

static struct cpu_mask spun_on[2 * THREADS_MAX]; /* written by its thread: the CPUs that it saw */

static void spin(void *argument)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		cpu_mask_set(argument, cpu_here());
		cpu_relax();
	}
}

static void test_spreading(void)
{
	struct thread *threads[2 * THREADS_MAX];
	u32 count = MIN(2 * cpu_count, 2 * THREADS_MAX);
	struct thread_times times;
	struct cpu_mask seen = { { 0 } };
	u64 run = 0, elapsed, start;

	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	for (u32 i = 0; i < count; i++) {
		spun_on[i] = seen;
		threads[i] = thread_create("spread", spin, &spun_on[i]);
	}
	start = clock_ns();
	thread_sleep_ns(300 * NS_PER_MS);
	elapsed = clock_ns() - start;
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (u32 i = 0; i < count; i++) {
		thread_get_times(threads[i], &times);
		run += times.run_ns;
	}
	for (u32 i = 0; i < count; i++) {
		thread_join(threads[i]);
		CPU_MASK_FOR_EACH(cpu, &spun_on[i])
			cpu_mask_set(&seen, cpu);
	}
	report(cpu_mask_count(&seen) == cpu_count, "spinners made on one CPU reach all");
	log_notice("selftest: smp: %u spinners had %llu %% of %u CPUs", count,
		   (unsigned long long)(run * 100 / MAX(elapsed * cpu_count, 1u)), cpu_count);
}

/* Run, steal and wait together are a thread's age; three spinners that share one CPU wait for each other. */
static void test_accounting(void)
{
	struct thread *threads[3];
	struct thread_times times, mine;
	u64 before[ARRAY_SIZE(threads)], after[ARRAY_SIZE(threads)], run = 0, steal = 0;
	bool exact = true;

	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++) {
		before[i] = clock_ns();
		threads[i] = thread_create("shared", spin, &spun_on[i]);
		after[i] = clock_ns();
		stay_on(threads[i], cpu_count - 1);
	}
	thread_sleep_ns(200 * NS_PER_MS);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++) {
		u64 least = clock_ns() - after[i], sum;

		thread_get_times(threads[i], &times);
		sum = times.run_ns + times.steal_ns + times.wait_ns;
		/* 10 us: each of the three is rounded, and the clock's conversion is not the sum's. */
		exact &= sum + 10 * NS_PER_US >= least && sum <= clock_ns() - before[i] + 10 * NS_PER_US;
		run += times.run_ns;
		steal += times.steal_ns;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		thread_join(threads[i]);
	thread_get_times(thread_current(), &mine);
	report(exact && steal > run && mine.wait_ns > 0, "run, steal and wait add up to a thread's age");
}

/* A timer that is armed again and again from changing CPUs, and cancelled while it may be firing elsewhere. */

static struct timer wandering_timer;
static struct spinlock timer_owner = SPINLOCK_INIT("selftest timer", LOCK_RANK_DEVICE);
static u64 timer_fired; /* (a) */

static void count_timer(struct timer *timer)
{
	u64 flags = lock_irqsave(&timer_owner);

	(void)timer;
	__atomic_fetch_add(&timer_fired, 1, __ATOMIC_RELAXED);
	unlock_irqrestore(&timer_owner, flags);
}

static void arm_from_everywhere(void *argument)
{
	(void)argument;
	for (u32 i = 0; i < MOVES; i++) {
		u64 flags;

		stay_on(thread_current(), i % cpu_count);
		flags = lock_irqsave(&timer_owner);
		timer_arm(&wandering_timer, clock_ns() + (i % 3) * 20 * NS_PER_US);
		unlock_irqrestore(&timer_owner, flags);
	}
}

static void test_timers(void)
{
	struct thread *threads[3];
	u64 fired;

	timer_init(&wandering_timer, count_timer, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = thread_create("timers", arm_from_everywhere, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		thread_join(threads[i]);
	timer_cancel(&wandering_timer);
	fired = __atomic_load_n(&timer_fired, __ATOMIC_RELAXED);
	thread_sleep_ns(2 * NS_PER_MS);
	report(fired > 0 && fired == __atomic_load_n(&timer_fired, __ATOMIC_RELAXED), "a timer armed on all CPUs, quiet once cancelled");
}

/* One page, mapped, read everywhere, unmapped, another one mapped: nobody sees the old one. */

static volatile u64 *window;
static u32 stale; /* (a) */

static void read_window(void *argument)
{
	if (*window != (u64)argument)
		__atomic_fetch_add(&stale, 1, __ATOMIC_RELAXED);
}

static void test_shoot_down(void)
{
	const struct cpu_mask all = CPU_MASK_ALL;
	hpa_t pages[2] = { pages_alloc(0, PAGE_OWNER_HOST, PAGES_ZERO), pages_alloc(0, PAGE_OWNER_HOST, PAGES_ZERO) };
	u64 virtual = VMAP_AREA_END - 2 * MIB; /* vmap goes upwards, and does not come that far */
	bool mapped = pages[0].value && pages[1].value;

	for (u32 i = 0; mapped && i < 50; i++) {
		*(u64 *)direct_map(pages[i % 2]) = 1000 + i;
		mapped = paging_map(virtual, pages[i % 2].value, PAGE_SIZE, PAGING_WRITE | PAGING_SMALL) == OK;
		window = (volatile u64 *)virtual;
		cpu_call_mask(&all, read_window, (void *)(u64)(1000 + i));
		paging_unmap(virtual, PAGE_SIZE);
		smp_flush_tlb(virtual, PAGE_SIZE);
	}
	report(mapped && stale == 0, "no CPU sees a mapping that was taken away");
	for (u32 i = 0; i < 2; i++)
		if (pages[i].value)
			pages_free(pages[i], 0);
}

/* Time read on one CPU, then on the next, never goes back. */
static void test_time(void)
{
	u64 last = 0, back = 0;

	for (u32 i = 0; i < MOVES; i++) {
		u64 now;

		stay_on(thread_current(), i % cpu_count);
		now = clock_ns();
		back += now < last;
		last = now;
	}
	report(back == 0, "time does not go back from CPU to CPU");
}

static void end_soon(void *argument)
{
	(void)argument;
	thread_yield();
}

static void test_lives(void)
{
	for (u32 i = 0; i < 50; i++) {
		struct thread *threads[4];

		for (u32 k = 0; k < ARRAY_SIZE(threads); k++)
			threads[k] = thread_create("short", end_soon, NULL);
		for (u32 k = 0; k < ARRAY_SIZE(threads); k++)
			if (k % 2)
				thread_detach(threads[k]);
			else
				thread_join(threads[k]);
	}
	report(true, "threads that end while they are joined and detached");
}

/*
 * On purpose. In a function of its own, whose name the watchdog is to tell: it calls nothing while it hangs. First it goes where
 * it is to hang: from another CPU nobody could move it.
 */
static __attribute__((noinline)) void hang(void *argument)
{
	u64 end, flags;

	(void)argument;
	stay_on(thread_current(), cpu_count - 1);
	end = clock_ns_to_tsc(clock_ns() + 12 * NS_PER_S);
	flags = irq_save();
	while (rdtsc() < end)
		cpu_relax();
	irq_restore(flags);
}

void selftest_hang(void)
{
	struct thread *thread;

	log_notice("selftest: failing on purpose: hang");
	thread = thread_create("hangs", hang, NULL);
	thread_join(thread);
	log_notice("selftest: the hang is over");
}

static void keep_busy(void *argument)
{
	(void)argument;
	for (;;)
		cpu_relax();
}

void selftest_panic_beside_others(void)
{
	if (cpu_count > 1)
		stay_on(thread_create("busy", keep_busy, NULL), 1);
	stay_on(thread_current(), 0);
	thread_sleep_ns(100 * NS_PER_MS);
	panic("selftest: others");
}

u32 selftest_smp(void)
{
	struct cpu_mask before;

	thread_get_affinity(thread_current(), &before);
	failed = 0;
	log_notice("selftest: smp: %u CPUs", cpu_count);
	test_calls();
	test_wakes(true);
	test_wakes(false);
	test_moving_oneself();
	test_moving_others();
	test_spreading();
	test_accounting();
	test_timers();
	test_shoot_down();
	test_time();
	test_lives();
	if (thread_set_affinity(thread_current(), &before) != OK)
		panic("selftest: no CPU");
	return failed;
}

/* SPDX-License-Identifier: MIT */
/*
 * What scheduling costs, in ticks of the time-stamp counter: instructions under QEMU's instruction counter and in Bochs.
 *
 * Each figure is the least of 1,000 tries, since a timer's interrupt may fall into a try, and with several CPUs, which take
 * turns there, another one's work; a pick's is the mean, since its heap does some work for the next ones. tools/bench.d/sched
 * reads the lines (docs/measurements.md).
 */
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/pages.h"
#include "hv/sched_policy.h"
#include "hv/selftest.h"
#include "hv/thread.h"
#include "hv/thread_group.h"

#define TRIES 1000u

static bool stop; /* (a) */

static void say(const char *name, u64 ticks)
{
	log_notice("selftest: %s %llu ticks", name, (unsigned long long)ticks);
}

static struct thread *create_on(u32 cpu, struct thread_group *group, const char *name, void (*function)(void *argument),
				void *argument)
{
	const struct cpu_mask mask = cpu_mask_of(cpu);
	struct thread *thread = thread_create_in(group, false, name, function, argument);

	if (!thread || thread_set_affinity(thread, &mask) != OK)
		panic("selftest: no thread on CPU %u", cpu);
	return thread;
}

static struct thread_group *create_group(void)
{
	struct thread_group *group = thread_group_create(1024);

	if (!group)
		panic("selftest: no memory for a share group");
	return group;
}

/* Two threads of different share groups that yield to each other, each with vector state of its own, as two machines' vCPUs. */

static volatile u64 partner_turns;

static u64 components(void)
{
	return fpu_has_xsave() ? fpu_supported_xcr0() : XCR0_X87 | XCR0_SSE;
}

static void save_vectors(void *area) { fpu_save(area, components()); }
static void load_vectors(void *area) { fpu_load(area, components()); }

static void with_vectors(void (*function)(void))
{
	static const struct thread_switch_hooks hooks = { save_vectors, load_vectors };
	hpa_t page = pages_alloc(0, PAGE_OWNER_HOST, PAGES_ZERO);

	if (!page.value)
		panic("selftest: no memory for vector state");
	fpu_area_reset(direct_map(page), PAGE_SIZE);
	thread_set_switch_hooks(&hooks, direct_map(page));
	function();
	thread_set_switch_hooks(NULL, NULL);
	pages_free(page, 0);
}

static void take_turns(void)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		partner_turns++;
		thread_yield();
	}
}

/* A round trip is two switches; it counts only when the partner had exactly one turn in it. */
static void measure_turns(void)
{
	u64 least = ~(u64)0;

	for (u32 tries = 0; tries < TRIES;) {
		u64 seen = partner_turns, before = rdtsc(), ticks;

		thread_yield();
		ticks = rdtsc() - before;
		if (partner_turns - seen != 1)
			continue;
		least = MIN(least, ticks);
		tries++;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	say("sched.switch", least / 2);
}

static void partner(void *argument) { (void)argument; with_vectors(take_turns); }
static void measurer(void *argument) { (void)argument; with_vectors(measure_turns); }

static void switches(void)
{
	struct thread_group *groups[2] = { create_group(), create_group() };
	struct thread *threads[2];

	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	threads[0] = create_on(0, groups[0], "partner", partner, NULL);
	threads[1] = create_on(0, groups[1], "measurer", measurer, NULL);
	thread_join(threads[1]);
	thread_join(threads[0]);
	thread_group_destroy(groups[0]);
	thread_group_destroy(groups[1]);
}

/* A thread of a machine's share group that sleeps, as a halted vCPU does, and one of the host's that wakes it. */

static struct waitqueue bell;
static bool bell_rang;       /* [bell] in effect: one rings, one hears */
static volatile u64 heard_at;

static void hear(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		waitqueue_wait(&bell, __atomic_load_n(&bell_rang, __ATOMIC_ACQUIRE));
		heard_at = rdtsc();
		__atomic_store_n(&bell_rang, false, __ATOMIC_RELEASE);
	}
}

/* Least ticks from ringing to the return of waitqueue_wake_one (`sender`), or until the sleeper runs. */
static u64 measure_wake(u32 cpu, bool sender)
{
	struct thread_group *group = create_group();
	struct thread *thread;
	u64 least = ~(u64)0;

	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	bell_rang = false;
	waitqueue_init(&bell, "selftest bell");
	thread = create_on(cpu, group, "hears", hear, NULL);
	for (u32 i = 0; i < TRIES; i++) {
		u64 before, after;

		thread_sleep_ns(20 * NS_PER_US); /* it sleeps again */
		__atomic_store_n(&bell_rang, true, __ATOMIC_RELEASE);
		before = rdtsc();
		waitqueue_wake_one(&bell);
		after = rdtsc();
		while (__atomic_load_n(&bell_rang, __ATOMIC_ACQUIRE))
			thread_yield();
		if (!sender)
			after = heard_at;
		if (after > before)
			least = MIN(least, after - before);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	__atomic_store_n(&bell_rang, true, __ATOMIC_RELEASE);
	waitqueue_wake_one(&bell);
	thread_join(thread);
	thread_group_destroy(group);
	return least;
}

/* A thread that runs on another CPU, and is told to look: an interrupt there. */

static volatile u64 spun;

static void spin(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		spun++;
		cpu_relax();
	}
}

static u64 measure_kick(void)
{
	struct thread *thread;
	u64 least = ~(u64)0, begun = spun;

	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	thread = create_on(1, NULL, "kicked", spin, NULL);
	while (spun == begun || thread_cpu(thread) != 1) /* it runs there */
		thread_sleep_ns(50 * NS_PER_US);
	for (u32 i = 0; i < TRIES; i++) {
		u64 before = rdtsc();

		thread_kick(thread);
		least = MIN(least, rdtsc() - before);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	thread_join(thread);
	return least;
}

/* The policy alone, on a CPU that is not there: so many runnable vCPUs, each of a machine of its own. */

struct seat {
	struct sched_task task;
	struct sched_group group;
	struct sched_part part;
};

static u64 picks(struct sched_cpu *cpu, u64 slice)
{
	u64 now = slice, ticks = 0;

	(void)sched_next(cpu, now);
	for (u32 i = 0; i < TRIES; i++) {
		u64 before;

		now += slice;
		sched_run(cpu, now, slice);
		sched_stop(cpu, now, false);
		before = rdtsc();
		(void)sched_next(cpu, now);
		ticks += rdtsc() - before;
	}
	return ticks / TRIES;
}

static void measure_pick(u32 count, const char *name)
{
	u64 slice = clock_ns_to_tsc(NS_PER_MS) - clock_ns_to_tsc(0);
	struct sched_cpu *cpu = kzalloc(sizeof(*cpu));
	struct seat **seats = kzalloc(count * sizeof(*seats));

	if (!cpu || !seats)
		panic("selftest: no memory");
	sched_cpu_init(cpu, 0, slice, 1000 * slice);
	for (u32 i = 0; i < count; i++) {
		seats[i] = kzalloc(sizeof(**seats));
		if (!seats[i])
			panic("selftest: no memory");
		sched_group_init(&seats[i]->group, 1024, &seats[i]->part, 1, slice);
		sched_task_init(&seats[i]->task, &seats[i]->group, SCHED_WEIGHT_DEFAULT, slice);
		sched_add(cpu, &seats[i]->task, 0);
	}
	say(name, picks(cpu, slice));
	for (u32 i = 0; i < count; i++)
		kfree(seats[i]);
	kfree(seats);
	kfree(cpu);
}

void selftest_costs(void)
{
	const struct cpu_mask here = cpu_mask_of(0);
	struct cpu_mask before;

	thread_get_affinity(thread_current(), &before);
	if (thread_set_affinity(thread_current(), &here) != OK)
		panic("selftest: no CPU 0");
	switches();
	say("sched.wake", measure_wake(0, false));
	measure_pick(10, "sched.pick.10");
	measure_pick(100, "sched.pick.100");
	measure_pick(1000, "sched.pick.1000");
	if (cpu_count > 1) {
		say("sched.wake.other", measure_wake(1, true));
		say("sched.ipi", measure_kick());
	}
	if (thread_set_affinity(thread_current(), &before) != OK)
		panic("selftest: no CPU");
	log_notice("selftest: costs are measured");
}

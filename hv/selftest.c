/* SPDX-License-Identifier: MIT */
/*
 * What the build machine cannot test: that switching, sleeping, preemption, timers, guards and faults work on a CPU.
 * The scenario guest-tests/scenarios/selftest waits for its lines.
 */
#include "hv/selftest.h"
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "hv/boot_record.h"
#include "hv/clock.h"
#include "hv/fpu_section.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/pages.h"
#include "hv/slab.h"
#include "hv/thread.h"
#include "hv/timer.h"
#include "hv/tsc_watch.h"

#define ROUNDS 1000u

static u32 failed;

static void report(bool passed, const char *name)
{
	failed += !passed;
	log_notice("selftest: %s %s", passed ? "PASS" : "FAIL", name);
}

/* On this CPU: for what is about sharing one. */
static struct thread *create_here(const char *name, void (*function)(void *argument), void *argument)
{
	u32 cpu = thread_cpu(thread_current());
	const struct cpu_mask here = cpu_mask_of(cpu);
	struct thread *thread = thread_create(name, function, argument);

	if (!thread || thread_set_affinity(thread, &here) != OK)
		panic("selftest: no thread");
	while (thread_cpu(thread) != cpu) /* it began on an idle CPU, which gives it away */
		thread_sleep_ns(50 * NS_PER_US);
	return thread;
}

static void stay_on(u32 cpu)
{
	const struct cpu_mask mask = cpu_mask_of(cpu);

	if (thread_set_affinity(thread_current(), &mask) != OK)
		panic("selftest: CPU %u is not there", cpu);
}

/* Two threads that yield to each other. */
static volatile bool partner_stop;
static void partner(void *argument)
{
	(void)argument;
	while (!partner_stop)
		thread_yield();
}

static volatile u32 hooks_in, hooks_out;
static void count_out(void *context) { (void)context; hooks_out++; }
static void count_in(void *context) { (void)context; hooks_in++; }

static void test_switch(void)
{
	static const struct thread_switch_hooks hooks = { count_out, count_in };
	struct thread *other;
	u64 start = clock_ns();

	partner_stop = false;
	other = create_here("partner", partner, NULL);
	thread_set_switch_hooks(&hooks, NULL);
	/* The partner, which had an idle CPU of its own at first, may be ahead of its share: it comes when its turn has come. */
	while (hooks_in < ROUNDS && clock_ns() - start < NS_PER_S)
		thread_yield();
	thread_set_switch_hooks(NULL, NULL);
	partner_stop = true;
	thread_join(other);
	report(hooks_in == hooks_out && hooks_in >= ROUNDS, "switch hooks run in pairs");
}

static volatile u64 spins[2];
static volatile bool spin_stop;
static void spin(void *argument)
{
	while (!spin_stop)
		(*(volatile u64 *)argument)++;
}

/* Threads that never give way share a CPU by their weights, and this one wakes up on time among them. */
static void test_preemption(void)
{
	struct thread *threads[2];
	u64 start, late, runs[2];

	spin_stop = false;
	for (u32 i = 0; i < 2; i++)
		threads[i] = create_here("spinner", spin, (void *)&spins[i]);
	thread_set_weight(threads[1], 3 * 1024);
	start = clock_ns();
	thread_sleep_ns(NS_PER_S);
	late = clock_ns() - start - NS_PER_S;
	for (u32 i = 0; i < 2; i++)
		runs[i] = thread_run_ns(threads[i]);
	spin_stop = true;
	for (u32 i = 0; i < 2; i++)
		thread_join(threads[i]);
	log_notice("selftest: spinners got %llu and %llu us; woke %llu us late", (unsigned long long)(runs[0] / 1000),
		   (unsigned long long)(runs[1] / 1000), (unsigned long long)(late / 1000));
	/* An emulator that is stopped for a while charges whoever ran: exact shares are the simulator's business. */
	report(runs[0] && runs[1] > runs[0] * 2 && runs[1] < runs[0] * 4 + runs[0] / 2, "shares 1 : 3");
}

static struct mutex mutex;
static u64 guarded;
static void add_guarded(void *argument)
{
	(void)argument;
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 value;

		mutex_lock(&mutex);
		value = READ_ONCE(guarded);
		if (i % 50 == 0)
			thread_yield();
		WRITE_ONCE(guarded, value + 1);
		mutex_unlock(&mutex);
	}
}

static void test_mutex(void)
{
	struct thread *threads[4];

	mutex_init(&mutex, "selftest");
	guarded = 0;
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = thread_create("mutex", add_guarded, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		thread_join(threads[i]);
	report(guarded == ROUNDS * ARRAY_SIZE(threads), "mutex");
}

static struct timer_order {
	struct timer timer;
	u32 place;
} timers[8];
static u32 fired;
static void note_order(struct timer *timer)
{
	((struct timer_order *)timer)->place = fired++;
}

static void test_timers(void)
{
	u64 flags = irq_save(), now = clock_ns(); /* off: none fires before all are armed, however slow that is */
	bool ordered = true;

	fired = 0;
	for (u32 i = 0; i < ARRAY_SIZE(timers); i++) {
		timer_init(&timers[i].timer, note_order, NULL);
		timer_arm(&timers[i].timer, now + (8 - i) * NS_PER_MS);
	}
	timer_cancel(&timers[3].timer);
	irq_restore(flags);
	thread_sleep_ns(20 * NS_PER_MS);
	for (u32 i = 0; i < ARRAY_SIZE(timers); i++)
		if (i != 3)
			ordered &= timers[i].place == (i < 3 ? 6 - i : 7 - i);
	report(fired == 7 && ordered, "timers fire in order, a cancelled one not");
}

static void test_timeout(void)
{
	struct waitqueue queue;
	bool result;

	waitqueue_init(&queue, "selftest");
	result = waitqueue_wait_until(&queue, false, clock_ns() + 5 * NS_PER_MS);
	report(!result, "a wait ends at its deadline");
}

static void test_rights(void)
{
	u64 value;

	report(rdmsr_safe(0x4a4a4a4a, &value) == ERR_UNSUPPORTED || value == 0, "a faulting RDMSR is survived");
	report(!paging_is_mapped(ALIGN_DOWN((u64)&value, STACK_BYTES) - 8), "unmapped memory below the stack");
	report(!paging_is_mapped(0) && !paging_is_mapped(0x100000), "the lower half is empty");
}

static void test_memory(void)
{
	struct pages_stats before, after;
	u64 objects = slab_objects();
	void *kept[64];
	hpa_t large;

	pages_stats(&before);
	for (u32 i = 0; i < ARRAY_SIZE(kept); i++)
		kept[i] = kmalloc(1u << (i % 15));
	large = pages_alloc(9, PAGE_OWNER_GUEST, PAGES_ZERO);
	for (u32 i = 0; i < ARRAY_SIZE(kept); i++)
		kfree(kept[i]);
	pages_free(large, 9);
	pages_stats(&after);
	/* Each size class may keep one empty slab. */
	report(slab_objects() == objects && before.free_pages - MIN(before.free_pages, after.free_pages) < 64, "allocators balance");
}

static u64 all_interrupts(void)
{
	u64 count = 0;

	for (u32 i = 0; i < cpu_count; i++)
		count += READ_ONCE(cpus[i]->interrupt_count);
	return count;
}

static void test_idle(void)
{
	u64 before = all_interrupts(), count;

	thread_sleep_ns(NS_PER_S);
	count = all_interrupts() - before;
	log_notice("selftest: idle wake-ups in 1 s: %llu", (unsigned long long)count);
	report(count < 20, "an idle host halts");
}

static void test_vectors(void)
{
	u64 flags = fpu_begin(), value = 42, back = 0;

	__asm__ volatile("movq %1, %%xmm0; pxor %%xmm1, %%xmm1; movq %%xmm0, %0" : "=r"(back) : "r"(value));
	fpu_end(flags);
	report(back == value, "vector registers between fpu_begin and fpu_end");
}

/* Fills the stack until the guard page ends it. The volatile store keeps the call from becoming a loop. */
static volatile u64 nowhere = 0x10; /* in the lower half, which is empty */

static u64 overflow_stack(u64 depth)
{
	volatile u64 place[32];

	place[depth % 32] = depth;
	if (depth == ~(u64)0)
		return 0;
	return overflow_stack(depth + 1) + place[depth % 32];
}

static __attribute__((noinline)) void take_wrong_order(void)
{
	static struct spinlock inner = SPINLOCK_INIT("inner", LOCK_RANK_PAGES), outer = SPINLOCK_INIT("outer", LOCK_RANK_SLAB);

	irq_disable();
	lock_raw(&inner);
	lock_raw(&outer);
}

/* Each of these must end in a panic that names the cause. */
static __attribute__((noinline)) void fail_on_purpose(const char *how)
{
	log_notice("selftest: failing on purpose: %s", how);
	if (string_equal(how, "stack"))
		log_error("depth %llu", (unsigned long long)overflow_stack(0));
	else if (string_equal(how, "read"))
		log_error("%u", *(volatile u32 *)nowhere);
	else if (string_equal(how, "text"))
		*(volatile u8 *)(u64)selftest_run = 0xcc;
	else if (string_equal(how, "execute"))
		((void (*)(void))(u64)spins)();
	else if (string_equal(how, "lock"))
		take_wrong_order();
	else if (string_equal(how, "free"))
		kfree((void *)(DIRECT_MAP_BASE + 0x1000000));
	else if (string_equal(how, "others"))
		selftest_panic_beside_others();
	else
		panic("selftest: %s", how);
}

void selftest_run(void)
{
	char how[16] = "";

	if (boot_option("selftest", how, sizeof(how)) && string_equal(how, "hang")) {
		selftest_hang();
		return;
	}
	if (string_equal(how, "drift")) {
		log_notice("selftest: the last CPU's time-stamp counter %s", tsc_watch_disturb(1000000) ? "went ahead" : "cannot be moved");
		return;
	}
	if (string_equal(how, "costs")) {
		selftest_costs();
		return;
	}
	if (how[0])
		fail_on_purpose(how);
	stay_on(0);
	test_memory();
	test_rights();
	test_vectors();
	test_timers();
	test_timeout();
	test_mutex();
	test_switch();
	test_preemption();
	test_idle();
	failed += selftest_smp();
	selftest_costs();
	log_notice("selftest: done, %u failed", failed);
}

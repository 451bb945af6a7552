/* SPDX-License-Identifier: MIT */
/*
 * Timers: a heap of deadlines a CPU, and beside it the scheduler's next decision; the local APIC's timer is set to the earliest
 * of them. Without any no interrupt comes.
 */
#include "hv/timer.h"
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/vectors.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/log.h"

struct timer_queue {
	struct spinlock lock;
	struct heap heap;      /* [lock] */
	struct timer *running; /* (o) whose function runs now */
	u64 decision_tsc;      /* (o) when the scheduler wants to decide again; TIMER_NEVER */
	u64 programmed_tsc;    /* (o) what the APIC's timer is set to; TIMER_NEVER; 0: its interrupt is being handled */
};

void (*timer_decision_due)(void);

#define TIMER_OF(heap_node) ((const struct timer *)((const char *)(heap_node) - offsetof(struct timer, node)))

static bool earlier(const struct heap_node *a, const struct heap_node *b)
{
	return TIMER_OF(a)->deadline_ns < TIMER_OF(b)->deadline_ns;
}

static struct timer *first(struct timer_queue *queue)
{
	return queue->heap.root ? CONTAINER_OF(queue->heap.root, struct timer, node) : NULL;
}

/* On the queue's own CPU. */
static void program(struct timer_queue *queue)
{
	struct timer *timer = first(queue);
	u64 tsc = timer ? clock_ns_to_tsc(timer->deadline_ns) : TIMER_NEVER;

	queue->programmed_tsc = MIN(tsc, queue->decision_tsc);
	lapic_timer_arm(queue->programmed_tsc);
}

void timer_set_decision(u64 tsc)
{
	struct timer_queue *queue = this_cpu()->timers;
	u64 now = rdtsc();

	queue->decision_tsc = tsc;
	if (queue->programmed_tsc == 0) /* the end of its interrupt sets the timer */
		return;
	/*
	 * What the timer is set to is near enough. When that has passed, its interrupt is on its way, or was lost (QEMU's TCG loses one
	 * now and then: docs/testing.md): it is asked for again, at once and not for tsc, since the timers of the heap wait for it.
	 */
	if (now >= queue->programmed_tsc)
		tsc = now;
	else if (tsc >= queue->programmed_tsc)
		return;
	queue->programmed_tsc = tsc;
	lapic_timer_arm(tsc);
}

static void timer_interrupt(void *context)
{
	struct timer_queue *queue = this_cpu()->timers;
	struct timer *timer;

	(void)context;
	queue->programmed_tsc = 0; /* until the end of this, which sets it */
	if (rdtsc() >= queue->decision_tsc) {
		queue->decision_tsc = TIMER_NEVER;
		timer_decision_due();
	}
	lock_raw(&queue->lock);
	while ((timer = first(queue)) && timer->deadline_ns <= clock_ns()) {
		heap_remove(&queue->heap, &timer->node);
		queue->running = timer;
		__atomic_fetch_add(&timer->running, 1, __ATOMIC_RELAXED); /* before anybody can find it out of the heap */
		unlock_raw(&queue->lock);
		timer->function(timer);
		queue->running = NULL;
		__atomic_fetch_sub(&timer->running, 1, __ATOMIC_RELEASE); /* from here on it may be gone */
		lock_raw(&queue->lock);
	}
	program(queue);
	unlock_raw(&queue->lock);
}

void timers_init_cpu(void)
{
	struct timer_queue *queue = kzalloc(sizeof(*queue));

	if (!queue)
		panic("no memory for timers");
	spinlock_init(&queue->lock, "timers", LOCK_RANK_TIMER);
	queue->heap.before = earlier;
	queue->decision_tsc = queue->programmed_tsc = TIMER_NEVER;
	this_cpu()->timers = queue;
	vectors_set(VECTOR_TIMER, timer_interrupt, NULL);
	lapic_timer_setup();
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context)
{
	*timer = (struct timer){ .function = function, .context = context };
}

/* Locks the queue that it is in, or was in last; cpu_index changes only under that lock. Interrupts off. */
static struct timer_queue *lock_queue_of(const struct timer *timer)
{
	for (;;) {
		u32 index = READ_ONCE(timer->cpu_index);
		struct timer_queue *queue = cpus[index]->timers;

		lock_raw(&queue->lock);
		if (LIKELY(READ_ONCE(timer->cpu_index) == index))
			return queue;
		unlock_raw(&queue->lock);
	}
}

static bool take_out(struct timer_queue *queue, struct timer *timer)
{
	bool queued = heap_contains(&timer->node);

	if (queued)
		heap_remove(&queue->heap, &timer->node);
	return queued;
}

void timer_arm(struct timer *timer, u64 deadline_ns)
{
	u64 flags = irq_save();
	struct cpu *cpu = this_cpu();
	struct timer_queue *queue;

	/* At most twice, unless others arm it meanwhile: from where it is to this CPU, one lock at a time. */
	while (take_out(queue = lock_queue_of(timer), timer), queue != cpu->timers) {
		WRITE_ONCE(timer->cpu_index, cpu->index);
		unlock_raw(&queue->lock);
	}
	timer->deadline_ns = deadline_ns;
	heap_insert(&queue->heap, &timer->node);
	if (first(queue) == timer)
		program(queue);
	unlock_raw(&queue->lock);
	irq_restore(flags);
}

bool timer_cancel(struct timer *timer)
{
	u64 flags = irq_save();
	bool queued = false;

	for (;;) {
		struct timer_queue *queue = lock_queue_of(timer);

		queued |= take_out(queue, timer); /* the APIC may still fire once for it, and finds nothing to do */
		unlock_raw(&queue->lock);
		/* From within its own function there is nobody to wait for. */
		if (this_cpu()->timers->running == timer || !__atomic_load_n(&timer->running, __ATOMIC_ACQUIRE))
			break;
		while (__atomic_load_n(&timer->running, __ATOMIC_ACQUIRE))
			cpu_relax();
		/* The function may have armed it again. */
	}
	irq_restore(flags);
	return queued;
}

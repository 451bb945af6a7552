/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU timer queues: an ordered tree of deadlines and the local APIC's one-shot timer for the earliest.
 *
 * The hardware is armed only when the earliest deadline changed, so that a guest that moves a later deadline costs no APIC
 * access. A race and why it is safe: timer_cancel on one CPU while the function runs on another. The queue's `running`
 * field names the timer whose function runs; cancel takes the timer out of the tree under the queue's lock, then waits
 * until `running` is another one. A function may cancel or arm its own timer: it then runs on the same CPU, and cancel does
 * not wait for itself.
 */
#include "hv/timer.h"
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"

struct timer_queue {
	struct spinlock lock;
	struct ordered_tree tree;   /* [lock] */
	u64 armed_ns;               /* [lock] what the hardware is set to; ~0: off */
	struct timer *running;      /* (a) */
};

#define HARDWARE_OFF (~(u64)0)
#define FUNCTIONS_PER_INTERRUPT 64 /* the rest by the next interrupt, so that others get in between */

int timer_cpu_init(struct cpu *cpu)
{
	struct timer_queue *queue = kzalloc(sizeof(*queue));

	if (!queue)
		return ERR_NO_MEMORY;
	spinlock_init(&queue->lock, "timer", LOCK_RANK_TIMER);
	queue->armed_ns = HARDWARE_OFF;
	cpu->timers = queue;
	return OK;
}

void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context)
{
	*timer = (struct timer){ .function = function, .context = context };
}

/* Queue locked, on its own CPU. */
static void arm_hardware(struct timer_queue *queue)
{
	u64 earliest = queue->tree.first ? queue->tree.first->key : HARDWARE_OFF;

	if (earliest == queue->armed_ns)
		return;
	queue->armed_ns = earliest;
	lapic_timer_arm(earliest == HARDWARE_OFF ? HARDWARE_OFF : clock_ns_to_tsc(earliest));
}

/* Takes the timer out of whatever queue it is in. Interrupts off. Afterwards it is nobody's. */
static bool take_out(struct timer *timer)
{
	for (;;) {
		u32 index = __atomic_load_n(&timer->cpu_index, __ATOMIC_ACQUIRE);
		struct timer_queue *queue = cpus[index]->timers;
		bool was_armed;

		lock_raw(&queue->lock);
		if (timer->cpu_index != index) { /* moved between the look and the lock */
			unlock_raw(&queue->lock);
			continue;
		}
		was_armed = timer->armed;
		if (was_armed) {
			ordered_remove(&queue->tree, &timer->node);
			__atomic_store_n(&timer->armed, 0, __ATOMIC_RELAXED);
		}
		unlock_raw(&queue->lock);
		return was_armed;
	}
}

void timer_arm(struct timer *timer, u64 deadline_ns)
{
	u64 flags = irq_save();
	struct cpu *cpu = this_cpu();
	struct timer_queue *queue = cpu->timers;

	if (UNLIKELY(timer->cpu_index != cpu->index))
		take_out(timer);
	lock_raw(&queue->lock);
	if (timer->armed)
		ordered_remove(&queue->tree, &timer->node);
	timer->cpu_index = cpu->index;
	ordered_insert(&queue->tree, &timer->node, deadline_ns);
	__atomic_store_n(&timer->armed, 1, __ATOMIC_RELAXED);
	/* While timer_interrupt runs functions it arms the hardware itself at its end. */
	if (!queue->running)
		arm_hardware(queue);
	unlock_raw(&queue->lock);
	irq_restore(flags);
}

bool timer_cancel(struct timer *timer)
{
	u64 flags = irq_save();
	bool was_armed = take_out(timer);
	u32 index = timer->cpu_index;
	struct timer_queue *queue = cpus[index]->timers;

	if (index == this_cpu()->index) {
		/* The hardware stays set for what was cancelled: at most one interrupt finds nothing due. */
		irq_restore(flags);
		return was_armed;
	}
	irq_restore(flags);
	while (__atomic_load_n(&queue->running, __ATOMIC_ACQUIRE) == timer)
		cpu_relax();
	return was_armed;
}

void timer_interrupt(void)
{
	struct timer_queue *queue = this_cpu()->timers;
	struct timer *timer;
	int left = FUNCTIONS_PER_INTERRUPT;

	if (queue->running)
		return; /* cannot nest: interrupts are off here; guards against a second call by a function */
	lock_raw(&queue->lock);
	queue->armed_ns = HARDWARE_OFF;
	while (left-- && queue->tree.first && queue->tree.first->key <= clock_ns()) {
		timer = CONTAINER_OF(queue->tree.first, struct timer, node);
		ordered_remove(&queue->tree, &timer->node);
		__atomic_store_n(&timer->armed, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&queue->running, timer, __ATOMIC_RELEASE);
		unlock_raw(&queue->lock);
		timer->function(timer);
		lock_raw(&queue->lock);
	}
	__atomic_store_n(&queue->running, NULL, __ATOMIC_RELEASE);
	arm_hardware(queue);
	unlock_raw(&queue->lock);
}

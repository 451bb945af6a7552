/* SPDX-License-Identifier: MIT */
/*
 * A thread's life and attributes. How threads share and change CPUs is hv/run_queue.c; waiting is hv/wait.c.
 */
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/vectors.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/thread_internal.h"
#include "hv/vmap.h"

extern const u8 thread_first[]; /* arch/x86/switch.S */
void thread_start(struct thread *previous); /* called by thread_first */

static struct spinlock threads_lock = SPINLOCK_INIT("threads", LOCK_RANK_THREADS);
static struct list_node all_threads = LIST_INIT(all_threads); /* [threads_lock] */
static u32 last_id; /* (a) */

/* The thread pointer stands below the CPU's in the top of the stack, so that it is right wherever the thread runs. */
struct thread *thread_current(void)
{
	u64 rsp;

	__asm__("movq %%rsp, %0" : "=r"(rsp));
	return *(struct thread **)((rsp | (STACK_BYTES - 1)) - 15);
}

const char *thread_name(const struct thread *thread)
{
	return thread->name;
}

/* Creation and end */

static void build_first_frame(struct thread *thread)
{
	u64 *top = (u64 *)thread->stack_top;

	top[-2] = (u64)thread;
	top[-3] = (u64)thread_first; /* thread_switch returns to it, with RSP aligned to 16 */
	for (int i = -4; i >= -9; i--)
		top[i] = 0;          /* rbp, rbx, r12 to r15 */
	thread->rsp = (u64)&top[-9];
}

void thread_start(struct thread *previous)
{
	struct thread *self;

	thread_finish_switch(previous);
	irq_enable();
	self = thread_current();
	self->function(self->argument);
	irq_disable();
	lock_raw(&threads_lock);
	list_remove(&self->all);
	unlock_raw(&threads_lock);
	lock_raw(&self->cpu->queue->lock); /* it runs with interrupts off: the CPU stays */
	self->state = THREAD_DEAD;
	unlock_raw(&self->cpu->queue->lock);
	self->hooks = NULL;
	thread_schedule();
	panic("a thread ran on after its end");
}

struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
{
	return thread_create_in(NULL, false, name, function, argument);
}

struct thread *thread_create_in(struct thread_group *group, bool helper, const char *name, void (*function)(void *argument),
				void *argument)
{
	struct thread *thread = kzalloc(sizeof(*thread));
	u64 flags;

	if (!thread)
		return NULL;
	thread->stack_top = stack_alloc();
	if (!thread->stack_top) {
		kfree(thread);
		return NULL;
	}
	string_copy(thread->name, name, sizeof(thread->name));
	thread->function = function;
	thread->argument = argument;
	waitqueue_init(&thread->exit, "thread exit");
	sched_task_init(&thread->task, thread_group_policy(group), SCHED_WEIGHT_DEFAULT, run_queue_ticks(THREAD_SLICE_NS));
	if (group && helper)
		thread->task.helpers = &thread->task.group->helpers;
	build_first_frame(thread);
	thread->state = THREAD_BLOCKED;
	thread->move_to = SCHED_NOBODY;
	thread->fresh = true;
	thread->since_tsc = rdtsc();
	thread->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	list_init(&thread->queued);
	flags = irq_save();
	thread->cpu = this_cpu();
	lock_raw(&threads_lock);
	list_push_back(&all_threads, &thread->all);
	unlock_raw(&threads_lock);
	thread_wake(thread);
	irq_restore(flags);
	return thread;
}

static bool has_ended(struct thread *thread)
{
	return READ_ONCE(thread->state) == THREAD_DEAD && !__atomic_load_n(&thread->on_cpu, __ATOMIC_ACQUIRE);
}

void thread_join(struct thread *thread)
{
	u64 flags;

	waitqueue_wait(&thread->exit, has_ended(thread));
	/* The last waker may still hold the queue's lock. */
	flags = lock_irqsave(&thread->exit.lock);
	unlock_irqrestore(&thread->exit.lock, flags);
	stack_free(thread->stack_top);
	kfree(thread);
}

void thread_detach(struct thread *thread)
{
	u64 flags = irq_save();
	struct run_queue *queue = thread_lock_queue(thread);
	bool ended = thread->state == THREAD_DEAD;

	thread->detached = !ended;
	unlock_raw(&queue->lock);
	irq_restore(flags);
	if (ended)
		thread_join(thread);
}

void thread_set_weight(struct thread *thread, u32 weight)
{
	u64 flags = irq_save();
	struct run_queue *queue = thread_lock_queue(thread);

	sched_task_set_weight(&queue->policy, &thread->task, weight);
	unlock_raw(&queue->lock);
	irq_restore(flags);
}

void thread_set_cap(struct thread *thread, u64 period_ns, u64 quota_ns)
{
	sched_cap_set(&thread->task.own, run_queue_ticks(period_ns), run_queue_ticks(quota_ns));
	run_queue_look_again(READ_ONCE(thread->cpu));
}

int thread_set_affinity(struct thread *thread, const struct cpu_mask *wanted)
{
	struct cpu_mask usable = cpu_mask_and(wanted, &cpus_online);
	struct run_queue *queue;
	u64 flags;

	if (cpu_mask_empty(&usable))
		return ERR_RANGE;
	flags = irq_save();
	queue = thread_lock_queue(thread);
	sched_task_set_allowed(&queue->policy, &thread->task, wanted);
	run_queue_leave_forbidden(thread, queue);
	if (thread == thread_current() && READ_ONCE(this_cpu()->reschedule) && this_cpu()->interrupt_depth == 0)
		thread_schedule();
	irq_restore(flags);
	return OK;
}

void thread_get_affinity(struct thread *thread, struct cpu_mask *allowed)
{
	u64 flags = irq_save();
	struct run_queue *queue = thread_lock_queue(thread);

	*allowed = thread->task.allowed;
	unlock_raw(&queue->lock);
	irq_restore(flags);
}

u32 thread_cpu(const struct thread *thread)
{
	return READ_ONCE(thread->cpu)->index;
}

/*
 * Whether it still runs there does not matter: a thread that has left its CPU looks at everything again before it goes on,
 * and one that comes to a CPU reads what the caller wrote before (both sides are ordered by the queue's lock).
 */
void thread_kick(const struct thread *thread)
{
	struct cpu *cpu = READ_ONCE(thread->cpu);

	if (cpu != this_cpu() && READ_ONCE(cpu->current) == thread)
		lapic_send_ipi(cpu->apic_id, VECTOR_RESCHEDULE);
}

static u64 ticks_to_ns(u64 ticks)
{
	return clock_tsc_to_ns(clock_ns_to_tsc(0) + ticks);
}

/* The idle thread's too: it is never queued, and runs whenever it is current. */
void thread_get_times(const struct thread *thread, struct thread_times *times)
{
	u64 flags = irq_save(), now;
	struct run_queue *queue = thread_lock_queue(thread);
	u64 run = thread->run_ticks, steal = thread->steal_ticks, wait = thread->wait_ticks, since;

	now = rdtsc();
	since = now > thread->since_tsc ? now - thread->since_tsc : 0;
	if (thread->cpu->current == thread)
		run += now > queue->last_tsc ? now - queue->last_tsc : 0;
	else if (thread->state == THREAD_RUNNABLE)
		steal += since;
	else if (thread->state == THREAD_BLOCKED)
		wait += since;
	times->switches = thread->switches;
	times->migrations = thread->migrations;
	unlock_raw(&queue->lock);
	irq_restore(flags);
	times->run_ns = ticks_to_ns(run);
	times->steal_ns = ticks_to_ns(steal);
	times->wait_ns = ticks_to_ns(wait);
}

u64 thread_own_steal_ns(void)
{
	return ticks_to_ns(READ_ONCE(thread_current()->steal_ticks));
}

u64 thread_run_ns(const struct thread *thread)
{
	struct thread_times times;

	thread_get_times(thread, &times);
	return times.run_ns;
}

void thread_set_switch_hooks(const struct thread_switch_hooks *hooks, void *context)
{
	struct thread *self = thread_current();
	u64 flags = irq_save();

	self->hooks_context = context;
	self->hooks = hooks;
	irq_restore(flags);
}

u32 threads_list(struct thread_info *infos, u32 max)
{
	u64 flags = lock_irqsave(&threads_lock);
	u32 count = 0;

	LIST_FOR_EACH(node, &all_threads) {
		const struct thread *thread = LIST_ENTRY(node, struct thread, all);

		if (count < max) {
			struct thread_info *info = &infos[count];

			string_copy(info->name, thread->name, sizeof(info->name));
			info->cpu_index = thread_cpu(thread);
			info->state = READ_ONCE(thread->state);
			thread_get_times(thread, &info->times);
		}
		count++;
	}
	unlock_irqrestore(&threads_lock, flags);
	return count;
}

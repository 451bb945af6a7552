/* SPDX-License-Identifier: MIT */
/*
 * Threads on per-CPU run queues. Which one runs is hv/sched_policy.c's; this file switches, starts and ends them.
 *
 * Preemption: whoever makes a better thread runnable sets cpu->reschedule; the next interrupt's end, or the next point at
 * which interrupts come back on in waking code, switches. Waiting is hv/wait.c.
 */
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/vectors.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/log.h"
#include "hv/thread_internal.h"
#include "hv/vmap.h"

struct thread *thread_switch(struct thread *from, u64 *from_rsp, u64 to_rsp); /* arch/x86/switch.S */
extern const u8 thread_first[];
void thread_start(struct thread *previous); /* called by thread_first */

static struct spinlock threads_lock = SPINLOCK_INIT("threads", LOCK_RANK_THREADS);
static struct list_node all_threads = LIST_INIT(all_threads); /* [threads_lock] */

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

bool thread_should_yield(void)
{
	return READ_ONCE(this_cpu()->reschedule);
}

/* The run queue: [queue->lock] in all of these. */

static void arm_slice_timer(struct cpu *cpu, struct thread *running)
{
	u64 left;

	if (running->idle || timer_armed(&cpu->queue->slice))
		return;
	left = clock_tsc_to_ns(clock_ns_to_tsc(0) + sched_slice_left(&running->entity));
	timer_arm(&cpu->queue->slice, clock_ns() + MAX(left, 100000u));
}

static void slice_over(struct timer *timer)
{
	(void)timer;
	WRITE_ONCE(this_cpu()->reschedule, 1);
}

static void charge_current(struct run_queue *queue, struct thread *current)
{
	u64 now = rdtsc(), ticks = now > queue->last_tsc ? now - queue->last_tsc : 0;

	queue->last_tsc = now;
	current->run_ticks += ticks;
	if (!current->idle)
		sched_charge(&queue->policy, &current->entity, ticks);
}

static struct thread *choose_next(struct run_queue *queue, struct thread *current)
{
	struct sched_entity *entity;

	charge_current(queue, current);
	if (!current->idle) {
		if (current->state == THREAD_RUNNABLE)
			sched_put(&queue->policy, &current->entity);
		else
			sched_leave(&queue->policy, &current->entity);
	}
	entity = sched_pick(&queue->policy);
	return entity ? CONTAINER_OF(entity, struct thread, entity) : queue->idle;
}

/* First thing on the other stack: the one that was left may now be taken by others, or is at its end. */
static void finish_switch(struct thread *previous)
{
	struct thread *self = thread_current();

	if (previous->state != THREAD_DEAD) {
		__atomic_store_n(&previous->on_cpu, 0, __ATOMIC_RELEASE);
	} else if (previous->detached) {
		stack_free(previous->stack_top);
		kfree(previous);
	} else {
		/* Under the lock that thread_join takes before it frees: nothing of the thread is touched after it. */
		lock_raw(&previous->exit.lock);
		__atomic_store_n(&previous->on_cpu, 0, __ATOMIC_RELEASE);
		waitqueue_wake_all_locked(&previous->exit);
		unlock_raw(&previous->exit.lock);
	}
	if (self->hooks)
		self->hooks->in(self->hooks_context);
}

void thread_schedule(void)
{
	struct cpu *cpu = this_cpu();
	struct run_queue *queue = cpu->queue;
	struct thread *current = cpu->current, *next;

	lock_raw(&queue->lock);
	WRITE_ONCE(cpu->reschedule, 0);
	next = choose_next(queue, current);
	if (queue->policy.count)
		arm_slice_timer(cpu, next);
	if (next == current) {
		unlock_raw(&queue->lock);
		return;
	}
	next->switches++;
	queue->switches++;
	next->on_cpu = 1;
	cpu->current = next;
	*(struct cpu **)(next->stack_top - 8) = cpu;
	unlock_raw(&queue->lock);
	if (current->hooks)
		current->hooks->out(current->hooks_context);
	finish_switch(thread_switch(current, &current->rsp, next->rsp));
}

void thread_yield(void)
{
	u64 flags = irq_save();
	struct cpu *cpu = this_cpu();

	lock_raw(&cpu->queue->lock);
	charge_current(cpu->queue, cpu->current);
	if (!cpu->current->idle)
		sched_give_up_slice(&cpu->current->entity);
	unlock_raw(&cpu->queue->lock);
	thread_schedule();
	irq_restore(flags);
}

void thread_set_blocked(void)
{
	struct run_queue *queue = this_cpu()->queue;

	lock_raw(&queue->lock);
	thread_current()->state = THREAD_BLOCKED;
	unlock_raw(&queue->lock);
}

/* This CPU or another should look at its queue. Interrupts off. */
static void ask_for_switch(struct cpu *cpu)
{
	struct cpu *self = this_cpu();

	if (__atomic_exchange_n(&cpu->reschedule, 1, __ATOMIC_ACQ_REL))
		return;
	if (cpu != self)
		lapic_send_ipi(cpu->apic_id, VECTOR_RESCHEDULE);
	else if (self->interrupt_depth == 0)
		lapic_self_ipi(VECTOR_RESCHEDULE); /* taken as soon as interrupts are on again */
}

static void enqueue(struct thread *thread, struct run_queue *queue)
{
	struct cpu *cpu = thread->cpu;
	struct thread *running = cpu->current;

	sched_join(&queue->policy, &thread->entity);
	if (running->idle) {
		ask_for_switch(cpu);
		return;
	}
	if (cpu == this_cpu())
		charge_current(queue, running);
	if (sched_preempts(&queue->policy, &thread->entity, &running->entity))
		ask_for_switch(cpu);
	else if (cpu == this_cpu())
		arm_slice_timer(cpu, running);
	else
		ask_for_switch(cpu); /* its slice timer is its own to arm */
}

void thread_wake(struct thread *thread)
{
	u64 flags = irq_save();
	struct run_queue *queue = thread->cpu->queue;

	lock_raw(&queue->lock);
	if (thread->state == THREAD_BLOCKED) {
		thread->state = THREAD_RUNNABLE;
		/* Not yet off its CPU: thread_schedule there will put it back by itself. */
		if (thread->entity.counted == false)
			enqueue(thread, queue);
	}
	unlock_raw(&queue->lock);
	irq_restore(flags);
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

	finish_switch(previous);
	irq_enable();
	self = thread_current();
	self->function(self->argument);
	irq_disable();
	lock_raw(&threads_lock);
	list_remove(&self->all);
	unlock_raw(&threads_lock);
	lock_raw(&self->cpu->queue->lock);
	self->state = THREAD_DEAD;
	unlock_raw(&self->cpu->queue->lock);
	self->hooks = NULL;
	thread_schedule();
	panic("a thread ran on after its end");
}

struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
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
	sched_entity_init(&thread->entity, SCHED_WEIGHT_DEFAULT, clock_ns_to_tsc(THREAD_SLICE_NS) - clock_ns_to_tsc(0));
	build_first_frame(thread);
	thread->state = THREAD_BLOCKED;
	thread->affinity = CPU_MASK_ALL;
	flags = irq_save();
	lock_raw(&threads_lock);
	list_push_back(&all_threads, &thread->all);
	unlock_raw(&threads_lock);
	thread->cpu = this_cpu();
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
	struct run_queue *queue;
	u64 flags = irq_save();
	bool ended;

	queue = thread->cpu->queue;
	lock_raw(&queue->lock);
	ended = thread->state == THREAD_DEAD;
	thread->detached = !ended;
	unlock_raw(&queue->lock);
	irq_restore(flags);
	if (ended)
		thread_join(thread);
}

void thread_set_weight(struct thread *thread, u32 weight)
{
	struct run_queue *queue = thread->cpu->queue;
	u64 flags = lock_irqsave(&queue->lock);

	weight = MIN(MAX(weight, SCHED_WEIGHT_MIN), SCHED_WEIGHT_MAX) << SCHED_WEIGHT_SHIFT;
	if (thread->entity.counted)
		queue->policy.total_weight += (u64)weight - thread->entity.weight;
	thread->entity.weight = weight;
	unlock_irqrestore(&queue->lock, flags);
}

int thread_set_affinity(struct thread *thread, const struct cpu_mask *wanted)
{
	struct run_queue *queue = thread->cpu->queue;
	struct cpu_mask usable = cpu_mask_and(wanted, &cpus_online);
	u64 flags;

	if (cpu_mask_empty(&usable))
		return ERR_RANGE;
	flags = lock_irqsave(&queue->lock);
	thread->affinity = *wanted;
	unlock_irqrestore(&queue->lock, flags);
	return OK;
}

void thread_get_affinity(struct thread *thread, struct cpu_mask *allowed)
{
	struct run_queue *queue = thread->cpu->queue;
	u64 flags = lock_irqsave(&queue->lock);

	*allowed = thread->affinity;
	unlock_irqrestore(&queue->lock, flags);
}

u32 thread_cpu(const struct thread *thread)
{
	return READ_ONCE(thread->cpu)->index;
}

void thread_kick(const struct thread *thread)
{
	struct cpu *cpu = READ_ONCE(thread->cpu);

	if (READ_ONCE(cpu->current) == thread && cpu != this_cpu())
		lapic_send_ipi(cpu->apic_id, VECTOR_RESCHEDULE);
}

u64 thread_run_ns(const struct thread *thread)
{
	u64 ticks = READ_ONCE(thread->run_ticks);

	if (thread == thread_current())
		ticks += rdtsc() - READ_ONCE(thread->cpu->queue->last_tsc);
	return clock_tsc_to_ns(clock_ns_to_tsc(0) + ticks);
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
			info->cpu_index = thread->cpu->index;
			info->state = READ_ONCE(thread->state);
			info->run_ns = thread_run_ns(thread);
			info->switches = READ_ONCE(thread->switches);
		}
		count++;
	}
	unlock_irqrestore(&threads_lock, flags);
	return count;
}

/* Per CPU */

/* The outermost interrupt's end, interrupts off: what could not be done where it was asked for. */
static void interrupt_end(void)
{
	log_wake_readers();
	if (READ_ONCE(this_cpu()->reschedule))
		thread_schedule();
}

static void reschedule_interrupt(void *context)
{
	(void)context; /* its end does the work */
}

void threads_init_cpu(void)
{
	struct thread *idle = kzalloc(sizeof(*idle));
	struct run_queue *queue = kzalloc(sizeof(*queue));
	struct cpu *cpu = this_cpu();
	u64 rsp;

	if (!idle || !queue)
		panic("no memory for the idle thread");
	__asm__("movq %%rsp, %0" : "=r"(rsp));
	idle->stack_top = (rsp | (STACK_BYTES - 1)) + 1;
	idle->idle = true;
	idle->on_cpu = 1;
	idle->cpu = cpu;
	string_copy(idle->name, "idle", sizeof(idle->name));
	waitqueue_init(&idle->exit, "idle exit");
	spinlock_init(&queue->lock, "run queue", LOCK_RANK_SCHED);
	sched_queue_init(&queue->policy);
	timer_init(&queue->slice, slice_over, NULL);
	queue->idle = idle;
	queue->last_tsc = rdtsc();
	((u64 *)idle->stack_top)[-2] = (u64)idle;
	cpu->current = idle;
	cpu->queue = queue;
	vectors_set(VECTOR_RESCHEDULE, reschedule_interrupt, NULL);
	vectors_interrupt_end = interrupt_end;
}

void thread_idle_loop(void)
{
	for (;;) {
		irq_disable();
		if (READ_ONCE(this_cpu()->reschedule))
			thread_schedule();
		else
			__asm__ volatile("sti; hlt" ::: "memory"); /* STI's shadow: no interrupt slips in between */
	}
}

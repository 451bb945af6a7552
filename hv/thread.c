/* SPDX-License-Identifier: MIT */
/*
 * Threads: creation, the switch, sleep and end. Who runs next is hv/sched_policy.c's; waiting is hv/waitqueue.c's.
 *
 * Each CPU has a run queue with the policy's state and an idle thread. A switch happens in schedule(), with interrupts
 * off: by a thread that waits or yields, or at the end of an interrupt that set cpu->reschedule.
 *
 * The race that matters: a thread sets itself BLOCKED and is woken before it has switched away. thread_wake makes it READY
 * and queues it under the run queue's lock; schedule() takes the same lock and finds it in the queue like any other. So
 * no wake-up is lost, and the thread may even be its own successor. With several CPUs a thread is queued only on the CPU on
 * which it ran last, so that no other CPU can load its stack before on_cpu is cleared.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "arch/x86/vectors.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/thread_internal.h"
#include "hv/vmap.h"

void thread_begin(void); /* called by thread_entry */

static struct spinlock threads_lock = SPINLOCK_INIT("threads", LOCK_RANK_SCHED);
static struct list_node all_threads = LIST_INIT(all_threads); /* [threads_lock] */

struct thread *thread_current(void)
{
	u64 flags = irq_save();
	struct thread *thread = this_cpu()->current;

	irq_restore(flags);
	return thread;
}

const char *thread_name(const struct thread *thread)
{
	return thread ? thread->name : "start-up";
}

u64 thread_run_ns(const struct thread *thread)
{
	return READ_ONCE(thread->run_ns);
}

void thread_set_weight(struct thread *thread, u32 weight)
{
	WRITE_ONCE(thread->entity.weight, MIN(MAX(weight, SCHED_WEIGHT_MIN), SCHED_WEIGHT_MAX));
}

bool thread_should_yield(void)
{
	return __atomic_load_n(&this_cpu()->reschedule, __ATOMIC_RELAXED) != 0;
}

/* The thread that came on the CPU finishes what its predecessor could not: the predecessor's stack is free now. */
static void finish_switch(struct run_queue *queue)
{
	struct thread *from = queue->switching_from;

	queue->switching_from = NULL;
	if (from->state == THREAD_DEAD && from->detached) {
		from->next_zombie = queue->zombies;
		queue->zombies = from;
	}
	__atomic_store_n(&from->on_cpu, 0, __ATOMIC_RELEASE);
}

static void charge_current(struct run_queue *queue, struct thread *thread)
{
	u64 now = clock_ns(), ran = now - queue->since_ns;

	queue->since_ns = now;
	thread->run_ns += ran;
	if (thread != queue->idle)
		sched_charge(&thread->entity, ran);
}

static void switch_to(struct cpu *cpu, struct thread *from, struct thread *to)
{
	struct run_queue *queue = cpu->queue;

	if (from->hooks)
		from->hooks->out(from->hooks_context);
	to->cpu = cpu;
	__atomic_store_n(&to->on_cpu, 1, __ATOMIC_RELAXED);
	if (to->stack_top)
		*(struct cpu **)(to->stack_top - 8) = cpu;
	cpu->current = to;
	queue->switching_from = from;
	queue->switches++;
	unlock_raw(&queue->lock);
	switch_stacks(&from->saved_rsp, to->saved_rsp);
	/* `from` again, perhaps on another CPU: nothing of before the switch may be used but what is on this stack. */
	finish_switch(this_cpu()->queue);
	if (from->hooks)
		from->hooks->in(from->hooks_context);
}

void schedule(void)
{
	struct cpu *cpu = this_cpu();
	struct run_queue *queue = cpu->queue;
	struct thread *from = cpu->current, *to;
	struct sched_entity *entity;

	BUG_ON(cpu->interrupt_depth != 0);
	lock_raw(&queue->lock);
	__atomic_store_n(&cpu->reschedule, 0, __ATOMIC_RELAXED);
	charge_current(queue, from);
	if (from->state == THREAD_RUNNING && from != queue->idle) {
		from->state = THREAD_READY;
		sched_enqueue(&queue->policy, &from->entity);
	}
	entity = sched_pick(&queue->policy);
	to = entity ? CONTAINER_OF(entity, struct thread, entity) : queue->idle;
	to->state = THREAD_RUNNING;
	/* A slice only matters while somebody else waits: an undisturbed thread is not interrupted. */
	if (queue->policy.count)
		timer_arm(&queue->slice, queue->since_ns + SCHED_SLICE_NS);
	if (to == from)
		unlock_raw(&queue->lock);
	else
		switch_to(cpu, from, to);
}

static void slice_ended(struct timer *timer)
{
	(void)timer;
	__atomic_store_n(&this_cpu()->reschedule, 1, __ATOMIC_RELAXED);
}

/* The end of the outermost interrupt, interrupts off. */
static void preempt_after_interrupt(void)
{
	struct cpu *cpu = this_cpu();

	if (UNLIKELY(cpu->reschedule) && cpu->current && cpu->current->state == THREAD_RUNNING)
		schedule();
}

void thread_wake(struct thread *thread)
{
	u64 flags = irq_save();
	struct cpu *cpu;
	struct run_queue *queue;
	struct thread *current;
	bool preempt;

	for (;;) {
		cpu = __atomic_load_n(&thread->cpu, __ATOMIC_ACQUIRE);
		queue = cpu->queue;
		lock_raw(&queue->lock);
		if (thread->cpu == cpu)
			break;
		unlock_raw(&queue->lock);
	}
	if (thread->state != THREAD_BLOCKED) {
		unlock_raw(&queue->lock);
		irq_restore(flags);
		return;
	}
	thread->state = THREAD_READY;
	current = cpu->current;
	sched_enqueue(&queue->policy, &thread->entity);
	if (current == queue->idle) {
		preempt = true;
	} else {
		if (cpu == this_cpu())
			charge_current(queue, current);
		preempt = sched_should_preempt(&queue->policy, &current->entity);
		if (!preempt && cpu == this_cpu() && !timer_armed(&queue->slice))
			timer_arm(&queue->slice, queue->since_ns + SCHED_SLICE_NS);
	}
	unlock_raw(&queue->lock);
	if (preempt || cpu != this_cpu())
		__atomic_store_n(&cpu->reschedule, 1, __ATOMIC_RELAXED);
	/* Here: at the next interrupt's end at the latest, so make one. There: by its own. */
	if (cpu != this_cpu())
		lapic_send_ipi(cpu->apic_id, VECTOR_RESCHEDULE);
	else if (preempt && cpu->interrupt_depth == 0)
		lapic_self_ipi(VECTOR_RESCHEDULE);
	irq_restore(flags);
}

void thread_yield(void)
{
	u64 flags = irq_save();

	schedule();
	irq_restore(flags);
}

static void free_thread(struct thread *thread)
{
	u64 flags;

	while (__atomic_load_n(&thread->on_cpu, __ATOMIC_ACQUIRE))
		thread_yield();
	flags = lock_irqsave(&threads_lock);
	list_remove(&thread->all);
	unlock_irqrestore(&threads_lock, flags);
	stack_free(thread->stack_top);
	kfree(thread);
}

/* Detached threads cannot free the stack that they end on; thread context does it for them. */
static void free_zombies(void)
{
	for (;;) {
		u64 flags = irq_save();
		struct run_queue *queue = this_cpu()->queue;
		struct thread *zombie = queue->zombies;

		if (zombie)
			queue->zombies = zombie->next_zombie;
		irq_restore(flags);
		if (!zombie)
			return;
		free_thread(zombie);
	}
}

void thread_begin(void)
{
	struct thread *self;

	finish_switch(this_cpu()->queue);
	self = this_cpu()->current;
	irq_enable();
	self->function(self->argument);

	irq_disable();
	/* thread_join may free the thread as soon as it sees on_cpu clear, which is after the switch below. */
	WRITE_ONCE(self->state, THREAD_DEAD);
	waitqueue_wake_all(&self->ended);
	schedule();
	panic("bug: a dead thread runs");
}

static void prepare_stack(struct thread *thread)
{
	/* Top: the CPU's slot and one word of padding, so that thread_entry starts with the ABI's alignment. */
	u64 *top = (u64 *)(thread->stack_top - 16);

	*--top = 0;
	*--top = (u64)thread_entry;
	for (int i = 0; i < 6; i++)
		*--top = 0; /* rbp, rbx, r12 to r15 */
	thread->saved_rsp = (u64)top;
}

static struct thread *make_thread(const char *name)
{
	struct thread *thread = kzalloc(sizeof(*thread));

	if (!thread)
		return NULL;
	string_copy(thread->name, name, sizeof(thread->name));
	sched_entity_init(&thread->entity, SCHED_WEIGHT_DEFAULT);
	waitqueue_init(&thread->ended, "thread end");
	list_init(&thread->all);
	return thread;
}

static void enter_in_list(struct thread *thread)
{
	u64 flags = lock_irqsave(&threads_lock);

	list_push_back(&all_threads, &thread->all);
	unlock_irqrestore(&threads_lock, flags);
}

struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
{
	struct thread *thread;
	u64 flags;

	free_zombies();
	thread = make_thread(name);
	if (!thread)
		return NULL;
	thread->stack_top = stack_alloc();
	if (!thread->stack_top) {
		kfree(thread);
		return NULL;
	}
	thread->function = function;
	thread->argument = argument;
	prepare_stack(thread);
	enter_in_list(thread);
	thread->state = THREAD_BLOCKED;
	flags = irq_save();
	thread->cpu = this_cpu();
	irq_restore(flags);
	thread_wake(thread);
	return thread;
}

void thread_join(struct thread *thread)
{
	BUG_ON(thread == thread_current());
	waitqueue_wait(&thread->ended, READ_ONCE(thread->state) == THREAD_DEAD);
	free_thread(thread);
}

void thread_detach(struct thread *thread)
{
	u64 flags = irq_save();
	struct run_queue *queue = thread->cpu->queue;
	bool dead;

	lock_raw(&queue->lock);
	dead = thread->state == THREAD_DEAD;
	thread->detached = !dead;
	unlock_raw(&queue->lock);
	irq_restore(flags);
	if (dead)
		free_thread(thread);
}

void thread_set_switch_hooks(const struct thread_switch_hooks *hooks, void *context)
{
	u64 flags = irq_save();
	struct thread *self = this_cpu()->current;

	self->hooks_context = context;
	self->hooks = hooks;
	irq_restore(flags);
}

void thread_for_each(void (*function)(const struct thread *thread, void *context), void *context)
{
	u64 flags = lock_irqsave(&threads_lock);

	LIST_FOR_EACH (node, &all_threads)
		function(LIST_ENTRY(node, struct thread, all), context);
	unlock_irqrestore(&threads_lock, flags);
}

/* HLT with interrupts coming on in the same instant (STI's shadow), so no wake-up falls between check and halt. */
static void idle_loop(void *argument)
{
	(void)argument;
	for (;;) {
		struct cpu *cpu;
		u64 began;

		free_zombies();
		irq_disable();
		cpu = this_cpu();
		if (!cpu->queue->policy.count && !cpu->reschedule) {
			began = clock_ns();
			__asm__ volatile("sti; hlt; cli" ::: "memory");
			cpu->idle_ns += clock_ns() - began;
		}
		if (cpu->queue->policy.count || cpu->reschedule)
			schedule();
		irq_enable();
	}
}

void thread_become_idle(void)
{
	idle_loop(NULL);
	__builtin_unreachable();
}

int thread_cpu_init(struct cpu *cpu)
{
	struct run_queue *queue = kzalloc(sizeof(*queue));

	if (!queue)
		return ERR_NO_MEMORY;
	spinlock_init(&queue->lock, "run queue", LOCK_RANK_SCHED);
	timer_init(&queue->slice, slice_ended, NULL);
	queue->slice.cpu_index = cpu->index;
	cpu->queue = queue;
	return timer_cpu_init(cpu);
}

static void reschedule_vector(void *context)
{
	(void)context; /* the interrupt's end does it */
}

int threads_init(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *main_thread, *idle;

	if (thread_cpu_init(cpu) != OK)
		return ERR_NO_MEMORY;
	main_thread = make_thread("main");
	idle = make_thread("idle");
	if (!main_thread || !idle || !(idle->stack_top = stack_alloc()))
		return ERR_NO_MEMORY;
	main_thread->cpu = idle->cpu = cpu;
	main_thread->on_cpu = 1;
	main_thread->state = THREAD_RUNNING;
	idle->function = idle_loop;
	idle->state = THREAD_READY;
	prepare_stack(idle);
	enter_in_list(main_thread);
	enter_in_list(idle);
	cpu->queue->idle = idle;
	cpu->queue->since_ns = clock_ns();
	cpu->current = main_thread;
	vectors_set(VECTOR_RESCHEDULE, reschedule_vector, NULL);
	vectors_interrupt_end = preempt_after_interrupt;
	return OK;
}

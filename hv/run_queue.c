/* SPDX-License-Identifier: MIT */
/*
 * The run queues: one a CPU. Which thread of a queue runs is hv/sched_policy.c's, where one moves to even out hv/sched_balance.c's; this
 * file switches, wakes, and moves.
 *
 * A thread belongs to the queue of thread->cpu, and that changes only under the lock of the queue it leaves, while nothing
 * of it is on a CPU. No two queues are locked at once: a thread that moves is in neither for a moment (in transit: runnable,
 * not counted, not current), and whoever took it out puts it in. So:
 *
 *   blocked -> wake: choose a CPU -> queued -> picked: running -> blocked, or back into the queue
 *                                     |  ^                 |
 *               an idle CPU steals it +--+    it may not run here any more: it moves once it has left the CPU
 *
 * Preemption: whoever makes a better thread runnable sets cpu->reschedule; the next interrupt's end, or the next point at
 * which interrupts come back on in waking code, switches. On another CPU an interrupt says so.
 *
 * No CPU idles while a thread that it may run waits: a CPU that goes idle first says so (idle_cpus), then looks at the other
 * queues; whoever queues a thread behind another first queues it, then looks at idle_cpus. One of the two sees the other.
 */
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/vectors.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/log.h"
#include "hv/sched_trace.h"
#include "hv/thread_internal.h"
#include "hv/vmap.h"

struct thread *thread_switch(struct thread *from, u64 *from_rsp, u64 to_rsp); /* arch/x86/switch.S */

static struct cpu_mask idle_cpus; /* (a) those that found nothing to do and have not been given anything since */
static struct sched_cpu *sched_cpus[CPU_MAX]; /* (c) once started: what the policy sees of all CPUs */

#define DECISION_MIN_NS (100 * NS_PER_US)   /* at least so long from a decision to the next one that a timer asks for */
#define CHARGE_GRAIN 4096u                 /* ticks: less than that decides nothing between those that wait and the one that runs */
#define BALANCE_INTERVAL_NS NS_PER_MS      /* at least so long between two looks at what other CPUs have */
#define MEMORY_NS (8 * NS_PER_S)           /* for how long unequal service is remembered */

u64 run_queue_ticks(u64 ns)
{
	return clock_ns_to_tsc(ns) - clock_ns_to_tsc(0);
}

bool thread_should_yield(void)
{
	return READ_ONCE(this_cpu()->reschedule);
}

static inline struct run_queue *lock_queue_of(const struct thread *thread)
{
	for (;;) {
		struct cpu *cpu = READ_ONCE(thread->cpu);

		lock_raw(&cpu->queue->lock);
		if (LIKELY(READ_ONCE(thread->cpu) == cpu))
			return cpu->queue;
		unlock_raw(&cpu->queue->lock);
	}
}

struct run_queue *thread_lock_queue(const struct thread *thread)
{
	return lock_queue_of(thread);
}

static bool allowed_on(const struct thread *thread, const struct cpu *cpu)
{
	return cpu_mask_has(&thread->task.allowed, cpu->index);
}

/* Its registers are still being saved: a few instructions, with interrupts off, without a lock. */
static void wait_until_off_cpu(const struct thread *thread)
{
	while (__atomic_load_n(&thread->on_cpu, __ATOMIC_ACQUIRE))
		cpu_relax();
}

/* [queue] The time since the thread's last change of state goes to `account`. */
static void account_until(struct thread *thread, u64 now, u64 *account)
{
	if (now > thread->since_tsc)
		WRITE_ONCE(*account, *account + (now - thread->since_tsc));
	thread->since_tsc = now;
}

/* [queue] in all of these. */

/* On the queue's own CPU, after its running thread was charged. */
static void arm_slice_timer(struct run_queue *queue)
{
	u64 left, until;

	queue->policy.look = cpu_count > 1 ? queue->policy.slice / SCHED_LOOKS_A_SLICE : queue->policy.slice;
	left = sched_next_decision(&queue->policy, queue->last_tsc);
	if (left == SCHED_NEVER)
		return;
	until = queue->last_tsc + MAX(left, queue->decision_min);
	if (queue->slice_until && (s64)(queue->slice_until - until) <= 0)
		return;
	queue->slice_until = until;
	timer_set_decision(until);
}

static void slice_over(void)
{
	WRITE_ONCE(this_cpu()->queue->slice_until, 0);
	WRITE_ONCE(this_cpu()->reschedule, 1);
}

/* Up to now; also for another CPU's running thread, since all CPUs' time-stamp counters show the same time. */
u64 run_queue_charge(struct run_queue *queue, struct thread *current)
{
	u64 now = rdtsc(), ticks = now > queue->last_tsc ? now - queue->last_tsc : 0;

	if (ticks)
		queue->last_tsc = now;
	current->run_ticks += ticks;
	sched_run(&queue->policy, queue->last_tsc, ticks);
	return queue->last_tsc;
}

/*
 * For who comes into the queue: the running thread is charged, unless that was done just now. Wake-ups come in bursts (an interrupt's,
 * a broadcast's); what is not charged now is charged with what follows, at the latest when the thread leaves its CPU.
 */
static u64 charge_for_arrival(struct run_queue *queue, struct thread *current)
{
	return rdtsc() - queue->last_tsc < CHARGE_GRAIN ? queue->last_tsc : run_queue_charge(queue, current);
}

static void take_out(struct run_queue *queue, struct thread *thread)
{
	sched_remove(&queue->policy, &thread->task);
	list_remove(&thread->queued);
}

/* `current` goes back into the queue, or leaves it; the next one comes out. */
static struct thread *choose_next(struct run_queue *queue, struct thread *current, bool gives_way)
{
	u64 now = run_queue_charge(queue, current);
	struct sched_task *task;
	struct thread *next;

	if (gives_way)
		sched_yield_task(&queue->policy);
	if (!current->idle) {
		bool stays;

		current->since_tsc = now;
		current->moving = current->state == THREAD_RUNNABLE &&
				  (!allowed_on(current, current->cpu) || current->move_to != SCHED_NOBODY);
		current->task.in_transit = current->moving;
		stays = current->state == THREAD_RUNNABLE && !current->moving;
		sched_stop(&queue->policy, now, !stays);
		if (stays)
			list_push_back(&queue->threads, &current->queued);
	}
	task = sched_next(&queue->policy, now);
	if (!task)
		return queue->idle;
	next = CONTAINER_OF(task, struct thread, task);
	list_remove(&next->queued);
	if (next != current)
		account_until(next, now, &next->steal_ticks);
	return next;
}

/*
 * [queue] Takes out who had less than its share and is to change to another CPU; the caller places it when no lock is held.
 * `current`, whose registers are still in use here, is placed when it has left its stack. NULL: nobody.
 */
static struct thread *choose_given(struct run_queue *queue, struct thread *current)
{
	const struct sched_machine machine = { sched_cpus, &cpus_online };
	struct sched_task *task;
	struct thread *given;
	u32 to = 0;

	if (cpu_count == 1 || !queue->policy.waiting || (s64)(queue->last_tsc - queue->next_balance) < 0)
		return NULL;
	queue->next_balance = queue->last_tsc + run_queue_ticks(BALANCE_INTERVAL_NS);
	task = sched_give_away(&machine, &queue->policy, queue->last_tsc, &to);
	if (!task)
		return NULL;
	given = CONTAINER_OF(task, struct thread, task);
	take_out(queue, given);
	given->move_to = to;
	given->moving = given == current;
	return given->moving ? NULL : given;
}

/* Switching */

/* First thing on the other stack: the one that was left may now be taken by others, or is at its end. */
static void leave_behind(struct thread *previous)
{
	if (previous->state == THREAD_DEAD && previous->detached) {
		stack_free(previous->stack_top);
		kfree(previous);
	} else if (previous->state == THREAD_DEAD) {
		/* Under the lock that thread_join takes before it frees: nothing of the thread is touched after it. */
		lock_raw(&previous->exit.lock);
		__atomic_store_n(&previous->on_cpu, 0, __ATOMIC_RELEASE);
		waitqueue_wake_all_locked(&previous->exit);
		unlock_raw(&previous->exit.lock);
	} else if (previous->moving) {
		/* In transit, so nobody else changes it; its queue's lock is what run_queue_place wants. */
		previous->moving = false;
		__atomic_store_n(&previous->on_cpu, 0, __ATOMIC_RELEASE);
		run_queue_place(previous, thread_lock_queue(previous));
	} else {
		__atomic_store_n(&previous->on_cpu, 0, __ATOMIC_RELEASE);
	}
}

/* In transit since choose_given; no lock is held. */
static void place_given(struct thread *given)
{
	if (!given)
		return;
	wait_until_off_cpu(given);
	run_queue_place(given, thread_lock_queue(given));
}

static inline void finish_switch(struct thread *self, struct thread *previous)
{
	struct run_queue *queue = this_cpu()->queue;
	struct thread *given = queue->given;

	leave_behind(previous);
	if (UNLIKELY(given != NULL)) {
		queue->given = NULL;
		place_given(given);
	}
	if (self->hooks)
		self->hooks->in(self->hooks_context);
}

void thread_finish_switch(struct thread *previous)
{
	finish_switch(thread_current(), previous);
}

/* gives_way: the rest of the current thread's slice is others'. */
static void schedule(bool gives_way)
{
	struct cpu *cpu = this_cpu();
	struct run_queue *queue = cpu->queue;
	struct thread *current = cpu->current, *next, *given;

	lock_raw(&queue->lock);
	WRITE_ONCE(cpu->reschedule, 0);
	next = choose_next(queue, current, gives_way);
	given = choose_given(queue, current);
	arm_slice_timer(queue);
	if (next == current) {
		unlock_raw(&queue->lock);
		place_given(given);
		return;
	}
	if (current->idle)
		cpu_mask_clear_atomic(&idle_cpus, cpu->index);
	next->switches++;
	queue->switches++;
	if (sched_tracing())
		sched_trace_switch(cpu, current, next);
	*(struct cpu **)(next->stack_top - 8) = cpu;
	WRITE_ONCE(cpu->current, next);
	/* A full barrier: what `next` reads from here on was written after any thread_kick that did not see it as current. */
	__atomic_store_n(&next->on_cpu, 1, __ATOMIC_SEQ_CST);
	/* Placed when `current` is off this CPU: who wakes it waits for that, and holds the lock that placing may want. */
	queue->given = given;
	unlock_raw(&queue->lock);
	if (current->hooks)
		current->hooks->out(current->hooks_context);
	finish_switch(current, thread_switch(current, &current->rsp, next->rsp)); /* back on the same stack */
}

void thread_schedule(void)
{
	schedule(false);
}

void thread_yield(void)
{
	u64 flags = irq_save();

	schedule(true);
	irq_restore(flags);
}

/*
 * The current thread is to change places with one that waits in another CPU's queue, if both may run where the other one is. So each
 * CPU keeps as many of their group: to fetch alone would leave the group with more here than it has shares for.
 * True: the other one is on its way here, and `current` leaves with the next thread_schedule.
 */
static bool change_places(struct thread *current, struct thread *target)
{
	struct run_queue *queue = thread_lock_queue(target);
	struct cpu *self = this_cpu(), *there = target->cpu;

	if (there == self || target->task.state != SCHED_TASK_QUEUED || !allowed_on(target, self) || !allowed_on(current, there)) {
		unlock_raw(&queue->lock);
		return false;
	}
	take_out(queue, target);
	wait_until_off_cpu(target);
	target->move_to = self->index;
	run_queue_place(target, queue);
	current->move_to = there->index; /* nobody else writes it while the thread is current */
	return true;
}

void thread_yield_to(struct thread *target)
{
	u64 flags = irq_save();
	struct cpu *cpu = this_cpu();
	struct sched_cpu *policy = &cpu->queue->policy;
	bool moves = false;

	if (target->task.group == cpu->current->task.group)
		moves = change_places(cpu->current, target);
	lock_raw(&cpu->queue->lock);
	run_queue_charge(cpu->queue, cpu->current);
	if ((READ_ONCE(target->cpu) != cpu || !sched_yield_to(policy, &target->task)) && !moves)
		sched_yield_task(policy);
	unlock_raw(&cpu->queue->lock);
	thread_schedule();
	irq_restore(flags);
}

bool thread_waits_for_cpu(const struct thread *thread)
{
	return READ_ONCE(thread->task.state) == SCHED_TASK_QUEUED;
}

void thread_set_blocked(void)
{
	struct run_queue *queue = this_cpu()->queue;

	lock_raw(&queue->lock);
	thread_current()->state = THREAD_BLOCKED;
	unlock_raw(&queue->lock);
}

/* Waking */

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

void run_queue_look_again(struct cpu *cpu)
{
	u64 flags = irq_save();

	ask_for_switch(cpu);
	irq_restore(flags);
}

/* Apart from what every wake-up does, as are the next two: masks are large. */
static __attribute__((noinline)) void tell_idle(const struct thread *thread)
{
	struct cpu_mask idle = cpu_mask_and(&idle_cpus, &thread->task.allowed);

	if (!cpu_mask_empty(&idle))
		ask_for_switch(cpus[cpu_mask_next(&idle, 0)]);
}

/* [queue] Into the queue; and who has to know: its CPU, or an idle one that could take it. */
static void enqueue(struct thread *thread, struct run_queue *queue)
{
	struct cpu *cpu = thread->cpu;
	struct thread *running = cpu->current;

	sched_add(&queue->policy, &thread->task, charge_for_arrival(queue, running));
	list_push_back(&queue->threads, &thread->queued);
	if (running->idle) {
		ask_for_switch(cpu);
		return;
	}
	if (sched_task_preempts(&queue->policy, &thread->task))
		ask_for_switch(cpu);
	else if (cpu == this_cpu())
		arm_slice_timer(queue);
	else if (!queue->slice_until || thread->task.state == SCHED_TASK_THROTTLED)
		ask_for_switch(cpu); /* its slice timer is its own to arm */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (UNLIKELY(!cpu_mask_empty(&idle_cpus)) && !thread->task.pinned)
		tell_idle(thread);
}

/* An idle CPU is given work at most once: whoever clears its bit has it. */
static bool claim_idle(u32 index)
{
	return cpu_mask_has(&idle_cpus, index) && cpu_mask_clear_atomic(&idle_cpus, index);
}

static bool usable_by(const struct thread *thread, u32 cpu)
{
	return cpu_mask_has(&thread->task.allowed, cpu) && cpu_mask_has(&cpus_online, cpu);
}

/* NULL: none idles any more, or it may not run there. */
static __attribute__((noinline)) struct cpu *any_idle(const struct thread *thread)
{
	struct cpu_mask idle = cpu_mask_and(&thread->task.allowed, &idle_cpus);

	CPU_MASK_FOR_EACH(i, &idle)
		if (usable_by(thread, i) && claim_idle(i))
			return cpus[i];
	return NULL;
}

/* The mask was checked when it was set, and CPUs do not go: there is one. best: one of them, or NULL. */
static __attribute__((noinline)) struct cpu *least_loaded(const struct thread *thread, struct cpu *best)
{
	struct cpu_mask candidates = cpu_mask_and(&thread->task.allowed, &cpus_online);

	CPU_MASK_FOR_EACH(i, &candidates) {
		u32 count = READ_ONCE(cpus[i]->queue->policy.waiting);

		if (!best || count < READ_ONCE(best->queue->policy.waiting))
			best = cpus[i];
	}
	return best;
}

/* [queue of thread->cpu] The CPU that it is given to; where it was last, when that idles; else any idle CPU; else where it was last. */
static struct cpu *choose_cpu(struct thread *thread)
{
	struct cpu *last = usable_by(thread, thread->cpu->index) ? thread->cpu : NULL, *idle = NULL;
	u32 move_to = thread->move_to;

	if (UNLIKELY(move_to != SCHED_NOBODY)) {
		thread->move_to = SCHED_NOBODY;
		if (usable_by(thread, move_to))
			return cpus[move_to];
	}
	if (UNLIKELY(!cpu_mask_empty(&idle_cpus))) {
		if (last && claim_idle(last->index))
			return last;
		if (!last || !thread->task.pinned)
			idle = any_idle(thread);
	}
	if (idle)
		return idle;
	/* New, or not welcome where it was: the one that has least to do. */
	return LIKELY(last && !thread->fresh) ? last : least_loaded(thread, last);
}

void run_queue_place(struct thread *thread, struct run_queue *queue)
{
	struct cpu *to;

	while ((to = choose_cpu(thread)) != thread->cpu) {
		u32 from = thread->cpu->index;

		thread->migrations++;
		WRITE_ONCE(thread->cpu, to);
		unlock_raw(&queue->lock);
		queue = to->queue;
		lock_raw(&queue->lock);
		if (sched_tracing())
			sched_trace_thread(SCHED_TRACE_MIGRATE, thread, from);
		if (allowed_on(thread, to)) /* while no lock was held its affinity may have changed */
			break;
	}
	thread->fresh = false;
	enqueue(thread, queue);
	unlock_raw(&queue->lock);
}

void thread_wake(struct thread *thread)
{
	u64 flags = irq_save();
	struct run_queue *queue = lock_queue_of(thread);

	if (thread->state != THREAD_BLOCKED) {
		unlock_raw(&queue->lock);
	} else if (thread->task.state != SCHED_TASK_OFF) {
		thread->state = THREAD_RUNNABLE; /* not yet off its CPU: thread_schedule there will put it back by itself */
		unlock_raw(&queue->lock);
	} else {
		thread->state = THREAD_RUNNABLE;
		account_until(thread, rdtsc(), &thread->wait_ticks);
		if (sched_tracing())
			sched_trace_thread(SCHED_TRACE_WAKE, thread, thread->cpu->index);
		wait_until_off_cpu(thread);
		run_queue_place(thread, queue);
	}
	irq_restore(flags);
}

void run_queue_leave_forbidden(struct thread *thread, struct run_queue *queue)
{
	struct cpu *cpu = thread->cpu;

	if (allowed_on(thread, cpu)) {
		unlock_raw(&queue->lock);
	} else if (!list_empty(&thread->queued)) {
		take_out(queue, thread);
		wait_until_off_cpu(thread);
		run_queue_place(thread, queue);
	} else {
		if (cpu->current == thread)
			ask_for_switch(cpu);
		unlock_raw(&queue->lock); /* blocked or in transit: its next place is chosen by the new mask */
	}
}

/* Moving work to where there is none. Interrupts off, no lock held. */

/* [victim's queue] The one that has waited longest and may run on `to`. */
static struct thread *find_movable(struct run_queue *victim, const struct cpu *to)
{
	LIST_FOR_EACH(node, &victim->threads) {
		struct thread *thread = LIST_ENTRY(node, struct thread, queued);

		if (thread->task.state == SCHED_TASK_QUEUED && allowed_on(thread, to))
			return thread;
	}
	return NULL;
}

/* Takes it over into the queue of `to`. The victim's queue is locked before, nothing after. */
static void move(struct thread *thread, struct run_queue *victim, struct cpu *to)
{
	u32 from = thread->cpu->index;

	take_out(victim, thread);
	wait_until_off_cpu(thread);
	thread->migrations++;
	WRITE_ONCE(thread->cpu, to);
	unlock_raw(&victim->lock);
	lock_raw(&to->queue->lock);
	if (sched_tracing())
		sched_trace_thread(SCHED_TRACE_MIGRATE, thread, from);
	if (allowed_on(thread, to)) {
		enqueue(thread, to->queue);
		unlock_raw(&to->queue->lock);
	} else {
		run_queue_place(thread, to->queue);
	}
}

/* True: this CPU, which has nothing to do, now has a thread of another one's queue. */
static bool steal(struct cpu *self)
{
	struct cpu *best = NULL;
	struct thread *thread = NULL;

	for (u32 i = 0; i < cpu_count; i++) {
		u32 count = cpus[i] && cpus[i] != self && cpus[i]->queue ? READ_ONCE(cpus[i]->queue->policy.waiting) : 0;

		if (count == 0 || (best && count <= READ_ONCE(best->queue->policy.waiting)))
			continue;
		lock_raw(&cpus[i]->queue->lock);
		/* An idle CPU is about to run what it has just been given. */
		if (!cpus[i]->current->idle && find_movable(cpus[i]->queue, self))
			best = cpus[i];
		unlock_raw(&cpus[i]->queue->lock);
	}
	if (!best)
		return false;
	lock_raw(&best->queue->lock);
	thread = find_movable(best->queue, self);
	if (!thread) {
		unlock_raw(&best->queue->lock);
		return false;
	}
	WRITE_ONCE(self->reschedule, 1); /* the caller switches: enqueue need not send for it */
	move(thread, best->queue, self);
	return true;
}

/* Per CPU */

/* The outermost interrupt's end, interrupts off: what could not be done where it was asked for. */
static void interrupt_end(void)
{
	struct cpu *cpu = this_cpu();

	log_wake_readers();
	if (!READ_ONCE(cpu->reschedule))
		return;
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
	idle->task.allowed = cpu_mask_of(cpu->index);
	idle->move_to = SCHED_NOBODY;
	list_init(&idle->queued);
	string_copy(idle->name, "idle", sizeof(idle->name));
	waitqueue_init(&idle->exit, "idle exit");
	spinlock_init(&queue->lock, "run queue", LOCK_RANK_SCHED);
	sched_cpu_init(&queue->policy, cpu->index, run_queue_ticks(THREAD_SLICE_NS), run_queue_ticks(MEMORY_NS));
	queue->policy.told = sched_trace_told;
	sched_cpus[cpu->index] = &queue->policy;
	list_init(&queue->threads);
	queue->idle = idle;
	queue->last_tsc = rdtsc();
	queue->decision_min = run_queue_ticks(DECISION_MIN_NS);
	queue->started_ns = cpu->index ? clock_ns() : 0; /* the boot CPU's time began at Solera's entry */
	((u64 *)idle->stack_top)[-2] = (u64)idle;
	cpu->current = idle;
	cpu->queue = queue;
	vectors_set(VECTOR_RESCHEDULE, reschedule_interrupt, NULL);
	vectors_interrupt_end = interrupt_end;
	timer_decision_due = slice_over;
}

void thread_idle_loop(void)
{
	for (;;) {
		struct cpu *cpu;

		irq_disable();
		cpu = this_cpu();
		cpu_mask_set_atomic(&idle_cpus, cpu->index); /* before the look at the others: see the file's head */
		if (READ_ONCE(cpu->reschedule) || steal(cpu)) {
			thread_schedule();
			continue;
		}
		lapic_look_again();
		__asm__ volatile("sti; hlt" ::: "memory"); /* STI's shadow: no interrupt slips in between */
	}
}

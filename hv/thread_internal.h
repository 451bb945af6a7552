/* SPDX-License-Identifier: MIT */
/* What a thread is made of: for hv/thread.c, hv/wait.c and listings. */
#ifndef HV_THREAD_INTERNAL_H
#define HV_THREAD_INTERNAL_H

#include "arch/x86/cpu.h"
#include "hv/sched_balance.h"
#include "hv/thread.h"
#include "hv/timer.h"

enum thread_state { THREAD_RUNNABLE, THREAD_BLOCKED, THREAD_DEAD }; /* runnable: queued or running */

struct thread {
	u64 rsp;                   /* (o) where it stopped, while it does not run */
	u64 stack_top;             /* (c) */
	struct cpu *cpu;           /* [queue] whose run queue it belongs to; hv/run_queue.c says when it may change */
	struct sched_task task;    /* [queue] what the policy knows of it; its affinity is task.allowed */
	u32 move_to;               /* [queue] the CPU that it is being given to; SCHED_NOBODY: none */
	u32 state;                 /* [queue] enum thread_state */
	u32 on_cpu;                /* (a) its stack is in use */
	u32 id;                    /* (c) since boot, from 1; an idle thread's is 0 */
	bool idle;                 /* (c) */
	bool detached;             /* [queue] */
	bool fresh;                /* [queue] never placed: no CPU has anything of it in its caches */
	bool moving;               /* [queue] may not go on where it runs: placed anew when it has left its CPU */
	struct list_node queued;   /* [queue] in run_queue.threads while it waits for the CPU */
	u64 run_ticks;             /* [queue] TSC ticks with the CPU, up to the queue's last_tsc */
	u64 steal_ticks;           /* [queue] ticks in which it could have run, and others did */
	u64 wait_ticks;            /* [queue] ticks in which it was blocked */
	u64 since_tsc;             /* [queue] when it became what it is: running, queued or blocked */
	u64 switches, migrations;  /* [queue] times it was given the CPU; times it changed to another */
	const struct thread_switch_hooks *hooks; /* (o) */
	void *hooks_context;
	void (*function)(void *argument);
	void *argument;
	struct waitqueue exit;     /* joiners */
	struct list_node all;      /* [threads_lock] */
	char name[THREAD_NAME_MAX];
};

struct run_queue {
	struct spinlock lock;
	struct sched_cpu policy;   /* [lock] */
	u64 last_tsc;              /* [lock] up to when the running thread has been charged */
	struct list_node threads;  /* [lock] those that wait, the longest first: for other CPUs that look for work */
	struct thread *idle;       /* (c) */
	struct thread *given;      /* (o) in transit to another CPU, placed at the end of the switch that is under way */
	/*
	 * [lock] TSC of the next decision: a slice's or a grant's end, a throttled thread's release; 0: none is wanted. Set; cleared
	 * by the timer itself, which then has the CPU look again.
	 */
	u64 slice_until;
	u64 decision_min;          /* (c) ticks: the timer is not armed for less */
	u64 next_balance;          /* (o) TSC */
	u64 started_ns;            /* (c) since when the CPU is here */
	u64 switches;              /* [lock] */
};

#define THREAD_SLICE_NS 5000000u /* 5 ms; at equal weights the longest wait is slice * number of threads */

/* The queue that it belongs to, locked. Interrupts off, no queue locked. */
struct run_queue *thread_lock_queue(const struct thread *thread);
/*
 * Puts a thread that is in transit (runnable, out of every queue, off its CPU) into the queue of the best CPU that it may use,
 * and tells that CPU. `queue`: its queue, locked; nothing is locked afterwards.
 */
void run_queue_place(struct thread *thread, struct run_queue *queue);
/* After its affinity changed: away from a CPU that is forbidden now. The same locking. */
void run_queue_leave_forbidden(struct thread *thread, struct run_queue *queue);
/* On the stack of the thread that was switched to: what has to happen to the one that was left. */
void thread_finish_switch(struct thread *previous);

/* [queue] What its running thread had since the last time is counted, up to now (returned). */
u64 run_queue_charge(struct run_queue *queue, struct thread *current);
/* Nanoseconds as the policy's ticks. */
u64 run_queue_ticks(u64 ns);
/* That CPU decides anew: a cap or a weight has changed. Any context but NMI. */
void run_queue_look_again(struct cpu *cpu);
struct sched_group *thread_group_policy(struct thread_group *group); /* NULL for NULL */

/* Gives the CPU to the best thread. Interrupts off, no lock held; returns when this thread runs again. */
void thread_schedule(void);
/* Blocked → runnable; nothing otherwise. Any context but NMI. */
void thread_wake(struct thread *thread);
void waitqueue_wake_all_locked(struct waitqueue *queue); /* [queue->lock] */
/* The current thread will not run after the next thread_schedule until thread_wake. Interrupts off. */
void thread_set_blocked(void);

#endif

/* SPDX-License-Identifier: MIT */
/* What a thread is made of: for hv/thread.c, hv/wait.c and listings. */
#ifndef HV_THREAD_INTERNAL_H
#define HV_THREAD_INTERNAL_H

#include "arch/x86/cpu.h"
#include "hv/sched_policy.h"
#include "hv/thread.h"
#include "hv/timer.h"

enum thread_state { THREAD_RUNNABLE, THREAD_BLOCKED, THREAD_DEAD }; /* runnable: queued or running */

struct thread {
	u64 rsp;                   /* (o) where it stopped, while it does not run */
	u64 stack_top;             /* (c) */
	struct cpu *cpu;           /* [queue] whose run queue it belongs to */
	struct cpu_mask affinity;  /* [queue] */
	struct sched_entity entity; /* [queue] */
	u32 state;                 /* [queue] enum thread_state */
	u32 on_cpu;                /* (a) its stack is in use */
	bool idle;                 /* (c) */
	bool detached;             /* [exit.lock] */
	u64 run_ticks;             /* [queue] TSC ticks */
	u64 switches;              /* [queue] times it was given the CPU */
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
	struct sched_queue policy; /* [lock] */
	u64 last_tsc;              /* [lock] up to when the running thread has been charged */
	struct thread *idle;       /* (c) */
	struct timer slice;        /* armed while somebody waits in the queue */
	u64 switches;              /* [lock] */
};

#define THREAD_SLICE_NS 5000000u /* 5 ms; at equal weights the longest wait is slice * number of threads */

/* Gives the CPU to the best thread. Interrupts off, no lock held; returns when this thread runs again. */
void thread_schedule(void);
/* Blocked → runnable; nothing otherwise. Any context but NMI. */
void thread_wake(struct thread *thread);
void waitqueue_wake_all_locked(struct waitqueue *queue); /* [queue->lock] */
/* The current thread will not run after the next thread_schedule until thread_wake. Interrupts off. */
void thread_set_blocked(void);

#endif

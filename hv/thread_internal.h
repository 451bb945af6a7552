/* SPDX-License-Identifier: MIT */
/* What a thread is made of: for hv/thread.c, hv/waitqueue.c and panic; others use hv/thread.h. */
#ifndef HV_THREAD_INTERNAL_H
#define HV_THREAD_INTERNAL_H

#include "hv/sched_policy.h"
#include "hv/thread.h"
#include "hv/timer.h"

struct cpu;

enum thread_state {
	THREAD_RUNNING, /* on its CPU */
	THREAD_READY,   /* in its CPU's run queue */
	THREAD_BLOCKED, /* waits; or is on the way to: still on its CPU, about to switch away */
	THREAD_DEAD,
};

struct thread {
	u64 saved_rsp;              /* (o) while not on a CPU; first: arch/x86/switch.S */
	struct sched_entity entity; /* [run queue] */
	u8 state;                   /* [run queue] enum thread_state; RUNNING to BLOCKED by itself */
	bool detached;              /* [run queue] */
	u32 on_cpu;                 /* (a) its stack is in use: nobody frees it */
	struct cpu *cpu;            /* [run queue] where it is queued, or ran last */
	u64 stack_top;              /* (c) 0: the boot stack */
	u64 run_ns;                 /* (o) */
	const struct thread_switch_hooks *hooks; /* (o) */
	void *hooks_context;        /* (o) */
	void (*function)(void *argument); /* (c) */
	void *argument;             /* (c) */
	struct waitqueue ended;     /* thread_join waits here */
	struct list_node all;       /* [threads lock] */
	struct thread *next_zombie; /* (o) */
	char name[THREAD_NAME_MAX]; /* (c) */
};

/* One CPU's run queue. */
struct run_queue {
	struct spinlock lock;
	struct sched_queue policy;  /* [lock] */
	struct thread *idle;        /* (c) runs when nobody else does; never queued */
	struct thread *switching_from; /* (o) between a switch and its end */
	struct thread *zombies;     /* (o) detached and dead: freed by the next thread_create or by idle */
	u64 since_ns;               /* (o) the current thread was charged up to here */
	struct timer slice;         /* (o) */
	u64 switches;               /* (o) */
};

/* Start-up, boot CPU: makes the running code a thread, and idle. After it, threads may be made. */
MUST_CHECK int threads_init(void);
/* Each further CPU, on its boot stack, which becomes its idle thread's. Does not return. */
NORETURN void thread_become_idle(void);
MUST_CHECK int thread_cpu_init(struct cpu *cpu);

/* Makes a blocked thread ready; any context. Spurious wake-ups are harmless to it. */
void thread_wake(struct thread *thread);
/* The caller set its state to BLOCKED (or goes on being ready): chooses who runs next. Interrupts off. */
void schedule(void);
/* Walks over all threads, under their lock; function must not sleep. */
void thread_for_each(void (*function)(const struct thread *thread, void *context), void *context);

/* arch/x86/switch.S */
void switch_stacks(u64 *save_rsp, u64 load_rsp);
void thread_entry(void);

#endif

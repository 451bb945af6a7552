/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers, one queue a CPU.
 *
 * A timer belongs to the CPU on which it was armed last. Its function runs there in interrupt context (interrupts
 * off, no sleep), without the timer lock, and may arm the same timer again. timer_arm and timer_cancel may be called
 * in any context with interrupts on or off, also on the fast exit path, and on any CPU.
 * timer_arm waits for nobody: while the function still runs on one CPU the timer may be armed on another, and run there.
 * timer_cancel waits for a function that runs on another CPU: not with a lock held that the function takes.
 */
#ifndef HV_TIMER_H
#define HV_TIMER_H

#include "hv/lib/heap.h"
#include "hv/lib/types.h"

struct timer {
	u64 deadline_ns;  /* clock_ns() scale */
	void (*function)(struct timer *timer);
	void *context;    /* (c) the owner's */
	struct heap_node node; /* [queue] */
	u32 cpu_index;    /* whose queue */
	u32 running;      /* (a) CPUs that are in the function */
};

void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context);
/* (Re)arms; a deadline in the past fires at once, by interrupt. */
void timer_arm(struct timer *timer, u64 deadline_ns);
/* After it returns the function is neither queued nor running on another CPU. True: it was queued. */
bool timer_cancel(struct timer *timer);

static inline bool timer_armed(const struct timer *timer)
{
	return heap_contains(&timer->node);
}

/*
 * The scheduler's, interrupts off: when this CPU is to decide again who runs, by its time-stamp counter; it is told so by
 * timer_decision_due, in interrupt context. No timer of the heap: it is set at every other switch or wake-up.
 */
#define TIMER_NEVER (~(u64)0)
void timer_set_decision(u64 tsc);
extern void (*timer_decision_due)(void); /* (c) once threads run */

/* For start-up and arch/x86's timer interrupt. */
void timers_init_cpu(void);

#endif

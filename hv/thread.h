/* SPDX-License-Identifier: MIT */
/*
 * Threads and how they wait. Whatever waits in Solera is a thread; all run in one address space at ring 0.
 *
 * Threads are preemptive; a spin lock or irq_save() keeps the CPU. The condition of waitqueue_wait is checked under the
 * wait queue's own protocol (prepare, check, sleep), so a wake-up between check and sleep is not lost.
 */
#ifndef HV_THREAD_H
#define HV_THREAD_H

#include "hv/lib/cpu_mask.h"
#include "hv/lib/list.h"
#include "hv/lib/lock.h"

struct thread; /* hv/thread_internal.h */

#define THREAD_STACK_SIZE (16 * KIB) /* and its alignment; one guard page below */
#define THREAD_NAME_MAX 32

/* Starts a thread; NULL: no memory. The name is copied. The thread ends when the function returns. */
struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument);
/* The same in a share group; helper: one of its threads that are no vCPUs. The group outlives the thread. */
struct thread_group;
struct thread *thread_create_in(struct thread_group *group, bool helper, const char *name, void (*function)(void *argument),
				void *argument);
void thread_join(struct thread *thread); /* waits for its end and frees it; exactly one caller */
void thread_detach(struct thread *thread);
void thread_yield(void);
/*
 * The same, and the turn is offered to another thread of the current one's group, if that waits for a CPU: it comes to this one
 * when it may (hv/sched_directed.h says whom). Any thread of the group, alive; no lock held.
 */
void thread_yield_to(struct thread *target);
/* It could run and has no CPU. May be old at once. */
bool thread_waits_for_cpu(const struct thread *thread);
void thread_sleep_ns(u64 duration_ns);
struct thread *thread_current(void);
const char *thread_name(const struct thread *thread);
/* A better thread waits for this CPU: long loops and the vCPU run loop leave for thread_yield. Any context. */
bool thread_should_yield(void);
void thread_set_weight(struct thread *thread, u32 weight); /* 1024: the usual share */

/* Exact to the switch: each nanosecond since its creation is in one of the three. */
struct thread_times {
	u64 run_ns;   /* it had a CPU */
	u64 steal_ns; /* it could have run, and waited for a CPU */
	u64 wait_ns;  /* it was blocked: waited for something else */
	u64 switches, migrations;
};
void thread_get_times(const struct thread *thread, struct thread_times *times);
/* So much CPU time in each period; quota 0: no cap. It holds from the next moment on. Any context. */
void thread_set_cap(struct thread *thread, u64 period_ns, u64 quota_ns);
u64 thread_run_ns(const struct thread *thread);
u64 thread_own_steal_ns(void); /* the current thread's, without a lock: it grows only while the thread has no CPU */

/*
 * The CPUs that it may run on (all, when never said). ERR_RANGE: none of them runs. A thread that runs, or waits to run, on
 * another CPU leaves it at once: for the current thread before this returns, for others soon after. No spin lock held.
 */
MUST_CHECK int thread_set_affinity(struct thread *thread, const struct cpu_mask *cpus);
void thread_get_affinity(struct thread *thread, struct cpu_mask *cpus);
u32 thread_cpu(const struct thread *thread); /* the CPU that it runs on, or ran on last */
/*
 * If it runs on another CPU: an interrupt there, at whose end, or at the next entry into a guest, it sees what the caller
 * wrote before. Costs nothing otherwise. Any context, also the fast exit path; no lock is taken.
 */
void thread_kick(const struct thread *thread);

/*
 * What a thread keeps in registers that others do not touch (a vCPU: vector state, debug registers, system-call MSRs):
 * `out` runs when the thread leaves its CPU, `in` when it comes back (also on another CPU). Interrupts off, no sleep.
 * Set by the thread itself; `in` is not called by setting, nor `out` by clearing (hooks NULL).
 */
struct thread_switch_hooks {
	void (*out)(void *context);
	void (*in)(void *context);
};
void thread_set_switch_hooks(const struct thread_switch_hooks *hooks, void *context);

/* Start-up: the calling flow becomes this CPU's idle thread; thread_idle_loop never returns. */
void threads_init_cpu(void);
void thread_idle_loop(void) __attribute__((noreturn));

struct thread_info {
	char name[THREAD_NAME_MAX];
	u32 cpu_index, state; /* 0 runnable, 1 blocked, 2 ending */
	struct thread_times times;
};
/* Describes up to max threads; returns how many there are. */
u32 threads_list(struct thread_info *infos, u32 max);

struct waitqueue {
	struct spinlock lock;
	struct list_node waiters; /* [lock] */
};

#define WAITQUEUE_NO_TIMEOUT (~(u64)0)

struct waiter { /* on the waiting thread's stack */
	struct list_node node;
	struct thread *thread;
	bool woken;
};

void waitqueue_init(struct waitqueue *queue, const char *name);
void waitqueue_wake_one(struct waitqueue *queue); /* any context */
void waitqueue_wake_all(struct waitqueue *queue);
void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter);
/* Sleeps unless woken since prepare; false: the deadline (clock_ns scale) passed. */
bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns);
void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter);

/* Waits until cond is true; evaluates to false when the deadline passed with cond still false. Thread context. */
#define waitqueue_wait_until(queue, cond, deadline_ns)                                                            \
	({                                                                                                        \
		struct waiter wait_waiter_;                                                                       \
		bool wait_in_time_ = true, wait_result_;                                                          \
		for (;;) {                                                                                        \
			waitqueue_prepare(queue, &wait_waiter_);                                                  \
			wait_result_ = (cond);                                                                    \
			if (wait_result_ || !wait_in_time_)                                                       \
				break;                                                                            \
			wait_in_time_ = waitqueue_sleep(queue, &wait_waiter_, deadline_ns);                       \
			waitqueue_finish(queue, &wait_waiter_);                                                   \
		}                                                                                                 \
		waitqueue_finish(queue, &wait_waiter_);                                                           \
		wait_result_;                                                                                     \
	})
#define waitqueue_wait(queue, cond) waitqueue_wait_until(queue, cond, WAITQUEUE_NO_TIMEOUT)

/* A lock that sleeps: for long sections in thread context (management, XML, configuration). */
struct mutex {
	struct thread *owner; /* [queue.lock] */
	struct waitqueue queue;
};

void mutex_init(struct mutex *mutex, const char *name);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Wait queues, sleeping, and the mutex on top of them.
 *
 * The protocol (hv/thread.h): prepare puts the waiter into the queue, the caller then checks its condition, and sleep
 * blocks unless the waiter was woken since prepare. The state BLOCKED is set and `woken` is looked at under the queue's
 * lock, which the waker holds while it sets `woken` and wakes, so one of the two always sees the other.
 */
#include "arch/x86/cpu.h"
#include "hv/clock.h"
#include "hv/lib/log.h"
#include "hv/thread_internal.h"

void waitqueue_init(struct waitqueue *queue, const char *name)
{
	spinlock_init(&queue->lock, name, LOCK_RANK_WAITQUEUE);
	list_init(&queue->waiters);
}

/* Queue locked. */
static void wake_first(struct waitqueue *queue)
{
	struct waiter *waiter = LIST_ENTRY(queue->waiters.next, struct waiter, node);

	list_remove(&waiter->node);
	WRITE_ONCE(waiter->woken, true);
	thread_wake(waiter->thread);
}

void waitqueue_wake_one(struct waitqueue *queue)
{
	u64 flags = lock_irqsave(&queue->lock);

	if (!list_empty(&queue->waiters))
		wake_first(queue);
	unlock_irqrestore(&queue->lock, flags);
}

void waitqueue_wake_all(struct waitqueue *queue)
{
	u64 flags = lock_irqsave(&queue->lock);

	while (!list_empty(&queue->waiters))
		wake_first(queue);
	unlock_irqrestore(&queue->lock, flags);
}

void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter)
{
	u64 flags = lock_irqsave(&queue->lock);

	waiter->thread = this_cpu()->current;
	waiter->woken = false;
	list_push_back(&queue->waiters, &waiter->node);
	unlock_irqrestore(&queue->lock, flags);
}

void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter)
{
	u64 flags = lock_irqsave(&queue->lock);

	list_remove(&waiter->node); /* harmless where a waker did it */
	unlock_irqrestore(&queue->lock, flags);
}

struct deadline {
	struct timer timer;
	struct thread *thread;
	u32 passed; /* (a) */
};

static void deadline_passed(struct timer *timer)
{
	struct deadline *deadline = timer->context;

	__atomic_store_n(&deadline->passed, 1, __ATOMIC_RELEASE);
	thread_wake(deadline->thread);
}

/* The deadline cannot slip between the look at `passed` and BLOCKED: on this CPU interrupts are off meanwhile. */
static void block_unless(struct waitqueue *queue, const struct waiter *waiter, const u32 *passed)
{
	u64 flags = lock_irqsave(&queue->lock);

	if (waiter->woken || (passed && __atomic_load_n(passed, __ATOMIC_ACQUIRE))) {
		unlock_irqrestore(&queue->lock, flags);
		return;
	}
	this_cpu()->current->state = THREAD_BLOCKED;
	unlock_raw(&queue->lock);
	schedule();
	irq_restore(flags);
}

bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	struct deadline deadline = { .thread = waiter->thread };

	if (deadline_ns == WAITQUEUE_NO_TIMEOUT) {
		block_unless(queue, waiter, NULL);
		return true;
	}
	timer_init(&deadline.timer, deadline_passed, &deadline);
	timer_arm(&deadline.timer, deadline_ns);
	block_unless(queue, waiter, &deadline.passed);
	timer_cancel(&deadline.timer);
	return READ_ONCE(waiter->woken) || !deadline.passed;
}

void thread_sleep_ns(u64 duration_ns)
{
	struct waitqueue nobody;
	u64 deadline = clock_ns() + duration_ns;

	waitqueue_init(&nobody, "sleep");
	(void)waitqueue_wait_until(&nobody, clock_ns() >= deadline, deadline);
}

void mutex_init(struct mutex *mutex, const char *name)
{
	mutex->owner = NULL;
	waitqueue_init(&mutex->queue, name);
}

static bool try_to_own(struct mutex *mutex)
{
	struct thread *nobody = NULL;

	return __atomic_compare_exchange_n(&mutex->owner, &nobody, thread_current(), false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

void mutex_lock(struct mutex *mutex)
{
	BUG_ON(mutex->owner == thread_current());
	waitqueue_wait(&mutex->queue, try_to_own(mutex));
}

void mutex_unlock(struct mutex *mutex)
{
	BUG_ON(mutex->owner != thread_current());
	__atomic_store_n(&mutex->owner, NULL, __ATOMIC_RELEASE);
	waitqueue_wake_one(&mutex->queue);
}

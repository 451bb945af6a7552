/* SPDX-License-Identifier: MIT */
/*
 * Waiting: wait queues, sleeping, mutexes.
 *
 * A waiter is in the queue from prepare on; whoever wakes takes it out and marks it. The check between prepare and sleep
 * therefore cannot miss a wake-up: one that came meanwhile has set `woken`, and sleep returns at once.
 */
#include "hv/clock.h"
#include "hv/lib/log.h"
#include "hv/thread_internal.h"

void waitqueue_init(struct waitqueue *queue, const char *name)
{
	spinlock_init(&queue->lock, name, LOCK_RANK_WAITQUEUE);
	list_init(&queue->waiters);
}

/* [queue->lock] */
static void wake_first(struct waitqueue *queue)
{
	struct waiter *waiter = LIST_ENTRY(queue->waiters.next, struct waiter, node);
	struct thread *thread = waiter->thread;

	list_remove(&waiter->node);
	WRITE_ONCE(waiter->woken, true); /* the waiter's stack frame may be gone once the lock is */
	thread_wake(thread);
}

void waitqueue_wake_one(struct waitqueue *queue)
{
	u64 flags = lock_irqsave(&queue->lock);

	if (!list_empty(&queue->waiters))
		wake_first(queue);
	unlock_irqrestore(&queue->lock, flags);
}

void waitqueue_wake_all_locked(struct waitqueue *queue)
{
	while (!list_empty(&queue->waiters))
		wake_first(queue);
}

void waitqueue_wake_all(struct waitqueue *queue)
{
	u64 flags = lock_irqsave(&queue->lock);

	waitqueue_wake_all_locked(queue);
	unlock_irqrestore(&queue->lock, flags);
}

void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter)
{
	u64 flags = lock_irqsave(&queue->lock);

	waiter->thread = thread_current();
	waiter->woken = false;
	list_push_back(&queue->waiters, &waiter->node);
	unlock_irqrestore(&queue->lock, flags);
}

static void wake_sleeper(struct timer *timer)
{
	thread_wake(timer->context);
}

bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	struct timer timer;
	u64 flags;
	bool woken;

	BUG_ON(waiter->thread->idle);
	timer_init(&timer, wake_sleeper, waiter->thread);
	flags = lock_irqsave(&queue->lock);
	woken = waiter->woken;
	if (!woken)
		thread_set_blocked();
	unlock_raw(&queue->lock);
	if (!woken) {
		if (deadline_ns != WAITQUEUE_NO_TIMEOUT)
			timer_arm(&timer, deadline_ns);
		thread_schedule();
		if (deadline_ns != WAITQUEUE_NO_TIMEOUT)
			timer_cancel(&timer);
		woken = READ_ONCE(waiter->woken);
	}
	irq_restore(flags);
	return woken || deadline_ns == WAITQUEUE_NO_TIMEOUT || clock_ns() < deadline_ns;
}

void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter)
{
	u64 flags = lock_irqsave(&queue->lock);

	if (!waiter->woken)
		list_remove(&waiter->node);
	waiter->woken = true; /* finishing twice is harmless */
	unlock_irqrestore(&queue->lock, flags);
}

void thread_sleep_ns(u64 duration_ns)
{
	struct timer timer;
	u64 deadline = clock_ns() + duration_ns, flags;

	if (deadline < duration_ns)
		deadline = WAITQUEUE_NO_TIMEOUT - 1;
	timer_init(&timer, wake_sleeper, thread_current());
	BUG_ON(thread_current()->idle);
	while (clock_ns() < deadline) {
		flags = irq_save();
		thread_set_blocked();
		timer_arm(&timer, deadline);
		thread_schedule();
		timer_cancel(&timer);
		irq_restore(flags);
	}
}

void mutex_init(struct mutex *mutex, const char *name)
{
	mutex->owner = NULL;
	waitqueue_init(&mutex->queue, name);
}

static bool try_lock(struct mutex *mutex)
{
	struct thread *nobody = NULL;

	return __atomic_compare_exchange_n(&mutex->owner, &nobody, thread_current(), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void mutex_lock(struct mutex *mutex)
{
	BUG_ON(READ_ONCE(mutex->owner) == thread_current());
	if (!try_lock(mutex))
		waitqueue_wait(&mutex->queue, try_lock(mutex));
}

void mutex_unlock(struct mutex *mutex)
{
	BUG_ON(READ_ONCE(mutex->owner) != thread_current());
	__atomic_store_n(&mutex->owner, NULL, __ATOMIC_RELEASE);
	waitqueue_wake_one(&mutex->queue);
}

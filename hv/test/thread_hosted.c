/* SPDX-License-Identifier: MIT */
/* hv/thread.h for hosted tests, on POSIX threads: one big lock and one condition stand behind every queue. */
#include "hv/thread.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct thread {
	pthread_t id;
	char name[THREAD_NAME_MAX];
	void (*function)(void *argument);
	void *argument;
	u8 fate; /* (a) 1: ended or detached; whoever finds it set frees the thread */
};

static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static __thread struct thread *current;
static __thread struct thread main_thread;

static void *run(void *argument)
{
	current = argument;
	current->function(current->argument);
	if (__atomic_exchange_n(&current->fate, 1, __ATOMIC_ACQ_REL))
		free(current);
	return NULL;
}

struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
{
	struct thread *thread = calloc(1, sizeof(*thread));

	strncpy(thread->name, name, sizeof(thread->name) - 1);
	thread->function = function;
	thread->argument = argument;
	if (pthread_create(&thread->id, NULL, run, thread)) {
		free(thread);
		return NULL;
	}
	return thread;
}

void thread_join(struct thread *thread)
{
	pthread_join(thread->id, NULL);
	free(thread);
}

void thread_detach(struct thread *thread)
{
	pthread_detach(thread->id);
	if (__atomic_exchange_n(&thread->fate, 1, __ATOMIC_ACQ_REL))
		free(thread);
}

void thread_yield(void)
{
	usleep(0);
}

void thread_sleep_ns(u64 duration_ns)
{
	usleep((useconds_t)(duration_ns / 1000));
}

struct thread *thread_current(void)
{
	return current ? current : &main_thread;
}

const char *thread_name(const struct thread *thread)
{
	return thread->name;
}

void waitqueue_init(struct waitqueue *queue, const char *name)
{
	spinlock_init(&queue->lock, name, LOCK_RANK_WAITQUEUE);
	list_init(&queue->waiters);
}

static void wake(struct waitqueue *queue, bool all)
{
	pthread_mutex_lock(&big_lock);
	LIST_FOR_EACH(node, &queue->waiters) {
		struct waiter *waiter = LIST_ENTRY(node, struct waiter, node);
		bool was = waiter->woken;

		waiter->woken = true;
		if (!was && !all)
			break;
	}
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&big_lock);
}

void waitqueue_wake_one(struct waitqueue *queue)
{
	wake(queue, false);
}

void waitqueue_wake_all(struct waitqueue *queue)
{
	wake(queue, true);
}

void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter)
{
	pthread_mutex_lock(&big_lock);
	waiter->thread = thread_current();
	waiter->woken = false;
	list_push_back(&queue->waiters, &waiter->node);
	pthread_mutex_unlock(&big_lock);
}

bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	struct timespec until = { (time_t)(deadline_ns / 1000000000u), (long)(deadline_ns % 1000000000u) };
	bool woken;

	(void)queue;
	pthread_mutex_lock(&big_lock);
	while (!waiter->woken) {
		if (deadline_ns == WAITQUEUE_NO_TIMEOUT)
			pthread_cond_wait(&changed, &big_lock);
		else if (pthread_cond_timedwait(&changed, &big_lock, &until) == ETIMEDOUT)
			break;
	}
	woken = waiter->woken;
	pthread_mutex_unlock(&big_lock);
	return woken;
}

void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter)
{
	(void)queue;
	pthread_mutex_lock(&big_lock);
	list_remove(&waiter->node);
	pthread_mutex_unlock(&big_lock);
}

void mutex_init(struct mutex *mutex, const char *name)
{
	mutex->owner = NULL;
	waitqueue_init(&mutex->queue, name);
}

void mutex_lock(struct mutex *mutex)
{
	pthread_mutex_lock(&big_lock);
	if (mutex->owner == thread_current())
		abort(); /* taken twice */
	while (mutex->owner)
		pthread_cond_wait(&changed, &big_lock);
	mutex->owner = thread_current();
	pthread_mutex_unlock(&big_lock);
}

void mutex_unlock(struct mutex *mutex)
{
	pthread_mutex_lock(&big_lock);
	if (mutex->owner != thread_current())
		abort();
	mutex->owner = NULL;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&big_lock);
}

/* SPDX-License-Identifier: MIT */
/* See host_card_hosted.h. */
#include "hv/test/host_card_hosted.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "hv/clock.h"
#include "hv/lib/log.h"

u64 direct_map_base;
u64 hosted_now_ns = NS_PER_S;
void (*hosted_while_waiting)(void);
void (*hosted_thread_function)(void *argument);
void *hosted_thread_argument;
u32 hosted_log_lines;
char hosted_log_last[256];

u64 clock_ns(void) { return hosted_now_ns; }

struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
{
	(void)name;
	hosted_thread_function = function;
	hosted_thread_argument = argument;
	return (struct thread *)8; /* the test is this thread */
}

void thread_yield(void) {}
void thread_sleep_ns(u64 duration_ns) { hosted_now_ns += duration_ns; }

void waitqueue_init(struct waitqueue *queue, const char *name)
{
	(void)name;
	memset(queue, 0, sizeof(*queue));
}

void waitqueue_wake_one(struct waitqueue *queue) { (void)queue; }
void waitqueue_wake_all(struct waitqueue *queue) { (void)queue; }
void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter) { (void)queue, (void)waiter; }
void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter) { (void)queue, (void)waiter; }
bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	(void)queue, (void)waiter;
	if (deadline_ns != WAITQUEUE_NO_TIMEOUT) {
		hosted_now_ns = MAX(hosted_now_ns, deadline_ns);
		return false;
	}
	assert(hosted_while_waiting);
	hosted_while_waiting();
	return true;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list arguments;

	(void)level;
	va_start(arguments, fmt);
	vsnprintf(hosted_log_last, sizeof(hosted_log_last), fmt, arguments);
	va_end(arguments);
	hosted_log_lines++;
}

u32 hosted_turns(struct host_card *card)
{
	u32 turns = 0;

	do {
		(void)host_card_turn(card);
		turns++;
		assert(turns < 10000);
	} while (card->asked);
	return turns;
}

static int receive(void *context, const struct net_frame *frame)
{
	struct hosted_user *user = context;

	user->frames++;
	user->size_bytes = frame->size_bytes;
	user->offload = frame->offload;
	user->segment_count = frame->segment_count;
	user->checksum_start = frame->checksum_start;
	user->checksum_offset = frame->checksum_offset;
	net_frame_copy(frame, 0, user->bytes, frame->size_bytes);
	if (user->on_frame)
		user->on_frame(user, frame);
	return OK;
}

static void link_changed(void *context, bool up)
{
	struct hosted_user *user = context;

	user->links++;
	user->up = up;
}

void hosted_user_init(struct hosted_user *user, const char *who)
{
	memset(user, 0, sizeof(*user));
	user->user = (struct host_card_user){ who, receive, link_changed, user };
}

/* One thread only: a mutex that is taken is taken twice. */
void mutex_init(struct mutex *mutex, const char *name)
{
	(void)name;
	mutex->owner = NULL;
}

void mutex_lock(struct mutex *mutex)
{
	assert(!mutex->owner);
	mutex->owner = (struct thread *)8;
}

void mutex_unlock(struct mutex *mutex)
{
	assert(mutex->owner);
	mutex->owner = NULL;
}

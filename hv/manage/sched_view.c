/* SPDX-License-Identifier: MIT */
/* See sched_view.h. There is one trace for all: while one session starts, stops or reads it, others are refused. */
#include "hv/manage/sched_view.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/sched_trace.h"

struct sched_view {
	bool headed, ended;
	struct sched_trace_reader reader;
};

static bool taken; /* (a) a session starts, stops or reads it */

static bool take(void)
{
	return !__atomic_exchange_n(&taken, true, __ATOMIC_ACQUIRE);
}

static void let_go(void)
{
	__atomic_store_n(&taken, false, __ATOMIC_RELEASE);
}

int sched_view_start(u32 records_per_cpu, struct manage_error *error)
{
	int code;

	if (!take())
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "another session shows the last trace");
	code = sched_trace_start(records_per_cpu);
	let_go();
	if (code == ERR_NO_MEMORY)
		return manage_fail_no_memory(error);
	if (code)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "a trace is on already: `sched-trace --stop` ends it");
	return OK;
}

void sched_view_stop(void)
{
	if (!take())
		return;
	sched_trace_stop();
	let_go();
}

int sched_view_open(struct sched_view **view, struct manage_error *error)
{
	if (!take())
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "another session shows the last trace");
	*view = kzalloc(sizeof(**view));
	if (!*view) {
		let_go();
		return manage_fail_no_memory(error);
	}
	sched_trace_rewind(&(*view)->reader);
	return OK;
}

bool sched_view_line(struct sched_view *view, char *text, size_t size)
{
	struct sched_trace_record record;
	u64 duration_ns, lost;

	if (!view->headed) {
		view->headed = true;
		string_copy(text, SCHED_TRACE_HEAD, size);
		return true;
	}
	if (sched_trace_read(&view->reader, &record)) {
		sched_trace_format(text, size, &record, sched_trace_ns(&record));
		return true;
	}
	if (view->ended)
		return false;
	view->ended = true;
	sched_trace_summary(&duration_ns, &lost);
	sched_trace_format_end(text, size, duration_ns, lost);
	return true;
}

void sched_view_close(struct sched_view *view)
{
	let_go();
	kfree(view);
}

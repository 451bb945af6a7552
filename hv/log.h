/* SPDX-License-Identifier: MIT */
/*
 * The log's readers and its sink; writers need only hv/lib/log.h.
 *
 * Lines stand in a ring; a position is a line's place in all that was ever written, so a reader that fell behind goes on
 * with the oldest line that is still there.
 */
#ifndef HV_LOG_H
#define HV_LOG_H

#include "hv/lib/log.h"

#define LOG_TEXT_MAX 480 /* longer lines are cut, and end in "..." */

struct log_record {
	u64 time_ns;      /* clock_ns() when it was written */
	enum log_level level;
	char text[LOG_TEXT_MAX + 1];
};

/* The first line at or after *position, which moves behind it; false: none yet. Start with 0. Any context but NMI. */
bool log_read(u64 *position, struct log_record *record);
/* Waits until there is a line at or after position; false: the deadline (clock_ns scale) passed. Thread context. */
bool log_wait(u64 position, u64 deadline_ns);
void log_clear(void);

/*
 * Called for each line in log_line's own context, outside the log's lock, interrupts as they were: it must not sleep.
 * The first sink is the polled COM1 of arch/x86/early_console.c.
 */
void log_set_sink(void (*sink)(enum log_level level, u64 time_ns, const char *text));

/* For hv/thread.c: wakes readers, where waking is allowed (a log line may be written under any lock). */
void log_wake_readers(void);

#endif

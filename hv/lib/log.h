/* SPDX-License-Identifier: MIT */
/*
 * The log: lines with a level and a time stamp in a ring (hv/log.c keeps it, `dmesg` shows it).
 *
 * May be called in any context but the fast exit path and an NMI. A line is one event, without a newline at its end;
 * it names the thing and, where a person can do something, the remedy. The hosted tests link test/log_stderr.c.
 */
#ifndef HV_LIB_LOG_H
#define HV_LIB_LOG_H

#include "hv/lib/types.h"

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 }; /* syslog's numbers */

void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Our own bugs end here, with a dump: nothing that a guest, a disk, a file or the network says may lead to it. */
void panic(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

#define BUG_ON(cond)                                                                                              \
	do {                                                                                                      \
		if (UNLIKELY(cond))                                                                               \
			panic("bug: %s at %s:%d", #cond, __FILE__, __LINE__);                                     \
	} while (0)

#endif

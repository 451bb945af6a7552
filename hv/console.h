/* SPDX-License-Identifier: MIT */
/*
 * The host's own consoles: joins a char_device to a shell of its own, and puts log lines onto it.
 *
 * Each console has two threads: one runs the shell, one prints the log's lines. What a person is typing is never torn:
 * a line that comes in between is printed above the row that is edited.
 * Next to read: hv/shell/shell.h.
 */
#ifndef HV_CONSOLE_H
#define HV_CONSOLE_H

#include "hv/char_device.h"
#include "hv/lib/log.h"

/*
 * Opens a console on a device (sets its callbacks). columns: the width, asked at each line; NULL: 80. Log lines from
 * this position (hv/log.h) on appear there. ERR_NO_MEMORY. Thread context.
 */
MUST_CHECK int console_open(struct char_device *device, unsigned (*columns)(void), u64 log_position);
/* Lines of this level and graver ones appear on consoles; all are in the log. */
void console_set_log_level(enum log_level level);

#endif

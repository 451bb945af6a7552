/* SPDX-License-Identifier: MIT */
/* The lines that were typed on one terminal, newest last, in a fixed piece of memory: old ones fall out. */
#ifndef HV_SHELL_HISTORY_H
#define HV_SHELL_HISTORY_H

#include "hv/lib/types.h"

#define LINE_HISTORY_BYTES 8192

struct line_history {
	char bytes[LINE_HISTORY_BYTES]; /* NUL-terminated lines, one after the other, oldest first */
	size_t used;
	unsigned count;
	u64 first_number; /* number of the oldest line, for the history command; counts from 1 */
};

void line_history_init(struct line_history *history);
/* Empty lines, repetitions of the newest and lines above a quarter of the memory are not kept. */
void line_history_add(struct line_history *history, const char *line);
/* age 1: the newest; NULL: there is none so old. Valid until the next add. */
const char *line_history_get(const struct line_history *history, unsigned age);

#endif

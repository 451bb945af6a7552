/* SPDX-License-Identifier: MIT */
/* The scheduling trace (hv/sched_trace.h, where its text is described) for a front end. Thread context. */
#ifndef HV_MANAGE_SCHED_VIEW_H
#define HV_MANAGE_SCHED_VIEW_H

#include "hv/manage/error.h"

#define SCHED_VIEW_LINE_MAX 160
#define SCHED_VIEW_RECORDS_MAX 65536u

/* What was traced before is forgotten. MANAGE_FAILED: somebody traces already, or no memory. */
MUST_CHECK int sched_view_start(u32 records_per_cpu, struct manage_error *error);
void sched_view_stop(void); /* nothing where none is on */

/* The stopped trace, line by line: the head, the events in order of time, the end. One reader at a time. */
struct sched_view;
MUST_CHECK int sched_view_open(struct sched_view **view, struct manage_error *error);
bool sched_view_line(struct sched_view *view, char *text, size_t size);
void sched_view_close(struct sched_view *view);

#endif

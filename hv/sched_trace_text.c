/* SPDX-License-Identifier: MIT */
/* A record of the scheduling trace as a line of text. Pure. The format stands in sched_trace.h. */
#include "hv/lib/format.h"
#include "hv/sched_trace.h"

#define NS_PER_SECOND 1000000000ull

void sched_trace_format(char *text, size_t size, const struct sched_trace_record *record, u64 ns)
{
	static const char *const kinds[] = { "runs", "switch", "wake", "migrate", "throttle", "release" };
	static const char *const left[] = { "ready", "asleep", "ended" };
	char detail[24] = "-";

	if (record->kind == SCHED_TRACE_SWITCH)
		format(detail, sizeof(detail), "%u:%s", record->other, left[MIN(record->left, ARRAY_SIZE(left) - 1)]);
	else if (record->kind == SCHED_TRACE_WAKE || record->kind == SCHED_TRACE_MIGRATE)
		format(detail, sizeof(detail), "%u", record->other);
	format(text, size, "%llu.%09llu %u %s %u %s %s", (unsigned long long)(ns / NS_PER_SECOND), (unsigned long long)(ns % NS_PER_SECOND),
	       record->cpu, kinds[MIN(record->kind, ARRAY_SIZE(kinds) - 1)], record->thread, detail, record->name);
}

void sched_trace_format_end(char *text, size_t size, u64 duration_ns, u64 lost)
{
	format(text, size, "# end %llu.%09llu lost %llu", (unsigned long long)(duration_ns / NS_PER_SECOND),
	       (unsigned long long)(duration_ns % NS_PER_SECOND), (unsigned long long)lost);
}

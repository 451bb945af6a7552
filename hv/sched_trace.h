/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler did, kept for a person to look at: a ring of events on each CPU, written under that CPU's run-queue lock.
 *
 * Off, it costs one test of a byte where something happens. On, a record is copied for each switch, wake-up, migration, and for each
 * thread that a cap stops or lets go. The command sched-trace shows it as text, tools/sched-timeline draws that.
 * The text is this file's, too, so that it is tested on the build machine (hv/sched_trace_text.c):
 *
 *   # sched-trace 1: seconds, CPU, event, thread, detail, name
 *   0.000000000 0 runs 12 - spin/vcpu0         what ran when the trace began
 *   0.004998210 0 switch 15 12:ready three/vcpu0   from thread 12, which could go on: ready, asleep, ended
 *   0.005101000 0 wake 9 0 shell               thread 9, which was last on CPU 0, has work again
 *   0.005102300 1 migrate 9 0 shell            it comes to CPU 1 from CPU 0
 *   0.020000000 0 throttle 12 - spin/vcpu0     a cap stops it
 *   0.100000000 0 release 12 - spin/vcpu0      its next period has begun
 *   # end 1.000000000 lost 0                   events that the rings had no more room for (the oldest are lost)
 *
 * Thread 0 is a CPU's idle thread. Next to read: hv/sched_trace.c.
 */
#ifndef HV_SCHED_TRACE_H
#define HV_SCHED_TRACE_H

#include "hv/sched_policy.h"
#include "hv/thread.h"

enum sched_trace_kind {
	SCHED_TRACE_RUNS, SCHED_TRACE_SWITCH, SCHED_TRACE_WAKE, SCHED_TRACE_MIGRATE, SCHED_TRACE_THROTTLE, SCHED_TRACE_RELEASE,
};
enum sched_trace_left { SCHED_TRACE_READY, SCHED_TRACE_ASLEEP, SCHED_TRACE_ENDED };

struct sched_trace_record {
	u64 tsc;
	u32 thread, other;   /* other: whom it follows (switch), where it was (wake, migrate) */
	u16 cpu;
	u8 kind, left;       /* left: what the one that it follows does now */
	char name[THREAD_NAME_MAX];
};

extern u8 sched_trace_on; /* (a) */
static inline bool sched_tracing(void)
{
	return UNLIKELY(READ_ONCE(sched_trace_on));
}

/* For hv/run_queue.c, under the lock of the CPU's queue; a thread's CPU is thread->cpu. */
struct cpu;
void sched_trace_switch(const struct cpu *cpu, const struct thread *from, const struct thread *to);
void sched_trace_thread(enum sched_trace_kind kind, const struct thread *thread, u32 cpu_before);
void sched_trace_told(const struct sched_cpu *cpu, const struct sched_task *task, bool throttled);

#define SCHED_TRACE_RECORDS_MAX 65536u
/*
 * Thread context, one caller at a time. start: what was kept is dropped; so many records a CPU. ERR_NO_MEMORY, ERR_BUSY.
 * stop: what was recorded stays until the next start.
 */
MUST_CHECK int sched_trace_start(u32 records_per_cpu);
void sched_trace_stop(void);

/* Reads what a stopped trace kept, all CPUs' in order of time. */
struct sched_trace_reader {
	u64 next[CPU_MAX];
};
void sched_trace_rewind(struct sched_trace_reader *reader);
bool sched_trace_read(struct sched_trace_reader *reader, struct sched_trace_record *record);
/* How long it ran, and how many events were lost. */
void sched_trace_summary(u64 *duration_ns, u64 *lost);
u64 sched_trace_ns(const struct sched_trace_record *record); /* since the trace began */

/* One line, without its end. Pure. */
#define SCHED_TRACE_LINE_MAX 128
#define SCHED_TRACE_HEAD "# sched-trace 1: seconds, CPU, event, thread, detail, name"
void sched_trace_format(char *text, size_t size, const struct sched_trace_record *record, u64 ns);
void sched_trace_format_end(char *text, size_t size, u64 duration_ns, u64 lost);

#endif

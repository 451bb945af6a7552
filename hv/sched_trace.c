/* SPDX-License-Identifier: MIT */
/*
 * The rings of the scheduling trace. A ring is written by whoever holds its CPU's run-queue lock, and read when the trace has
 * stopped: after the byte was cleared, each lock is taken once, so that no writer is left.
 */
#include "hv/sched_trace.h"
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/thread_internal.h"

struct ring {
	struct sched_trace_record *records; /* [queue] */
	u64 count;                          /* [queue] written so far; the oldest are overwritten */
};

u8 sched_trace_on;
static struct ring rings[CPU_MAX];
static u32 size;                 /* records in each ring; changed while the trace is off */
static u64 began_tsc, ended_tsc; /* likewise */

static struct sched_trace_record *next_record(u32 cpu_index, enum sched_trace_kind kind, const struct thread *thread)
{
	struct ring *ring = &rings[cpu_index];
	struct sched_trace_record *record;

	if (!ring->records)
		return NULL; /* a CPU that came later */
	record = &ring->records[ring->count++ % size];
	*record = (struct sched_trace_record){ .tsc = rdtsc(), .thread = thread->id, .cpu = (u16)cpu_index, .kind = (u8)kind };
	memcpy(record->name, thread->name, sizeof(record->name));
	return record;
}

void sched_trace_switch(const struct cpu *cpu, const struct thread *from, const struct thread *to)
{
	struct sched_trace_record *record = next_record(cpu->index, SCHED_TRACE_SWITCH, to);

	if (!record)
		return;
	record->other = from->id;
	record->left = from->state == THREAD_DEAD ? SCHED_TRACE_ENDED
		     : from->idle || from->state == THREAD_BLOCKED ? SCHED_TRACE_ASLEEP : SCHED_TRACE_READY;
}

void sched_trace_thread(enum sched_trace_kind kind, const struct thread *thread, u32 cpu_before)
{
	struct sched_trace_record *record = next_record(thread->cpu->index, kind, thread);

	if (record)
		record->other = cpu_before;
}

void sched_trace_told(const struct sched_cpu *cpu, const struct sched_task *task, bool throttled)
{
	const struct thread *thread = CONTAINER_OF((struct sched_task *)(uintptr_t)task, struct thread, task);

	if (sched_tracing())
		(void)next_record(cpu->index, throttled ? SCHED_TRACE_THROTTLE : SCHED_TRACE_RELEASE, thread);
}

static void free_rings(void)
{
	for (u32 i = 0; i < CPU_MAX; i++) {
		kfree(rings[i].records);
		rings[i] = (struct ring){ NULL, 0 };
	}
}

int sched_trace_start(u32 records_per_cpu)
{
	if (sched_tracing())
		return ERR_BUSY;
	free_rings();
	size = MIN(MAX(records_per_cpu, 16u), SCHED_TRACE_RECORDS_MAX);
	CPU_MASK_FOR_EACH(i, &cpus_online) {
		rings[i].records = kmalloc(size * sizeof(*rings[i].records));
		if (!rings[i].records) {
			free_rings();
			return ERR_NO_MEMORY;
		}
	}
	began_tsc = rdtsc();
	CPU_MASK_FOR_EACH(i, &cpus_online) {
		u64 flags = lock_irqsave(&cpus[i]->queue->lock);

		(void)next_record(i, SCHED_TRACE_RUNS, cpus[i]->current);
		WRITE_ONCE(sched_trace_on, 1); /* at the first CPU: what others do meanwhile may come before their first record */
		unlock_irqrestore(&cpus[i]->queue->lock, flags);
	}
	return OK;
}

void sched_trace_stop(void)
{
	if (!sched_tracing())
		return;
	WRITE_ONCE(sched_trace_on, 0);
	CPU_MASK_FOR_EACH(i, &cpus_online) {
		u64 flags = lock_irqsave(&cpus[i]->queue->lock);

		ended_tsc = rdtsc();
		unlock_irqrestore(&cpus[i]->queue->lock, flags);
	}
}

void sched_trace_rewind(struct sched_trace_reader *reader)
{
	for (u32 i = 0; i < CPU_MAX; i++)
		reader->next[i] = rings[i].count > size ? rings[i].count - size : 0;
}

bool sched_trace_read(struct sched_trace_reader *reader, struct sched_trace_record *record)
{
	const struct sched_trace_record *best = NULL;
	u32 from = 0;

	if (sched_tracing())
		return false;
	for (u32 i = 0; i < CPU_MAX; i++) {
		const struct sched_trace_record *first;

		if (reader->next[i] >= rings[i].count)
			continue;
		first = &rings[i].records[reader->next[i] % size];
		if (best && first->tsc >= best->tsc)
			continue;
		best = first;
		from = i;
	}
	if (!best)
		return false;
	*record = *best;
	reader->next[from]++;
	return true;
}

void sched_trace_summary(u64 *duration_ns, u64 *lost)
{
	*lost = 0;
	for (u32 i = 0; i < CPU_MAX; i++)
		*lost += rings[i].count > size ? rings[i].count - size : 0;
	*duration_ns = ended_tsc > began_tsc ? clock_ticks_to_ns(ended_tsc - began_tsc) : 0;
}

u64 sched_trace_ns(const struct sched_trace_record *record)
{
	return record->tsc > began_tsc ? clock_ticks_to_ns(record->tsc - began_tsc) : 0;
}

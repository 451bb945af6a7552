/* SPDX-License-Identifier: MIT */
/*
 * log_line and its readers. A line is formatted on the caller's stack, put into the ring under the log's lock, and then
 * given to the sink. Readers that wait are not woken here, since the caller may hold any lock: the next interrupt's end
 * does it (log_wake_readers), and where somebody waits that interrupt is asked for.
 */
#include "hv/log.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/vectors.h"
#include "hv/clock.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/log_ring.h"
#include "hv/thread.h"

#define LOG_RING_BYTES (64 * 1024)

static u8 log_data[LOG_RING_BYTES];
static struct log_ring ring = { .data = log_data, .size_bytes = LOG_RING_BYTES }; /* [log_lock] */
static struct spinlock log_lock = SPINLOCK_INIT("log", LOCK_RANK_LOG);
static void (*log_sink)(enum log_level level, u64 time_ns, const char *text);
static struct waitqueue readers = { SPINLOCK_INIT("log readers", LOCK_RANK_WAITQUEUE), LIST_INIT(readers.waiters) };
static u32 waiting_readers; /* (a) */
static bool unseen;         /* (a) lines came since the last wake-up */

void log_set_sink(void (*sink)(enum log_level level, u64 time_ns, const char *text))
{
	__atomic_store_n(&log_sink, sink, __ATOMIC_RELEASE);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX + 1];
	struct log_ring_entry entry = { .tsc = rdtsc(), .level = level };
	void (*sink)(enum log_level, u64, const char *);
	va_list args;
	size_t length;
	u64 flags;

	va_start(args, fmt);
	length = vformat(text, sizeof(text), fmt, args);
	va_end(args);
	if (length > LOG_TEXT_MAX) {
		length = LOG_TEXT_MAX;
		memcpy(text + length - 3, "...", 3);
	}
	entry.length = (u32)length;
	flags = lock_irqsave(&log_lock);
	log_ring_write(&ring, &entry, text);
	unlock_irqrestore(&log_lock, flags);
	sink = __atomic_load_n(&log_sink, __ATOMIC_ACQUIRE);
	if (sink)
		sink(level, clock_tsc_to_ns(entry.tsc), text);
	if (__atomic_load_n(&waiting_readers, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&unseen, true, __ATOMIC_RELEASE);
		lapic_self_ipi(VECTOR_RESCHEDULE);
	}
}

bool log_read(u64 *position, struct log_record *record)
{
	struct log_ring_entry entry;
	u64 flags = lock_irqsave(&log_lock);
	bool found = log_ring_read(&ring, position, &entry, record->text, sizeof(record->text));

	unlock_irqrestore(&log_lock, flags);
	if (found) {
		record->time_ns = clock_tsc_to_ns(entry.tsc);
		record->level = (enum log_level)entry.level;
	}
	return found;
}

static bool has_line(u64 position)
{
	u64 flags = lock_irqsave(&log_lock);
	bool result = ring.next > position;

	unlock_irqrestore(&log_lock, flags);
	return result;
}

bool log_wait(u64 position, u64 deadline_ns)
{
	bool result;

	__atomic_add_fetch(&waiting_readers, 1, __ATOMIC_ACQ_REL);
	result = waitqueue_wait_until(&readers, has_line(position), deadline_ns);
	__atomic_sub_fetch(&waiting_readers, 1, __ATOMIC_ACQ_REL);
	return result;
}

void log_wake_readers(void)
{
	if (__atomic_load_n(&unseen, __ATOMIC_RELAXED) && __atomic_exchange_n(&unseen, false, __ATOMIC_ACQ_REL))
		waitqueue_wake_all(&readers);
}

void log_clear(void)
{
	u64 flags = lock_irqsave(&log_lock);

	ring.first = ring.next;
	unlock_irqrestore(&log_lock, flags);
}

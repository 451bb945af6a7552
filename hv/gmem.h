/* SPDX-License-Identifier: MIT */
/*
 * The only way to guest memory. Every address and length that comes here is hostile: checked, overflow-safe, per machine.
 *
 * gmem_read and gmem_write copy (and may sleep to populate a page); the _nofault forms are for the fast exit path and
 * fail with ERR_AGAIN where the page is not there yet. gmem_pin gives physical segments for DMA.
 */
#ifndef HV_GMEM_H
#define HV_GMEM_H

#include "hv/lib/types.h"

struct vm;

enum gmem_access { GMEM_READ = 1, GMEM_WRITE = 2 };

/* ERR_FAULT: some part is not RAM of this machine (nothing was copied then). Thread context. */
MUST_CHECK int gmem_read(struct vm *vm, gpa_t address, void *to, size_t size_bytes);
MUST_CHECK int gmem_write(struct vm *vm, gpa_t address, const void *from, size_t size_bytes);
MUST_CHECK int gmem_zero(struct vm *vm, gpa_t address, size_t size_bytes);
/*
 * Within one page; ERR_AGAIN: take the slow level and try again. On a vCPU's own thread, with interrupts off, or for a page that is
 * pinned: elsewhere the page could be given back meanwhile.
 */
MUST_CHECK int gmem_read_nofault(struct vm *vm, gpa_t address, void *to, size_t size_bytes);
MUST_CHECK int gmem_write_nofault(struct vm *vm, gpa_t address, const void *from, size_t size_bytes);

/* Within one page, aligned, 4 or 8 bytes: ERR_BUSY when it is not `old`; else as the _nofault forms. For page-table bits. */
MUST_CHECK int gmem_compare_exchange(struct vm *vm, gpa_t address, unsigned size_bytes, u64 old, u64 new);

struct gmem_segment { hpa_t address; u64 size_bytes; };
/*
 * Pins [address, address + size) and describes it in at most max segments; returns their count or ERR_FAULT / ERR_FULL.
 * A pinned page is never given back; unpin after a write marks it dirty.
 */
MUST_CHECK int gmem_pin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access, struct gmem_segment *segments,
			unsigned max);
void gmem_unpin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access);
/* The same for the fast exit path: ERR_AGAIN where a page is not there yet. Any context. gmem_unpin is for any context, too. */
MUST_CHECK int gmem_pin_nofault(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access, struct gmem_segment *segments,
				unsigned max);

/*
 * A bounded piece of guest memory, pinned and reachable by pointers: a ring that a device and its guest share. Guests change it
 * at any time, so it is read once, by READ_ONCE, and the copy is checked. What is read or written in one access must not
 * cross a page: naturally aligned words do not.
 */
#define GMEM_WINDOW_PAGES 6
struct gmem_window {
	gpa_t address;
	u32 size_bytes;               /* 0: not mapped */
	unsigned access;
	u8 *pages[GMEM_WINDOW_PAGES]; /* where each page lies, from its first byte */
};
/* ERR_FAULT: not all RAM of this machine; ERR_RANGE: more than GMEM_WINDOW_PAGES; ERR_NO_MEMORY. Thread context. */
MUST_CHECK int gmem_map(struct vm *vm, gpa_t address, u32 size_bytes, unsigned access, struct gmem_window *window);
void gmem_unmap(struct vm *vm, struct gmem_window *window); /* any context; nothing when it is not mapped */
static inline void *gmem_window_at(const struct gmem_window *window, u32 offset)
{
	u64 at = (window->address.value & PAGE_MASK) + offset;

	return window->pages[at >> PAGE_SHIFT] + (at & PAGE_MASK);
}
/* What the host wrote through the window; for the dirty log. Any context. */
void gmem_window_written(struct vm *vm, const struct gmem_window *window, u32 offset, u32 size_bytes);

/*
 * Giving memory back before the machine ends (a balloon). A batch gathers pages: they are taken out of the machine's memory (a
 * touch finds a new page of zeroes), then every vCPU leaves the guest once and forgets its translations, then the host may use
 * them. What is no RAM, was given back before, or is pinned, is left out. Thread context; one thread at a time uses a batch.
 */
struct gmem_batch;
struct gmem_batch *gmem_batch_create(struct vm *vm); /* NULL: no memory */
void gmem_batch_destroy(struct gmem_batch *batch);   /* empty */
/* Returns how many of size_bytes (whole pages) were dealt with; less: the batch is full, or there was no memory. */
u64 gmem_batch_add(struct gmem_batch *batch, gpa_t address, u64 size_bytes);
/* Sends the vCPUs out and waits until all have been: true. False: hurry said true before that. */
bool gmem_batch_settle(struct gmem_batch *batch, bool (*hurry)(void *context), void *context);
void gmem_batch_finish(struct gmem_batch *batch);    /* waits if it must, frees the pages; the batch is empty */
/*
 * The machine is to have so much (whole pages): what it gave back beyond that is reserved again. ERR_NO_MEMORY: the host has not
 * so much; nothing has changed then. *short_bytes: how much it lacks.
 */
MUST_CHECK int gmem_set_target(struct vm *vm, u64 size_bytes, u64 *short_bytes);
/* The guest starts anew and will use all it was given: as much as the host has is reserved again. */
void gmem_take_back(struct vm *vm);

/* What a machine's memory came to so far. Read while it runs: each figure by itself is right. */
struct gmem_stats {
	u64 populated_bytes, nested_table_bytes;
	u64 given_back_bytes;            /* by a balloon; not promised to the machine any more */
	u64 zeroed_bytes, zeroing_ticks; /* ticks: of the host's time-stamp counter, in vCPUs' time */
};
void gmem_get_stats(const struct vm *vm, struct gmem_stats *stats);

/* The machine's nested page table, for the backend's entry. */
hpa_t gmem_nested_root(struct vm *vm);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A machine's RAM, as hv/gmem.c keeps it, and the inline way from a guest-physical address to a host pointer.
 *
 * RAM is looked at in chunks of 2 MiB. A chunk's word says where its bytes are:
 *   0                         nothing there yet
 *   address | CHUNK_BLOCK     one 2 MiB block (kernel address in the direct map)
 *   address | CHUNK_PAGES     a table of 512 words, one per 4 KiB page: kernel address, 0, or PAGE_GIVEN_BACK
 *   CHUNK_GIVEN_BACK          nothing there: the guest gave all of it back, so it is not promised any more
 * A word changes under the populate mutex; readers need no lock. What a reader got stays good while the page is pinned, and on
 * a vCPU's own thread until the head of its run loop, and with interrupts off: gmem_back.c waits for all of that before a page
 * that was taken out is freed. So: on a vCPU's thread or with interrupts off a pointer may be used at once, else pin first.
 */
#ifndef HV_GMEM_INTERNAL_H
#define HV_GMEM_INTERNAL_H

#include "arch/x86/nested_paging.h"
#include "hv/pages.h"
#include "hv/thread.h"
#include "hv/vm.h"

#define CHUNK_SHIFT 21
#define CHUNK_BYTES BIT64(CHUNK_SHIFT)
#define CHUNK_PAGES_COUNT 512u
#define CHUNK_ORDER 9
#define CHUNK_BLOCK 1ull
#define CHUNK_PAGES 2ull
#define CHUNK_GIVEN_BACK 4ull
#define PAGE_GIVEN_BACK 1ull

struct gmem {
	u64 low_bytes, high_bytes;    /* (c) */
	u64 low_chunks, chunk_count;  /* (c) */
	u64 *chunks;                  /* (a) words as above */
	u32 **pins;                   /* (a) per chunk: NULL until its first pin, then a count for each 4 KiB page */
	u64 *dirty;                   /* (a) a bit per 4 KiB page, NULL: dirty logging is off */
	struct mutex populate;        /* chunks go from empty to populated under it */
	struct spinlock nested_lock;  /* rank LOCK_RANK_NESTED: the nested page table */
	struct nested_root nested;    /* [nested_lock] */
	u64 reserved_pages;           /* [populate] not yet drawn */
	u64 populated_pages;          /* [populate] */
	u64 given_back_pages;         /* [populate] the guest gave them back; not promised but for: */
	u64 advance_pages;            /* [populate] reserved for some of those, since the balloon is to shrink */
	u64 target_pages;             /* [populate] what the machine is to have; low and high together without a balloon */
	u64 zeroed_bytes;             /* [populate] */
	u64 zeroing_tsc;              /* [populate] ticks spent on zeroing */
};

/* The chunk's index, or chunk_count for what is not RAM. */
static inline u64 gmem_chunk_index(const struct gmem *gmem, u64 gpa)
{
	if (LIKELY(gpa < gmem->low_bytes))
		return gpa >> CHUNK_SHIFT;
	if (gpa - VM_HIGH_RAM_BASE < gmem->high_bytes)
		return gmem->low_chunks + ((gpa - VM_HIGH_RAM_BASE) >> CHUNK_SHIFT);
	return gmem->chunk_count;
}

/* Where the byte is, up to the end of its 4 KiB page; NULL: not RAM, or not there yet. Any context. */
static inline u8 *gmem_pointer(const struct gmem *gmem, u64 gpa)
{
	u64 index = gmem_chunk_index(gmem, gpa), word;

	if (UNLIKELY(index >= gmem->chunk_count))
		return NULL;
	word = READ_ONCE(gmem->chunks[index_nospec(index, gmem->chunk_count)]);
	if (LIKELY(word & CHUNK_BLOCK))
		return (u8 *)(word - CHUNK_BLOCK + (gpa & (CHUNK_BYTES - 1)));
	if (word <= CHUNK_GIVEN_BACK)
		return NULL;
	word = READ_ONCE(((u64 *)(word & ~CHUNK_PAGES))[(gpa >> PAGE_SHIFT) & (CHUNK_PAGES_COUNT - 1)]);
	return word > PAGE_GIVEN_BACK ? (u8 *)(word + (gpa & PAGE_MASK)) : NULL;
}

static inline bool gmem_is_ram(const struct gmem *gmem, u64 gpa)
{
	return gmem_chunk_index(gmem, gpa) < gmem->chunk_count;
}

/* hv/gmem.c, for the machine's own files */
int gmem_create(struct vm *vm);
void gmem_destroy(struct vm *vm);
/* Makes the page around gpa present and mapped. ERR_FAULT: not RAM; ERR_NO_MEMORY. Thread context, sleeps. */
int gmem_populate(struct vm *vm, gpa_t gpa);
/* The count of the page's pins, made at its chunk's first; NULL: none was made yet, or (may_sleep) there is no memory. */
u32 *gmem_pin_count(struct gmem *gmem, u64 gpa, bool may_sleep);
/* start: a chunk's first address. The RAM that belongs to it may end before the chunk does. */
bool gmem_chunk_is_whole(const struct gmem *gmem, u64 start);
/* hv/gmem_back.c. [populate] Reserves count pages that were given back; ERR_NO_MEMORY: the host has not so many. */
MUST_CHECK int gmem_promise_again(struct gmem *gmem, u64 count);
#endif

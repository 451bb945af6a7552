/* SPDX-License-Identifier: MIT */
/*
 * Nested page tables: from guest-physical to host-physical addresses, four levels, for AMD's NPT and Intel's EPT alike.
 *
 * One walker; the vendors differ by a row of bit masks (struct nested_format). The caller serialises changes
 * (LOCK_RANK_NESTED) and flushes the TLBs after a change that took something away, as each function says. Entries are
 * written whole, so that a CPU that walks meanwhile sees the old entry or the new one.
 */
#ifndef ARCH_X86_NESTED_PAGING_H
#define ARCH_X86_NESTED_PAGING_H

#include "hv/lib/types.h"

enum nested_access { NESTED_READ = 1, NESTED_WRITE = 2, NESTED_EXECUTE = 4, NESTED_ALL = 7, NESTED_UNCACHED = 8 };

struct nested_format {
	const char *name;
	u64 table;         /* an entry that points to a table */
	u64 read, write;   /* set: allowed; read is set in every present entry */
	u64 execute;       /* set: allowed (EPT) */
	u64 no_execute;    /* set: forbidden (NPT) */
	u64 large;         /* this entry maps 2 MiB or 1 GiB */
	u64 write_back, uncached; /* memory type */
	u64 accessed, dirty;
};

extern const struct nested_format nested_format_npt, nested_format_ept;

/* Where tables come from. The hosted tests give their own. */
struct nested_memory {
	hpa_t (*alloc)(void *context); /* one zeroed page; 0: none */
	void (*free)(void *context, hpa_t page);
	u64 *(*map)(hpa_t page);       /* its address; any time, any context */
	void *context;
};

struct nested_root {
	const struct nested_format *format; /* (c) */
	struct nested_memory memory;        /* (c) */
	hpa_t root;                         /* (c) */
	u64 table_pages;                    /* tables in use, the root included */
};

struct nested_leaf {
	hpa_t hpa;          /* of the address asked for, not of the page's start */
	u64 size_bytes;     /* of the page: 4 KiB, 2 MiB, 1 GiB */
	unsigned access;    /* enum nested_access */
	bool accessed, dirty;
};

MUST_CHECK int nested_init(struct nested_root *root, const struct nested_format *format, const struct nested_memory *memory);
void nested_release(struct nested_root *root); /* frees all tables, not what they map */

/*
 * Maps [gpa, gpa + size) to [hpa, hpa + size) with the largest pages that alignment allows, up to max_page_bytes.
 * 4 KiB aligned. What was mapped there is replaced (then flush). ERR_NO_MEMORY leaves a mapped prefix; ERR_INVALID:
 * unaligned, empty, or beyond 48 bits.
 */
MUST_CHECK int nested_map(struct nested_root *root, gpa_t gpa, hpa_t hpa, u64 size_bytes, unsigned access, u64 max_page_bytes);
/* Forgets a range, splitting pages at its edges; tables that become empty are freed: flush before they are used again. */
MUST_CHECK int nested_unmap(struct nested_root *root, gpa_t gpa, u64 size_bytes);
/*
 * Forgets one page of 4 KiB or 2 MiB, splitting what it was part of; ERR_BUSY: it is mapped by smaller ones. Frees no table, so a
 * CPU may walk meanwhile; flush before the page is given to somebody else.
 */
MUST_CHECK int nested_clear(struct nested_root *root, gpa_t gpa, u64 page_bytes);
/* Changes the access of what is mapped in the range; splits at the edges. Flush when something was taken away. */
MUST_CHECK int nested_protect(struct nested_root *root, gpa_t gpa, u64 size_bytes, unsigned access);
/* Breaks the page around gpa down to page_bytes (4 KiB or 2 MiB); nothing to do is OK. Flush. */
MUST_CHECK int nested_split(struct nested_root *root, gpa_t gpa, u64 page_bytes);
/*
 * Joins the 512 entries below the 2 MiB or 1 GiB page around gpa when they are all present, contiguous and alike.
 * True: done (flush). The freed table goes back at once: the caller has stopped or flushed the vCPUs.
 */
bool nested_merge(struct nested_root *root, gpa_t gpa, u64 page_bytes);
bool nested_lookup(const struct nested_root *root, gpa_t gpa, struct nested_leaf *leaf);
/*
 * Harvests the dirty bits of the 4 KiB and larger pages in the range: report(context, gpa, size) per dirty page; clears
 * them. Flush afterwards, before the harvest is relied on.
 */
void nested_collect_dirty(struct nested_root *root, gpa_t gpa, u64 size_bytes,
			  void (*report)(void *context, gpa_t gpa, u64 size_bytes), void *context);
/* Each level's entry on the way to gpa, for the shell's npt-walk: entries[0] is the root's. Returns how many. */
unsigned nested_walk_entries(const struct nested_root *root, gpa_t gpa, u64 entries[4]);

#endif

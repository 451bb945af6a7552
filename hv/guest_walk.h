/* SPDX-License-Identifier: MIT */
/*
 * Guest-virtual to guest-physical addresses by the guest's own page tables, in every paging mode, with the checks and
 * the error codes of the CPU. Pure: memory comes through callbacks, so that one walker serves the emulator, the prompt's
 * gva-walk, and the fast exit path (whose callbacks do not fault but say ERR_AGAIN).
 *
 * Canonical addresses and segments are the caller's matter. Shadow stacks and supervisor protection keys are not offered
 * to guests, so they are not here. Source: SDM vol. 3, "Paging" (chapter 4); APM vol. 2, "Page Translation" (chapter 5).
 */
#ifndef HV_GUEST_WALK_H
#define HV_GUEST_WALK_H

#include "hv/lib/error.h"
#include "hv/lib/types.h"

/* The guest's registers that decide a walk. */
struct guest_paging {
	u64 cr0, cr3, cr4, efer;
	u64 rflags;          /* AC, for SMAP */
	u32 pkru;
	u8 physical_bits;    /* as the guest's CPUID says: higher bits of entries are reserved */
	bool gib_pages;      /* likewise */
	const u64 *pdptes;   /* PAE: the four that the CPU has loaded (VMX); NULL: from memory at each walk (SVM) */
};

enum guest_access { /* the first ones as in the error code of #PF */
	GUEST_READ = 0, GUEST_WRITE = 2, GUEST_USER = 4, GUEST_FETCH = 16,
	GUEST_IMPLICIT = 0x100, /* by the CPU itself (descriptor tables): supervisor whatever CPL is, SMAP whatever AC is */
};

enum page_fault_code { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8, PF_FETCH = 16, PF_KEY = 32 };

/*
 * Any error of read but ERR_AGAIN makes the entry all ones, as a bus that nobody answers. set_bits changes an entry from
 * `old` to `old | bits` atomically: OK, ERR_BUSY when it is not `old` any more, or ERR_AGAIN. Without set_bits the
 * accessed and dirty bits stay (for those who only look).
 */
struct guest_walk_ops {
	int (*read)(void *context, gpa_t address, unsigned size_bytes, u64 *entry);
	int (*set_bits)(void *context, gpa_t address, unsigned size_bytes, u64 old, u64 bits);
};

#define GUEST_WALK_MAX_LEVELS 5
struct guest_walk_step { gpa_t address; u64 entry; u8 level; }; /* level 1 is the page table */

struct guest_walk {
	gpa_t gpa;
	u64 page_bytes;      /* what one translation covers: 4 KiB to 1 GiB; 4 GiB without paging */
	u32 error_code;      /* of #PF, when guest_walk returned ERR_FAULT */
	bool writable, user, no_execute; /* all levels together */
	bool dirty;          /* the leaf's D bit, as it is after the walk */
	u8 step_count;       /* what was read, top level first, also when the walk failed */
	struct guest_walk_step steps[GUEST_WALK_MAX_LEVELS];
};

/*
 * OK: walk->gpa. ERR_FAULT: #PF with walk->error_code. ERR_AGAIN: a callback said so, or the tables change under us
 * faster than we read them: enter the guest again. At most 5 entries are read, a handful of times.
 */
MUST_CHECK int guest_walk(const struct guest_paging *paging, const struct guest_walk_ops *ops, void *context, u64 linear,
			  unsigned access, struct guest_walk *walk);

/* The mode's name for people: "none", "32-bit", "PAE", "4-level", "5-level". */
const char *guest_paging_name(const struct guest_paging *paging);
/* How many bits a linear address has there: 32, 48 or 57. */
unsigned guest_linear_bits(const struct guest_paging *paging);

#endif

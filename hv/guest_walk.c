/* SPDX-License-Identifier: MIT */
/*
 * The walker: one loop for all formats, whose differences stand in a row of a table. It reads each entry once, checks
 * reserved bits, gathers permissions, then decides as the CPU does, and sets accessed and dirty bits last.
 */
#include "hv/guest_walk.h"

#define CR0_WP BIT64(16)
#define CR0_PG BIT64(31)
#define CR4_PSE BIT64(4)
#define CR4_PAE BIT64(5)
#define CR4_LA57 BIT64(12)
#define CR4_SMEP BIT64(20)
#define CR4_SMAP BIT64(21)
#define CR4_PKE BIT64(22)
#define EFER_LMA BIT64(10)
#define EFER_NXE BIT64(11)
#define RFLAGS_AC BIT64(18)

#define PTE_PRESENT BIT64(0)
#define PTE_WRITABLE BIT64(1)
#define PTE_USER BIT64(2)
#define PTE_ACCESSED BIT64(5)
#define PTE_DIRTY BIT64(6)
#define PTE_LARGE BIT64(7)
#define PTE_NX BIT64(63)

/* How often a walk starts again because another vCPU changed an entry while its accessed bit was being set. */
#define RESTARTS 4

struct format {
	const char *name;
	u8 levels, entry_bytes, index_bits, linear_bits;
	bool keys;
};

static const struct format format_none = { "none", 0, 0, 0, 32, false };
static const struct format format_32 = { "32-bit", 2, 4, 10, 32, false };
static const struct format format_pae = { "PAE", 3, 8, 9, 32, false };
static const struct format format_4_level = { "4-level", 4, 8, 9, 48, true };
static const struct format format_5_level = { "5-level", 5, 8, 9, 57, true };

static const struct format *format_of(const struct guest_paging *paging)
{
	if (!(paging->cr0 & CR0_PG))
		return &format_none;
	if (paging->efer & EFER_LMA)
		return paging->cr4 & CR4_LA57 ? &format_5_level : &format_4_level;
	return paging->cr4 & CR4_PAE ? &format_pae : &format_32;
}

const char *guest_paging_name(const struct guest_paging *paging)
{
	return format_of(paging)->name;
}

unsigned guest_linear_bits(const struct guest_paging *paging)
{
	return format_of(paging)->linear_bits;
}

static inline unsigned level_shift(const struct format *format, unsigned level)
{
	return PAGE_SHIFT + (level - 1) * format->index_bits;
}

static inline bool is_pdpte(const struct format *format, unsigned level)
{
	return format == &format_pae && level == 3;
}

/* Does this present entry map a page itself? */
static bool is_leaf(const struct guest_paging *paging, const struct format *format, unsigned level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_LARGE))
		return false;
	if (format == &format_32)
		return paging->cr4 & CR4_PSE;
	return level == 2 || (level == 3 && format->keys && paging->gib_pages);
}

/* Bits that must be zero in a present entry: SDM vol. 3, tables "Formats of CR3 and Paging-Structure Entries". */
static u64 reserved_bits(const struct guest_paging *paging, const struct format *format, unsigned level, bool leaf)
{
	unsigned physical = MIN(MAX(paging->physical_bits, 32u), 52u);
	u64 reserved;

	if (format == &format_32) { /* PSE-36: bits 20 to 13 of a 4 MiB entry are address bits 39 to 32 */
		if (level == 1 || !leaf)
			return 0;
		return physical >= 40 ? BIT64(21) : MASK64(21, physical - 19);
	}
	reserved = physical < 52 ? MASK64(51, physical) : 0;
	if (!format->keys)
		reserved |= MASK64(62, 52);
	if (!(paging->efer & EFER_NXE))
		reserved |= PTE_NX;
	if (is_pdpte(format, level))
		return MASK64(63, physical) | MASK64(8, 5) | MASK64(2, 1);
	if (leaf && level > 1)
		return reserved | MASK64(level_shift(format, level) - 1, 13);
	if (!leaf && level > 2) /* PML5E, PML4E; PDPTE on CPUs without 1 GiB pages */
		reserved |= PTE_LARGE;
	return reserved;
}

static u64 entry_address(const struct format *format, u64 entry)
{
	return format == &format_32 ? entry & MASK64(31, 12) : entry & MASK64(51, 12);
}

static u64 leaf_address(const struct format *format, unsigned level, u64 entry, u64 linear)
{
	u64 offset_mask = BIT64(level_shift(format, level)) - 1;
	u64 frame = entry_address(format, entry) & ~offset_mask;

	if (format == &format_32 && level == 2)
		frame |= (entry & MASK64(20, 13)) << 19;
	return frame | (linear & offset_mask);
}

static int fault(const struct guest_paging *paging, const struct format *format, struct guest_walk *walk, unsigned access,
		 u32 why)
{
	u32 code = why | (access & (PF_WRITE | PF_USER));
	bool nx = paging->efer & EFER_NXE && format != &format_32;

	if (access & GUEST_FETCH && (nx || paging->cr4 & CR4_SMEP))
		code |= PF_FETCH;
	walk->error_code = code;
	return ERR_FAULT;
}

/* SDM vol. 3, "Determination of Access Rights". Returns 0 or the error code's cause. */
static u32 denied(const struct guest_paging *paging, const struct format *format, const struct guest_walk *walk,
		  unsigned access, u64 leaf)
{
	bool write = access & GUEST_WRITE, fetch = access & GUEST_FETCH;
	bool write_protect = paging->cr0 & CR0_WP;

	if (access & GUEST_USER) {
		if (!walk->user || (write && !walk->writable))
			return PF_PRESENT;
	} else {
		if (write && write_protect && !walk->writable)
			return PF_PRESENT;
		if (walk->user && fetch && paging->cr4 & CR4_SMEP)
			return PF_PRESENT;
		if (walk->user && !fetch && paging->cr4 & CR4_SMAP &&
		    (access & GUEST_IMPLICIT || !(paging->rflags & RFLAGS_AC)))
			return PF_PRESENT;
	}
	if (fetch)
		return walk->no_execute ? PF_PRESENT : 0;
	if (walk->user && format->keys && paging->cr4 & CR4_PKE) {
		unsigned rights = paging->pkru >> (2 * (leaf >> 59 & 15)) & 3; /* bit 0: no access, bit 1: no writes */

		if (rights & 1 || (rights & 2 && write && (access & GUEST_USER || write_protect)))
			return PF_PRESENT | PF_KEY;
	}
	return 0;
}

static int set_accessed_dirty(const struct format *format, const struct guest_walk_ops *ops, void *context,
			      unsigned access, struct guest_walk *walk)
{
	for (unsigned i = 0; i < walk->step_count; i++) {
		struct guest_walk_step *step = &walk->steps[i];
		u64 bits = PTE_ACCESSED;
		int result;

		if (is_pdpte(format, step->level))
			continue;
		if (i == walk->step_count - 1u && access & GUEST_WRITE)
			bits |= PTE_DIRTY;
		if (LIKELY((step->entry & bits) == bits))
			continue;
		result = ops->set_bits(context, step->address, format->entry_bytes, step->entry, bits);
		if (result != OK)
			return result;
		step->entry |= bits;
	}
	return OK;
}

static int read_entry(const struct guest_paging *paging, const struct format *format, const struct guest_walk_ops *ops,
		      void *context, struct guest_walk_step *step)
{
	u64 entry = 0;
	int result;

	if (is_pdpte(format, step->level) && paging->pdptes) {
		step->entry = paging->pdptes[step->address.value >> 3 & 3];
		return OK;
	}
	result = ops->read(context, step->address, format->entry_bytes, &entry);
	if (result == ERR_AGAIN)
		return result;
	step->entry = result == OK ? entry : ~(u64)0;
	if (format->entry_bytes == 4)
		step->entry &= MASK64(31, 0);
	return OK;
}

static u64 table_root(const struct guest_paging *paging, const struct format *format)
{
	if (format == &format_32)
		return paging->cr3 & MASK64(31, 12);
	return format == &format_pae ? paging->cr3 & MASK64(31, 5) : paging->cr3 & MASK64(51, 12);
}

static int walk_once(const struct guest_paging *paging, const struct format *format, const struct guest_walk_ops *ops,
		     void *context, u64 linear, unsigned access, struct guest_walk *walk)
{
	u64 table = table_root(paging, format);

	walk->writable = walk->user = true;
	walk->no_execute = false;
	walk->step_count = 0;
	for (unsigned level = format->levels;; level--) {
		struct guest_walk_step *step = &walk->steps[walk->step_count++];
		u64 index = linear >> level_shift(format, level) & (BIT64(format->index_bits) - 1);
		int result;

		step->level = (u8)level;
		step->address = GPA(table + index * format->entry_bytes);
		result = read_entry(paging, format, ops, context, step);
		if (result != OK)
			return result;
		u64 entry = step->entry;
		if (!(entry & PTE_PRESENT))
			return fault(paging, format, walk, access, 0);
		bool leaf = is_leaf(paging, format, level, entry);
		if (UNLIKELY(entry & reserved_bits(paging, format, level, leaf)))
			return fault(paging, format, walk, access, PF_PRESENT | PF_RESERVED);
		if (!is_pdpte(format, level)) {
			walk->writable = walk->writable && entry & PTE_WRITABLE;
			walk->user = walk->user && entry & PTE_USER;
			walk->no_execute = walk->no_execute || (format->entry_bytes == 8 && entry & PTE_NX);
		}
		if (!leaf) {
			table = entry_address(format, entry);
			continue;
		}
		u32 why = denied(paging, format, walk, access, entry);
		if (why)
			return fault(paging, format, walk, access, why);
		if (ops->set_bits) {
			result = set_accessed_dirty(format, ops, context, access, walk);
			if (result != OK)
				return result;
		}
		walk->dirty = step->entry & PTE_DIRTY;
		walk->page_bytes = BIT64(level_shift(format, level));
		walk->gpa = GPA(leaf_address(format, level, entry, linear));
		return OK;
	}
}

int guest_walk(const struct guest_paging *paging, const struct guest_walk_ops *ops, void *context, u64 linear,
	       unsigned access, struct guest_walk *walk)
{
	const struct format *format = format_of(paging);

	walk->error_code = 0;
	if (access & GUEST_IMPLICIT)
		access &= ~(unsigned)GUEST_USER;
	if (format->levels == 0) {
		walk->gpa = GPA(linear & MASK64(31, 0));
		walk->page_bytes = 4 * GIB;
		walk->writable = walk->user = walk->dirty = true;
		walk->no_execute = false;
		walk->step_count = 0;
		return OK;
	}
	if (format->linear_bits == 32)
		linear &= MASK64(31, 0);
	for (unsigned i = 0; i < RESTARTS; i++) {
		int result = walk_once(paging, format, ops, context, linear, access, walk);

		if (result != ERR_BUSY)
			return result;
	}
	return ERR_AGAIN;
}

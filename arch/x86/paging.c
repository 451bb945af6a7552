/* SPDX-License-Identifier: MIT */
/*
 * Four-level page tables of the host. SDM vol. 3, "Paging" (4); memory types by the PAT (12.12).
 *
 *   63  62..52  51..12   11..9  8 7   6 5 4   3   2 1 0
 *   NX   –      address    –    G PS  D A PCD PWT U W P       PAT: bit 7 of a 4 KiB entry, bit 12 of a larger one
 */
#include "arch/x86/paging.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define PTE_PRESENT BIT64(0)
#define PTE_WRITE BIT64(1)
#define PTE_PWT BIT64(3)
#define PTE_PCD BIT64(4)
#define PTE_ACCESSED BIT64(5)
#define PTE_DIRTY BIT64(6)
#define PTE_LARGE BIT64(7)
#define PTE_PAT_SMALL BIT64(7)
#define PTE_PAT_LARGE BIT64(12)
#define PTE_GLOBAL BIT64(8)
#define PTE_NX BIT64(63)
#define PTE_ADDRESS MASK64(51, 12)

/* Power-on values, except entry 4: write-combining, chosen by the PAT bit alone. */
#define PAT_VALUE 0x0007040100070406ull

static u64 kernel_root[512] ALIGNED(4096);
static u64 image_physical_offset;  /* (c) physical - virtual of the image, modulo 2^64 */
static u64 table_window;           /* physical address + this = where we see a table */
static u64 (*allocate)(void);
static bool has_1g;

void paging_set_allocator(u64 (*allocate_table)(void))
{
	allocate = allocate_table;
}

static u64 *table_at(u64 entry)
{
	return (u64 *)((entry & PTE_ADDRESS) + table_window);
}

u64 paging_root(void)
{
	return (u64)kernel_root + image_physical_offset;
}

void paging_enable_features(void)
{
	struct cpuid_result leaf7 = cpuid_if_present(7, 0);
	u64 cr4 = read_cr4() | CR4_PGE | CR4_DE | CR4_MCE;

	/* The tables of the front door say where the image lies. */
	if (image_physical_offset == 0) {
		u64 *table = (u64 *)(read_cr3() & PTE_ADDRESS);

		table = (u64 *)(table[511] & PTE_ADDRESS);
		table = (u64 *)(table[510] & PTE_ADDRESS);
		image_physical_offset = (table[0] & MASK64(51, 21)) - IMAGE_BASE;
		has_1g = cpuid_if_present(0x80000001u, 0).edx & CPUID_EXT1_EDX_PAGE1GB;
	}
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	wrmsr(MSR_IA32_PAT, PAT_VALUE);
	write_cr0((read_cr0() | CR0_WP | CR0_NE | CR0_MP) & ~(CR0_EM | CR0_TS | CR0_CD | CR0_NW));
	if (leaf7.ecx & CPUID_7_ECX_UMIP)
		cr4 |= CR4_UMIP;
	if (leaf7.ebx & CPUID_7_EBX_SMEP)
		cr4 |= CR4_SMEP;
	if (leaf7.ebx & CPUID_7_EBX_SMAP)
		cr4 |= CR4_SMAP;
	write_cr4(cr4 & ~CR4_PCIDE);
}

static u64 leaf_bits(unsigned flags, bool large)
{
	u64 bits = PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL;

	if (flags & PAGING_WRITE)
		bits |= PTE_WRITE;
	if (!(flags & PAGING_EXECUTE))
		bits |= PTE_NX;
	if (flags & PAGING_UNCACHED)
		bits |= PTE_PCD | PTE_PWT;
	if (flags & PAGING_WRITE_COMBINING)
		bits |= large ? PTE_PAT_LARGE : PTE_PAT_SMALL;
	return large ? bits | PTE_LARGE : bits;
}

/* The largest page that fits; its log2. */
static unsigned choose_shift(u64 virtual, u64 physical, u64 left, unsigned flags)
{
	u64 both = virtual | physical;

	if (flags & PAGING_SMALL)
		return 12;
	if (has_1g && IS_ALIGNED(both, GIB) && left >= GIB)
		return 30;
	return IS_ALIGNED(both, 2 * MIB) && left >= 2 * MIB ? 21 : 12;
}

static u64 *entry_for(u64 *root, u64 virtual, unsigned shift)
{
	u64 *table = root;

	for (unsigned level = 39; level > shift; level -= 9) {
		u64 *entry = &table[virtual >> level & 511];

		if (!(*entry & PTE_PRESENT)) {
			u64 page = allocate();

			if (page == 0)
				return NULL;
			memset((void *)(page + table_window), 0, PAGE_SIZE);
			*entry = page | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
		}
		BUG_ON(level < 39 && (*entry & PTE_LARGE));
		table = table_at(*entry);
	}
	return &table[virtual >> shift & 511];
}

int paging_map_in(u64 *root, u64 virtual, u64 physical, u64 size_bytes, unsigned flags)
{
	BUG_ON(!IS_ALIGNED(virtual | physical | size_bytes, PAGE_SIZE));
	while (size_bytes) {
		unsigned shift = choose_shift(virtual, physical, size_bytes, flags);
		u64 *entry = entry_for(root, virtual, shift);

		if (!entry)
			return ERR_NO_MEMORY;
		BUG_ON(*entry & PTE_PRESENT);
		*entry = physical | leaf_bits(flags, shift > 12);
		virtual += BIT64(shift);
		physical += BIT64(shift);
		size_bytes -= BIT64(shift);
	}
	return OK;
}

int paging_map(u64 virtual, u64 physical, u64 size_bytes, unsigned flags)
{
	return paging_map_in(kernel_root, virtual, physical, size_bytes, flags);
}

void paging_unmap(u64 virtual, u64 size_bytes)
{
	for (; size_bytes; virtual += PAGE_SIZE, size_bytes -= PAGE_SIZE) {
		u64 *entry = entry_for(kernel_root, virtual, 12);

		BUG_ON(!entry);
		*entry = 0;
	}
}

void paging_flush_all(void)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
}

void paging_load(void)
{
	write_cr3(paging_root());
	paging_flush_all(); /* also entries that the tables before made global */
}

void paging_switch(void)
{
	paging_load();
	table_window = DIRECT_MAP_BASE;
}

bool paging_is_mapped(u64 virtual)
{
	const u64 *table = table_at(read_cr3());

	if (virtual + BIT64(47) >= BIT64(48))
		return false;
	for (unsigned level = 39;; level -= 9) {
		u64 entry = table[virtual >> level & 511];

		if (!(entry & PTE_PRESENT))
			return false;
		if (level == 12 || (level < 39 && (entry & PTE_LARGE)))
			return true;
		table = table_at(entry);
	}
}

void paging_share_upper_half(u64 *top_level)
{
	memset(top_level, 0, PAGE_SIZE / 2);
	memcpy(top_level + 256, kernel_root + 256, PAGE_SIZE / 2);
}

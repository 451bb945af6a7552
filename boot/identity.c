/* SPDX-License-Identifier: MIT */
/*
 * Identity-mapping page tables, used from the end of the firmware's life until start.S has its own.
 *
 * The firmware's tables lie in memory that the map calls free, so they may not be used any longer.
 * AMD APM vol. 2, "Long-Mode Page Translation" (5.3). Next to read: enter.S.
 */
#include "boot/identity.h"
#include "boot/text.h"

#define ENTRIES 512ull
#define PRESENT_WRITE 0x3ull
#define LARGE 0x80ull
#define PML4_SPAN (ENTRIES * GIB_BYTES)

static uint64_t round_up_div(uint64_t n, uint64_t d)
{
	return n / d + (n % d != 0);
}

uint64_t identity_table_pages(uint64_t end, bool gib_pages)
{
	return 1 + round_up_div(end, PML4_SPAN) + (gib_pages ? 0 : round_up_div(end, GIB_BYTES));
}

void identity_build(uint64_t *tables, uint64_t end, bool gib_pages)
{
	uint64_t *pml4 = tables;
	uint64_t *next = tables + ENTRIES;
	uint64_t *pdpt = NULL;
	uint64_t gib, i;

	for (gib = 0; gib * GIB_BYTES < end; gib++) {
		if (gib % ENTRIES == 0) {
			pdpt = next;
			next += ENTRIES;
			pml4[gib / ENTRIES] = (uint64_t)(uintptr_t)pdpt | PRESENT_WRITE;
		}
		if (gib_pages) {
			pdpt[gib % ENTRIES] = gib * GIB_BYTES | PRESENT_WRITE | LARGE;
			continue;
		}
		pdpt[gib % ENTRIES] = (uint64_t)(uintptr_t)next | PRESENT_WRITE;
		for (i = 0; i < ENTRIES; i++)
			next[i] = (gib * GIB_BYTES + i * LARGE_PAGE_BYTES) | PRESENT_WRITE | LARGE;
		next += ENTRIES;
	}
}

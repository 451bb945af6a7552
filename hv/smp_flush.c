/* SPDX-License-Identifier: MIT */
/*
 * TLB shoot-down for the host's own page tables. One call for a whole range, and every CPU does it: the host's tables are one
 * for all, so there is no saying who has an entry. Guests' translations are flushed per vCPU (VCPU_REQUEST_TLB_FLUSH).
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "arch/x86/paging.h"
#include "hv/smp.h"

#define SINGLE_PAGES_MAX 32u /* beyond, the whole TLB goes */

struct range {
	u64 virtual, size_bytes;
};

static void flush_here(void *argument)
{
	const struct range *range = argument;

	if (range->size_bytes > SINGLE_PAGES_MAX * PAGE_SIZE) {
		paging_flush_all();
		return;
	}
	for (u64 offset = 0; offset < range->size_bytes; offset += PAGE_SIZE)
		invlpg(range->virtual + offset);
}

void smp_flush_tlb(u64 virtual, u64 size_bytes)
{
	struct range range = { virtual, size_bytes };
	struct cpu_mask all = CPU_MASK_ALL;

	cpu_call_mask(&all, flush_here, &range);
}

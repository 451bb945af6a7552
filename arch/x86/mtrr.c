/* SPDX-License-Identifier: MIT */
/* Reading, comparing and copying MTRRs. */
#include "arch/x86/mtrr.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "hv/lib/string.h"

#define CPUID_1_EDX_MTRR BIT32(12)
#define MTRRCAP_VCNT 0xffu
#define MTRRCAP_FIX BIT64(8)
#define DEF_TYPE_ENABLE BIT64(11)
#define MSR_VARIABLE_FIRST 0x200u

static const u32 fixed_msrs[] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f };

void mtrr_read(struct mtrr_state *state)
{
	u64 capabilities;

	memset(state, 0, sizeof(*state));
	state->present = cpuid(1, 0).edx & CPUID_1_EDX_MTRR;
	if (!state->present)
		return;
	capabilities = rdmsr(MSR_IA32_MTRRCAP);
	state->variable_count = MIN((u32)(capabilities & MTRRCAP_VCNT), (u32)MTRR_VARIABLE_MAX);
	state->has_fixed = capabilities & MTRRCAP_FIX;
	state->def_type = rdmsr(MSR_IA32_MTRR_DEF_TYPE);
	for (unsigned i = 0; state->has_fixed && i < ARRAY_SIZE(fixed_msrs); i++)
		state->fixed[i] = rdmsr(fixed_msrs[i]);
	for (u32 i = 0; i < 2 * state->variable_count; i++)
		state->variable[i] = rdmsr(MSR_VARIABLE_FIRST + i);
}

bool mtrr_same(const struct mtrr_state *a, const struct mtrr_state *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The manual's order: no-fill caches, emptied; MTRRs off; the values; MTRRs on; caches back. */
void mtrr_write(const struct mtrr_state *state)
{
	u64 cr0 = read_cr0(), cr4 = read_cr4();

	if (!state->present)
		return;
	write_cr0((cr0 | CR0_CD) & ~CR0_NW);
	__asm__ volatile("wbinvd" ::: "memory");
	write_cr4(cr4 & ~CR4_PGE);
	write_cr3(read_cr3());
	wrmsr(MSR_IA32_MTRR_DEF_TYPE, state->def_type & ~DEF_TYPE_ENABLE);
	for (unsigned i = 0; state->has_fixed && i < ARRAY_SIZE(fixed_msrs); i++)
		wrmsr(fixed_msrs[i], state->fixed[i]);
	for (u32 i = 0; i < 2 * state->variable_count; i++)
		wrmsr(MSR_VARIABLE_FIRST + i, state->variable[i]);
	wrmsr(MSR_IA32_MTRR_DEF_TYPE, state->def_type);
	__asm__ volatile("wbinvd" ::: "memory");
	write_cr3(read_cr3());
	write_cr0(cr0);
	write_cr4(cr4);
}

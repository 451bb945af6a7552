/* SPDX-License-Identifier: MIT */
/* MSR accesses that may fault: the #GP handler resumes at the fixup address (arch/x86/trap.h). */
#include "arch/x86/msr.h"
#include "arch/x86/trap.h"
#include "hv/lib/error.h"

int rdmsr_safe(u32 msr, u64 *value)
{
	u32 low = 0, high = 0;
	int failed = 0;

	__asm__ volatile("1: rdmsr\n2:\n" TRAP_FIXUP("1b", "2b", "%k2")
			 : "=a"(low), "=d"(high), "+r"(failed)
			 : "c"(msr)
			 : "memory");
	if (failed)
		return ERR_UNSUPPORTED;
	*value = (u64)high << 32 | low;
	return OK;
}

int wrmsr_safe(u32 msr, u64 value)
{
	int failed = 0;

	__asm__ volatile("1: wrmsr\n2:\n" TRAP_FIXUP("1b", "2b", "%k0")
			 : "+r"(failed)
			 : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32))
			 : "memory");
	return failed ? ERR_UNSUPPORTED : OK;
}

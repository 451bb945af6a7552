/* SPDX-License-Identifier: MIT */
/*
 * Vector state. The hypervisor itself uses general registers only; what the vector registers hold belongs to the running
 * thread (a vCPU's guest state), which saves and loads it by its switch hooks (hv/thread.h). Host code that wants vectors
 * runs between fpu_begin and fpu_end (hv/fpu_section.c).
 */
#ifndef ARCH_X86_FPU_H
#define ARCH_X86_FPU_H

#include "hv/lib/types.h"

#define XCR0_X87 BIT64(0)
#define XCR0_SSE BIT64(1)
#define XCR0_AVX BIT64(2)

/* Each CPU: CR4.OSFXSR, OSXSAVE, XCR0 = all that this CPU has and we know to be harmless. */
void fpu_enable_cpu(void);
bool fpu_has_xsave(void);
u64 fpu_supported_xcr0(void);          /* bits that a guest may set; XCR0_X87 | XCR0_SSE without XSAVE */
u32 fpu_area_bytes(u64 xcr0);          /* size of a save area for these components (at least 512); align it to 64 */
/* Power-on state in the standard format. */
void fpu_area_reset(void *area, u32 size_bytes);
void fpu_save(void *area, u64 components);    /* XSAVE (or FXSAVE); XCR0 must include the components */
void fpu_load(const void *area, u64 components);

static inline u64 xgetbv(u32 index)
{
	u32 low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index) : "memory");
	return (u64)high << 32 | low;
}
static inline void xsetbv(u32 index, u64 value)
{
	__asm__ volatile("xsetbv" ::"c"(index), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

#endif

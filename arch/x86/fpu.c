/* SPDX-License-Identifier: MIT */
/* XSAVE and its set-up. SDM vol. 1, "Managing State Using the XSAVE Feature Set" (13). */
#include "arch/x86/fpu.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "hv/lib/string.h"

/* x87, SSE, AVX, AVX-512 (three), PKRU. Not MPX; not AMX, whose 8 KiB would be in every switch. */
#define XCR0_KNOWN (MASK64(2, 0) | MASK64(7, 5) | BIT64(9))
#define LEGACY_BYTES 512u
#define HEADER_END 576u
#define FCW_RESET 0x037f
#define MXCSR_RESET 0x1f80

static u64 supported; /* (c) 0: no XSAVE */

void fpu_enable_cpu(void)
{
	u64 cr4 = read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE)) {
		write_cr4(cr4);
		return;
	}
	write_cr4(cr4 | CR4_OSXSAVE);
	if (supported == 0) {
		struct cpuid_result leaf = cpuid(0xd, 0);

		supported = ((u64)leaf.edx << 32 | leaf.eax) & XCR0_KNOWN;
		if ((supported & MASK64(7, 5)) != MASK64(7, 5))
			supported &= ~MASK64(7, 5); /* AVX-512's three come together */
	}
	xsetbv(0, supported);
}

bool fpu_has_xsave(void)
{
	return supported != 0;
}

u64 fpu_supported_xcr0(void)
{
	return supported ? supported : XCR0_X87 | XCR0_SSE;
}

u32 fpu_area_bytes(u64 xcr0)
{
	u32 size = HEADER_END;

	if (!supported)
		return LEGACY_BYTES;
	for (u32 i = 2; i < 63; i++) {
		if (xcr0 & BIT64(i)) {
			struct cpuid_result component = cpuid(0xd, i);

			size = MAX(size, component.ebx + component.eax);
		}
	}
	return ALIGN_UP(size, 64u);
}

void fpu_area_reset(void *area, u32 size_bytes)
{
	u8 *bytes = area;
	u16 fcw = FCW_RESET;
	u32 mxcsr = MXCSR_RESET;

	memset(area, 0, size_bytes);
	memcpy(bytes, &fcw, sizeof(fcw));
	memcpy(bytes + 24, &mxcsr, sizeof(mxcsr));
}

void fpu_save(void *area, u64 components)
{
	if (supported)
		__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"((u32)components), "d"((u32)(components >> 32)) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

void fpu_load(const void *area, u64 components)
{
	if (supported)
		__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"((u32)components), "d"((u32)(components >> 32)) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

/* SPDX-License-Identifier: MIT */
/* The CPUID instruction and the feature bits that the host asks for, by the manuals' names. */
#ifndef ARCH_X86_CPUID_H
#define ARCH_X86_CPUID_H

#include "hv/lib/types.h"

struct cpuid_result {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_result r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

/* Leaf 1 */
#define CPUID_1_ECX_MONITOR BIT32(3)
#define CPUID_1_ECX_VMX BIT32(5)
#define CPUID_1_ECX_PCID BIT32(17)
#define CPUID_1_ECX_X2APIC BIT32(21)
#define CPUID_1_ECX_TSC_DEADLINE BIT32(24)
#define CPUID_1_ECX_XSAVE BIT32(26)
#define CPUID_1_ECX_OSXSAVE BIT32(27)
#define CPUID_1_ECX_AVX BIT32(28)
#define CPUID_1_ECX_RDRAND BIT32(30)
#define CPUID_1_ECX_HYPERVISOR BIT32(31)
#define CPUID_1_EDX_MCE BIT32(7)
#define CPUID_1_EDX_APIC BIT32(9)
#define CPUID_1_EDX_PAT BIT32(16)
#define CPUID_1_EDX_FXSR BIT32(24)
/* Leaf 6 */
#define CPUID_6_EAX_ARAT BIT32(2)
/* Leaf 7, subleaf 0 */
#define CPUID_7_EBX_SMEP BIT32(7)
#define CPUID_7_EBX_ERMS BIT32(9)
#define CPUID_7_EBX_INVPCID BIT32(10)
#define CPUID_7_EBX_RDSEED BIT32(18)
#define CPUID_7_EBX_SMAP BIT32(20)
#define CPUID_7_ECX_UMIP BIT32(2)
#define CPUID_7_ECX_LA57 BIT32(16)
/* Leaf 0xd, subleaf 1 */
#define CPUID_D_1_EAX_XSAVEOPT BIT32(0)
#define CPUID_D_1_EAX_XSAVEC BIT32(1)
#define CPUID_D_1_EAX_XSAVES BIT32(3)
/* Leaf 0x80000001 */
#define CPUID_EXT1_ECX_SVM BIT32(2)
#define CPUID_EXT1_EDX_NX BIT32(20)
#define CPUID_EXT1_EDX_PAGE1GB BIT32(26)
#define CPUID_EXT1_EDX_RDTSCP BIT32(27)
#define CPUID_EXT1_EDX_LM BIT32(29)
/* Leaf 0x80000007 */
#define CPUID_EXT7_EDX_INVARIANT_TSC BIT32(8)

/* A leaf's values, or all zero where the CPU has no such leaf. */
static inline struct cpuid_result cpuid_if_present(u32 leaf, u32 subleaf)
{
	struct cpuid_result none = { 0, 0, 0, 0 };
	u32 last = cpuid(leaf & 0xffff0000u, 0).eax;

	return leaf <= last && (last & 0xffff0000u) == (leaf & 0xffff0000u) ? cpuid(leaf, subleaf) : none;
}

#endif

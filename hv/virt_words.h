/* SPDX-License-Identifier: MIT */
/*
 * The CPU's own words about virtualisation, raw, for manage/host_validate.c to judge: so that the judge is pure and its
 * tests need no CPU. virt_words_read asks this CPU; nothing is changed on it. Words have the manuals' layouts.
 */
#ifndef HV_VIRT_WORDS_H
#define HV_VIRT_WORDS_H

#include "hv/lib/types.h"

enum virt_word {
	WORD_CPUID_1_ECX,        /* bit 5 VMX, 21 x2APIC, 24 TSC-deadline, 31 under a hypervisor */
	WORD_CPUID_EXT1_ECX,     /* leaf 8000_0001h: bit 2 SVM */
	WORD_CPUID_EXT1_EDX,     /* bit 20 NX, 26 1 GiB pages */
	WORD_CPUID_EXT7_EDX,     /* leaf 8000_0007h: bit 8 invariant TSC */
	WORD_SVM_EBX,            /* leaf 8000_000Ah: number of ASIDs */
	WORD_SVM_EDX,            /* … feature bits */
	WORD_VM_CR,              /* MSR C001_0114h: bit 3 LOCK, bit 4 SVMDIS */
	WORD_FEATURE_CONTROL,    /* IA32_FEATURE_CONTROL: bit 0 lock, bit 2 VMX outside SMX */
	WORD_VMX_BASIC,
	WORD_VMX_PIN,            /* capability words: high half = controls that may be 1 */
	WORD_VMX_PRIMARY,
	WORD_VMX_SECONDARY,
	WORD_VMX_EPT_VPID,       /* IA32_VMX_EPT_VPID_CAP */
	WORD_COUNT,
};

enum cpu_vendor { CPU_VENDOR_OTHER = 0, CPU_VENDOR_AMD = 1, CPU_VENDOR_INTEL = 2 }; /* and their licensees */

struct virt_words {
	enum cpu_vendor vendor;
	u64 word[WORD_COUNT];
	u32 known; /* a bit for each word that could be read; the others are 0 */
};

void virt_words_read(struct virt_words *words); /* any CPU, thread or boot context */
/* By the 12 bytes of CPUID leaf 0. */
enum cpu_vendor cpu_vendor_of(const char vendor[12]);

#endif

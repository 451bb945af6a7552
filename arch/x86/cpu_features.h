/* SPDX-License-Identifier: MIT */
/*
 * What a CPU says that it can do, as far as it matters that all CPUs can do the same: a thread, and a guest, may run on any
 * of them. Bits that show a CPU's present state or place (APIC id, OSXSAVE, OSPKE, hybrid) are left out.
 */
#ifndef ARCH_X86_CPU_FEATURES_H
#define ARCH_X86_CPU_FEATURES_H

#include "arch/x86/cpuid.h"

#define CPU_FEATURE_WORDS 12

struct cpu_features {
	u32 words[CPU_FEATURE_WORDS];
};

typedef struct cpuid_result (*cpuid_reader)(u32 leaf, u32 subleaf); /* cpuid_if_present, or a test's table */

void cpu_features_read(struct cpu_features *features, cpuid_reader read);
/*
 * What `theirs` lacks of `ours`, into words for the person ("CPUID 7 EBX lacks bits 00000020"; the first such word, and how
 * many there are). False: nothing. What they have beyond is not used, and no matter.
 */
bool cpu_features_lack(const struct cpu_features *ours, const struct cpu_features *theirs, char *words, size_t size_bytes);

#endif

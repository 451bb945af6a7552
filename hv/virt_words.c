/* SPDX-License-Identifier: MIT */
/* Reads what virt_words.h names from this CPU. An MSR that the CPU has not is left out, without a fault. */
#include "hv/virt_words.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define MSR_VM_CR 0xc0010114u
#define MSR_IA32_VMX_BASIC 0x480u
#define MSR_IA32_VMX_PINBASED_CTLS 0x481u
#define MSR_IA32_VMX_PROCBASED_CTLS 0x482u
#define MSR_IA32_VMX_PROCBASED_CTLS2 0x48bu
#define MSR_IA32_VMX_EPT_VPID_CAP 0x48cu
#define VMX_BASIC_TRUE_CONTROLS BIT64(55)
#define MSR_TRUE_CONTROLS_DISTANCE 0xcu /* 48Dh for 481h, 48Eh for 482h */

enum cpu_vendor cpu_vendor_of(const char vendor[12])
{
	static const struct { char name[12]; enum cpu_vendor vendor; } rows[] = {
		{ "AuthenticAMD", CPU_VENDOR_AMD }, { "HygonGenuine", CPU_VENDOR_AMD },
		{ "GenuineIntel", CPU_VENDOR_INTEL }, { "CentaurHauls", CPU_VENDOR_INTEL }, { "  Shanghai  ", CPU_VENDOR_INTEL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (memcmp(vendor, rows[i].name, 12) == 0)
			return rows[i].vendor;
	return CPU_VENDOR_OTHER;
}

static void word_set(struct virt_words *words, enum virt_word which, u64 value)
{
	words->word[which] = value;
	words->known |= BIT32(which);
}

static void word_msr(struct virt_words *words, enum virt_word which, u32 msr)
{
	u64 value;

	if (rdmsr_safe(msr, &value) == OK)
		word_set(words, which, value);
}

static void vmx_read(struct virt_words *words)
{
	u32 distance;

	word_msr(words, WORD_FEATURE_CONTROL, MSR_IA32_FEATURE_CONTROL);
	word_msr(words, WORD_VMX_BASIC, MSR_IA32_VMX_BASIC);
	distance = words->word[WORD_VMX_BASIC] & VMX_BASIC_TRUE_CONTROLS ? MSR_TRUE_CONTROLS_DISTANCE : 0;
	word_msr(words, WORD_VMX_PIN, MSR_IA32_VMX_PINBASED_CTLS + distance);
	word_msr(words, WORD_VMX_PRIMARY, MSR_IA32_VMX_PROCBASED_CTLS + distance);
	if (words->word[WORD_VMX_PRIMARY] & BIT64(63)) /* secondary controls may be on, so their MSR is there */
		word_msr(words, WORD_VMX_SECONDARY, MSR_IA32_VMX_PROCBASED_CTLS2);
	if (words->word[WORD_VMX_SECONDARY] & (BIT64(33) | BIT64(37))) /* EPT or VPID */
		word_msr(words, WORD_VMX_EPT_VPID, MSR_IA32_VMX_EPT_VPID_CAP);
}

static void svm_read(struct virt_words *words)
{
	struct cpuid_result leaf = cpuid_if_present(0x8000000a, 0);

	word_set(words, WORD_SVM_EBX, leaf.ebx);
	word_set(words, WORD_SVM_EDX, leaf.edx);
	word_msr(words, WORD_VM_CR, MSR_VM_CR);
}

void virt_words_read(struct virt_words *words)
{
	struct cpuid_result leaf = cpuid(0, 0);
	u32 name[3] = { leaf.ebx, leaf.edx, leaf.ecx };
	char vendor[12];

	memset(words, 0, sizeof(*words));
	memcpy(vendor, name, sizeof(vendor));
	words->vendor = cpu_vendor_of(vendor);
	word_set(words, WORD_CPUID_1_ECX, cpuid(1, 0).ecx);
	leaf = cpuid_if_present(0x80000001, 0);
	word_set(words, WORD_CPUID_EXT1_ECX, leaf.ecx);
	word_set(words, WORD_CPUID_EXT1_EDX, leaf.edx);
	word_set(words, WORD_CPUID_EXT7_EDX, cpuid_if_present(0x80000007, 0).edx);
	if (words->word[WORD_CPUID_EXT1_ECX] & CPUID_EXT1_ECX_SVM)
		svm_read(words);
	if (words->word[WORD_CPUID_1_ECX] & CPUID_1_ECX_VMX)
		vmx_read(words);
}

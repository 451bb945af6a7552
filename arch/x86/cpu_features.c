/* SPDX-License-Identifier: MIT */
/* Comparing the feature words of two CPUs. Pure. SDM vol. 2A, "CPUID"; APM vol. 3, "Obtaining Processor Information". */
#include "arch/x86/cpu_features.h"
#include "hv/lib/format.h"

enum cpuid_register { EAX, EBX, ECX, EDX };

/* Which words, and which of their bits count. */
static const struct {
	u32 leaf, subleaf;
	u8 reg; /* enum cpuid_register */
	u32 ignored;
} words_of[CPU_FEATURE_WORDS] = {
	{ 1, 0, ECX, BIT32(27) },            /* OSXSAVE: a copy of CR4 */
	{ 1, 0, EDX, BIT32(9) },             /* APIC: off where the firmware left it so */
	{ 7, 0, EBX, 0 },
	{ 7, 0, ECX, BIT32(4) | MASK32(21, 17) }, /* OSPKE: a copy of CR4; MPX's MAWAU */
	{ 7, 0, EDX, BIT32(15) },            /* hybrid */
	{ 0xd, 0, EAX, 0 },
	{ 0xd, 1, EAX, 0 },
	{ 0x80000001u, 0, ECX, 0 },
	{ 0x80000001u, 0, EDX, BIT32(9) },
	{ 0x80000007u, 0, EDX, 0 },
	{ 0x80000008u, 0, EBX, 0 },
	{ 0x8000000au, 0, EDX, 0 },
};

static u32 register_of(const struct cpuid_result *result, u8 reg)
{
	const u32 values[] = { result->eax, result->ebx, result->ecx, result->edx };

	return values[reg];
}

void cpu_features_read(struct cpu_features *features, cpuid_reader read)
{
	for (unsigned i = 0; i < CPU_FEATURE_WORDS; i++) {
		struct cpuid_result result = read(words_of[i].leaf, words_of[i].subleaf);

		features->words[i] = register_of(&result, words_of[i].reg) & ~words_of[i].ignored;
	}
}

bool cpu_features_lack(const struct cpu_features *ours, const struct cpu_features *theirs, char *words, size_t size_bytes)
{
	static const char *const names[] = { "EAX", "EBX", "ECX", "EDX" };
	unsigned count = 0, first = 0;

	for (unsigned i = CPU_FEATURE_WORDS; i-- > 0;) {
		if (ours->words[i] & ~theirs->words[i]) {
			count++;
			first = i;
		}
	}
	if (count == 0)
		return false;
	format(words, size_bytes, "CPUID %x %s lacks bits %08x of the boot CPU's%s", words_of[first].leaf, names[words_of[first].reg],
	       ours->words[first] & ~theirs->words[first], count > 1 ? ", and further words differ" : "");
	return true;
}

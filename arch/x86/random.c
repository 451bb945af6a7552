/* SPDX-License-Identifier: MIT */
/* RDRAND: APM vol. 3, "RDRAND"; SDM vol. 1, "Random Number Generator Instructions" (7.3.17) for the ten tries. */
#include "arch/x86/random.h"

#define RDRAND_TRIES 10

static bool has_rdrand(void)
{
	u32 eax = 1, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ecx & BIT32(30);
}

bool random_hardware(u64 *value)
{
	if (!has_rdrand())
		return false;
	for (unsigned i = 0; i < RDRAND_TRIES; i++) {
		u64 word;
		bool carry;

		__asm__ volatile("rdrand %0" : "=r"(word), "=@ccc"(carry));
		/* All zeros or all ones is what broken parts give after sleep: not taken for random. */
		if (carry && word && word != ~(u64)0) {
			*value = word;
			return true;
		}
	}
	return false;
}

u64 random_tsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

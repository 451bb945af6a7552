/* SPDX-License-Identifier: MIT */
/* RDRAND and RDSEED: APM vol. 3, "RDRAND"; SDM vol. 1, "Random Number Generator Instructions" (7.3.17) for the ten tries. */
#include "arch/x86/random.h"

#define RDRAND_TRIES 10
#define RDSEED_TRIES 64 /* it runs dry under load; then RDRAND has to do */

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

static bool has_rdseed(void)
{
	u32 eax = 0, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (eax < 7)
		return false;
	eax = 7;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ebx & BIT32(18);
}

bool random_seed(u64 *value)
{
	if (!has_rdseed())
		return false;
	for (unsigned i = 0; i < RDSEED_TRIES; i++) {
		u64 word;
		bool carry;

		__asm__ volatile("rdseed %0" : "=r"(word), "=@ccc"(carry));
		if (carry && word && word != ~(u64)0) {
			*value = word;
			return true;
		}
		__asm__ volatile("pause");
	}
	return false;
}

u64 random_tsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

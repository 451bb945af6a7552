/* SPDX-License-Identifier: MIT */
#ifndef HV_STACK_PROTECTOR_H
#define HV_STACK_PROTECTOR_H

#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "hv/lib/types.h"

extern u64 __stack_chk_guard;

/* In a function that never returns, since the value changes below its caller's feet. The low byte stays 0: it ends strings. */
static inline __attribute__((always_inline)) void stack_protector_init(void)
{
	u64 random = rdtsc() * 0x9e3779b97f4a7c15ull;

	if (cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND) {
		u64 value;

		__asm__ volatile("rdrand %0; cmovnc %1, %0" : "=&r"(value) : "r"(random) : "cc");
		random ^= value;
	}
	__stack_chk_guard = random & ~0xffull;
}

#endif

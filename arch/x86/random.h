/* SPDX-License-Identifier: MIT */
/* The CPU's own source of random numbers, and the counter that stands in for it. Any context. */
#ifndef ARCH_X86_RANDOM_H
#define ARCH_X86_RANDOM_H

#include "hv/lib/types.h"

/* RDRAND with the manual's ten tries; false: the CPU has none, or it gave nothing. */
bool random_hardware(u64 *value);
/* RDSEED, for seeds; the same. */
bool random_seed(u64 *value);
u64 random_tsc(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Running a function on another CPU, and waiting until it has run: by an inter-processor interrupt (VECTOR_CALL).
 *
 * Rules, which together exclude a deadlock:
 * - The caller holds no spin lock, does not run at the fast exit level, and is not itself such a function or an NMI.
 * - Interrupts may be on or off. While it waits, with interrupts off, it serves the calls of others: two CPUs that call
 *   each other both get on.
 * - The function runs with interrupts off, in interrupt context or between two instructions of another CPU's wait: it takes
 *   only locks that interrupt handlers may take, does not sleep, and makes no such call.
 * A CPU whose GIF is clear, or that runs a guest, answers after at most one exit.
 */
#ifndef ARCH_X86_CPU_CALL_H
#define ARCH_X86_CPU_CALL_H

#include "hv/lib/cpu_mask.h"

/* Once, on the boot CPU, before others start. */
void cpu_call_init(void);
/* On this CPU it is a plain call with interrupts off. The CPU runs (it is in cpus_online). */
void cpu_call(u32 cpu_index, void (*function)(void *argument), void *argument);
/* On all CPUs of the mask that run, this one included when it is in the mask; returns when all have done it. */
void cpu_call_mask(const struct cpu_mask *mask, void (*function)(void *argument), void *argument);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Starting a test machine's other CPUs and giving them work. Tests named smp_… run with four vCPUs.
 *
 * smp_start() wakes all that the MADT-like count names (CPUID 0xB) with INIT and start-up IPIs through the x2APIC; each
 * then waits in a HLT for work. smp_call(cpu, function) hands it over and wakes it by an IPI; smp_wait(cpu) waits until
 * it has ended. CPU numbers here are APIC IDs: the test machine has one socket of single-threaded cores.
 */
#ifndef GUEST_TESTS_LIB_SMP_H
#define GUEST_TESTS_LIB_SMP_H

#include "guest-tests/lib/board.h"

#define SMP_CPUS_MAX 8u
#define SMP_WAKE_VECTOR 0xf0
#define SMP_LIMIT_US 30000000 /* of a wait: an emulated machine with many CPUs may be slow, one that hangs is not done then */

extern unsigned smp_cpus;                    /* after smp_start: how many there are */
extern volatile unsigned smp_online[SMP_CPUS_MAX]; /* counts the starts of a CPU */

unsigned smp_count(void);                    /* as CPUID says */
bool smp_start(void);                        /* false: not all came */
bool smp_start_one(unsigned cpu);            /* INIT, start-up IPI; waits until it is there */
void smp_call(unsigned cpu, void (*function)(void));
bool smp_wait(unsigned cpu);                 /* false: it does not end */
bool smp_wait_all(void);
/* Waits until *counter has at least this value; other CPUs get their turn meanwhile. */
bool smp_reached(volatile unsigned *counter, unsigned value);

static inline unsigned smp_this(void) { return (unsigned)rdmsr(X2APIC(0x20)); }
static inline void smp_icr(u32 destination, u32 low) { wrmsr(X2APIC(0x300), (u64)destination << 32 | low); }

#endif

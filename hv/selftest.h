/* SPDX-License-Identifier: MIT */
/* Tests of the machine itself: the option selftest runs them all, selftest=KIND one failure on purpose. */
#ifndef HV_SELFTEST_H
#define HV_SELFTEST_H

#include "hv/lib/types.h"

void selftest_run(void);
/* hv/selftest_smp.c: the tests that need several CPUs, on as many as there are; returns how many failed. */
u32 selftest_smp(void);
/* hv/selftest_costs.c, selftest=costs: what switches, wakes, picks and kicks cost, a line each. */
void selftest_costs(void);
void selftest_hang(void);                /* selftest=hang: a CPU without interrupts for a while, for the watchdog */
void selftest_panic_beside_others(void); /* selftest=others: one CPU busy, the rest idle, then a panic */

#endif

/* SPDX-License-Identifier: MIT */
/* Tests of the machine itself: the option selftest runs them all, selftest=KIND one failure on purpose. */
#ifndef HV_SELFTEST_H
#define HV_SELFTEST_H

#include "hv/lib/types.h"

void selftest_run(void);
/* hv/selftest_smp.c: the tests that need several CPUs, on as many as there are; returns how many failed. */
u32 selftest_smp(void);

#endif

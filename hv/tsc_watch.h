/* SPDX-License-Identifier: MIT */
/*
 * Time-stamp counters were compared when each CPU started; do they still agree? A thread compares them now and then (option
 * tscwatch=SECONDS; 60; 0: off), reports one that has drifted, and sets it right.
 *
 * A guest's vCPU on that CPU then sees its own counter jump, too: back to what its other vCPUs have.
 */
#ifndef HV_TSC_WATCH_H
#define HV_TSC_WATCH_H

#include "hv/lib/types.h"

void tsc_watch_start(void);  /* once, when the other CPUs run */
/* selftest=drift: the last CPU's counter goes ahead by so many ticks. False: this CPU's counter cannot be moved. */
bool tsc_watch_disturb(u64 ticks);

#endif

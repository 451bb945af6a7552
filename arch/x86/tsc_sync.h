/* SPDX-License-Identifier: MIT */
/*
 * Do two CPUs' time-stamp counters show the same time?
 *
 * The boot CPU reads its counter, has the other one read its own, and reads again. Whatever delays there were, the other's
 * reading was taken between the two, so its offset lies between reading - second and reading - first. The intersection of
 * many rounds contains the true offset; when it does not contain 0, a thread that changes CPUs could see time go back.
 */
#ifndef ARCH_X86_TSC_SYNC_H
#define ARCH_X86_TSC_SYNC_H

#include "hv/lib/types.h"

/* What is known of (the other's TSC - the boot CPU's). */
struct tsc_bounds {
	s64 least, most;
};

#define TSC_BOUNDS_UNKNOWN ((struct tsc_bounds){ INT64_MIN, INT64_MAX })

/* One round. Pure, as are the next two. */
void tsc_bounds_add(struct tsc_bounds *bounds, u64 before, u64 other, u64 after);
bool tsc_bounds_agree(const struct tsc_bounds *bounds); /* 0 is possible */
s64 tsc_bounds_middle(const struct tsc_bounds *bounds); /* the best guess; 0 while they agree */

/* Both sides of a measurement; interrupts off on both. False: the other one did not answer in time. */
bool tsc_sync_measure(struct tsc_bounds *bounds); /* the boot CPU's side */
void tsc_sync_answer(void);                       /* the other's; returns when the measurement is over */
/* This CPU's counter minus `ticks`, by TSC_ADJUST or the counter itself. */
void tsc_sync_correct(s64 ticks);

#endif

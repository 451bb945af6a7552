/* SPDX-License-Identifier: MIT */
/*
 * Directed yield: a vCPU spins for something that another vCPU of its machine has. Which one gets the turn? Pure.
 *
 * Only one that could run and has no CPU can be helped; whoever runs is already doing its best, whoever sleeps waits for
 * something else. Those that lost their CPU in the middle of work come first: likely the lock's holder is one of them. Those that
 * left in a spinning loop of their own come after: what they spin for may have come. In either set they take turns, so that a
 * wrong guess costs one turn each. How long the turn is, and that it is paid for: sched_yield_to (hv/sched_policy.h).
 * Next to read: hv/vcpu_yield.c, which asks.
 */
#ifndef HV_SCHED_DIRECTED_H
#define HV_SCHED_DIRECTED_H

#include "hv/lib/types.h"

#define SCHED_DIRECTED_NOBODY (~(u32)0)

struct sched_directed_vcpu {
	bool waits; /* could run, and has no CPU */
	bool spins; /* left its last one in a spinning loop */
};

/* The number of one of `count` that is to have self's turn; last: whom the answer named last (any number at first). */
u32 sched_directed_choose(const struct sched_directed_vcpu *vcpus, u32 count, u32 self, u32 last);

#endif

/* SPDX-License-Identifier: MIT */
/* See sched_directed.h. */
#include "hv/sched_directed.h"

static u32 next_that_waits(const struct sched_directed_vcpu *vcpus, u32 count, u32 self, u32 last, bool spins)
{
	for (u32 i = 1; i <= count; i++) {
		u32 which = (last % count + i) % count;

		if (which != self && vcpus[which].waits && vcpus[which].spins == spins)
			return which;
	}
	return SCHED_DIRECTED_NOBODY;
}

u32 sched_directed_choose(const struct sched_directed_vcpu *vcpus, u32 count, u32 self, u32 last)
{
	u32 which;

	if (!count)
		return SCHED_DIRECTED_NOBODY;
	which = next_that_waits(vcpus, count, self, last, false);
	return which == SCHED_DIRECTED_NOBODY ? next_that_waits(vcpus, count, self, last, true) : which;
}

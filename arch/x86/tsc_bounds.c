/* SPDX-License-Identifier: MIT */
/* The arithmetic of tsc_sync.h. Pure. */
#include "arch/x86/tsc_sync.h"

void tsc_bounds_add(struct tsc_bounds *bounds, u64 before, u64 other, u64 after)
{
	bounds->least = MAX(bounds->least, (s64)(other - after));
	bounds->most = MIN(bounds->most, (s64)(other - before));
}

bool tsc_bounds_agree(const struct tsc_bounds *bounds)
{
	return bounds->least <= 0 && bounds->most >= 0;
}

s64 tsc_bounds_middle(const struct tsc_bounds *bounds)
{
	if (tsc_bounds_agree(bounds))
		return 0;
	return bounds->least + (bounds->most - bounds->least) / 2;
}

/* SPDX-License-Identifier: MIT */
/* The watchdog's judgement. Pure. */
#include "hv/watchdog.h"

bool watch_look(struct watch *watch, u32 neighbour, u64 beats, u64 now_ns, u64 limit_ns)
{
	if (watch->neighbour != neighbour || watch->beats != beats || watch->since_ns == 0) {
		*watch = (struct watch){ .neighbour = neighbour, .beats = beats, .since_ns = MAX(now_ns, 1u) };
		return false;
	}
	if (watch->reported || now_ns - watch->since_ns < limit_ns)
		return false;
	watch->reported = true;
	return true;
}

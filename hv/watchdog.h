/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: each CPU's timer counts a beat, and looks whether its neighbour's did.
 *
 * A CPU whose beat has not come for N seconds (option watchdog=N; 10; 0: off) is asked by NMI where it is, and that is
 * logged, once per standstill. With one CPU there is nobody who looks. A clear GIF (AMD-V's fast exit level) delays the NMI to
 * the level's end, so a CPU that hangs there is reported as one that does not answer.
 */
#ifndef HV_WATCHDOG_H
#define HV_WATCHDOG_H

#include "hv/lib/types.h"

void watchdog_start_cpu(void); /* each CPU, when its timers work */

/* Pure, for the unit tests: what a watcher knows of its neighbour. */
struct watch {
	u32 neighbour;
	u64 beats, since_ns; /* last seen, and when it was seen first */
	bool reported;
};
/* Looks once more; true: it has stood still for limit_ns, and this is the first time that it is said. */
bool watch_look(struct watch *watch, u32 neighbour, u64 beats, u64 now_ns, u64 limit_ns);

#endif

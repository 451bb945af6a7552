/* SPDX-License-Identifier: MIT */
/*
 * The exit table's face to the backends and to the run loop. The rows stand in hv/exit.c; handlers in hv/exit_*.c.
 */
#ifndef HV_EXIT_H
#define HV_EXIT_H

#include "hv/vcpu.h"

enum exit_row_flags { EXIT_FAST = 1 };

struct exit_row {
	const char *name;
	enum verdict (*handler)(struct vcpu *vcpu);
	u32 flags;
};
extern const struct exit_row exit_rows[EXIT_KIND_COUNT];

/*
 * Handles vcpu->exit at the fast level. True: enter the guest again; false: leave the fast level, and then, when
 * vcpu->exit.kind is still to be handled, exit_slow. Called by the backend with GIF clear or interrupts off.
 */
bool exit_fast(struct vcpu *vcpu);
/* Handles vcpu->exit at the slow level: VERDICT_SAME and _NEXT mean go on. */
enum verdict exit_slow(struct vcpu *vcpu);
#endif

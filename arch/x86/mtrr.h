/* SPDX-License-Identifier: MIT */
/*
 * Memory type range registers: the same on every CPU, as the firmware set them on the boot CPU. Solera itself changes none;
 * its own types come from the PAT. SDM vol. 3, "MTRR Considerations in MP Systems" (11.11.8).
 */
#ifndef ARCH_X86_MTRR_H
#define ARCH_X86_MTRR_H

#include "hv/lib/types.h"

#define MTRR_VARIABLE_MAX 32 /* pairs */

struct mtrr_state {
	u64 def_type, fixed[11], variable[2 * MTRR_VARIABLE_MAX];
	u32 variable_count; /* pairs */
	bool present, has_fixed;
};

void mtrr_read(struct mtrr_state *state);
bool mtrr_same(const struct mtrr_state *a, const struct mtrr_state *b);
/* Makes this CPU's the same; interrupts off, on a CPU that does nothing else yet. */
void mtrr_write(const struct mtrr_state *state);

#endif

/* SPDX-License-Identifier: MIT */
/* The compiler's stack protector: one canary for all, chosen at entry; a changed one ends in a panic. */
#include "hv/stack_protector.h"
#include "hv/lib/log.h"

u64 __stack_chk_guard = 0x5bd1e995a96d1c00ull;
void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
	panic("stack smashed: a function wrote beyond an array of its own");
}

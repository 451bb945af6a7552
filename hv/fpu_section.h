/* SPDX-License-Identifier: MIT */
/*
 * Host code that uses vector registers (checksums, compression, firmware calls) runs between fpu_begin and fpu_end:
 * the running thread's state is put away first and comes back after. Interrupts are off in between: keep it short.
 * Not on the fast exit path.
 */
#ifndef HV_FPU_SECTION_H
#define HV_FPU_SECTION_H

#include "hv/lib/types.h"

MUST_CHECK u64 fpu_begin(void); /* gives what fpu_end wants back */
void fpu_end(u64 flags);

#endif

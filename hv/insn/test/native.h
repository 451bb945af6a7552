/* SPDX-License-Identifier: MIT */
/* One instruction executed by the build machine's own CPU, with all registers given: the oracle of test_insn_native.c. */
#ifndef HV_INSN_TEST_NATIVE_H
#define HV_INSN_TEST_NATIVE_H

#include "hv/lib/types.h"

struct native_state {
	u64 gprs[16];       /* in the order of instructions */
	u64 rflags;
	u64 saved_rsp;
	u64 with_vectors;
	u8 vectors[16][32];
};

/* Prepares the executable page; false: the machine does not allow one. */
bool native_init(void);
/* Executes the bytes (up to 15). 0, or the signal that they raised; then *state is what it was. */
int native_run(const u8 *bytes, unsigned length, struct native_state *state);
u64 native_rip(void); /* where the instruction runs */

#endif

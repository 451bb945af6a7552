/* SPDX-License-Identifier: MIT */
/*
 * The short way for what drivers do to device memory in 64-bit code: MOV between a register and memory, or an immediate to
 * memory, with any addressing, no prefix but REX. Pure. It says what insn_decode and insn_emulate would do, or that it does
 * not know this instruction; the fuzz target fuzz_insn_mov.c holds the two against each other.
 */
#ifndef HV_INSN_INSN_MOV_H
#define HV_INSN_INSN_MOV_H

#include "hv/lib/types.h"

#define INSN_MOV_BYTES 16 /* so many are read, whatever the instruction's length */

struct insn_mov {
	u64 linear;       /* of the memory operand; the segment's base is 0 */
	u64 value;        /* store: what goes to memory, cut to size_bytes */
	u8 length, size_bytes;
	u8 target;        /* load: the general register, whole (1 and 2 bytes: their low part) */
	bool store;
};

/* False: not one of these instructions. The bytes are hostile; they are read once. Any context. */
MUST_CHECK bool insn_mov_decode(struct insn_mov *mov, const u8 bytes[INSN_MOV_BYTES], const u64 gprs[16], u64 rip);

/* A load's end: the value into its register. */
static inline void insn_mov_load(const struct insn_mov *mov, u64 gprs[16], u64 value)
{
	u64 *to = &gprs[mov->target & 15];

	if (mov->size_bytes == 4)
		*to = (u32)value;
	else if (mov->size_bytes == 8)
		*to = value;
	else
		*(u8 *)to = (u8)value;
}

#endif

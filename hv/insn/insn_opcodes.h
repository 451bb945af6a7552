/* SPDX-License-Identifier: MIT */
/* What follows each opcode: ModRM, immediates. The tables that the length decoder and the full decoder share. */
#ifndef HV_INSN_INSN_OPCODES_H
#define HV_INSN_INSN_OPCODES_H

#include "hv/lib/types.h"

enum opcode_attribute {
	OPCODE_MODRM = 0x01,
	OPCODE_IMMEDIATE = 0x0e,  /* the mask of the kinds that follow */
	OPCODE_IB = 1 << 1,       /* one byte */
	OPCODE_IW = 2 << 1,       /* two bytes */
	OPCODE_IZ = 3 << 1,       /* two or four bytes by operand size */
	OPCODE_IV = 4 << 1,       /* two, four or eight by operand size */
	OPCODE_MOFFS = 5 << 1,    /* an offset as wide as addresses are */
	OPCODE_FAR = 6 << 1,      /* offset by operand size and selector */
	OPCODE_IW_IB = 7 << 1,    /* ENTER */
	OPCODE_GROUP3 = 0x10,     /* the immediate is there only for ModRM.reg 0 and 1 */
	OPCODE_REGISTERS = 0x20,  /* ModRM.mod is taken as 3 whatever it says (moves to CR, DR) */
	OPCODE_NOT_64 = 0x40,
	OPCODE_INVALID = 0x80,    /* also: prefixes and escapes, which never get as far as the table */
};

extern const u8 insn_opcodes_one_byte[256];
extern const u8 insn_opcodes_0f[256];

#endif

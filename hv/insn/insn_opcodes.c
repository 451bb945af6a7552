/* SPDX-License-Identifier: MIT */
/* The opcode tables: AMD64 Architecture Programmer's Manual vol. 3, "Opcode Maps" (appendix A.1). */
#include "hv/insn/insn_opcodes.h"

#define M OPCODE_MODRM
#define B OPCODE_IB
#define W OPCODE_IW
#define Z OPCODE_IZ
#define N OPCODE_NOT_64
#define X OPCODE_INVALID

#define ARITHMETIC(row) [row] = M, M, M, M, B, Z

const u8 insn_opcodes_one_byte[256] = {
	ARITHMETIC(0x00), [0x06] = N, N,
	ARITHMETIC(0x08), [0x0e] = N, X,
	ARITHMETIC(0x10), [0x16] = N, N,
	ARITHMETIC(0x18), [0x1e] = N, N,
	ARITHMETIC(0x20), [0x26] = X, N,
	ARITHMETIC(0x28), [0x2e] = X, N,
	ARITHMETIC(0x30), [0x36] = X, N,
	ARITHMETIC(0x38), [0x3e] = X, N,
	[0x60] = N, N, M | N, M, X, X, X, X, Z, M | Z, B, M | B,
	[0x70 ... 0x7f] = B,
	[0x80] = M | B, M | Z, M | B | N, M | B, [0x84 ... 0x8f] = M,
	[0x9a] = OPCODE_FAR | N,
	[0xa0 ... 0xa3] = OPCODE_MOFFS, [0xa8] = B, Z,
	[0xb0 ... 0xb7] = B, [0xb8 ... 0xbf] = OPCODE_IV,
	[0xc0] = M | B, M | B, W, 0, M | N, M | N, M | B, M | Z, OPCODE_IW_IB, 0, W, 0, 0, B, N, 0,
	[0xd0] = M, M, M, M, B | N, B | N, N, 0, [0xd8 ... 0xdf] = M,
	[0xe0 ... 0xe7] = B, [0xe8] = Z, Z, OPCODE_FAR | N, B,
	[0xf0] = X, 0, X, X, 0, 0, M | B | OPCODE_GROUP3, M | Z | OPCODE_GROUP3, [0xfe] = M, M,
};

const u8 insn_opcodes_0f[256] = {
	[0x00] = M, M, M, M, X, 0, 0, 0, 0, 0, X, 0, X, M, 0, M | B,
	[0x10 ... 0x1f] = M,
	[0x20 ... 0x23] = M | OPCODE_REGISTERS, [0x24 ... 0x27] = X, [0x28 ... 0x2f] = M,
	[0x36] = X, 0, X, X, X, X, X, X, X, X,
	[0x40 ... 0x6f] = M,
	[0x70 ... 0x73] = M | B, [0x74 ... 0x76] = M, [0x78] = M, M, X, X, [0x7c ... 0x7f] = M,
	[0x80 ... 0x8f] = Z,
	[0x90 ... 0x9f] = M,
	[0xa3] = M, M | B, M, X, X, [0xab] = M, M | B, M, M, M,
	[0xb0 ... 0xb9] = M, [0xba] = M | B, [0xbb ... 0xbf] = M,
	[0xc0] = M, M, M | B, M, M | B, M | B, M | B, M,
	[0xd0 ... 0xff] = M,
};

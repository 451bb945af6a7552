/* SPDX-License-Identifier: MIT */
/*
 * x86 instructions: how long one is, and what its bytes say. Pure code, for exits whose hardware gives no next RIP and
 * for the emulator (insn_emulate.h). The bytes are the guest's: hostile, perhaps not those that the CPU executed.
 *
 * It knows legacy and VEX encodings in 16-, 32- and 64-bit code; EVEX and XOP are refused (ERR_UNSUPPORTED).
 * Read next: insn_decode.c, docs/instruction-emulation.md.
 */
#ifndef HV_INSN_INSN_H
#define HV_INSN_INSN_H

#include "hv/lib/error.h"
#include "hv/lib/types.h"

/* The default size of code and addresses: from CS.L and CS.D; real and virtual-8086 mode are 16-bit code. */
enum insn_mode { INSN_MODE_16, INSN_MODE_32, INSN_MODE_64 };

/* AMD64 Architecture Programmer's Manual (APM) vol. 3, "Instruction Length": longer ones raise #GP. */
#define INSN_MAX_BYTES 15

/* Registers and segments by their number in instructions. */
enum insn_register {
	INSN_RAX, INSN_RCX, INSN_RDX, INSN_RBX, INSN_RSP, INSN_RBP, INSN_RSI, INSN_RDI,
	INSN_R8, INSN_R9, INSN_R10, INSN_R11, INSN_R12, INSN_R13, INSN_R14, INSN_R15,
	INSN_NO_REGISTER = 0xff,
};
enum insn_segment_name { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS, INSN_NO_SEGMENT = 0xff };

enum insn_prefix { /* bits of insn.prefixes */
	INSN_LOCK = 1, INSN_REPNE = 2, INSN_REP = 4, INSN_OPERAND_SIZE = 8, INSN_ADDRESS_SIZE = 16, INSN_VEX = 32,
};
enum insn_rex { INSN_REX_B = 1, INSN_REX_X = 2, INSN_REX_R = 4, INSN_REX_W = 8, INSN_REX_PRESENT = 0x40 };

enum insn_map { INSN_MAP_ONE_BYTE, INSN_MAP_0F, INSN_MAP_0F38, INSN_MAP_0F3A };

struct insn {
	u8 length;
	u8 mode;            /* enum insn_mode */
	u8 prefixes;        /* enum insn_prefix; for VEX the implied 66, F3, F2 are set here too */
	u8 rex;             /* enum insn_rex; for VEX its W R X B, turned to REX's sense */
	u8 map;             /* enum insn_map */
	u8 opcode;
	u8 operand_bytes;   /* 2, 4 or 8 by mode, 66 and REX.W; byte opcodes and default-64 ones are the user's matter */
	u8 address_bytes;   /* 2, 4 or 8 */
	u8 segment;         /* of the memory operand: override or default (enum insn_segment_name) */
	u8 segment_override;/* INSN_NO_SEGMENT: none */
	bool has_modrm;
	u8 modrm;
	u8 mod;             /* 3: rm is a register */
	u8 reg, rm;         /* with REX.R and REX.B; rm counts only if mod is 3 */
	u8 base, index;     /* of the memory operand, INSN_NO_REGISTER: none; with REX */
	u8 scale_shift;
	bool rip_relative;
	u8 vex_register;    /* VEX.vvvv, turned to the register's number; 0 when unused (1111b) */
	bool vex_256;       /* VEX.L */
	u8 immediate_bytes;
	s64 displacement;   /* sign-extended; the whole offset for the moffs forms (A0 to A3) */
	u64 immediate;      /* as it stands, zero-extended from immediate_bytes; see insn_immediate() */
};

/* The immediate, sign-extended from its own size: as nearly every instruction wants it. */
static inline u64 insn_immediate(const struct insn *insn)
{
	unsigned shift = 64 - 8u * insn->immediate_bytes;

	return insn->immediate_bytes ? (u64)((s64)(insn->immediate << shift) >> shift) : 0;
}

/*
 * Decodes the instruction that starts at bytes, of which `available` may be read (more than INSN_MAX_BYTES is fine).
 * OK; ERR_AGAIN: it reaches beyond them, give more (never said with INSN_MAX_BYTES or more);
 * ERR_RANGE: longer than 15 bytes (#GP(0)); ERR_INVALID: no instruction in this mode (#UD); ERR_UNSUPPORTED: EVEX, XOP.
 * Any context; at most a few hundred instructions.
 */
MUST_CHECK int insn_decode(struct insn *insn, const u8 *bytes, size_t available, enum insn_mode mode);

/* The length alone, 1 to 15, or an error of insn_decode. */
MUST_CHECK int insn_length(const u8 *bytes, size_t available, enum insn_mode mode);

/* The instructions that exits know by their exit code and that have no operand bytes: name, length, bytes. */
#define INSN_PLAINS(X)                                                                                    \
	X(CPUID, 2, 0x0f, 0xa2, 0) X(RDMSR, 2, 0x0f, 0x32, 0) X(WRMSR, 2, 0x0f, 0x30, 0)                  \
	X(HLT, 1, 0xf4, 0, 0) X(VMMCALL, 3, 0x0f, 0x01, 0xd9) X(VMCALL, 3, 0x0f, 0x01, 0xc1)              \
	X(RDTSC, 2, 0x0f, 0x31, 0) X(RDTSCP, 3, 0x0f, 0x01, 0xf9) X(RDPMC, 2, 0x0f, 0x33, 0)              \
	X(PAUSE, 2, 0xf3, 0x90, 0) X(MWAIT, 3, 0x0f, 0x01, 0xc9) X(MONITOR, 3, 0x0f, 0x01, 0xc8)          \
	X(XSETBV, 3, 0x0f, 0x01, 0xd1) X(WBINVD, 2, 0x0f, 0x09, 0) X(WBNOINVD, 3, 0xf3, 0x0f, 0x09)       \
	X(INVD, 2, 0x0f, 0x08, 0) X(CLTS, 2, 0x0f, 0x06, 0) X(RSM, 2, 0x0f, 0xaa, 0)                      \
	X(IRET, 1, 0xcf, 0, 0) X(PUSHF, 1, 0x9c, 0, 0) X(POPF, 1, 0x9d, 0, 0) X(ICEBP, 1, 0xf1, 0, 0)     \
	X(RDPRU, 3, 0x0f, 0x01, 0xfd) X(INVLPGA, 3, 0x0f, 0x01, 0xdf) X(VMRUN, 3, 0x0f, 0x01, 0xd8)       \
	X(VMLOAD, 3, 0x0f, 0x01, 0xda) X(VMSAVE, 3, 0x0f, 0x01, 0xdb) X(STGI, 3, 0x0f, 0x01, 0xdc)        \
	X(CLGI, 3, 0x0f, 0x01, 0xdd) X(SKINIT, 3, 0x0f, 0x01, 0xde) X(TLBSYNC, 3, 0x0f, 0x01, 0xff)       \
	X(INVLPGB, 3, 0x0f, 0x01, 0xfe)

/* All that exits know: PLAIN are those above. */
enum insn_exit {
#define X(name, length, a, b, c) INSN_EXIT_##name,
	INSN_PLAINS(X)
#undef X
	INSN_EXIT_PLAIN_COUNT,
	INSN_EXIT_MOV_TO_CR = INSN_EXIT_PLAIN_COUNT, INSN_EXIT_MOV_FROM_CR, INSN_EXIT_MOV_TO_DR, INSN_EXIT_MOV_FROM_DR,
	INSN_EXIT_LMSW, INSN_EXIT_SMSW, INSN_EXIT_INVLPG, INSN_EXIT_INVPCID, INSN_EXIT_INT_N,
	INSN_EXIT_SGDT, INSN_EXIT_SIDT, INSN_EXIT_LGDT, INSN_EXIT_LIDT,
	INSN_EXIT_SLDT, INSN_EXIT_STR, INSN_EXIT_LLDT, INSN_EXIT_LTR,
	INSN_EXIT_COUNT,
};

/* A plain instruction without prefixes: the low `length` bytes of a little-endian word, `mask`, are `bytes`. */
enum insn_plain_word {
#define X(name, length, a, b, c) INSN_BYTES_##name = (a) | (b) << 8 | (c) << 16, INSN_LENGTH_##name = (length),
	INSN_PLAINS(X)
#undef X
};
#define INSN_LENGTH_MASK(length) (BIT32(8 * (length)) - 1)
struct insn_plain { u32 bytes; u8 length; };
static const struct insn_plain insn_plain[INSN_EXIT_PLAIN_COUNT] = {
#define X(name, length, a, b, c) { INSN_BYTES_##name, INSN_LENGTH_##name },
	INSN_PLAINS(X)
#undef X
};

/*
 * The long way of insn_exit_length: prefixes, operands, the page's end. Returns as insn_exit_length; what else the
 * caller wants of the operands (registers of a CR move, INVLPG's address) stands in *insn then.
 */
MUST_CHECK int insn_exit_decode(struct insn *insn, const u8 *bytes, size_t available, enum insn_mode mode,
				enum insn_exit which);
MUST_CHECK int insn_exit_length_slow(const u8 *bytes, size_t available, enum insn_mode mode, enum insn_exit which);

/*
 * The length of the instruction that caused an exit. OK is 1 to 15; ERR_AGAIN: give more bytes (next page);
 * any other error: these bytes are not that instruction. The guest changed them since the exit: enter it again at the
 * same RIP. With a constant `which` and no prefix this is one load and one compare.
 */
MUST_CHECK static inline int insn_exit_length(const u8 *bytes, size_t available, enum insn_mode mode, enum insn_exit which)
{
	if (which < INSN_EXIT_PLAIN_COUNT && LIKELY(available >= sizeof(u32))) {
		unsigned length = insn_plain[which].length;
		u32 word;

		__builtin_memcpy(&word, bytes, sizeof(word));
		if (LIKELY((word & (BIT32(8 * length) - 1)) == insn_plain[which].bytes))
			return (int)length;
	}
	return insn_exit_length_slow(bytes, available, mode, which);
}

#endif

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

/* The instructions that exits know by their exit code; PLAIN are those without operand bytes. */
enum insn_exit {
	INSN_EXIT_CPUID, INSN_EXIT_RDMSR, INSN_EXIT_WRMSR, INSN_EXIT_HLT, INSN_EXIT_VMMCALL, INSN_EXIT_VMCALL,
	INSN_EXIT_RDTSC, INSN_EXIT_RDTSCP, INSN_EXIT_RDPMC, INSN_EXIT_PAUSE, INSN_EXIT_MWAIT, INSN_EXIT_MONITOR,
	INSN_EXIT_XSETBV, INSN_EXIT_WBINVD, INSN_EXIT_WBNOINVD, INSN_EXIT_INVD, INSN_EXIT_CLTS, INSN_EXIT_RSM,
	INSN_EXIT_IRET, INSN_EXIT_PUSHF, INSN_EXIT_POPF, INSN_EXIT_ICEBP, INSN_EXIT_RDPRU, INSN_EXIT_INVLPGA,
	INSN_EXIT_VMRUN, INSN_EXIT_VMLOAD, INSN_EXIT_VMSAVE, INSN_EXIT_STGI, INSN_EXIT_CLGI, INSN_EXIT_SKINIT,
	INSN_EXIT_TLBSYNC, INSN_EXIT_INVLPGB,
	INSN_EXIT_PLAIN_COUNT,
	INSN_EXIT_MOV_TO_CR = INSN_EXIT_PLAIN_COUNT, INSN_EXIT_MOV_FROM_CR, INSN_EXIT_MOV_TO_DR, INSN_EXIT_MOV_FROM_DR,
	INSN_EXIT_LMSW, INSN_EXIT_SMSW, INSN_EXIT_INVLPG, INSN_EXIT_INVPCID, INSN_EXIT_INT_N,
	INSN_EXIT_SGDT, INSN_EXIT_SIDT, INSN_EXIT_LGDT, INSN_EXIT_LIDT,
	INSN_EXIT_SLDT, INSN_EXIT_STR, INSN_EXIT_LLDT, INSN_EXIT_LTR,
	INSN_EXIT_COUNT,
};

/* A plain instruction's bytes without prefixes, as the low bytes of a little-endian word. */
struct insn_plain { u32 bytes; u8 length; };
#define INSN_PLAIN1(a) { (a), 1 }
#define INSN_PLAIN2(a, b) { (a) | (b) << 8, 2 }
#define INSN_PLAIN3(a, b, c) { (a) | (b) << 8 | (c) << 16, 3 }
static const struct insn_plain insn_plain[INSN_EXIT_PLAIN_COUNT] = {
	[INSN_EXIT_CPUID] = INSN_PLAIN2(0x0f, 0xa2),
	[INSN_EXIT_RDMSR] = INSN_PLAIN2(0x0f, 0x32),
	[INSN_EXIT_WRMSR] = INSN_PLAIN2(0x0f, 0x30),
	[INSN_EXIT_HLT] = INSN_PLAIN1(0xf4),
	[INSN_EXIT_VMMCALL] = INSN_PLAIN3(0x0f, 0x01, 0xd9),
	[INSN_EXIT_VMCALL] = INSN_PLAIN3(0x0f, 0x01, 0xc1),
	[INSN_EXIT_RDTSC] = INSN_PLAIN2(0x0f, 0x31),
	[INSN_EXIT_RDTSCP] = INSN_PLAIN3(0x0f, 0x01, 0xf9),
	[INSN_EXIT_RDPMC] = INSN_PLAIN2(0x0f, 0x33),
	[INSN_EXIT_PAUSE] = INSN_PLAIN2(0xf3, 0x90),
	[INSN_EXIT_MWAIT] = INSN_PLAIN3(0x0f, 0x01, 0xc9),
	[INSN_EXIT_MONITOR] = INSN_PLAIN3(0x0f, 0x01, 0xc8),
	[INSN_EXIT_XSETBV] = INSN_PLAIN3(0x0f, 0x01, 0xd1),
	[INSN_EXIT_WBINVD] = INSN_PLAIN2(0x0f, 0x09),
	[INSN_EXIT_WBNOINVD] = INSN_PLAIN3(0xf3, 0x0f, 0x09),
	[INSN_EXIT_INVD] = INSN_PLAIN2(0x0f, 0x08),
	[INSN_EXIT_CLTS] = INSN_PLAIN2(0x0f, 0x06),
	[INSN_EXIT_RSM] = INSN_PLAIN2(0x0f, 0xaa),
	[INSN_EXIT_IRET] = INSN_PLAIN1(0xcf),
	[INSN_EXIT_PUSHF] = INSN_PLAIN1(0x9c),
	[INSN_EXIT_POPF] = INSN_PLAIN1(0x9d),
	[INSN_EXIT_ICEBP] = INSN_PLAIN1(0xf1),
	[INSN_EXIT_RDPRU] = INSN_PLAIN3(0x0f, 0x01, 0xfd),
	[INSN_EXIT_INVLPGA] = INSN_PLAIN3(0x0f, 0x01, 0xdf),
	[INSN_EXIT_VMRUN] = INSN_PLAIN3(0x0f, 0x01, 0xd8),
	[INSN_EXIT_VMLOAD] = INSN_PLAIN3(0x0f, 0x01, 0xda),
	[INSN_EXIT_VMSAVE] = INSN_PLAIN3(0x0f, 0x01, 0xdb),
	[INSN_EXIT_STGI] = INSN_PLAIN3(0x0f, 0x01, 0xdc),
	[INSN_EXIT_CLGI] = INSN_PLAIN3(0x0f, 0x01, 0xdd),
	[INSN_EXIT_SKINIT] = INSN_PLAIN3(0x0f, 0x01, 0xde),
	[INSN_EXIT_TLBSYNC] = INSN_PLAIN3(0x0f, 0x01, 0xff),
	[INSN_EXIT_INVLPGB] = INSN_PLAIN3(0x0f, 0x01, 0xfe),
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

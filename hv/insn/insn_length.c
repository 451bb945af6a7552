/* SPDX-License-Identifier: MIT */
/*
 * The lengths of intercepted instructions, with a check that the bytes are the instruction that the exit names: by the
 * time of the exit another vCPU may have written others there.
 */
#include "hv/insn/insn.h"

/* One row: map, opcode, and which bits of ModRM must have which value. The rows of plain instructions have modrm_mask 0 or 0xff. */
struct exit_row {
	u8 map, opcode, modrm_mask, modrm;
	u8 prefix;      /* must be there (F3 of PAUSE, 66 of INVPCID) */
	bool memory;    /* ModRM.mod must not be 3 */
};
#define ROW_0F(code) { .map = INSN_MAP_0F, .opcode = (code) }
#define ROW_0F01(byte) { .map = INSN_MAP_0F, .opcode = 0x01, .modrm_mask = 0xff, .modrm = (byte) }
#define ROW_GROUP(code, reg, must_be_memory)                                                                      \
	{ .map = INSN_MAP_0F, .opcode = (code), .modrm_mask = 0x38, .modrm = (reg) << 3, .memory = (must_be_memory) }

static const struct exit_row exit_rows[INSN_EXIT_COUNT] = {
	[INSN_EXIT_CPUID] = ROW_0F(0xa2), [INSN_EXIT_RDMSR] = ROW_0F(0x32), [INSN_EXIT_WRMSR] = ROW_0F(0x30),
	[INSN_EXIT_HLT] = { .opcode = 0xf4 }, [INSN_EXIT_VMMCALL] = ROW_0F01(0xd9), [INSN_EXIT_VMCALL] = ROW_0F01(0xc1),
	[INSN_EXIT_RDTSC] = ROW_0F(0x31), [INSN_EXIT_RDTSCP] = ROW_0F01(0xf9), [INSN_EXIT_RDPMC] = ROW_0F(0x33),
	[INSN_EXIT_PAUSE] = { .opcode = 0x90, .prefix = INSN_REP },
	[INSN_EXIT_MWAIT] = ROW_0F01(0xc9), [INSN_EXIT_MONITOR] = ROW_0F01(0xc8), [INSN_EXIT_XSETBV] = ROW_0F01(0xd1),
	[INSN_EXIT_WBINVD] = ROW_0F(0x09), [INSN_EXIT_WBNOINVD] = { .map = INSN_MAP_0F, .opcode = 0x09, .prefix = INSN_REP },
	[INSN_EXIT_INVD] = ROW_0F(0x08), [INSN_EXIT_CLTS] = ROW_0F(0x06), [INSN_EXIT_RSM] = ROW_0F(0xaa),
	[INSN_EXIT_IRET] = { .opcode = 0xcf }, [INSN_EXIT_PUSHF] = { .opcode = 0x9c }, [INSN_EXIT_POPF] = { .opcode = 0x9d },
	[INSN_EXIT_ICEBP] = { .opcode = 0xf1 }, [INSN_EXIT_RDPRU] = ROW_0F01(0xfd), [INSN_EXIT_INVLPGA] = ROW_0F01(0xdf),
	[INSN_EXIT_VMRUN] = ROW_0F01(0xd8), [INSN_EXIT_VMLOAD] = ROW_0F01(0xda), [INSN_EXIT_VMSAVE] = ROW_0F01(0xdb),
	[INSN_EXIT_STGI] = ROW_0F01(0xdc), [INSN_EXIT_CLGI] = ROW_0F01(0xdd), [INSN_EXIT_SKINIT] = ROW_0F01(0xde),
	[INSN_EXIT_TLBSYNC] = ROW_0F01(0xff), [INSN_EXIT_INVLPGB] = ROW_0F01(0xfe),
	[INSN_EXIT_MOV_TO_CR] = ROW_0F(0x22), [INSN_EXIT_MOV_FROM_CR] = ROW_0F(0x20),
	[INSN_EXIT_MOV_TO_DR] = ROW_0F(0x23), [INSN_EXIT_MOV_FROM_DR] = ROW_0F(0x21),
	[INSN_EXIT_LMSW] = ROW_GROUP(0x01, 6, false), [INSN_EXIT_SMSW] = ROW_GROUP(0x01, 4, false),
	[INSN_EXIT_INVLPG] = ROW_GROUP(0x01, 7, true),
	[INSN_EXIT_INVPCID] = { .map = INSN_MAP_0F38, .opcode = 0x82, .prefix = INSN_OPERAND_SIZE, .memory = true },
	[INSN_EXIT_INT_N] = { .opcode = 0xcd },
	[INSN_EXIT_SGDT] = ROW_GROUP(0x01, 0, true), [INSN_EXIT_SIDT] = ROW_GROUP(0x01, 1, true),
	[INSN_EXIT_LGDT] = ROW_GROUP(0x01, 2, true), [INSN_EXIT_LIDT] = ROW_GROUP(0x01, 3, true),
	[INSN_EXIT_SLDT] = ROW_GROUP(0x00, 0, false), [INSN_EXIT_STR] = ROW_GROUP(0x00, 1, false),
	[INSN_EXIT_LLDT] = ROW_GROUP(0x00, 2, false), [INSN_EXIT_LTR] = ROW_GROUP(0x00, 3, false),
};

static bool row_matches(const struct exit_row *row, const struct insn *insn)
{
	if (insn->map != row->map || insn->opcode != row->opcode || insn->prefixes & INSN_VEX)
		return false;
	if ((insn->prefixes & row->prefix) != row->prefix)
		return false;
	return (insn->modrm & row->modrm_mask) == row->modrm && !(row->memory && insn->mod == 3);
}

int insn_exit_decode(struct insn *insn, const u8 *bytes, size_t available, enum insn_mode mode, enum insn_exit which)
{
	int result = insn_decode(insn, bytes, available, mode);

	if (result != OK)
		return result;
	return row_matches(&exit_rows[which], insn) ? insn->length : ERR_INVALID;
}

int insn_exit_length_slow(const u8 *bytes, size_t available, enum insn_mode mode, enum insn_exit which)
{
	struct insn insn;

	return insn_exit_decode(&insn, bytes, available, mode, which);
}

int insn_length(const u8 *bytes, size_t available, enum insn_mode mode)
{
	struct insn insn;
	int result = insn_decode(&insn, bytes, available, mode);

	return result == OK ? insn.length : result;
}

/* SPDX-License-Identifier: MIT */
/*
 * Plain moves between vector registers and memory, SSE and AVX: what drivers and memcpy do to device memory.
 * Source: SDM vol. 2, the instructions' pages; alignment and exception rules from "Exception Type" 1, 4 and 5 there.
 */
#include "hv/insn/insn_internal.h"

enum vector_form {
	VECTOR_FULL,    /* the whole register */
	VECTOR_SCALAR,  /* `bytes` of it; a load clears the rest of the lower half */
	VECTOR_LOW, VECTOR_HIGH, /* 8 bytes of the lower half, the other 8 stay */
};
enum vector_flag { STORE = 1, ALIGNED = 2, BY_W = 4 /* 4 or 8 bytes by REX.W or VEX.W */ };

struct vector_row { u8 map, opcode, prefix, form, bytes, flags; };

#define P66 INSN_OPERAND_SIZE
#define PF3 INSN_REP
#define PF2 INSN_REPNE
static const struct vector_row vector_rows[] = {
	{ INSN_MAP_0F, 0x6f, PF3, VECTOR_FULL, 0, 0 },             /* MOVDQU */
	{ INSN_MAP_0F, 0x7f, PF3, VECTOR_FULL, 0, STORE },
	{ INSN_MAP_0F, 0x6f, P66, VECTOR_FULL, 0, ALIGNED },       /* MOVDQA */
	{ INSN_MAP_0F, 0x7f, P66, VECTOR_FULL, 0, STORE | ALIGNED },
	{ INSN_MAP_0F, 0x10, 0, VECTOR_FULL, 0, 0 },               /* MOVUPS, MOVUPD */
	{ INSN_MAP_0F, 0x11, 0, VECTOR_FULL, 0, STORE },
	{ INSN_MAP_0F, 0x10, P66, VECTOR_FULL, 0, 0 },
	{ INSN_MAP_0F, 0x11, P66, VECTOR_FULL, 0, STORE },
	{ INSN_MAP_0F, 0x28, 0, VECTOR_FULL, 0, ALIGNED },         /* MOVAPS, MOVAPD */
	{ INSN_MAP_0F, 0x29, 0, VECTOR_FULL, 0, STORE | ALIGNED },
	{ INSN_MAP_0F, 0x28, P66, VECTOR_FULL, 0, ALIGNED },
	{ INSN_MAP_0F, 0x29, P66, VECTOR_FULL, 0, STORE | ALIGNED },
	{ INSN_MAP_0F, 0x2b, 0, VECTOR_FULL, 0, STORE | ALIGNED }, /* MOVNTPS, MOVNTPD, MOVNTDQ, MOVNTDQA */
	{ INSN_MAP_0F, 0x2b, P66, VECTOR_FULL, 0, STORE | ALIGNED },
	{ INSN_MAP_0F, 0xe7, P66, VECTOR_FULL, 0, STORE | ALIGNED },
	{ INSN_MAP_0F38, 0x2a, P66, VECTOR_FULL, 0, ALIGNED },
	{ INSN_MAP_0F, 0xf0, PF2, VECTOR_FULL, 0, 0 },             /* LDDQU */
	{ INSN_MAP_0F, 0x10, PF3, VECTOR_SCALAR, 4, 0 },           /* MOVSS */
	{ INSN_MAP_0F, 0x11, PF3, VECTOR_SCALAR, 4, STORE },
	{ INSN_MAP_0F, 0x10, PF2, VECTOR_SCALAR, 8, 0 },           /* MOVSD */
	{ INSN_MAP_0F, 0x11, PF2, VECTOR_SCALAR, 8, STORE },
	{ INSN_MAP_0F, 0x6e, P66, VECTOR_SCALAR, 4, BY_W },        /* MOVD, MOVQ */
	{ INSN_MAP_0F, 0x7e, P66, VECTOR_SCALAR, 4, STORE | BY_W },
	{ INSN_MAP_0F, 0x7e, PF3, VECTOR_SCALAR, 8, 0 },           /* MOVQ */
	{ INSN_MAP_0F, 0xd6, P66, VECTOR_SCALAR, 8, STORE },
	{ INSN_MAP_0F, 0x12, 0, VECTOR_LOW, 8, 0 },                /* MOVLPS, MOVLPD */
	{ INSN_MAP_0F, 0x13, 0, VECTOR_LOW, 8, STORE },
	{ INSN_MAP_0F, 0x12, P66, VECTOR_LOW, 8, 0 },
	{ INSN_MAP_0F, 0x13, P66, VECTOR_LOW, 8, STORE },
	{ INSN_MAP_0F, 0x16, 0, VECTOR_HIGH, 8, 0 },               /* MOVHPS, MOVHPD */
	{ INSN_MAP_0F, 0x17, 0, VECTOR_HIGH, 8, STORE },
	{ INSN_MAP_0F, 0x16, P66, VECTOR_HIGH, 8, 0 },
	{ INSN_MAP_0F, 0x17, P66, VECTOR_HIGH, 8, STORE },
};

static const struct vector_row *find_row(const struct insn *insn)
{
	/* F2 and F3 win over 66, which is then only a size prefix. */
	u8 prefix = insn->prefixes & (INSN_REP | INSN_REPNE);

	if (!prefix)
		prefix = insn->prefixes & INSN_OPERAND_SIZE;
	for (size_t i = 0; i < ARRAY_SIZE(vector_rows); i++) {
		const struct vector_row *row = &vector_rows[i];

		if (row->opcode == insn->opcode && row->map == insn->map && row->prefix == prefix)
			return row;
	}
	return NULL;
}

/* What the CPU checks before it looks at memory. */
static enum insn_result check(struct insn_cpu *cpu, const struct insn *insn, const struct vector_row *row)
{
	bool vex = insn->prefixes & INSN_VEX, merges = !(row->flags & STORE) && (row->form == VECTOR_LOW || row->form == VECTOR_HIGH);
	unsigned allowed = cpu->ops->vector_bytes ? cpu->ops->vector_bytes(cpu->context) : 0;

	if (allowed < (vex ? 32u : 16u) || insn->prefixes & INSN_LOCK)
		return insn_raise(cpu, INSN_VECTOR_UD);
	if (vex && (!cpu->protected_mode || (insn->vex_register && !merges) || (insn->vex_256 && row->form != VECTOR_FULL)))
		return insn_raise(cpu, INSN_VECTOR_UD);
	return cpu->task_switched ? insn_raise(cpu, INSN_VECTOR_NM) : INSN_DONE;
}

static enum insn_result vector_store(struct insn_cpu *cpu, const struct insn *insn, const struct vector_row *row,
				     const struct memory_operand *memory)
{
	u8 bytes[32];

	cpu->ops->vector_read(cpu->context, insn->reg, row->form == VECTOR_FULL ? memory->size : 16, bytes);
	return memory_write_bytes(cpu, memory, row->form == VECTOR_HIGH ? bytes + 8 : bytes);
}

static enum insn_result vector_load(struct insn_cpu *cpu, const struct insn *insn, const struct vector_row *row,
				    const struct memory_operand *memory)
{
	bool vex = insn->prefixes & INSN_VEX;
	u8 bytes[32] = { 0 };

	if (row->form == VECTOR_LOW || row->form == VECTOR_HIGH)
		cpu->ops->vector_read(cpu->context, vex ? insn->vex_register : insn->reg, 16, bytes);
	TRY(memory_read_bytes(cpu, memory, row->form == VECTOR_HIGH ? bytes + 8 : bytes));
	cpu->ops->vector_write(cpu->context, insn->reg, row->form == VECTOR_FULL ? memory->size : 16, bytes, vex);
	return INSN_DONE;
}

enum insn_result vector_emulate(struct insn_cpu *cpu, const struct insn *insn)
{
	const struct vector_row *row = find_row(insn);
	struct memory_operand memory;
	unsigned size, access;
	u64 linear;

	if (!row || insn->mod == 3)
		return INSN_UNSUPPORTED;
	TRY(check(cpu, insn, row));
	size = row->form == VECTOR_FULL ? (insn->vex_256 ? 32 : 16) : row->bytes;
	if (row->flags & BY_W && insn->rex & INSN_REX_W)
		size = 8;
	access = row->flags & STORE ? INSN_WRITE : INSN_READ;
	TRY(insn_linear_address(cpu, insn, size, access, &linear));
	if (row->flags & ALIGNED && !IS_ALIGNED(linear, size))
		return insn_raise_protection(cpu, INSN_VECTOR_GP);
	TRY(memory_open(cpu, linear, size, access, true, &memory));
	return row->flags & STORE ? vector_store(cpu, insn, row, &memory) : vector_load(cpu, insn, row, &memory);
}

/* SPDX-License-Identifier: MIT */
/*
 * The decoder: prefixes, opcode, ModRM and SIB, displacement, immediate, in the order of the bytes.
 *
 * Each byte is read once, and only when the instruction reaches it. What an instruction does is not known here: see
 * insn_emulate.c for that.
 */
#include "hv/insn/insn.h"
#include "hv/insn/insn_opcodes.h"

struct cursor {
	const u8 *bytes;
	u8 at, end; /* end: the least of what is available and INSN_MAX_BYTES */
};

/* The error for a byte that is not there. */
static int cursor_end(const struct cursor *cursor)
{
	return cursor->end == INSN_MAX_BYTES ? ERR_RANGE : ERR_AGAIN;
}

static inline bool cursor_has(const struct cursor *cursor, unsigned count)
{
	return cursor->at + count <= cursor->end;
}

static inline int cursor_number(struct cursor *cursor, unsigned size, u64 *value)
{
	const u8 *from = cursor->bytes + cursor->at;
	u64 whole;
	u32 half;
	u16 word;

	if (UNLIKELY(!cursor_has(cursor, size)))
		return cursor_end(cursor);
	cursor->at = (u8)(cursor->at + size);
	switch (size) {
	case 0: *value = 0; break;
	case 1: *value = *from; break;
	case 2: __builtin_memcpy(&word, from, 2); *value = word; break;
	case 4: __builtin_memcpy(&half, from, 4); *value = half; break;
	case 8: __builtin_memcpy(&whole, from, 8); *value = whole; break;
	default: /* 3 and 6: ENTER, far pointers */
		*value = 0;
		for (unsigned i = 0; i < size; i++)
			*value |= (u64)from[i] << (8 * i);
	}
	return OK;
}

static inline int cursor_signed(struct cursor *cursor, unsigned size, s64 *value)
{
	u64 number;
	int result = cursor_number(cursor, size, &number);

	if (result == OK)
		*value = (s64)(number << (64 - 8 * size)) >> (64 - 8 * size);
	return result;
}

static void note_prefix(struct insn *insn, u8 byte)
{
	switch (byte) {
	case 0x66: insn->prefixes |= INSN_OPERAND_SIZE; break;
	case 0x67: insn->prefixes |= INSN_ADDRESS_SIZE; break;
	case 0xf0: insn->prefixes |= INSN_LOCK; break;
	/* The last of F2 and F3 counts. */
	case 0xf2: insn->prefixes = (u8)((insn->prefixes & ~INSN_REP) | INSN_REPNE); break;
	case 0xf3: insn->prefixes = (u8)((insn->prefixes & ~INSN_REPNE) | INSN_REP); break;
	case 0x64: insn->segment_override = INSN_FS; break;
	case 0x65: insn->segment_override = INSN_GS; break;
	default: /* 26 2e 36 3e: without a meaning in 64-bit code, where they do not undo an FS or GS either */
		if (insn->mode != INSN_MODE_64)
			insn->segment_override = byte >> 3 & 3;
	}
}

/*
 * Prefixes, and the byte after them, which is consumed. A REX counts only right before the opcode. In the one-byte table
 * exactly the prefixes and the escape 0F are OPCODE_INVALID, so the common case is one look-up.
 */
static inline int decode_prefixes(struct insn *insn, struct cursor *cursor, u8 *next)
{
	for (;;) {
		if (UNLIKELY(!cursor_has(cursor, 1)))
			return cursor_end(cursor);
		u8 byte = cursor->bytes[cursor->at++];
		if (insn->mode == INSN_MODE_64 && (byte & 0xf0) == 0x40) {
			insn->rex = byte;
		} else if (LIKELY(!(insn_opcodes_one_byte[byte] & OPCODE_INVALID)) || byte == 0x0f) {
			*next = byte;
			return OK;
		} else {
			note_prefix(insn, byte);
			insn->rex = 0;
		}
	}
}

static inline void decode_sizes(struct insn *insn)
{
	static const u8 operands[3][2] = { { 2, 4 }, { 4, 2 }, { 4, 2 } }, addresses[3][2] = { { 2, 4 }, { 4, 2 }, { 8, 4 } };

	STATIC_ASSERT(INSN_OPERAND_SIZE == 8 && INSN_ADDRESS_SIZE == 16, "the shifts below");
	insn->operand_bytes = insn->rex & INSN_REX_W ? 8 : operands[insn->mode][insn->prefixes >> 3 & 1];
	insn->address_bytes = addresses[insn->mode][insn->prefixes >> 4 & 1];
}

/*
 * C5 (two bytes) and C4 (three): APM vol. 3, "VEX Prefix". The bytes after the C4 or C5 are at the cursor.
 *   C5:  R vvvv L pp      C4:  R X B mmmmm | W vvvv L pp      R X B vvvv stand inverted
 */
static int decode_vex(struct insn *insn, struct cursor *cursor, bool three)
{
	static const u8 implied[4] = { 0, INSN_OPERAND_SIZE, INSN_REP, INSN_REPNE };
	unsigned first, last;

	if (insn->prefixes & (INSN_LOCK | INSN_REP | INSN_REPNE | INSN_OPERAND_SIZE) || insn->rex)
		return ERR_INVALID;
	if (!cursor_has(cursor, three ? 2 : 1))
		return cursor_end(cursor);
	first = cursor->bytes[cursor->at++];
	last = three ? cursor->bytes[cursor->at++] : (first & 0x7f);
	insn->map = three ? first & 0x1f : INSN_MAP_0F;
	if (insn->map < INSN_MAP_0F || insn->map > INSN_MAP_0F3A)
		return ERR_INVALID;
	insn->rex = (u8)(~first >> 5 & INSN_REX_R);
	if (three)
		insn->rex = (u8)((~first >> 5 & 7) | (last >> 4 & INSN_REX_W));
	insn->vex_register = (u8)(~last >> 3 & 15);
	if (insn->mode != INSN_MODE_64) { /* the eight registers that are there; W is ignored but for what is not here */
		insn->rex = 0;
		insn->vex_register &= 7;
	}
	insn->vex_256 = last >> 2 & 1;
	insn->prefixes |= INSN_VEX | implied[last & 3];
	return OK;
}

/* What C4, C5, 62 and 8F are depends on the mode and on the byte after them. */
static int decode_escape(struct insn *insn, struct cursor *cursor, u8 byte)
{
	bool vex = insn->mode == INSN_MODE_64;
	u8 second;

	if (!vex || byte == 0x8f) {
		if (!cursor_has(cursor, 1))
			return cursor_end(cursor);
		second = cursor->bytes[cursor->at];
		vex = byte == 0x8f ? (second & 0x1f) >= 8 : second >= 0xc0;
	}
	if (!vex) {
		insn->opcode = byte;
		return OK;
	}
	if (byte == 0x62 || byte == 0x8f)
		return ERR_UNSUPPORTED;
	int result = decode_vex(insn, cursor, byte == 0xc4);
	if (result != OK)
		return result;
	if (!cursor_has(cursor, 1))
		return cursor_end(cursor);
	insn->opcode = cursor->bytes[cursor->at++];
	return OK;
}

static inline int decode_opcode(struct insn *insn, struct cursor *cursor)
{
	u8 byte;
	int result = decode_prefixes(insn, cursor, &byte);

	if (UNLIKELY(result != OK))
		return result;
	insn->opcode = byte;
	if (byte == 0x0f) {
		insn->map = INSN_MAP_0F;
		if (!cursor_has(cursor, 1))
			return cursor_end(cursor);
		insn->opcode = cursor->bytes[cursor->at++];
		if (insn->opcode == 0x38 || insn->opcode == 0x3a) {
			insn->map = insn->opcode == 0x38 ? INSN_MAP_0F38 : INSN_MAP_0F3A;
			if (!cursor_has(cursor, 1))
				return cursor_end(cursor);
			insn->opcode = cursor->bytes[cursor->at++];
		}
	} else if (UNLIKELY(byte == 0xc4 || byte == 0xc5 || byte == 0x62 || byte == 0x8f)) {
		result = decode_escape(insn, cursor, byte);
	}
	return result;
}

static inline u8 opcode_attributes(const struct insn *insn)
{
	u8 attributes;

	switch (insn->map) {
	case INSN_MAP_ONE_BYTE:
		return insn_opcodes_one_byte[insn->opcode];
	case INSN_MAP_0F:
		attributes = insn_opcodes_0f[insn->opcode];
		/* SSE4a: 66 0F 78 /0 (EXTRQ) and F2 0F 78 (INSERTQ) have two immediate bytes. */
		if (insn->opcode == 0x78 && insn->prefixes & (INSN_OPERAND_SIZE | INSN_REPNE))
			attributes |= OPCODE_IW;
		return attributes;
	case INSN_MAP_0F38:
		return OPCODE_MODRM;
	default:
		return OPCODE_MODRM | OPCODE_IB;
	}
}

/* APM vol. 3, "16-Bit Addressing": the base and index of each rm. */
static int decode_memory16(struct insn *insn, struct cursor *cursor)
{
	static const u8 bases[8] = { INSN_RBX, INSN_RBX, INSN_RBP, INSN_RBP, INSN_RSI, INSN_RDI, INSN_RBP, INSN_RBX };
	static const u8 indexes[4] = { INSN_RSI, INSN_RDI, INSN_RSI, INSN_RDI };
	unsigned rm = insn->modrm & 7;

	if (insn->mod == 0 && rm == 6)
		return cursor_signed(cursor, 2, &insn->displacement);
	insn->base = bases[rm];
	if (rm < 4)
		insn->index = indexes[rm];
	return insn->mod ? cursor_signed(cursor, insn->mod, &insn->displacement) : OK;
}

static inline int decode_memory(struct insn *insn, struct cursor *cursor)
{
	unsigned base = insn->modrm & 7;
	bool sib = base == 4;

	if (sib) {
		if (!cursor_has(cursor, 1))
			return cursor_end(cursor);
		unsigned byte = cursor->bytes[cursor->at++];
		unsigned index = (byte >> 3 & 7) | (insn->rex & INSN_REX_X ? 8 : 0);
		base = byte & 7;
		insn->scale_shift = (u8)(byte >> 6);
		if (index != INSN_RSP)
			insn->index = (u8)index;
	}
	if (insn->mod == 0 && base == 5) {
		insn->rip_relative = !sib && insn->mode == INSN_MODE_64;
		return cursor_signed(cursor, 4, &insn->displacement);
	}
	insn->base = (u8)(base | (insn->rex & INSN_REX_B ? 8 : 0));
	return insn->mod ? cursor_signed(cursor, insn->mod == 1 ? 1 : 4, &insn->displacement) : OK;
}

static inline int decode_modrm(struct insn *insn, struct cursor *cursor, u8 attributes)
{
	if (UNLIKELY(!cursor_has(cursor, 1)))
		return cursor_end(cursor);
	insn->has_modrm = true;
	insn->modrm = cursor->bytes[cursor->at++];
	insn->mod = insn->modrm >> 6;
	insn->reg = (u8)((insn->modrm >> 3 & 7) | (insn->rex & INSN_REX_R ? 8 : 0));
	insn->rm = (u8)((insn->modrm & 7) | (insn->rex & INSN_REX_B ? 8 : 0));
	if (attributes & OPCODE_REGISTERS)
		insn->mod = 3;
	if (insn->mod == 3)
		return OK;
	int result = insn->address_bytes == 2 ? decode_memory16(insn, cursor) : decode_memory(insn, cursor);
	/* The stack's segment is the default for (E)BP and (E)SP as base. */
	insn->segment = insn->base == INSN_RBP || insn->base == INSN_RSP ? INSN_SS : INSN_DS;
	return result;
}

static inline unsigned immediate_size(const struct insn *insn, u8 attributes)
{
	unsigned z = insn->operand_bytes == 2 ? 2 : 4;

	switch (attributes & OPCODE_IMMEDIATE) {
	case OPCODE_IB: return attributes & OPCODE_GROUP3 && (insn->modrm & 0x30) ? 0 : 1;
	case OPCODE_IW: return 2;
	case OPCODE_IZ: return attributes & OPCODE_GROUP3 && (insn->modrm & 0x30) ? 0 : z;
	case OPCODE_IV: return insn->operand_bytes;
	case OPCODE_FAR: return z + 2;
	case OPCODE_IW_IB: return 3;
	default: return 0;
	}
}

static inline int decode_operands(struct insn *insn, struct cursor *cursor)
{
	u8 attributes = opcode_attributes(insn);
	int result = OK;

	if (UNLIKELY(attributes & (OPCODE_INVALID | OPCODE_NOT_64)) &&
	    (attributes & OPCODE_INVALID || insn->mode == INSN_MODE_64))
		return ERR_INVALID;
	if (attributes & OPCODE_MODRM)
		result = decode_modrm(insn, cursor, attributes);
	if (result != OK || !(attributes & OPCODE_IMMEDIATE))
		return result;
	if ((attributes & OPCODE_IMMEDIATE) == OPCODE_MOFFS) {
		u64 offset;

		result = cursor_number(cursor, insn->address_bytes, &offset);
		if (result == OK)
			insn->displacement = (s64)offset;
		return result;
	}
	insn->immediate_bytes = (u8)immediate_size(insn, attributes);
	return cursor_number(cursor, insn->immediate_bytes, &insn->immediate);
}

int insn_decode(struct insn *insn, const u8 *bytes, size_t available, enum insn_mode mode)
{
	struct cursor cursor = { .bytes = bytes, .end = (u8)MIN(available, (size_t)INSN_MAX_BYTES) };
	int result;

	if (UNLIKELY((unsigned)mode > INSN_MODE_64))
		return ERR_INVALID;
	*insn = (struct insn){ .mode = (u8)mode, .segment = INSN_DS, .segment_override = INSN_NO_SEGMENT,
			       .base = INSN_NO_REGISTER, .index = INSN_NO_REGISTER };
	result = decode_opcode(insn, &cursor);
	if (UNLIKELY(result != OK))
		return result;
	decode_sizes(insn);
	result = decode_operands(insn, &cursor);
	if (insn->segment_override != INSN_NO_SEGMENT)
		insn->segment = insn->segment_override;
	insn->length = cursor.at;
	return result;
}

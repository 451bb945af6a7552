/* SPDX-License-Identifier: MIT */
/*
 * Moves to and from device memory (insn_mov.h): REX, opcode, ModRM, SIB, displacement and immediate read straight from
 * two words. APM vol. 3, "ModRM and SIB Bytes" (1.4) and "MOV".
 */
#include "hv/insn/insn_mov.h"

#define REX_B 1u
#define REX_X 2u
#define REX_R 4u
#define REX_W 8u

/* The instruction's bytes, and how far they have been read. */
struct cursor {
	const u8 *at;
	u8 bytes[INSN_MOV_BYTES];
};

static inline u64 take_displacement(struct cursor *cursor, unsigned mod)
{
	s32 word;

	if (mod == 0)
		return 0;
	if (mod == 1)
		return (u64)(s64)(s8)*cursor->at++;
	__builtin_memcpy(&word, cursor->at, sizeof(word));
	cursor->at += sizeof(word);
	return (u64)(s64)word;
}

/* ModRM's r/m 4: base, index and scale; a base of 5 without displacement is none, with 32 bits of displacement. */
static u64 sib_address(struct cursor *cursor, unsigned mod, unsigned rex, const u64 *gprs)
{
	unsigned sib = *cursor->at++, index = (sib >> 3 & 7) | (rex & REX_X) << 2, base = (sib & 7) | (rex & REX_B) << 3;
	u64 address = index == 4 ? 0 : gprs[index] << (sib >> 6);

	if ((sib & 7) == 5 && mod == 0)
		return address + take_displacement(cursor, 2);
	return address + gprs[base] + take_displacement(cursor, mod);
}

/* Byte registers 4 to 7 are AH to BH without a REX: left to the general way. */
static inline bool is_high_byte(unsigned number, unsigned rex)
{
	return !rex && number >= 4;
}

/* A0 to A3: AL or RAX, and a whole address. */
static bool decode_offset(struct insn_mov *mov, struct cursor *cursor, unsigned opcode, unsigned rex, const u64 *gprs)
{
	mov->size_bytes = !(opcode & 1) ? 1 : rex & REX_W ? 8 : 4;
	mov->store = opcode & 2;
	mov->target = 0;
	__builtin_memcpy(&mov->linear, cursor->at, sizeof(mov->linear));
	mov->value = gprs[0] & (~(u64)0 >> (64 - 8 * mov->size_bytes));
	mov->length = (u8)(cursor->at + 8 - cursor->bytes);
	return true;
}

bool insn_mov_decode(struct insn_mov *mov, const u8 bytes[INSN_MOV_BYTES], const u64 gprs[16], u64 rip)
{
	struct cursor cursor __attribute__((uninitialized)); /* both members are written next */
	unsigned rex = 0, opcode, modrm, mod, reg;
	bool immediate, relative;
	s32 word;

	__builtin_memcpy(cursor.bytes, bytes, INSN_MOV_BYTES);
	cursor.at = cursor.bytes;
	opcode = *cursor.at++;
	if ((opcode & 0xf0) == 0x40) {
		rex = opcode;
		opcode = *cursor.at++;
	}
	if (UNLIKELY((opcode & 0xfc) == 0xa0))
		return decode_offset(mov, &cursor, opcode, rex, gprs);
	immediate = (opcode & 0xfe) == 0xc6;
	if (UNLIKELY(!immediate && (opcode & 0xfc) != 0x88))
		return false;
	modrm = *cursor.at++;
	mod = modrm >> 6;
	reg = (modrm >> 3 & 7) | (rex & REX_R) << 1;
	if (UNLIKELY(mod == 3))
		return false;
	relative = mod == 0 && (modrm & 7) == 5;
	if (UNLIKELY(relative))
		mov->linear = rip + take_displacement(&cursor, 2); /* and the length, below */
	else if ((modrm & 7) == 4)
		mov->linear = sib_address(&cursor, mod, rex, gprs);
	else
		mov->linear = gprs[(modrm & 7) | (rex & REX_B) << 3] + take_displacement(&cursor, mod);
	mov->size_bytes = !(opcode & 1) ? 1 : rex & REX_W ? 8 : 4;
	mov->store = immediate || !(opcode & 2);
	mov->target = (u8)reg;
	if (immediate) {
		if (reg & 7)
			return false;
		if (mov->size_bytes == 1) {
			mov->value = *cursor.at++;
		} else {
			__builtin_memcpy(&word, cursor.at, sizeof(word));
			cursor.at += sizeof(word);
			mov->value = mov->size_bytes == 8 ? (u64)(s64)word : (u32)word;
		}
	} else {
		if (UNLIKELY(mov->size_bytes == 1 && is_high_byte(reg, rex)))
			return false;
		mov->value = gprs[reg] & (~(u64)0 >> (64 - 8 * mov->size_bytes));
	}
	mov->length = (u8)(cursor.at - cursor.bytes);
	if (UNLIKELY(relative))
		mov->linear += mov->length;
	return true;
}

/* SPDX-License-Identifier: MIT */
/* What the emulator's files share: registers, operands, flags. Internal to hv/insn. */
#ifndef HV_INSN_INSN_INTERNAL_H
#define HV_INSN_INSN_INTERNAL_H

#include "hv/insn/insn_emulate.h"

#define FLAG_CF 0x001u
#define FLAG_PF 0x004u
#define FLAG_AF 0x010u
#define FLAG_ZF 0x040u
#define FLAG_SF 0x080u
#define FLAG_TF 0x100u
#define FLAG_DF 0x400u
#define FLAG_OF 0x800u
#define FLAGS_STATUS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* attributes of struct insn_segment */
#define SEGMENT_TYPE_WRITABLE 2u /* data; for code: readable */
#define SEGMENT_TYPE_DOWN 4u     /* data: expand-down */
#define SEGMENT_TYPE_CODE 8u
#define SEGMENT_PRESENT 0x80u
#define SEGMENT_BIG 0x400u       /* D/B */

static inline u64 size_mask(unsigned size_bytes)
{
	return ~(u64)0 >> (64 - 8 * size_bytes);
}

static inline u64 sign_extend(u64 value, unsigned size_bytes)
{
	unsigned shift = 64 - 8 * size_bytes;

	return (u64)((s64)(value << shift) >> shift);
}

/* Byte registers 4 to 7 are AH to BH unless there is a REX. */
static inline u64 register_read(const struct insn_cpu *cpu, const struct insn *insn, unsigned number, unsigned size_bytes)
{
	if (size_bytes == 1 && !insn->rex && number >= 4)
		return cpu->gprs[number & 3] >> 8 & 0xff;
	return cpu->gprs[number & 15] & size_mask(size_bytes);
}

/* 32-bit results clear the upper half, smaller ones leave the rest. */
static inline void register_write(struct insn_cpu *cpu, const struct insn *insn, unsigned number, unsigned size_bytes, u64 value)
{
	u64 *target = &cpu->gprs[number & 15];

	switch (size_bytes) {
	case 1:
		if (!insn->rex && number >= 4)
			cpu->gprs[number & 3] = (cpu->gprs[number & 3] & ~(u64)0xff00) | (value & 0xff) << 8;
		else
			*target = (*target & ~(u64)0xff) | (value & 0xff);
		break;
	case 2: *target = (*target & ~(u64)0xffff) | (value & 0xffff); break;
	case 4: *target = (u32)value; break;
	default: *target = value;
	}
}

/* A register used as an address or counter of address_bytes: 16-bit ones leave the rest, 32-bit ones clear it. */
static inline void address_register_write(struct insn_cpu *cpu, unsigned number, unsigned address_bytes, u64 value)
{
	u64 *target = &cpu->gprs[number];

	*target = address_bytes == 2 ? (*target & ~(u64)0xffff) | (value & 0xffff) : value & size_mask(address_bytes);
}

enum insn_result insn_raise(struct insn_cpu *cpu, u8 vector);            /* without an error code: #UD, #NM */
enum insn_result insn_raise_protection(struct insn_cpu *cpu, u8 vector); /* #GP(0), #SS(0) */

/* Memory that was checked and translated: at most two pages. */
struct memory_operand {
	gpa_t gpa[2];
	u8 size, first_bytes; /* size: 1 to 32; first_bytes of it on the first page */
};

/* Segment checks: offset (cut to address_bytes before) in a segment to a linear address. */
enum insn_result segment_linear(struct insn_cpu *cpu, enum insn_segment_name name, u64 offset, unsigned size_bytes,
				unsigned access, u64 *linear);
/* only: the instruction's only memory access, so that the exit's own address may serve. */
enum insn_result memory_open(struct insn_cpu *cpu, u64 linear, unsigned size_bytes, unsigned access, bool only,
			     struct memory_operand *memory);
enum insn_result memory_read_across(struct insn_cpu *cpu, const struct memory_operand *memory, u64 *value);
enum insn_result memory_read_bytes(struct insn_cpu *cpu, const struct memory_operand *memory, u8 *to);
enum insn_result memory_write_bytes(struct insn_cpu *cpu, const struct memory_operand *memory, const u8 *from);

/* Up to 8 bytes. */
static inline enum insn_result memory_read(struct insn_cpu *cpu, const struct memory_operand *memory, u64 *value)
{
	if (UNLIKELY(memory->first_bytes != memory->size))
		return memory_read_across(cpu, memory, value);
	*value = 0;
	if (UNLIKELY(cpu->ops->read(cpu->context, memory->gpa[0], memory->size, value) != OK))
		return INSN_RETRY;
	*value &= size_mask(memory->size);
	return INSN_DONE;
}

static inline enum insn_result memory_write(struct insn_cpu *cpu, const struct memory_operand *memory, u64 value)
{
	value &= size_mask(memory->size);
	if (UNLIKELY(memory->first_bytes != memory->size))
		return memory_write_bytes(cpu, memory, (const u8 *)&value);
	return cpu->ops->write(cpu->context, memory->gpa[0], memory->size, value) == OK ? INSN_DONE : INSN_RETRY;
}

/* The memory operand's offset in its segment, `extra` added (bit tests), cut to the address size. */
static inline u64 operand_offset(const struct insn_cpu *cpu, const struct insn *insn, u64 extra)
{
	u64 offset = (u64)insn->displacement + extra;

	if (insn->base != INSN_NO_REGISTER)
		offset += cpu->gprs[insn->base & 15];
	if (insn->index != INSN_NO_REGISTER)
		offset += cpu->gprs[insn->index & 15] << insn->scale_shift;
	if (insn->rip_relative)
		offset += cpu->rip + insn->length;
	return offset & size_mask(insn->address_bytes);
}

enum insn_result operand_open_at(struct insn_cpu *cpu, const struct insn *insn, u64 offset, unsigned size_bytes, unsigned access,
				 bool only, struct memory_operand *memory);

/*
 * The short way is for 64-bit code without FS or GS, where the exit told the address: the CPU has checked and translated
 * this very access already.
 */
static inline enum insn_result operand_open(struct insn_cpu *cpu, const struct insn *insn, u64 extra, unsigned size_bytes,
					    unsigned access, bool only, struct memory_operand *memory)
{
	u64 offset = operand_offset(cpu, insn, extra);

	if (LIKELY(only && cpu->known_gpa && cpu->mode == INSN_MODE_64 && insn->segment < INSN_FS) &&
	    LIKELY(!((offset ^ cpu->gpa.value) & PAGE_MASK) && (offset & PAGE_MASK) + size_bytes <= PAGE_SIZE) &&
	    LIKELY(cpu->known_gpa_write || !(access & INSN_WRITE))) {
		memory->gpa[0] = cpu->gpa;
		memory->size = memory->first_bytes = (u8)size_bytes;
		return INSN_DONE;
	}
	return operand_open_at(cpu, insn, offset, size_bytes, access, only, memory);
}

/* The r/m operand, register or memory. */
struct rm_operand {
	bool in_register;
	u8 number, size;
	struct memory_operand memory;
};

static inline enum insn_result rm_open(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes, unsigned access,
				       struct rm_operand *rm)
{
	rm->size = (u8)size_bytes;
	rm->in_register = insn->mod == 3;
	rm->number = insn->rm;
	return rm->in_register ? INSN_DONE : operand_open(cpu, insn, 0, size_bytes, access, true, &rm->memory);
}

static inline enum insn_result rm_read(struct insn_cpu *cpu, const struct insn *insn, const struct rm_operand *rm, u64 *value)
{
	if (!rm->in_register)
		return memory_read(cpu, &rm->memory, value);
	*value = register_read(cpu, insn, rm->number, rm->size);
	return INSN_DONE;
}

static inline enum insn_result rm_write(struct insn_cpu *cpu, const struct insn *insn, const struct rm_operand *rm, u64 value)
{
	if (!rm->in_register)
		return memory_write(cpu, &rm->memory, value);
	register_write(cpu, insn, rm->number, rm->size, value);
	return INSN_DONE;
}

/* Arithmetic: results cut to the size, status flags into *flags (others are kept). insn_alu.c. */
enum alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
u64 alu_binary(enum alu operation, unsigned size_bytes, u64 a, u64 b, u64 *flags);
u64 alu_increment(unsigned size_bytes, u64 a, bool down, u64 *flags);
u64 alu_shift(unsigned operation, unsigned size_bytes, u64 a, unsigned count, u64 *flags); /* ModRM.reg's order: rol … sar */
bool alu_condition(unsigned condition, u64 flags);

/* insn_string.c, insn_vector.c, insn_stack.c */
enum insn_result string_emulate(struct insn_cpu *cpu, const struct insn *insn);
enum insn_result vector_emulate(struct insn_cpu *cpu, const struct insn *insn);
enum insn_result push_emulate(struct insn_cpu *cpu, const struct insn *insn);
enum insn_result pop_emulate(struct insn_cpu *cpu, const struct insn *insn);

#define TRY(expression)                                                                                           \
	do {                                                                                                      \
		enum insn_result try_result = (expression);                                                       \
		if (UNLIKELY(try_result != INSN_DONE))                                                            \
			return try_result;                                                                        \
	} while (0)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The emulator's instructions: fetch, the tables from opcodes to handlers, and the integer instructions.
 *
 * Each handler translates its operands first (with write access if it will write), then reads, computes, writes, and
 * changes registers and flags last. An opcode without a row is INSN_UNSUPPORTED. Strings, stack and vectors have files of
 * their own.
 */
#include "hv/insn/insn_internal.h"

typedef enum insn_result handler_t(struct insn_cpu *cpu, const struct insn *insn);

/* Opcodes come in pairs: the even one has byte operands. */
static inline unsigned operand_size(const struct insn *insn)
{
	return insn->opcode & 1 ? insn->operand_bytes : 1;
}

static enum insn_result mov_store(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn);

	return insn_write_rm(cpu, insn, size, register_read(cpu, insn, insn->reg, size));
}

static enum insn_result mov_load(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn);
	u64 value;

	TRY(insn_read_rm(cpu, insn, size, &value));
	register_write(cpu, insn, insn->reg, size, value);
	return INSN_DONE;
}

static enum insn_result mov_immediate(struct insn_cpu *cpu, const struct insn *insn)
{
	if (insn->reg & 7)
		return INSN_UNSUPPORTED;
	return insn_write_rm(cpu, insn, operand_size(insn), insn_immediate(insn));
}

static enum insn_result mov_offset(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn);
	bool store = insn->opcode & 2;
	struct memory_operand memory;
	u64 value;

	TRY(operand_open(cpu, insn, 0, size, store ? INSN_WRITE : INSN_READ, true, &memory));
	if (store)
		return memory_write(cpu, &memory, cpu->gprs[INSN_RAX]);
	TRY(memory_read(cpu, &memory, &value));
	register_write(cpu, insn, INSN_RAX, size, value);
	return INSN_DONE;
}

/* To memory always 16 bits. */
static enum insn_result mov_from_segment(struct insn_cpu *cpu, const struct insn *insn)
{
	struct insn_segment segment;

	if ((insn->reg & 7) > INSN_GS)
		return insn_raise(cpu, INSN_VECTOR_UD);
	cpu->ops->segment(cpu->context, (enum insn_segment_name)(insn->reg & 7), &segment);
	return insn_write_rm(cpu, insn, insn->mod == 3 ? insn->operand_bytes : 2, segment.selector);
}

/* MOVZX, MOVSX: 0F B6, B7, BE, BF. */
static enum insn_result mov_extend(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->opcode & 1 ? 2 : 1;
	u64 value;

	TRY(insn_read_rm(cpu, insn, size, &value));
	if (insn->opcode & 8)
		value = sign_extend(value, size);
	/* The target is never a byte: no AH to BH here. */
	register_write(cpu, insn, insn->reg, insn->operand_bytes, value);
	return INSN_DONE;
}

/* Memory is read as 32 bits even with a 16-bit target: so does silicon (test_insn_native.c). */
static enum insn_result movsxd(struct insn_cpu *cpu, const struct insn *insn)
{
	u64 value;

	if (insn->mode != INSN_MODE_64)
		return INSN_UNSUPPORTED; /* ARPL */
	TRY(insn_read_rm(cpu, insn, 4, &value));
	register_write(cpu, insn, insn->reg, insn->operand_bytes, sign_extend(value, 4));
	return INSN_DONE;
}

static enum insn_result movnti(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_bytes == 8 ? 8 : 4;

	if (insn->mod == 3 || insn->prefixes & (INSN_OPERAND_SIZE | INSN_REP | INSN_REPNE))
		return insn_raise(cpu, INSN_VECTOR_UD);
	return insn_write_rm(cpu, insn, size, register_read(cpu, insn, insn->reg, size));
}

/* 0F 38 F0 loads, F1 stores; with F2 they are CRC32. */
static enum insn_result movbe(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_bytes, shift = 64 - 8 * size;
	u64 value;

	if (insn->mod == 3 || insn->prefixes & INSN_REPNE)
		return INSN_UNSUPPORTED;
	if (insn->opcode & 1)
		return insn_write_rm(cpu, insn, size, __builtin_bswap64(register_read(cpu, insn, insn->reg, size)) >> shift);
	TRY(insn_read_rm(cpu, insn, size, &value));
	register_write(cpu, insn, insn->reg, size, __builtin_bswap64(value) >> shift);
	return INSN_DONE;
}

/* op r/m, b: reads, computes, and writes back unless it is CMP. */
static enum insn_result arithmetic_to_rm(struct insn_cpu *cpu, const struct insn *insn, enum alu operation, unsigned size, u64 b)
{
	u64 flags = cpu->rflags, value;
	struct rm_operand rm;

	TRY(rm_open(cpu, insn, size, operation == ALU_CMP ? INSN_READ : INSN_WRITE, &rm));
	TRY(rm_read(cpu, insn, &rm, &value));
	value = alu_binary(operation, size, value, b, &flags);
	if (operation != ALU_CMP)
		TRY(rm_write(cpu, insn, &rm, value));
	cpu->rflags = flags;
	return INSN_DONE;
}

/* 00 to 3F: the operation is in bits 5 to 3, the direction in bit 1. */
static enum insn_result arithmetic(struct insn_cpu *cpu, const struct insn *insn)
{
	enum alu operation = (enum alu)(insn->opcode >> 3 & 7);
	unsigned size = operand_size(insn);
	u64 a, b;

	if (!(insn->opcode & 2))
		return arithmetic_to_rm(cpu, insn, operation, size, register_read(cpu, insn, insn->reg, size));
	TRY(insn_read_rm(cpu, insn, size, &b));
	a = alu_binary(operation, size, register_read(cpu, insn, insn->reg, size), b, &cpu->rflags);
	if (operation != ALU_CMP)
		register_write(cpu, insn, insn->reg, size, a);
	return INSN_DONE;
}

static enum insn_result arithmetic_immediate(struct insn_cpu *cpu, const struct insn *insn)
{
	return arithmetic_to_rm(cpu, insn, (enum alu)(insn->reg & 7), operand_size(insn), insn_immediate(insn));
}

static enum insn_result test_with(struct insn_cpu *cpu, const struct insn *insn, u64 b)
{
	u64 value;

	TRY(insn_read_rm(cpu, insn, operand_size(insn), &value));
	alu_binary(ALU_AND, operand_size(insn), value, b, &cpu->rflags);
	return INSN_DONE;
}

static enum insn_result test_register(struct insn_cpu *cpu, const struct insn *insn)
{
	return test_with(cpu, insn, register_read(cpu, insn, insn->reg, operand_size(insn)));
}

/* F6, F7: TEST, NOT, NEG; MUL and DIV are not emulated. */
static enum insn_result group3(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn), which = insn->reg & 7;
	u64 flags = cpu->rflags, value;
	struct rm_operand rm;

	if (which < 2)
		return test_with(cpu, insn, insn_immediate(insn));
	if (which > 3)
		return INSN_UNSUPPORTED;
	TRY(rm_open(cpu, insn, size, INSN_WRITE, &rm));
	TRY(rm_read(cpu, insn, &rm, &value));
	value = which == 2 ? ~value : alu_binary(ALU_SUB, size, 0, value, &flags);
	TRY(rm_write(cpu, insn, &rm, value));
	cpu->rflags = flags;
	return INSN_DONE;
}

/* FE, FF: INC, DEC; FF /6 is PUSH. */
static enum insn_result group5(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn), which = insn->reg & 7;
	u64 flags = cpu->rflags, value;
	struct rm_operand rm;

	if (which == 6 && insn->opcode == 0xff)
		return push_emulate(cpu, insn);
	if (which > 1)
		return INSN_UNSUPPORTED;
	TRY(rm_open(cpu, insn, size, INSN_WRITE, &rm));
	TRY(rm_read(cpu, insn, &rm, &value));
	value = alu_increment(size, value, which == 1, &flags);
	TRY(rm_write(cpu, insn, &rm, value));
	cpu->rflags = flags;
	return INSN_DONE;
}

/* C0, C1: by an immediate; D0, D1: by one; D2, D3: by CL. */
static enum insn_result shifts(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn), count;
	u64 flags = cpu->rflags, value;
	struct rm_operand rm;

	count = insn->opcode < 0xd0 ? (unsigned)insn->immediate & 0xff : insn->opcode & 2 ? (unsigned)cpu->gprs[INSN_RCX] & 0xff : 1;
	TRY(rm_open(cpu, insn, size, INSN_WRITE, &rm));
	TRY(rm_read(cpu, insn, &rm, &value));
	value = alu_shift(insn->reg & 7, size, value, count, &flags);
	TRY(rm_write(cpu, insn, &rm, value));
	cpu->rflags = flags;
	return INSN_DONE;
}

/*
 * BT, BTS, BTR, BTC. With a register as the offset, memory is a string of bits: the offset is signed and reaches beyond
 * the operand (XSA-195 was a wrong sign here). The operation is in bits 4 and 3 of the opcode, or in ModRM.reg.
 */
static enum insn_result bit_test(struct insn_cpu *cpu, const struct insn *insn)
{
	bool immediate = insn->opcode == 0xba;
	unsigned size = insn->operand_bytes, bits = 8 * size, which = immediate ? insn->reg & 3 : insn->opcode >> 3 & 3;
	u64 offset = immediate ? insn->immediate : sign_extend(cpu->gprs[insn->reg], size), extra = 0, value, bit;
	struct rm_operand rm = { .in_register = insn->mod == 3, .number = insn->rm, .size = (u8)size };

	if (immediate && !(insn->reg & 4))
		return insn_raise(cpu, INSN_VECTOR_UD);
	if (!immediate)
		extra = (u64)(((s64)offset >> (size == 2 ? 4 : size == 4 ? 5 : 6)) * (s64)size);
	if (!rm.in_register)
		TRY(operand_open(cpu, insn, extra, size, which ? INSN_WRITE : INSN_READ, true, &rm.memory));
	TRY(rm_read(cpu, insn, &rm, &value));
	bit = (u64)1 << (offset & (bits - 1));
	bool carry = value & bit;
	if (which)
		TRY(rm_write(cpu, insn, &rm, which == 1 ? value | bit : which == 2 ? value & ~bit : value ^ bit));
	cpu->rflags = (cpu->rflags & ~(u64)FLAG_CF) | carry;
	return INSN_DONE;
}

static enum insn_result xchg(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn);
	struct rm_operand rm;
	u64 value;

	TRY(rm_open(cpu, insn, size, INSN_WRITE, &rm));
	TRY(rm_read(cpu, insn, &rm, &value));
	TRY(rm_write(cpu, insn, &rm, register_read(cpu, insn, insn->reg, size)));
	register_write(cpu, insn, insn->reg, size, value);
	return INSN_DONE;
}

static enum insn_result xadd(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn);
	u64 flags = cpu->rflags, value, sum, source = register_read(cpu, insn, insn->reg, size);
	struct rm_operand rm;

	TRY(rm_open(cpu, insn, size, INSN_WRITE, &rm));
	TRY(rm_read(cpu, insn, &rm, &value));
	sum = alu_binary(ALU_ADD, size, value, source, &flags);
	if (rm.in_register) /* both the same register: the sum wins */
		register_write(cpu, insn, insn->reg, size, value);
	TRY(rm_write(cpu, insn, &rm, sum));
	if (!rm.in_register)
		register_write(cpu, insn, insn->reg, size, value);
	cpu->rflags = flags;
	return INSN_DONE;
}

/* The target is written in either case, as the CPU does. */
static enum insn_result cmpxchg(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = operand_size(insn);
	u64 flags = cpu->rflags, value;
	struct rm_operand rm;

	TRY(rm_open(cpu, insn, size, INSN_WRITE, &rm));
	TRY(rm_read(cpu, insn, &rm, &value));
	alu_binary(ALU_CMP, size, register_read(cpu, insn, INSN_RAX, size), value, &flags);
	bool equal = flags & FLAG_ZF;
	TRY(rm_write(cpu, insn, &rm, equal ? register_read(cpu, insn, insn->reg, size) : value));
	if (!equal)
		register_write(cpu, insn, INSN_RAX, size, value);
	cpu->rflags = flags;
	return INSN_DONE;
}

/* CMPXCHG8B, CMPXCHG16B: 0F C7 /1, memory only. */
static enum insn_result cmpxchg_pair(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned half = insn->rex & INSN_REX_W ? 8 : 4;
	u64 linear, pair[2] = { 0 }, next[2];
	struct memory_operand memory;
	u8 bytes[16];

	if ((insn->reg & 7) != 1 || insn->mod == 3)
		return INSN_UNSUPPORTED;
	TRY(insn_linear_address(cpu, insn, 2 * half, INSN_WRITE, &linear));
	if (half == 8 && linear & 15)
		return insn_raise_protection(cpu, INSN_VECTOR_GP);
	TRY(memory_open(cpu, linear, 2 * half, INSN_WRITE, true, &memory));
	TRY(memory_read_bytes(cpu, &memory, bytes));
	__builtin_memcpy(&pair[0], bytes, half);
	__builtin_memcpy(&pair[1], bytes + half, half);
	bool equal = pair[0] == (cpu->gprs[INSN_RAX] & size_mask(half)) && pair[1] == (cpu->gprs[INSN_RDX] & size_mask(half));
	next[0] = equal ? cpu->gprs[INSN_RBX] : pair[0];
	next[1] = equal ? cpu->gprs[INSN_RCX] : pair[1];
	__builtin_memcpy(bytes, &next[0], half);
	__builtin_memcpy(bytes + half, &next[1], half);
	TRY(memory_write_bytes(cpu, &memory, bytes));
	if (!equal) {
		register_write(cpu, insn, INSN_RAX, half, pair[0]);
		register_write(cpu, insn, INSN_RDX, half, pair[1]);
	}
	cpu->rflags = (cpu->rflags & ~(u64)FLAG_ZF) | (equal ? FLAG_ZF : 0);
	return INSN_DONE;
}

static enum insn_result setcc(struct insn_cpu *cpu, const struct insn *insn)
{
	return insn_write_rm(cpu, insn, 1, alu_condition(insn->opcode, cpu->rflags));
}

/* Reads whatever the condition; a 32-bit target is cut in either case. */
static enum insn_result cmovcc(struct insn_cpu *cpu, const struct insn *insn)
{
	u64 value;

	TRY(insn_read_rm(cpu, insn, insn->operand_bytes, &value));
	if (!alu_condition(insn->opcode, cpu->rflags))
		value = register_read(cpu, insn, insn->reg, insn->operand_bytes);
	register_write(cpu, insn, insn->reg, insn->operand_bytes, value);
	return INSN_DONE;
}

static enum insn_result pop_group(struct insn_cpu *cpu, const struct insn *insn)
{
	return insn->reg & 7 ? insn_raise(cpu, INSN_VECTOR_UD) : pop_emulate(cpu, insn);
}

/* CLFLUSH, CLFLUSHOPT, CLWB: device memory has no cache lines. The rest of 0F AE is not emulated. */
static enum insn_result cache_line(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned which = insn->reg & 7;
	struct memory_operand memory;

	if (insn->mod == 3 || insn->prefixes & (INSN_REP | INSN_REPNE) ||
	    !(which == 7 || (which == 6 && insn->prefixes & INSN_OPERAND_SIZE)))
		return INSN_UNSUPPORTED;
	return operand_open(cpu, insn, 0, 1, INSN_READ, true, &memory);
}

/* E4 to E7: the port is an immediate; EC to EF: DX. Bit 1 is the direction. */
static enum insn_result port_io(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->opcode & 1 ? MIN(insn->operand_bytes, 4u) : 1;
	u16 port = insn->opcode & 8 ? (u16)cpu->gprs[INSN_RDX] : (u16)(insn->immediate & 0xff);

	if (insn->opcode & 2)
		cpu->ops->port_write(cpu->context, port, size, (u32)(cpu->gprs[INSN_RAX] & size_mask(size)));
	else
		register_write(cpu, insn, INSN_RAX, size, cpu->ops->port_read(cpu->context, port, size));
	return INSN_DONE;
}

#define ARITHMETIC(row) [(row) ... (row) + 3] = arithmetic
static handler_t *const one_byte_handlers[256] = {
	ARITHMETIC(0x00), ARITHMETIC(0x08), ARITHMETIC(0x10), ARITHMETIC(0x18),
	ARITHMETIC(0x20), ARITHMETIC(0x28), ARITHMETIC(0x30), ARITHMETIC(0x38),
	[0x50 ... 0x57] = push_emulate, [0x58 ... 0x5f] = pop_emulate, [0x63] = movsxd,
	[0x68] = push_emulate, [0x6a] = push_emulate, [0x6c ... 0x6f] = string_emulate,
	[0x80 ... 0x83] = arithmetic_immediate, [0x84 ... 0x85] = test_register, [0x86 ... 0x87] = xchg,
	[0x88 ... 0x89] = mov_store, [0x8a ... 0x8b] = mov_load, [0x8c] = mov_from_segment, [0x8f] = pop_group,
	[0xa0 ... 0xa3] = mov_offset, [0xa4 ... 0xa7] = string_emulate, [0xaa ... 0xaf] = string_emulate,
	[0xc0 ... 0xc1] = shifts, [0xc6 ... 0xc7] = mov_immediate, [0xd0 ... 0xd3] = shifts,
	[0xe4 ... 0xe7] = port_io, [0xec ... 0xef] = port_io, [0xf6 ... 0xf7] = group3, [0xfe ... 0xff] = group5,
};

static handler_t *const handlers_0f[256] = {
	[0x10 ... 0x13] = vector_emulate, [0x16 ... 0x17] = vector_emulate, [0x28 ... 0x29] = vector_emulate, [0x2b] = vector_emulate,
	[0x40 ... 0x4f] = cmovcc, [0x6e ... 0x6f] = vector_emulate, [0x7e ... 0x7f] = vector_emulate, [0x90 ... 0x9f] = setcc,
	[0xa3] = bit_test, [0xab] = bit_test, [0xae] = cache_line, [0xb0 ... 0xb1] = cmpxchg, [0xb3] = bit_test,
	[0xb6 ... 0xb7] = mov_extend, [0xba] = bit_test, [0xbb] = bit_test, [0xbe ... 0xbf] = mov_extend,
	[0xc0 ... 0xc1] = xadd, [0xc3] = movnti, [0xc7] = cmpxchg_pair,
	[0xd6] = vector_emulate, [0xe7] = vector_emulate, [0xf0] = vector_emulate,
};

static handler_t *find_handler(const struct insn *insn)
{
	if (UNLIKELY(insn->prefixes & INSN_VEX))
		return vector_emulate;
	switch (insn->map) {
	case INSN_MAP_ONE_BYTE: return one_byte_handlers[insn->opcode];
	case INSN_MAP_0F: return handlers_0f[insn->opcode];
	case INSN_MAP_0F38: return insn->opcode == 0x2a ? vector_emulate : (insn->opcode & 0xfe) == 0xf0 ? movbe : NULL;
	default: return NULL;
	}
}

/* APM vol. 3, "Lock Prefix": which instructions may have it, with memory as their target. */
static bool lock_allowed(const struct insn *insn)
{
	unsigned opcode = insn->opcode, which = insn->reg & 7;

	if (insn->mod == 3 || !insn->has_modrm)
		return false;
	if (insn->map == INSN_MAP_0F)
		return opcode == 0xab || opcode == 0xb3 || opcode == 0xbb || (opcode == 0xba && which > 4) || (opcode & 0xfe) == 0xb0 ||
		       (opcode & 0xfe) == 0xc0 || (opcode == 0xc7 && which == 1);
	if (insn->map != INSN_MAP_ONE_BYTE)
		return false;
	if (opcode < 0x40)
		return (opcode & 7) < 2 && opcode >> 3 != ALU_CMP;
	if (opcode >= 0x80 && opcode <= 0x83)
		return which != ALU_CMP;
	return opcode == 0x86 || opcode == 0x87 || ((opcode & 0xfe) == 0xf6 && (which == 2 || which == 3)) ||
	       ((opcode & 0xfe) == 0xfe && which < 2);
}

enum insn_result insn_emulate(struct insn_cpu *cpu, const struct insn *insn)
{
	handler_t *handler = find_handler(insn);

	cpu->single_step = cpu->rflags & FLAG_TF;
	if (UNLIKELY(!handler))
		return INSN_UNSUPPORTED;
	if (UNLIKELY(insn->prefixes & INSN_LOCK) && !lock_allowed(insn))
		return insn_raise(cpu, INSN_VECTOR_UD);
	return handler(cpu, insn);
}

enum insn_result insn_decode_failed(struct insn_cpu *cpu, int error)
{
	switch (error) {
	case ERR_INVALID: return insn_raise(cpu, INSN_VECTOR_UD);
	case ERR_RANGE: return insn_raise_protection(cpu, INSN_VECTOR_GP);
	default: return INSN_UNSUPPORTED;
	}
}

/* Appends what can be read at rip + *count without leaving the page, at most 8 bytes. */
static enum insn_result fetch_more(struct insn_cpu *cpu, u64 base, u8 *bytes, unsigned *count)
{
	u64 linear = base + cpu->rip + *count;
	struct memory_operand memory;

	if (cpu->mode != INSN_MODE_64)
		linear = (u32)linear;
	unsigned size = (unsigned)MIN(MIN(PAGE_SIZE - (linear & PAGE_MASK), (u64)(INSN_MAX_BYTES - *count)), 8u);
	TRY(memory_open(cpu, linear, size, INSN_FETCH, false, &memory));
	TRY(memory_read_bytes(cpu, &memory, bytes + *count));
	*count += size;
	return INSN_DONE;
}

enum insn_result insn_fetch(struct insn_cpu *cpu, struct insn *insn)
{
	struct insn_segment code = { .limit = ~0u };
	u8 bytes[INSN_MAX_BYTES];
	unsigned count = 0;
	int result;

	if (cpu->mode != INSN_MODE_64)
		cpu->ops->segment(cpu->context, INSN_CS, &code);
	do {
		TRY(fetch_more(cpu, code.base, bytes, &count));
		result = insn_decode(insn, bytes, count, (enum insn_mode)cpu->mode);
	} while (result == ERR_AGAIN);
	if (result != OK)
		return insn_decode_failed(cpu, result);
	if (cpu->mode != INSN_MODE_64 && (u64)(u32)cpu->rip + insn->length - 1 > code.limit)
		return insn_raise_protection(cpu, INSN_VECTOR_GP);
	return INSN_DONE;
}

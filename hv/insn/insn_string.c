/* SPDX-License-Identifier: MIT */
/*
 * String instructions: MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, with REP.
 *
 * Registers are written after each iteration, so a fault, a retry or the end of this call's share leaves the guest
 * between two iterations, where its RIP may go on or an interrupt may come. What may fail without a trace (translation)
 * comes before what devices see (reads, writes, ports).
 */
#include "hv/insn/insn_internal.h"

/* The translation of the page that the last iteration used, for one of the two sides. */
struct side {
	u64 linear_page;
	gpa_t gpa_page;
	bool valid;
};

struct string_state {
	struct insn_cpu *cpu;
	const struct insn *insn;
	unsigned size;      /* of an element */
	bool only;          /* no REP and one memory operand: the exit's address may serve */
	struct side source, target;
};

static enum insn_result side_open(struct string_state *string, struct side *side, enum insn_segment_name segment, u64 offset,
				  unsigned access, struct memory_operand *memory)
{
	struct insn_cpu *cpu = string->cpu;
	u64 linear;

	offset &= size_mask(string->insn->address_bytes);
	TRY(segment_linear(cpu, segment, offset, string->size, access, &linear));
	if (side->valid && (linear & ~PAGE_MASK) == side->linear_page && (linear & PAGE_MASK) + string->size <= PAGE_SIZE) {
		*memory = (struct memory_operand){ { GPA(side->gpa_page.value | (linear & PAGE_MASK)) }, (u8)string->size, (u8)string->size };
		return INSN_DONE;
	}
	TRY(memory_open(cpu, linear, string->size, access, string->only, memory));
	side->valid = memory->first_bytes == memory->size;
	side->linear_page = linear & ~PAGE_MASK;
	side->gpa_page = GPA(memory->gpa[0].value & ~PAGE_MASK);
	return INSN_DONE;
}

static enum insn_result open_source(struct string_state *string, struct memory_operand *memory)
{
	return side_open(string, &string->source, (enum insn_segment_name)string->insn->segment, string->cpu->gprs[INSN_RSI], INSN_READ,
			 memory);
}

static enum insn_result open_target(struct string_state *string, unsigned access, struct memory_operand *memory)
{
	return side_open(string, &string->target, INSN_ES, string->cpu->gprs[INSN_RDI], access, memory);
}

static void advance(struct string_state *string, unsigned number)
{
	u64 step = string->cpu->rflags & FLAG_DF ? -(u64)string->size : string->size;

	address_register_write(string->cpu, number, string->insn->address_bytes, string->cpu->gprs[number] + step);
}

static enum insn_result move(struct string_state *string)
{
	struct memory_operand source, target;
	u64 value;

	TRY(open_source(string, &source));
	TRY(open_target(string, INSN_WRITE, &target));
	TRY(memory_read(string->cpu, &source, &value));
	TRY(memory_write(string->cpu, &target, value));
	advance(string, INSN_RSI);
	advance(string, INSN_RDI);
	return INSN_DONE;
}

static enum insn_result compare(struct string_state *string)
{
	struct memory_operand source, target;
	u64 a, b;

	TRY(open_source(string, &source));
	TRY(open_target(string, INSN_READ, &target));
	TRY(memory_read(string->cpu, &source, &a));
	TRY(memory_read(string->cpu, &target, &b));
	alu_binary(ALU_CMP, string->size, a, b, &string->cpu->rflags);
	advance(string, INSN_RSI);
	advance(string, INSN_RDI);
	return INSN_DONE;
}

static enum insn_result store(struct string_state *string)
{
	struct memory_operand target;

	TRY(open_target(string, INSN_WRITE, &target));
	TRY(memory_write(string->cpu, &target, string->cpu->gprs[INSN_RAX]));
	advance(string, INSN_RDI);
	return INSN_DONE;
}

static enum insn_result load(struct string_state *string)
{
	struct memory_operand source;
	u64 value;

	TRY(open_source(string, &source));
	TRY(memory_read(string->cpu, &source, &value));
	register_write(string->cpu, string->insn, INSN_RAX, string->size, value);
	advance(string, INSN_RSI);
	return INSN_DONE;
}

static enum insn_result scan(struct string_state *string)
{
	struct memory_operand target;
	u64 value;

	TRY(open_target(string, INSN_READ, &target));
	TRY(memory_read(string->cpu, &target, &value));
	alu_binary(ALU_CMP, string->size, string->cpu->gprs[INSN_RAX], value, &string->cpu->rflags);
	advance(string, INSN_RDI);
	return INSN_DONE;
}

static enum insn_result input(struct string_state *string)
{
	struct insn_cpu *cpu = string->cpu;
	struct memory_operand target;

	TRY(open_target(string, INSN_WRITE, &target));
	TRY(memory_write(cpu, &target, cpu->ops->port_read(cpu->context, (u16)cpu->gprs[INSN_RDX], string->size)));
	advance(string, INSN_RDI);
	return INSN_DONE;
}

static enum insn_result output(struct string_state *string)
{
	struct insn_cpu *cpu = string->cpu;
	struct memory_operand source;
	u64 value;

	TRY(open_source(string, &source));
	TRY(memory_read(cpu, &source, &value));
	cpu->ops->port_write(cpu->context, (u16)cpu->gprs[INSN_RDX], string->size, (u32)value);
	advance(string, INSN_RSI);
	return INSN_DONE;
}

static enum insn_result (*string_operation(u8 opcode))(struct string_state *)
{
	switch (opcode & 0xfe) {
	case 0x6c: return input;
	case 0x6e: return output;
	case 0xa4: return move;
	case 0xa6: return compare;
	case 0xaa: return store;
	case 0xac: return load;
	default: return scan;
	}
}

enum insn_result string_emulate(struct insn_cpu *cpu, const struct insn *insn)
{
	enum insn_result (*operation)(struct string_state *) = string_operation(insn->opcode);
	bool is_port = (insn->opcode & 0xfc) == 0x6c, compares = operation == compare || operation == scan;
	bool repeated = insn->prefixes & (INSN_REP | INSN_REPNE), until_equal = insn->prefixes & INSN_REPNE;
	unsigned size = insn->opcode & 1 ? insn->operand_bytes : 1;
	struct string_state string = { .cpu = cpu, .insn = insn, .size = is_port ? MIN(size, 4u) : size,
				       .only = !repeated && operation != move && operation != compare };
	u32 limit = cpu->rep_limit ? cpu->rep_limit : INSN_REP_LIMIT_DEFAULT;
	u64 mask = size_mask(insn->address_bytes);

	if (!repeated)
		return operation(&string);
	if (cpu->rflags & FLAG_TF)
		limit = 1;
	for (u32 i = 0; cpu->gprs[INSN_RCX] & mask; i++) {
		if (i == limit)
			return INSN_CONTINUE;
		TRY(operation(&string));
		address_register_write(cpu, INSN_RCX, insn->address_bytes, cpu->gprs[INSN_RCX] - 1);
		if (compares && !(cpu->rflags & FLAG_ZF) != until_equal)
			break;
	}
	return INSN_DONE;
}

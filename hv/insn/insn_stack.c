/* SPDX-License-Identifier: MIT */
/* PUSH and POP, with a stack or an operand that may be anywhere. The stack pointer changes only when all else succeeded. */
#include "hv/insn/insn_internal.h"

static unsigned stack_address_bytes(struct insn_cpu *cpu)
{
	struct insn_segment stack;

	if (cpu->mode == INSN_MODE_64)
		return 8;
	cpu->ops->segment(cpu->context, INSN_SS, &stack);
	return stack.attributes & SEGMENT_BIG ? 4 : 2;
}

static unsigned stack_operand_bytes(const struct insn *insn)
{
	if (insn->mode == INSN_MODE_64)
		return insn->operand_bytes == 2 ? 2 : 8; /* REX.W wins over 66 */
	return insn->operand_bytes;
}

static enum insn_result stack_open(struct insn_cpu *cpu, u64 pointer, unsigned address_bytes, unsigned size_bytes, unsigned access,
				   struct memory_operand *memory)
{
	u64 linear;

	TRY(segment_linear(cpu, INSN_SS, pointer & size_mask(address_bytes), size_bytes, access, &linear));
	return memory_open(cpu, linear, size_bytes, access, false, memory);
}

static enum insn_result push(struct insn_cpu *cpu, unsigned size_bytes, u64 value)
{
	unsigned address_bytes = stack_address_bytes(cpu);
	u64 pointer = cpu->gprs[INSN_RSP] - size_bytes;
	struct memory_operand memory;

	TRY(stack_open(cpu, pointer, address_bytes, size_bytes, INSN_WRITE, &memory));
	TRY(memory_write(cpu, &memory, value));
	address_register_write(cpu, INSN_RSP, address_bytes, pointer);
	return INSN_DONE;
}

enum insn_result push_emulate(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = stack_operand_bytes(insn);
	struct memory_operand memory;
	u64 value;

	if (insn->opcode == 0x68 || insn->opcode == 0x6a)
		return push(cpu, size, insn_immediate(insn));
	if (insn->opcode != 0xff)
		return push(cpu, size, cpu->gprs[(insn->opcode & 7u) | (insn->rex & INSN_REX_B ? 8u : 0u)]);
	if (insn->mod == 3)
		return push(cpu, size, cpu->gprs[insn->rm]);
	/* The stack is checked before a device may see the read. */
	TRY(stack_open(cpu, cpu->gprs[INSN_RSP] - size, stack_address_bytes(cpu), size, INSN_WRITE, &memory));
	TRY(operand_open(cpu, insn, 0, size, INSN_READ, false, &memory));
	TRY(memory_read(cpu, &memory, &value));
	return push(cpu, size, value);
}

/* POP to memory: an address with RSP uses the value after the pop. */
static enum insn_result pop_to(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes,
			       const struct memory_operand *stack)
{
	struct memory_operand target;
	u64 value;

	TRY(operand_open(cpu, insn, 0, size_bytes, INSN_WRITE, false, &target));
	TRY(memory_read(cpu, stack, &value));
	return memory_write(cpu, &target, value);
}

enum insn_result pop_emulate(struct insn_cpu *cpu, const struct insn *insn)
{
	unsigned size = stack_operand_bytes(insn), address_bytes = stack_address_bytes(cpu);
	u64 pointer = cpu->gprs[INSN_RSP], value;
	struct memory_operand stack;
	enum insn_result result;

	TRY(stack_open(cpu, pointer, address_bytes, size, INSN_READ, &stack));
	if (insn->opcode == 0x8f && insn->mod != 3) {
		address_register_write(cpu, INSN_RSP, address_bytes, pointer + size);
		result = pop_to(cpu, insn, size, &stack);
		if (result != INSN_DONE)
			cpu->gprs[INSN_RSP] = pointer;
		return result;
	}
	TRY(memory_read(cpu, &stack, &value));
	address_register_write(cpu, INSN_RSP, address_bytes, pointer + size);
	unsigned number = insn->opcode == 0x8f ? insn->rm : (insn->opcode & 7u) | (insn->rex & INSN_REX_B ? 8u : 0u);
	register_write(cpu, insn, number, size, value);
	return INSN_DONE;
}

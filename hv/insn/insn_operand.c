/* SPDX-License-Identifier: MIT */
/*
 * Operands: effective addresses, segments and their checks, pages, and the accesses themselves.
 *
 * Both pages of an access that crosses are translated before anything is read or written, so a fault on the second
 * leaves the first alone, as on the CPU.
 */
#include "hv/insn/insn_internal.h"

enum insn_result insn_raise(struct insn_cpu *cpu, u8 vector)
{
	cpu->exception = (struct insn_exception){ .vector = vector };
	return INSN_EXCEPTION;
}

enum insn_result insn_raise_protection(struct insn_cpu *cpu, u8 vector)
{
	cpu->exception = (struct insn_exception){ .vector = vector, .has_error_code = true };
	return INSN_EXCEPTION;
}

static bool canonical(const struct insn_cpu *cpu, u64 linear)
{
	unsigned shift = 64 - cpu->linear_bits;

	return (u64)((s64)(linear << shift) >> shift) == linear;
}

/* SDM vol. 3, "Limit Checking" and "Type Checking". */
static bool segment_allows(const struct insn_cpu *cpu, const struct insn_segment *segment, u64 offset, unsigned size_bytes,
			   unsigned access)
{
	u32 type = segment->attributes & 15u;
	bool data = !(type & SEGMENT_TYPE_CODE);
	u64 last = offset + size_bytes - 1;

	if (cpu->protected_mode) {
		if (!(segment->attributes & SEGMENT_PRESENT))
			return false;
		if (access & INSN_WRITE ? !data || !(type & SEGMENT_TYPE_WRITABLE) : !data && !(type & SEGMENT_TYPE_WRITABLE))
			return false;
	}
	if (data && type & SEGMENT_TYPE_DOWN)
		return offset > segment->limit && last <= (segment->attributes & SEGMENT_BIG ? 0xffffffffu : 0xffffu);
	return last <= segment->limit;
}

enum insn_result segment_linear(struct insn_cpu *cpu, enum insn_segment_name name, u64 offset, unsigned size_bytes,
				unsigned access, u64 *linear)
{
	struct insn_segment segment;
	u8 vector = name == INSN_SS ? INSN_VECTOR_SS : INSN_VECTOR_GP;

	if (cpu->mode == INSN_MODE_64) {
		if (name == INSN_FS || name == INSN_GS) {
			cpu->ops->segment(cpu->context, name, &segment);
			offset += segment.base;
		}
		*linear = offset;
		if (UNLIKELY(!canonical(cpu, offset) || !canonical(cpu, offset + size_bytes - 1)))
			return insn_raise_protection(cpu, vector);
		return INSN_DONE;
	}
	cpu->ops->segment(cpu->context, name, &segment);
	if (!segment_allows(cpu, &segment, offset, size_bytes, access))
		return insn_raise_protection(cpu, vector);
	*linear = (u32)(segment.base + offset);
	return INSN_DONE;
}

static enum insn_result translate(struct insn_cpu *cpu, u64 linear, unsigned access, gpa_t *gpa)
{
	int result = cpu->ops->translate(cpu->context, linear, access | (cpu->cpl == 3 ? INSN_USER : 0u), gpa, &cpu->exception);

	if (LIKELY(result == OK))
		return INSN_DONE;
	return result == ERR_FAULT ? INSN_EXCEPTION : result == ERR_AGAIN ? INSN_RETRY : INSN_UNSUPPORTED;
}

enum insn_result memory_open(struct insn_cpu *cpu, u64 linear, unsigned size_bytes, unsigned access, bool only,
			     struct memory_operand *memory)
{
	unsigned in_page = (unsigned)(PAGE_SIZE - (linear & PAGE_MASK));

	memory->size = (u8)size_bytes;
	memory->first_bytes = (u8)MIN(size_bytes, in_page);
	if (LIKELY(size_bytes <= in_page)) {
		if (only && cpu->known_gpa && !((linear ^ cpu->gpa.value) & PAGE_MASK) &&
		    (cpu->known_gpa_write || !(access & INSN_WRITE))) {
			memory->gpa[0] = cpu->gpa;
			return INSN_DONE;
		}
		return translate(cpu, linear, access, &memory->gpa[0]);
	}
	TRY(translate(cpu, linear, access, &memory->gpa[0]));
	linear += in_page;
	return translate(cpu, cpu->mode == INSN_MODE_64 ? linear : (u32)linear, access, &memory->gpa[1]);
}

/* Where byte `at` of the operand is, and how many bytes one access can take there: a power of two, at most 8. */
static unsigned piece(const struct memory_operand *memory, unsigned at, gpa_t *gpa)
{
	bool second = at >= memory->first_bytes;
	unsigned left = second ? (unsigned)memory->size - at : (unsigned)memory->first_bytes - at;

	*gpa = GPA(memory->gpa[second].value + (second ? at - memory->first_bytes : at));
	return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

enum insn_result memory_read_bytes(struct insn_cpu *cpu, const struct memory_operand *memory, u8 *to)
{
	for (unsigned at = 0, size; at < memory->size; at += size) {
		u64 value = 0;
		gpa_t gpa;

		size = piece(memory, at, &gpa);
		if (cpu->ops->read(cpu->context, gpa, size, &value) != OK)
			return INSN_RETRY;
		__builtin_memcpy(to + at, &value, size);
	}
	return INSN_DONE;
}

enum insn_result memory_write_bytes(struct insn_cpu *cpu, const struct memory_operand *memory, const u8 *from)
{
	for (unsigned at = 0, size; at < memory->size; at += size) {
		u64 value = 0;
		gpa_t gpa;

		size = piece(memory, at, &gpa);
		__builtin_memcpy(&value, from + at, size);
		if (cpu->ops->write(cpu->context, gpa, size, value) != OK)
			return INSN_RETRY;
	}
	return INSN_DONE;
}

enum insn_result memory_read_across(struct insn_cpu *cpu, const struct memory_operand *memory, u64 *value)
{
	u8 bytes[8] = { 0 };

	TRY(memory_read_bytes(cpu, memory, bytes));
	__builtin_memcpy(value, bytes, sizeof(bytes));
	return INSN_DONE;
}

/* In 64-bit code only FS and GS count as overrides; the others leave the default, which matters for #SS. */
static enum insn_segment_name operand_segment(const struct insn *insn)
{
	return (enum insn_segment_name)insn->segment;
}

enum insn_result operand_open_at(struct insn_cpu *cpu, const struct insn *insn, u64 offset, unsigned size_bytes, unsigned access,
				 bool only, struct memory_operand *memory)
{
	u64 linear;

	TRY(segment_linear(cpu, operand_segment(insn), offset, size_bytes, access, &linear));
	return memory_open(cpu, linear, size_bytes, access, only, memory);
}

enum insn_result insn_linear_address(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes, unsigned access,
				     u64 *linear)
{
	return segment_linear(cpu, operand_segment(insn), operand_offset(cpu, insn, 0), size_bytes, access, linear);
}

u64 insn_linear_unchecked(struct insn_cpu *cpu, const struct insn *insn)
{
	struct insn_segment segment = { 0 };
	u64 offset = operand_offset(cpu, insn, 0);

	if (cpu->mode != INSN_MODE_64 || insn->segment == INSN_FS || insn->segment == INSN_GS)
		cpu->ops->segment(cpu->context, operand_segment(insn), &segment);
	return cpu->mode == INSN_MODE_64 ? segment.base + offset : (u32)(segment.base + offset);
}

enum insn_result insn_read_rm(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes, u64 *value)
{
	struct rm_operand rm;

	TRY(rm_open(cpu, insn, size_bytes, INSN_READ, &rm));
	return rm_read(cpu, insn, &rm, value);
}

enum insn_result insn_write_rm(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes, u64 value)
{
	struct rm_operand rm;

	TRY(rm_open(cpu, insn, size_bytes, INSN_WRITE, &rm));
	return rm_write(cpu, insn, &rm, value);
}

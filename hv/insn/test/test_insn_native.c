/* SPDX-License-Identifier: MIT */
/* LINK: hv/insn/insn_decode.c hv/insn/insn_opcodes.c hv/insn/insn_emulate.c hv/insn/insn_operand.c hv/insn/insn_alu.c hv/insn/insn_string.c hv/insn/insn_stack.c hv/insn/insn_vector.c hv/insn/test/native.c */
/* CFLAGS: -D_GNU_SOURCE */
/*
 * The emulator against the CPU of the build machine: random 64-bit instructions on the same registers, flags and
 * memory; registers, defined flags, memory, and whether it faulted must agree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "hv/insn/insn_internal.h"
#include "hv/insn/test/native.h"
#include "hv/lib/test/unit.h"

#define AREA (2 * PAGE_SIZE)
#define ROUNDS 100 /* per row; SOLERA_INSN_ROUNDS in the environment: another number */
static u8 *area;            /* between two pages that nobody may touch */
static u8 shadow[AREA], start[AREA];
static struct native_state *emulated;

static unsigned rounds(void)
{
	const char *text = getenv("SOLERA_INSN_ROUNDS");

	return text ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
}

static u64 random64(void)
{
	u64 value = (u64)random() << 42 ^ (u64)random() << 21 ^ (u64)random();

	switch (random() % 8) { /* corner values as often as others */
	case 0: return value & 0xff;
	case 1: return (u64)(s64)(s8)value;
	case 2: return ~(u64)0 >> (value & 63);
	case 3: return (u64)1 << (value & 63);
	default: return value;
	}
}

static bool in_area(u64 address, unsigned size)
{
	return address - (u64)(uintptr_t)area <= AREA - size;
}

static int translate(void *context, u64 linear, unsigned access, gpa_t *gpa, struct insn_exception *exception)
{
	(void)context;
	*gpa = GPA(linear);
	if (in_area(linear, 1))
		return OK;
	*exception = (struct insn_exception){ INSN_VECTOR_PF, true, access, linear };
	return ERR_FAULT;
}

static int read_memory(void *context, gpa_t gpa, unsigned size, u64 *value)
{
	(void)context;
	ck_assert(in_area(gpa.value, size));
	memcpy(value, shadow + (gpa.value - (u64)(uintptr_t)area), size);
	return OK;
}

static int write_memory(void *context, gpa_t gpa, unsigned size, u64 value)
{
	(void)context;
	ck_assert(in_area(gpa.value, size));
	memcpy(shadow + (gpa.value - (u64)(uintptr_t)area), &value, size);
	return OK;
}

static void segment(void *context, enum insn_segment_name name, struct insn_segment *out)
{
	(void)context, (void)name;
	*out = (struct insn_segment){ 0, ~0u, 0, 0xc93 };
}

static unsigned vector_bytes(void *context) { (void)context; return 32; }

static void vector_read(void *context, unsigned number, unsigned size, u8 *to)
{
	(void)context;
	memcpy(to, emulated->vectors[number], size);
}

static void vector_write(void *context, unsigned number, unsigned size, const u8 *from, bool zero_upper)
{
	(void)context;
	if (zero_upper)
		memset(emulated->vectors[number], 0, 32);
	memcpy(emulated->vectors[number], from, size);
}

static const struct insn_ops ops = { .translate = translate, .read = read_memory, .write = write_memory, .segment = segment,
				     .vector_bytes = vector_bytes, .vector_read = vector_read, .vector_write = vector_write };

/* What is generated: opcode bytes, whether byte operands, immediate bytes, ModRM.reg (-1: any), flags left undefined. */
enum kind { PLAIN, LOCKED /* LOCK may be there */, BITS, SHIFT, NO_66, VECTOR, WIDE_ONLY };
struct row { const char *bytes; u8 count, immediate; s8 reg; u8 kind; u32 undefined; };
#define R1(op, ...) { op, 1, __VA_ARGS__ }
#define R2(op, ...) { op, 2, __VA_ARGS__ }
#define R3(op, ...) { op, 3, __VA_ARGS__ }
#define ALU_ROWS(a, b, c, d, undefined)                                                                            \
	R1(a, 0, -1, LOCKED, undefined), R1(b, 0, -1, LOCKED, undefined), R1(c, 0, -1, PLAIN, undefined), R1(d, 0, -1, PLAIN, undefined)
#define Z 9 /* immediate of the operand's size, at most 4 */
static const struct row rows[] = {
	ALU_ROWS("\x00", "\x01", "\x02", "\x03", 0), ALU_ROWS("\x08", "\x09", "\x0a", "\x0b", FLAG_AF),
	ALU_ROWS("\x10", "\x11", "\x12", "\x13", 0), ALU_ROWS("\x18", "\x19", "\x1a", "\x1b", 0),
	ALU_ROWS("\x20", "\x21", "\x22", "\x23", FLAG_AF), ALU_ROWS("\x28", "\x29", "\x2a", "\x2b", 0),
	ALU_ROWS("\x30", "\x31", "\x32", "\x33", FLAG_AF),
	R1("\x38", 0, -1, PLAIN, 0), R1("\x39", 0, -1, PLAIN, 0), R1("\x3a", 0, -1, PLAIN, 0), R1("\x3b", 0, -1, PLAIN, 0),
	R1("\x63", 0, -1, PLAIN, 0), R1("\x80", 1, -1, PLAIN, FLAG_AF), R1("\x81", Z, -1, PLAIN, FLAG_AF), R1("\x83", 1, -1, PLAIN, FLAG_AF),
	R1("\x83", 1, 0, LOCKED, 0), R1("\x83", 1, 2, PLAIN, 0), R1("\x83", 1, 3, PLAIN, 0), R1("\x83", 1, 5, PLAIN, 0),
	R1("\x84", 0, -1, PLAIN, FLAG_AF), R1("\x85", 0, -1, PLAIN, FLAG_AF), R1("\x86", 0, -1, LOCKED, 0), R1("\x87", 0, -1, LOCKED, 0),
	R1("\x88", 0, -1, PLAIN, 0), R1("\x89", 0, -1, PLAIN, 0), R1("\x8a", 0, -1, PLAIN, 0), R1("\x8b", 0, -1, PLAIN, 0),
	R1("\xc6", 1, 0, PLAIN, 0), R1("\xc7", Z, 0, PLAIN, 0),
	R1("\xc0", 1, -1, SHIFT, FLAG_AF), R1("\xc1", 1, -1, SHIFT, FLAG_AF), R1("\xd0", 0, -1, SHIFT, FLAG_AF),
	R1("\xd1", 0, -1, SHIFT, FLAG_AF), R1("\xd2", 0, -1, SHIFT, FLAG_AF), R1("\xd3", 0, -1, SHIFT, FLAG_AF),
	R1("\xf6", 1, 0, PLAIN, FLAG_AF), R1("\xf7", Z, 1, PLAIN, FLAG_AF), R1("\xf6", 0, 2, LOCKED, 0), R1("\xf7", 0, 2, LOCKED, 0),
	R1("\xf6", 0, 3, LOCKED, 0), R1("\xf7", 0, 3, LOCKED, 0), R1("\xfe", 0, 0, LOCKED, 0), R1("\xff", 0, 0, LOCKED, 0),
	R1("\xfe", 0, 1, LOCKED, 0), R1("\xff", 0, 1, LOCKED, 0),
	R2("\x0f\xa3", 0, -1, BITS, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF), R2("\x0f\xab", 0, -1, BITS, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF),
	R2("\x0f\xb3", 0, -1, BITS, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF), R2("\x0f\xbb", 0, -1, BITS, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF),
	R2("\x0f\xba", 1, 4, PLAIN, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF), R2("\x0f\xba", 1, 5, LOCKED, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF),
	R2("\x0f\xba", 1, 6, LOCKED, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF), R2("\x0f\xba", 1, 7, LOCKED, FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF),
	R2("\x0f\xb0", 0, -1, LOCKED, 0), R2("\x0f\xb1", 0, -1, LOCKED, 0), R2("\x0f\xc0", 0, -1, LOCKED, 0), R2("\x0f\xc1", 0, -1, LOCKED, 0),
	R2("\x0f\xb6", 0, -1, PLAIN, 0), R2("\x0f\xb7", 0, -1, PLAIN, 0), R2("\x0f\xbe", 0, -1, PLAIN, 0), R2("\x0f\xbf", 0, -1, PLAIN, 0),
	R2("\x0f\xc3", 0, -1, NO_66, 0), R2("\x0f\xc7", 0, 1, LOCKED, 0),
	R2("\x0f\x40", 0, -1, PLAIN, 0), R2("\x0f\x43", 0, -1, PLAIN, 0), R2("\x0f\x44", 0, -1, PLAIN, 0), R2("\x0f\x47", 0, -1, PLAIN, 0),
	R2("\x0f\x48", 0, -1, PLAIN, 0), R2("\x0f\x4b", 0, -1, PLAIN, 0), R2("\x0f\x4c", 0, -1, PLAIN, 0), R2("\x0f\x4f", 0, -1, PLAIN, 0),
	R2("\x0f\x92", 0, -1, PLAIN, 0), R2("\x0f\x95", 0, -1, PLAIN, 0), R2("\x0f\x9a", 0, -1, PLAIN, 0), R2("\x0f\x9d", 0, -1, PLAIN, 0),
	R2("\x0f\x9e", 0, -1, PLAIN, 0), R2("\x0f\x97", 0, -1, PLAIN, 0), R2("\x0f\xae", 0, 7, NO_66, 0),
	R3("\x0f\x38\xf0", 0, -1, PLAIN, 0), R3("\x0f\x38\xf1", 0, -1, PLAIN, 0),
};

static unsigned disp_of(u8 modrm) { return modrm >> 6 == 1 ? 1 : modrm >> 6 == 2 ? 4 : 0; }

/* ModRM, SIB and displacement of a memory operand with a base that is not RSP; returns the bytes. */
static unsigned put_memory(u8 *at, int reg)
{
	u8 mod = (u8)(random() % 3), base = (u8)(random() % 8), count = 1;

	if (base == 5 && mod == 0)
		mod = 1;
	at[0] = (u8)(mod << 6 | (reg >= 0 ? reg : random() % 8) << 3 | base);
	if (base == 4) {
		at[1] = (u8)random();
		if ((at[1] & 7) == 4 || ((at[1] & 7) == 5 && mod == 0))
			at[1] = (u8)((at[1] & 0xf8) | 3);
		count = 2;
	}
	for (unsigned i = disp_of(at[0]); i; i--)
		at[count++] = (u8)random();
	return count;
}

/* Makes the operand's address fall near the area's middle or its ends. False: this form cannot be aimed. */
static bool aim(const struct insn *insn, struct native_state *state, u64 target)
{
	u64 index;

	if (insn->base == INSN_NO_REGISTER || insn->base == insn->index || insn->base == INSN_RSP)
		return false;
	index = insn->index == INSN_NO_REGISTER ? 0 : state->gprs[insn->index] << insn->scale_shift;
	state->gprs[insn->base] = target - index - (u64)insn->displacement;
	return true;
}

static u64 any_target(void)
{
	switch (random() % 16) {
	case 0: return (u64)(uintptr_t)area - (u64)(random() % 20);         /* into the guard page */
	case 1: return (u64)(uintptr_t)area + AREA - (u64)(random() % 40);  /* out of it */
	case 2: return (u64)(uintptr_t)area + PAGE_SIZE - (u64)(random() % 16); /* across two pages */
	default: return (u64)(uintptr_t)area + (u64)random() % (AREA - 64);
	}
}

static void random_state(struct native_state *state)
{
	memset(state, 0, sizeof(*state));
	for (unsigned i = 0; i < 16; i++)
		state->gprs[i] = random64();
	state->gprs[INSN_RSP] = (u64)(uintptr_t)area + AREA / 2;
	state->rflags = 0x202 | ((u64)random() & FLAGS_STATUS);
	u64 word = random64() | 1;
	for (size_t i = 0; i < AREA; i += sizeof(word)) {
		word ^= word << 13, word ^= word >> 7, word ^= word << 17;
		memcpy(start + i, &word, sizeof(word));
	}
}

/* Runs both and compares; returns the emulator's result. */
static enum insn_result compare(const struct insn *insn, const u8 *bytes, const struct native_state *before, u32 undefined)
{
	struct native_state native = *before, ours = *before;
	struct insn_cpu cpu = { .ops = &ops, .gprs = ours.gprs, .rflags = before->rflags, .rip = native_rip(), .mode = INSN_MODE_64,
				.cpl = 3, .linear_bits = 48, .protected_mode = true, .rep_limit = 100000 };
	char text[64] = "";

	for (unsigned i = 0; i < insn->length; i++)
		snprintf(text + 3 * i, sizeof(text) - 3 * i, "%02x ", bytes[i]);
	memcpy(area, start, AREA);
	memcpy(shadow, start, AREA);
	emulated = &ours;
	int number = native_run(bytes, insn->length, &native);
	enum insn_result result = insn_emulate(&cpu, insn);
	ours.rflags = cpu.rflags;
	ck_assert_msg((number != 0) == (result == INSN_EXCEPTION), "%s: native signal %d, ours %d (vector %u)", text, number, result,
		      cpu.exception.vector);
	ck_assert_msg(memcmp(area, shadow, AREA) == 0, "%s: memory differs", text);
	if (number)
		return result;
	ck_assert_msg(result == INSN_DONE, "%s: ours %d", text, result);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_msg(ours.gprs[i] == native.gprs[i], "%s: register %u is %lx, native %lx", text, i, ours.gprs[i], native.gprs[i]);
	ck_assert_msg(((ours.rflags ^ native.rflags) & FLAGS_STATUS & ~undefined) == 0, "%s: flags %lx, native %lx (before %lx)", text,
		      ours.rflags & FLAGS_STATUS, native.rflags & FLAGS_STATUS, before->rflags & FLAGS_STATUS);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_msg(memcmp(ours.vectors[i], native.vectors[i], 32) == 0, "%s: vector %u differs", text, i);
	return result;
}

/* SDM vol. 2: which flags a shift leaves undefined, by its count. */
static u32 shift_undefined(const struct insn *insn, const struct native_state *state)
{
	unsigned size = insn->opcode & 1 ? insn->operand_bytes : 1, count, which = insn->reg & 7;

	count = insn->opcode < 0xd0 ? (unsigned)insn->immediate : insn->opcode & 2 ? (unsigned)state->gprs[INSN_RCX] : 1;
	count &= size == 8 ? 63 : 31;
	if (count == 0)
		return 0;
	return (count == 1 ? 0 : FLAG_OF) | (which >= 4 ? FLAG_AF : 0) | (which >= 4 && which != 7 && count >= 8 * size ? FLAG_CF : 0);
}

static void one_case(const struct row *row)
{
	struct native_state state;
	struct insn insn;
	u8 bytes[32] = { 0 };
	unsigned at = 0, immediate;
	bool small = row->kind != NO_66 && random() % 4 == 0;

	random_state(&state);
	if (small)
		bytes[at++] = 0x66;
	if (row->kind == LOCKED && random() % 3 == 0)
		bytes[at++] = 0xf0;
	u8 rex = random() % 2 ? (u8)(0x40 | random() % 16) : 0;
	if (rex)
		bytes[at++] = rex;
	memcpy(bytes + at, row->bytes, row->count);
	at += row->count;
	at += put_memory(bytes + at, row->reg);
	immediate = row->immediate == Z ? (rex & 8 ? 4 : small ? 2 : 4) : row->immediate;
	for (unsigned i = 0; i < immediate; i++)
		bytes[at++] = (u8)random64();
	ck_assert_int_eq(insn_decode(&insn, bytes, at, INSN_MODE_64), OK);
	ck_assert_uint_eq(insn.length, at);
	u64 target = any_target();
	if (row->kind == BITS) {
		s64 offset = random() % 2000 - 1000;

		state.gprs[insn.reg] = (state.gprs[insn.reg] & ~size_mask(insn.operand_bytes)) | ((u64)offset & size_mask(insn.operand_bytes));
		target = (u64)(uintptr_t)area + PAGE_SIZE + (u64)random() % 100;
		if (insn.reg == insn.base || insn.reg == INSN_RSP)
			return;
	}
	if (row->bytes[0] == 0x0f && (u8)row->bytes[1] == 0xc7 && random() % 2)
		target &= ~15ull;
	if (!aim(&insn, &state, target))
		return;
	if (row->bytes[0] == 0x0f && (u8)row->bytes[1] == 0xc7 && random() % 2 && in_area(target, 16)) { /* let it be equal at times */
		memcpy(&state.gprs[INSN_RAX], start + (target - (u64)(uintptr_t)area), 8);
		memcpy(&state.gprs[INSN_RDX], start + (target - (u64)(uintptr_t)area) + (rex & 8 ? 8 : 4), 8);
		if (!aim(&insn, &state, target))
			return;
	}
	compare(&insn, bytes, &state, row->kind == SHIFT ? shift_undefined(&insn, &state) : row->undefined);
}

START_TEST(integer_instructions)
{
	ck_assert(native_init());
	for (size_t row = (size_t)_i; row < ARRAY_SIZE(rows); row += 4)
		for (unsigned i = 0; i < rounds(); i++)
			one_case(&rows[row]);
}
END_TEST

START_TEST(string_instructions)
{
	static const u8 opcodes[] = { 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };
	struct native_state state;
	struct insn insn;

	ck_assert(native_init());
	for (unsigned i = 0; i < 10 * rounds(); i++) {
		u8 bytes[8];
		unsigned at = 0;

		random_state(&state);
		if (random() % 4 == 0)
			bytes[at++] = 0x66;
		if (random() % 4)
			bytes[at++] = random() % 2 ? 0xf2 : 0xf3;
		if (random() % 3 == 0)
			bytes[at++] = (u8)(0x40 | random() % 16);
		bytes[at++] = opcodes[(size_t)random() % sizeof(opcodes)];
		ck_assert_int_eq(insn_decode(&insn, bytes, at, INSN_MODE_64), OK);
		state.gprs[INSN_RCX] = (u64)random() % 80;
		state.gprs[INSN_RSI] = any_target();
		state.gprs[INSN_RDI] = any_target();
		if (random() % 2)
			state.rflags |= FLAG_DF;
		if (random() % 2) /* equal for a while */
			memset(start, (int)(state.gprs[INSN_RAX] = random() % 2 ? 0 : ~0ull), AREA);
		/* A fault in the middle of a REP: the native registers at that point are the kernel's to know; memory is compared. */
		compare(&insn, bytes, &state, 0);
	}
}
END_TEST

START_TEST(stack_instructions)
{
	struct native_state state;
	struct insn insn;

	ck_assert(native_init());
	for (unsigned i = 0; i < 5 * rounds(); i++) {
		u8 bytes[24];
		unsigned at = 0;
		bool memory = false;

		random_state(&state);
		state.gprs[INSN_RSP] = (u64)(uintptr_t)area + 200 + (u64)random() % (AREA - 400);
		if (random() % 4 == 0)
			bytes[at++] = 0x66;
		if (random() % 2)
			bytes[at++] = (u8)(0x40 | random() % 16);
		switch (random() % 5) {
		case 0: bytes[at++] = (u8)(0x50 + random() % 8); break;
		case 1: bytes[at++] = (u8)(0x58 + random() % 8); break;
		case 2: bytes[at++] = 0x6a; bytes[at++] = (u8)random(); break;
		case 3: bytes[at++] = 0xff; at += put_memory(bytes + at, 6); memory = true; break;
		default: bytes[at++] = 0x8f; at += put_memory(bytes + at, 0); memory = true;
		}
		ck_assert_int_eq(insn_decode(&insn, bytes, at, INSN_MODE_64), OK);
		if (memory && (!aim(&insn, &state, (u64)(uintptr_t)area + (u64)random() % (AREA - 8)) || insn.index == INSN_RSP))
			continue;
		compare(&insn, bytes, &state, 0);
	}
	/* POP (RSP): the address uses the RSP after the pop */
	static const u8 pop_rsp[] = { 0x8f, 0x44, 0x24, 0x08 };
	random_state(&state);
	ck_assert_int_eq(insn_decode(&insn, pop_rsp, sizeof(pop_rsp), INSN_MODE_64), OK);
	ck_assert_int_eq(compare(&insn, pop_rsp, &state, 0), INSN_DONE);
}
END_TEST

struct vector_form { u8 prefix, map, opcode; bool vvvv, only_128; };
static const struct vector_form vector_forms[] = {
	{ 0xf3, 1, 0x6f, 0, 0 }, { 0xf3, 1, 0x7f, 0, 0 }, { 0x66, 1, 0x6f, 0, 0 }, { 0x66, 1, 0x7f, 0, 0 }, { 0, 1, 0x10, 0, 0 }, { 0, 1, 0x11, 0, 0 },
	{ 0x66, 1, 0x10, 0, 0 }, { 0x66, 1, 0x11, 0, 0 }, { 0, 1, 0x28, 0, 0 }, { 0, 1, 0x29, 0, 0 }, { 0x66, 1, 0x28, 0, 0 }, { 0x66, 1, 0x29, 0, 0 },
	{ 0, 1, 0x2b, 0, 0 }, { 0x66, 1, 0x2b, 0, 0 }, { 0x66, 1, 0xe7, 0, 0 }, { 0x66, 2, 0x2a, 0, 0 }, { 0xf2, 1, 0xf0, 0, 0 },
	{ 0xf3, 1, 0x10, 0, 1 }, { 0xf3, 1, 0x11, 0, 1 }, { 0xf2, 1, 0x10, 0, 1 }, { 0xf2, 1, 0x11, 0, 1 }, { 0x66, 1, 0x6e, 0, 1 },
	{ 0x66, 1, 0x7e, 0, 1 }, { 0xf3, 1, 0x7e, 0, 1 }, { 0x66, 1, 0xd6, 0, 1 }, { 0, 1, 0x12, 1, 1 }, { 0, 1, 0x13, 0, 1 },
	{ 0x66, 1, 0x12, 1, 1 }, { 0x66, 1, 0x13, 0, 1 }, { 0, 1, 0x16, 1, 1 }, { 0, 1, 0x17, 0, 1 }, { 0x66, 1, 0x16, 1, 1 }, { 0x66, 1, 0x17, 0, 1 },
};

static unsigned put_vector(u8 *bytes, const struct vector_form *form, bool vex)
{
	unsigned at = 0;
	u8 rex = (u8)(random() % 16);

	if (vex) {
		u8 pp = form->prefix == 0x66 ? 1 : form->prefix == 0xf3 ? 2 : form->prefix == 0xf2 ? 3 : 0;
		/* scalar 256-bit forms are #UD on some CPUs and ignored on others: not generated */
		u8 l = form->only_128 ? 0 : (u8)(random() % 2), vvvv = form->vvvv ? (u8)(random() % 16) : 15;

		bytes[at++] = 0xc4;
		bytes[at++] = (u8)((~rex & 7) << 5 | form->map);
		bytes[at++] = (u8)((rex & 8) << 4 | vvvv << 3 | l << 2 | pp);
	} else {
		if (form->prefix)
			bytes[at++] = form->prefix;
		if (random() % 2)
			bytes[at++] = 0x40 | rex;
		bytes[at++] = 0x0f;
		if (form->map == 2)
			bytes[at++] = 0x38;
	}
	bytes[at++] = form->opcode;
	return at + put_memory(bytes + at, -1);
}

START_TEST(vector_moves)
{
	struct native_state state;
	struct insn insn;

	ck_assert(native_init());
	if (!__builtin_cpu_supports("avx2")) {
		fprintf(stderr, "SKIP vector_moves: the build machine has no AVX2\n");
		return;
	}
	for (unsigned i = 0; i < 100 * ARRAY_SIZE(vector_forms); i++) {
		const struct vector_form *form = &vector_forms[i % ARRAY_SIZE(vector_forms)];
		u8 bytes[24];
		unsigned length = put_vector(bytes, form, random() % 2);

		random_state(&state);
		state.with_vectors = 1;
		for (unsigned n = 0; n < 16 * 32; n++)
			state.vectors[n / 32][n % 32] = (u8)random();
		ck_assert_int_eq(insn_decode(&insn, bytes, length, INSN_MODE_64), OK);
		u64 target = any_target();
		if (random() % 4)
			target &= ~31ull;
		if (aim(&insn, &state, target))
			compare(&insn, bytes, &state, 0);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("insn_native");
	TCase *tcase = tcase_create("native");
	u8 *map = mmap(NULL, AREA + 2 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	area = map + PAGE_SIZE;
	mprotect(area, AREA, PROT_READ | PROT_WRITE);
	srandom(20261121);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, integer_instructions, 0, 4);
	tcase_add_test(tcase, string_instructions);
	tcase_add_test(tcase, stack_instructions);
	tcase_add_test(tcase, vector_moves);
	suite_add_tcase(suite, tcase);
	return suite;
}

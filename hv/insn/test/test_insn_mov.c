/* SPDX-License-Identifier: MIT */
/* LINK: hv/insn/insn_mov.c hv/insn/insn_decode.c hv/insn/insn_opcodes.c hv/insn/insn_emulate.c hv/insn/insn_operand.c hv/insn/insn_alu.c hv/insn/insn_string.c hv/insn/insn_stack.c hv/insn/insn_vector.c */
/* The short way for moves: which forms it knows, and that it agrees with the general way on them and on random ones. */
#include "hv/insn/test/mov_compare.h"
#include "hv/lib/test/unit.h"

#define RIP 0xffffffff81001000ull
#define TO_READ 0x8877665544332211ull

struct row { const char *name, *bytes; u8 length; bool known; };
#define ROW(name, bytes, known) { name, bytes, sizeof(bytes) - 1, known }
static const struct row rows[] = {
	ROW("mov %eax, (%rdi)", "\x89\x07", true), ROW("mov (%rdi), %eax", "\x8b\x07", true),
	ROW("mov (%r9), %eax", "\x41\x8b\x01", true), ROW("mov %r12, (%r13)", "\x4d\x89\x65\x00", true),
	ROW("mov %al, (%rdi)", "\x88\x07", true), ROW("mov (%rdi), %dl", "\x8a\x17", true),
	ROW("mov (%rdi), %sil", "\x40\x8a\x37", true), ROW("mov (%rdi), %dh", "\x8a\x37", false),
	ROW("mov 8(%rsi), %rcx", "\x48\x8b\x4e\x08", true), ROW("mov -8(%rsi), %ecx", "\x8b\x4e\xf8", true),
	ROW("mov 0x12345678(%rsi), %ecx", "\x8b\x8e\x78\x56\x34\x12", true),
	ROW("mov (%rsi, %rbx, 4), %ecx", "\x8b\x0c\x9e", true), ROW("mov (%rsp), %ecx", "\x8b\x0c\x24", true),
	ROW("mov 4(%r12), %ecx", "\x41\x8b\x4c\x24\x04", true), ROW("mov (%rsi, %r12), %ecx", "\x42\x8b\x0c\x26", true),
	ROW("mov 0x1000, %ecx", "\x8b\x0c\x25\x00\x10\x00\x00", true),
	ROW("mov 0x10(, %rbx, 8), %ecx", "\x8b\x0c\xdd\x10\x00\x00\x00", true),
	ROW("mov %eax, 0x10(%rip)", "\x89\x05\x10\x00\x00\x00", true),
	ROW("movl $1, 0x10(%rip)", "\xc7\x05\x10\x00\x00\x00\x01\x00\x00\x00", true),
	ROW("movl $0x80000001, (%rdi)", "\xc7\x07\x01\x00\x00\x80", true),
	ROW("movq $-1, (%rdi)", "\x48\xc7\x07\xff\xff\xff\xff", true), ROW("movb $0x7f, (%rdi)", "\xc6\x07\x7f", true),
	ROW("movabs %eax, 0xfec00000", "\xa3\x00\x00\xc0\xfe\x00\x00\x00\x00", true),
	ROW("movabs 0xfec00000, %rax", "\x48\xa1\x00\x00\xc0\xfe\x00\x00\x00\x00", true),
	ROW("movabs 0xfec00000, %al", "\xa0\x00\x00\xc0\xfe\x00\x00\x00\x00", true),
	ROW("mov %eax, %ebx", "\x89\xc3", false), ROW("16 bits", "\x66\x89\x07", false), ROW("GS", "\x65\x89\x07", false),
	ROW("32-bit address", "\x67\x89\x07", false), ROW("LOCK", "\xf0\x89\x07", false), ROW("C7 /1", "\xc7\x0f\x00\x00\x00\x00", false),
	ROW("REX that does not stand last", "\x48\x66\x89\x07", false), ROW("XOR", "\x31\x07", false), ROW("MOVZX", "\x0f\xb6\x07", false),
};

static u64 state;

/* xorshift64*: the same every run. */
static u64 next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static void some_registers(u64 gprs[16])
{
	for (unsigned i = 0; i < 16; i++)
		gprs[i] = 0x00007f0000000000ull + (next() & 0xffffffff8ull);
}

START_TEST(test_forms)
{
	u8 bytes[INSN_MOV_BYTES];
	const char *differs;
	u64 gprs[16];
	bool known;

	state = 1;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(bytes, 0x90, sizeof(bytes));
		memcpy(bytes, rows[i].bytes, rows[i].length);
		some_registers(gprs);
		differs = mov_compare(bytes, gprs, RIP, TO_READ, &known);
		ck_assert_msg(known == rows[i].known, "%s: known %d", rows[i].name, known);
		ck_assert_msg(!differs, "%s: %s", rows[i].name, differs);
	}
}
END_TEST

START_TEST(test_random)
{
	static const u8 opcodes[] = { 0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0xa0, 0xa1, 0xa2, 0xa3, 0x8c, 0x00 };
	unsigned known_count = 0;
	u8 bytes[INSN_MOV_BYTES];
	const char *differs;
	u64 gprs[16];
	bool known;

	state = 2;
	for (unsigned i = 0; i < 60000; i++) {
		u64 words[2] = { next(), next() };
		unsigned at = 0;

		memcpy(bytes, words, sizeof(bytes));
		if (next() & 1)
			bytes[at++] = 0x40 | (bytes[15] & 15);
		bytes[at] = opcodes[next() % sizeof(opcodes)];
		some_registers(gprs);
		differs = mov_compare(bytes, gprs, RIP, next(), &known);
		ck_assert_msg(!differs, "%02x %02x %02x %02x…: %s", bytes[0], bytes[1], bytes[2], bytes[3], differs);
		known_count += known;
	}
	ck_assert_uint_gt(known_count, 20000);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("insn_mov");
	TCase *tcase = tcase_create("core");

	tcase_add_test(tcase, test_forms);
	tcase_add_test(tcase, test_random);
	suite_add_tcase(suite, tcase);
	return suite;
}

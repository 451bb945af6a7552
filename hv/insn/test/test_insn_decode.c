/* SPDX-License-Identifier: MIT */
/* LINK: hv/insn/insn_decode.c hv/insn/insn_length.c hv/insn/insn_opcodes.c */
/* The decoder against a table written by hand, and its lengths against binutils' disassembler on random bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hv/insn/insn.h"
#include "hv/lib/test/unit.h"

#define M16 INSN_MODE_16
#define M32 INSN_MODE_32
#define M64 INSN_MODE_64

struct length_row { int mode; int expect; u8 count; u8 bytes[16]; };
#define ROW(mode, expect, ...) { mode, expect, sizeof((u8[]){ __VA_ARGS__ }), { __VA_ARGS__ } }

static const struct length_row length_rows[] = {
	ROW(M64, 2, 0x0f, 0xa2), ROW(M64, 3, 0x48, 0x0f, 0xa2), ROW(M64, 1, 0xf4), ROW(M64, 3, 0x0f, 0x01, 0xd9),
	ROW(M64, 2, 0x8b, 0x07), ROW(M64, 7, 0x48, 0x8b, 0x05, 1, 2, 3, 4), ROW(M64, 8, 0x48, 0x8b, 0x04, 0x25, 1, 2, 3, 4),
	ROW(M64, 10, 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8), ROW(M64, 5, 0xb8, 1, 2, 3, 4), ROW(M64, 4, 0x66, 0xb8, 1, 2),
	ROW(M64, 9, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8), ROW(M64, 6, 0x67, 0xa1, 1, 2, 3, 4), ROW(M32, 5, 0xa1, 1, 2, 3, 4),
	ROW(M16, 3, 0xa1, 1, 2), ROW(M16, 4, 0x67, 0x8b, 0x40, 1),
	ROW(M16, 4, 0x8b, 0x06, 1, 2), ROW(M16, 3, 0x8b, 0x46, 1), ROW(M16, 4, 0x8b, 0x86, 1, 2), ROW(M16, 2, 0x8b, 0x07),
	ROW(M64, 3, 0xf6, 0x07, 1), ROW(M64, 2, 0xf6, 0x17), ROW(M64, 6, 0xf7, 0x07, 1, 2, 3, 4), ROW(M64, 2, 0xf7, 0x1f),
	ROW(M64, 4, 0xc8, 1, 2, 3), ROW(M32, 7, 0xea, 1, 2, 3, 4, 5, 6), ROW(M16, 5, 0xea, 1, 2, 3, 4),
	ROW(M64, ERR_INVALID, 0xea, 1, 2, 3, 4, 5, 6), ROW(M64, ERR_INVALID, 0x06), ROW(M32, 1, 0x06),
	ROW(M64, 3, 0x0f, 0x20, 0x04), ROW(M64, 4, 0x44, 0x0f, 0x22, 0xc0), ROW(M64, 2, 0xf3, 0x90),
	ROW(M64, 4, 0xc5, 0xfe, 0x6f, 0x07), ROW(M64, 5, 0xc4, 0xc1, 0x7e, 0x6f, 0x07), ROW(M32, 2, 0xc5, 0x07),
	ROW(M32, ERR_UNSUPPORTED, 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x07), ROW(M32, 2, 0x62, 0x07),
	ROW(M64, ERR_INVALID, 0x66, 0xc5, 0xfe, 0x6f, 0x07), ROW(M64, ERR_INVALID, 0x0f, 0x04),
	ROW(M64, 2, 0x48, 0x90), ROW(M64, 3, 0x48, 0x66, 0x90),
	/* fourteen prefixes and one byte; one more is too long */
	ROW(M64, 15, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90),
	ROW(M64, ERR_RANGE, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66),
	ROW(M64, ERR_RANGE, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f, 0xb6),
};

START_TEST(lengths_of_the_table)
{
	for (size_t i = 0; i < ARRAY_SIZE(length_rows); i++) {
		const struct length_row *row = &length_rows[i];
		u8 *bytes = malloc(row->count);

		memcpy(bytes, row->bytes, row->count);
		ck_assert_msg(insn_length(bytes, row->count, row->mode) == row->expect, "row %zu: %d", i,
			      insn_length(bytes, row->count, row->mode));
		free(bytes);
	}
}
END_TEST

/* Every cut of every row asks for more, and reads nothing beyond the cut (ASan watches). */
START_TEST(asks_for_more_only_when_it_is_reached)
{
	for (size_t i = 0; i < ARRAY_SIZE(length_rows); i++) {
		const struct length_row *row = &length_rows[i];
		int length = insn_length(row->bytes, row->count, row->mode);

		for (int cut = 0; cut < length; cut++) {
			u8 *bytes = malloc(cut ? (size_t)cut : 1);

			memcpy(bytes, row->bytes, (size_t)cut);
			ck_assert_int_eq(insn_length(bytes, (size_t)cut, row->mode), ERR_AGAIN);
			free(bytes);
		}
	}
}
END_TEST

START_TEST(exits_are_what_they_claim)
{
	static const u8 cpuid[] = { 0x0f, 0xa2, 0x90, 0x90 }, prefixed[] = { 0x2e, 0x48, 0x0f, 0xa2 };
	static const u8 cr[] = { 0x44, 0x0f, 0x22, 0xc3 }, invlpg[] = { 0x41, 0x0f, 0x01, 0x7c, 0x24, 0x08 };
	static const u8 vmmcall[] = { 0x0f, 0x01, 0xd9 }, pause[] = { 0xf3, 0x90 };
	struct insn insn;

	ck_assert_int_eq(insn_exit_length(cpuid, 4, M64, INSN_EXIT_CPUID), 2);
	ck_assert_int_eq(insn_exit_length(cpuid, 2, M64, INSN_EXIT_CPUID), 2);
	ck_assert_int_eq(insn_exit_length(cpuid, 1, M64, INSN_EXIT_CPUID), ERR_AGAIN);
	ck_assert_int_eq(insn_exit_length(prefixed, 4, M64, INSN_EXIT_CPUID), 4);
	ck_assert_int_eq(insn_exit_length(prefixed, 4, M64, INSN_EXIT_RDMSR), ERR_INVALID);
	ck_assert_int_eq(insn_exit_length(vmmcall, 3, M32, INSN_EXIT_VMMCALL), 3);
	ck_assert_int_eq(insn_exit_length(pause, 2, M16, INSN_EXIT_PAUSE), 2);
	ck_assert_int_eq(insn_exit_length(cpuid + 2, 2, M16, INSN_EXIT_PAUSE), ERR_INVALID);
	ck_assert_int_eq(insn_exit_decode(&insn, cr, 4, M64, INSN_EXIT_MOV_TO_CR), 4);
	ck_assert_uint_eq(insn.reg, 8);
	ck_assert_uint_eq(insn.rm, INSN_RBX);
	ck_assert_int_eq(insn_exit_decode(&insn, invlpg, 6, M64, INSN_EXIT_INVLPG), 6);
	ck_assert_uint_eq(insn.base, INSN_R12);
	ck_assert_int_eq(insn.displacement, 8);
	ck_assert_uint_eq(insn.segment, INSN_DS);
	/* Each plain instruction's bytes are the ones that the decoder takes for it, alone and at a page's end. */
	for (unsigned i = 0; i < INSN_EXIT_PLAIN_COUNT; i++) {
		u8 bytes[4] = { 0 };

		memcpy(bytes, &insn_plain[i].bytes, 4);
		ck_assert_int_eq(insn_exit_length(bytes, 4, M64, i), insn_plain[i].length);
		ck_assert_int_eq(insn_exit_length_slow(bytes, insn_plain[i].length, M64, i), insn_plain[i].length);
	}
}
END_TEST

START_TEST(fields_of_operands)
{
	struct insn insn;
	static const u8 sib[] = { 0x65, 0x4e, 0x8b, 0x8c, 0xb5, 0xf0, 0xff, 0xff, 0xff }; /* mov -16(%rbp,%r14,4),%r9 gs */
	static const u8 rip[] = { 0x80, 0x0d, 0x10, 0, 0, 0, 0x80 };                      /* orb $0x80,16(%rip) */
	static const u8 real[] = { 0x8a, 0x42, 0xfe };                                    /* mov -2(%bp,%si),%al */
	static const u8 vex[] = { 0xc4, 0x41, 0x7f, 0x7f, 0x7e, 0x20 };

	ck_assert_int_eq(insn_decode(&insn, sib, sizeof(sib), M64), OK);
	ck_assert_uint_eq(insn.reg, 9);
	ck_assert_uint_eq(insn.base, INSN_RBP);
	ck_assert_uint_eq(insn.index, 14);
	ck_assert_uint_eq(insn.scale_shift, 2);
	ck_assert_int_eq(insn.displacement, -16);
	ck_assert_uint_eq(insn.segment, INSN_GS);
	ck_assert_uint_eq(insn.operand_bytes, 8);
	ck_assert_int_eq(insn_decode(&insn, rip, sizeof(rip), M64), OK);
	ck_assert(insn.rip_relative);
	ck_assert_int_eq(insn.displacement, 16);
	ck_assert_uint_eq(insn.immediate, 0x80);
	ck_assert_uint_eq(insn_immediate(&insn), ~(u64)0x7f);
	ck_assert_int_eq(insn_decode(&insn, real, sizeof(real), M16), OK);
	ck_assert_uint_eq(insn.segment, INSN_SS);
	ck_assert_uint_eq(insn.base, INSN_RBP);
	ck_assert_uint_eq(insn.index, INSN_RSI);
	ck_assert_int_eq(insn.displacement, -2);
	ck_assert_int_eq(insn_decode(&insn, vex, sizeof(vex), M64), OK);
	ck_assert_uint_eq(insn.prefixes, INSN_VEX | INSN_REPNE);
	ck_assert(insn.vex_256);
	ck_assert_uint_eq(insn.reg, 15);
	ck_assert_uint_eq(insn.base, INSN_R14);
	ck_assert_uint_eq(insn.vex_register, 0);
}
END_TEST

#define SLOTS 30000
#define SLOT 32
static u8 slots[SLOTS * SLOT];
static u8 objdump_length[SLOTS];

static void fill_slots(unsigned seed, int mode)
{
	static const u8 prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x64, 0x65 };

	srand(seed);
	memset(slots, 0x90, sizeof(slots));
	for (unsigned i = 0; i < SLOTS; i++) {
		u8 *at = &slots[i * SLOT];

		for (int n = rand() % 3; n > 1; n--)
			*at++ = prefixes[(size_t)rand() % sizeof(prefixes)];
		if (mode == M64 && rand() % 2)
			*at++ = (u8)(0x40 | rand() % 16);
		switch (rand() % 4) {
		case 0: break;
		case 1: *at++ = 0x0f; break;
		case 2: *at++ = 0x0f; *at++ = rand() % 2 ? 0x38 : 0x3a; break;
		default: break;
		}
		for (int n = 0; n < 13; n++)
			*at++ = (u8)rand();
	}
}

/* Lines read "  123:\t8b 45 fc             \tmov ...". Leaves 0 where objdump saw no whole instruction. */
static void run_objdump(const char *machine)
{
	char name[] = "/tmp/solera-insn-XXXXXX", command[200], line[400];
	int file = mkstemp(name);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(write(file, slots, sizeof(slots)), (ssize_t)sizeof(slots));
	close(file);
	snprintf(command, sizeof(command), "objdump -D -z --insn-width=16 -b binary -m i386 -M %s %s", machine, name);
	FILE *pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	memset(objdump_length, 0, sizeof(objdump_length));
	while (fgets(line, sizeof(line), pipe)) {
		char *rest;
		unsigned long address = strtoul(line, &rest, 16);
		unsigned count = 0;

		if (rest == line || strncmp(rest, ":\t", 2) != 0 || address % SLOT != 0)
			continue;
		for (rest += 2; rest[0] != ' ' && rest[0] != '\t' && rest[2] == ' '; rest += 3)
			count++;
		char *text = strchr(rest, '\t');
		static const char *const alone[] = { "(bad)", "rex", "data16\n", "lock\n", "repz\n", "repnz\n", "addr32\n", "addr16\n",
						     "cs\n", "ss\n", "ds\n", "es\n", "fs\n", "gs\n", "data32\n", "fwait",
						     "ud0", "loadall", "xstore", "xcrypt", "montmul", "xsha", "{evex}", "getsec" };
		for (size_t i = 0; text && i < ARRAY_SIZE(alone); i++)
			if (strstr(text, alone[i]))
				text = NULL;
		if (text && address / SLOT < SLOTS)
			objdump_length[address / SLOT] = (u8)count;
	}
	ck_assert_int_eq(pclose(pipe), 0);
	unlink(name);
}

/* It shows the 386's test registers, VEX after prefixes that forbid it, and FWAIT as a part of what follows. */
static bool binutils_is_lenient(const u8 *b)
{
	bool prefixed = false;

	for (; strchr("\x66\x67\xf2\xf3\xf0\x2e\x36\x64\x65", *b) || (*b & 0xf0) == 0x40; b++)
		prefixed |= true;
	return (b[0] == 0x0f && (b[1] & 0xfd) == 0x24) || (prefixed && (b[0] == 0xc4 || b[0] == 0xc5)) || b[0] == 0x9b;
}

START_TEST(lengths_agree_with_binutils)
{
	static const char *const machines[] = { [M16] = "i8086", [M32] = "i386", [M64] = "x86-64,amd64" };
	unsigned compared = 0, wrong = 0;

	fill_slots(7 + (unsigned)_i, _i);
	run_objdump(machines[_i]);
	for (unsigned i = 0; i < SLOTS; i++) {
		const u8 *b = &slots[i * SLOT];
		int length = insn_length(b, SLOT, _i);

		if (!objdump_length[i] || length == ERR_UNSUPPORTED || binutils_is_lenient(b))
			continue;
		compared++;
		if (length == objdump_length[i])
			continue;
		wrong++;
		fprintf(stderr, "mode %d: ours %d, objdump %u: %02x %02x %02x %02x %02x %02x %02x %02x\n", _i, length,
			objdump_length[i], b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(compared, SLOTS / 3);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("insn_decode");
	TCase *tcase = tcase_create("decode");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, lengths_of_the_table);
	tcase_add_test(tcase, asks_for_more_only_when_it_is_reached);
	tcase_add_test(tcase, exits_are_what_they_claim);
	tcase_add_test(tcase, fields_of_operands);
	tcase_add_loop_test(tcase, lengths_agree_with_binutils, 0, 3);
	suite_add_tcase(suite, tcase);
	return suite;
}

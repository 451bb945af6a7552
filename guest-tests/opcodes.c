/* SPDX-License-Identifier: MIT */
/*
 * Privileged and virtualisation opcodes of both vendors, as a guest that has neither extension may expect them; and the
 * length of intercepted instructions with prefixes, at page ends, and beyond fifteen bytes.
 */
#include "guest-tests/lib/guest.h"

#define HOLE 0x0ca00000ull
#define ALIAS (HOLE - 0x200000)
#define UD 6
#define GP 13

/* Bytes executed with RAX = 0, RCX = 0, RDX = 0 and RSI = a harmless buffer; RET follows. */
static u8 code[64] __attribute__((aligned(64)));
static u8 operand[64] __attribute__((aligned(64)));

static void run_code(void *argument)
{
	u64 rax = 0, rcx = 0, rdx = 0;

	__asm__ volatile("call *%3" : "+a"(rax), "+c"(rcx), "+d"(rdx) : "r"(argument), "S"(operand) : "rbx", "rdi", "r8", "r9", "r10", "memory");
}

static int execute(const char *bytes, unsigned length)
{
	memcpy(code, bytes, length);
	code[length] = 0xc3;
	return trapped(run_code, code);
}

struct row { const char *name, *bytes; u8 length; int vector; };
#define ROW(name, bytes, vector) { name, bytes, sizeof(bytes) - 1, vector }
static const struct row rows[] = {
	ROW("VMRUN", "\x0f\x01\xd8", UD), ROW("VMLOAD", "\x0f\x01\xda", UD), ROW("VMSAVE", "\x0f\x01\xdb", UD),
	ROW("STGI", "\x0f\x01\xdc", UD), ROW("CLGI", "\x0f\x01\xdd", UD), ROW("SKINIT", "\x0f\x01\xde", UD),
	ROW("INVLPGA", "\x0f\x01\xdf", UD), ROW("VMLAUNCH", "\x0f\x01\xc2", UD), ROW("VMRESUME", "\x0f\x01\xc3", UD),
	ROW("VMXOFF", "\x0f\x01\xc4", UD), ROW("VMXON", "\xf3\x0f\xc7\x36", UD), ROW("VMCLEAR", "\x66\x0f\xc7\x36", UD),
	ROW("VMPTRLD", "\x0f\xc7\x36", UD), ROW("VMPTRST", "\x0f\xc7\x3e", UD), ROW("VMREAD", "\x0f\x78\xc1", UD),
	ROW("VMWRITE", "\x0f\x79\xc1", UD), ROW("INVEPT", "\x66\x0f\x38\x80\x06", UD), ROW("INVVPID", "\x66\x0f\x38\x81\x06", UD),
	ROW("VMFUNC", "\x0f\x01\xd4", UD), ROW("GETSEC", "\x0f\x37", UD), ROW("RSM", "\x0f\xaa", UD),
	ROW("ENCLS", "\x0f\x01\xcf", UD), ROW("ENCLU", "\x0f\x01\xd7", UD), ROW("PCONFIG", "\x0f\x01\xc5", UD),
	ROW("UD2", "\x0f\x0b", UD), ROW("an opcode that is none", "\x0f\x04", UD),
	ROW("MOV to CR1", "\x0f\x22\xc8", UD), ROW("MOV from CR5", "\x0f\x20\xe8", UD),
	ROW("INT3", "\xcc", 3),
	ROW("WBINVD", "\x0f\x09", NO_TRAP), ROW("INVD", "\x0f\x08", NO_TRAP), ROW("INVLPG", "\x0f\x01\x3e", NO_TRAP),
	ROW("INVLPG of a non-canonical address", "\x48\xbe\x00\x00\x00\x00\x00\x00\x00\x80\x0f\x01\x3e", NO_TRAP),
	ROW("CLTS", "\x0f\x06", NO_TRAP), ROW("PAUSE", "\xf3\x90", NO_TRAP), ROW("CPUID", "\x0f\xa2", NO_TRAP),
	ROW("CPUID with REX", "\x48\x0f\xa2", NO_TRAP), ROW("CPUID with a segment prefix", "\x2e\x0f\xa2", NO_TRAP),
	ROW("CPUID with 66, 67 and F3", "\x66\x67\xf3\x0f\xa2", NO_TRAP),
	ROW("CPUID of 15 bytes", "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x0f\xa2", NO_TRAP),
	ROW("CPUID of 16 bytes", "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x0f\xa2", GP),
	ROW("RDTSC", "\x0f\x31", NO_TRAP), ROW("RDMSR with a prefix", "\xb9\x1b\x00\x00\x00\x3e\x0f\x32", NO_TRAP),
	ROW("RDMSR of no MSR", "\xb9\xff\xff\xff\xff\x0f\x32", GP), ROW("WRMSR of no MSR", "\xb9\xff\xff\xff\xff\x0f\x30", GP),
	ROW("MOV from CR0 with REX", "\x41\x0f\x20\xc0", NO_TRAP), ROW("MOV from CR3", "\x0f\x20\xd8", NO_TRAP),
	ROW("MOV from CR8", "\x44\x0f\x20\xc0", NO_TRAP), ROW("MOV from DR7", "\x0f\x21\xf8", NO_TRAP),
	ROW("SMSW to memory", "\x0f\x01\x26", NO_TRAP),
};

/*
 * What QEMU's TCG does otherwise than CPUs, whoever is the hypervisor (docs/skips.md): its own answer is a SKIP, where only an
 * AMD CPU could give it; so silicon and Bochs must be right.
 */
static const struct { struct row row; int tcg_vector; } isolated[] = {
	{ ROW("ICEBP", "\xf1", 1), UD },
	{ ROW("LOCK CPUID", "\xf0\x0f\xa2", UD), NO_TRAP },
};

static void test_isolated(void)
{
	bool amd = cpuid(0, 0).ecx == 0x444d4163; /* "cAMD" */

	for (unsigned i = 0; i < sizeof(isolated) / sizeof(isolated[0]); i++) {
		const struct row *row = &isolated[i].row;
		int vector = execute(row->bytes, row->length);

		if (vector == isolated[i].tcg_vector && amd) {
			skip("%s", row->name);
			continue;
		}
		if (vector != row->vector)
			note("%s: vector %d instead of %d", row->name, vector, row->vector);
		report(vector == row->vector, "%s", row->name);
	}
}

/* The vendor's own hypercall with an unknown number; the other vendor's is no instruction. */
static void test_hypercalls(void)
{
	bool amd = cpuid(0, 0).ecx == 0x444d4163; /* "cAMD" */
	static const char vmmcall[] = "\x0f\x01\xd9", vmcall[] = "\x0f\x01\xc1";
	u64 rax = 0x1234567;

	if (amd)
		__asm__ volatile("vmmcall" : "+a"(rax)::"memory");
	else
		__asm__ volatile("vmcall" : "+a"(rax)::"memory");
	report(rax == (u64)-1000, "an unknown hypercall says that it is unknown");
	report(execute(amd ? vmcall : vmmcall, 3) == UD, "the other vendor's hypercall");
}

/* The instruction ends with the page, and the next page is not there. */
static void test_page_end(void)
{
	u8 *at = (u8 *)HOLE - 2;

	memcpy(at, "\x0f\xa2", 2);
	report(trapped(run_code, at) == 14 && last_trap.rip == HOLE && last_cr2 == HOLE, "CPUID as the last two bytes before a hole");
	memcpy(at - 1, "\x0f\x01\xd8", 3);
	report(trapped(run_code, at - 1) == UD && last_trap.rip == (u64)at - 1, "VMRUN there");
	at[1] = 0x0f;
	report(trapped(run_code, at + 1) == 14 && last_cr2 == HOLE, "half an instruction there");
}

void test_main(void)
{
	page_directories[ALIAS >> 21] = 0x600000 | 0x83;
	page_directories[HOLE >> 21] = 0;
	write_cr3(read_cr3());
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int vector = execute(rows[i].bytes, rows[i].length);

		if (vector != rows[i].vector)
			note("%s: vector %d instead of %d", rows[i].name, vector, rows[i].vector);
		report(vector == rows[i].vector, "%s", rows[i].name);
	}
	test_isolated();
	test_hypercalls();
	test_page_end();
}

/* SPDX-License-Identifier: MIT */
/*
 * Every exception that software can raise: its vector, its error code, where RIP stands; INT n of each vector; and tables that
 * are not right: a gate that is not present, an IDT too short, a stack of the TSS too far, and the double faults that come of it.
 * How a machine ends when even that fails: ends.c. SDM vol. 3, "Exception and Interrupt Reference" (6.15).
 */
#include "guest-tests/lib/guest.h"

#define DE 0
#define BP 3
#define OF 4
#define BR 5
#define UD 6
#define NM 7
#define DF 8
#define TS 10
#define NP 11
#define SS 12
#define GP 13
#define PF 14
#define MF 16
#define AC 17
#define XM 19
#define CR0_NE (1ull << 5)
#define CR0_TS (1ull << 3)
#define CR0_AM (1ull << 18)
#define NON_CANONICAL 0x8000000000000000ull
#define SPARE 0x28 /* a descriptor of the library's that this test bends */
#define TASK 0x40
#define HOLE 0x40000000ull /* this test takes the page away */

static void divide_by_zero(void *unused)
{
	(void)unused;
	__asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" ::: "rax", "rcx", "rdx");
}

static void divide_overflow(void *unused)
{
	(void)unused;
	__asm__ volatile("mov $1, %%edx; mov $1, %%ecx; div %%ecx" ::: "rax", "rcx", "rdx");
}

static void int3(void *unused)
{
	(void)unused;
	__asm__ volatile("int3");
}

static void ud2(void *unused)
{
	(void)unused;
	__asm__ volatile("ud2");
}

static void x87(void *unused)
{
	(void)unused;
	__asm__ volatile("fnop");
}

static void load_ds(void *selector)
{
	__asm__ volatile("mov %w0, %%ds" ::"r"((u64)selector));
}

static void load_ss(void *selector)
{
	__asm__ volatile("mov %w0, %%ss" ::"r"((u64)selector));
}

/* By RBP, whose segment is SS; the stack itself stays where the exception can be delivered to. */
static void read_stack_far_away(void *unused)
{
	(void)unused;
	__asm__ volatile("push %%rbp; mov %0, %%rbp; mov (%%rbp), %%rax; pop %%rbp" ::"r"(NON_CANONICAL) : "rax", "memory");
}

/* With the stack itself there: the #SS finds none to be delivered on, and the double fault has its own. */
static void push_far_away(void *unused)
{
	(void)unused;
	__asm__ volatile("mov %%rsp, %%rcx; mov %0, %%rsp; push %%rax; mov %%rcx, %%rsp" ::"r"(NON_CANONICAL) : "rcx", "memory");
}

static void read_at(void *address)
{
	u64 value;

	__asm__ volatile("mov (%1), %0" : "=r"(value) : "r"(address) : "memory");
}

static void write_at(void *address)
{
	__asm__ volatile("movb $1, (%0)" ::"r"(address) : "memory");
}

static void call(void *address)
{
	((void (*)(void))(u64)address)();
}

static void x87_divides_by_zero(void *unused)
{
	u16 control = 0x037b; /* zero divide is not masked */

	(void)unused;
	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(control));
}

static void sse_divides_by_zero(void *unused)
{
	u32 control = 0x1d80;
	float one = 1, zero = 0;

	(void)unused;
	__asm__ volatile("ldmxcsr %0; movss %1, %%xmm0; divss %2, %%xmm0" ::"m"(control), "m"(one), "m"(zero));
}

/* CPL 3, then one instruction, or the INT that comes home when it raised nothing. */
#define USER(name, instruction)                                                                                   \
	__asm__(".text\n" #name ":\n"                                                                             \
		"	pushq $0x33; pushq %rsp; addq $8, (%rsp); pushfq; orq $0x40000, (%rsp)\n" /* AC */           \
		"	pushq $0x3b; pushq $1f; iretq\n"                                                            \
		"1:	mov $user_data, %rdi\n" instruction "\n	int $0x60\n");                                   \
	void name(void *unused)
USER(user_aligned, "mov 8(%rdi), %rax");
USER(user_misaligned, "mov 3(%rdi), %rax");
USER(user_reads_hole, "mov 0x40000000, %rax");
USER(user_halts, "hlt");
u64 user_data[2];

/* In compatibility mode, where INTO and BOUND are. */
#define COMPATIBILITY(name, code)                                                                                 \
	__asm__(".text\n" #name ":\n"                                                                             \
		"	pushq $0x18; pushq $1f; lretq\n"                                                            \
		".code32\n1:	" code "\n	int $0x60\n.code64\n");                                          \
	void name(void *unused)
COMPATIBILITY(into, "mov $0x7fffffff, %eax; inc %eax; into");
COMPATIBILITY(bound, "mov $7, %eax; .byte 0x62, 0x05; .long bounds");
const u32 bounds[2] = { 1, 6 };

/* What ends a function that came to no exception. */
static void home(struct trap_frame *frame)
{
	(void)end_trial(frame);
}

static bool raises(void (*function)(void *), u64 argument, int vector, u64 error_code)
{
	int found = trapped(function, (void *)argument);

	if (found != vector || last_trap.error_code != error_code)
		note("vector %d, error code %lx", found, last_trap.error_code);
	return found == vector && last_trap.error_code == error_code;
}

/* The same, but for an emulator's answer that is known to be wrong (docs/skips.md). */
static void judge(void (*function)(void *), u64 argument, int vector, u64 error_code, int odd_vector, u64 odd_code, const char *name)
{
	int found = trapped(function, (void *)argument);

	if (found == odd_vector && (found == NO_TRAP || last_trap.error_code == odd_code)) {
		skip("%s", name);
		return;
	}
	if (found != vector || last_trap.error_code != error_code)
		note("vector %d, error code %lx", found, last_trap.error_code);
	report(found == vector && last_trap.error_code == error_code, "%s", name);
}

static void test_arithmetic(void)
{
	report(raises(divide_by_zero, 0, DE, 0), "#DE: division by zero");
	report(raises(divide_overflow, 0, DE, 0), "#DE: a quotient too large");
	write_cr0(read_cr0() | CR0_NE);
	report(raises(x87_divides_by_zero, 0, MF, 0), "#MF: x87, division by zero");
	__asm__ volatile("fninit");
	judge(sse_divides_by_zero, 0, XM, 0, NO_TRAP, 0, "#XM: SSE, division by zero");
	write_cr0(read_cr0() | CR0_TS);
	report(raises(x87, 0, NM, 0), "#NM: x87 with CR0.TS");
	__asm__ volatile("clts");
}

static void test_instructions(void)
{
	report(raises(int3, 0, BP, 0) && *(u8 *)(last_trap.rip - 1) == 0xcc, "#BP: RIP is behind INT3");
	report(raises(ud2, 0, UD, 0) && *(u16 *)last_trap.rip == 0x0b0f, "#UD: RIP is at UD2");
	report(raises(into, 0, OF, 0) && *(u8 *)(last_trap.rip - 1) == 0xce, "#OF: INTO in compatibility mode, RIP behind it");
	report(raises(bound, 0, BR, 0) && *(u8 *)last_trap.rip == 0x62, "#BR: BOUND in compatibility mode, RIP at it");
}

static void test_segments(void)
{
	u64 saved = gdt[SPARE / 8];

	report(raises(load_ds, 0x1008, GP, 0x1008), "#GP with a selector: beyond the GDT");
	report(raises(load_ds, 4, GP, 4), "#GP with a selector: there is no LDT");
	gdt[SPARE / 8] = saved & ~(1ull << 47);
	report(raises(load_ds, SPARE, NP, SPARE), "#NP: a data segment that is not present");
	report(raises(load_ss, SPARE, SS, SPARE), "#SS: a stack segment that is not present");
	gdt[SPARE / 8] = saved;
	report(raises(read_at, NON_CANONICAL, GP, 0), "#GP(0): a non-canonical address");
	judge(read_stack_far_away, 0, SS, 0, GP, 0, "#SS(0): a non-canonical address by RBP");
	report(raises(push_far_away, 0, DF, 0), "#DF: a non-canonical stack, also for the #SS");
}

static void flush(void)
{
	write_cr3(read_cr3());
}

static void test_pages(void)
{
	u64 *entry = &page_directories[HOLE >> 21], saved = *entry;

	*entry = 0, flush();
	report(raises(read_at, HOLE + 8, PF, 0) && last_cr2 == HOLE + 8, "#PF: a read of a page that is not there");
	report(raises(write_at, HOLE + 8, PF, 2), "#PF: a write");
	report(raises(call, HOLE + 8, PF, 0x10) && last_trap.rip == HOLE + 8, "#PF: a fetch");
	report(raises(user_reads_hole, 0, PF, 4), "#PF: a read at CPL 3");
	*entry = saved & ~2ull, flush();
	report(raises(write_at, HOLE, PF, 3), "#PF: a write to a read-only page");
	report(raises(user_reads_hole, 0, PF, 5), "#PF: the supervisor's page at CPL 3");
	*entry = saved | 1ull << 63, flush();
	report(raises(call, HOLE, PF, 0x11), "#PF: a fetch from a no-execute page");
	*entry = saved | 1ull << 51, flush();
	judge(read_at, HOLE, PF, 9, PF, 8, "#PF: a reserved bit");
	*entry = saved, flush();
}

static void test_user(void)
{
	report(raises(user_halts, 0, GP, 0), "#GP(0): HLT at CPL 3");
	write_cr0(read_cr0() | CR0_AM);
	report(raises(user_aligned, 0, 0x60, 0), "no #AC for an aligned read at CPL 3");
	judge(user_misaligned, 0, AC, 0, 0x60, 0, "#AC: a misaligned read at CPL 3");
	write_cr0(read_cr0() & ~CR0_AM);
}

static u8 code[4]; /* INT n; RET */
static volatile unsigned came, came_wrong;

static void on_int(struct trap_frame *frame)
{
	came += frame->vector == code[1] && frame->rip == (u64)code + 2;
	came_wrong += frame->vector != code[1];
}

/* INT n pushes no error code, so those vectors whose stub expects one are left out. */
static void test_int(void)
{
	unsigned expected = 0;

	code[0] = 0xcd, code[2] = 0xc3;
	for (unsigned vector = 0; vector < 256; vector++) {
		if (vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
			continue;
		code[1] = (u8)vector;
		set_handler((u8)vector, on_int);
		((void (*)(void))(u64)code)();
		set_handler((u8)vector, NULL);
		expected++;
	}
	set_handler(0x60, home);
	report(came == expected && !came_wrong, "INT n: its vector, RIP behind it");
}

struct table { u16 limit; u64 base; } __attribute__((packed));

static void int_50(void *unused)
{
	(void)unused;
	__asm__ volatile("int $0x50");
}

static u64 *gates(struct table *table)
{
	__asm__ volatile("sidt %0" : "=m"(*table));
	return (u64 *)table->base;
}

static void load_task(u64 limit)
{
	gdt[TASK / 8] = (gdt[TASK / 8] & ~(0xffffull | 0x2ull << 40)) | limit; /* not busy */
	__asm__ volatile("ltr %w0" ::"r"(TASK));
}

/* Error codes name the gate: its number, and 2 for "in the IDT"; the lowest bit only when no INT n led there. */
static void test_tables(void)
{
	struct table table, shorter;
	u64 *gate = gates(&table) + 2 * 0x50, saved = *gate;

	*gate = saved & ~(1ull << 47);
	judge(int_50, 0, NP, 0x50 * 8 + 2, NP, 0x50 * 16 + 2, "#NP: a gate that is not present");
	*gate = saved & ~(0x1full << 40);
	judge(int_50, 0, GP, 0x50 * 8 + 2, GP, 0x50 * 16 + 2, "#GP: a gate of no type");
	*gate = (saved & ~0xffff0000ull) | (u64)SPARE << 16;
	report(raises(int_50, 0, GP, SPARE), "#GP: a gate to a data segment");
	*gate = saved | 7ull << 32;
	load_task(83);
	report(raises(int_50, 0, TS, TASK), "#TS: a stack that the TSS has not");
	load_task(103);
	*gate = saved;
	shorter = (struct table){ 0x50 * 16 - 1, table.base };
	__asm__ volatile("lidt %0" ::"m"(shorter));
	judge(int_50, 0, GP, 0x50 * 8 + 2, GP, 0x50 * 16 + 2, "#GP: beyond the IDT");
	__asm__ volatile("lidt %0" ::"m"(table));
}

/* An exception whose delivery meets another one. */
static void test_double_faults(void)
{
	struct table table;
	u64 *gate = gates(&table) + 2 * GP, saved = *gate, *entry = &page_directories[HOLE >> 21], page = *entry;
	u64 *page_gate = gates(&table) + 2 * PF, page_saved = *page_gate, *ud_gate = gates(&table) + 2 * UD, ud_saved = *ud_gate;

	*gate = saved & ~(1ull << 47);
	report(raises(read_at, NON_CANONICAL, DF, 0), "#DF: #GP, whose gate is not present");
	*gate = saved;
	*entry = 0, flush();
	*page_gate = page_saved & ~(1ull << 47);
	report(raises(read_at, HOLE, DF, 0), "#DF: #PF, whose gate is not present");
	*page_gate = page_saved;
	*ud_gate = ud_saved & ~(1ull << 47);
	judge(ud2, 0, NP, UD * 8 + 3, NP, UD * 16 + 2, "but #NP for #UD, which is benign");
	*ud_gate = ud_saved;
	*entry = page, flush();
}

/* The user's view of the first gigabyte; the hole's own entry stays the supervisor's. */
static void open_to_users(void)
{
	page_root[0] |= 4;
	page_pointers[0] |= 4;
	page_pointers[1] |= 4;
	page_directories[0] |= 4;
	flush();
}

void test_main(void)
{
	set_handler(0x60, home);
	open_to_users();
	{
		struct table table;

		gates(&table)[2 * 0x60] |= 3ull << 45; /* INT 60 from CPL 3 */
	}
	test_arithmetic();
	test_instructions();
	test_segments();
	test_pages();
	test_user();
	test_int();
	test_tables();
	test_double_faults();
}

/* SPDX-License-Identifier: MIT */
/*
 * Control and debug registers, the single step over instructions that exit, and vector registers that stay whole across
 * exits of each kind.
 */
#include "guest-tests/lib/board.h"

#define DB 1
#define UD 6
#define NM 7
#define GP 13
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR4_DE (1ull << 3)
#define CR4_OSXSAVE (1ull << 18)
#define TF 0x100ull

static void sse(void *argument)
{
	(void)argument;
	__asm__ volatile("movaps %xmm0, %xmm0");
}

static void to_cr8(void *argument)
{
	write_cr8(*(u64 *)argument);
}

static void test_control(void)
{
	u64 cr0 = read_cr0(), value;

	write_cr0(cr0 | CR0_TS);
	report(trapped(sse, NULL) == NM, "CR0.TS: #NM");
	__asm__ volatile("clts");
	report(read_cr0() == cr0 && trapped(sse, NULL) == NO_TRAP, "CLTS");
	write_cr0(cr0 | CR0_EM);
	report(trapped(sse, NULL) == UD, "CR0.EM: #UD for SSE");
	write_cr0(cr0);
	write_cr8(9);
	report(read_cr8() == 9 && (mmio_read(LAPIC + 0x80) & 0xff) == 0x90, "CR8 is the APIC's task priority");
	mmio_write(LAPIC + 0x80, 0x35);
	report(read_cr8() == 3, "and the other way round");
	value = 16;
	report(trapped(to_cr8, &value) == GP && read_cr8() == 3, "CR8 has four bits");
	write_cr8(0);
}

static volatile u64 watched;
static volatile unsigned steps;
static u64 seen_dr6, step_rips[16];

static void on_debug(struct trap_frame *frame)
{
	seen_dr6 = read_dr6();
	if (steps < 16)
		step_rips[steps] = frame->rip;
	steps++;
	write_dr6(0xffff0ff0);
	frame->rflags |= 1u << 16; /* RF: past an instruction breakpoint */
}

static __attribute__((noinline)) void marked_code(void)
{
	__asm__ volatile(".globl marked\nmarked: nop");
}
extern u8 marked[];

static void dr4(void *argument)
{
	u64 value;

	(void)argument;
	__asm__ volatile("mov %%dr4, %0" : "=r"(value));
}

static void test_debug(void)
{
	set_handler(DB, on_debug);
	write_dr0((u64)&watched), write_dr1((u64)marked), write_dr2(0x123456), write_dr3(0x789abc);
	report(read_dr0() == (u64)&watched && read_dr3() == 0x789abc, "DR0 to DR3 are kept");
	write_dr7(0x400 | 0x2 | 0x1 << 16 | 0x2 << 18 | 0x8); /* DR0: writes of eight bytes; DR1: execution */
	steps = 0;
	watched = 1;
	report(steps == 1, "a data breakpoint");
	report_dr6((seen_dr6 & 0xf) == 1, "a data breakpoint, by DR6");
	steps = 0;
	marked_code();
	report(steps == 1 && step_rips[0] == (u64)marked, "an instruction breakpoint");
	report_dr6((seen_dr6 & 0xf) == 2, "an instruction breakpoint, by DR6");
	(void)cpuid(0, 0);
	watched = 2;
	report(steps == 2, "breakpoints stay across exits");
	write_dr7(0x400);
	watched = 3;
	report(steps == 2, "and can be taken away");
	write_cr4(read_cr4() | CR4_DE);
	report(trapped(dr4, NULL) == UD, "CR4.DE: DR4 raises #UD");
	write_cr4(read_cr4() & ~CR4_DE);
	report(trapped(dr4, NULL) == NO_TRAP, "without it DR4 is DR6");
}

/* Steps through three instructions of which the middle one exits; the trap comes after each, no earlier and no later. */
#define STEP(name, before, instruction)                                                                                    \
	do {                                                                                                               \
		steps = 0;                                                                                                 \
		__asm__ volatile(before "; pushfq; orq $0x100, (%%rsp); popfq; nop; " instruction "; nop; pushfq; andq $~0x100, (%%rsp); popfq" \
				 ::: "rax", "rbx", "rcx", "rdx", "cc", "memory");                                            \
		report(steps == 6, "single steps over " name);                                                             \
		all_say_step = all_say_step && (seen_dr6 & 0x4000);                                                        \
	} while (0)

static void test_steps(void)
{
	bool all_say_step = true;

	set_handler(DB, on_debug);
	STEP("NOP", "nop", "nop");
	STEP("CPUID", "xorl %%eax, %%eax", "cpuid");
	STEP("RDMSR", "movl $0x1b, %%ecx", "rdmsr");
	STEP("IN", "movl $0x21, %%edx", "inb %%dx, %%al");
	STEP("device memory", "movl $0xfee00030, %%eax", "movl (%%rax), %%ecx");
	STEP("MOV from CR8", "nop", "movq %%cr8, %%rax");
	report_dr6(all_say_step, "single steps, by DR6");
}

static u64 vectors[64] __attribute__((aligned(64))), found[64] __attribute__((aligned(64)));

#define EACH(instruction) ".altmacro\n.macro one n\n" instruction "\n.endm\n.set i, 0\n.rept 16\none %%i\n.set i, i+1\n.endr\n.purgem one\n"

static void take(struct trap_frame *frame)
{
	(void)frame;
	outb(0x20, 0x20);
}

/* Exits of every level: fast, emulated, slow, and a halt, in which the thread leaves the CPU. */
static void exit_in_every_way(void)
{
	(void)cpuid(7, 0);
	(void)rdmsr(0x1b);
	(void)mmio_read(LAPIC + 0x30);
	outb(0x80, 1);
	pic_setup(0xfe, 0xff);
	set_handler(0x40, take);
	pit_channel0(0, 1000);
	__asm__ volatile("sti; hlt; cli" ::: "memory");
	outb(0x21, 0xff);
}

static void test_vectors(void)
{
	for (unsigned i = 0; i < 64; i++)
		vectors[i] = 0x0101010101010101ull * (i + 1);
	__asm__ volatile(EACH("movdqa 16*\\n(%0), %%xmm\\n") ::"r"(vectors) : "memory");
	exit_in_every_way();
	__asm__ volatile(EACH("movdqa %%xmm\\n, 16*\\n(%0)") ::"r"(found) : "memory");
	report(memcmp(vectors, found, 256) == 0, "SSE registers stay whole across exits");
	if ((cpuid(1, 0).ecx >> 26 & 5) != 5) {
		skip("AVX");
		return;
	}
	write_cr4(read_cr4() | CR4_OSXSAVE);
	__asm__ volatile("xsetbv" ::"a"(7), "c"(0), "d"(0));
	__asm__ volatile(EACH("vmovdqa 32*\\n(%0), %%ymm\\n") ::"r"(vectors) : "memory");
	exit_in_every_way();
	__asm__ volatile(EACH("vmovdqa %%ymm\\n, 32*\\n(%0)") ::"r"(found) : "memory");
	report(memcmp(vectors, found, sizeof(vectors)) == 0, "AVX registers stay whole across exits");
}

void test_main(void)
{
	test_control();
	test_debug();
	test_steps();
	test_vectors();
}

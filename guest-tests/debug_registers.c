/* SPDX-License-Identifier: MIT */
/*
 * DR0 to DR3, DR6 and DR7: breakpoints on execution, on data of each length and on ports, general detection, and all of it
 * over exits and over waits, in which other threads use the CPU's registers. Single steps: single_step.c.
 * SDM vol. 3, "Debug Registers" (18.2).
 */
#include "guest-tests/lib/board.h"

#define DB 1
#define UD 6
#define CR4_DE 8u
#define DR6_IDLE 0xffff0ff0u
#define DR6_BD (1u << 13)
#define DR7_IDLE 0x400u
#define DR7_GD (1u << 13)
#define EXECUTE 0u
#define WRITE 1u
#define IO 2u
#define ACCESS 3u

/* DR7's bits of one breakpoint: enabled (globally), what, and how many bytes. */
static u64 armed(unsigned number, unsigned what, unsigned bytes)
{
	static const u8 length[9] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

	return DR7_IDLE | 2ull << (2 * number) | (u64)what << (16 + 4 * number) | (u64)length[bytes] << (18 + 4 * number);
}

static void set_address(unsigned number, u64 address)
{
	switch (number) {
	case 0: write_dr0(address); break;
	case 1: write_dr1(address); break;
	case 2: write_dr2(address); break;
	case 3: write_dr3(address); break;
	}
}

static volatile unsigned traps;
static u64 trap_dr6, trap_rip;

static void on_debug(struct trap_frame *frame)
{
	traps++;
	trap_dr6 = read_dr6();
	trap_rip = frame->rip;
	write_dr6(DR6_IDLE);
	frame->rflags |= 1u << 16; /* RF: past an instruction breakpoint */
}

static bool all_named = true; /* DR6 said which breakpoint it was, each time */

/* One trap since the last call; whether for that breakpoint goes to all_named. */
static bool hit(unsigned number)
{
	bool right = traps == 1;

	all_named = all_named && (trap_dr6 & 0xf) == 1u << number;

	for (unsigned i = 0; i < 4; i++)
		set_address(i, 0); /* an address that fits may set its bit even while it is not armed */
	if (!right || (trap_dr6 & 0xf) != 1u << number)
		note("%u traps, DR6 %lx", traps, trap_dr6);
	traps = 0;
	return right;
}

static bool quiet(void)
{
	unsigned came = traps;

	traps = 0;
	return came == 0;
}

static void test_values(void)
{
	for (unsigned i = 0; i < 4; i++)
		set_address(i, 0x1111111111ull * (i + 1));
	report(read_dr0() == 0x1111111111ull && read_dr1() == 0x2222222222ull && read_dr2() == 0x3333333333ull &&
	       read_dr3() == 0x4444444444ull, "DR0 to DR3 are kept");
	write_dr6(0);
	report(read_dr6() == DR6_IDLE, "DR6: what is fixed reads as it should");
	write_dr7(DR7_IDLE);
	report(read_dr7() == DR7_IDLE, "DR7");
}

static __attribute__((noinline)) void marked_code(void)
{
	__asm__ volatile(".globl marked\nmarked: nop; .globl marked_exit\nmarked_exit: cpuid" ::: "rax", "rbx", "rcx", "rdx");
}
extern u8 marked[], marked_exit[];

static void test_execution(void)
{
	for (unsigned i = 0; i < 4; i++) {
		set_address(i, (u64)marked);
		write_dr7(armed(i, EXECUTE, 1));
		marked_code();
		report(hit(i) && trap_rip == (u64)marked, "DR%u: execution, before the instruction", i);
	}
	set_address(0, (u64)marked_exit);
	write_dr7(armed(0, EXECUTE, 1));
	marked_code();
	report(hit(0) && trap_rip == (u64)marked_exit, "on an instruction that exits, and RF passes it");
}

static volatile u64 data[2];

static void test_data(void)
{
	volatile u8 *bytes = (volatile u8 *)data;

	for (unsigned i = 0; i < 4; i++) {
		static const u8 lengths[4] = { 1, 2, 4, 8 };
		unsigned length = lengths[i];

		set_address(i, (u64)data);
		write_dr7(armed(i, WRITE, length));
		bytes[length] = 1;
		(void)bytes[0];
		report(quiet(), "DR%u: neither a write beyond its %u bytes nor a read", i, length);
		bytes[length - 1] = 1;
		report(hit(i), "but a write to the last one");
	}
	set_address(2, (u64)data);
	write_dr7(armed(2, ACCESS, 4));
	(void)bytes[3];
	report(hit(2), "reads and writes: a read");
	set_address(2, (u64)data);
	set_address(3, (u64)data);
	write_dr7(armed(2, ACCESS, 4) | armed(3, WRITE, 8));
	data[0] = 5;
	if (traps == 1 && ((trap_dr6 & 0xf) == 4 || on_bochs_ryzen())) /* QEMU's TCG stops at the first that fits */
		skip("two breakpoints on one write: one trap, both bits");
	else
		report(traps == 1 && (trap_dr6 & 0xf) == 0xc, "two breakpoints on one write: one trap, both bits");
	traps = 0;
	write_dr7(DR7_IDLE);
	data[0] = 6;
	report(quiet(), "none when they are taken away");
}

/* Ports are watched with CR4.DE only; these exit, and the access is Solera's. */
static void test_ports(void)
{
	set_address(1, 0x21);
	write_dr7(armed(1, IO, 1));
	write_cr4(read_cr4() | CR4_DE);
	(void)inb(0x21);
	report(hit(1), "a port that is read");
	set_address(1, 0x21);
	(void)inb(0x21); /* the same once more: the exit is quicker now */
	report(hit(1), "and again");
	set_address(1, 0x21);
	outb(0x21, 0xff);
	report(hit(1), "a port that is written");
	set_address(1, 0x21);
	(void)inb(0xa1);
	report(quiet(), "not another one");
	set_address(1, 0x80);
	write_dr7(armed(1, IO, 4));
	outb(0x82, 0);
	report(hit(1), "four ports that nobody owns");
	write_dr7(DR7_IDLE);
	outb(0x82, 0);
	report(quiet(), "none when it is taken away");
	write_cr4(read_cr4() & ~(u64)CR4_DE);
}

static void touch_dr3(void *argument)
{
	(void)argument;
	(void)read_dr3();
}

/* DR7.GD: any access to a debug register is a #DB before it happens; the delivery clears GD. */
static void test_general_detection(void)
{
	int vector;

	set_handler(DB, NULL);
	write_dr6(DR6_IDLE);
	write_dr7(DR7_IDLE | DR7_GD);
	vector = trapped(touch_dr3, NULL);
	if (vector == NO_TRAP && read_dr7() == (DR7_IDLE | DR7_GD))
		skip("DR7.GD: #DB, and GD is clear again"); /* QEMU's TCG does not look at it */
	else
		report(vector == DB && read_dr7() == DR7_IDLE, "DR7.GD: #DB, and GD is clear again");
	all_named = all_named && (vector != DB || (read_dr6() & DR6_BD));
	write_dr7(DR7_IDLE);
	write_dr6(DR6_IDLE);
	set_handler(DB, on_debug);
	traps = 0;
}

static void read_dr4(void *argument)
{
	u64 value;

	(void)argument;
	__asm__ volatile("mov %%dr4, %0" : "=r"(value));
}

static void test_dr4(void)
{
	write_cr4(read_cr4() | CR4_DE);
	report(trapped(read_dr4, NULL) == UD, "CR4.DE: DR4 raises #UD");
	write_cr4(read_cr4() & ~(u64)CR4_DE);
	report(trapped(read_dr4, NULL) == NO_TRAP, "without it DR4 is DR6");
}

static void take(struct trap_frame *frame)
{
	(void)frame;
	outb(0x20, 0x20);
}

/* A halt gives the CPU to other threads of the host: the registers leave it and come back. */
static void test_exits(void)
{
	set_address(0, (u64)&data[1]);
	set_address(3, 0x789abc);
	write_dr7(armed(0, WRITE, 8));
	(void)cpuid(0, 0);
	(void)mmio_read(LAPIC + 0x30);
	outb(0x80, 1);
	data[1] = 1;
	report(hit(0), "a breakpoint stays over exits");
	set_address(0, (u64)&data[1]);
	set_address(3, 0x789abc);
	pic_setup(0xfe, 0xff);
	set_handler(0x40, take);
	pit_channel0(0, 1000);
	__asm__ volatile("sti; hlt; cli" ::: "memory");
	outb(0x21, 0xff);
	data[1] = 2;
	report(read_dr3() == 0x789abc && hit(0), "and over a wait");
	write_dr7(DR7_IDLE);
}

void test_main(void)
{
	test_values();
	set_handler(DB, on_debug);
	test_execution();
	test_data();
	test_ports();
	test_general_detection();
	test_dr4();
	test_exits();
	report_dr6(all_named, "DR6 named the cause each time");
}

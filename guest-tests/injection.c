/* SPDX-License-Identifier: MIT */
/*
 * Deliveries that Solera interrupts: the event's frame goes to a stack in memory that was never touched, so the CPU exits
 * in the middle of the delivery with a nested page fault, and the event must be given again, once, with the same frame.
 */
#include "guest-tests/lib/guest.h"

/* Memory that nobody has touched: pieces of 2 MiB, one a delivery. The machine has 16 MiB; the test lies in the first ones. */
#define FRESH 0x400000ull
#define PIECE 0x200000ull

static u64 next_stack = FRESH;
static struct trap_frame seen;
static unsigned count;

static void note_trap(struct trap_frame *frame)
{
	count++;
	seen = *frame;
}

static void note_and_skip_2(struct trap_frame *frame)
{
	note_trap(frame);
	frame->rip += 2;
}

static void note_interrupt(struct trap_frame *frame)
{
	note_trap(frame);
	x2apic_eoi();
}

/* Runs the code with RSP in fresh memory. */
#define ON_FRESH_STACK(name, code)                                                                                \
	__asm__(".text\n" #name ":\n"                                                                             \
		"	push %rbx; push %rbp; mov %rsp, %rbp; mov %rdi, %rsp\n"                                     \
		#name "_at: " code "\n" #name "_after: nop; cli\n"                                                \
		"	mov %rbp, %rsp; pop %rbp; pop %rbx; ret\n");                                                \
	void name(u64 stack);                                                                                     \
	extern const u8 name##_at[], name##_after[]

ON_FRESH_STACK(do_ud2, "ud2");
ON_FRESH_STACK(do_int, "int $0x50");
ON_FRESH_STACK(do_int3, "int3");
ON_FRESH_STACK(do_gp, "mov %ebx, %ebx; mov $0xffffffff, %ecx; rdmsr");
ON_FRESH_STACK(do_pf, "movb 0xd0000000, %al; nop");
ON_FRESH_STACK(do_sti, "sti; nop");
ON_FRESH_STACK(do_cpuid, "sti; cpuid");

static u64 fresh(void)
{
	u64 stack = next_stack + PIECE - 64;

	next_stack += PIECE;
	return stack;
}

static void expect(const char *name, u64 rip, u64 error_code, u64 stack)
{
	bool good = count == 1 && seen.rip == rip && seen.error_code == error_code && seen.rsp == stack && seen.cs == 0x08;

	if (!good)
		note("%s: %u times, rip %lx instead of %lx, error code %lx, rsp %lx instead of %lx", name, count, seen.rip, rip,
		     seen.error_code, seen.rsp, stack);
	report(good, "%s into untouched memory", name);
	count = 0;
}

static void skip_pf(struct trap_frame *frame)
{
	note_trap(frame);
	frame->rip = (u64)do_pf_after - 1;
}

static void skip_gp(struct trap_frame *frame)
{
	note_trap(frame);
	frame->rip = (u64)do_gp_after;
}

static void expect_int(void)
{
	u64 stack;

	if (on_bochs_ryzen()) { /* an exit in the delivery of an INT n says that an older event was interrupted */
		skip("INT n into untouched memory");
		return;
	}
	set_handler(0x50, note_trap);
	do_int(stack = fresh());
	expect("INT n", (u64)do_int_after, 0, stack);
}

static void expect_interrupts(void)
{
	u64 stack;

	if (on_bochs_ryzen()) { /* the same of a virtual interrupt */
		skip("an interrupt into untouched memory");
		skip("an interrupt behind an exit into untouched memory");
		return;
	}
	set_handler(0x40, note_interrupt);
	wrmsr(X2APIC(0x3f0), 0x40);
	do_sti(stack = fresh());
	expect("an interrupt", (u64)do_sti_after, 0, stack);
	wrmsr(X2APIC(0x3f0), 0x40);
	do_cpuid(stack = fresh());
	expect("an interrupt behind an exit", (u64)do_cpuid_after, 0, stack);
}

void test_main(void)
{
	u64 stack;

	x2apic_enable();
	page_directories[0xd0000000ull >> 21] = 0;
	write_cr3(read_cr3());
	set_handler(6, note_and_skip_2);
	do_ud2(stack = fresh());
	expect("#UD", (u64)do_ud2_at, 0, stack);
	expect_int();
	set_handler(3, note_trap);
	do_int3(stack = fresh());
	expect("INT3", (u64)do_int3_after, 0, stack);
	set_handler(13, skip_gp);
	do_gp(stack = next_stack - PIECE + 0x1000); /* its page is there: an exception without an interrupted delivery */
	expect("#GP from an exit, but not", (u64)do_gp_after - 2, 0, stack);
	set_handler(14, skip_pf);
	do_pf(stack = next_stack - PIECE + 0x1000);
	expect("#PF, but not", (u64)do_pf_at, 0, stack);
	expect_interrupts();
}

/* SPDX-License-Identifier: MIT */
/* NMIs: blocked until IRET, one latched, before interrupts, in the shadow of MOV SS, and out of HLT with interrupts off. */
#include "guest-tests/lib/board.h"

#define NMI_TO_SELF 0x40400u

static volatile unsigned taken, depth, deepest, interrupts, interrupts_at_nmi;

static void send_nmi(void) { wrmsr(0x830, NMI_TO_SELF); }

static void interrupt_handler(struct trap_frame *frame)
{
	(void)frame;
	interrupts++;
	x2apic_eoi();
}

static void nested_handler(struct trap_frame *frame)
{
	(void)frame;
	taken++;
	if (++depth > deepest)
		deepest = depth;
	if (taken == 1) {
		send_nmi();
		send_nmi();
		(void)cpuid(0, 0);
		__asm__ volatile("nop; nop");
		report(taken == 1, "an NMI waits for the end of the one before it");
	}
	depth--;
}

static void counting_handler(struct trap_frame *frame)
{
	(void)frame;
	taken++;
	interrupts_at_nmi = interrupts;
}

static void blocking(void)
{
	set_handler(2, nested_handler);
	send_nmi();
	__asm__ volatile("nop; nop");
	report(taken == 2 && deepest == 1, "and comes after its IRET, once for two that were sent");
	send_nmi();
	__asm__ volatile("nop");
	report(taken == 3, "after that they come again");
}

static void order(void)
{
	set_handler(2, counting_handler);
	set_handler(0x41, interrupt_handler);
	taken = 0;
	wrmsr(0x83f, 0x41);
	send_nmi();
	report(taken == 1 && interrupts == 0, "an NMI does not wait for STI");
	__asm__ volatile("sti; nop; nop; cli" ::: "memory");
	report(interrupts == 1, "the interrupt does");
	/* Both are there when the shadow ends. */
	wrmsr(0x83f, 0x41);
	taken = 0;
	__asm__ volatile("sti; wrmsr; nop; nop; cli" ::"c"(0x830), "a"(NMI_TO_SELF), "d"(0) : "memory");
	report(taken == 1 && interrupts == 2 && interrupts_at_nmi == 1, "with an interrupt that waits, too, the NMI is first");
	taken = 0;
	__asm__ volatile("mov %%ss, %%r8d; mov %%r8d, %%ss; wrmsr; nop" ::"c"(0x830), "a"(NMI_TO_SELF), "d"(0) : "r8", "memory");
	report(taken == 1, "one that is sent in the shadow of MOV SS comes when it ends");
}

/* The PIT through the I/O APIC, as an NMI, again and again: one that comes before the HLT must not be the last. */
static void halted(void)
{
	taken = 0;
	ioapic_write(0x14, 0x400);
	pit_channel0(2, 12000);
	__asm__ volatile("hlt" ::: "memory");
	report(taken >= 1, "an NMI ends a HLT with interrupts off");
	ioapic_write(0x14, 0x10000);
}

void test_main(void)
{
	x2apic_enable();
	wrmsr(0x80f, 0x1ff);
	blocking();
	order();
	halted();
}

/* SPDX-License-Identifier: MIT */
/* The PIT's channel 0 through the PIC and the local APIC's LINT0, as a kernel without ACPI uses them. */
#include "guest-tests/lib/board.h"

static volatile unsigned ticks;

static void tick(struct trap_frame *frame)
{
	(void)frame;
	ticks++;
	outb(0x20, 0x20);
}

/* By the PM timer, whose rate is the same everywhere; the TSC's is not. */
static void wait_ticks(unsigned count, u32 us)
{
	u32 start = pm_timer(), end = (u32)((u64)us * PM_TIMER_HZ / 1000000);

	while (ticks < count && ((pm_timer() - start) & 0xffffff) < end)
		__asm__ volatile("sti; nop; nop; cli");
}

void test_main(void)
{
	set_handler(0x20, tick);
	outb(0x20, 0x11);
	outb(0x21, 0x20);
	outb(0x21, 0x04);
	outb(0x21, 0x01);
	outb(0xa0, 0x11);
	outb(0xa1, 0x28);
	outb(0xa1, 0x02);
	outb(0xa1, 0x01);
	outb(0xa1, 0xff);
	outb(0x21, 0xfe);
	outb(0x43, 0x34); /* channel 0, mode 2, 1 kHz */
	outb(0x40, 0xa9);
	outb(0x40, 0x04);
	wait_ticks(5, 4000000);
	report(ticks >= 5, "APIC globally enabled, LINT0 as after reset: ticks arrive");
	ticks = 0;
	x2apic_enable();
	wrmsr(X2APIC(0x350), 0x700); /* LINT0: ExtINT, unmasked */
	wait_ticks(5, 4000000);
	report(ticks >= 5, "APIC on, LINT0 ExtINT: ticks arrive");
	ticks = 0;
	wrmsr(X2APIC(0x350), 0x10700);
	wait_ticks(1, 50000);
	report(ticks == 0, "LINT0 masked: no ticks");
	wrmsr(X2APIC(0x350), 0x700);
	ticks = 0;
	for (unsigned i = 0; i < 5; i++)
		__asm__ volatile("sti; hlt; cli");
	report(ticks >= 5, "each HLT ends with a tick");
}

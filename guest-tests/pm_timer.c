/* SPDX-License-Identifier: MIT */
/* ACPI's fixed hardware: the timer's width and speed, the event registers, SCI_EN through SMI_CMD. PCI's two ways. */
#include "guest-tests/lib/board.h"

static u32 pci(u32 devfn, u32 offset)
{
	outl(0xcf8, 0x80000000u | devfn << 8 | offset);
	return inl(0xcfc);
}

/* The least of several: a host that takes the CPU away meanwhile makes some of them longer. */
static u64 ticks_of_a_wait(void)
{
	u64 least = ~0ull;

	for (unsigned i = 0; i < 5; i++) {
		u64 start = rdtsc(), ticks;

		wait_us(20000);
		ticks = rdtsc() - start;
		if (ticks < least)
			least = ticks;
	}
	return least;
}

void test_main(void)
{
	u32 last = pm_timer(), now, i;
	u64 first, second;

	report(inl(PM_TIMER_PORT) >> 24 == 0, "the PM timer has 24 bits");
	for (i = 0; i < 1000; i++) {
		now = pm_timer();
		if (((now - last) & 0xffffff) > 0x7fffff)
			break;
		last = now;
	}
	report(i == 1000, "it never runs backwards");
	first = ticks_of_a_wait();
	second = ticks_of_a_wait();
	report(first < second * 3 / 2 && second < first * 3 / 2, "it keeps step with the TSC");
	outb(0xb2, 3);
	report(!(inw(0x604) & 1), "ACPI_DISABLE clears SCI_EN");
	outb(0xb2, 2);
	report(inw(0x604) & 1, "ACPI_ENABLE sets it");
	outw(0x602, 0x0101);
	report(inw(0x602) == 0x0101, "PM1 enable reads back");
	outw(0x602, 0);
	report(pci(0, 0) == 0x29c08086 && pci(0xf8, 0) == 0x29188086, "host bridge and LPC bridge are there");
	report(pci(0x08, 0) == 0xffffffff, "an empty slot is all ones");
	report(mmio_read(0xb0000000) == 0x29c08086 && mmio_read(0xb00f8000) == 0x29188086, "ECAM shows the same");
	outl(0xcf8, 0x80000000);
	outb(0xcf9, 0x02);
	report(inl(0xcf8) == 0x80000000 && inb(0xcf9) == 0x02, "0xCF9 is not part of CONFIG_ADDRESS");
	outb(0xcf9, 0);
}

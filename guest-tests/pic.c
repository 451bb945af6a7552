/* SPDX-License-Identifier: MIT */
/* The 8259 pair on a real path: PIT and RTC through PIC, LINT0 and the CPU; masks, in-service bits, EOI, nesting, polling. */
#include "guest-tests/lib/board.h"

static volatile unsigned timer_count, rtc_count;
static u8 isr_inside;

static void timer_handler(struct trap_frame *frame)
{
	(void)frame;
	timer_count++;
	outb(0x20, 0x0b);
	isr_inside = inb(0x20);
	outb(0x20, 0x20);
}

static void rtc_handler(struct trap_frame *frame)
{
	(void)frame;
	rtc_count++;
	outb(0x70, 0x0c);
	(void)inb(0x71);
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

static void rtc_write(u8 index, u8 value)
{
	outb(0x70, index);
	outb(0x71, value);
}

void test_main(void)
{
	pic_setup(0xff, 0xff);
	set_handler(0x40, timer_handler);
	set_handler(0x48, rtc_handler);
	report(inb(0x21) == 0xff && inb(0xa1) == 0xff, "masks read back");
	pit_channel0(2, PIT_HZ / 1000);
	irq_on();
	wait_us(5000);
	report(timer_count == 0, "a masked timer does not interrupt");
	irq_off();
	outb(0x20, 0x0a);
	for (unsigned i = 0; i < 20 && !(inb(0x20) & 1); i++)
		wait_us(200); /* the edge is a timer of the emulator's, in a thread of its own: late on a busy machine, while our clock goes on */
	report(inb(0x20) & 1, "but its request is seen in IRR");
	outb(0x21, 0xfe);
	irq_on();
	report(wait_for(&timer_count, 20, 1000000), "unmasked, it interrupts again and again");
	report(isr_inside == 1, "ISR shows input 0 inside the handler");
	irq_off();
	outb(0x20, 0x0b);
	report(inb(0x20) == 0, "and nothing after EOI");
	outb(0x21, 0xfb);
	outb(0xa1, 0xfe);
	rtc_write(0x0a, 0x26);
	rtc_write(0x0b, 0x42);
	outb(0x70, 0x0c);
	(void)inb(0x71);
	irq_on();
	report(wait_for(&rtc_count, 10, 1000000), "the RTC's periodic interrupt comes through the slave");
	irq_off();
	rtc_write(0x0b, 0x02);
	outb(0x70, 0x0c);
	(void)inb(0x71);
	outb(0x21, 0xfe);
	wait_us(3000);
	outb(0x20, 0x0c);
	report(inb(0x20) == 0x80, "polling takes the timer's request");
	outb(0x20, 0x0c);
	outb(0x20, 0x60);
	outb(0x4d0, 0xff);
	outb(0x4d1, 0xff);
	report(inb(0x4d0) == 0xf8 && inb(0x4d1) == 0xde, "ELCR keeps timer, keyboard, cascade, RTC and FPU as edges");
	outb(0x4d0, 0);
	outb(0x4d1, 0);
}

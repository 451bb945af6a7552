/* SPDX-License-Identifier: MIT */
/* COM1: registers, loopback, FIFO and its triggers, the transmitter-empty interrupt's rules. */
#include "guest-tests/lib/board.h"

#define COM1 0x3f8

static volatile unsigned count;

static void handler(struct trap_frame *frame)
{
	(void)frame;
	count++;
	outb(0x20, 0x20);
}

void test_main(void)
{
	outb(COM1 + 7, 0x5a);
	report(inb(COM1 + 7) == 0x5a, "the scratch register keeps a byte");
	outb(COM1 + 3, 0x83);
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	report(inb(COM1) == 1 && inb(COM1 + 1) == 0, "the divisor reads back");
	outb(COM1 + 3, 0x03);
	outb(COM1 + 1, 0);
	outb(COM1 + 2, 0xc7);
	report((inb(COM1 + 2) & 0xcf) == 0xc1, "FIFOs are on, nothing is pending");
	report((inb(COM1 + 5) & 0x60) == 0x60, "the transmitter is empty");
	outb(COM1 + 4, 0x1f);
	report((inb(COM1 + 6) & 0xf0) == 0xf0, "loopback: outputs come back as inputs");
	outb(COM1 + 4, 0x10);
	report((inb(COM1 + 6) & 0xf0) == 0, "all four");
	(void)inb(COM1 + 6);
	for (unsigned i = 0; i < 16; i++)
		outb(COM1, (u8)(0xa0 + i));
	report(inb(COM1 + 5) & 1, "loopback: bytes come back");
	count = 0;
	for (unsigned i = 0; i < 16; i++)
		count += inb(COM1) == 0xa0 + i;
	report(count == 16, "sixteen of them, in order");
	for (unsigned i = 0; i < 17; i++)
		outb(COM1, (u8)i);
	report(inb(COM1 + 5) & 2, "the seventeenth is an overrun");
	report(!(inb(COM1 + 5) & 2), "which is told once");
	outb(COM1 + 2, 0xc7);
	outb(COM1 + 4, 0x0b);
	count = 0;
	pic_setup(0xef, 0xff);
	set_handler(0x44, handler);
	outb(COM1 + 1, 2);
	irq_on();
	report(wait_for(&count, 1, 100000), "enabling the transmitter's interrupt raises it");
	irq_off();
	report((inb(COM1 + 2) & 0x0f) == 2, "IIR names it");
	report((inb(COM1 + 2) & 0x0f) == 1, "and reading IIR ends it");
	outb(COM1, '\n');
	irq_on();
	report(wait_for(&count, 2, 1000000), "a byte that is sent raises it again");
	irq_off();
	outb(COM1 + 1, 0);
	outb(0x21, 0xff);
}

/* SPDX-License-Identifier: MIT */
/* Intel 8259A data sheet, "Initialization Command Words". Spurious interrupts arrive at vectors 0x27 and 0x2f, unhandled. */
#include "arch/x86/pic.h"
#include "arch/x86/port.h"

#define PIC1 0x20
#define PIC2 0xa0
#define FIRST_VECTOR 0x20

void pic_mask_all(void)
{
	outb(PIC1, 0x11);     /* ICW1: edge triggered, cascade, ICW4 follows */
	outb(PIC2, 0x11);
	outb(PIC1 + 1, FIRST_VECTOR);
	outb(PIC2 + 1, FIRST_VECTOR + 8);
	outb(PIC1 + 1, 4);    /* ICW3: the second hangs on input 2 */
	outb(PIC2 + 1, 2);
	outb(PIC1 + 1, 1);    /* ICW4: 8086 mode */
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

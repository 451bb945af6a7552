/* SPDX-License-Identifier: MIT */
/* COM1 without interrupts, and without waiting for ever for hardware that is not there. */
#include "arch/x86/early_console.h"
#include "arch/x86/port.h"

#define COM1 0x3f8
#define UART_DATA 0
#define UART_INTERRUPTS 1
#define UART_FIFO 2
#define UART_LINE 3
#define UART_MODEM 4
#define UART_STATUS 5
#define UART_SCRATCH 7
#define STATUS_TRANSMIT_EMPTY 0x20
#define POLLS_MAX 100000

static bool present;

void early_console_init(void)
{
	outb(COM1 + UART_SCRATCH, 0x5a);
	if (inb(COM1 + UART_SCRATCH) != 0x5a || inb(COM1 + UART_STATUS) == 0xff)
		return;
	outb(COM1 + UART_INTERRUPTS, 0);
	outb(COM1 + UART_LINE, 0x80); /* divisor latch */
	outb(COM1 + UART_DATA, 1);
	outb(COM1 + UART_INTERRUPTS, 0);
	outb(COM1 + UART_LINE, 3);    /* 8N1 */
	outb(COM1 + UART_FIFO, 7);
	outb(COM1 + UART_MODEM, 3);
	present = true;
}

static void put(char c)
{
	for (unsigned i = 0; i < POLLS_MAX && !(inb(COM1 + UART_STATUS) & STATUS_TRANSMIT_EMPTY); i++)
		;
	outb(COM1 + UART_DATA, (u8)c);
}

void early_console_write(const char *text, size_t count)
{
	for (size_t i = 0; present && i < count; i++) {
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * A 16550 UART, at ports or in memory, as a console endpoint.
 *
 * It works polled from init on (the boot's first lines, a panic's last ones) and by interrupts after start: then
 * writing puts bytes into a ring, and the UART asks for them. Source: National Semiconductor, "PC16550D Universal
 * Asynchronous Receiver/Transmitter with FIFOs".
 */
#ifndef DRIVERS_UART16550_H
#define DRIVERS_UART16550_H

#include "hv/char_device.h"
#include "hv/lib/lock.h"

#define UART16550_RING_BYTES 16384u /* a power of two */

struct uart16550_place {
	bool memory;            /* else I/O ports */
	u16 port;
	volatile void *base;    /* mapped, uncached */
	unsigned stride_bytes;  /* from one register to the next: 1, 2 or 4 */
	unsigned width_bytes;   /* of an access: 1 or 4 */
	u32 baud;               /* 0: as the firmware left it */
};

struct uart16550 {
	struct uart16550_place place; /* (c) */
	struct char_device device;
	struct spinlock lock;
	bool there, by_interrupt;      /* (c) after start */
	bool want_space;               /* [lock] a write was cut short: tell when there is room */
	bool handling;                 /* [lock] somebody takes and hands on what came in */
	bool handle_again;             /* [lock] and is to look once more */
	u32 head, tail;                /* [lock] of ring, free-running */
	char ring[UART16550_RING_BYTES]; /* [lock] */
	u64 received_count, overrun_count; /* [lock] */
};

/* Looks whether a 16550 answers there and sets 8 bits, no parity, FIFOs on; ERR_NOT_FOUND: none does. */
MUST_CHECK int uart16550_init(struct uart16550 *uart, const char *name, const struct uart16550_place *place);
/* The interrupt's handler is registered (it calls uart16550_interrupt): from now on nothing is polled. */
void uart16550_start(struct uart16550 *uart);
void uart16550_interrupt(void *uart); /* interrupt context; also right to call when nothing has happened */
/* Polled, without the lock, "\n" as "\r\n": for the early boot and for a panic. */
void uart16550_write_now(struct uart16550 *uart, const char *text, size_t count);

#endif

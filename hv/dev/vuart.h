/* SPDX-License-Identifier: MIT */
/*
 * A 16550A serial port. The host's end is a struct char_device.
 *
 * After the data sheet "PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs" (National Semiconductor). Bytes
 * cross at once, whatever the divisor says. What the guest sends is kept (the last VUART_KEPT bytes) until somebody looks:
 * the char_device's user sets `received` and calls `attached`; from then on a timer hands output over in batches, so a
 * byte costs the exit path a store, and the reader is called in interrupt context. Input beyond the FIFO waits in a
 * buffer; when that is full, write() takes less: the caller tries again later.
 */
#ifndef HV_DEV_VUART_H
#define HV_DEV_VUART_H

#include "hv/char_device.h"
#include "hv/io_region.h"
#include "hv/irq_line.h"
#include "hv/lib/lock.h"
#include "hv/state.h"
#include "hv/timer.h"

#define VUART_FIFO 16
#define VUART_KEPT (32 * KIB)   /* output that nobody has read yet; a power of two */
#define VUART_INPUT 1024        /* input that the FIFO has no room for yet; a power of two */
#define VUART_FLUSH_NS (500 * 1000ull)

struct vuart_state {
	u8 fifo[VUART_FIFO];
	u8 fifo_head, fifo_count;
	u8 ier, fcr, lcr, mcr, scr;
	u8 lsr_errors;      /* OE, PE, FE, BI until LSR is read */
	u8 msr_deltas;      /* bits 3..0 until MSR is read */
	u8 thre_pending;    /* the transmitter-empty interrupt is raised and not yet read from IIR */
	u16 divisor;
	u8 reserved[4];
};

struct vuart {
	struct vuart_state state;   /* [lock] */
	struct spinlock lock;
	struct irq_line irq;        /* (c) */
	struct timer timer;         /* flushes output */
	struct char_device host;    /* the host's end */
	u16 port;                   /* (c) */
	u32 input_head, input_count;/* [lock] */
	u32 kept_head, kept_count;  /* [lock] */
	u64 dropped;                /* [lock] output bytes that fell out of the kept ones */
	u8 input[VUART_INPUT];
	char kept[VUART_KEPT];
};

void vuart_init(struct vuart *uart, const char *name, u16 port, const struct irq_line *irq);
void vuart_reset(struct vuart *uart);
MUST_CHECK int vuart_claim(struct vuart *uart, struct io_map *ports);
void vuart_stop(struct vuart *uart);
void vuart_resume(struct vuart *uart);
void vuart_save(struct vuart *uart, struct state_writer *writer);
MUST_CHECK int vuart_load(struct vuart *uart, struct state_reader *reader);

#endif

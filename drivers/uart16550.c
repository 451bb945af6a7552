/* SPDX-License-Identifier: MIT */
/* 16550 UART: see uart16550.h. A UART that stops taking bytes never holds up more than its own ring. */
#include "arch/x86/port.h"
#include "drivers/uart16550.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

enum uart_register { /* offsets; the first two are the divisor while LCR_DLAB is set */
	UART_DATA = 0, UART_IER = 1, UART_IIR = 2, UART_FCR = 2, UART_LCR = 3, UART_MCR = 4, UART_LSR = 5, UART_SCR = 7,
};
#define IER_RECEIVED 0x01u
#define IER_SPACE 0x02u
#define IIR_NONE 0x01u
#define FCR_ENABLE_CLEAR 0x07u
#define FCR_TRIGGER_8 0x80u
#define LCR_8N1 0x03u
#define LCR_DLAB 0x80u
#define MCR_DTR_RTS_OUT2 0x0bu /* OUT2 lets the interrupt through on a PC */
#define LSR_DATA 0x01u
#define LSR_OVERRUN 0x02u
#define LSR_SPACE 0x20u
#define FIFO_BYTES 16u
#define CLOCK_BAUD 115200u     /* divisor 1 */
#define POLL_LIMIT 200000u     /* reads of LSR before a byte is given up: some 100 ms */
#define INTERRUPT_ROUNDS 256u  /* what one interrupt may handle before others get their turn */

static u8 read_register(const struct uart16550 *uart, enum uart_register r)
{
	const volatile u8 *address = (const volatile u8 *)uart->place.base + (size_t)r * uart->place.stride_bytes;

	if (!uart->place.memory)
		return inb((u16)(uart->place.port + r * uart->place.stride_bytes));
	return uart->place.width_bytes == 4 ? (u8) * (const volatile u32 *)(const volatile void *)address : *address;
}

static void write_register(struct uart16550 *uart, enum uart_register r, u8 value)
{
	volatile u8 *address = (volatile u8 *)uart->place.base + (size_t)r * uart->place.stride_bytes;

	if (!uart->place.memory)
		outb((u16)(uart->place.port + r * uart->place.stride_bytes), value);
	else if (uart->place.width_bytes == 4)
		*(volatile u32 *)(volatile void *)address = value;
	else
		*address = value;
}

/* What nobody decodes reads as all ones, or does not keep what was written; a UART keeps its scratch register. */
static bool answers(struct uart16550 *uart)
{
	if (read_register(uart, UART_LSR) == 0xff)
		return false;
	write_register(uart, UART_SCR, 0x5a);
	if (read_register(uart, UART_SCR) != 0x5a)
		return false;
	write_register(uart, UART_SCR, 0xa5);
	return read_register(uart, UART_SCR) == 0xa5;
}

static size_t uart_write(struct char_device *device, const char *bytes, size_t count);

int uart16550_init(struct uart16550 *uart, const char *name, const struct uart16550_place *place)
{
	memset(uart, 0, sizeof(*uart));
	uart->place = *place;
	spinlock_init(&uart->lock, name, LOCK_RANK_CONSOLE);
	uart->device = (struct char_device){ .name = name, .write = uart_write };
	if (!answers(uart))
		return ERR_NOT_FOUND;
	write_register(uart, UART_IER, 0);
	if (place->baud && place->baud <= CLOCK_BAUD) {
		u32 divisor = CLOCK_BAUD / place->baud;

		write_register(uart, UART_LCR, LCR_8N1 | LCR_DLAB);
		write_register(uart, UART_DATA, (u8)divisor);
		write_register(uart, UART_IER, (u8)(divisor >> 8));
	}
	write_register(uart, UART_LCR, LCR_8N1);
	write_register(uart, UART_FCR, FCR_ENABLE_CLEAR | FCR_TRIGGER_8);
	write_register(uart, UART_MCR, MCR_DTR_RTS_OUT2);
	uart->there = true;
	return OK;
}

static bool send_polled(struct uart16550 *uart, char byte)
{
	for (u32 i = 0; i < POLL_LIMIT; i++) {
		if (read_register(uart, UART_LSR) & LSR_SPACE) {
			write_register(uart, UART_DATA, (u8)byte);
			return true;
		}
		cpu_relax();
	}
	return false;
}

void uart16550_write_now(struct uart16550 *uart, const char *text, size_t count)
{
	if (!uart->there)
		return;
	for (; uart->tail != uart->head; uart->tail++) { /* what still waits comes first */
		if (!send_polled(uart, uart->ring[uart->tail % UART16550_RING_BYTES]))
			return;
	}
	for (size_t i = 0; i < count; i++) {
		if ((text[i] == '\n' && !send_polled(uart, '\r')) || !send_polled(uart, text[i]))
			return;
	}
}

/* Under the lock. Fills the FIFO from the ring; the space interrupt is on exactly while bytes wait. */
static void send_waiting(struct uart16550 *uart)
{
	if (read_register(uart, UART_LSR) & LSR_SPACE) {
		for (unsigned i = 0; i < FIFO_BYTES && uart->tail != uart->head; i++)
			write_register(uart, UART_DATA, (u8)uart->ring[uart->tail++ % UART16550_RING_BYTES]);
	}
	write_register(uart, UART_IER, IER_RECEIVED | (uart->tail != uart->head ? IER_SPACE : 0));
}

static size_t uart_write(struct char_device *device, const char *bytes, size_t count)
{
	struct uart16550 *uart = CONTAINER_OF(device, struct uart16550, device);
	size_t done = 0;
	u64 flags;

	if (!uart->by_interrupt) {
		while (done < count && send_polled(uart, bytes[done]))
			done++;
		return done;
	}
	flags = lock_irqsave(&uart->lock);
	while (done < count && uart->head - uart->tail < UART16550_RING_BYTES)
		uart->ring[uart->head++ % UART16550_RING_BYTES] = bytes[done++];
	uart->want_space = uart->want_space || done < count;
	send_waiting(uart);
	unlock_irqrestore(&uart->lock, flags);
	return done;
}

/* Under the lock: at most max bytes that have come in. */
static unsigned take_received(struct uart16550 *uart, char *bytes, unsigned max)
{
	unsigned count = 0;
	u8 status;

	while (count < max && ((status = read_register(uart, UART_LSR)) & LSR_DATA)) {
		uart->overrun_count += (status & LSR_OVERRUN) != 0;
		bytes[count++] = (char)read_register(uart, UART_DATA);
	}
	uart->received_count += count;
	return count;
}

/*
 * The interrupt is an edge on a PC's bus: it must not be left while the UART still asks for something. One at a time takes bytes and
 * hands them on, or they would come out of order: uart16550_start is interrupted, or another CPU calls. Who comes second leaves word.
 */
void uart16550_interrupt(void *context)
{
	struct uart16550 *uart = context;
	bool more = true;

	for (unsigned round = 0; more; round++) {
		char bytes[64];
		bool tell_space = false;
		u64 flags = lock_irqsave(&uart->lock);
		unsigned count;

		if (round == 0 && uart->handling) {
			uart->handle_again = true;
			unlock_irqrestore(&uart->lock, flags);
			return;
		}
		uart->handling = true;
		count = round < INTERRUPT_ROUNDS ? take_received(uart, bytes, sizeof(bytes)) : 0;
		send_waiting(uart);
		if (uart->want_space && uart->head - uart->tail <= UART16550_RING_BYTES / 2) {
			uart->want_space = false;
			tell_space = true;
		}
		more = !(read_register(uart, UART_IIR) & IIR_NONE) || count || uart->handle_again;
		more = more && round < INTERRUPT_ROUNDS;
		uart->handle_again = false;
		uart->handling = more;
		unlock_irqrestore(&uart->lock, flags);
		if (count && uart->device.received)
			uart->device.received(uart->device.context, bytes, count);
		if (tell_space && uart->device.writable)
			uart->device.writable(uart->device.context);
	}
}

void uart16550_start(struct uart16550 *uart)
{
	u64 flags = lock_irqsave(&uart->lock);

	uart->by_interrupt = true;
	send_waiting(uart);
	unlock_irqrestore(&uart->lock, flags);
	uart16550_interrupt(uart); /* what came in before */
}

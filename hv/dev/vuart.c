/* SPDX-License-Identifier: MIT */
/* A 16550A serial port: registers, FIFOs, interrupt conditions, and the buffers between guest and host. */
#include "hv/dev/vuart.h"
#include "hv/clock.h"
#include "hv/lib/error.h"

enum { REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RECEIVED BIT32(0)
#define IER_THRE BIT32(1)
#define IER_LINE BIT32(2)
#define IER_MODEM BIT32(3)
#define IIR_NONE 0x01u
#define IIR_MODEM 0x00u
#define IIR_THRE 0x02u
#define IIR_RECEIVED 0x04u
#define IIR_LINE 0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFOS 0xc0u
#define FCR_ENABLE BIT32(0)
#define FCR_CLEAR_RECEIVE BIT32(1)
#define FCR_CLEAR_TRANSMIT BIT32(2)
#define FCR_KEPT (FCR_ENABLE | BIT32(3) | MASK32(7, 6))
#define LCR_BREAK BIT32(6)
#define LCR_DLAB BIT32(7)
#define MCR_DTR BIT32(0)
#define MCR_RTS BIT32(1)
#define MCR_OUT1 BIT32(2)
#define MCR_OUT2 BIT32(3)
#define MCR_LOOP BIT32(4)
#define MCR_WRITABLE 0x1fu
#define LSR_DATA BIT32(0)
#define LSR_OVERRUN BIT32(1)
#define LSR_BREAK BIT32(4)
#define LSR_ERRORS MASK32(4, 1)
#define LSR_THRE BIT32(5)
#define LSR_TEMT BIT32(6)
#define MSR_CTS BIT32(4)
#define MSR_DSR BIT32(5)
#define MSR_RI BIT32(6)
#define MSR_DCD BIT32(7)

static const u8 trigger_levels[4] = { 1, 4, 8, 14 };

static unsigned fifo_capacity(const struct vuart_state *state)
{
	return state->fcr & FCR_ENABLE ? VUART_FIFO : 1;
}

/* The modem lines: a cable to a terminal that is always there, or our own outputs in loopback. */
static u8 modem_lines(const struct vuart_state *state)
{
	u8 mcr = state->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (u8)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) | (mcr & MCR_OUT1 ? MSR_RI : 0) |
		    (mcr & MCR_OUT2 ? MSR_DCD : 0));
}

/* The pending interrupt with the highest priority, as IIR names it. */
static u8 interrupt_cause(const struct vuart_state *state)
{
	if ((state->ier & IER_LINE) && state->lsr_errors)
		return IIR_LINE;
	if ((state->ier & IER_RECEIVED) && state->fifo_count) {
		bool triggered = !(state->fcr & FCR_ENABLE) || state->fifo_count >= trigger_levels[state->fcr >> 6];

		return triggered ? IIR_RECEIVED : IIR_TIMEOUT; /* no pacing: the time-out is over at once */
	}
	if ((state->ier & IER_THRE) && state->thre_pending)
		return IIR_THRE;
	if ((state->ier & IER_MODEM) && state->msr_deltas)
		return IIR_MODEM;
	return IIR_NONE;
}

/* OUT2 connects the interrupt to the bus on a PC; in loopback the pin is off. */
static void update_irq(struct vuart *uart)
{
	bool gate = (uart->state.mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	irq_line_set(&uart->irq, gate && interrupt_cause(&uart->state) != IIR_NONE);
}

static void receive(struct vuart_state *state, u8 byte)
{
	unsigned capacity = fifo_capacity(state);

	if (state->fifo_count < capacity) {
		state->fifo[(state->fifo_head + state->fifo_count++) % VUART_FIFO] = byte;
		return;
	}
	state->lsr_errors |= LSR_OVERRUN;
	if (capacity == 1)
		state->fifo[state->fifo_head] = byte; /* without FIFO the new byte overwrites */
}

/* Moves what waits into the FIFO, as far as there is room. */
static void refill(struct vuart *uart)
{
	struct vuart_state *state = &uart->state;

	while (uart->input_count && state->fifo_count < fifo_capacity(state) && !(state->mcr & MCR_LOOP)) {
		receive(state, uart->input[uart->input_head]);
		uart->input_head = (uart->input_head + 1) % VUART_INPUT;
		uart->input_count--;
	}
}

static size_t host_write(struct char_device *device, const char *bytes, size_t count)
{
	struct vuart *uart = CONTAINER_OF(device, struct vuart, host);
	u64 flags = lock_irqsave(&uart->lock);
	size_t taken = MIN(count, VUART_INPUT - uart->input_count);

	for (size_t i = 0; i < taken; i++)
		uart->input[(uart->input_head + uart->input_count++) % VUART_INPUT] = (u8)bytes[i];
	refill(uart);
	update_irq(uart);
	unlock_irqrestore(&uart->lock, flags);
	return taken;
}

static void flush_soon(struct vuart *uart)
{
	if (uart->kept_count && READ_ONCE(uart->host.received) && !timer_armed(&uart->timer))
		timer_arm(&uart->timer, clock_ns() + VUART_FLUSH_NS);
}

static void host_attached(struct char_device *device)
{
	struct vuart *uart = CONTAINER_OF(device, struct vuart, host);
	u64 flags = lock_irqsave(&uart->lock);

	flush_soon(uart);
	unlock_irqrestore(&uart->lock, flags);
}

static size_t take_kept(struct vuart *uart, char *to, size_t max)
{
	size_t count = 0;

	for (; count < max && uart->kept_count; count++) {
		to[count] = uart->kept[uart->kept_head];
		uart->kept_head = (uart->kept_head + 1) % VUART_KEPT;
		uart->kept_count--;
	}
	return count;
}

/* Hands a bounded batch to the reader, without the lock; the rest waits for the next turn. */
static void flush(struct timer *timer)
{
	struct vuart *uart = timer->context;
	void (*received)(void *, const char *, size_t) = READ_ONCE(uart->host.received);
	char batch[256];
	u64 flags;

	for (unsigned round = 0; round < 8 && received; round++) {
		size_t count;

		flags = lock_irqsave(&uart->lock);
		count = take_kept(uart, batch, sizeof(batch));
		unlock_irqrestore(&uart->lock, flags);
		if (!count)
			break;
		received(uart->host.context, batch, count);
	}
	flags = lock_irqsave(&uart->lock);
	flush_soon(uart);
	unlock_irqrestore(&uart->lock, flags);
}

static void keep(struct vuart *uart, u8 byte)
{
	if (uart->kept_count == VUART_KEPT) { /* nobody looks: the oldest goes */
		uart->kept_head = (uart->kept_head + 1) % VUART_KEPT;
		uart->kept_count--;
		uart->dropped++;
	}
	uart->kept[(uart->kept_head + uart->kept_count++) % VUART_KEPT] = (char)byte;
	flush_soon(uart);
}

static void transmit(struct vuart *uart, u8 byte)
{
	if (uart->state.mcr & MCR_LOOP)
		receive(&uart->state, byte);
	else
		keep(uart, byte);
	uart->state.thre_pending = 1; /* sent at once: empty again */
}

static u8 read_data(struct vuart *uart)
{
	struct vuart_state *state = &uart->state;
	u8 byte = state->fifo[state->fifo_head];

	if (!state->fifo_count)
		return byte;
	state->fifo_count--;
	if (state->fifo_count)
		state->fifo_head = (state->fifo_head + 1) % VUART_FIFO;
	refill(uart);
	return byte;
}

static u8 read_iir(struct vuart_state *state)
{
	u8 cause = interrupt_cause(state);

	if (cause == IIR_THRE)
		state->thre_pending = 0;
	return (u8)(cause | (state->fcr & FCR_ENABLE ? IIR_FIFOS : 0));
}

static u8 register_read(struct vuart *uart, u64 offset)
{
	struct vuart_state *state = &uart->state;
	u8 value;

	switch (offset) {
	case REG_DATA: return state->lcr & LCR_DLAB ? (u8)state->divisor : read_data(uart);
	case REG_IER: return state->lcr & LCR_DLAB ? (u8)(state->divisor >> 8) : state->ier;
	case REG_IIR: return read_iir(state);
	case REG_LCR: return state->lcr;
	case REG_MCR: return state->mcr;
	case REG_LSR:
		value = (u8)(LSR_THRE | LSR_TEMT | state->lsr_errors | (state->fifo_count ? LSR_DATA : 0));
		state->lsr_errors = 0;
		return value;
	case REG_MSR:
		value = modem_lines(state) | state->msr_deltas;
		state->msr_deltas = 0;
		return value;
	default: return state->scr;
	}
}

static void write_ier(struct vuart_state *state, u8 value)
{
	value &= 0x0f;
	if ((value & IER_THRE) && !(state->ier & IER_THRE))
		state->thre_pending = 1; /* enabling it while the transmitter is empty raises it */
	state->ier = value;
}

static void write_fcr(struct vuart_state *state, u8 value)
{
	bool toggles = (value ^ state->fcr) & FCR_ENABLE;

	if (!(value & FCR_ENABLE))
		value = 0; /* the other bits are taken only together with it */
	if (toggles || (value & FCR_CLEAR_RECEIVE))
		state->fifo_head = state->fifo_count = 0;
	if (toggles || (value & FCR_CLEAR_TRANSMIT))
		state->thre_pending = 1;
	state->fcr = value & FCR_KEPT;
}

static void write_mcr(struct vuart_state *state, u8 value)
{
	u8 before = modem_lines(state), changed;

	state->mcr = value & MCR_WRITABLE;
	changed = before ^ modem_lines(state);
	if (changed & MSR_RI && modem_lines(state) & MSR_RI)
		changed &= (u8)~MSR_RI; /* only the trailing edge of RI counts */
	state->msr_deltas |= changed >> 4;
}

static void register_write(struct vuart *uart, u64 offset, u8 value)
{
	struct vuart_state *state = &uart->state;

	switch (offset) {
	case REG_DATA:
		if (state->lcr & LCR_DLAB)
			state->divisor = (u16)((state->divisor & 0xff00) | value);
		else
			transmit(uart, value);
		break;
	case REG_IER:
		if (state->lcr & LCR_DLAB)
			state->divisor = (u16)((state->divisor & 0xff) | value << 8);
		else
			write_ier(state, value);
		break;
	case REG_IIR: write_fcr(state, value); break;
	case REG_LCR:
		if ((value & ~state->lcr & LCR_BREAK) && (state->mcr & MCR_LOOP)) {
			receive(state, 0);
			state->lsr_errors |= LSR_BREAK;
		}
		state->lcr = value;
		break;
	case REG_MCR: write_mcr(state, value); break;
	case REG_SCR: state->scr = value; break;
	default: break; /* LSR and MSR are for factory tests */
	}
	refill(uart);
}

static u64 port_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vuart *uart = device;
	u64 flags = lock_irqsave(&uart->lock), value = 0;

	for (unsigned i = 0; i < size_bytes; i++)
		value |= (u64)register_read(uart, offset + i) << (8 * i);
	update_irq(uart);
	unlock_irqrestore(&uart->lock, flags);
	return value;
}

static void port_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vuart *uart = device;
	u64 flags = lock_irqsave(&uart->lock);

	for (unsigned i = 0; i < size_bytes; i++)
		register_write(uart, offset + i, (u8)(value >> (8 * i)));
	update_irq(uart);
	unlock_irqrestore(&uart->lock, flags);
}

static const struct io_ops port_ops = { port_read, port_write };

int vuart_claim(struct vuart *uart, struct io_map *ports)
{
	const struct io_region region = { uart->port, 8, &port_ops, uart, "uart", true };

	return io_map_add(ports, &region);
}

/* What the guest sent before a reset stays readable for the host. */
void vuart_reset(struct vuart *uart)
{
	u64 flags = lock_irqsave(&uart->lock);

	uart->state = (struct vuart_state){ .divisor = 12 };
	uart->input_head = uart->input_count = 0;
	update_irq(uart);
	unlock_irqrestore(&uart->lock, flags);
}

void vuart_init(struct vuart *uart, const char *name, u16 port, const struct irq_line *irq)
{
	*uart = (struct vuart){ .irq = *irq, .port = port };
	uart->host = (struct char_device){ .name = name, .write = host_write, .attached = host_attached };
	spinlock_init(&uart->lock, "vuart", LOCK_RANK_DEVICE);
	timer_init(&uart->timer, flush, uart);
	vuart_reset(uart);
}

/* After this no timer runs: for the machine's end. A paused machine's output still reaches whoever looks. */
void vuart_stop(struct vuart *uart)
{
	WRITE_ONCE(uart->host.received, NULL);
	timer_cancel(&uart->timer);
}

void vuart_resume(struct vuart *uart)
{
	u64 flags = lock_irqsave(&uart->lock);

	refill(uart);
	update_irq(uart);
	unlock_irqrestore(&uart->lock, flags);
}

void vuart_save(struct vuart *uart, struct state_writer *writer)
{
	state_save(writer, "vuart", 1, &uart->state, sizeof(uart->state));
}

int vuart_load(struct vuart *uart, struct state_reader *reader)
{
	struct vuart_state state;

	if (state_load(reader, "vuart", 1, &state, sizeof(state)) != OK || state.fifo_head >= VUART_FIFO ||
	    state.ier > 0x0f || (state.fcr & ~FCR_KEPT) || (state.fcr && !(state.fcr & FCR_ENABLE)) ||
	    state.fifo_count > fifo_capacity(&state) || (state.mcr & ~MCR_WRITABLE) || (state.lsr_errors & ~LSR_ERRORS) ||
	    state.msr_deltas > 0x0f || state.thre_pending > 1)
		return ERR_INVALID;
	for (unsigned i = 0; i < sizeof(state.reserved); i++)
		if (state.reserved[i])
			return ERR_INVALID;
	uart->state = state;
	return OK;
}

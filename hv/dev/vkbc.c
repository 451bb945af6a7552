/* SPDX-License-Identifier: MIT */
/* The keyboard controller: commands at 0x64, data at 0x60, a keyboard behind it, and the ways to reset and to gate A20. */
#include "hv/dev/vkbc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define STATUS_OUTPUT_FULL BIT32(0)
#define STATUS_SYSTEM BIT32(2)
#define STATUS_COMMAND BIT32(3)
#define STATUS_UNLOCKED BIT32(4)
#define COMMAND_BYTE_IRQ BIT32(0)
#define COMMAND_BYTE_SYSTEM BIT32(2)
#define COMMAND_BYTE_KEYBOARD_OFF BIT32(4)
#define COMMAND_BYTE_MOUSE_OFF BIT32(5)
#define OUTPUT_NOT_RESET BIT32(0)
#define OUTPUT_A20 BIT32(1)
#define PORT92_RESET BIT32(0)
#define PORT92_A20 BIT32(1)
#define KEYBOARD_ACK 0xfa
#define KEYBOARD_RESEND 0xfe
#define KEYBOARD_PASSED 0xaa

static void update_irq(struct vkbc *kbc)
{
	irq_line_set(&kbc->irq, kbc->state.queue_count && (kbc->state.command_byte & COMMAND_BYTE_IRQ));
}

static void put(struct vkbc *kbc, u8 byte)
{
	struct vkbc_state *state = &kbc->state;

	if (state->queue_count < VKBC_QUEUE)
		state->queue[(state->queue_head + state->queue_count++) % VKBC_QUEUE] = byte;
}

static u8 take(struct vkbc *kbc)
{
	struct vkbc_state *state = &kbc->state;
	u8 byte = state->queue[state->queue_head];

	if (!state->queue_count)
		return byte; /* the last byte stays readable */
	state->queue_count--;
	if (state->queue_count)
		state->queue_head = (state->queue_head + 1) % VKBC_QUEUE;
	if (state->queue_count) { /* a further byte is a further edge */
		irq_line_set(&kbc->irq, false);
	}
	return byte;
}

static void keyboard_defaults(struct vkbc_state *state)
{
	state->leds = 0;
	state->scan_set = 2;
	state->scanning = 1;
}

/* A byte for the keyboard: a command, or the argument of one. */
static void keyboard_write(struct vkbc *kbc, u8 value)
{
	struct vkbc_state *state = &kbc->state;
	u8 argument_of = state->keyboard_argument;

	state->keyboard_argument = 0;
	if (argument_of && value < 0x80) {
		put(kbc, KEYBOARD_ACK);
		if (argument_of == 0xed)
			state->leds = value & 7;
		else if (argument_of == 0xf0 && !value)
			put(kbc, state->scan_set);
		else if (argument_of == 0xf0 && value <= 3)
			state->scan_set = value;
		return;
	}
	switch (value) {
	case 0xed: case 0xf0: case 0xf3: /* LEDs, scan code set, repeat rate: an argument follows */
		state->keyboard_argument = value;
		put(kbc, KEYBOARD_ACK);
		break;
	case 0xee: /* echo */
		put(kbc, 0xee);
		break;
	case 0xf2: /* identify: an AT keyboard behind a translating controller */
		put(kbc, KEYBOARD_ACK);
		put(kbc, 0xab);
		put(kbc, state->command_byte & BIT32(6) ? 0x41 : 0x83);
		break;
	case 0xf4: case 0xf5: case 0xf6: /* enable, disable with defaults, defaults */
		if (value != 0xf4)
			keyboard_defaults(state);
		state->scanning = value != 0xf5;
		put(kbc, KEYBOARD_ACK);
		break;
	case 0xff: /* reset and self-test */
		keyboard_defaults(state);
		put(kbc, KEYBOARD_ACK);
		put(kbc, KEYBOARD_PASSED);
		break;
	default:
		put(kbc, value >= 0xf7 && value <= 0xfd ? KEYBOARD_ACK : KEYBOARD_RESEND);
	}
}

/* True: the reset line went low. */
static bool write_output_port(struct vkbc_state *state, u8 value)
{
	state->output_port = value | OUTPUT_NOT_RESET;
	state->port92 = value & OUTPUT_A20 ? state->port92 | PORT92_A20 : state->port92 & (u8)~PORT92_A20;
	return !(value & OUTPUT_NOT_RESET);
}

static bool controller_argument(struct vkbc *kbc, u8 command, u8 value)
{
	struct vkbc_state *state = &kbc->state;

	state->controller_argument = 0;
	switch (command) {
	case 0x60:
		state->command_byte = value & 0x7f;
		state->status = (u8)((state->status & ~STATUS_SYSTEM) | (value & COMMAND_BYTE_SYSTEM ? STATUS_SYSTEM : 0));
		break;
	case 0xd1:
		return write_output_port(state, value);
	case 0xd2: /* as if the keyboard had sent it */
	case 0xd3: /* the mouse's loop: without a mouse it comes back as from the keyboard, which tells the driver at once */
		put(kbc, value);
		break;
	default: /* 0xd4: to the mouse, which is not there */
		put(kbc, KEYBOARD_RESEND);
		break;
	}
	return false;
}

static bool controller_command(struct vkbc *kbc, u8 value)
{
	struct vkbc_state *state = &kbc->state;

	state->controller_argument = 0;
	switch (value) {
	case 0x20: put(kbc, state->command_byte); break;
	case 0x60: case 0xd1: case 0xd2: case 0xd3: case 0xd4: state->controller_argument = value; break;
	case 0xa7: state->command_byte |= COMMAND_BYTE_MOUSE_OFF; break;
	case 0xa8: break; /* the mouse's clock cannot be switched on: there is none */
	case 0xa9: put(kbc, 0x02); break; /* mouse port test: clock line stuck high */
	case 0xaa:
		state->command_byte = COMMAND_BYTE_MOUSE_OFF | COMMAND_BYTE_KEYBOARD_OFF | COMMAND_BYTE_SYSTEM;
		state->status |= STATUS_SYSTEM;
		put(kbc, 0x55);
		break;
	case 0xab: put(kbc, 0x00); break;
	case 0xad: state->command_byte |= COMMAND_BYTE_KEYBOARD_OFF; break;
	case 0xae: state->command_byte &= (u8)~COMMAND_BYTE_KEYBOARD_OFF; break;
	case 0xc0: put(kbc, 0xa0); break; /* input port: not locked, colour display */
	case 0xd0: put(kbc, (u8)(state->output_port | (state->queue_count ? BIT32(4) : 0))); break;
	case 0xdd: return write_output_port(state, state->output_port & (u8)~OUTPUT_A20);
	case 0xdf: return write_output_port(state, state->output_port | OUTPUT_A20);
	case 0xf0 ... 0xff: return !(value & 1); /* pulse: bit 0 low is the reset line */
	default: break;
	}
	return false;
}

static u64 data_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vkbc *kbc = device;
	u64 flags = lock_irqsave(&kbc->lock), value;

	(void)offset;
	(void)size_bytes;
	value = take(kbc);
	update_irq(kbc);
	unlock_irqrestore(&kbc->lock, flags);
	return value | ~(u64)0xff;
}

static void data_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vkbc *kbc = device;
	u64 flags = lock_irqsave(&kbc->lock);
	bool reset = false;

	(void)offset;
	(void)size_bytes;
	kbc->state.status &= (u8)~STATUS_COMMAND;
	if (kbc->state.controller_argument)
		reset = controller_argument(kbc, kbc->state.controller_argument, (u8)value);
	else
		keyboard_write(kbc, (u8)value);
	update_irq(kbc);
	unlock_irqrestore(&kbc->lock, flags);
	if (reset)
		kbc->reset(kbc->context, "keyboard controller, output port");
}

static u64 status_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vkbc *kbc = device;
	u8 status = kbc->state.status | STATUS_UNLOCKED;

	(void)offset;
	(void)size_bytes;
	return status | (READ_ONCE(kbc->state.queue_count) ? STATUS_OUTPUT_FULL : 0) | ~(u64)0xff;
}

static void command_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vkbc *kbc = device;
	u64 flags = lock_irqsave(&kbc->lock);
	bool reset;

	(void)offset;
	(void)size_bytes;
	kbc->state.status |= STATUS_COMMAND;
	reset = controller_command(kbc, (u8)value);
	update_irq(kbc);
	unlock_irqrestore(&kbc->lock, flags);
	if (reset)
		kbc->reset(kbc->context, "keyboard controller, pulse of the reset line");
}

static u64 port92_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vkbc *kbc = device;

	(void)offset;
	(void)size_bytes;
	return READ_ONCE(kbc->state.port92);
}

static void port92_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vkbc *kbc = device;
	u64 flags = lock_irqsave(&kbc->lock);
	bool rises = (value & PORT92_RESET) && !(kbc->state.port92 & PORT92_RESET);

	(void)offset;
	(void)size_bytes;
	kbc->state.port92 = value & (PORT92_RESET | PORT92_A20);
	kbc->state.output_port = (u8)((kbc->state.output_port & ~OUTPUT_A20) | (value & PORT92_A20));
	unlock_irqrestore(&kbc->lock, flags);
	if (rises)
		kbc->reset(kbc->context, "fast reset, port 0x92");
}

static const struct io_ops data_ops = { data_read, data_write };
static const struct io_ops command_ops = { status_read, command_write };
static const struct io_ops port92_ops = { port92_read, port92_write };

int vkbc_claim(struct vkbc *kbc, struct io_map *ports)
{
	const struct io_region regions[] = {
		{ 0x60, 1, &data_ops, kbc, "kbc data", true },
		{ 0x64, 1, &command_ops, kbc, "kbc", true },
		{ 0x92, 1, &port92_ops, kbc, "port 92", true },
	};
	int error = OK;

	for (size_t i = 0; i < ARRAY_SIZE(regions) && error == OK; i++)
		error = io_map_add(ports, &regions[i]);
	return error;
}

void vkbc_reset(struct vkbc *kbc)
{
	u64 flags = lock_irqsave(&kbc->lock);

	kbc->state = (struct vkbc_state){
		.command_byte = COMMAND_BYTE_IRQ | COMMAND_BYTE_SYSTEM | COMMAND_BYTE_MOUSE_OFF | BIT32(6),
		.output_port = 0xdf, .status = STATUS_SYSTEM, .port92 = PORT92_A20,
	};
	keyboard_defaults(&kbc->state);
	update_irq(kbc);
	unlock_irqrestore(&kbc->lock, flags);
}

void vkbc_init(struct vkbc *kbc, const struct irq_line *irq, void (*reset)(void *, const char *), void *context)
{
	*kbc = (struct vkbc){ .irq = *irq, .reset = reset, .context = context };
	spinlock_init(&kbc->lock, "vkbc", LOCK_RANK_DEVICE);
	vkbc_reset(kbc);
}

void vkbc_save(struct vkbc *kbc, struct state_writer *writer)
{
	state_save(writer, "vkbc", 1, &kbc->state, sizeof(kbc->state));
}

static bool is_argument(u8 value, const char *commands)
{
	return !value || strchr(commands, (char)value);
}

int vkbc_load(struct vkbc *kbc, struct state_reader *reader)
{
	struct vkbc_state state;

	if (state_load(reader, "vkbc", 1, &state, sizeof(state)) != OK || state.queue_head >= VKBC_QUEUE ||
	    state.queue_count > VKBC_QUEUE || (state.command_byte & 0x80) || !(state.output_port & OUTPUT_NOT_RESET) ||
	    !is_argument(state.controller_argument, "\x60\xd1\xd2\xd3\xd4") ||
	    !is_argument(state.keyboard_argument, "\xed\xf0\xf3") || (state.status & ~(STATUS_SYSTEM | STATUS_COMMAND)) ||
	    state.leds > 7 || state.scan_set > 3 || state.scanning > 1 || state.port92 > 3)
		return ERR_INVALID;
	for (unsigned i = 0; i < sizeof(state.reserved); i++)
		if (state.reserved[i])
			return ERR_INVALID;
	kbc->state = state;
	return OK;
}

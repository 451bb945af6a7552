/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC: inputs become messages to the local APICs.
 *
 * Edges that come while a pin is masked are lost, as the data sheet has it. A level is sent once and again after each
 * EOI while the line is still high (remote IRR in between).
 */
#include "hv/dev/vioapic.h"
#include "hv/lib/error.h"

#define REDIRECTION_VECTOR 0xffull
#define REDIRECTION_LOGICAL BIT64(11)
#define REDIRECTION_REMOTE_IRR BIT64(14)
#define REDIRECTION_LEVEL BIT64(15)
#define REDIRECTION_MASKED BIT64(16)
#define REDIRECTION_WRITABLE (MASK64(63, 56) | MASK64(11, 0) | BIT64(13) | BIT64(15) | BIT64(16))

#define REGISTER_ID 0u
#define REGISTER_VERSION 1u
#define REGISTER_ARBITRATION 2u
#define REGISTER_REDIRECTION 0x10u
#define VERSION_WORD ((VIOAPIC_PINS - 1u) << 16 | 0x20u)
#define ID_MASK 0x0f000000u

#define OFFSET_SELECT 0x00u
#define OFFSET_WINDOW 0x10u
#define OFFSET_EOI 0x40u

static void send(struct vioapic *ioapic, unsigned pin)
{
	u64 entry = ioapic->state.redirection[pin];
	struct apic_message message = {
		.destination = (u32)(entry >> 56),
		.vector = (u8)entry,
		.delivery = entry >> 8 & 7,
		.logical = (entry & REDIRECTION_LOGICAL) != 0,
		.level_triggered = (entry & REDIRECTION_LEVEL) != 0,
	};

	if (message.level_triggered)
		ioapic->state.redirection[pin] |= REDIRECTION_REMOTE_IRR;
	if (message.delivery != APIC_SMI && message.delivery != APIC_EXTINT)
		ioapic->deliver(ioapic->context, &message);
}

/* Level-triggered, high, unmasked, and not already waiting for an EOI. */
static void send_if_level(struct vioapic *ioapic, unsigned pin)
{
	u64 entry = ioapic->state.redirection[pin];

	if ((entry & REDIRECTION_LEVEL) && !(entry & (REDIRECTION_MASKED | REDIRECTION_REMOTE_IRR)) &&
	    (ioapic->state.lines >> pin & 1))
		send(ioapic, pin);
}

void vioapic_set_irq(struct vioapic *ioapic, unsigned pin, bool level)
{
	bool rises;
	u64 flags;

	if (pin >= VIOAPIC_PINS)
		return;
	flags = lock_irqsave(&ioapic->lock);
	rises = level && !(ioapic->state.lines & BIT32(pin));
	ioapic->state.lines = level ? ioapic->state.lines | BIT32(pin) : ioapic->state.lines & ~BIT32(pin);
	if (rises && !(ioapic->state.redirection[pin] & (REDIRECTION_MASKED | REDIRECTION_LEVEL)))
		send(ioapic, pin);
	else
		send_if_level(ioapic, pin);
	unlock_irqrestore(&ioapic->lock, flags);
}

void vioapic_eoi(struct vioapic *ioapic, u8 vector)
{
	u64 flags = lock_irqsave(&ioapic->lock);

	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		u64 *entry = &ioapic->state.redirection[pin];

		if ((*entry & REDIRECTION_VECTOR) != vector || !(*entry & REDIRECTION_REMOTE_IRR))
			continue;
		*entry &= ~REDIRECTION_REMOTE_IRR;
		send_if_level(ioapic, pin);
	}
	unlock_irqrestore(&ioapic->lock, flags);
}

static u32 register_read(const struct vioapic_state *state)
{
	u32 index = READ_ONCE(state->select);

	switch (index) {
	case REGISTER_ID:
	case REGISTER_ARBITRATION:
		return state->id;
	case REGISTER_VERSION:
		return VERSION_WORD;
	default:
		index -= REGISTER_REDIRECTION;
		if (index >= 2 * VIOAPIC_PINS)
			return 0;
		index = (u32)index_nospec(index, 2 * VIOAPIC_PINS);
		return (u32)(state->redirection[index / 2] >> (index & 1 ? 32 : 0));
	}
}

static void redirection_write(struct vioapic *ioapic, u32 index, u32 value)
{
	u64 *entry = &ioapic->state.redirection[index / 2];
	u64 wanted = index & 1 ? (u64)value << 32 | (u32)*entry : (*entry & MASK64(63, 32)) | value;

	*entry = (wanted & REDIRECTION_WRITABLE) | (*entry & REDIRECTION_REMOTE_IRR);
	if (!(*entry & REDIRECTION_LEVEL)) /* the way to forget a level without an EOI */
		*entry &= ~REDIRECTION_REMOTE_IRR;
	send_if_level(ioapic, index / 2);
}

static void register_write(struct vioapic *ioapic, u32 value)
{
	u32 index = READ_ONCE(ioapic->state.select);

	if (index == REGISTER_ID)
		ioapic->state.id = value & ID_MASK;
	index -= REGISTER_REDIRECTION;
	if (index < 2 * VIOAPIC_PINS)
		redirection_write(ioapic, (u32)index_nospec(index, 2 * VIOAPIC_PINS), value);
}

/* Registers are 32 bits wide; a narrower read gets its bytes, as chipsets answer. */
static u64 vioapic_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vioapic *ioapic = device;
	u32 value = 0;
	u64 flags = lock_irqsave(&ioapic->lock);

	(void)size_bytes;
	if ((offset & ~3ull) == OFFSET_WINDOW)
		value = register_read(&ioapic->state);
	else if ((offset & ~3ull) == OFFSET_SELECT)
		value = READ_ONCE(ioapic->state.select);
	unlock_irqrestore(&ioapic->lock, flags);
	return value >> (8 * (offset & 3));
}

static void vioapic_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vioapic *ioapic = device;
	u64 flags;

	if (offset == OFFSET_SELECT) { /* one store: no lock */
		WRITE_ONCE(ioapic->state.select, value & 0xff);
		return;
	}
	if (offset == OFFSET_EOI) {
		vioapic_eoi(ioapic, (u8)value);
		return;
	}
	flags = lock_irqsave(&ioapic->lock);
	if (offset == OFFSET_WINDOW && size_bytes >= 4)
		register_write(ioapic, (u32)value);
	unlock_irqrestore(&ioapic->lock, flags);
}

static const struct io_ops vioapic_ops = { vioapic_read, vioapic_write };

int vioapic_claim(struct vioapic *ioapic, struct io_map *mmio)
{
	const struct io_region region = { VIOAPIC_BASE, PAGE_SIZE, &vioapic_ops, ioapic, "ioapic", true };

	return io_map_add(mmio, &region);
}

void vioapic_reset(struct vioapic *ioapic)
{
	u64 flags = lock_irqsave(&ioapic->lock);

	ioapic->state = (struct vioapic_state){ .lines = ioapic->state.lines };
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++)
		ioapic->state.redirection[pin] = REDIRECTION_MASKED;
	unlock_irqrestore(&ioapic->lock, flags);
}

void vioapic_init(struct vioapic *ioapic, void (*deliver)(void *, const struct apic_message *), void *context)
{
	*ioapic = (struct vioapic){ .deliver = deliver, .context = context };
	spinlock_init(&ioapic->lock, "vioapic", LOCK_RANK_VLAPIC);
	vioapic_reset(ioapic);
}

void vioapic_save(struct vioapic *ioapic, struct state_writer *writer)
{
	state_save(writer, "vioapic", 1, &ioapic->state, sizeof(ioapic->state));
}

int vioapic_load(struct vioapic *ioapic, struct state_reader *reader)
{
	struct vioapic_state state;

	if (state_load(reader, "vioapic", 1, &state, sizeof(state)) != OK || state.reserved || state.select > 0xff ||
	    (state.id & ~ID_MASK) || state.lines >> VIOAPIC_PINS)
		return ERR_INVALID;
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++)
		if ((state.redirection[pin] & ~(REDIRECTION_WRITABLE | REDIRECTION_REMOTE_IRR)) ||
		    ((state.redirection[pin] & REDIRECTION_REMOTE_IRR) && !(state.redirection[pin] & REDIRECTION_LEVEL)))
			return ERR_INVALID;
	ioapic->state = state;
	return OK;
}

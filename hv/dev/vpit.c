/* SPDX-License-Identifier: MIT */
/*
 * The 8254's ports, IRQ 0, and port 0x61.
 *
 * IRQ 0 follows the rising edges of OUT 0. Edge number n of a periodic mode comes at start + n * count ticks, however
 * late the host was with the edges before: no drift. Edges that the host missed are not made up for, and no two come
 * closer than MACHINE_TIMER_MIN_PERIOD_NS.
 */
#include "hv/dev/vpit.h"
#include "hv/lib/error.h"

#define PORT61_GATE2 BIT32(0)
#define PORT61_WRITABLE 0x0fu
#define PORT61_REFRESH BIT32(4)
#define PORT61_OUT2 BIT32(5)
#define REFRESH_NS 15085u

static u64 now_tick(const struct vpit *pit)
{
	return ns_to_ticks(machine_clock_ns(pit->clock), VPIT_HZ);
}

/* With the lock: when does IRQ 0 rise next? */
static void schedule(struct vpit *pit, u64 now)
{
	u64 min_ticks = ns_to_ticks(MACHINE_TIMER_MIN_PERIOD_NS, VPIT_HZ) + 1;

	pit->state.irq_tick = vpit_channel_next_edge(&pit->state.channel[0], now, min_ticks);
	if (pit->state.irq_tick)
		timer_arm(&pit->timer, machine_clock_to_host_ns(pit->clock, ticks_to_ns(pit->state.irq_tick, VPIT_HZ)));
}

static void fired(struct timer *timer)
{
	struct vpit *pit = timer->context;
	u64 flags = lock_irqsave(&pit->lock), now = now_tick(pit);

	if (!pit->clock->stopped && pit->state.irq_tick) {
		if (pit->state.irq_tick <= now) {
			irq_line_set(&pit->irq, false);
			irq_line_set(&pit->irq, true);
		}
		vpit_channel_settle(&pit->state.channel[0], now);
		schedule(pit, now);
	}
	unlock_irqrestore(&pit->lock, flags);
}

static void write_control(struct vpit *pit, u8 value, u64 now)
{
	unsigned which = value >> 6;

	if (which == 3) { /* read-back: bits 5 and 4 low ask for count and status */
		for (unsigned i = 0; i < 3; i++)
			if (value >> (i + 1) & 1)
				vpit_channel_latch(&pit->state.channel[i], !(value & 0x20), !(value & 0x10), now);
		return;
	}
	which = (unsigned)index_nospec(which, 3);
	if (!(value & 0x30)) {
		vpit_channel_latch(&pit->state.channel[which], true, false, now);
		return;
	}
	vpit_channel_control(&pit->state.channel[which], value, now);
	if (which == 0) {
		irq_line_set(&pit->irq, false);
		schedule(pit, now);
	}
}

static u64 port_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpit *pit = device;
	u64 flags, value = 0;

	(void)size_bytes;
	if (offset == 3)
		return ~(u64)0; /* the control word cannot be read */
	flags = lock_irqsave(&pit->lock);
	value = vpit_channel_read(&pit->state.channel[index_nospec(offset, 3)], now_tick(pit));
	unlock_irqrestore(&pit->lock, flags);
	return value | ~(u64)0xff;
}

static void port_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpit *pit = device;
	u64 flags = lock_irqsave(&pit->lock), now = now_tick(pit);

	(void)size_bytes;
	if (offset == 3) {
		write_control(pit, (u8)value, now);
	} else {
		vpit_channel_write(&pit->state.channel[index_nospec(offset, 3)], (u8)value, now);
		if (offset == 0)
			schedule(pit, now);
	}
	unlock_irqrestore(&pit->lock, flags);
}

static u64 port61_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpit *pit = device;
	u64 flags = lock_irqsave(&pit->lock), now = now_tick(pit);
	u64 value = pit->state.port61;

	(void)offset;
	(void)size_bytes;
	vpit_channel_settle(&pit->state.channel[2], now);
	if (vpit_channel_out(&pit->state.channel[2], now))
		value |= PORT61_OUT2;
	if (machine_clock_ns(pit->clock) / REFRESH_NS & 1)
		value |= PORT61_REFRESH;
	unlock_irqrestore(&pit->lock, flags);
	return value;
}

static void port61_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpit *pit = device;
	u64 flags = lock_irqsave(&pit->lock);

	(void)offset;
	(void)size_bytes;
	pit->state.port61 = value & PORT61_WRITABLE;
	vpit_channel_set_gate(&pit->state.channel[2], value & PORT61_GATE2, now_tick(pit));
	unlock_irqrestore(&pit->lock, flags);
}

static const struct io_ops port_ops = { port_read, port_write };
static const struct io_ops port61_ops = { port61_read, port61_write };

int vpit_claim(struct vpit *pit, struct io_map *ports)
{
	const struct io_region regions[] = {
		{ 0x40, 4, &port_ops, pit, "pit", true },
		{ 0x61, 1, &port61_ops, pit, "port 61", true },
	};
	int error = io_map_add(ports, &regions[0]);

	return error == OK ? io_map_add(ports, &regions[1]) : error;
}

void vpit_reset(struct vpit *pit)
{
	u64 flags = lock_irqsave(&pit->lock);

	pit->state = (struct vpit_state){ 0 };
	for (unsigned i = 0; i < 3; i++)
		pit->state.channel[i] = (struct vpit_channel){ .mode = 3, .access = 3, .gate = i != 2 };
	irq_line_set(&pit->irq, false);
	unlock_irqrestore(&pit->lock, flags);
}

void vpit_init(struct vpit *pit, const struct irq_line *irq, const struct machine_clock *clock)
{
	*pit = (struct vpit){ .irq = *irq, .clock = clock };
	spinlock_init(&pit->lock, "vpit", LOCK_RANK_DEVICE);
	timer_init(&pit->timer, fired, pit);
	vpit_reset(pit);
}

void vpit_quiesce(struct vpit *pit)
{
	timer_cancel(&pit->timer); /* the clock stands still already: the function does not arm again */
}

void vpit_resume(struct vpit *pit)
{
	u64 flags = lock_irqsave(&pit->lock);

	schedule(pit, now_tick(pit));
	unlock_irqrestore(&pit->lock, flags);
}

void vpit_save(struct vpit *pit, struct state_writer *writer)
{
	state_save(writer, "vpit", 1, &pit->state, sizeof(pit->state));
}

int vpit_load(struct vpit *pit, struct state_reader *reader)
{
	struct vpit_state state;

	if (state_load(reader, "vpit", 1, &state, sizeof(state)) != OK || (state.port61 & ~PORT61_WRITABLE) ||
	    state.irq_tick > 2 * ns_to_ticks(MACHINE_TIME_MAX_NS, VPIT_HZ))
		return ERR_INVALID;
	for (unsigned i = 0; i < 3; i++)
		if (!vpit_channel_is_sane(&state.channel[i]) || state.channel[i].gate != (i != 2 || (state.port61 & 1)))
			return ERR_INVALID;
	for (unsigned i = 0; i < sizeof(state.reserved); i++)
		if (state.reserved[i])
			return ERR_INVALID;
	pit->state = state;
	return OK;
}

/* SPDX-License-Identifier: MIT */
/*
 * ACPI's fixed hardware: events and their interrupt (SCI), sleep, the timer, the reset register.
 *
 * The timer is computed from the machine's clock. Requests to power off or reset leave through callbacks after the lock
 * is dropped.
 */
#include "hv/dev/vpm.h"
#include "hv/dev/pc.h"
#include "hv/lib/error.h"

#define PM1_TIMER BIT32(0)
#define PM1_GLOBAL BIT32(5)
#define PM1_POWER_BUTTON BIT32(8)
#define PM1_RTC BIT32(10)
#define PM1_WAKE BIT32(15)
#define PM1_EVENTS (PM1_TIMER | PM1_GLOBAL | PM1_POWER_BUTTON | PM1_RTC)
#define PM1_STATUS_BITS (PM1_EVENTS | BIT32(9) | BIT32(14) | PM1_WAKE)
#define CONTROL_SCI_EN BIT32(0)
#define CONTROL_SLEEP_TYPE(control) ((control) >> 10 & 7u)
#define CONTROL_SLEEP_EN BIT32(13)
#define CONTROL_WRITABLE (MASK32(12, 10) | MASK32(1, 0))
#define RESET_CPU BIT32(2)
#define RESET_WRITABLE 0x0eu

enum { OFFSET_STATUS = 0x00, OFFSET_ENABLE = 0x02, OFFSET_CONTROL = 0x04, OFFSET_TIMER = 0x08, OFFSET_GPE_STATUS = 0x20,
       OFFSET_GPE_ENABLE = 0x28, OFFSET_SMI_ENABLE = 0x30, OFFSET_SMI_STATUS = 0x34 };

static u64 timer_ticks(const struct vpm *pm)
{
	return ns_to_ticks(machine_clock_ns(pm->clock), VPM_TIMER_HZ);
}

/* The timer's interrupt comes when bit 23 changes: every 2^23 ticks, 2.3 s. */
static void look_at_timer(struct vpm *pm)
{
	u64 overflows = timer_ticks(pm) >> 23;

	if (overflows != pm->state.seen_overflows)
		pm->state.pm1_status |= PM1_TIMER;
	pm->state.seen_overflows = overflows;
}

static void update(struct vpm *pm)
{
	struct vpm_state *state = &pm->state;
	bool active = (state->pm1_status & state->pm1_enable & PM1_EVENTS) || (state->gpe0_status & state->gpe0_enable);

	irq_line_set(&pm->sci, active && (state->pm1_control & CONTROL_SCI_EN));
	if ((state->pm1_enable & PM1_TIMER) && !(state->pm1_status & PM1_TIMER) && !pm->clock->stopped)
		timer_arm(&pm->timer, machine_clock_to_host_ns(pm->clock,
							       ticks_to_ns((state->seen_overflows + 1) << 23, VPM_TIMER_HZ)));
}

static void fired(struct timer *timer)
{
	struct vpm *pm = timer->context;
	u64 flags = lock_irqsave(&pm->lock);

	if (!pm->clock->stopped) {
		look_at_timer(pm);
		update(pm);
	}
	unlock_irqrestore(&pm->lock, flags);
}

/* The registers as one array of bytes; status bits are as the last look left them. */
static u8 byte_read(const struct vpm_state *state, unsigned offset)
{
	switch (offset) {
	case OFFSET_STATUS ... OFFSET_STATUS + 1: return (u8)(state->pm1_status >> (8 * (offset & 1)));
	case OFFSET_ENABLE ... OFFSET_ENABLE + 1: return (u8)(state->pm1_enable >> (8 * (offset & 1)));
	case OFFSET_CONTROL ... OFFSET_CONTROL + 1: return (u8)(state->pm1_control >> (8 * (offset & 1)));
	case OFFSET_GPE_STATUS ... OFFSET_GPE_STATUS + 7: return (u8)(state->gpe0_status >> (8 * (offset & 7)));
	case OFFSET_GPE_ENABLE ... OFFSET_GPE_ENABLE + 7: return (u8)(state->gpe0_enable >> (8 * (offset & 7)));
	case OFFSET_SMI_ENABLE ... OFFSET_SMI_ENABLE + 3: return (u8)(state->smi_enable >> (8 * (offset & 3)));
	default: return 0;
	}
}

static __attribute__((noinline)) u64 bytes_read(struct vpm *pm, u64 offset, unsigned size_bytes)
{
	u64 flags, value = 0;

	flags = lock_irqsave(&pm->lock);
	look_at_timer(pm);
	for (unsigned i = 0; i < size_bytes; i++)
		value |= (u64)byte_read(&pm->state, (unsigned)offset + i) << (8 * i);
	unlock_irqrestore(&pm->lock, flags);
	return value;
}

static u64 block_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpm *pm = device;

	if (LIKELY((offset & ~3ull) == OFFSET_TIMER)) /* no lock: the clock is all there is to it */
		return (timer_ticks(pm) & 0xffffff) >> (8 * (offset & 3));
	return bytes_read(pm, offset, size_bytes);
}

static void put_byte(u16 *word, unsigned offset, u8 value, u32 writable)
{
	unsigned shift = 8 * (offset & 1);

	*word = (u16)((*word & ~(0xffu << shift & writable)) | ((u32)value << shift & writable));
}

/* True: the guest asks for a sleep state. */
static bool byte_write(struct vpm_state *state, unsigned offset, u8 value)
{
	switch (offset) {
	case OFFSET_STATUS ... OFFSET_STATUS + 1:
		state->pm1_status &= (u16)~((u32)value << (8 * (offset & 1)));
		break;
	case OFFSET_ENABLE ... OFFSET_ENABLE + 1:
		put_byte(&state->pm1_enable, offset, value, PM1_EVENTS);
		break;
	case OFFSET_CONTROL ... OFFSET_CONTROL + 1:
		put_byte(&state->pm1_control, offset, value, CONTROL_WRITABLE);
		return (offset & 1) && (value & CONTROL_SLEEP_EN >> 8);
	case OFFSET_GPE_STATUS ... OFFSET_GPE_STATUS + 7:
		state->gpe0_status &= ~((u64)value << (8 * (offset & 7)));
		break;
	case OFFSET_GPE_ENABLE ... OFFSET_GPE_ENABLE + 7:
		state->gpe0_enable &= ~(0xffull << (8 * (offset & 7)));
		state->gpe0_enable |= (u64)value << (8 * (offset & 7));
		break;
	case OFFSET_SMI_ENABLE ... OFFSET_SMI_ENABLE + 3:
		state->smi_enable &= ~(0xffu << (8 * (offset & 3)));
		state->smi_enable |= (u32)value << (8 * (offset & 3));
		break;
	default:
		break;
	}
	return false;
}

static void block_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpm *pm = device;
	u64 flags = lock_irqsave(&pm->lock);
	bool sleep = false;

	look_at_timer(pm);
	for (unsigned i = 0; i < size_bytes; i++)
		sleep |= byte_write(&pm->state, (unsigned)offset + i, (u8)(value >> (8 * i)));
	update(pm);
	sleep = sleep && CONTROL_SLEEP_TYPE(pm->state.pm1_control) == PC_SLEEP_TYPE_S5;
	unlock_irqrestore(&pm->lock, flags);
	if (sleep) /* no other sleep state is announced; one that is tried anyway does nothing */
		pm->callbacks.power_off(pm->callbacks.context);
}

const struct io_ops vpm_ops = { block_read, block_write };

static u64 apm_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpm *pm = device;

	(void)size_bytes;
	return offset ? pm->state.apm_status : pm->state.apm_control;
}

static void apm_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpm *pm = device;
	u64 flags = lock_irqsave(&pm->lock);

	if (offset == 1 || size_bytes > 1)
		pm->state.apm_status = (u8)(offset ? value : value >> 8);
	if (offset == 0) {
		pm->state.apm_control = (u8)value;
		if ((value & 0xff) == PC_ACPI_ENABLE)
			pm->state.pm1_control |= CONTROL_SCI_EN;
		else if ((value & 0xff) == PC_ACPI_DISABLE)
			pm->state.pm1_control &= (u16)~CONTROL_SCI_EN;
		update(pm);
	}
	unlock_irqrestore(&pm->lock, flags);
}

static const struct io_ops apm_ops = { apm_read, apm_write };

int vpm_claim(struct vpm *pm, struct io_map *ports)
{
	const struct io_region region = { PC_SMI_COMMAND, 2, &apm_ops, pm, "apm", true };

	return io_map_add(ports, &region);
}

u8 vpm_reset_control_read(struct vpm *pm)
{
	return READ_ONCE(pm->state.reset_control);
}

/* "ICH9 Family Datasheet", RST_CNT: a reset happens when bit 2 rises. */
void vpm_reset_control_write(struct vpm *pm, u8 value)
{
	u64 flags = lock_irqsave(&pm->lock);
	bool rises = (value & RESET_CPU) && !(pm->state.reset_control & RESET_CPU);

	pm->state.reset_control = value & RESET_WRITABLE;
	unlock_irqrestore(&pm->lock, flags);
	if (rises)
		pm->callbacks.reset(pm->callbacks.context, "reset register, port 0xCF9");
}

static void raise(struct vpm *pm, u32 pm1_bits, u64 gpe0_bits)
{
	u64 flags = lock_irqsave(&pm->lock);

	pm->state.pm1_status |= (u16)pm1_bits;
	pm->state.gpe0_status |= gpe0_bits;
	update(pm);
	unlock_irqrestore(&pm->lock, flags);
}

void vpm_power_button(struct vpm *pm)
{
	raise(pm, PM1_POWER_BUTTON, 0);
}

void vpm_set_gpe(struct vpm *pm, unsigned bit)
{
	raise(pm, 0, bit < 64 ? BIT64(bit) : 0);
}

void vpm_reset(struct vpm *pm)
{
	u64 flags = lock_irqsave(&pm->lock);

	pm->state = (struct vpm_state){ .seen_overflows = timer_ticks(pm) >> 23 };
	update(pm);
	unlock_irqrestore(&pm->lock, flags);
}

void vpm_init(struct vpm *pm, const struct irq_line *sci, const struct vpm_callbacks *callbacks,
	      const struct machine_clock *clock)
{
	*pm = (struct vpm){ .sci = *sci, .callbacks = *callbacks, .clock = clock };
	spinlock_init(&pm->lock, "vpm", LOCK_RANK_DEVICE);
	timer_init(&pm->timer, fired, pm);
	vpm_reset(pm);
}

void vpm_quiesce(struct vpm *pm)
{
	timer_cancel(&pm->timer);
}

void vpm_resume(struct vpm *pm)
{
	u64 flags = lock_irqsave(&pm->lock);

	look_at_timer(pm);
	update(pm);
	unlock_irqrestore(&pm->lock, flags);
}

void vpm_save(struct vpm *pm, struct state_writer *writer)
{
	state_save(writer, "vpm", 1, &pm->state, sizeof(pm->state));
}

int vpm_load(struct vpm *pm, struct state_reader *reader)
{
	struct vpm_state state;

	if (state_load(reader, "vpm", 1, &state, sizeof(state)) != OK || (state.pm1_status & ~PM1_STATUS_BITS) ||
	    (state.pm1_enable & ~PM1_EVENTS) || (state.pm1_control & ~CONTROL_WRITABLE) || state.reserved2 ||
	    (state.reset_control & ~RESET_WRITABLE) || state.seen_overflows > MACHINE_TIME_MAX_NS >> 23)
		return ERR_INVALID;
	for (unsigned i = 0; i < sizeof(state.reserved); i++)
		if (state.reserved[i])
			return ERR_INVALID;
	pm->state = state;
	return OK;
}

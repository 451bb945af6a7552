/* SPDX-License-Identifier: MIT */
/*
 * The real-time clock's registers, flags and interrupts.
 *
 * An update ends at each full second; UIP is set for the 2,228 us before (244 us of warning, 1,984 us of update).
 * The alarm's search is bounded, but an alarm that can never match (hour 99, minute any) is searched on every look:
 * at most a few hundred steps.
 */
#include "hv/dev/vrtc.h"
#include "hv/dev/machine_clock.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define A_UIP BIT32(7)
#define A_DIVIDER(a) ((a) >> 4 & 7u)
#define A_RATE(a) ((a) & 15u)
#define B_SET BIT32(7)
#define FLAG_PERIODIC BIT32(6) /* the same bit enables in B and reports in C */
#define FLAG_ALARM BIT32(5)
#define FLAG_UPDATE BIT32(4)
#define FLAGS (FLAG_PERIODIC | FLAG_ALARM | FLAG_UPDATE)
#define C_IRQF BIT32(7)
#define D_VRT BIT32(7)
#define DIVIDER_RUNS 2u
#define UIP_NS (2228 * NS_PER_US)
#define CRYSTAL_HZ 32768u
#define INDEX_MASK 0x7f
#define TIME_MAX_NS ((s64)BIT64(62)) /* about the year 2116: a guest may not push the clock further */

static const u8 cmos_at_reset[VRTC_CMOS_SIZE] = {
	[RTC_A] = 0x26, [RTC_B] = 0x02, [RTC_D] = D_VRT,
	[0x14] = 0x06,                /* equipment: FPU, pointing device bit as QEMU */
	[0x15] = 0x80, [0x16] = 0x02, /* 640 KiB of base memory */
	[0x38] = 0x00, [0x3d] = 0x00, /* boot order: none */
};

static s64 guest_ns(const struct vrtc *rtc)
{
	return (s64)clock_wall_ns() + rtc->state.offset_ns;
}

static bool stands_still(const struct vrtc *rtc)
{
	return (rtc->state.cmos[RTC_B] & B_SET) || A_DIVIDER(rtc->state.cmos[RTC_A]) != DIVIDER_RUNS;
}

/* The periodic interrupt's period in 32768 Hz ticks; 0: off. */
static u32 period_ticks(u8 a)
{
	u32 rate = A_RATE(a);

	if (!rate)
		return 0;
	return rate < 3 ? 64u << rate : 1u << (rate - 1);
}

static u64 crystal_ticks(s64 ns)
{
	return ns_to_ticks((u64)ns, CRYSTAL_HZ);
}

static void update_irq(struct vrtc *rtc)
{
	u8 *cmos = rtc->state.cmos;
	bool active = cmos[RTC_C] & cmos[RTC_B] & FLAGS;

	cmos[RTC_C] = (u8)((cmos[RTC_C] & FLAGS) | (active ? C_IRQF : 0));
	irq_line_set(&rtc->irq, active);
}

/* Turns the time that has passed since the last look into flags. */
static void catch_up(struct vrtc *rtc)
{
	struct vrtc_state *state = &rtc->state;
	s64 now = guest_ns(rtc), second = now / (s64)NS_PER_S;
	u32 period = period_ticks(state->cmos[RTC_A]);
	u64 ticks = crystal_ticks(now);

	if (A_DIVIDER(state->cmos[RTC_A]) == DIVIDER_RUNS && period && ticks / period != state->seen_period / period)
		state->cmos[RTC_C] |= FLAG_PERIODIC;
	state->seen_period = ticks;
	if (!stands_still(rtc) && second > state->seen_second) {
		s64 alarm = vrtc_next_alarm(state->cmos, state->seen_second);

		state->cmos[RTC_C] |= FLAG_UPDATE;
		if (alarm >= 0 && alarm <= second)
			state->cmos[RTC_C] |= FLAG_ALARM;
	}
	state->seen_second = second;
	update_irq(rtc);
}

/* When something next happens that interrupts. */
static void schedule(struct vrtc *rtc)
{
	struct vrtc_state *state = &rtc->state;
	u8 enabled = state->cmos[RTC_B] & (u8)~state->cmos[RTC_C] & FLAGS; /* a pending one waits for the read of C */
	u32 period = period_ticks(state->cmos[RTC_A]);
	s64 now = guest_ns(rtc), next = -1;

	if (rtc->quiet)
		return;
	if ((enabled & FLAG_PERIODIC) && period && A_DIVIDER(state->cmos[RTC_A]) == DIVIDER_RUNS)
		next = (s64)ticks_to_ns((crystal_ticks(now) / period + 1) * period, CRYSTAL_HZ);
	if (!stands_still(rtc) && (enabled & (FLAG_ALARM | FLAG_UPDATE))) {
		s64 second = state->seen_second + 1;

		if (!(enabled & FLAG_UPDATE))
			second = vrtc_next_alarm(state->cmos, state->seen_second);
		if (second >= 0 && (next < 0 || second * (s64)NS_PER_S < next))
			next = second * (s64)NS_PER_S;
	}
	if (next >= 0)
		timer_arm(&rtc->timer, clock_ns() + (u64)MAX(next - now, 0));
}

static void fired(struct timer *timer)
{
	struct vrtc *rtc = timer->context;
	u64 flags = lock_irqsave(&rtc->lock);

	if (!rtc->quiet) {
		catch_up(rtc);
		schedule(rtc);
	}
	unlock_irqrestore(&rtc->lock, flags);
}

static bool is_time_register(u8 index)
{
	return index == RTC_CENTURY ||
	       (index <= RTC_YEAR && index != RTC_SECONDS_ALARM && index != RTC_MINUTES_ALARM && index != RTC_HOURS_ALARM);
}

static void load_time_registers(struct vrtc *rtc)
{
	struct vrtc_date date;

	vrtc_date_from_seconds(&date, guest_ns(rtc) / (s64)NS_PER_S);
	vrtc_date_to_registers(&date, rtc->state.cmos);
}

/* The time registers become the time, from a full second (or, after a divider reset, half a second before the next). */
static void take_time_registers(struct vrtc *rtc, u64 into_second_ns)
{
	struct vrtc_date date;
	s64 wanted;

	vrtc_date_from_registers(&date, rtc->state.cmos);
	wanted = vrtc_date_to_seconds(&date);
	wanted = MAX(MIN(wanted, TIME_MAX_NS / (s64)NS_PER_S), 0) * (s64)NS_PER_S + (s64)into_second_ns;
	rtc->state.offset_ns = wanted - (s64)clock_wall_ns();
	rtc->state.seen_second = wanted / (s64)NS_PER_S;
	rtc->state.seen_period = crystal_ticks(wanted);
}

static u8 read_register(struct vrtc *rtc, u8 index)
{
	struct vrtc_state *state = &rtc->state;
	u8 value;

	if (is_time_register(index)) {
		if (!stands_still(rtc))
			load_time_registers(rtc);
		return state->cmos[index];
	}
	if (index == RTC_A) {
		bool updating = !stands_still(rtc) && (u64)guest_ns(rtc) % NS_PER_S >= NS_PER_S - UIP_NS;

		return (u8)(state->cmos[RTC_A] | (updating ? A_UIP : 0));
	}
	if (index != RTC_C)
		return state->cmos[index];
	catch_up(rtc);
	value = state->cmos[RTC_C];
	state->cmos[RTC_C] = 0;
	update_irq(rtc);
	schedule(rtc);
	return value;
}

static void write_time(struct vrtc *rtc, u8 index, u8 value)
{
	u64 into_second_ns = (u64)guest_ns(rtc) % NS_PER_S;

	if (!stands_still(rtc))
		load_time_registers(rtc);
	rtc->state.cmos[index] = value;
	if (!stands_still(rtc))
		take_time_registers(rtc, into_second_ns);
}

/* Registers A and B can stop the clock and let it run again. */
static void write_control(struct vrtc *rtc, u8 index, u8 value)
{
	bool stood = stands_still(rtc);
	bool divider_stood = A_DIVIDER(rtc->state.cmos[RTC_A]) != DIVIDER_RUNS;
	u64 into_second_ns = (u64)guest_ns(rtc) % NS_PER_S;

	catch_up(rtc);
	if (!stood)
		load_time_registers(rtc);
	rtc->state.cmos[index] = value;
	if (!stood && !stands_still(rtc) && index == RTC_B)
		load_time_registers(rtc); /* another data mode: the same time in other digits */
	if (stood && !stands_still(rtc)) {
		if (divider_stood)
			into_second_ns = NS_PER_S / 2;
		take_time_registers(rtc, into_second_ns);
	}
	update_irq(rtc);
}

static void write_register(struct vrtc *rtc, u8 index, u8 value)
{
	if (is_time_register(index)) {
		write_time(rtc, index, value);
	} else if (index == RTC_A) {
		write_control(rtc, index, value & (u8)~A_UIP);
	} else if (index == RTC_B) {
		if (value & B_SET)
			value &= (u8)~FLAG_UPDATE; /* SET clears UIE */
		write_control(rtc, index, value);
	} else if (index != RTC_C && index != RTC_D) {
		catch_up(rtc); /* an alarm register: what was due under the old one */
		rtc->state.cmos[index] = value;
	}
	schedule(rtc);
}

static u64 port_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vrtc *rtc = device;
	u64 flags, value;

	(void)size_bytes;
	if (offset == 0)
		return ~(u64)0; /* the index is write-only */
	flags = lock_irqsave(&rtc->lock);
	value = read_register(rtc, (u8)index_nospec(rtc->state.index & INDEX_MASK, VRTC_CMOS_SIZE));
	unlock_irqrestore(&rtc->lock, flags);
	return value | ~(u64)0xff;
}

static void port_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vrtc *rtc = device;
	u64 flags = lock_irqsave(&rtc->lock);

	if (offset == 0)
		rtc->state.index = value & INDEX_MASK; /* bit 7 masks NMIs on real boards; here NMIs are the APIC's business */
	if (offset == 1 || size_bytes > 1)
		write_register(rtc, (u8)index_nospec(rtc->state.index, VRTC_CMOS_SIZE), (u8)(offset ? value : value >> 8));
	unlock_irqrestore(&rtc->lock, flags);
}

static const struct io_ops port_ops = { port_read, port_write };

int vrtc_claim(struct vrtc *rtc, struct io_map *ports)
{
	const struct io_region region = { 0x70, 2, &port_ops, rtc, "rtc", true };

	return io_map_add(ports, &region);
}

/* A machine reset leaves time and alarm alone, as the battery does; the interrupt enables go. */
void vrtc_reset(struct vrtc *rtc)
{
	u64 flags = lock_irqsave(&rtc->lock);

	rtc->state.cmos[RTC_B] &= (u8)~(FLAGS | BIT32(3));
	rtc->state.cmos[RTC_C] = 0;
	rtc->state.index = 0;
	update_irq(rtc);
	unlock_irqrestore(&rtc->lock, flags);
}

void vrtc_init(struct vrtc *rtc, const struct irq_line *irq, s64 offset_ns)
{
	*rtc = (struct vrtc){ .irq = *irq, .configured_offset_ns = offset_ns };
	spinlock_init(&rtc->lock, "vrtc", LOCK_RANK_DEVICE);
	timer_init(&rtc->timer, fired, rtc);
	memcpy(rtc->state.cmos, cmos_at_reset, sizeof(cmos_at_reset));
	rtc->state.offset_ns = offset_ns;
	if (guest_ns(rtc) < 0 || guest_ns(rtc) > TIME_MAX_NS)
		rtc->state.offset_ns = 0;
	rtc->state.seen_second = guest_ns(rtc) / (s64)NS_PER_S;
	rtc->state.seen_period = crystal_ticks(guest_ns(rtc));
	vrtc_reset(rtc);
}

static void put16(u8 *cmos, u8 index, u64 value)
{
	value = MIN(value, 0xffff);
	cmos[index] = (u8)value;
	cmos[index + 1] = (u8)(value >> 8);
}

void vrtc_set_memory(struct vrtc *rtc, u64 low_bytes, u64 high_bytes, u32 cpus)
{
	u8 *cmos = rtc->state.cmos;
	u64 above_1m = low_bytes > MIB ? low_bytes - MIB : 0, above_16m = low_bytes > 16 * MIB ? low_bytes - 16 * MIB : 0;

	put16(cmos, 0x17, above_1m / KIB);
	put16(cmos, 0x30, above_1m / KIB);
	put16(cmos, 0x34, above_16m / (64 * KIB));
	put16(cmos, 0x5b, high_bytes / (64 * KIB));
	cmos[0x5d] = (u8)(high_bytes / (64 * KIB) >> 16);
	if (high_bytes / (64 * KIB) > 0xffff) { /* the field is 24 bits wide: put16 clamped the lower part */
		cmos[0x5b] = (u8)(high_bytes / (64 * KIB));
		cmos[0x5c] = (u8)(high_bytes / (64 * KIB) >> 8);
	}
	cmos[0x5f] = (u8)(cpus - 1);
}

void vrtc_quiesce(struct vrtc *rtc)
{
	u64 flags = lock_irqsave(&rtc->lock);

	rtc->quiet = true;
	unlock_irqrestore(&rtc->lock, flags);
	timer_cancel(&rtc->timer);
}

void vrtc_resume(struct vrtc *rtc)
{
	u64 flags = lock_irqsave(&rtc->lock);

	rtc->quiet = false;
	catch_up(rtc);
	schedule(rtc);
	unlock_irqrestore(&rtc->lock, flags);
}

void vrtc_save(struct vrtc *rtc, struct state_writer *writer)
{
	state_save(writer, "vrtc", 1, &rtc->state, sizeof(rtc->state));
}

int vrtc_load(struct vrtc *rtc, struct state_reader *reader)
{
	struct vrtc_state state;
	s64 now = (s64)clock_wall_ns();

	if (state_load(reader, "vrtc", 1, &state, sizeof(state)) != OK || state.index > INDEX_MASK)
		return ERR_INVALID;
	for (unsigned i = 0; i < sizeof(state.reserved); i++)
		if (state.reserved[i])
			return ERR_INVALID;
	if (state.offset_ns < -now || state.offset_ns > TIME_MAX_NS - now || state.seen_second < 0 ||
	    state.seen_second > TIME_MAX_NS / (s64)NS_PER_S || (state.cmos[RTC_A] & A_UIP) ||
	    (state.cmos[RTC_C] & ~(FLAGS | C_IRQF)) || state.cmos[RTC_D] != D_VRT)
		return ERR_INVALID;
	rtc->state = state;
	return OK;
}

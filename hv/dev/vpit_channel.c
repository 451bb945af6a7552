/* SPDX-License-Identifier: MIT */
/*
 * One counter of an 8254: six modes, as functions of the ticks since its count was loaded.
 *
 * Nothing counts here. The count in force, the time when it was loaded and the gate give the counter's value, OUT, and
 * the next edge at any time. Next to read: vpit.c.
 */
#include "hv/dev/vpit.h"

#define CONTROL_ACCESS(control) ((control) >> 4 & 3u)
#define CONTROL_MODE(control) ((control) >> 1 & 7u)
#define STATUS_OUT BIT32(7)
#define STATUS_NULL_COUNT BIT32(6)

static bool is_periodic(const struct vpit_channel *channel)
{
	return channel->mode == 2 || channel->mode == 3;
}

static bool is_triggered_mode(const struct vpit_channel *channel)
{
	return channel->mode == 1 || channel->mode == 5;
}

/* Has the counter something to count? */
static bool counts(const struct vpit_channel *channel)
{
	return channel->count && (!is_triggered_mode(channel) || channel->triggered);
}

/* A low gate stops every mode but 1 and 5, where only its rising edge matters. */
static bool held(const struct vpit_channel *channel)
{
	return !channel->gate && !is_triggered_mode(channel);
}

static u64 elapsed(const struct vpit_channel *channel, u64 now)
{
	if (held(channel))
		return channel->held_ticks;
	return now > channel->start_tick ? now - channel->start_tick : 0;
}

void vpit_channel_settle(struct vpit_channel *channel, u64 now)
{
	u64 passed = elapsed(channel, now);

	if (!channel->next_count || !is_periodic(channel) || held(channel) || passed < channel->count)
		return;
	channel->start_tick += channel->count; /* the first end of a period since the new count was written */
	channel->count = channel->next_count;
	channel->next_count = 0;
}

static u32 to_bcd(u32 value)
{
	return value % 10 | (value / 10 % 10) << 4 | (value / 100 % 10) << 8 | (value / 1000 % 10) << 12;
}

static u32 from_bcd(u32 value)
{
	return (value & 15) + 10 * (value >> 4 & 15) + 100 * (value >> 8 & 15) + 1000 * (value >> 12 & 15);
}

u32 vpit_channel_count(const struct vpit_channel *channel, u64 now)
{
	u32 modulus = channel->bcd ? 10000 : 65536, value;
	u64 passed = elapsed(channel, now);

	if (!counts(channel))
		value = channel->count;
	else if (channel->mode == 2)
		value = channel->count - (u32)(passed % channel->count);
	else if (channel->mode == 3) /* counts by two, once in each half */
		value = (channel->count & ~1u) - (u32)(2 * (passed % channel->count) % (channel->count & ~1u ? channel->count & ~1u : 1));
	else
		value = (u32)((channel->count + modulus - passed % modulus) % modulus);
	value %= modulus;
	return channel->bcd ? to_bcd(value) : value;
}

bool vpit_channel_out(const struct vpit_channel *channel, u64 now)
{
	u64 passed = elapsed(channel, now);

	if (!counts(channel))
		return channel->mode != 0;
	switch (channel->mode) {
	case 0:
	case 1:
		return passed >= channel->count;
	case 2:
		return held(channel) || passed % channel->count != channel->count - 1;
	case 3:
		return held(channel) || passed % channel->count < (channel->count + 1) / 2;
	default: /* 4, 5: one low tick at the end */
		return passed != channel->count;
	}
}

/* Short periods: only as many edges as the host grants, all on the period's own grid. */
u64 vpit_channel_next_edge(const struct vpit_channel *channel, u64 now, u64 min_ticks)
{
	u64 passed = elapsed(channel, now), step;

	if (!counts(channel) || held(channel))
		return 0;
	switch (channel->mode) {
	case 0:
	case 1:
		return passed < channel->count ? channel->start_tick + channel->count : 0;
	case 2:
	case 3:
		step = channel->next_count ? channel->count : channel->count * DIV_ROUND_UP(min_ticks, channel->count);
		return channel->start_tick + (passed / step + 1) * step;
	default:
		return passed <= channel->count ? channel->start_tick + channel->count + 1 : 0;
	}
}

static void load(struct vpit_channel *channel, u32 count, u64 now)
{
	channel->count = count;
	channel->next_count = 0;
	channel->start_tick = now;
	channel->held_ticks = 0;
}

void vpit_channel_set_gate(struct vpit_channel *channel, bool gate, u64 now)
{
	bool rises = gate && !channel->gate;

	vpit_channel_settle(channel, now);
	if (!gate && channel->gate && !is_triggered_mode(channel))
		channel->held_ticks = elapsed(channel, now);
	channel->gate = gate;
	if (!rises)
		return;
	if (is_triggered_mode(channel)) {
		load(channel, channel->next_count ? channel->next_count : channel->count, now);
		channel->triggered = channel->count != 0;
	} else if (is_periodic(channel)) {
		load(channel, channel->next_count ? channel->next_count : channel->count, now);
	} else {
		channel->start_tick = now - MIN(channel->held_ticks, now);
	}
}

void vpit_channel_control(struct vpit_channel *channel, u8 control, u64 now)
{
	u8 mode = CONTROL_MODE(control);

	channel->access = CONTROL_ACCESS(control);
	channel->mode = mode > 5 ? mode - 4 : mode; /* 6 and 7 are 2 and 3 */
	channel->bcd = control & 1;
	channel->count = channel->next_count = 0;
	channel->triggered = channel->write_high = channel->write_low_byte = channel->read_high = 0;
	channel->count_latched = channel->status_latched = 0;
	channel->start_tick = now;
	channel->held_ticks = 0;
}

static void new_count(struct vpit_channel *channel, u32 value, u64 now)
{
	u32 modulus = channel->bcd ? 10000 : 65536;
	u32 count = channel->bcd ? from_bcd(value) % modulus : value;

	if (!count)
		count = modulus;
	if (is_periodic(channel) && count == 1 && channel->mode == 3)
		count = 2; /* the data sheet's minimum; 1 would be a division by zero halves */
	vpit_channel_settle(channel, now);
	if (!channel->count && !is_triggered_mode(channel))
		load(channel, count, now);
	else if (is_periodic(channel) || is_triggered_mode(channel))
		channel->next_count = count;
	else
		load(channel, count, now);
	if (is_triggered_mode(channel) && !channel->triggered) {
		channel->count = count;
		channel->next_count = 0;
	}
}

void vpit_channel_write(struct vpit_channel *channel, u8 value, u64 now)
{
	switch (channel->access) {
	case 1:
		new_count(channel, value, now);
		break;
	case 2:
		new_count(channel, (u32)value << 8, now);
		break;
	case 3:
		if (channel->write_high)
			new_count(channel, (u32)value << 8 | channel->write_low_byte, now);
		else
			channel->write_low_byte = value;
		if (!channel->write_high && channel->mode == 0)
			channel->count = 0; /* mode 0: the first byte stops the count */
		channel->write_high = !channel->write_high;
		break;
	default: /* no control word yet */
		break;
	}
}

void vpit_channel_latch(struct vpit_channel *channel, bool count, bool status, u64 now)
{
	vpit_channel_settle(channel, now);
	if (count && !channel->count_latched) {
		channel->latched_count = (u16)vpit_channel_count(channel, now);
		channel->count_latched = channel->access == 3 ? 2 : 1;
	}
	if (status && !channel->status_latched) {
		channel->latched_status = (u8)((vpit_channel_out(channel, now) ? STATUS_OUT : 0) |
					       (!channel->count || channel->next_count ? STATUS_NULL_COUNT : 0) |
					       (u32)channel->access << 4 | (u32)channel->mode << 1 | channel->bcd);
		channel->status_latched = 1;
	}
}

u8 vpit_channel_read(struct vpit_channel *channel, u64 now)
{
	u32 count;
	bool high;

	if (channel->status_latched) {
		channel->status_latched = 0;
		return channel->latched_status;
	}
	vpit_channel_settle(channel, now);
	high = channel->access == 2;
	if (channel->access == 3) {
		high = channel->read_high;
		channel->read_high = !channel->read_high;
	}
	count = channel->count_latched ? channel->latched_count : vpit_channel_count(channel, now);
	if (channel->count_latched)
		channel->count_latched--;
	return (u8)(high ? count >> 8 : count);
}

bool vpit_channel_is_sane(const struct vpit_channel *channel)
{
	u32 modulus = channel->bcd ? 10000 : 65536;
	u64 max_ticks = ns_to_ticks(MACHINE_TIME_MAX_NS, VPIT_HZ);

	return channel->mode <= 5 && channel->access <= 3 && channel->bcd <= 1 && channel->gate <= 1 &&
	       channel->triggered <= 1 && channel->write_high <= 1 && channel->read_high <= 1 &&
	       channel->status_latched <= 1 && channel->count_latched <= 2 && channel->count <= modulus &&
	       channel->next_count <= modulus && channel->start_tick <= max_ticks && channel->held_ticks <= max_ticks &&
	       !(channel->mode == 3 && (channel->count == 1 || channel->next_count == 1)) &&
	       !channel->reserved[0] && !channel->reserved[1] && !channel->reserved[2];
}

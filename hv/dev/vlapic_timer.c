/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer: one-shot, periodic, TSC deadline.
 *
 * It counts at 1 GHz before the divider. A deadline that has passed when it is written fires at once, without a host
 * timer. A period shorter than MACHINE_TIMER_MIN_PERIOD_NS is stretched to it; periods that the vCPU missed count as one
 * (the request register holds one anyway), and the schedule stays on its own grid, so it does not drift.
 * timer_cancel waits for a function that runs elsewhere, and that takes the lock: so it is called without the lock.
 */
#include "hv/dev/vlapic.h"

#define DEADLINE_MAX_TICKS BIT64(60) /* further ahead: never, and safe from overflow */

static u32 divisor(u32 divide)
{
	u32 code = (divide & 3) | (divide >> 1 & 4);

	return code == 7 ? 1 : 2u << code;
}

static u64 period_ns(const struct vlapic_state *state)
{
	return (u64)state->timer_initial * divisor(state->timer_divide);
}

static u64 now_ns(const struct vlapic *vlapic)
{
	return machine_clock_ns(vlapic->clock);
}

static void arm(struct vlapic *vlapic)
{
	timer_arm(&vlapic->timer, machine_clock_to_host_ns(vlapic->clock, vlapic->state.timer_deadline_ns));
}

/* The count reached zero: what comes next. With the lock. */
static void expire(struct vlapic *vlapic, u64 now)
{
	struct vlapic_state *state = &vlapic->state;
	u64 period;

	state->tsc_deadline = 0;
	if (vlapic_timer_mode(state->lvt[LVT_TIMER]) != TIMER_PERIODIC || !state->timer_initial) {
		state->timer_deadline_ns = 0;
		return;
	}
	period = period_ns(state);
	if (period < MACHINE_TIMER_MIN_PERIOD_NS)
		period *= DIV_ROUND_UP(MACHINE_TIMER_MIN_PERIOD_NS, period);
	state->timer_deadline_ns += period * ((now - state->timer_deadline_ns) / period + 1);
	arm(vlapic);
}

/* The host's timer. The state may have moved on since it was armed: only what it says now counts. */
static void fired(struct timer *timer)
{
	struct vlapic *vlapic = timer->context;
	u64 flags = lock_irqsave(&vlapic->timer_lock);
	u64 now = now_ns(vlapic);
	bool due = false;

	if (vlapic->clock->stopped)
		;
	else if (vlapic->state.timer_deadline_ns && vlapic->state.timer_deadline_ns <= now) {
		due = true;
		expire(vlapic, now);
	} else if (vlapic->state.timer_deadline_ns) {
		arm(vlapic);
	}
	unlock_irqrestore(&vlapic->timer_lock, flags);
	if (due)
		vlapic_fire_lvt(vlapic, LVT_TIMER);
}

void vlapic_timer_init(struct vlapic *vlapic)
{
	spinlock_init(&vlapic->timer_lock, "vlapic timer", LOCK_RANK_VLAPIC);
	timer_init(&vlapic->timer, fired, vlapic);
}

void vlapic_timer_stop(struct vlapic *vlapic)
{
	u64 flags = lock_irqsave(&vlapic->timer_lock);

	vlapic->state.timer_deadline_ns = 0;
	vlapic->state.tsc_deadline = 0;
	unlock_irqrestore(&vlapic->timer_lock, flags);
	if (timer_armed(&vlapic->timer))
		timer_cancel(&vlapic->timer);
}

void vlapic_timer_write_initial(struct vlapic *vlapic, u32 count)
{
	struct vlapic_state *state = &vlapic->state;
	u64 flags;

	if (vlapic_timer_mode(state->lvt[LVT_TIMER]) == TIMER_TSC_DEADLINE)
		return;
	if (!count)
		vlapic_timer_stop(vlapic);
	flags = lock_irqsave(&vlapic->timer_lock);
	state->timer_initial = count;
	if (count) {
		state->timer_deadline_ns = now_ns(vlapic) + period_ns(state);
		arm(vlapic);
	}
	unlock_irqrestore(&vlapic->timer_lock, flags);
}

static u64 remaining_ns(const struct vlapic *vlapic)
{
	u64 now = now_ns(vlapic), deadline = vlapic->state.timer_deadline_ns;

	return deadline > now ? deadline - now : 0;
}

u32 vlapic_timer_current(struct vlapic *vlapic)
{
	struct vlapic_state *state = &vlapic->state;
	u64 flags = lock_irqsave(&vlapic->timer_lock);
	u64 count = 0;

	if (state->timer_deadline_ns && vlapic_timer_mode(state->lvt[LVT_TIMER]) != TIMER_TSC_DEADLINE) {
		count = DIV_ROUND_UP(remaining_ns(vlapic), divisor(state->timer_divide));
		if (state->timer_initial && count > state->timer_initial)
			count = (count - 1) % state->timer_initial + 1; /* a period stretched to the host's minimum */
	}
	unlock_irqrestore(&vlapic->timer_lock, flags);
	return (u32)count;
}

/* The count that is left goes on at the new speed. */
void vlapic_timer_write_divide(struct vlapic *vlapic, u32 value)
{
	struct vlapic_state *state = &vlapic->state;
	u64 flags = lock_irqsave(&vlapic->timer_lock);

	if (state->timer_deadline_ns && vlapic_timer_mode(state->lvt[LVT_TIMER]) != TIMER_TSC_DEADLINE) {
		u64 ticks = remaining_ns(vlapic) / divisor(state->timer_divide);

		state->timer_deadline_ns = now_ns(vlapic) + ticks * divisor(value);
		arm(vlapic);
	}
	state->timer_divide = value;
	unlock_irqrestore(&vlapic->timer_lock, flags);
}

/* SDM vol. 3, "TSC-Deadline Mode": changing between this mode and the others disarms the timer. */
void vlapic_timer_write_lvt(struct vlapic *vlapic, u32 value)
{
	struct vlapic_state *state = &vlapic->state;
	bool was = vlapic_timer_mode(state->lvt[LVT_TIMER]) == TIMER_TSC_DEADLINE;
	bool is = vlapic_timer_mode(value) == TIMER_TSC_DEADLINE;

	if (was != is) {
		vlapic_timer_stop(vlapic);
		state->timer_initial = 0;
	}
	WRITE_ONCE(state->lvt[LVT_TIMER], value);
}

/* With the lock; false: the deadline has passed. */
static bool arm_tsc_deadline(struct vlapic *vlapic)
{
	struct vlapic_state *state = &vlapic->state;
	u64 now = vcpu_tsc(vlapic->vcpu), host_ns;

	if (state->tsc_deadline <= now)
		return false;
	host_ns = vcpu_tsc_to_ns(vlapic->vcpu, now + MIN(state->tsc_deadline - now, DEADLINE_MAX_TICKS));
	state->timer_deadline_ns = host_ns - machine_clock_to_host_ns(vlapic->clock, 0);
	timer_arm(&vlapic->timer, host_ns);
	return true;
}

void vlapic_timer_write_deadline(struct vlapic *vlapic, u64 guest_tsc)
{
	struct vlapic_state *state = &vlapic->state;
	bool armed = false;
	u64 flags;

	if (vlapic_timer_mode(state->lvt[LVT_TIMER]) != TIMER_TSC_DEADLINE)
		return;
	flags = lock_irqsave(&vlapic->timer_lock);
	state->tsc_deadline = guest_tsc;
	state->timer_deadline_ns = 0;
	if (guest_tsc) {
		armed = arm_tsc_deadline(vlapic);
		if (!armed)
			state->tsc_deadline = 0;
	}
	unlock_irqrestore(&vlapic->timer_lock, flags);
	if (armed)
		return;
	if (UNLIKELY(timer_armed(&vlapic->timer)))
		timer_cancel(&vlapic->timer);
	if (guest_tsc)
		vlapic_fire_lvt(vlapic, LVT_TIMER);
}

u64 vlapic_timer_read_deadline(struct vlapic *vlapic)
{
	return READ_ONCE(vlapic->state.tsc_deadline);
}

void vlapic_timer_rearm(struct vlapic *vlapic)
{
	struct vlapic_state *state = &vlapic->state;
	u64 flags = lock_irqsave(&vlapic->timer_lock);
	bool due = false;

	if (state->tsc_deadline && !arm_tsc_deadline(vlapic)) {
		state->tsc_deadline = 0;
		state->timer_deadline_ns = 0;
		due = true;
	} else if (!state->tsc_deadline && state->timer_deadline_ns) {
		arm(vlapic);
	}
	unlock_irqrestore(&vlapic->timer_lock, flags);
	if (due)
		vlapic_fire_lvt(vlapic, LVT_TIMER);
}

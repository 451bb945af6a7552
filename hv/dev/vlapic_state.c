/* SPDX-License-Identifier: MIT */
/* The local APIC's power-on and INIT states, its rest while the machine is paused, and its saved form. */
#include "hv/dev/vlapic.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define SVR_RESET 0xffu
#define DFR_RESET 0xffffffffu
#define ICR_RESET 0u

/* SDM vol. 3, "Local APIC State After Power-Up or Reset", "Local APIC State After It Receives an INIT-Deassert IPI". */
void vlapic_init_state(struct vlapic *vlapic)
{
	u64 base = vlapic->state.apic_base;

	vlapic_timer_stop(vlapic);
	if (vlapic->end_armed)
		vlapic_pv_settle(vlapic, true);
	vlapic->state = (struct vlapic_state){ .apic_base = base, .svr = SVR_RESET, .dfr = DFR_RESET, .icr_low = ICR_RESET };
	WRITE_ONCE(*vlapic->tpr, 0);
	if (base & APIC_BASE_EXTD)
		vlapic->state.ldr = (vlapic->id >> 4) << 16 | BIT32(vlapic->id & 15);
	for (unsigned i = 0; i < LVT_COUNT; i++)
		vlapic->state.lvt[i] = LVT_MASKED;
}

/*
 * Direct boots have no firmware that would connect the boot CPU to the PIC and the NMI wire, and kernels rely on that
 * ("virtual wire mode", MultiProcessor Specification 1.4), so it is part of the power-on state here.
 */
void vlapic_reset(struct vlapic *vlapic)
{
	vlapic->state.apic_base = VLAPIC_BASE | APIC_BASE_EN | (vlapic->bsp ? APIC_BASE_BSP : 0);
	vlapic_init_state(vlapic);
	if (!vlapic->bsp)
		return;
	vlapic->state.lvt[LVT_LINT0] = (u32)APIC_EXTINT << 8;
	vlapic->state.lvt[LVT_LINT1] = (u32)APIC_NMI << 8;
}

void vlapic_init(struct vlapic *vlapic, struct vcpu *vcpu, struct vlapic_bus *bus, const struct machine_clock *clock)
{
	*vlapic = (struct vlapic){ .vcpu = vcpu, .bus = bus, .clock = clock, .id = vcpu->apic_id, .bsp = vcpu->index == 0 };
	vlapic->tpr = vcpu->task_priority ? vcpu->task_priority : &vlapic->state.tpr;
	vlapic_timer_init(vlapic);
	vlapic_reset(vlapic);
	bus->lapics[bus->count++] = vlapic;
}

void vlapic_quiesce(struct vlapic *vlapic)
{
	timer_cancel(&vlapic->timer);
}

void vlapic_resume(struct vlapic *vlapic)
{
	vlapic_timer_rearm(vlapic);
	vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
}

void vlapic_save(struct vlapic *vlapic, struct state_writer *writer)
{
	if (vlapic->end_armed)
		vlapic_pv_settle(vlapic, true);
	vlapic->state.tpr = *vlapic->tpr;
	state_save(writer, "vlapic", 1, &vlapic->state, sizeof(vlapic->state));
}

static bool base_is_sane(const struct vlapic *vlapic, u64 base)
{
	if ((base & ~(APIC_BASE_EN | APIC_BASE_EXTD | APIC_BASE_BSP)) != VLAPIC_BASE)
		return false;
	if ((base & APIC_BASE_EXTD) && !(base & APIC_BASE_EN))
		return false;
	return vlapic->bsp || !(base & APIC_BASE_BSP);
}

static bool lvts_are_sane(const struct vlapic_state *state)
{
	for (unsigned i = 0; i < LVT_COUNT; i++) {
		u32 writable = LVT_MASKED | LVT_VECTOR;

		if (i == LVT_TIMER)
			writable |= MASK32(18, 17);
		else if (i != LVT_ERROR)
			writable |= BIT32(15) | BIT32(13) | MASK32(10, 8);
		if (state->lvt[i] & ~writable)
			return false;
	}
	return true;
}

static bool timer_is_sane(const struct vlapic_state *state)
{
	bool deadline_mode = vlapic_timer_mode(state->lvt[LVT_TIMER]) == TIMER_TSC_DEADLINE;

	if ((state->timer_divide & ~0xbu) || state->timer_deadline_ns > MACHINE_TIME_MAX_NS)
		return false;
	if (deadline_mode)
		return !state->timer_initial;
	return !state->tsc_deadline && (!state->timer_deadline_ns || state->timer_initial);
}

static bool state_is_sane(const struct vlapic *vlapic, const struct vlapic_state *state)
{
	u32 ldr_writable = state->apic_base & APIC_BASE_EXTD ? ~0u : 0xff000000u;

	if (!base_is_sane(vlapic, state->apic_base) || !lvts_are_sane(state) || !timer_is_sane(state))
		return false;
	if ((state->irr[0] | state->isr[0] | state->tmr[0]) & 0xffff)
		return false; /* vectors 0 to 15 never arrive */
	if (state->apic_base & APIC_BASE_EXTD && state->ldr != ((vlapic->id >> 4) << 16 | BIT32(vlapic->id & 15)))
		return false;
	return state->tpr <= 0xff && !(state->svr & ~0x3ffu) && !(state->ldr & ~ldr_writable) &&
	       (state->dfr | 0xf0000000u) == 0xffffffffu && !(state->esr & ~0xffu) && !(state->esr_pending & ~0xffu) &&
	       !(state->icr_low & ~(MASK32(19, 18) | MASK32(15, 14) | MASK32(11, 0)));
}

int vlapic_load(struct vlapic *vlapic, struct state_reader *reader)
{
	struct vlapic_state state;

	if (state_load(reader, "vlapic", 1, &state, sizeof(state)) != OK || !state_is_sane(vlapic, &state))
		return ERR_INVALID;
	vlapic->state = state;
	*vlapic->tpr = state.tpr;
	return OK;
}

/* SPDX-License-Identifier: MIT */
/*
 * Requests, priorities and the core's questions: which vector next, taken, ended.
 *
 * The request register is a set of bits that any CPU may set (atomically); everything else belongs to the vCPU's own
 * thread, so these paths take no lock. A message for this vCPU sets the trigger mode first, then the request, then asks
 * for attention; the thread that looks after that sees all three.
 */
#include "hv/dev/vlapic.h"
#include "hv/dev/vioapic.h"
#include "hv/dev/vpic.h"
#include "hv/vcpu_init.h"

#define MSR_IA32_APIC_BASE 0x1bu
#define MSR_IA32_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC_FIRST 0x800u
#define MSR_X2APIC_LAST 0x8ffu
#define X2APIC_EOI 0x0bu

/* The highest vector in a set, or -1. */
static inline int highest(const u64 set[4])
{
	u64 bits;

	/* No loop: it would cost the end of every interrupt twice the instructions. */
	if ((bits = __atomic_load_n(&set[3], __ATOMIC_RELAXED)) != 0)
		return 255 - __builtin_clzll(bits);
	if ((bits = __atomic_load_n(&set[2], __ATOMIC_RELAXED)) != 0)
		return 191 - __builtin_clzll(bits);
	if ((bits = __atomic_load_n(&set[1], __ATOMIC_RELAXED)) != 0)
		return 127 - __builtin_clzll(bits);
	bits = __atomic_load_n(&set[0], __ATOMIC_RELAXED);
	return bits ? 63 - __builtin_clzll(bits) : -1;
}

u32 vlapic_processor_priority(const struct vlapic *vlapic)
{
	int serving = highest(vlapic->state.isr);
	u32 class = serving < 0 ? 0 : (u32)serving & 0xf0;

	return (*vlapic->tpr & 0xf0) >= class ? *vlapic->tpr : class;
}

/* The request that stands above the processor priority, or -1. */
static inline int deliverable(const struct vlapic *vlapic)
{
	int vector = highest(vlapic->state.irr);

	if (vector < 0 || !vlapic_software_enabled(vlapic))
		return -1;
	return ((u32)vector & 0xf0) > (vlapic_processor_priority(vlapic) & 0xf0) ? vector : -1;
}

/* Does the PIC reach this CPU: through LINT0 as ExtINT, or past an APIC that is switched off altogether. */
static bool takes_extint(const struct vlapic *vlapic)
{
	u32 lint0 = vlapic->state.lvt[LVT_LINT0];

	if (!vlapic_enabled(vlapic))
		return vlapic->bsp;
	return !(lint0 & LVT_MASKED) && LVT_DELIVERY(lint0) == APIC_EXTINT;
}

static int pending(void *controller)
{
	struct vlapic *vlapic = controller;
	int vector;

	if (UNLIKELY(vlapic->end_armed))
		vlapic_pv_settle(vlapic, highest(vlapic->state.irr) >= 0);
	if (UNLIKELY(vpic_output(vlapic->bus->pic)) && takes_extint(vlapic)) {
		vector = vpic_peek(vlapic->bus->pic);
		if (vector >= 0)
			return vector;
	}
	vector = deliverable(vlapic);
	if (vector >= 0 && UNLIKELY(vlapic->vcpu->end_msr))
		vlapic_pv_arm(vlapic, vector);
	return vector;
}

/*
 * The vector was offered to the hardware a while ago, and a better one may have come since: the guest has taken this one.
 * Whose it is shows in the request register; what is not there came from the PIC.
 */
static int acknowledge(void *controller, int vector)
{
	struct vlapic *vlapic = controller;
	u64 bit = BIT64(vector & 63), *irr = &vlapic->state.irr[(vector & 0xff) / 64];

	if (vector < 0)
		return INTERRUPT_NONE;
	if (UNLIKELY(!(__atomic_load_n(irr, __ATOMIC_RELAXED) & bit))) {
		vector = vpic_acknowledge(vlapic->bus->pic, vector);
		vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT); /* it did not ask what the APIC has */
		return vector;
	}
	__atomic_fetch_and(irr, ~bit, __ATOMIC_ACQ_REL);
	vlapic->state.isr[(vector & 0xff) / 64] |= bit;
	/* Mostly it was the only one, and nothing is there to be asked. */
	if (UNLIKELY(highest(vlapic->state.irr) >= 0 || vpic_output(vlapic->bus->pic)))
		vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
	return vector;
}

static unsigned held(void *controller)
{
	const struct vlapic *vlapic = controller;
	int vector = highest(vlapic->state.irr), serving = highest(vlapic->state.isr);

	if (vector < 0 || !vlapic_software_enabled(vlapic) || serving >> 4 >= vector >> 4)
		return 0;
	return (unsigned)vector >> 4 <= *vlapic->tpr >> 4 ? (unsigned)vector >> 4 : 0;
}

/* Up or down: what is on offer may have to be taken back, too. */
void vlapic_priority_changed(struct vlapic *vlapic)
{
	if (highest(vlapic->state.irr) >= 0)
		vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
}

static inline void end_of_interrupt(struct vlapic *vlapic)
{
	int vector;
	u64 bit;

	if (UNLIKELY(vlapic->end_armed))
		vlapic_pv_settle(vlapic, true);
	vector = highest(vlapic->state.isr);
	if (vector < 0)
		return;
	bit = BIT64(vector % 64);
	vlapic->state.isr[vector / 64] &= ~bit;
	if (UNLIKELY(__atomic_load_n(&vlapic->state.tmr[vector / 64], __ATOMIC_RELAXED) & bit))
		vioapic_eoi(vlapic->bus->ioapic, (u8)vector);
	vlapic_priority_changed(vlapic);
}

void vlapic_end_of_interrupt(struct vlapic *vlapic)
{
	end_of_interrupt(vlapic);
}

void vlapic_set_tpr(struct vlapic *vlapic, u32 tpr)
{
	WRITE_ONCE(*vlapic->tpr, tpr & 0xff);
	vlapic_priority_changed(vlapic);
}

void vlapic_accept(struct vlapic *vlapic, u8 vector, bool level_triggered)
{
	u64 bit = BIT64(vector % 64);
	u64 *tmr = &vlapic->state.tmr[vector / 64];

	if (!vlapic_software_enabled(vlapic))
		return;
	if (UNLIKELY(vector < 16)) {
		vlapic_error(vlapic, ESR_RECEIVE_ILLEGAL);
		return;
	}
	if (UNLIKELY(level_triggered))
		__atomic_fetch_or(tmr, bit, __ATOMIC_RELAXED);
	else if (UNLIKELY(__atomic_load_n(tmr, __ATOMIC_RELAXED) & bit))
		__atomic_fetch_and(tmr, ~bit, __ATOMIC_RELAXED);
	__atomic_fetch_or(&vlapic->state.irr[vector / 64], bit, __ATOMIC_RELEASE);
	vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
}

/*
 * Records an error, and interrupts when it is new. The error vector itself may be an illegal one (a guest wrote it): that
 * is one more error bit and no further interrupt, so errors cannot feed themselves.
 */
void vlapic_error(struct vlapic *vlapic, u32 esr_bit)
{
	u32 before = __atomic_fetch_or(&vlapic->state.esr_pending, esr_bit, __ATOMIC_RELAXED);
	u32 lvt = READ_ONCE(vlapic->state.lvt[LVT_ERROR]);

	if ((before & esr_bit) || (lvt & LVT_MASKED))
		return;
	if ((lvt & LVT_VECTOR) < 16)
		__atomic_fetch_or(&vlapic->state.esr_pending, ESR_RECEIVE_ILLEGAL, __ATOMIC_RELAXED);
	else
		vlapic_accept(vlapic, lvt & LVT_VECTOR, false);
}

void vlapic_fire_lvt(struct vlapic *vlapic, enum vlapic_lvt which)
{
	u32 lvt = READ_ONCE(vlapic->state.lvt[which]);
	u32 delivery = which == LVT_TIMER || which == LVT_ERROR ? APIC_FIXED : LVT_DELIVERY(lvt);

	if ((lvt & LVT_MASKED) || !vlapic_enabled(vlapic))
		return;
	switch (delivery) {
	case APIC_FIXED:
		vlapic_accept(vlapic, lvt & LVT_VECTOR, false);
		break;
	case APIC_NMI:
		vcpu_request(vlapic->vcpu, VCPU_REQUEST_NMI);
		break;
	case APIC_INIT:
		vcpu_send_init(vlapic->vcpu);
		break;
	default: /* SMI: there is no SMM; ExtINT is asked for in pending() */
		break;
	}
}

void vlapic_pic_changed(struct vlapic *vlapic, bool level)
{
	if (takes_extint(vlapic))
		vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
	else if (level)
		vlapic_fire_lvt(vlapic, LVT_LINT0);
}

static bool read_msr(void *controller, u32 msr, u64 *value)
{
	struct vlapic *vlapic = controller;

	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return vlapic_x2apic(vlapic) && vlapic_register_read(vlapic, msr - MSR_X2APIC_FIRST, value);
	if (msr == MSR_IA32_APIC_BASE)
		*value = vlapic->state.apic_base;
	else if (msr == MSR_IA32_TSC_DEADLINE)
		*value = vlapic_timer_read_deadline(vlapic);
	else
		return false;
	return true;
}

static __attribute__((noinline)) bool write_other_msr(struct vlapic *vlapic, u32 msr, u64 value)
{
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return vlapic_x2apic(vlapic) && vlapic_register_write(vlapic, msr - MSR_X2APIC_FIRST, value);
	if (msr == MSR_IA32_TSC_DEADLINE)
		vlapic_timer_write_deadline(vlapic, value);
	else
		return msr == MSR_IA32_APIC_BASE && vlapic_base_write(vlapic, value);
	return true;
}

/* The end of an interrupt in line: no other register is written so often. */
static bool write_msr(void *controller, u32 msr, u64 value)
{
	struct vlapic *vlapic = controller;

	if (UNLIKELY(msr != MSR_X2APIC_FIRST + X2APIC_EOI))
		return write_other_msr(vlapic, msr, value);
	if (!vlapic_x2apic(vlapic) || value)
		return false;
	end_of_interrupt(vlapic);
	return true;
}

static u64 read_cr8(void *controller)
{
	const struct vlapic *vlapic = controller;

	return *vlapic->tpr >> 4;
}

static void write_cr8(void *controller, u64 value)
{
	vlapic_set_tpr(controller, (u32)(value & 15) << 4);
}

static void tsc_changed(void *controller)
{
	vlapic_timer_rearm(controller);
}

static void init(void *controller)
{
	struct vlapic *vlapic = controller;

	vlapic_init_state(vlapic);
	vcpu_request(vlapic->vcpu, VCPU_REQUEST_EVENT);
}

const struct interrupt_controller_ops vlapic_ops = {
	.pending = pending,
	.acknowledge = acknowledge,
	.held = held,
	.read_msr = read_msr,
	.write_msr = write_msr,
	.read_cr8 = read_cr8,
	.write_cr8 = write_cr8,
	.tsc_changed = tsc_changed,
	.init = init,
	.send_set = vlapic_pv_send_set,
	.end_word_changed = vlapic_pv_end_word_changed,
};

/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual ways to the local APIC: the end of an interrupt without an exit, and IPIs to a set of CPUs in one.
 *
 * The guest names a word of its memory (MSR 4b564d04). Before an interrupt is offered whose end will have no consequence but
 * the in-service bit (nothing else is in service or requested, and no I/O APIC waits for it), the word's bit 0 is set. The
 * guest's handler, at its end, clears the bit; it was set: that was all, no EOI is written. We see the bit clear at the next
 * occasion and end the interrupt then. When something else is requested meanwhile, the bit is taken back, so that the
 * guest's EOI comes here and the next one is delivered at once. All on the vCPU's thread, so no guest code runs meanwhile.
 * Linux Documentation/virt/kvm/x86/msr.rst, "MSR_KVM_EOI_EN"; hypercalls.rst, "KVM_HC_SEND_IPI".
 */
#include "hv/dev/vlapic.h"
#include "hv/gmem.h"
#include "hv/lib/error.h"

#define END_ENABLED 1u
#define ICR_MODE_NMI 0x400u

static gpa_t word_of(const struct vlapic *vlapic)
{
	return GPA(vlapic->vcpu->end_msr & ~(u64)3);
}

static bool any(const u64 set[4])
{
	return (READ_ONCE(set[0]) | READ_ONCE(set[1]) | READ_ONCE(set[2]) | READ_ONCE(set[3])) != 0;
}

/* Nothing is requested but this vector. */
static bool only_request(const struct vlapic *vlapic, int vector)
{
	for (int i = 0; i < 4; i++)
		if (READ_ONCE(vlapic->state.irr[i]) & ~(i == vector / 64 ? BIT64(vector % 64) : 0))
			return false;
	return true;
}

void vlapic_pv_arm(struct vlapic *vlapic, int vector)
{
	u8 one = 1;

	if (vlapic->end_armed || !(vlapic->vcpu->end_msr & END_ENABLED) || any(vlapic->state.isr) ||
	    !only_request(vlapic, vector) || (READ_ONCE(vlapic->state.tmr[vector / 64]) & BIT64(vector % 64)))
		return;
	vlapic->end_armed = gmem_write_nofault(vlapic->vcpu->vm, word_of(vlapic), &one, 1) == OK;
}

void vlapic_pv_settle(struct vlapic *vlapic, bool take_back)
{
	u8 word = 0;

	if (gmem_read_nofault(vlapic->vcpu->vm, word_of(vlapic), &word, 1) != OK)
		word = 0;
	if (!(word & 1)) {
		vlapic->end_armed = false;
		if (any(vlapic->state.isr))
			vlapic_end_of_interrupt(vlapic);
		return;
	}
	if (!take_back)
		return;
	vlapic->end_armed = false;
	word = 0;
	(void)!gmem_write_nofault(vlapic->vcpu->vm, word_of(vlapic), &word, 1);
}

void vlapic_pv_end_word_changed(void *controller)
{
	struct vlapic *vlapic = controller;

	if (vlapic->end_armed)
		vlapic_pv_settle(vlapic, true);
}

u64 vlapic_pv_send_set(void *controller, u64 low, u64 high, u32 first, u32 icr_low)
{
	const struct vlapic *vlapic = controller;
	struct vlapic_bus *bus = vlapic->bus;
	struct apic_message message = { .vector = (u8)icr_low, .delivery = icr_low >> 8 & 7 };
	u64 reached = 0;

	if (message.delivery != APIC_FIXED && message.delivery != APIC_NMI)
		return 0;
	for (u32 i = 0; i < bus->count; i++) {
		u32 at = bus->lapics[i]->id - first; /* an ID below the first wraps to a place beyond the set */

		if (at >= 128 || !((at < 64 ? low >> at : high >> (at - 64)) & 1))
			continue;
		vlapic_deliver_to(bus->lapics[i], &message);
		reached++;
	}
	return reached;
}

/* SPDX-License-Identifier: MIT */
/*
 * Events into the guest: injection, interrupted deliveries, interrupt and NMI windows. Mirrors arch/svm/svm_event.c.
 *
 * SDM vol. 3, "Event Injection" (26.6), "Information for VM Exits That Occur During Event Delivery" (27.2.4).
 */
#include "arch/vmx/vmx.h"

static u32 entry_type(u8 type)
{
	switch (type) {
	case EVENT_INTERRUPT: return INTERRUPTION_EXTERNAL;
	case EVENT_NMI: return INTERRUPTION_NMI;
	case EVENT_SOFTWARE_INTERRUPT: return INTERRUPTION_SOFTWARE_INTERRUPT;
	default: return INTERRUPTION_HARDWARE_EXCEPTION;
	}
}

void vmx_write_event(struct vmx_vcpu *vmx)
{
	struct vcpu_event *event = &vmx->vcpu->event;
	u32 info = event->vector | entry_type(event->type) << 8 | INTERRUPTION_VALID;

	/* Real mode pushes no error code, and entry checks that none is asked for. */
	if (event->has_error_code && (vmread_natural(VMCS_GUEST_CR0) & 1)) {
		info |= INTERRUPTION_ERROR_CODE_VALID;
		vmwrite32(VMCS_ENTRY_EXCEPTION_ERROR_CODE, event->error_code);
	}
	vmwrite32(VMCS_ENTRY_INTERRUPTION_INFORMATION, info);
	event->valid = false; /* the CPU clears the field's valid bit at the exit */
}

/*
 * An exit in the middle of a delivery left the event undelivered. Interrupts, NMIs and hardware exceptions are offered
 * again; a software interrupt or exception is not: RIP still stands at its instruction, which simply runs again.
 */
void vmx_keep_event(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = vmx->vcpu;
	u32 info = vmread32(VMCS_IDT_VECTORING_INFORMATION);

	vcpu->exit.in_delivery = true;
	switch (INTERRUPTION_TYPE(info)) {
	case INTERRUPTION_EXTERNAL: vcpu->event.type = EVENT_INTERRUPT; break;
	case INTERRUPTION_NMI: vcpu->event.type = EVENT_NMI; break;
	case INTERRUPTION_HARDWARE_EXCEPTION: vcpu->event.type = EVENT_EXCEPTION; break;
	default: return;
	}
	vcpu->event.vector = INTERRUPTION_VECTOR(info);
	vcpu->event.has_error_code = info & INTERRUPTION_ERROR_CODE_VALID;
	vcpu->event.error_code = vcpu->event.has_error_code ? vmread32(VMCS_IDT_VECTORING_ERROR_CODE) : 0;
	vcpu->event.valid = true;
	/* The delivery of an NMI began, so the CPU blocks NMIs; delivering it again must be possible. */
	if (vcpu->event.type == EVENT_NMI)
		vmwrite32(VMCS_GUEST_INTERRUPTIBILITY_STATE,
			  vmread32(VMCS_GUEST_INTERRUPTIBILITY_STATE) & ~INTERRUPTIBILITY_NMI);
}

/*
 * VT-x has no pending virtual interrupt here: what is on offer is kept, and injected before the first entry at which the
 * guest can take it; until then an interrupt-window exit says when (SDM vol. 3, "Interrupt-Window Exiting").
 */
void vmx_offer_interrupt(struct vcpu *vcpu, int vector)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);

	vmx->offered = (s16)vector;
	if (vector < 0)
		vmx_close_window(vmx);
}

/*
 * MOV to CR8 writes the TPR of the virtual-APIC page without an exit, unless what it writes is below the threshold (SDM
 * vol. 3, "TPR Virtualization" 29.1.2): the request that the priority kept back can be delivered then.
 */
void vmx_hold_interrupt(struct vcpu *vcpu, unsigned class)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);

	if (class == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = (u8)class;
	vmwrite32(VMCS_TPR_THRESHOLD, class);
}

/*
 * While an interrupt waits for its window, CR8 writes exit, too: a higher priority may close the window again, and the
 * interrupt controller has to be asked anew. Without a TPR shadow they always do.
 */
static u32 window_bits(void)
{
	return PRIMARY_INTERRUPT_WINDOW_EXITING | (vmx_controls.primary & PRIMARY_TPR_SHADOW ? PRIMARY_CR8_LOAD_EXITING : 0);
}

void vmx_close_window(struct vmx_vcpu *vmx)
{
	vmx_set_primary(vmx, 0, window_bits());
}

void vmx_inject_offered(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = vmx->vcpu;

	if (vcpu->event.valid || !(vcpu->regs.rflags & RFLAGS_IF) ||
	    (vmread32(VMCS_GUEST_INTERRUPTIBILITY_STATE) & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS))) {
		vmx_set_primary(vmx, window_bits(), 0);
		return;
	}
	/* The entry's own words: vcpu->event is for what an exit may find undelivered. */
	vmwrite32(VMCS_ENTRY_INTERRUPTION_INFORMATION, (u8)vmx->offered | INTERRUPTION_EXTERNAL << 8 | INTERRUPTION_VALID);
	vmx->offered = INTERRUPT_NONE;
	vmx_close_window(vmx);
	vcpu_interrupt_taken(vcpu);
}

/* VT-x has NMI windows of its own, so the backend never steps a guest. */
bool vmx_end_own_step(struct vcpu *vcpu)
{
	(void)vcpu;
	return false;
}

static u32 read_interruptibility(struct vcpu *vcpu)
{
	u64 flags = irq_save();
	u32 state;

	vmx_make_current(vmx_of(vcpu));
	state = vmread32(VMCS_GUEST_INTERRUPTIBILITY_STATE);
	irq_restore(flags);
	return state;
}

bool vmx_accepts_nmi(struct vcpu *vcpu)
{
	u32 blocking = INTERRUPTIBILITY_NMI | INTERRUPTIBILITY_MOV_SS | INTERRUPTIBILITY_STI;

	return !vcpu->event.valid && !(read_interruptibility(vcpu) & blocking);
}

void vmx_request_nmi_window(struct vcpu *vcpu)
{
	vmx_set_primary(vmx_of(vcpu), PRIMARY_NMI_WINDOW_EXITING, 0);
}

bool vmx_get_interrupt_shadow(struct vcpu *vcpu)
{
	return read_interruptibility(vcpu) & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS);
}

/* A shadow set from outside is MOV SS's: unlike STI's it may stand whatever IF is. */
void vmx_set_interrupt_shadow(struct vcpu *vcpu, bool shadow)
{
	u64 flags = irq_save();
	u32 state;

	vmx_make_current(vmx_of(vcpu));
	state = vmread32(VMCS_GUEST_INTERRUPTIBILITY_STATE) & ~(INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS);
	vmwrite32(VMCS_GUEST_INTERRUPTIBILITY_STATE, shadow ? state | INTERRUPTIBILITY_MOV_SS : state);
	irq_restore(flags);
}

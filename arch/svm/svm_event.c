/* SPDX-License-Identifier: MIT */
/*
 * Events into the guest: what was interrupted in its delivery, exceptions and NMIs by EVENTINJ, interrupts by V_IRQ.
 *
 * An interrupt that the guest can take at the next entry is injected. Else it is put on offer as a virtual interrupt (V_IRQ
 * with its vector): the CPU delivers it by itself as soon as IF and the shadow allow, without an exit for the window. Whether
 * it did is seen at the next exit, before that exit is handled (svm_look_at_offer). APM vol. 2, "Event Injection" (15.20), "Virtual Interrupts" (15.21.4).
 */
#include "arch/svm/svm.h"

static void withdraw(struct svm_vcpu *svm)
{
	svm->offering = false;
	svm->vmcb->virtual_interrupt &= V_TPR_MASK | V_INTR_MASKING;
	svm_changed(svm, SVM_CLEAN_TPR);
}

/*
 * The virtual interrupt whose delivery the exit interrupted may still stand in V_IRQ (QEMU's TCG clears it when the
 * delivery is complete): the guest has taken it, and EVENTINJ goes on with it, so it must not be on offer any more.
 */
static void end_offer(struct vcpu *vcpu, u8 vector)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (!svm->offering || vcpu->offered_vector != vector)
		return;
	withdraw(svm);
	vcpu_interrupt_taken(vcpu);
}

/*
 * After an exit: V_IRQ is clear when the guest has taken what was on offer. Else, when IF has become 1 meanwhile (an exit in the
 * shadow of STI: STI; HLT), the next entry will most likely be able to take it, and an injection there is surer than V_IRQ
 * (svm_offer_interrupt): the offer is taken back, and the interrupt controller asked again. Not while a delivery was cut short:
 * it may be this one (end_offer).
 */
void svm_look_at_offer(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (!(svm->vmcb->virtual_interrupt & V_IRQ)) {
		svm->offering = false;
		vcpu_interrupt_taken(vcpu);
	} else if ((vcpu->regs.rflags & RFLAGS_IF) && !(svm->vmcb->exit_interrupt_info & SVM_EVENT_VALID)) {
		withdraw(svm);
		vcpu->offered_vector = INTERRUPT_NONE;
		vcpu_request(vcpu, VCPU_REQUEST_EVENT);
	}
}

/*
 * Keeps an event whose delivery the exit interrupted, for the next entry. INT n, INT3 and INTO are dropped: RIP still
 * stands at the instruction, which is executed again.
 */
void svm_save_interrupted_event(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	u64 info = vmcb->exit_interrupt_info;
	u8 vector = (u8)info;
	struct vcpu_event event = { .vector = vector, .valid = true };

	vcpu->exit.in_delivery = true;
	switch (SVM_EVENT_TYPE(info)) {
	case SVM_EVENT_TYPE_INTR:
		event.type = EVENT_INTERRUPT;
		break;
	case SVM_EVENT_TYPE_NMI:
		event.type = EVENT_NMI;
		break;
	case SVM_EVENT_TYPE_EXCEPTION:
		if (vector == 3 || vector == 4)
			return;
		/* QEMU's TCG (7.2) reports a virtual interrupt as an exception with a vector that no exception has. */
		event.type = vector < 32 ? EVENT_EXCEPTION : EVENT_INTERRUPT;
		event.has_error_code = vector < 32 && (info & SVM_EVENT_HAS_ERROR);
		event.error_code = (u32)(info >> 32);
		break;
	default:
		return;
	}
	vcpu->event = event;
	if (event.type == EVENT_INTERRUPT)
		end_offer(vcpu, vector);
}

void svm_write_event(struct vcpu *vcpu, struct vmcb *vmcb)
{
	static const u8 types[] = {
		[EVENT_INTERRUPT] = SVM_EVENT_TYPE_INTR, [EVENT_NMI] = SVM_EVENT_TYPE_NMI,
		[EVENT_EXCEPTION] = SVM_EVENT_TYPE_EXCEPTION, [EVENT_SOFTWARE_INTERRUPT] = SVM_EVENT_TYPE_SOFT,
	};
	const struct vcpu_event *event = &vcpu->event;

	vmcb->event_injection = event->vector | (u64)types[event->type] << 8 | SVM_EVENT_VALID |
				(event->has_error_code ? SVM_EVENT_HAS_ERROR | (u64)event->error_code << 32 : 0);
	if (event->type == EVENT_NMI) { /* until its IRET */
		vcpu->nmi_blocked = true;
		vmcb->intercept[0] |= SVM_INTERCEPT_IRET;
		svm_changed(svm_of(vcpu), SVM_CLEAN_INTERCEPTS);
	}
	vcpu->event.valid = false;
}

static bool takes_interrupt_now(const struct vcpu *vcpu)
{
	return (vcpu->regs.rflags & RFLAGS_IF) && !vcpu->event.valid && !(svm_of(vcpu)->vmcb->interrupt_shadow & 1);
}

/* V_IRQ alone would do on silicon; Bochs masks it at each exit, and opens it only when the guest changes IF from 0 to 1. */
void svm_offer_interrupt(struct vcpu *vcpu, int vector)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	u64 word = svm->vmcb->virtual_interrupt & (V_TPR_MASK | V_INTR_MASKING);
	bool now = vector >= 0 && takes_interrupt_now(vcpu);

	svm->offering = vector >= 0 && !now;
	if (svm->offering)
		word |= V_IRQ | V_IGN_TPR | V_INTR_PRIO((vector >> 4) & 15) | V_INTR_VECTOR(vector);
	svm->vmcb->virtual_interrupt = word;
	svm_changed(svm, SVM_CLEAN_TPR);
	if (now) {
		vcpu->event = (struct vcpu_event){ .type = EVENT_INTERRUPT, .vector = (u8)vector, .valid = true };
		vcpu_interrupt_taken(vcpu);
	}
}

bool svm_accepts_nmi(struct vcpu *vcpu)
{
	return !vcpu->nmi_blocked && !vcpu->event.valid && !(svm_of(vcpu)->vmcb->interrupt_shadow & 1) &&
	       !svm_of(vcpu)->step_for_nmi;
}

/* Lets one guest instruction pass: the trap after it is ours. */
static void step(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	if (svm->step_for_nmi)
		return;
	svm->step_for_nmi = true;
	svm->guest_tf = vcpu->regs.rflags & RFLAGS_TF;
	vcpu->regs.rflags |= RFLAGS_TF;
}

/* While an NMI is blocked its IRET exits anyway; in a shadow the next instruction's end is the window. */
void svm_request_nmi_window(struct vcpu *vcpu)
{
	if (!vcpu->nmi_blocked && (svm_of(vcpu)->vmcb->interrupt_shadow & 1))
		step(vcpu);
}

/* The exit before IRET: NMIs are open again once it has run. */
void svm_end_nmi(struct vcpu *vcpu, struct vmcb *vmcb)
{
	vcpu->nmi_blocked = false;
	vmcb->intercept[0] &= ~SVM_INTERCEPT_IRET;
	svm_changed(svm_of(vcpu), SVM_CLEAN_INTERCEPTS);
	if (vcpu->nmi_pending)
		step(vcpu);
}

/* A #DB: true when it only ended our step (IRET has loaded its own TF by then; other instructions have not). */
bool svm_end_own_step(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);
	bool was_ours = svm->step_for_nmi && !svm->guest_tf;

	if (!svm->step_for_nmi)
		return false;
	svm->step_for_nmi = false;
	if (was_ours) {
		vcpu->regs.rflags &= ~RFLAGS_TF;
		svm->vmcb->dr6 &= ~BIT64(14);
		svm_changed(svm, SVM_CLEAN_DRX);
	}
	return was_ours;
}

bool svm_get_interrupt_shadow(struct vcpu *vcpu)
{
	return svm_of(vcpu)->vmcb->interrupt_shadow & 1;
}

void svm_set_interrupt_shadow(struct vcpu *vcpu, bool shadow)
{
	svm_of(vcpu)->vmcb->interrupt_shadow = shadow;
}

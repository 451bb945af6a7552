/* SPDX-License-Identifier: MIT */
/* The exits that need a few lines each. docs/exits.md has a line for each. */
#include "hv/exit.h"
#include "hv/vcpu_yield.h"
#include "hv/vm.h"

/* Waits at the slow level, unless an interrupt is waiting already. */
enum verdict exit_hlt(struct vcpu *vcpu)
{
	return vcpu->fast_level ? VERDICT_SLOW : VERDICT_BLOCK;
}

/* An interrupt or NMI of the host: it was taken on the way to the slow level; there is nothing more to do. */
enum verdict exit_host_event(struct vcpu *vcpu)
{
	(void)vcpu;
	return VERDICT_SAME;
}

/* IF has changed: the interrupt on offer can be taken, and the backend sees to that before the entry. */
enum verdict exit_window(struct vcpu *vcpu)
{
	(void)vcpu;
	return VERDICT_SAME;
}

/* CR8 has: the controller says what can be taken now. */
enum verdict exit_task_priority(struct vcpu *vcpu)
{
	vcpu_request(vcpu, VCPU_REQUEST_EVENT);
	return VERDICT_SAME;
}

enum verdict exit_nmi_window(struct vcpu *vcpu)
{
	if (vcpu->nmi_pending)
		vcpu_request(vcpu, VCPU_REQUEST_NMI);
	return VERDICT_SAME;
}

/* WBINVD, INVD: all of a guest's memory is write-back and coherent; emptying the host's caches would be felt by others. */
enum verdict exit_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
	return VERDICT_NEXT;
}

/* A spinning loop: whoever has what it waits for is likely a vCPU that lost its CPU. */
enum verdict exit_pause(struct vcpu *vcpu)
{
	vcpu_yield_while_spinning(vcpu);
	return VERDICT_NEXT;
}

/* Instructions that the guest was not shown: virtualisation, MONITOR, RDPRU… */
enum verdict exit_undefined(struct vcpu *vcpu)
{
	vcpu_inject_ud(vcpu);
	return VERDICT_SAME;
}

/* RDPMC: there are no counters. */
enum verdict exit_protected(struct vcpu *vcpu)
{
	vcpu_inject_gp(vcpu);
	return VERDICT_SAME;
}

/* #DB and #AC: given back to the guest; that they passed through here let the host's interrupts in. */
enum verdict exit_exception(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, vcpu->exit.exception.vector, vcpu->exit.exception.has_error_code,
			      vcpu->exit.exception.error_code);
	return VERDICT_SAME;
}

enum verdict exit_shutdown(struct vcpu *vcpu)
{
	vm_request_reset(vcpu->vm, "triple fault");
	return VERDICT_STOP;
}

enum verdict exit_machine_check(struct vcpu *vcpu)
{
	vm_crash(vcpu->vm, "a machine check of the host while the guest ran");
	return VERDICT_STOP;
}

enum verdict exit_failed(struct vcpu *vcpu)
{
	vm_crash(vcpu->vm, "%s: %s (0x%llx)",
		 "an exit that nothing here asked for", virt_ops->exit_name(vcpu->exit.failure.code), (unsigned long long)vcpu->exit.failure.code);
	return VERDICT_STOP;
}

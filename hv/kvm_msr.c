/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual MSRs, by number: the clock (kvm_clock.c), steal time (kvm_steal.c), the end of interrupts without an exit
 * (the interrupt controller's), and halt-poll control, which is only kept: Solera never polls for a halted vCPU.
 */
#include "hv/kvm_msr.h"
#include "hv/kvm_clock.h"
#include "hv/kvm_steal.h"
#include "hv/vm.h"

#define MSR_KVM_STEAL_TIME 0x4b564d03u
#define MSR_KVM_PV_EOI 0x4b564d04u
#define MSR_KVM_POLL_CONTROL 0x4b564d05u

bool kvm_read_msr(struct vcpu *vcpu, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_KVM_STEAL_TIME: *value = vcpu->steal_msr; break;
	case MSR_KVM_PV_EOI: *value = vcpu->end_msr; break;
	case MSR_KVM_POLL_CONTROL: *value = vcpu->poll_control; break;
	default: return kvm_clock_read_msr(vcpu, msr, value);
	}
	return !vcpu->vm->config.no_kvm;
}

bool kvm_write_msr(struct vcpu *vcpu, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_KVM_STEAL_TIME:
		return kvm_steal_write_msr(vcpu, value);
	case MSR_KVM_PV_EOI:
		if (vcpu->vm->config.no_kvm || (value & 2)) /* a word aligned to 4 bytes; bit 1 is reserved */
			return false;
		vcpu->interrupts->end_word_changed(vcpu->interrupt_controller);
		vcpu->end_msr = value;
		return true;
	case MSR_KVM_POLL_CONTROL:
		if (vcpu->vm->config.no_kvm || value > 1)
			return false;
		vcpu->poll_control = value;
		return true;
	default:
		return kvm_clock_write_msr(vcpu, msr, value);
	}
}

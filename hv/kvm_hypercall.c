/* SPDX-License-Identifier: MIT */
/*
 * KVM's hypercalls: Linux Documentation/virt/kvm/x86/hypercalls.rst. Number in RAX, arguments in RBX, RCX, RDX, RSI, the
 * result in RAX; a guest of another width than 64 bits has 32-bit ones.
 *
 *   KVM_HC_KICK_CPU     ends the HLT of the vCPU of an APIC ID, without an interrupt (paravirtual spin locks)
 *   KVM_HC_SEND_IPI     an interrupt or NMI to up to 128 APIC IDs: one exit in place of one for each cluster
 *   KVM_HC_SCHED_YIELD  the caller waits for the vCPU of an APIC ID: it may have the caller's turn
 *
 * Unknown numbers get -KVM_ENOSYS, calls from the guest's applications -KVM_EPERM. Each call that is answered here is
 * announced in CPUID 4000_0001 (hv/cpuid_policy.c). Next to read: hv/dev/vlapic_bus.c for who gets an IPI.
 */
#include "hv/exit.h"
#include "hv/vm.h"

#define KVM_ENOSYS 1000
#define KVM_EPERM 1
#define KVM_EINVAL 22
#define KVM_HC_VAPIC_POLL_IRQ 1
#define KVM_HC_KICK_CPU 5
#define KVM_HC_SEND_IPI 10
#define KVM_HC_SCHED_YIELD 11
#define ICR_BESIDES_VECTOR_AND_MODE (~(u64)0x7ff)

static struct vcpu *find(const struct vm *vm, u64 apic_id)
{
	for (u32 i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpus[i]->apic_id == apic_id)
			return vm->vcpus[i];
	return NULL;
}

/* Kept until the vCPU's next HLT, so that a kick just before the HLT is not lost. */
static u64 kick(const struct vcpu *vcpu, u64 apic_id)
{
	struct vcpu *target = find(vcpu->vm, apic_id);

	if (!target)
		return 0;
	__atomic_store_n(&target->unhalted, true, __ATOMIC_SEQ_CST);
	vcpu_request(target, VCPU_REQUEST_EVENT);
	return 0;
}

/* In a 64-bit guest the set is two words, else the second one's place holds 32 bits more. */
static u64 send_ipi(struct vcpu *vcpu, const u64 arguments[4], bool wide)
{
	u64 low = arguments[0], high = arguments[1];

	if (arguments[3] & ICR_BESIDES_VECTOR_AND_MODE)
		return (u64)-KVM_EINVAL;
	if (!wide) {
		low |= high << 32;
		high = 0;
	}
	return vcpu->interrupts->send_set(vcpu->interrupt_controller, low, high, (u32)arguments[2], (u32)arguments[3]);
}

/* At the fast level nobody can be given the CPU: the request is served on the way to the next entry. */
static u64 give_turn(struct vcpu *vcpu, u64 apic_id)
{
	const struct vcpu *target = find(vcpu->vm, apic_id);

	if (target && target != vcpu && READ_ONCE(target->mode) == VCPU_HOST) {
		vcpu->turn_for = target->index;
		vcpu_request(vcpu, VCPU_REQUEST_RESCHEDULE);
	}
	return 0;
}

static __attribute__((noinline)) u64 known_call(struct vcpu *vcpu, u64 number, bool wide)
{
	const u64 *gpr = vcpu->regs.gpr, mask = wide ? ~(u64)0 : 0xffffffff;
	const u64 arguments[4] = { gpr[GPR_RBX] & mask, gpr[GPR_RCX] & mask, gpr[GPR_RDX] & mask, gpr[GPR_RSI] & mask };

	if (vcpu->vm->config.no_kvm)
		return (u64)-KVM_ENOSYS;
	switch (number) {
	case KVM_HC_VAPIC_POLL_IRQ: return 0; /* the exit was all that is wanted */
	case KVM_HC_KICK_CPU: return kick(vcpu, arguments[1]);
	case KVM_HC_SEND_IPI: return send_ipi(vcpu, arguments, wide);
	case KVM_HC_SCHED_YIELD: return give_turn(vcpu, arguments[0]);
	default: return (u64)-KVM_ENOSYS;
	}
}

enum verdict exit_hypercall(struct vcpu *vcpu)
{
	bool wide = virt_ops->code_bits(vcpu) == 64;
	u64 number = wide ? vcpu->regs.gpr[GPR_RAX] : (u32)vcpu->regs.gpr[GPR_RAX], result;

	if (virt_ops->privilege_level(vcpu))
		result = (u64)-KVM_EPERM;
	else
		result = number <= KVM_HC_SCHED_YIELD ? known_call(vcpu, number, wide) : (u64)-KVM_ENOSYS;
	vcpu->regs.gpr[GPR_RAX] = wide ? result : (u32)result;
	return VERDICT_NEXT;
}

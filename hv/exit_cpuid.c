/* SPDX-License-Identifier: MIT */
/* CPUID: the policy's table, then what the vCPU's state changes in it. Next to read: hv/cpuid_policy.c. */
#include "hv/cpuid_policy.h"
#include "hv/exit.h"
#include "hv/vcpu_state.h"
#include "hv/vm.h"

#define APIC_BASE_MSR 0x1bu
#define APIC_BASE_ENABLED BIT64(11)

static __attribute__((noinline)) void patch(struct vcpu *vcpu, u8 dynamic, u32 subleaf, struct cpuid_leaf *leaf)
{
	struct cpuid_state state = {
		.cr4 = virt_ops->get_system(vcpu, SYSTEM_CR4), .xss = vcpu->xss, .apic_id = vcpu->apic_id,
	};
	u64 apic_base;

	vcpu_xcr0_read(vcpu);
	state.xcr0 = vcpu->xcr0;
	state.apic_enabled = vcpu->interrupts->read_msr(vcpu->interrupt_controller, APIC_BASE_MSR, &apic_base) &&
			     (apic_base & APIC_BASE_ENABLED);
	cpuid_policy_patch(vcpu->vm->cpuid, dynamic, subleaf, &state, leaf);
}

static inline void give(u64 *gpr, const struct cpuid_leaf *leaf)
{
	gpr[GPR_RAX] = leaf->r[CPUID_EAX];
	gpr[GPR_RBX] = leaf->r[CPUID_EBX];
	gpr[GPR_RCX] = leaf->r[CPUID_ECX];
	gpr[GPR_RDX] = leaf->r[CPUID_EDX];
}

/* Apart, so that the static leaves pay for no copy on the stack. */
static __attribute__((noinline)) enum verdict give_patched(struct vcpu *vcpu, u8 dynamic, u32 subleaf,
							     const struct cpuid_leaf *leaf)
{
	struct cpuid_leaf patched = *leaf;

	patch(vcpu, dynamic, subleaf, &patched);
	give(vcpu->regs.gpr, &patched);
	return VERDICT_NEXT;
}

enum verdict exit_cpuid(struct vcpu *vcpu)
{
	u64 *gpr = vcpu->regs.gpr;
	u32 leaf = (u32)gpr[GPR_RAX], subleaf = (u32)gpr[GPR_RCX];
	u8 dynamic;
	const struct cpuid_leaf *result = cpuid_policy_lookup(vcpu->vm->cpuid, leaf, subleaf, &dynamic);

	if (dynamic)
		return give_patched(vcpu, dynamic, subleaf, result);
	give(gpr, result);
	return VERDICT_NEXT;
}

/* SPDX-License-Identifier: MIT */
/*
 * RDMSR and WRMSR of what the permission map does not let through, by the rows of hv/msr_policy.c.
 *
 * A refused access is #GP(0) in the guest, counted for `domstats`. Next to read: hv/msr_policy.c, hv/kvm_msr.c.
 */
#include "hv/exit.h"
#include "arch/x86/msr.h"
#include "hv/cpuid_policy.h"
#include "hv/kvm_msr.h"
#include "hv/msr_policy.h"
#include "hv/vm.h"

#define CR0_PG BIT64(31)

static u64 *mtrr_of(struct vcpu *vcpu, u32 msr)
{
	if (msr == 0x2ff)
		return &vcpu->mtrr_def_type;
	if (msr < 0x210)
		return &vcpu->mtrr_variable[index_nospec(msr - 0x200, ARRAY_SIZE(vcpu->mtrr_variable))];
	if (msr == 0x250)
		return &vcpu->mtrr_fixed[0];
	if (msr < 0x25a)
		return &vcpu->mtrr_fixed[1 + index_nospec(msr - 0x258, 2)];
	return &vcpu->mtrr_fixed[3 + index_nospec(msr - 0x268, 8)];
}

static void move_tsc(struct vcpu *vcpu, u64 offset)
{
	vcpu->tsc_offset = offset;
	virt_ops->set_tsc_offset(vcpu, offset);
	vcpu->interrupts->tsc_changed(vcpu->interrupt_controller);
	/* All vCPUs': whether their TSCs are alike stands in every record. */
	for (u32 i = 0; i < vcpu->vm->vcpu_count; i++)
		if (READ_ONCE(vcpu->vm->vcpus[i]->clock_msr) & 1)
			vcpu_request(vcpu->vm->vcpus[i], VCPU_REQUEST_CLOCK);
}

/* Guests use few MSRs, over and over: the last rule for these low bits is tried first. */
static inline const struct msr_rule *find_rule(struct vcpu *vcpu, u32 msr)
{
	const struct msr_rule **hint = &vcpu->msr_hints[msr % ARRAY_SIZE(vcpu->msr_hints)], *rule = *hint;

	if (LIKELY(rule && msr >= rule->first && msr <= rule->last))
		return rule;
	rule = msr_policy_find(msr);
	if (rule)
		*hint = rule;
	return rule;
}

static bool msr_read(struct vcpu *vcpu, const struct msr_rule *rule, u32 msr, u64 *value)
{
	switch (rule ? (enum msr_action)rule->read : MSR_DENY) {
	case MSR_VALUE: *value = rule->value; return true;
	case MSR_APIC: return vcpu->interrupts->read_msr(vcpu->interrupt_controller, msr, value);
	case MSR_TSC: *value = vcpu_tsc(vcpu); return true;
	case MSR_TSC_ADJUST: *value = vcpu->tsc_adjust; return true;
	case MSR_EFER_RW: *value = virt_ops->get_system(vcpu, SYSTEM_EFER); return true;
	case MSR_TSC_AUX_RW: *value = vcpu->tsc_aux; return true;
	case MSR_PAT_RW: *value = virt_ops->get_system(vcpu, SYSTEM_PAT); return true;
	case MSR_XSS_RW: *value = vcpu->xss; return true;
	case MSR_MTRR: *value = *mtrr_of(vcpu, msr); return true;
	case MSR_KVM: return kvm_read_msr(vcpu, msr, value);
	default: return false;
	}
}

/* APM vol. 2, "Extended Feature Enable Register (EFER)" (3.1.7): LME cannot change while paging is on; LMA is the CPU's. */
static bool write_efer(struct vcpu *vcpu, u64 value)
{
	u64 old = virt_ops->get_system(vcpu, SYSTEM_EFER);

	if (value & ~vcpu->vm->cpuid->efer_allowed)
		return false;
	if ((virt_ops->get_system(vcpu, SYSTEM_CR0) & CR0_PG) && ((old ^ value) & EFER_LME))
		return false;
	virt_ops->set_system(vcpu, SYSTEM_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
	return true;
}

static bool write_checked(struct vcpu *vcpu, const struct msr_rule *rule, u32 msr, u64 value)
{
	switch ((enum msr_action)rule->write) {
	case MSR_EFER_RW:
		return write_efer(vcpu, value);
	case MSR_TSC_AUX_RW:
		if (value >> 32)
			return false;
		vcpu->tsc_aux = value;
		return wrmsr_safe(MSR_TSC_AUX, value) == 0;
	case MSR_PAT_RW:
		if (!msr_pat_valid(value))
			return false;
		virt_ops->set_system(vcpu, SYSTEM_PAT, value);
		return true;
	case MSR_MTRR:
		if (!msr_mtrr_valid(msr, value, vcpu->vm->cpuid->physical_bits))
			return false;
		*mtrr_of(vcpu, msr) = value;
		return true;
	case MSR_XSS_RW:
	case MSR_ZERO_ONLY:
		return value == 0;
	case MSR_KVM:
		return kvm_write_msr(vcpu, msr, value);
	default:
		return false;
	}
}

static __attribute__((noinline)) bool msr_write(struct vcpu *vcpu, u32 msr, u64 value)
{
	const struct msr_rule *rule = find_rule(vcpu, msr);

	switch (rule ? (enum msr_action)rule->write : MSR_DENY) {
	case MSR_DENY: return false;
	case MSR_IGNORE: return true;
	case MSR_APIC: return vcpu->interrupts->write_msr(vcpu->interrupt_controller, msr, value);
	case MSR_TSC:
		vcpu->tsc_adjust += value - vcpu_tsc(vcpu);
		move_tsc(vcpu, value - rdtsc());
		return true;
	case MSR_TSC_ADJUST:
		if (value != vcpu->tsc_adjust)
			move_tsc(vcpu, vcpu->tsc_offset + value - vcpu->tsc_adjust);
		vcpu->tsc_adjust = value;
		return true;
	default: return write_checked(vcpu, rule, msr, value);
	}
}

static inline enum verdict give(struct vcpu *vcpu, u64 value)
{
	vcpu->regs.gpr[GPR_RAX] = (u32)value;
	vcpu->regs.gpr[GPR_RDX] = value >> 32;
	return VERDICT_NEXT;
}

/* Apart, so that what exit_msr_read answers itself pays for no variable in memory. */
static __attribute__((noinline)) enum verdict read_elsewhere(struct vcpu *vcpu, const struct msr_rule *rule, u32 msr)
{
	u64 value = 0;

	if (UNLIKELY(!msr_read(vcpu, rule, msr, &value))) {
		vcpu->unknown_msr_reads++;
		vcpu_inject_gp(vcpu);
		return VERDICT_SAME;
	}
	return give(vcpu, value);
}

enum verdict exit_msr_read(struct vcpu *vcpu)
{
	u32 msr = (u32)vcpu->regs.gpr[GPR_RCX];
	const struct msr_rule *rule = find_rule(vcpu, msr);

	if (LIKELY(rule && rule->read == MSR_TSC_ADJUST))
		return give(vcpu, vcpu->tsc_adjust);
	return read_elsewhere(vcpu, rule, msr);
}

enum verdict exit_msr_write(struct vcpu *vcpu)
{
	const u64 *gpr = vcpu->regs.gpr;
	u64 value = (u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;
	u32 msr = (u32)gpr[GPR_RCX];
	bool done;

	if (LIKELY(msr - 0x800u < 0x100)) /* the x2APIC's, most of all its EOI */
		done = vcpu->interrupts->write_msr(vcpu->interrupt_controller, msr, value);
	else
		done = msr_write(vcpu, msr, value);
	if (UNLIKELY(!done)) {
		vcpu->unknown_msr_writes++;
		vcpu_inject_gp(vcpu);
		return VERDICT_SAME;
	}
	return VERDICT_NEXT;
}

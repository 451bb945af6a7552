/* SPDX-License-Identifier: MIT */
/* Control and debug registers, and XSETBV. CR0, CR3, CR4 of a guest are the CPU's own business unless a backend says so. */
#include "hv/cpuid_policy.h"
#include "hv/exit.h"
#include "hv/vcpu_state.h"
#include "hv/vm.h"

#define XCR0_X87 BIT64(0)
#define XCR0_SSE BIT64(1)
#define XCR0_AVX BIT64(2)
#define XCR0_AVX512 MASK64(7, 5)

static bool write_guest_cr4(struct vcpu *vcpu, u64 value)
{
	if (value & ~vcpu->vm->cpuid->cr4_allowed)
		return false;
	/* Bits that cannot change in long mode or need others are the hardware's to refuse: only what it allows is new. */
	virt_ops->set_system(vcpu, SYSTEM_CR4, value);
	virt_ops->flush_tlb(vcpu);
	return true;
}

enum verdict exit_cr_access(struct vcpu *vcpu)
{
	u64 *gpr = &vcpu->regs.gpr[vcpu->exit.move.gpr & 15];
	bool fine = true;

	if (vcpu->exit.move.number == 8 && vcpu->exit.move.write) {
		fine = *gpr <= 15;
		if (fine)
			vcpu->interrupts->write_cr8(vcpu->interrupt_controller, *gpr);
	} else if (vcpu->exit.move.number == 8) {
		*gpr = vcpu->interrupts->read_cr8(vcpu->interrupt_controller);
	} else if (vcpu->exit.move.number == 4 && vcpu->exit.move.write) {
		fine = write_guest_cr4(vcpu, vcpu_in_64_bit_mode(vcpu) ? *gpr : (u32)*gpr);
	} else {
		return exit_failed(vcpu);
	}
	if (fine)
		return VERDICT_NEXT;
	vcpu_inject_gp(vcpu);
	return VERDICT_SAME;
}

/* The first access to DR0..3: from here on they are in the CPU and switched with the thread; the access runs by itself. */
enum verdict exit_dr_access(struct vcpu *vcpu)
{
	vcpu->debug_used = true;
	vcpu_debug_load(vcpu);
	virt_ops->intercept_debug_registers(vcpu, false);
	return VERDICT_SAME;
}

/* SDM vol. 2, "XSETBV—Set Extended Control Register". */
static bool xcr0_valid(const struct cpuid_table *cpuid, u64 value)
{
	if (!(value & XCR0_X87) || (value & ~cpuid->xcr0_allowed))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	return !(value & XCR0_AVX512) || ((value & XCR0_AVX512) == XCR0_AVX512 && (value & XCR0_AVX));
}

enum verdict exit_xsetbv(struct vcpu *vcpu)
{
	const u64 *gpr = vcpu->regs.gpr;
	u64 value = (u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;

	if ((u32)gpr[GPR_RCX] != 0 || virt_ops->privilege_level(vcpu) || !xcr0_valid(vcpu->vm->cpuid, value)) {
		vcpu_inject_gp(vcpu);
		return VERDICT_SAME;
	}
	vcpu->xcr0 = value;
	vcpu_xcr0_load(vcpu);
	return VERDICT_NEXT;
}

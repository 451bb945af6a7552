/* SPDX-License-Identifier: MIT */
/* Control and debug registers, and XSETBV. CR0, CR3, CR4 of a guest are the CPU's own business unless a backend says so. */
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "hv/cpuid_policy.h"
#include "hv/exit.h"
#include "hv/vcpu_state.h"
#include "hv/vm.h"

#define CR0_PE BIT64(0)
#define CR0_ET BIT64(4)
#define CR0_PG BIT64(31)
#define CR0_DEFINED (MASK64(5, 0) | CR0_WP | BIT64(18) | CR0_NW | CR0_CD | CR0_PG)
#define CR4_PAE BIT64(5)

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

/*
 * A write of CR0 that the hardware handed on (VT-x: whatever changes PG, CD, NW or NE). SDM vol. 2, "MOV—Move to/from
 * Control Registers", and AMD64 APM vol. 2, "CR0 Register" (3.1.1), agree on what raises #GP.
 */
static bool write_guest_cr0(struct vcpu *vcpu, u64 value)
{
	u64 old = virt_ops->get_system(vcpu, SYSTEM_CR0), cr4 = virt_ops->get_system(vcpu, SYSTEM_CR4);
	bool long_mode_enabled = virt_ops->get_system(vcpu, SYSTEM_EFER) & EFER_LME;

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
		return false;
	if ((value & CR0_PG) && !(old & CR0_PG) && long_mode_enabled && !(cr4 & CR4_PAE))
		return false;
	if (!(value & CR0_PG) && (old & CR0_PG) && ((cr4 & CR4_PCIDE) || vcpu_in_64_bit_mode(vcpu)))
		return false;
	virt_ops->set_system(vcpu, SYSTEM_CR0, (value & CR0_DEFINED) | CR0_ET);
	if ((old ^ value) & (CR0_PG | CR0_WP))
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
	} else if (vcpu->exit.move.number == 0 && vcpu->exit.move.write && vcpu->exit.move.gpr < GPR_COUNT) {
		fine = write_guest_cr0(vcpu, vcpu_in_64_bit_mode(vcpu) ? *gpr : (u32)*gpr);
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

/* SPDX-License-Identifier: MIT */
/*
 * What INIT changes of a vCPU and what it leaves, and where a start-up IPI makes it begin.
 *
 * SDM vol. 3, "Processor States Following Power-up, Reset, or INIT" (table 10-1) and "MP Initialization Protocol
 * Algorithm" (9.4.3); AMD APM vol. 2, "Initial Processor State" (table 14-1). The two agree on what stands here.
 */
#include "hv/vcpu_init.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "hv/lib/string.h"
#include "hv/vcpu_state.h"
#include "hv/vm_internal.h"

void vcpu_send_init(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->sipi, 0, __ATOMIC_SEQ_CST);
	vcpu_request(vcpu, VCPU_REQUEST_INIT);
}

void vcpu_send_sipi(struct vcpu *vcpu, u8 vector)
{
	u16 none = 0;

	(void)__atomic_compare_exchange_n(&vcpu->sipi, &none, (u16)(SIPI_VALID | vector), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	vcpu_request(vcpu, VCPU_REQUEST_SIPI);
}

/* "All other MSRs: unchanged" by INIT, and so are CR0's cache bits. */
static const u8 kept_registers[] = {
	SYSTEM_PAT, SYSTEM_STAR, SYSTEM_LSTAR, SYSTEM_CSTAR, SYSTEM_SFMASK, SYSTEM_KERNEL_GS_BASE, SYSTEM_SYSENTER_CS,
	SYSTEM_SYSENTER_ESP, SYSTEM_SYSENTER_EIP,
};

/*
 * The backend knows one power-on state; what INIT keeps is carried over it. Vector registers, XCR0, XSS, TSC and its
 * offset, TSC_AUX, MTRRs and KVM's MSRs are not the backend's, and stay by not being touched.
 */
static void reset_backend(struct vcpu *vcpu)
{
	u64 cache_bits = virt_ops->get_system(vcpu, SYSTEM_CR0) & (CR0_CD | CR0_NW);
	u64 kept[ARRAY_SIZE(kept_registers)];

	for (size_t i = 0; i < ARRAY_SIZE(kept_registers); i++)
		kept[i] = virt_ops->get_system(vcpu, kept_registers[i]);
	virt_ops->vcpu_reset(vcpu);
	for (size_t i = 0; i < ARRAY_SIZE(kept_registers); i++)
		virt_ops->set_system(vcpu, kept_registers[i], kept[i]);
	virt_ops->set_system(vcpu, SYSTEM_CR0, (virt_ops->get_system(vcpu, SYSTEM_CR0) & ~(CR0_CD | CR0_NW)) | cache_bits);
}

/*
 * An application processor waits for its start-up IPI from here on. The boot CPU would begin at the reset vector, in the
 * firmware, which makes a reset of it; a machine that was booted directly has no firmware there, so it is reset.
 */
void vcpu_take_init(struct vcpu *vcpu)
{
	if (vcpu->index == 0) {
		vm_request_reset(vcpu->vm, "INIT of the boot CPU");
		return;
	}
	vcpu_reset_core(vcpu);
	reset_backend(vcpu);
	vcpu_debug_forget(vcpu);
	vcpu_request_clear(vcpu, VCPU_REQUEST_NMI);
	vcpu->interrupts->init(vcpu->interrupt_controller);
	vcpu->waits_for_sipi = true;
}

/* Without effect on a CPU that does not wait for it. What else came meanwhile, that CPU did not see. */
void vcpu_take_sipi(struct vcpu *vcpu)
{
	u16 sipi = __atomic_exchange_n(&vcpu->sipi, 0, __ATOMIC_SEQ_CST);
	u8 vector = (u8)sipi;
	struct segment code = { .base = (u64)vector << 12, .limit_bytes = 0xffff, .selector = (u16)(vector << 8), .attributes = 0x9b };

	if (!vcpu->waits_for_sipi || !sipi)
		return;
	vcpu->waits_for_sipi = false;
	vcpu_request_clear(vcpu, VCPU_REQUEST_NMI);
	virt_ops->set_segment(vcpu, SEGMENT_CS, &code);
	vcpu->regs.rip = 0;
	vcpu_request(vcpu, VCPU_REQUEST_EVENT);
}

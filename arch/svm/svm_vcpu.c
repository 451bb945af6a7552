/* SPDX-License-Identifier: MIT */
/*
 * One vCPU on AMD-V: its VMCB from nothing to ready, its ASID, and access to its registers.
 *
 * Next to read: svm_exit.c, which runs it.
 */
#include "arch/svm/svm.h"
#include "arch/x86/cpu.h"
#include "arch/x86/nested_paging.h"
#include "hv/gmem.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

#define INTERCEPTS_0                                                                                              \
	(SVM_INTERCEPT_INTR | SVM_INTERCEPT_NMI | SVM_INTERCEPT_INIT | SVM_INTERCEPT_RDPMC | SVM_INTERCEPT_CPUID | \
	 SVM_INTERCEPT_RSM | SVM_INTERCEPT_INVD | SVM_INTERCEPT_HLT | SVM_INTERCEPT_INVLPGA | SVM_INTERCEPT_IOIO | \
	 SVM_INTERCEPT_MSR | SVM_INTERCEPT_FERR_FREEZE | SVM_INTERCEPT_SHUTDOWN)
#define INTERCEPTS_1                                                                                              \
	(SVM_INTERCEPT2_VMRUN | SVM_INTERCEPT2_VMMCALL | SVM_INTERCEPT2_VMLOAD | SVM_INTERCEPT2_VMSAVE |          \
	 SVM_INTERCEPT2_STGI | SVM_INTERCEPT2_CLGI | SVM_INTERCEPT2_SKINIT | SVM_INTERCEPT2_WBINVD |              \
	 SVM_INTERCEPT2_MONITOR | SVM_INTERCEPT2_MWAIT | SVM_INTERCEPT2_XSETBV | SVM_INTERCEPT2_RDPRU)
#define INTERCEPTS_2                                                                                              \
	(SVM_INTERCEPT3_INVLPGB | SVM_INTERCEPT3_INVLPGB_ILLEGAL | SVM_INTERCEPT3_MCOMMIT | SVM_INTERCEPT3_TLBSYNC)

#define PAUSE_FILTER_COUNT 3000
#define PAUSE_FILTER_THRESHOLD 128

/* Two pages: the VMCB, and what we keep beside it. */
static int svm_vcpu_create(struct vcpu *vcpu)
{
	hpa_t pages = pages_alloc(1, PAGE_OWNER_HOST, PAGES_ZERO);
	struct svm_vcpu *svm;

	if (!pages.value)
		return ERR_NO_MEMORY;
	svm = direct_map(HPA(pages.value + PAGE_SIZE));
	svm->vmcb_pa = pages;
	svm->vmcb = direct_map(pages);
	vcpu->backend = svm;
	return OK;
}

static void svm_vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->backend)
		pages_free(svm_of(vcpu)->vmcb_pa, 1);
	vcpu->backend = NULL;
}

static void write_controls(struct vcpu *vcpu, struct vmcb *vmcb)
{
	vmcb->intercept_cr_read = BIT32(8);
	vmcb->intercept_cr_write = (u16)(BIT32(8) | (vcpu->cr4_guarded ? BIT32(4) : 0));
	vmcb->intercept_dr_read = 0xf;
	vmcb->intercept_dr_write = 0xf;
	/* #DB and #AC: a guest that raises them for ever while it delivers them would never let an interrupt through. */
	vmcb->intercept_exceptions = BIT32(1) | BIT32(17) | BIT32(18);
	vmcb->intercept[0] = INTERCEPTS_0;
	vmcb->intercept[1] = INTERCEPTS_1;
	vmcb->intercept[2] = INTERCEPTS_2;
	if (virt_features.pause_filter) {
		vmcb->intercept[0] |= SVM_INTERCEPT_PAUSE;
		vmcb->pause_filter_count = PAUSE_FILTER_COUNT;
		vmcb->pause_filter_threshold = PAUSE_FILTER_THRESHOLD;
	}
	vmcb->iopm_base_pa = svm_io_map().value;
	vmcb->msrpm_base_pa = svm_msr_map().value;
	vmcb->tsc_offset = vcpu->tsc_offset;
	vmcb->virtual_interrupt = V_INTR_MASKING;
	vmcb->nested_control = 1;
	vmcb->nested_cr3 = gmem_nested_root(vcpu->vm).value;
}

/* APM vol. 2, "Processor Initialization State" (14.1.3). */
static void write_reset_state(struct vmcb *vmcb)
{
	const struct vmcb_segment data = { 0, 0x093, 0xffff, 0 };

	vmcb->es = vmcb->ss = vmcb->ds = vmcb->fs = vmcb->gs = data;
	vmcb->cs = (struct vmcb_segment){ 0xf000, 0x09b, 0xffff, 0xffff0000 };
	vmcb->gdtr = vmcb->idtr = (struct vmcb_segment){ 0, 0, 0xffff, 0 };
	vmcb->ldtr = (struct vmcb_segment){ 0, 0x082, 0xffff, 0 };
	vmcb->tr = (struct vmcb_segment){ 0, 0x08b, 0xffff, 0 };
	vmcb->efer = SVM_EFER_HIDDEN;
	vmcb->cr0 = BIT64(4) | CR0_NW | CR0_CD;
	vmcb->dr6 = 0xffff0ff0;
	vmcb->dr7 = 0x400;
	vmcb->g_pat = 0x0007040600070406;
}

static void svm_vcpu_reset(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = svm_of(vcpu);

	memset(svm->vmcb, 0, sizeof(*svm->vmcb));
	write_controls(vcpu, svm->vmcb);
	write_reset_state(svm->vmcb);
	svm->asid_generation = 0;
	svm->offering = svm->step_for_nmi = false;
	svm->after_exit = true;
	vcpu->check_due = true;
}

/*
 * An ASID of this CPU. When they have run out, a new generation begins with an empty TLB, and every vCPU takes a new one
 * at its next entry: at most one flush per asid_count - 1 vCPU switches.
 */
void svm_take_asid(struct svm_vcpu *svm, struct svm_cpu *cpu, u32 cpu_index)
{
	if (LIKELY(svm->asid_generation == cpu->asid_generation && svm->asid_cpu == cpu_index))
		return;
	if (cpu->next_asid >= virt_features.asid_count) {
		cpu->next_asid = 1;
		cpu->asid_generation++;
		svm->vmcb->tlb_control = SVM_TLB_FLUSH_ALL;
	}
	if (svm->asid_cpu != cpu_index)
		svm->vmcb->clean = 0;
	svm->vmcb->guest_asid = cpu->next_asid++;
	svm->asid_generation = cpu->asid_generation;
	svm->asid_cpu = cpu_index;
	svm_changed(svm, SVM_CLEAN_ASID);
}

/* FS, GS, TR, LDTR and the system-call MSRs into the VMCB when the CPU has them. */
void svm_sync_loaded(struct vcpu *vcpu)
{
	if (svm_of(vcpu)->loaded)
		svm_vmsave(svm_of(vcpu)->vmcb_pa);
}

void svm_reload(struct vcpu *vcpu)
{
	if (svm_of(vcpu)->loaded)
		svm_vmload(svm_of(vcpu)->vmcb_pa);
}

const struct virt_ops svm_virt_ops = {
	.name = "svm",
	.probe = svm_probe,
	.prepare = svm_prepare,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_run = svm_vcpu_run,
	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
	.get_system = svm_get_system,
	.set_system = svm_set_system,
	.get_paging = svm_get_paging,
	.get_table = svm_get_table,
	.set_table = svm_set_table,
	.privilege_level = svm_privilege_level,
	.code_bits = svm_code_bits,
	.offer_interrupt = svm_offer_interrupt,
	.accepts_nmi = svm_accepts_nmi,
	.request_nmi_window = svm_request_nmi_window,
	.get_interrupt_shadow = svm_get_interrupt_shadow,
	.set_interrupt_shadow = svm_set_interrupt_shadow,
	.set_tsc_offset = svm_set_tsc_offset,
	.intercept_debug_registers = svm_intercept_debug_registers,
	.flush_tlb = svm_flush_tlb,
	.end_own_step = svm_end_own_step,
	.exit_name = svm_exit_name,
	.control_block = "VMCB",
	.manual = "APM vol. 2",
	.control_field = svm_control_field,
	.set_guest_field = svm_set_guest_field,
	.check_entry = svm_check_entry,
	.nested_format = &nested_format_npt,
};

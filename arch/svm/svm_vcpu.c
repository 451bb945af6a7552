/* SPDX-License-Identifier: MIT */
/*
 * One vCPU on AMD-V: its VMCB from nothing to ready, its ASID, and access to its registers.
 *
 * Next to read: svm_exit.c, which runs it.
 */
#include "arch/svm/svm.h"
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "arch/x86/nested_paging.h"
#include "hv/gmem.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

/* EFER.SVME must be set in a guest's EFER, and is not the guest's business. APM vol. 2, "Canonicalization and Consistency Checks" */
#define EFER_HIDDEN EFER_SVME

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
	vmcb->efer = EFER_HIDDEN;
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

static void reload(struct vcpu *vcpu)
{
	if (svm_of(vcpu)->loaded)
		svm_vmload(svm_of(vcpu)->vmcb_pa);
}

static struct vmcb_segment *segment_of(struct vmcb *vmcb, enum segment_index index)
{
	switch (index) {
	case SEGMENT_ES: return &vmcb->es;
	case SEGMENT_CS: return &vmcb->cs;
	case SEGMENT_SS: return &vmcb->ss;
	case SEGMENT_DS: return &vmcb->ds;
	case SEGMENT_FS: return &vmcb->fs;
	case SEGMENT_GS: return &vmcb->gs;
	case SEGMENT_LDTR: return &vmcb->ldtr;
	default: return &vmcb->tr;
	}
}

static void svm_get_segment(struct vcpu *vcpu, enum segment_index index, struct segment *segment)
{
	const struct vmcb_segment *from = segment_of(svm_of(vcpu)->vmcb, index);

	if (index >= SEGMENT_FS)
		svm_sync_loaded(vcpu);
	*segment = (struct segment){ from->base, from->limit, from->selector, from->attributes };
}

static void svm_set_segment(struct vcpu *vcpu, enum segment_index index, const struct segment *segment)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	if (index >= SEGMENT_FS)
		svm_sync_loaded(vcpu);
	*segment_of(vmcb, index) = (struct vmcb_segment){ segment->selector, segment->attributes & 0xfff,
							  segment->limit_bytes, segment->base };
	if (index == SEGMENT_SS)
		vmcb->cpl = SEGMENT_DPL(segment->attributes);
	svm_changed(svm_of(vcpu), SVM_CLEAN_SEG);
	vcpu->check_due = true;
	if (index >= SEGMENT_FS)
		reload(vcpu);
}

/* Where a system register stands in the VMCB, and which clean bit covers it; 0: switched by VMLOAD. */
static u64 *system_of(struct vmcb *vmcb, enum system_register which, u32 *clean)
{
	*clean = 0;
	switch (which) {
	case SYSTEM_CR0: *clean = SVM_CLEAN_CRX; return &vmcb->cr0;
	case SYSTEM_CR2: *clean = SVM_CLEAN_CR2; return &vmcb->cr2;
	case SYSTEM_CR3: *clean = SVM_CLEAN_CRX; return &vmcb->cr3;
	case SYSTEM_CR4: *clean = SVM_CLEAN_CRX; return &vmcb->cr4;
	case SYSTEM_EFER: *clean = SVM_CLEAN_CRX; return &vmcb->efer;
	case SYSTEM_PAT: *clean = SVM_CLEAN_NP; return &vmcb->g_pat;
	case SYSTEM_DR6: *clean = SVM_CLEAN_DRX; return &vmcb->dr6;
	case SYSTEM_DR7: *clean = SVM_CLEAN_DRX; return &vmcb->dr7;
	case SYSTEM_DEBUGCTL: *clean = SVM_CLEAN_LBR; return &vmcb->debugctl;
	case SYSTEM_STAR: return &vmcb->star;
	case SYSTEM_LSTAR: return &vmcb->lstar;
	case SYSTEM_CSTAR: return &vmcb->cstar;
	case SYSTEM_SFMASK: return &vmcb->sfmask;
	case SYSTEM_KERNEL_GS_BASE: return &vmcb->kernel_gs_base;
	case SYSTEM_SYSENTER_CS: return &vmcb->sysenter_cs;
	case SYSTEM_SYSENTER_ESP: return &vmcb->sysenter_esp;
	default: return &vmcb->sysenter_eip;
	}
}

static u64 svm_get_system(struct vcpu *vcpu, enum system_register which)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;
	u32 clean;
	u64 *from;

	from = system_of(vmcb, which, &clean);
	if (!clean)
		svm_sync_loaded(vcpu);
	return which == SYSTEM_EFER ? *from & ~EFER_HIDDEN : *from;
}

static void svm_get_paging(struct vcpu *vcpu, u64 registers[4])
{
	const struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	registers[0] = vmcb->cr0;
	registers[1] = vmcb->cr3;
	registers[2] = vmcb->cr4;
	registers[3] = vmcb->efer & ~EFER_HIDDEN;
}

static void svm_set_system(struct vcpu *vcpu, enum system_register which, u64 value)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;
	u32 clean;
	u64 *to;

	to = system_of(vmcb, which, &clean);
	if (!clean)
		svm_sync_loaded(vcpu);
	*to = which == SYSTEM_EFER ? value | EFER_HIDDEN : value;
	svm_changed(svm_of(vcpu), clean);
	vcpu->check_due = true;
	if (!clean)
		reload(vcpu);
}

static void svm_get_table(struct vcpu *vcpu, bool interrupt, struct descriptor_table *table)
{
	const struct vmcb_segment *from = interrupt ? &svm_of(vcpu)->vmcb->idtr : &svm_of(vcpu)->vmcb->gdtr;

	*table = (struct descriptor_table){ from->base, (u16)from->limit };
}

static void svm_set_table(struct vcpu *vcpu, bool interrupt, const struct descriptor_table *table)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	*(interrupt ? &vmcb->idtr : &vmcb->gdtr) = (struct vmcb_segment){ 0, 0, table->limit, table->base };
	svm_changed(svm_of(vcpu), SVM_CLEAN_DT);
}

static unsigned svm_privilege_level(struct vcpu *vcpu)
{
	return svm_of(vcpu)->vmcb->cpl;
}

static bool svm_get_interrupt_shadow(struct vcpu *vcpu)
{
	return svm_of(vcpu)->vmcb->interrupt_shadow & 1;
}

static void svm_set_interrupt_shadow(struct vcpu *vcpu, bool shadow)
{
	svm_of(vcpu)->vmcb->interrupt_shadow = shadow;
}

static void svm_set_tsc_offset(struct vcpu *vcpu, u64 offset)
{
	svm_of(vcpu)->vmcb->tsc_offset = offset;
	svm_changed(svm_of(vcpu), SVM_CLEAN_INTERCEPTS);
}

static void svm_intercept_debug_registers(struct vcpu *vcpu, bool intercept)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	vmcb->intercept_dr_read = vmcb->intercept_dr_write = intercept ? 0xf : 0;
	svm_changed(svm_of(vcpu), SVM_CLEAN_INTERCEPTS);
}

static void svm_flush_tlb(struct vcpu *vcpu)
{
	svm_of(vcpu)->vmcb->tlb_control = virt_features.flush_by_asid ? SVM_TLB_FLUSH_ASID : SVM_TLB_FLUSH_ALL;
	svm_of(vcpu)->after_exit = true;
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

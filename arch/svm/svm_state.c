/* SPDX-License-Identifier: MIT */
/*
 * The guest's segments and system registers, in the seam's words. Mirrors arch/vmx/vmx_state.c.
 *
 * All stand in the VMCB, which is memory; but FS, GS, TR, LDTR and the system-call MSRs are in the CPU while it is loaded
 * (svm_sync_loaded). Whoever writes takes the field's clean bit away. APM vol. 2, "VMCB Clean Bits" (15.15).
 */
#include "arch/svm/svm.h"
#include "arch/x86/cpu.h"

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

void svm_get_segment(struct vcpu *vcpu, enum segment_index index, struct segment *segment)
{
	const struct vmcb_segment *from = segment_of(svm_of(vcpu)->vmcb, index);

	if (index >= SEGMENT_FS)
		svm_sync_loaded(vcpu);
	*segment = (struct segment){ from->base, from->limit, from->selector, from->attributes };
}

void svm_set_segment(struct vcpu *vcpu, enum segment_index index, const struct segment *segment)
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
		svm_reload(vcpu);
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

u64 svm_get_system(struct vcpu *vcpu, enum system_register which)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;
	u32 clean;
	u64 *from;

	from = system_of(vmcb, which, &clean);
	if (!clean)
		svm_sync_loaded(vcpu);
	return which == SYSTEM_EFER ? *from & ~SVM_EFER_HIDDEN : *from;
}

void svm_get_paging(struct vcpu *vcpu, u64 registers[4])
{
	const struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	registers[0] = vmcb->cr0;
	registers[1] = vmcb->cr3;
	registers[2] = vmcb->cr4;
	registers[3] = vmcb->efer & ~SVM_EFER_HIDDEN;
}

void svm_set_system(struct vcpu *vcpu, enum system_register which, u64 value)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;
	u32 clean;
	u64 *to;

	to = system_of(vmcb, which, &clean);
	if (!clean)
		svm_sync_loaded(vcpu);
	*to = which == SYSTEM_EFER ? value | SVM_EFER_HIDDEN : value;
	svm_changed(svm_of(vcpu), clean);
	vcpu->check_due = true;
	if (!clean)
		svm_reload(vcpu);
	if (which == SYSTEM_CR2 && svm_of(vcpu)->loaded)
		write_cr2(value); /* as in svm_vcpu_run */
}

void svm_get_table(struct vcpu *vcpu, bool interrupt, struct descriptor_table *table)
{
	const struct vmcb_segment *from = interrupt ? &svm_of(vcpu)->vmcb->idtr : &svm_of(vcpu)->vmcb->gdtr;

	*table = (struct descriptor_table){ from->base, (u16)from->limit };
}

void svm_set_table(struct vcpu *vcpu, bool interrupt, const struct descriptor_table *table)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	*(interrupt ? &vmcb->idtr : &vmcb->gdtr) = (struct vmcb_segment){ 0, 0, table->limit, table->base };
	svm_changed(svm_of(vcpu), SVM_CLEAN_DT);
}

unsigned svm_privilege_level(struct vcpu *vcpu)
{
	return svm_of(vcpu)->vmcb->cpl;
}

unsigned svm_code_bits(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	if ((vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & SEGMENT_L))
		return 64;
	return vmcb->cs.attributes & SEGMENT_DB ? 32 : 16;
}

void svm_intercept_debug_registers(struct vcpu *vcpu, bool intercept)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	vmcb->intercept_dr_read = vmcb->intercept_dr_write = intercept ? 0xf : 0;
	svm_changed(svm_of(vcpu), SVM_CLEAN_INTERCEPTS);
}

void svm_set_tsc_offset(struct vcpu *vcpu, u64 offset)
{
	svm_of(vcpu)->vmcb->tsc_offset = offset;
	svm_changed(svm_of(vcpu), SVM_CLEAN_INTERCEPTS);
}

/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. Nothing outside includes it. */
#ifndef ARCH_SVM_SVM_H
#define ARCH_SVM_SVM_H

#include "arch/svm/svm_regs.h"
#include "arch/svm/vmcb.h"
#include "arch/x86/msr.h"
#include "hv/vcpu.h"

struct svm_vcpu {
	struct vmcb *vmcb;      /* (c) */
	hpa_t vmcb_pa;          /* (c) */
	u64 asid_generation;    /* (o) of the CPU below */
	u32 asid_cpu;           /* (o) */
	bool after_exit;        /* (o) the next exit has something to put right: clean bits, TLB control, V_IRQ on offer */
	bool loaded;            /* (o) FS, GS, TR, LDTR and the system-call MSRs are in the CPU, not in the VMCB */
	bool offering;          /* (o) V_IRQ was set at the last entry */
	bool step_for_nmi;      /* (o) TF was set by us: the next #DB opens the NMI window */
	bool guest_tf;          /* (o) what TF was before */
};

/* One per CPU, behind cpu->virt. */
struct svm_cpu {
	hpa_t host_save_area;   /* (c) VM_HSAVE_PA */
	hpa_t host_state;       /* (c) a VMCB page that only VMSAVE and VMLOAD use */
	u64 asid_generation;    /* (o) from 1; a vCPU with an older one has no ASID */
	u32 next_asid;          /* (o) */
};

static inline struct svm_vcpu *svm_of(const struct vcpu *vcpu)
{
	return vcpu->backend;
}

/* What of the VMCB was written since the last exit: without its clean bit the CPU reads it again. */
static inline void svm_changed(struct svm_vcpu *svm, u32 clean_bits)
{
	svm->vmcb->clean &= ~clean_bits;
	svm->after_exit = true;
}

/* EFER.SVME must be set in a guest's EFER, and is not the guest's business. APM vol. 2, "Canonicalization and Consistency Checks" */
#define SVM_EFER_HIDDEN EFER_SVME

/* svm_init.c */
int svm_probe(struct virt_features *features, const char **why);
int svm_prepare(void (*fill_msr_map)(u8 *map));
int svm_cpu_enable(void);
void svm_cpu_disable(void);
hpa_t svm_io_map(void);
hpa_t svm_msr_map(void);
/* svm_vcpu.c */
void svm_sync_loaded(struct vcpu *vcpu);
void svm_reload(struct vcpu *vcpu);
void svm_take_asid(struct svm_vcpu *svm, struct svm_cpu *cpu, u32 cpu_index);
/* svm_state.c */
void svm_get_segment(struct vcpu *vcpu, enum segment_index index, struct segment *segment);
void svm_set_segment(struct vcpu *vcpu, enum segment_index index, const struct segment *segment);
u64 svm_get_system(struct vcpu *vcpu, enum system_register which);
void svm_set_system(struct vcpu *vcpu, enum system_register which, u64 value);
void svm_get_paging(struct vcpu *vcpu, u64 registers[4]);
void svm_get_table(struct vcpu *vcpu, bool interrupt, struct descriptor_table *table);
void svm_set_table(struct vcpu *vcpu, bool interrupt, const struct descriptor_table *table);
unsigned svm_privilege_level(struct vcpu *vcpu);
unsigned svm_code_bits(struct vcpu *vcpu);
void svm_intercept_debug_registers(struct vcpu *vcpu, bool intercept);
void svm_set_tsc_offset(struct vcpu *vcpu, u64 offset);
/* npt.c */
void svm_flush_tlb(struct vcpu *vcpu);
/* svm_exit.c */
void svm_vcpu_run(struct vcpu *vcpu);
const char *svm_exit_name(u64 code);
/* svm_fields.c */
bool svm_control_field(struct vcpu *vcpu, unsigned index, struct control_field *field);
bool svm_set_guest_field(struct vcpu *vcpu, unsigned index, u64 value);
unsigned svm_check_entry(struct vcpu *vcpu, const struct entry_rule **broken, unsigned max, unsigned *total);
/* svm_event.c */
void svm_save_interrupted_event(struct vcpu *vcpu, const struct vmcb *vmcb);
void svm_look_at_offer(struct vcpu *vcpu);
void svm_write_event(struct vcpu *vcpu, struct vmcb *vmcb);
void svm_offer_interrupt(struct vcpu *vcpu, int vector);
bool svm_accepts_nmi(struct vcpu *vcpu);
void svm_request_nmi_window(struct vcpu *vcpu);
bool svm_get_interrupt_shadow(struct vcpu *vcpu);
void svm_set_interrupt_shadow(struct vcpu *vcpu, bool shadow);
bool svm_end_own_step(struct vcpu *vcpu);
void svm_end_nmi(struct vcpu *vcpu, struct vmcb *vmcb);
/*
 * svm_entry.S. Returns its argument: no register survives, so what a caller goes on with comes from there and not from a
 * copy on the stack.
 */
static ALWAYS_INLINE struct vcpu *svm_enter(struct vcpu *vcpu, hpa_t vmcb)
{
	void *regs = &vcpu->regs, *back;
	u64 lost;

	_Static_assert(offsetof(struct vcpu, regs) == 0, "the register file is the vCPU's first member");
	__asm__ volatile("call svm_enter" : "=a"(back), "=D"(lost) : "0"(vmcb.value), "1"(regs)
			 : "rcx", "rdx", "rbx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory");
	return back;
}

#endif

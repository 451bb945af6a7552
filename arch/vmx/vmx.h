/* SPDX-License-Identifier: MIT */
/* What the files of the VT-x backend share: its part of a vCPU, of a machine and of a CPU. Mirrors arch/svm/svm.h. */
#ifndef ARCH_VMX_VMX_H
#define ARCH_VMX_VMX_H

#include "arch/vmx/vmx_controls.h"
#include "arch/vmx/vmx_instructions.h"
#include "hv/vcpu.h"

struct cpu;

/* Registers that no VMCS field holds: they stay in the CPU across exits and change with the vCPU (vmx_vcpu.c). */
enum vmx_switched_msr {
	VMX_SWITCHED_STAR, VMX_SWITCHED_LSTAR, VMX_SWITCHED_CSTAR, VMX_SWITCHED_SFMASK, VMX_SWITCHED_KERNEL_GS_BASE,
	VMX_SWITCHED_CR2,
	VMX_SWITCHED_COUNT
};

/* Tags as in hv/vcpu.h. */
struct vmx_vcpu {
	struct vcpu *vcpu;          /* (c) */
	hpa_t vmcs;                 /* (c) one page */
	hpa_t virtual_apic;         /* (c) one page: its TPR is the APIC's (vcpu->task_priority) */
	bool launched;              /* (o) since the last VMCLEAR */
	u32 cpu;                    /* (o) 1 + index of the CPU that may hold the VMCS's data and the switched registers; 0: none */
	bool flush_pending;         /* (o) */
	bool running;               /* (o) inside vmx_vcpu_run: VMCS current, interrupts off, the guest's DR6 in the CPU */
	u16 vpid;                   /* (c) 0: the CPU has no usable VPIDs */
	u32 primary, entry;         /* (o) the control words as the VMCS has them */
	u64 rip, rflags, rsp;       /* (o) as the VMCS has them: a VMWRITE only for what changed */
	u8 tpr_threshold;           /* (o) as the VMCS has it */
	s16 offered;                /* (o) an interrupt to be injected as soon as it can be taken; INTERRUPT_NONE */
	u64 eptp;                   /* (c) */
	bool rsp_known;             /* (o) regs.gpr[GPR_RSP] and rsp are current */
	u64 host_rsp;               /* (o) as HOST_RSP was written last */
	u64 dr6;                    /* (o) while not running */
	u64 switched[VMX_SWITCHED_COUNT]; /* (o) while another vCPU's are in the CPU */
};

struct vmx_cpu {
	hpa_t vmxon_region;
	struct vmx_vcpu *current;   /* whose VMCS is current on this CPU */
	struct vmx_vcpu *switched;  /* whose switched registers are in this CPU */
};

extern struct vmx_controls vmx_controls; /* (c) after probe */
extern struct vmx_capabilities vmx_capabilities; /* (c) after probe */

static inline struct vmx_vcpu *vmx_of(struct vcpu *vcpu)
{
	return vcpu->backend;
}

/* vmx_init.c */
int vmx_probe(struct virt_features *features, const char **why);
int vmx_prepare(void (*fill_msr_map)(u8 *map));
int vmx_cpu_enable(void);
void vmx_cpu_disable(void);
struct vmx_cpu *vmx_this_cpu(void);
hpa_t vmx_io_bitmaps(void);
hpa_t vmx_msr_bitmap(void);
void vmx_write_host_state(void); /* into the current VMCS: this CPU's */

/* vmx_vcpu.c: all demand interrupts off, or a vCPU that cannot run meanwhile. */
int vmx_vcpu_create(struct vcpu *vcpu);
void vmx_vcpu_destroy(struct vcpu *vcpu);
void vmx_vcpu_reset(struct vcpu *vcpu);
void vmx_make_current(struct vmx_vcpu *vmx);
void vmx_vcpu_arrive(struct vcpu *vcpu);
void vmx_load_switched(struct vmx_vcpu *vmx);
u64 vmx_read_switched(enum vmx_switched_msr index);
void vmx_write_switched(enum vmx_switched_msr index, u64 value);
void vmx_set_primary(struct vmx_vcpu *vmx, u32 set, u32 clear);

/*
 * Around accesses to a VMCS outside of the run loop, by its thread or while the vCPU does not run. Inside of the loop the VMCS is
 * current and interrupts are off: the handlers of fast exits, which ask for a register or two, pay for nothing more.
 */
static inline u64 vmx_begin_access(struct vmx_vcpu *vmx)
{
	u64 flags;

	if (LIKELY(vmx->running))
		return 0;
	flags = irq_save();
	vmx_make_current(vmx);
	return flags;
}
static inline void vmx_end_access(u64 flags)
{
	irq_restore(flags);
}

/* vmx_state.c */
void vmx_get_segment(struct vcpu *vcpu, enum segment_index index, struct segment *segment);
void vmx_set_segment(struct vcpu *vcpu, enum segment_index index, const struct segment *segment);
u64 vmx_get_system(struct vcpu *vcpu, enum system_register which);
void vmx_set_system(struct vcpu *vcpu, enum system_register which, u64 value);
void vmx_get_table(struct vcpu *vcpu, bool interrupt, struct descriptor_table *table);
void vmx_set_table(struct vcpu *vcpu, bool interrupt, const struct descriptor_table *table);
unsigned vmx_privilege_level(struct vcpu *vcpu);
unsigned vmx_code_bits(struct vcpu *vcpu);
void vmx_intercept_debug_registers(struct vcpu *vcpu, bool intercept);
void vmx_set_tsc_offset(struct vcpu *vcpu, u64 offset);
void vmx_write_masks(void); /* into the current VMCS */

/* vmx_fields.c */
bool vmx_control_field(struct vcpu *vcpu, unsigned index, struct control_field *field);
bool vmx_set_guest_field(struct vcpu *vcpu, unsigned index, u64 value);
unsigned vmx_check_entry(struct vcpu *vcpu, const struct entry_rule **broken, unsigned max, unsigned *total);

/* vmx_event.c */
void vmx_offer_interrupt(struct vcpu *vcpu, int vector);
void vmx_hold_interrupt(struct vcpu *vcpu, unsigned class);
void vmx_close_window(struct vmx_vcpu *vmx);
bool vmx_accepts_nmi(struct vcpu *vcpu);
void vmx_request_nmi_window(struct vcpu *vcpu);
bool vmx_get_interrupt_shadow(struct vcpu *vcpu);
void vmx_set_interrupt_shadow(struct vcpu *vcpu, bool shadow);
bool vmx_end_own_step(struct vcpu *vcpu);
void vmx_inject_offered(struct vmx_vcpu *vmx); /* before an entry */
void vmx_write_event(struct vmx_vcpu *vmx);   /* vcpu->event into the entry fields */
void vmx_keep_event(struct vmx_vcpu *vmx);    /* an interrupted delivery into vcpu->event */

static inline void vmx_end_shadow(void)       /* the instruction in it was completed */
{
	u32 state = vmread32(VMCS_GUEST_INTERRUPTIBILITY_STATE);

	if (UNLIKELY(state & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)))
		vmwrite32(VMCS_GUEST_INTERRUPTIBILITY_STATE, state & ~(INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS));
}

/* vmx_exit.c */
void vmx_decode_entry_failure(struct vmx_vcpu *vmx, int failure);
const char *vmx_exit_name(u64 raw_code);
void vmx_vcpu_run(struct vcpu *vcpu);

/* ept.c */
u64 ept_pointer(hpa_t root);
void vmx_flush_tlb(struct vcpu *vcpu);
void vmx_flush_now(struct vmx_vcpu *vmx);

/* vmx_entry.S: 0 after an exit, or how the instruction failed. *host_rsp is what HOST_RSP was written with last. */
enum vmx_failure { VMX_FAIL_INVALID = 1, VMX_FAIL_VALID = 2 };
void vmx_resume(void);
void vmx_launch(void);
void vmx_exit_stub(void);
/* *vcpu comes back as it went in: no register survives, so what a caller goes on with is not a copy on the stack. */
static ALWAYS_INLINE int vmx_enter(struct vcpu **vcpu, void (*how)(void), u64 *host_rsp)
{
	void *regs = &(*vcpu)->regs;
	u64 result;

	_Static_assert(offsetof(struct vcpu, regs) == 0, "the register file is the vCPU's first member");
	__asm__ volatile("call %P[how]" : "=a"(result), "+D"(regs), "+d"(host_rsp) : [how] "i"(how)
			 : "rcx", "rbx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory");
	*vcpu = regs;
	return (int)result;
}

#endif

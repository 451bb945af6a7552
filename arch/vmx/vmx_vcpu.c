/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's and a machine's part of VT-x: the VMCS from nothing to ready, and which VMCS and registers a CPU holds.
 *
 * Mirrors arch/svm/svm_vcpu.c. SDM vol. 3, "Preparation and Launching a Virtual Machine" (31.6): the VMCS is cleared,
 * made current, and filled with host, control and guest state in this order. Next to read: vmx_exit.c.
 */
#include "arch/vmx/vmx.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "arch/x86/msr.h"
#include "arch/x86/nested_paging.h"
#include "hv/lib/error.h"
#include "hv/gmem.h"
#include "hv/pages.h"

/* Bound on a stay in the guest (docs/vmx-and-svm.md): Bochs keeps interrupts masked while the guest's IF is 0. */
#define PREEMPTION_TIMER_TICKS 4000000u

/* PAUSE-loop exiting (SDM vol. 3, 24.6.13): PAUSEs closer than the gap count; a loop longer than the window exits. */
#define PLE_GAP_TICKS 128u
#define PLE_WINDOW_TICKS 4096u

#define INTERCEPTED_EXCEPTIONS (BIT32(1) /* #DB */ | BIT32(17) /* #AC */ | BIT32(18) /* #MC */)

/* Each vCPU of the host has a VPID of its own; 0 is the host's. [vpid_lock] */
static u64 vpids_used[1024];
static struct spinlock vpid_lock = SPINLOCK_INIT("vpid", LOCK_RANK_NESTED);

static u16 vpid_alloc(void)
{
	u64 flags;
	u16 vpid = 0;

	if (!(vmx_controls.secondary & SECONDARY_VPID))
		return 0;
	flags = lock_irqsave(&vpid_lock);
	vpids_used[0] |= 1;
	for (u32 word = 0; word < ARRAY_SIZE(vpids_used) && !vpid; word++) {
		if (vpids_used[word] == ~(u64)0)
			continue;
		u32 bit = (u32)__builtin_ctzll(~vpids_used[word]);

		vpids_used[word] |= BIT64(bit);
		vpid = (u16)(word * 64 + bit);
	}
	unlock_irqrestore(&vpid_lock, flags);
	return vpid;
}

static void vpid_free(u16 vpid)
{
	u64 flags;

	if (!vpid)
		return;
	flags = lock_irqsave(&vpid_lock);
	vpids_used[vpid / 64] &= ~BIT64(vpid % 64);
	unlock_irqrestore(&vpid_lock, flags);
}

u64 vmx_read_switched(enum vmx_switched_msr index)
{
	switch (index) {
	case VMX_SWITCHED_STAR: return rdmsr(MSR_STAR);
	case VMX_SWITCHED_LSTAR: return rdmsr(MSR_LSTAR);
	case VMX_SWITCHED_CSTAR: return rdmsr(MSR_CSTAR);
	case VMX_SWITCHED_SFMASK: return rdmsr(MSR_SFMASK);
	case VMX_SWITCHED_KERNEL_GS_BASE: return rdmsr(MSR_KERNEL_GS_BASE);
	default: return read_cr2();
	}
}

void vmx_write_switched(enum vmx_switched_msr index, u64 value)
{
	switch (index) {
	case VMX_SWITCHED_STAR: wrmsr(MSR_STAR, value); break;
	case VMX_SWITCHED_LSTAR: wrmsr(MSR_LSTAR, value); break;
	case VMX_SWITCHED_CSTAR: wrmsr(MSR_CSTAR, value); break;
	case VMX_SWITCHED_SFMASK: wrmsr(MSR_SFMASK, value); break;
	case VMX_SWITCHED_KERNEL_GS_BASE: wrmsr(MSR_KERNEL_GS_BASE, value); break;
	default: write_cr2(value); break;
	}
}

/*
 * Solera itself uses neither SYSCALL nor SWAPGS, and its own faults are fatal, so one guest's values stay in the CPU across exits
 * and other threads, until another vCPU wants to run there. Interrupts off.
 */
void vmx_load_switched(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *cpu = vmx_this_cpu();

	if (LIKELY(cpu->switched == vmx))
		return;
	for (int i = 0; i < VMX_SWITCHED_COUNT; i++) {
		if (cpu->switched)
			cpu->switched->switched[i] = vmx_read_switched(i);
		vmx_write_switched(i, vmx->switched[i]);
	}
	cpu->switched = vmx;
}

/* On the CPU that has it, interrupts off: nothing of the vCPU stays in the CPU. */
static void release_here(void *argument)
{
	struct vmx_vcpu *vmx = argument;
	struct vmx_cpu *cpu = vmx_this_cpu();

	if (cpu->switched == vmx) {
		for (int i = 0; i < VMX_SWITCHED_COUNT; i++)
			vmx->switched[i] = vmx_read_switched(i);
		cpu->switched = NULL;
	}
	BUG_ON(!vmclear(vmx->vmcs));
	if (cpu->current == vmx)
		cpu->current = NULL;
	vmx->launched = false;
	vmx->cpu = 0;
}

/*
 * A CPU keeps a VMCS's data in itself until VMCLEAR there, also when another VMCS has become current: so the CPU that had it
 * last gives it back first. What it cached of the guest's translations under this VPID and EPT pointer stays there, and may be
 * old when the vCPU comes back: so every arrival flushes. SDM vol. 3, "Software Use of Virtual-Machine Control Structures" (24.11.1).
 */
static void arrive(struct vmx_vcpu *vmx, struct vmx_cpu *cpu)
{
	if (vmx->cpu)
		cpu_call(vmx->cpu - 1, release_here, vmx);
	BUG_ON(!vmptrld(vmx->vmcs));
	cpu->current = vmx;
	vmx->cpu = this_cpu()->index + 1;
	vmx->flush_pending = true;
	vmx_write_host_state();
}

/* Interrupts off; no spin lock held when the VMCS may be another CPU's. A VMCS is current on one CPU at most. */
void vmx_make_current(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *cpu = vmx_this_cpu();

	if (LIKELY(cpu->current == vmx))
		return;
	if (vmx->cpu != this_cpu()->index + 1) {
		arrive(vmx, cpu);
		return;
	}
	BUG_ON(!vmptrld(vmx->vmcs));
	cpu->current = vmx;
}

/* The thread came to a CPU: a VMCS that another one has moves now, so that later accesses can be made with locks held. */
void vmx_vcpu_arrive(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);

	if (vmx->cpu != this_cpu()->index + 1)
		vmx_make_current(vmx);
}

void vmx_set_primary(struct vmx_vcpu *vmx, u32 set, u32 clear)
{
	u32 primary = (vmx->primary | set) & ~clear;
	u64 flags;

	if (primary == vmx->primary)
		return;
	flags = vmx_begin_access(vmx);
	vmx->primary = primary;
	vmwrite32(VMCS_PRIMARY_PROCESSOR_CONTROLS, primary);
	vmx_end_access(flags);
}

static void write_controls(struct vmx_vcpu *vmx)
{
	u32 pin = vmx_controls.pin, secondary = vmx_controls.secondary;

	vmx->primary = vmx_controls.primary;
	vmx->entry = vmx_controls.entry;
	vmwrite32(VMCS_PIN_BASED_CONTROLS, pin);
	vmwrite32(VMCS_PRIMARY_PROCESSOR_CONTROLS, vmx->primary);
	vmwrite32(VMCS_SECONDARY_PROCESSOR_CONTROLS, secondary);
	vmwrite32(VMCS_EXIT_CONTROLS, vmx_controls.exit);
	vmwrite32(VMCS_ENTRY_CONTROLS, vmx->entry);
	vmwrite32(VMCS_EXCEPTION_BITMAP, INTERCEPTED_EXCEPTIONS);
	vmwrite32(VMCS_PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmwrite32(VMCS_PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmwrite32(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite32(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmwrite32(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmwrite32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite32(VMCS_ENTRY_INTERRUPTION_INFORMATION, 0);
	vmwrite64(VMCS_IO_BITMAP_A_ADDRESS, vmx_io_bitmaps().value);
	vmwrite64(VMCS_IO_BITMAP_B_ADDRESS, vmx_io_bitmaps().value + PAGE_SIZE);
	vmwrite64(VMCS_MSR_BITMAP_ADDRESS, vmx_msr_bitmap().value);
	vmwrite64(VMCS_VIRTUAL_APIC_ADDRESS, vmx->virtual_apic.value);
	vmwrite32(VMCS_TPR_THRESHOLD, vmx->tpr_threshold = 0);
	vmwrite64(VMCS_EPT_POINTER, vmx->eptp);
	vmwrite64(VMCS_TSC_OFFSET, vmx->vcpu->tsc_offset);
	if (vmx->vpid)
		vmwrite16(VMCS_VPID, vmx->vpid);
	if (secondary & SECONDARY_PAUSE_LOOP_EXITING) {
		vmwrite32(VMCS_PLE_GAP, PLE_GAP_TICKS);
		vmwrite32(VMCS_PLE_WINDOW, PLE_WINDOW_TICKS);
	}
	if (secondary & SECONDARY_XSAVES)
		vmwrite64(VMCS_XSS_EXITING_BITMAP, ~(u64)0);
	if (vmx_controls.preemption_timer)
		vmwrite32(VMCS_PREEMPTION_TIMER_VALUE, PREEMPTION_TIMER_TICKS >> vmx_controls.preemption_timer_shift);
	vmx_write_masks();
}

/* SDM vol. 3, "Processor State After Reset" (table 9-1). */
static void write_reset_state(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = vmx->vcpu;
	struct segment data = { .limit_bytes = 0xffff, .attributes = 0x93 };
	struct segment code = { .base = 0xffff0000, .limit_bytes = 0xffff, .selector = 0xf000, .attributes = 0x9b };
	struct segment ldtr = { .limit_bytes = 0xffff, .attributes = 0x82 };
	struct segment tr = { .limit_bytes = 0xffff, .attributes = 0x8b };
	struct descriptor_table table = { .limit = 0xffff };

	for (enum segment_index i = SEGMENT_ES; i <= SEGMENT_GS; i++)
		vmx_set_segment(vcpu, i, i == SEGMENT_CS ? &code : &data);
	vmx_set_segment(vcpu, SEGMENT_LDTR, &ldtr);
	vmx_set_segment(vcpu, SEGMENT_TR, &tr);
	vmx_set_table(vcpu, false, &table);
	vmx_set_table(vcpu, true, &table);
	vmwrite64(VMCS_GUEST_VMCS_LINK_POINTER, ~(u64)0);
	vmwrite64(VMCS_GUEST_IA32_EFER, 0);
	vmwrite_natural(VMCS_GUEST_CR3, 0);
	vmx_set_system(vcpu, SYSTEM_CR4, 0);
	vmx_set_system(vcpu, SYSTEM_CR0, 0x60000010);
	vmx_set_system(vcpu, SYSTEM_PAT, 0x0007040600070406ull);
	vmx_set_system(vcpu, SYSTEM_DR6, 0xffff0ff0);
	vmx_set_system(vcpu, SYSTEM_DR7, 0x400);
	vmx_set_system(vcpu, SYSTEM_DEBUGCTL, 0);
	vmx_set_system(vcpu, SYSTEM_SYSENTER_CS, 0);
	vmx_set_system(vcpu, SYSTEM_SYSENTER_ESP, 0);
	vmx_set_system(vcpu, SYSTEM_SYSENTER_EIP, 0);
	vmx_set_system(vcpu, SYSTEM_CR2, 0);
	for (enum system_register r = SYSTEM_STAR; r <= SYSTEM_KERNEL_GS_BASE; r++)
		vmx_set_system(vcpu, r, 0);
	vmwrite_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
	vmwrite32(VMCS_GUEST_INTERRUPTIBILITY_STATE, 0);
	vmwrite32(VMCS_GUEST_ACTIVITY_STATE, ACTIVITY_ACTIVE);
	vmwrite32(VMCS_GUEST_SMBASE, 0xa0000);
}

void vmx_vcpu_reset(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);
	u64 flags = irq_save();

	vmx_make_current(vmx);
	write_controls(vmx);
	write_reset_state(vmx);
	/* regs are set by the caller; no value of the VMCS is known to be theirs. */
	vmx->rip = vmx->rflags = vmx->rsp = 0;
	vmwrite_natural(VMCS_GUEST_RIP, 0);
	vmwrite_natural(VMCS_GUEST_RFLAGS, 0);
	vmwrite_natural(VMCS_GUEST_RSP, 0);
	vmx->rsp_known = true;
	vmx->offered = INTERRUPT_NONE;
	vmx->flush_pending = true;
	vcpu->check_due = true;
	irq_restore(flags);
}

/* Four pages: the VMCS, the virtual-APIC page, what we keep beside them, and one that stays empty. */
#define VCPU_PAGES_ORDER 2

int vmx_vcpu_create(struct vcpu *vcpu)
{
	hpa_t pages = pages_alloc(VCPU_PAGES_ORDER, PAGE_OWNER_HOST, PAGES_ZERO);
	struct vmx_vcpu *vmx;
	u64 flags;

	if (!pages.value)
		return ERR_NO_MEMORY;
	vmx = direct_map(HPA(pages.value + 2 * PAGE_SIZE));
	vmx->vcpu = vcpu;
	vmx->vmcs = pages;
	vmx->virtual_apic = HPA(pages.value + PAGE_SIZE);
	if (vmx_controls.primary & PRIMARY_TPR_SHADOW)
		vcpu->task_priority = (u32 *)direct_map(HPA(vmx->virtual_apic.value + VIRTUAL_APIC_TPR));
	vcpu->backend = vmx;
	*(u32 *)direct_map(vmx->vmcs) = VMX_BASIC_REVISION(vmx_capabilities.basic);
	vmx->vpid = vpid_alloc();
	vmx->eptp = ept_pointer(gmem_nested_root(vcpu->vm));
	flags = irq_save();
	BUG_ON(!vmclear(vmx->vmcs));
	vmx_make_current(vmx);
	irq_restore(flags);
	vmx_vcpu_reset(vcpu);
	return OK;
}

void vmx_vcpu_destroy(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vmx_of(vcpu);

	if (!vmx)
		return;
	/* A CPU may keep a VMCS's data until VMCLEAR; the page must not be written after it is someone else's. */
	if (vmx->cpu)
		cpu_call(vmx->cpu - 1, release_here, vmx);
	vpid_free(vmx->vpid);
	pages_free(vmx->vmcs, VCPU_PAGES_ORDER);
	vcpu->backend = NULL;
}

const struct virt_ops vmx_virt_ops = {
	.name = "vmx",
	.msr_map_layout = MSR_MAP_VMX,
	.probe = vmx_probe,
	.prepare = vmx_prepare,
	.cpu_enable = vmx_cpu_enable,
	.cpu_disable = vmx_cpu_disable,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_destroy = vmx_vcpu_destroy,
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_run = vmx_vcpu_run,
	.vcpu_arrive = vmx_vcpu_arrive,
	.get_segment = vmx_get_segment,
	.set_segment = vmx_set_segment,
	.get_system = vmx_get_system,
	.set_system = vmx_set_system,
	.get_table = vmx_get_table,
	.set_table = vmx_set_table,
	.privilege_level = vmx_privilege_level,
	.code_bits = vmx_code_bits,
	.offer_interrupt = vmx_offer_interrupt,
	.hold_interrupt = vmx_hold_interrupt,
	.accepts_nmi = vmx_accepts_nmi,
	.request_nmi_window = vmx_request_nmi_window,
	.get_interrupt_shadow = vmx_get_interrupt_shadow,
	.set_interrupt_shadow = vmx_set_interrupt_shadow,
	.set_tsc_offset = vmx_set_tsc_offset,
	.intercept_debug_registers = vmx_intercept_debug_registers,
	.flush_tlb = vmx_flush_tlb,
	.end_own_step = vmx_end_own_step,
	.exit_name = vmx_exit_name,
	.control_block = "VMCS",
	.manual = "SDM vol. 3",
	.control_field = vmx_control_field,
	.set_guest_field = vmx_set_guest_field,
	.check_entry = vmx_check_entry,
	.nested_format = &nested_format_ept,
};

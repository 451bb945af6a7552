/* SPDX-License-Identifier: MIT */
/*
 * The guest's segments and system registers, in the seam's words. Mirrors the second half of arch/svm/svm_vcpu.c.
 *
 * SDM vol. 3, "Guest Register State" (24.4.1), "Guest/Host Masks and Read Shadows for CR0 and CR4" (24.6.6).
 */
#include "arch/vmx/vmx.h"
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "hv/gmem.h"

#define CR0_PE BIT64(0)
#define CR0_PG BIT64(31)
#define CR4_PAE BIT64(5)

/* What the guest changes in CR0 and CR4 without an exit: bits that concern nobody but itself. */
#define CR0_GUEST_OWNED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | BIT64(4) /* ET */ | CR0_WP | BIT64(18) /* AM */)
#define CR4_GUEST_OWNED                                                                                           \
	(BIT64(0) /* VME */ | BIT64(1) /* PVI */ | BIT64(2) /* TSD */ | CR4_DE | CR4_PGE | BIT64(8) /* PCE */ |       \
	 CR4_OSFXSR | CR4_OSXMMEXCPT)

/* The order of enum segment_index: ES CS SS DS FS GS LDTR TR is the VMCS's own, two encodings apart. */
#define SEGMENT_FIELD(field, index) ((u64)(field).encoding + 2u * (index))

void vmx_get_segment(struct vcpu *vcpu, enum segment_index index, struct segment *segment)
{
	u64 flags = vmx_begin_access(vmx_of(vcpu));
	u32 rights;

	rights = (u32)vmread_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_ACCESS_RIGHTS, index));
	segment->selector = (u16)vmread_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_SELECTOR, index));
	segment->limit_bytes = (u32)vmread_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_LIMIT, index));
	segment->base = vmread_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_BASE, index));
	vmx_end_access(flags);
	/* VMX: type 3:0, S, DPL, P in 7:0, AVL L DB G in 15:12. The seam joins them. */
	segment->attributes = (u16)((rights & 0xff) | (rights >> 4 & 0xf00));
	if (rights & ACCESS_RIGHTS_UNUSABLE)
		segment->attributes &= (u16)~SEGMENT_P;
}

void vmx_set_segment(struct vcpu *vcpu, enum segment_index index, const struct segment *segment)
{
	u32 rights = (segment->attributes & 0xffu) | (u32)(segment->attributes & 0xf00u) << 4;
	u64 flags = irq_save();

	if (!(segment->attributes & SEGMENT_P))
		rights |= ACCESS_RIGHTS_UNUSABLE;
	vmx_make_current(vmx_of(vcpu));
	vmwrite_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_SELECTOR, index), segment->selector);
	vmwrite_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_LIMIT, index), segment->limit_bytes);
	vmwrite_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_BASE, index), segment->base);
	vmwrite_encoding(SEGMENT_FIELD(VMCS_GUEST_ES_ACCESS_RIGHTS, index), rights);
	irq_restore(flags);
	vcpu->check_due = true;
}

static u64 guest_cr0(void)
{
	u64 value = vmread_natural(VMCS_GUEST_CR0), shadow = vmread_natural(VMCS_CR0_READ_SHADOW);

	return (value & CR0_GUEST_OWNED) | (shadow & ~CR0_GUEST_OWNED);
}

static u64 guest_cr4(void)
{
	u64 value = vmread_natural(VMCS_GUEST_CR4), shadow = vmread_natural(VMCS_CR4_READ_SHADOW);

	return (value & CR4_GUEST_OWNED) | (shadow & ~CR4_GUEST_OWNED);
}

/* Which switched register holds a system register; VMX_SWITCHED_COUNT: none. */
static enum vmx_switched_msr switched_index(enum system_register which)
{
	switch (which) {
	case SYSTEM_CR2: return VMX_SWITCHED_CR2;
	case SYSTEM_STAR: return VMX_SWITCHED_STAR;
	case SYSTEM_LSTAR: return VMX_SWITCHED_LSTAR;
	case SYSTEM_CSTAR: return VMX_SWITCHED_CSTAR;
	case SYSTEM_SFMASK: return VMX_SWITCHED_SFMASK;
	case SYSTEM_KERNEL_GS_BASE: return VMX_SWITCHED_KERNEL_GS_BASE;
	default: return VMX_SWITCHED_COUNT;
	}
}

static u64 get_switched(struct vmx_vcpu *vmx, enum system_register which)
{
	enum vmx_switched_msr index = switched_index(which);

	if (index == VMX_SWITCHED_COUNT)
		return 0;
	return vmx_this_cpu()->switched == vmx ? vmx_read_switched(index) : vmx->switched[index];
}

static void set_switched(struct vmx_vcpu *vmx, enum system_register which, u64 value)
{
	enum vmx_switched_msr index = switched_index(which);

	if (index == VMX_SWITCHED_COUNT)
		return;
	vmx->switched[index] = value;
	if (vmx_this_cpu()->switched == vmx)
		vmx_write_switched(index, value);
}

static u64 get_system_current(struct vmx_vcpu *vmx, enum system_register which)
{
	switch (which) {
	case SYSTEM_CR0: return guest_cr0();
	case SYSTEM_CR3: return vmread_natural(VMCS_GUEST_CR3);
	case SYSTEM_CR4: return guest_cr4();
	case SYSTEM_EFER: return vmread64(VMCS_GUEST_IA32_EFER);
	case SYSTEM_PAT: return vmread64(VMCS_GUEST_IA32_PAT);
	case SYSTEM_DR6: return vmx->running ? read_dr6() : vmx->dr6;
	case SYSTEM_DR7: return vmread_natural(VMCS_GUEST_DR7);
	case SYSTEM_SYSENTER_CS: return vmread32(VMCS_GUEST_IA32_SYSENTER_CS);
	case SYSTEM_SYSENTER_ESP: return vmread_natural(VMCS_GUEST_IA32_SYSENTER_ESP);
	case SYSTEM_SYSENTER_EIP: return vmread_natural(VMCS_GUEST_IA32_SYSENTER_EIP);
	case SYSTEM_DEBUGCTL: return vmread64(VMCS_GUEST_IA32_DEBUGCTL);
	default: return get_switched(vmx, which); /* CR2 and the system-call MSRs */
	}
}

u64 vmx_get_system(struct vcpu *vcpu, enum system_register which)
{
	u64 flags = vmx_begin_access(vmx_of(vcpu)), value;

	value = get_system_current(vmx_of(vcpu), which);
	vmx_end_access(flags);
	return value;
}

/*
 * A PAE guest's PDPTEs stand in the VMCS; the CPU fills them when the guest itself loads CR3, we when we set CR0, CR3,
 * CR4 or EFER for it (SDM vol. 3, "PDPTE Registers" 4.4.1, "Loading Page-Directory-Pointer-Table Entries" 26.3.2.4).
 * One that cannot be read is written as not present: the guest then gets its page fault.
 */
static void load_pdptes(struct vcpu *vcpu)
{
	u64 pdptes[4] = { 0 };
	gpa_t table = GPA(vmread_natural(VMCS_GUEST_CR3) & 0xffffffe0u);

	if (!(vmread_natural(VMCS_GUEST_CR0) & CR0_PG) || !(vmread_natural(VMCS_GUEST_CR4) & CR4_PAE) ||
	    (vmread64(VMCS_GUEST_IA32_EFER) & EFER_LMA))
		return;
	if (gmem_read_nofault(vcpu->vm, table, pdptes, sizeof(pdptes)) != 0)
		for (int i = 0; i < 4; i++)
			pdptes[i] = 0;
	vmwrite64(VMCS_GUEST_PDPTE0, pdptes[0]);
	vmwrite64(VMCS_GUEST_PDPTE1, pdptes[1]);
	vmwrite64(VMCS_GUEST_PDPTE2, pdptes[2]);
	vmwrite64(VMCS_GUEST_PDPTE3, pdptes[3]);
}

/* "IA-32e mode guest" must be EFER.LMA, and with unrestricted guest EFER.LMA must be LME and CR0.PG. */
static void update_long_mode(struct vmx_vcpu *vmx, u64 efer)
{
	bool active = (efer & EFER_LME) && (vmread_natural(VMCS_GUEST_CR0) & CR0_PG);
	u32 entry = active ? vmx->entry | ENTRY_CONTROL_IA32E_MODE_GUEST : vmx->entry & ~ENTRY_CONTROL_IA32E_MODE_GUEST;

	vmwrite64(VMCS_GUEST_IA32_EFER, active ? efer | EFER_LMA : efer & ~EFER_LMA);
	if (entry != vmx->entry) {
		vmx->entry = entry;
		vmwrite32(VMCS_ENTRY_CONTROLS, entry);
	}
}

/* The fixed bits but PE and PG, which unrestricted guest frees; caching is always on for the host's sake. */
static void set_cr0(struct vmx_vcpu *vmx, u64 value)
{
	u64 fixed1 = vmx_capabilities.cr0_fixed0 & ~(CR0_PE | CR0_PG);

	vmwrite_natural(VMCS_CR0_READ_SHADOW, value);
	vmwrite_natural(VMCS_GUEST_CR0, (value | fixed1) & ~(CR0_CD | CR0_NW));
	update_long_mode(vmx, vmread64(VMCS_GUEST_IA32_EFER));
}

static void set_cr4(u64 value)
{
	vmwrite_natural(VMCS_CR4_READ_SHADOW, value);
	vmwrite_natural(VMCS_GUEST_CR4, value | vmx_capabilities.cr4_fixed0);
}

static void set_system_current(struct vmx_vcpu *vmx, enum system_register which, u64 value)
{
	switch (which) {
	case SYSTEM_CR0: set_cr0(vmx, value); break;
	case SYSTEM_CR3: vmwrite_natural(VMCS_GUEST_CR3, value); break;
	case SYSTEM_CR4: set_cr4(value); break;
	case SYSTEM_EFER: update_long_mode(vmx, value); break;
	case SYSTEM_PAT: vmwrite64(VMCS_GUEST_IA32_PAT, value); break;
	case SYSTEM_DR6:
		vmx->dr6 = value;
		if (vmx->running)
			write_dr6(value);
		break;
	case SYSTEM_DR7: vmwrite_natural(VMCS_GUEST_DR7, value); break;
	case SYSTEM_SYSENTER_CS: vmwrite32(VMCS_GUEST_IA32_SYSENTER_CS, (u32)value); break;
	case SYSTEM_SYSENTER_ESP: vmwrite_natural(VMCS_GUEST_IA32_SYSENTER_ESP, value); break;
	case SYSTEM_SYSENTER_EIP: vmwrite_natural(VMCS_GUEST_IA32_SYSENTER_EIP, value); break;
	case SYSTEM_DEBUGCTL: vmwrite64(VMCS_GUEST_IA32_DEBUGCTL, value); break;
	default: set_switched(vmx, which, value); break;
	}
	if (which == SYSTEM_CR0 || which == SYSTEM_CR3 || which == SYSTEM_CR4 || which == SYSTEM_EFER)
		load_pdptes(vmx->vcpu);
	vmx->vcpu->check_due = true;
}

void vmx_set_system(struct vcpu *vcpu, enum system_register which, u64 value)
{
	u64 flags = vmx_begin_access(vmx_of(vcpu));

	set_system_current(vmx_of(vcpu), which, value);
	vmx_end_access(flags);
}

void vmx_get_table(struct vcpu *vcpu, bool interrupt, struct descriptor_table *table)
{
	u64 flags = irq_save();

	vmx_make_current(vmx_of(vcpu));
	table->base = interrupt ? vmread_natural(VMCS_GUEST_IDTR_BASE) : vmread_natural(VMCS_GUEST_GDTR_BASE);
	table->limit = (u16)(interrupt ? vmread32(VMCS_GUEST_IDTR_LIMIT) : vmread32(VMCS_GUEST_GDTR_LIMIT));
	irq_restore(flags);
}

void vmx_set_table(struct vcpu *vcpu, bool interrupt, const struct descriptor_table *table)
{
	u64 flags = irq_save();

	vmx_make_current(vmx_of(vcpu));
	if (interrupt) {
		vmwrite_natural(VMCS_GUEST_IDTR_BASE, table->base);
		vmwrite32(VMCS_GUEST_IDTR_LIMIT, table->limit);
	} else {
		vmwrite_natural(VMCS_GUEST_GDTR_BASE, table->base);
		vmwrite32(VMCS_GUEST_GDTR_LIMIT, table->limit);
	}
	irq_restore(flags);
	vcpu->check_due = true;
}

/* SS.DPL is the privilege level, also in virtual-8086 mode, where it is 3 (SDM vol. 3, "Guest Register State"). */
unsigned vmx_privilege_level(struct vcpu *vcpu)
{
	u64 flags = vmx_begin_access(vmx_of(vcpu));
	unsigned level = SEGMENT_DPL(vmread32(VMCS_GUEST_SS_ACCESS_RIGHTS));

	vmx_end_access(flags);
	return level;
}

unsigned vmx_code_bits(struct vcpu *vcpu)
{
	u64 flags = vmx_begin_access(vmx_of(vcpu)), efer = vmread64(VMCS_GUEST_IA32_EFER);
	u32 rights = vmread32(VMCS_GUEST_CS_ACCESS_RIGHTS);

	vmx_end_access(flags);
	if ((efer & EFER_LMA) && (rights & ACCESS_RIGHTS_L))
		return 64;
	return rights & ACCESS_RIGHTS_DB ? 32 : 16;
}

void vmx_intercept_debug_registers(struct vcpu *vcpu, bool intercept)
{
	vmx_set_primary(vmx_of(vcpu), intercept ? PRIMARY_MOV_DR_EXITING : 0, intercept ? 0 : PRIMARY_MOV_DR_EXITING);
}

void vmx_set_tsc_offset(struct vcpu *vcpu, u64 offset)
{
	u64 flags = irq_save();

	vmx_make_current(vmx_of(vcpu));
	vmwrite64(VMCS_TSC_OFFSET, offset);
	irq_restore(flags);
}

void vmx_write_masks(void)
{
	vmwrite_natural(VMCS_CR0_GUEST_HOST_MASK, ~(u64)CR0_GUEST_OWNED);
	vmwrite_natural(VMCS_CR4_GUEST_HOST_MASK, ~(u64)CR4_GUEST_OWNED);
}

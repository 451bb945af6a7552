/* SPDX-License-Identifier: MIT */
/*
 * VT-x on one CPU: what it offers, VMXON, and the host state that every VM exit loads.
 *
 * SDM vol. 3, "Enabling and Entering VMX Operation" (23.7) and "Restrictions on VMX Operation" (23.8): CR4.VMXE, the
 * fixed bits of CR0 and CR4, FEATURE_CONTROL, a VMXON region with the revision identifier. Next to read: vmx_vcpu.c.
 */
#include "arch/vmx/vmx.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

#define MSR_IA32_VMX_BASIC 0x480u
#define MSR_IA32_VMX_PINBASED_CTLS 0x481u
#define MSR_IA32_VMX_PROCBASED_CTLS 0x482u
#define MSR_IA32_VMX_EXIT_CTLS 0x483u
#define MSR_IA32_VMX_ENTRY_CTLS 0x484u
#define MSR_IA32_VMX_MISC 0x485u
#define MSR_IA32_VMX_CR0_FIXED0 0x486u
#define MSR_IA32_VMX_CR0_FIXED1 0x487u
#define MSR_IA32_VMX_CR4_FIXED0 0x488u
#define MSR_IA32_VMX_CR4_FIXED1 0x489u
#define MSR_IA32_VMX_PROCBASED_CTLS2 0x48bu
#define MSR_IA32_VMX_EPT_VPID_CAP 0x48cu
#define MSR_IA32_VMX_TRUE_OFFSET 12u /* the TRUE forms stand so far above the plain ones */

struct vmx_controls vmx_controls;
struct vmx_capabilities vmx_capabilities;

static struct vmx_cpu vmx_cpus[CPU_MAX]; /* by cpu->index */

struct vmx_cpu *vmx_this_cpu(void)
{
	return &vmx_cpus[this_cpu()->index];
}

/* A CPU that does not have the feature behind a register does not have the register either: it then reads as zero. */
static u64 read_or_zero(u32 msr)
{
	u64 value;

	return rdmsr_safe(msr, &value) == OK ? value : 0;
}

static void read_capabilities(struct vmx_capabilities *cap)
{
	u32 offset;

	*cap = (struct vmx_capabilities){ .vmx = cpuid(1, 0).ecx & CPUID_1_ECX_VMX };
	if (!cap->vmx)
		return;
	cap->feature_control = read_or_zero(MSR_IA32_FEATURE_CONTROL);
	cap->rdtscp = cpuid_if_present(0x80000001, 0).edx & CPUID_EXT1_EDX_RDTSCP;
	cap->invpcid = cpuid_if_present(7, 0).ebx & BIT32(10);
	cap->xsaves = cpuid_if_present(0xd, 1).eax & BIT32(3);
	cap->basic = read_or_zero(MSR_IA32_VMX_BASIC);
	cap->misc = read_or_zero(MSR_IA32_VMX_MISC);
	offset = cap->basic & VMX_BASIC_TRUE_CONTROLS ? MSR_IA32_VMX_TRUE_OFFSET : 0;
	cap->pin = read_or_zero(MSR_IA32_VMX_PINBASED_CTLS + offset);
	cap->primary = read_or_zero(MSR_IA32_VMX_PROCBASED_CTLS + offset);
	cap->exit = read_or_zero(MSR_IA32_VMX_EXIT_CTLS + offset);
	cap->entry = read_or_zero(MSR_IA32_VMX_ENTRY_CTLS + offset);
	cap->cr0_fixed0 = read_or_zero(MSR_IA32_VMX_CR0_FIXED0);
	cap->cr0_fixed1 = read_or_zero(MSR_IA32_VMX_CR0_FIXED1);
	cap->cr4_fixed0 = read_or_zero(MSR_IA32_VMX_CR4_FIXED0);
	cap->cr4_fixed1 = read_or_zero(MSR_IA32_VMX_CR4_FIXED1);
	if (cap->primary >> 32 & PRIMARY_SECONDARY_CONTROLS)
		cap->secondary = read_or_zero(MSR_IA32_VMX_PROCBASED_CTLS2);
	if (cap->secondary >> 32 & (SECONDARY_EPT | SECONDARY_VPID))
		cap->ept_vpid = read_or_zero(MSR_IA32_VMX_EPT_VPID_CAP);
}

int vmx_probe(struct virt_features *features, const char **why)
{
	static char reason[160];
	int error;

	read_capabilities(&vmx_capabilities);
	error = vmx_controls_compute(&vmx_capabilities, &vmx_controls, reason, sizeof(reason));
	*why = reason;
	if (error)
		return error;
	*features = (struct virt_features){
		.name = "VT-x",
		.revision = VMX_BASIC_REVISION(vmx_capabilities.basic),
		.asid_count = vmx_controls.secondary & SECONDARY_VPID ? 65536 : 1,
		.next_rip = true,
		.flush_by_asid = vmx_controls.secondary & SECONDARY_VPID,
		.pause_filter = vmx_controls.secondary & SECONDARY_PAUSE_LOOP_EXITING,
		.virtual_nmi = true,
		.huge_nested_pages = vmx_controls.ept_1g,
	};
	return OK;
}

static hpa_t io_bitmaps, msr_bitmap; /* (c) after prepare: the same for every machine */

/* SDM vol. 3, "I/O-Bitmap Addresses" (24.6.4): a bit for each port, in two pages; every port exits. */
int vmx_prepare(void (*fill_msr_map)(u8 *map))
{
	io_bitmaps = pages_alloc(1, PAGE_OWNER_HOST, 0);
	msr_bitmap = pages_alloc(0, PAGE_OWNER_HOST, 0);
	if (!io_bitmaps.value || !msr_bitmap.value)
		return ERR_NO_MEMORY;
	memset(direct_map(io_bitmaps), 0xff, 2 * PAGE_SIZE);
	fill_msr_map(direct_map(msr_bitmap));
	return OK;
}

hpa_t vmx_io_bitmaps(void)
{
	return io_bitmaps;
}

hpa_t vmx_msr_bitmap(void)
{
	return msr_bitmap;
}

int vmx_cpu_enable(void)
{
	struct vmx_cpu *cpu = vmx_this_cpu();
	u64 feature_control = read_or_zero(MSR_IA32_FEATURE_CONTROL);
	struct vmx_capabilities here;

	/* What was computed from the boot CPU's capabilities is used on every CPU. */
	read_capabilities(&here);
	here.feature_control = vmx_capabilities.feature_control;
	if (memcmp(&here, &vmx_capabilities, sizeof(here)) != 0)
		return ERR_UNSUPPORTED;
	if (!(feature_control & FEATURE_CONTROL_LOCKED))
		wrmsr(MSR_IA32_FEATURE_CONTROL, feature_control | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_OUTSIDE_SMX);
	else if (!(feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX))
		return ERR_UNSUPPORTED;

	cpu->vmxon_region = pages_alloc(0, PAGE_OWNER_HOST, PAGES_ZERO);
	if (!cpu->vmxon_region.value)
		return ERR_NO_MEMORY;
	*(u32 *)direct_map(cpu->vmxon_region) = VMX_BASIC_REVISION(vmx_capabilities.basic);
	write_cr0((read_cr0() | vmx_capabilities.cr0_fixed0) & vmx_capabilities.cr0_fixed1);
	write_cr4((read_cr4() | vmx_capabilities.cr4_fixed0 | CR4_VMXE) & vmx_capabilities.cr4_fixed1);
	if (!vmxon(cpu->vmxon_region)) {
		pages_free(cpu->vmxon_region, 0);
		cpu->vmxon_region = HPA(0);
		write_cr4(read_cr4() & ~CR4_VMXE);
		return ERR_IO;
	}
	/* SDM vol. 3, "Guidelines for Use of the INVEPT Instruction" (28.4.3.4): nothing may be left from before. */
	invept(INVEPT_ALL_CONTEXTS, 0);
	return OK;
}

void vmx_cpu_disable(void)
{
	struct vmx_cpu *cpu = vmx_this_cpu();

	if (!cpu->vmxon_region.value)
		return;
	if (cpu->current) {
		vmclear(cpu->current->vmcs);
		cpu->current->launched = false;
		cpu->current = NULL;
	}
	vmxoff();
	write_cr4(read_cr4() & ~CR4_VMXE);
	pages_free(cpu->vmxon_region, 0);
	cpu->vmxon_region = HPA(0);
}

static u16 read_selector_tr(void)
{
	u16 selector;

	__asm__ volatile("str %0" : "=r"(selector));
	return selector;
}

/* SDM vol. 3, "Host-State Area" (24.5). FS and GS are not used by Solera: null, base 0. */
void vmx_write_host_state(void)
{
	struct cpu *cpu = this_cpu();
	u16 cs, ss;

	__asm__ volatile("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	vmwrite_natural(VMCS_HOST_CR0, read_cr0());
	vmwrite_natural(VMCS_HOST_CR3, read_cr3());
	vmwrite_natural(VMCS_HOST_CR4, read_cr4());
	vmwrite16(VMCS_HOST_CS_SELECTOR, cs);
	vmwrite16(VMCS_HOST_SS_SELECTOR, ss & 0xfff8);
	vmwrite16(VMCS_HOST_DS_SELECTOR, 0);
	vmwrite16(VMCS_HOST_ES_SELECTOR, 0);
	vmwrite16(VMCS_HOST_FS_SELECTOR, 0);
	vmwrite16(VMCS_HOST_GS_SELECTOR, 0);
	vmwrite16(VMCS_HOST_TR_SELECTOR, read_selector_tr());
	vmwrite_natural(VMCS_HOST_FS_BASE, 0);
	vmwrite_natural(VMCS_HOST_GS_BASE, 0);
	vmwrite_natural(VMCS_HOST_TR_BASE, (u64)&cpu->tss);
	vmwrite_natural(VMCS_HOST_GDTR_BASE, (u64)cpu->gdt);
	vmwrite_natural(VMCS_HOST_IDTR_BASE, (u64)cpu->idt);
	vmwrite32(VMCS_HOST_IA32_SYSENTER_CS, 0);
	vmwrite_natural(VMCS_HOST_IA32_SYSENTER_ESP, 0);
	vmwrite_natural(VMCS_HOST_IA32_SYSENTER_EIP, 0);
	vmwrite64(VMCS_HOST_IA32_PAT, rdmsr(MSR_IA32_PAT));
	vmwrite64(VMCS_HOST_IA32_EFER, rdmsr(MSR_EFER));
	vmwrite_natural(VMCS_HOST_RIP, (u64)vmx_exit_stub);
}

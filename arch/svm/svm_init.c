/* SPDX-License-Identifier: MIT */
/*
 * AMD-V on and off, per CPU, and the two permission maps that all guests share.
 *
 * APM vol. 2, "Enabling SVM" (15.4), "IOIO Intercept" (15.10), "MSR Intercepts" (15.11). Next to read: svm_vcpu.c.
 */
#include "arch/svm/svm.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

#define IO_MAP_ORDER 2  /* 12 KiB, one bit a port and three more bits for accesses across port ffffh: 16 KiB */
#define MSR_MAP_ORDER 1 /* 8 KiB */

static hpa_t io_map, msr_map;

int svm_probe(struct virt_features *features, const char **why)
{
	struct cpuid_result leaf;
	u64 vm_cr;

	if (!(cpuid_if_present(0x80000001, 0).ecx & CPUID_EXT1_ECX_SVM)) {
		*why = "this CPU has no AMD-V";
		return ERR_UNSUPPORTED;
	}
	if (rdmsr_safe(MSR_VM_CR, &vm_cr) == OK && (vm_cr & VM_CR_SVMDIS)) {
		*why = "AMD-V is disabled by the firmware: enable SVM Mode in the CPU settings";
		return ERR_UNSUPPORTED;
	}
	leaf = cpuid(CPUID_SVM_LEAF, 0);
	if (!(leaf.edx & CPUID_SVM_EDX_NP)) {
		*why = "this CPU's AMD-V has no nested paging";
		return ERR_UNSUPPORTED;
	}
	*features = (struct virt_features){
		.name = "AMD-V",
		.revision = leaf.eax & 0xff,
		.asid_count = leaf.ebx,
		.next_rip = leaf.edx & CPUID_SVM_EDX_NRIPS,
		.decode_assists = leaf.edx & CPUID_SVM_EDX_DECODE_ASSISTS,
		.flush_by_asid = leaf.edx & CPUID_SVM_EDX_FLUSH_BY_ASID,
		.pause_filter = leaf.edx & CPUID_SVM_EDX_PAUSE_FILTER,
		.clean_bits = leaf.edx & CPUID_SVM_EDX_VMCB_CLEAN,
		.huge_nested_pages = cpuid_if_present(0x80000001, 0).edx & CPUID_EXT1_EDX_PAGE1GB,
	};
	if (features->asid_count < 2) {
		*why = "this CPU's AMD-V offers no address-space identifiers";
		return ERR_UNSUPPORTED;
	}
	return OK;
}

int svm_prepare(void (*fill_msr_map)(u8 *map))
{
	io_map = pages_alloc(IO_MAP_ORDER, PAGE_OWNER_HOST, 0);
	msr_map = pages_alloc(MSR_MAP_ORDER, PAGE_OWNER_HOST, 0);
	if (!io_map.value || !msr_map.value)
		return ERR_NO_MEMORY;
	memset(direct_map(io_map), 0xff, PAGE_SIZE << IO_MAP_ORDER);
	fill_msr_map(direct_map(msr_map));
	return OK;
}

hpa_t svm_io_map(void)
{
	return io_map;
}

hpa_t svm_msr_map(void)
{
	return msr_map;
}

int svm_cpu_enable(void)
{
	struct svm_cpu *cpu;
	hpa_t pages;
	u64 vm_cr;

	/* What was found on the boot CPU must hold on every CPU. */
	if ((rdmsr_safe(MSR_VM_CR, &vm_cr) == OK && (vm_cr & VM_CR_SVMDIS)) ||
	    cpuid(CPUID_SVM_LEAF, 0).ebx < virt_features.asid_count)
		return ERR_UNSUPPORTED;
	pages = pages_alloc(2, PAGE_OWNER_HOST, PAGES_ZERO);
	if (!pages.value)
		return ERR_NO_MEMORY;
	cpu = direct_map(HPA(pages.value + 2 * PAGE_SIZE));
	cpu->host_save_area = pages;
	cpu->host_state = HPA(pages.value + PAGE_SIZE);
	cpu->asid_generation = 1;
	cpu->next_asid = 1;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, cpu->host_save_area.value);
	svm_vmsave(cpu->host_state);
	this_cpu()->virt = cpu;
	return OK;
}

void svm_cpu_disable(void)
{
	struct svm_cpu *cpu = this_cpu()->virt;

	if (!cpu)
		return;
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
	this_cpu()->virt = NULL;
	pages_free(cpu->host_save_area, 2);
}

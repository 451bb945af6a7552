/* SPDX-License-Identifier: MIT */
/*
 * The VMCB as a list of named fields, for the prompt's `vmcb`: names as in the AMD64 APM vol. 2, "VMCB Layout" (appendix B).
 * Reserved bytes are left out.
 */
#include "arch/svm/svm.h"
#include "hv/lib/string.h"

#define FIELD(label, member) { label, offsetof(struct vmcb, member), sizeof(((struct vmcb *)0)->member) }
#define SEGMENT(label, member)                                                                                    \
	FIELD(label ".Selector", member.selector), FIELD(label ".Attrib", member.attributes),                     \
	FIELD(label ".Limit", member.limit), FIELD(label ".Base", member.base)

static const struct { const char *name; u32 offset, size_bytes; } fields[] = {
	FIELD("Intercept reads of CR0-15", intercept_cr_read), FIELD("Intercept writes of CR0-15", intercept_cr_write),
	FIELD("Intercept reads of DR0-15", intercept_dr_read), FIELD("Intercept writes of DR0-15", intercept_dr_write),
	FIELD("Intercept exception vectors 0-31", intercept_exceptions), FIELD("Intercept word 3 (00Ch)", intercept[0]),
	FIELD("Intercept word 4 (010h)", intercept[1]), FIELD("Intercept word 5 (014h)", intercept[2]),
	FIELD("PAUSE Filter Threshold", pause_filter_threshold), FIELD("PAUSE Filter Count", pause_filter_count),
	FIELD("IOPM_BASE_PA", iopm_base_pa), FIELD("MSRPM_BASE_PA", msrpm_base_pa), FIELD("TSC_OFFSET", tsc_offset),
	FIELD("Guest ASID", guest_asid), FIELD("TLB_CONTROL", tlb_control),
	FIELD("V_TPR, V_IRQ, V_INTR_VECTOR", virtual_interrupt), FIELD("INTERRUPT_SHADOW", interrupt_shadow),
	FIELD("EXITCODE", exit_code), FIELD("EXITINFO1", exit_info_1), FIELD("EXITINFO2", exit_info_2),
	FIELD("EXITINTINFO", exit_interrupt_info), FIELD("NP_ENABLE", nested_control), FIELD("AVIC APIC_BAR", avic_apic_bar),
	FIELD("Guest physical address of GHCB", ghcb_pa), FIELD("EVENTINJ", event_injection), FIELD("N_CR3", nested_cr3),
	FIELD("LBR_VIRTUALIZATION_ENABLE", lbr_control), FIELD("VMCB Clean Bits", clean), FIELD("nRIP", next_rip),
	FIELD("Number of bytes fetched", fetched_count),
	SEGMENT("ES", es), SEGMENT("CS", cs), SEGMENT("SS", ss), SEGMENT("DS", ds), SEGMENT("FS", fs), SEGMENT("GS", gs),
	SEGMENT("GDTR", gdtr), SEGMENT("LDTR", ldtr), SEGMENT("IDTR", idtr), SEGMENT("TR", tr),
	FIELD("CPL", cpl), FIELD("EFER", efer), FIELD("CR4", cr4), FIELD("CR3", cr3), FIELD("CR0", cr0), FIELD("DR7", dr7),
	FIELD("DR6", dr6), FIELD("RFLAGS", rflags), FIELD("RIP", rip), FIELD("RSP", rsp), FIELD("RAX", rax),
	FIELD("STAR", star), FIELD("LSTAR", lstar), FIELD("CSTAR", cstar), FIELD("SFMASK", sfmask),
	FIELD("KernelGsBase", kernel_gs_base), FIELD("SYSENTER_CS", sysenter_cs), FIELD("SYSENTER_ESP", sysenter_esp),
	FIELD("SYSENTER_EIP", sysenter_eip), FIELD("CR2", cr2), FIELD("G_PAT", g_pat), FIELD("DBGCTL", debugctl),
	FIELD("BR_FROM", br_from), FIELD("BR_TO", br_to), FIELD("LASTEXCPFROM", last_excp_from), FIELD("LASTEXCPTO", last_excp_to),
};

bool svm_control_field(struct vcpu *vcpu, unsigned index, struct control_field *field)
{
	if (index >= ARRAY_SIZE(fields))
		return false;
	*field = (struct control_field){ .name = fields[index].name, .offset = fields[index].offset,
					 .size_bytes = fields[index].size_bytes };
	memcpy(&field->value, (const u8 *)svm_of(vcpu)->vmcb + fields[index].offset, fields[index].size_bytes);
	return true;
}

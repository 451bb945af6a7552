/* SPDX-License-Identifier: MIT */
/*
 * The VMCB as a list of named fields, for the prompt's `vmcb`, `vmbreak` and `vmcheck`, and VMRUN's rules on what it holds.
 *
 * Names and groups as in the AMD64 APM vol. 2, "VMCB Layout" (appendix B). Reserved bytes are left out. Mirrors
 * arch/vmx/vmx_fields.c.
 */
#include "arch/svm/svm.h"
#include "arch/svm/svm_check.h"
#include "arch/x86/cpuid.h"
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

#define SAVE_AREA offsetof(struct vmcb, es)

/* What stands in vcpu->regs between two entries (write_registers in svm_vcpu.c). */
static u64 *pending_register(struct vcpu *vcpu, u32 offset)
{
	switch (offset) {
	case offsetof(struct vmcb, rip): return &vcpu->regs.rip;
	case offsetof(struct vmcb, rflags): return &vcpu->regs.rflags;
	case offsetof(struct vmcb, rsp): return &vcpu->regs.gpr[GPR_RSP];
	case offsetof(struct vmcb, rax): return &vcpu->regs.gpr[GPR_RAX];
	default: return NULL;
	}
}

bool svm_control_field(struct vcpu *vcpu, unsigned index, struct control_field *field)
{
	const u64 *pending;

	if (index >= ARRAY_SIZE(fields))
		return false;
	*field = (struct control_field){
		.name = fields[index].name, .offset = fields[index].offset, .size_bytes = fields[index].size_bytes,
		.group = fields[index].offset < SAVE_AREA ? "Control area" : "State save area",
		.present = true, .guest_state = fields[index].offset >= SAVE_AREA,
	};
	memcpy(&field->value, (const u8 *)svm_of(vcpu)->vmcb + fields[index].offset, fields[index].size_bytes);
	pending = pending_register(vcpu, fields[index].offset);
	if (pending)
		field->value = *pending;
	return true;
}

bool svm_set_guest_field(struct vcpu *vcpu, unsigned index, u64 value)
{
	u64 *pending = pending_register(vcpu, fields[index].offset);

	memcpy((u8 *)svm_of(vcpu)->vmcb + fields[index].offset, &value, fields[index].size_bytes);
	if (pending)
		*pending = value;
	svm_changed(svm_of(vcpu), ~(u32)0);
	vcpu->check_due = true;
	return true;
}

/* APM vol. 2, "Extended Feature Enable Register (EFER)" (3.1.7): the bits that this CPU has. */
static u64 efer_valid(void)
{
	struct cpuid_result leaf = cpuid_if_present(0x80000001, 0);

	return EFER_SVME | BIT64(0) | BIT64(8) | BIT64(10) | BIT64(11) | BIT64(13) | (leaf.edx & BIT32(25) ? BIT64(14) : 0) |
	       (leaf.ecx & BIT32(17) ? BIT64(15) : 0);
}

unsigned svm_check_entry(struct vcpu *vcpu, const struct entry_rule **broken, unsigned max, unsigned *total)
{
	struct svm_check_host host = {
		.physical_bits = cpuid_if_present(0x80000008, 0).eax & 0xff,
		.cr4_valid = vcpu_known_cr4(), .efer_valid = efer_valid(),
	};
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	/* What the next entry writes by itself, as far as rules are about it. */
	vmcb->rflags = vcpu->regs.rflags;
	if (!vmcb->guest_asid)
		vmcb->guest_asid = 1;
	*total = (unsigned)svm_check_rule_count();
	return svm_check_all(vmcb, &host, broken, max);
}

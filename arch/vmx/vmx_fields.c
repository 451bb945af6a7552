/* SPDX-License-Identifier: MIT */
/*
 * The VMCS as a list of named fields, for the prompt's `vmcs`, `vmbreak` and `vmcheck`, and entry's rules on what it holds.
 *
 * Names and groups as in SDM vol. 3, "Field Encoding in VMCS" (appendix B). A field that this CPU does not have cannot be
 * read, and is left out. Mirrors arch/svm/svm_fields.c.
 */
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_check.h"
#include "arch/x86/cpuid.h"

/* By width, then by type, as the encoding has them. */
static const char *const groups[4][4] = {
	[VMCS_WIDTH_16] = { "16-bit control fields", "16-bit read-only data fields", "16-bit guest-state fields",
			    "16-bit host-state fields" },
	[VMCS_WIDTH_64] = { "64-bit control fields", "64-bit read-only data fields", "64-bit guest-state fields",
			    "64-bit host-state fields" },
	[VMCS_WIDTH_32] = { "32-bit control fields", "32-bit read-only data fields", "32-bit guest-state fields",
			    "32-bit host-state fields" },
	[VMCS_WIDTH_NATURAL] = { "Natural-width control fields", "Natural-width read-only data fields",
				 "Natural-width guest-state fields", "Natural-width host-state fields" },
};
static const u8 width_bytes[4] = { [VMCS_WIDTH_16] = 2, [VMCS_WIDTH_64] = 8, [VMCS_WIDTH_32] = 4, [VMCS_WIDTH_NATURAL] = 8 };

/* What the handlers changed stands in vcpu->regs until the entry writes it (vmx_exit.c). */
static u64 *pending_register(struct vcpu *vcpu, unsigned index)
{
	switch (index) {
	case VMCS_INDEX_GUEST_RIP: return &vcpu->regs.rip;
	case VMCS_INDEX_GUEST_RFLAGS: return &vcpu->regs.rflags;
	case VMCS_INDEX_GUEST_RSP: return &vcpu->regs.gpr[GPR_RSP];
	default: return NULL;
	}
}

/* Interrupts off, the VMCS current. */
static bool read_field(struct vcpu *vcpu, unsigned index, u64 *value)
{
	const u64 *pending = pending_register(vcpu, index);

	if (!vmread_try(vmcs_field_info[index].encoding, value))
		return false;
	if (pending && (index != VMCS_INDEX_GUEST_RSP || vmx_of(vcpu)->rsp_known))
		*value = *pending;
	return true;
}

bool vmx_control_field(struct vcpu *vcpu, unsigned index, struct control_field *field)
{
	u32 encoding;
	u64 flags;

	if (index >= VMCS_FIELD_COUNT)
		return false;
	encoding = vmcs_field_info[index].encoding;
	*field = (struct control_field){
		.name = vmcs_field_info[index].name,
		.group = groups[VMCS_ENCODING_WIDTH(encoding)][VMCS_ENCODING_GROUP(encoding)],
		.offset = encoding, .size_bytes = width_bytes[VMCS_ENCODING_WIDTH(encoding)],
		.guest_state = VMCS_ENCODING_GROUP(encoding) == VMCS_GROUP_GUEST,
	};
	flags = irq_save();
	vmx_make_current(vmx_of(vcpu));
	field->present = read_field(vcpu, index, &field->value);
	irq_restore(flags);
	return true;
}

bool vmx_set_guest_field(struct vcpu *vcpu, unsigned index, u64 value)
{
	u64 *pending = pending_register(vcpu, index), flags = irq_save();
	bool taken;

	vmx_make_current(vmx_of(vcpu));
	taken = vmwrite_try(vmcs_field_info[index].encoding, value);
	irq_restore(flags);
	if (taken && pending)
		*pending = value;
	vcpu->check_due = true;
	return taken;
}

unsigned vmx_check_entry(struct vcpu *vcpu, const struct entry_rule **broken, unsigned max, unsigned *total)
{
	u32 sizes = cpuid_if_present(0x80000008, 0).eax;
	struct vmx_check_host host = { vmx_capabilities, sizes & 0xff, sizes >> 8 & 0xff };
	struct vmcs_image image;
	u64 flags = irq_save();

	vmx_make_current(vmx_of(vcpu));
	for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++)
		if (!read_field(vcpu, i, &image.value[i]))
			image.value[i] = 0;
	image.vtpr = vcpu->task_priority ? (u8)*vcpu->task_priority : 0;
	irq_restore(flags);
	*total = (unsigned)vmx_check_rule_count();
	return vmx_check_all(&image, &host, broken, max);
}

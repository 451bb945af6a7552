/* SPDX-License-Identifier: MIT */
/*
 * VM entry's rules, written out: given a copy of all VMCS fields, names the rules that an entry would break.
 *
 * Pure. A CPU only says "guest state invalid"; this says which rule, in the manual's words and under its title. Used by
 * debug builds before an entry after a state change, always after a failed entry, and by `vmcheck DOMAIN`.
 * SDM vol. 3, "Checks on VMX Controls and Host-State Area" (26.2), "Checking and Loading Guest State" (26.3).
 * Mirrors arch/svm/svm_check.h.
 */
#ifndef ARCH_VMX_VMX_CHECK_H
#define ARCH_VMX_VMX_CHECK_H

#include "arch/vmx/vmcs_fields.h"
#include "arch/vmx/vmx_controls.h"
#include "hv/virt.h"

struct vmcs_image {
	u64 value[VMCS_FIELD_COUNT]; /* by enum vmcs_index; a field that the CPU does not have is 0 */
	u8 vtpr;                     /* the task priority in the virtual-APIC page */
};

struct vmx_check_host {
	struct vmx_capabilities capabilities;
	unsigned physical_bits, linear_bits;
};

unsigned vmx_check_all(const struct vmcs_image *image, const struct vmx_check_host *host, const struct entry_rule **broken,
		       unsigned max); /* how many are broken; the first max of them in broken */
const struct entry_rule *vmx_check(const struct vmcs_image *image, const struct vmx_check_host *host); /* the first; NULL: none */

/* For the unit test: every rule has a case there. */
size_t vmx_check_rule_count(void);
const struct entry_rule *vmx_check_rule(size_t index);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's control block (AMD-V's VMCB, VT-x's VMCS): its fields, the manual's rules on them, and spoiling one on purpose.
 * A running machine is paused for the moment. Thread context.
 */
#ifndef HV_MANAGE_CONTROL_BLOCK_H
#define HV_MANAGE_CONTROL_BLOCK_H

#include "hv/manage/domain.h"

/* One field, named and grouped as in its manual; both names live for ever. */
struct domain_control_field {
	const char *name, *group;
	u32 offset, size_bytes; /* offset: of the VMCS the field's encoding */
	u64 value;
};
#define DOMAIN_CONTROL_FIELDS_MAX 256
/*
 * kmalloc'd array of *count fields of a vCPU; NULL with *error. block: the one that was asked for by its name, "VMCB" or
 * "VMCS"; the other vendor's is an error that says so.
 */
struct domain_control_field *domain_get_control_block(struct domain *domain, u32 vcpu, const char *block, u32 *count,
						      struct manage_error *error);

struct domain_entry_rule {
	const char *name, *section, *text; /* live for ever */
};
#define DOMAIN_ENTRY_RULES_MAX 64
struct domain_entry_check {
	const char *manual;
	u32 total, broken; /* rules; the first DOMAIN_ENTRY_RULES_MAX broken ones stand in rule */
	struct domain_entry_rule rule[DOMAIN_ENTRY_RULES_MAX];
};
MUST_CHECK int domain_check_entry(struct domain *domain, u32 vcpu, struct domain_entry_check *check,
				  struct manage_error *error);

/*
 * Debug builds only: writes a guest-state field, named as in the manual or by its number. enter: the next entry is tried even
 * if Solera's check finds the state unsound, so that the CPU judges.
 */
MUST_CHECK int domain_spoil_field(struct domain *domain, u32 vcpu, const char *field, u64 value, bool enter,
				  struct manage_error *error);

#endif

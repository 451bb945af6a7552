/* SPDX-License-Identifier: MIT */
/* See control_block.h. */
#include "hv/manage/control_block.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/inspect_internal.h"

static int other_vendor(const char *wanted, struct manage_error *error)
{
	bool vmcs = string_equal(virt_ops->control_block, "VMCS");

	return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "this CPU has no %s, since it is %s: its control block is the %s (`%s DOMAIN`)",
			   wanted, vmcs ? "Intel's, with VT-x" : "AMD's, with AMD-V", virt_ops->control_block, vmcs ? "vmcs" : "vmcb");
}

static u32 read_fields(struct vcpu *vcpu, struct domain_control_field *fields)
{
	struct control_field field;
	u32 count = 0;

	for (unsigned i = 0; count < DOMAIN_CONTROL_FIELDS_MAX && virt_ops->control_field(vcpu, i, &field); i++)
		if (field.present)
			fields[count++] = (struct domain_control_field){ field.name, field.group, field.offset, field.size_bytes,
									 field.value };
	return count;
}

struct domain_control_field *domain_get_control_block(struct domain *domain, u32 index, const char *block, u32 *count,
						      struct manage_error *error)
{
	struct domain_control_field *fields = kmalloc(DOMAIN_CONTROL_FIELDS_MAX * sizeof(*fields));
	struct vcpu *vcpu;
	bool running;
	int code = OK;

	if (!fields) {
		manage_fail_no_memory(error);
		return NULL;
	}
	mutex_lock(&domain->operation);
	vcpu = inspect_vcpu(domain, index, error);
	if (!vcpu) {
		code = MANAGE_FAILED;
	} else if (!string_equal(block, virt_ops->control_block)) {
		code = other_vendor(block, error);
	} else {
		running = inspect_hold(domain);
		*count = read_fields(vcpu, fields);
		inspect_let_go(domain, running);
	}
	mutex_unlock(&domain->operation);
	if (!code)
		return fields;
	kfree(fields);
	return NULL;
}

int domain_check_entry(struct domain *domain, u32 index, struct domain_entry_check *check, struct manage_error *error)
{
	const struct entry_rule *broken[DOMAIN_ENTRY_RULES_MAX];
	struct vcpu *vcpu;
	bool running;

	mutex_lock(&domain->operation);
	vcpu = inspect_vcpu(domain, index, error);
	if (!vcpu) {
		mutex_unlock(&domain->operation);
		return MANAGE_FAILED;
	}
	running = inspect_hold(domain);
	check->broken = virt_ops->check_entry(vcpu, broken, ARRAY_SIZE(broken), &check->total);
	inspect_let_go(domain, running);
	mutex_unlock(&domain->operation);
	check->manual = virt_ops->manual;
	for (u32 i = 0; i < check->broken && i < ARRAY_SIZE(broken); i++)
		check->rule[i] = (struct domain_entry_rule){ broken[i]->name, broken[i]->section, broken[i]->text };
	return OK;
}

/* The field's place in the backend's list; -1 with *error. */
static int find_field(struct vcpu *vcpu, const char *wanted, struct manage_error *error)
{
	struct control_field field;
	u64 number = 0;
	bool by_number = string_to_u64(wanted, &number) == OK;

	for (unsigned i = 0; virt_ops->control_field(vcpu, i, &field); i++) {
		if (!field.present || !(by_number ? number == field.offset : string_equal_ignore_case(wanted, field.name)))
			continue;
		if (field.guest_state)
			return (int)i;
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "'%s' is not the guest's state but Solera's own: only guest-state fields can be spoilt",
				   field.name);
	}
	return manage_fail(error, MANAGE_ERR_INVALID_ARG, "'%s' is no field of the %s here (`%s DOMAIN` lists them; a name with blanks goes into quotes)",
			   wanted, virt_ops->control_block, string_equal(virt_ops->control_block, "VMCS") ? "vmcs" : "vmcb");
}

static int spoil(struct domain *domain, struct vcpu *vcpu, const char *name, u64 value, bool enter, struct manage_error *error)
{
	int index = find_field(vcpu, name, error);
	bool running, taken;

	if (index < 0)
		return index;
	running = inspect_hold(domain);
	taken = virt_ops->set_guest_field(vcpu, (unsigned)index, value);
	vcpu->enter_unsound = enter;
	inspect_let_go(domain, running);
	return taken ? OK : manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "the CPU does not take 0x%llx for '%s'",
					(unsigned long long)value, name);
}

int domain_spoil_field(struct domain *domain, u32 index, const char *name, u64 value, bool enter, struct manage_error *error)
{
	struct vcpu *vcpu;
	int code = MANAGE_FAILED;

	if (!VIRT_CHECKS_ENTRIES)
		return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "only debug builds of Solera spoil fields (make image CONFIG=debug)");
	mutex_lock(&domain->operation);
	vcpu = inspect_vcpu(domain, index, error);
	if (vcpu)
		code = spoil(domain, vcpu, name, value, enter, error);
	mutex_unlock(&domain->operation);
	return code;
}

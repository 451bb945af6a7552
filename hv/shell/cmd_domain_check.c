/* SPDX-License-Identifier: MIT */
/* The vCPU's control block, for students and for debugging: vmcb, vmcs, vmcheck, vmbreak. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/manage/control_block.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

/* The vCPU that --vcpu names; 0 without it. Negative: no number. */
static int vcpu_argument(struct shell *shell, const struct shell_arguments *arguments, u32 *vcpu)
{
	u64 number = 0;

	if (shell_number(shell, arguments, "vcpu", &number) < 0)
		return ERR_INVALID;
	*vcpu = number > ~(u32)0 ? ~(u32)0 : (u32)number;
	return OK;
}

static int show_block(struct shell *shell, const struct shell_arguments *arguments, const char *block)
{
	struct domain_control_field *fields;
	struct manage_error error;
	struct domain *domain;
	const char *group = NULL;
	u32 vcpu, count;

	if (vcpu_argument(shell, arguments, &vcpu))
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	fields = domain_get_control_block(domain, vcpu, block, &count, &error);
	domain_put(domain);
	if (!fields)
		return shell_error(shell, "%s", error.text);
	for (u32 i = 0; i < count; i++) {
		if (fields[i].group != group)
			shell_print(shell, "%s%s\n", group ? "\n" : "", fields[i].group);
		group = fields[i].group;
		shell_print(shell, "  %04x  %-48s %0*llx\n", fields[i].offset, fields[i].name, (int)fields[i].size_bytes * 2,
			    (unsigned long long)fields[i].value);
	}
	kfree(fields);
	return OK;
}

static int vmcb(struct shell *shell, const struct shell_arguments *arguments)
{
	return show_block(shell, arguments, "VMCB");
}

static int vmcs(struct shell *shell, const struct shell_arguments *arguments)
{
	return show_block(shell, arguments, "VMCS");
}

static void print_check(struct shell *shell, const struct domain_entry_check *check)
{
	if (!check->broken) {
		shell_print(shell, "all %u rules hold\n", check->total);
		return;
	}
	shell_print(shell, "%u of %u rules %s broken\n", check->broken, check->total, check->broken == 1 ? "is" : "are");
	for (u32 i = 0; i < check->broken && i < DOMAIN_ENTRY_RULES_MAX; i++)
		shell_print(shell, "  %s: %s\n    %s, %s\n", check->rule[i].name, check->rule[i].text, check->manual,
			    check->rule[i].section);
}

static int vmcheck(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain_entry_check *check;
	struct manage_error error;
	struct domain *domain;
	u32 vcpu;
	int code;

	if (vcpu_argument(shell, arguments, &vcpu))
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	check = kmalloc(sizeof(*check));
	code = check ? domain_check_entry(domain, vcpu, check, &error) : ERR_NO_MEMORY;
	domain_put(domain);
	if (!code)
		print_check(shell, check);
	else
		code = shell_error(shell, "%s", check ? error.text : "out of memory");
	kfree(check);
	return code;
}

static int vmbreak(struct shell *shell, const struct shell_arguments *arguments)
{
	struct manage_error error;
	struct domain *domain;
	u64 value = 0;
	u32 vcpu;
	int code;

	if (shell_number(shell, arguments, "value", &value) < 0 || vcpu_argument(shell, arguments, &vcpu))
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	code = domain_spoil_field(domain, vcpu, shell_text(arguments, "field"), value, shell_flag(arguments, "enter"), &error);
	domain_put(domain);
	if (code)
		return shell_error(shell, "%s", error.text);
	shell_print(shell, "'%s' is 0x%llx now\n", shell_text(arguments, "field"), (unsigned long long)value);
	return OK;
}

#define VCPU_OPTION { .name = "vcpu", .help = "number of the vCPU (default 0)", .kind = SHELL_NUMBER, .only_by_name = true }

static const struct shell_option block_options[] = { DOMAIN_OPTION(active), VCPU_OPTION, { 0 } };
static const struct shell_option vmbreak_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "field", .help = "a guest-state field's name, as vmcb and vmcs have it, or its number", .kind = SHELL_TEXT,
	  .required = true },
	{ .name = "value", .help = "what it is to hold", .kind = SHELL_NUMBER, .required = true },
	{ .name = "enter", .help = "let the CPU judge: Solera's own check does not stop the next entry", .kind = SHELL_FLAG },
	VCPU_OPTION,
	{ 0 },
};

const struct shell_command shell_commands_domain_check[] = {
	{ .name = "vmbreak", .help = "spoil a guest-state field", .options = vmbreak_options, .function = vmbreak,
	  .description = "Debug builds only. Writes a field of a vCPU's control block, so that the next entry breaks a rule: the domain"
			 " crashes with the rule's name.", .group = SHELL_GROUP_DEVICES },
	{ .name = "vmcb", .help = "AMD-V's control block", .options = block_options, .function = vmcb,
	  .description = "The fields of a vCPU's VMCB, named and grouped as in the AMD64 APM. Stops it for the moment.",
	  .group = SHELL_GROUP_DEVICES },
	{ .name = "vmcheck", .help = "the rules of VM entry", .options = block_options, .function = vmcheck,
	  .description = "Checks a vCPU's state against the manual's rules for an entry, and names those that are broken. Stops it for the"
			 " moment.", .group = SHELL_GROUP_DEVICES },
	{ .name = "vmcs", .help = "VT-x's control block", .options = block_options, .function = vmcs,
	  .description = "The fields of a vCPU's VMCS, named and grouped as in the Intel SDM. Stops it for the moment.",
	  .group = SHELL_GROUP_DEVICES },
	{ 0 },
};

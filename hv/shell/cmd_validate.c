/* SPDX-License-Identifier: MIT */
/* virt-host-validate (alias kvm-ok): what this host offers for virtualization, a line each. Verdicts: hv/manage/host_validate.c. */
#include "hv/kmalloc.h"
#include "hv/manage/host_validate.h"
#include "hv/shell/command.h"
#include "hv/shell/commands.h"

static int host_validate_command(struct shell *shell, const struct shell_arguments *arguments)
{
	static const char *const words[] = { [HOST_PASS] = "PASS", [HOST_WARN] = "WARN", [HOST_FAIL] = "FAIL" };
	struct host_check *checks = kmalloc(HOST_CHECKS_MAX * sizeof(*checks));
	int code = OK;
	u32 count;

	(void)arguments;
	if (!checks)
		return shell_error(shell, "out of memory");
	count = host_validate_here(checks);
	for (u32 i = 0; i < count; i++) {
		const struct host_check *check = &checks[i];

		shell_print(shell, "%6s: Checking %-*s: %s", "SOLERA", HOST_CHECK_TEXT_MAX, check->text, words[check->verdict]);
		if (check->remedy[0])
			shell_print(shell, " (%s)", check->remedy);
		shell_print(shell, "\n");
		if (check->verdict == HOST_FAIL)
			code = ERR_UNSUPPORTED;
	}
	kfree(checks);
	return code;
}

const struct shell_command shell_commands_validate[] = {
	{
		.name = "virt-host-validate",
		.help = "what this CPU and firmware offer for virtualization",
		.description = "A line for each thing that Solera can use. FAIL: domains cannot run until the remedy is done. "
			       "WARN: they run, but slower or with less.",
		.function = host_validate_command,
		.group = SHELL_GROUP_HOST,
	},
	{
		.name = "kvm-ok",
		.help = "alias for virt-host-validate",
		.function = host_validate_command,
		.group = SHELL_GROUP_HOST,
		.alias = true,
	},
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/*
 * All the commands there are: one table a file, in the order in which help lists a group. A new file of commands adds
 * its name twice here.
 */
#include "hv/lib/string.h"
#include "hv/shell/command.h"
#include "hv/shell/commands.h"

const struct shell_command *const shell_command_tables[] = {
	shell_commands_domain_life,
	shell_commands_domain_define,
	shell_commands_domain_edit,
	shell_commands_domain_console,
	shell_commands_domain_info,
	shell_commands_domain_disks,
	shell_commands_domain_nics,
	shell_commands_domain_hotplug, shell_commands_domain_media,
	shell_commands_domain_memory,
	shell_commands_domain_iotune,
	shell_commands_domain_list,
	shell_commands_domain_stats,
	shell_commands_domain_cpu,
	shell_commands_vtop,
	shell_commands_sched_trace,
	shell_commands_domain_tune,
	shell_commands_domain_inspect,
	shell_commands_domain_check,
	shell_commands_general,
	shell_commands_host,
	shell_commands_iface,
	shell_commands_power,
	shell_commands_capabilities,
	shell_commands_log,
	shell_commands_network,
	shell_commands_nodedev,
	shell_commands_pool,
	shell_commands_volume,
	shell_commands_validate,
	NULL,
};

const struct shell_command *shell_command_find(const char *name)
{
	for (const struct shell_command *const *table = shell_command_tables; *table; table++) {
		for (const struct shell_command *command = *table; command->name; command++) {
			if (string_equal(command->name, name))
				return command;
		}
	}
	return NULL;
}

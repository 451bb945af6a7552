/* SPDX-License-Identifier: MIT */
/* The help command: lists of commands by group and a page for each, made from the command table in virsh's layout. */
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/shell/help.h"

static const struct { const char *title, *keyword; } groups[SHELL_GROUP_COUNT] = {
	[SHELL_GROUP_DOMAIN] = { "Domain Management", "domain" },
	[SHELL_GROUP_MONITOR] = { "Domain Monitoring", "monitor" },
	[SHELL_GROUP_DEVICES] = { "Domain Internals", "internals" },
	[SHELL_GROUP_HOST] = { "Host and Hypervisor", "host" },
	[SHELL_GROUP_INTERFACE] = { "Interface", "interface" },
	[SHELL_GROUP_NODEDEV] = { "Node Device", "nodedev" },
	[SHELL_GROUP_NETWORK] = { "Networking", "network" },
	[SHELL_GROUP_POOL] = { "Storage Pool", "pool" },
	[SHELL_GROUP_VOLUME] = { "Storage Volume", "volume" },
	[SHELL_GROUP_SNAPSHOT] = { "Snapshot", "snapshot" },
	[SHELL_GROUP_SHELL] = { "Shell itself", "shell" },
};

static bool group_is_empty(enum shell_group group)
{
	for (const struct shell_command *const *table = shell_command_tables; *table; table++) {
		for (const struct shell_command *command = *table; command->name; command++) {
			if (command->group == group && !command->alias)
				return false;
		}
	}
	return true;
}

static void print_group(struct shell *shell, enum shell_group group)
{
	shell_print(shell, " %s (help keyword '%s'):\n", groups[group].title, groups[group].keyword);
	for (const struct shell_command *const *table = shell_command_tables; *table; table++) {
		for (const struct shell_command *command = *table; command->name; command++) {
			if (command->group == group && !command->alias)
				shell_print(shell, "    %-30s %s\n", command->name, command->help);
		}
	}
	shell_print(shell, "\n");
}

static void print_synopsis(struct shell *shell, const struct shell_command *command)
{
	shell_print(shell, "\n  SYNOPSIS\n    %s", command->name);
	for (const struct shell_option *option = command->options; option && option->name; option++) {
		const char *value = option->kind == SHELL_NUMBER ? "number" : "string";

		if (option->kind == SHELL_FLAG)
			shell_print(shell, " [--%s]", option->name);
		else if (option->kind == SHELL_REST)
			shell_print(shell, option->required ? " <%s>..." : " [<%s>]...", option->name);
		else if (option->required && option->only_by_name)
			shell_print(shell, " --%s <%s>", option->name, value);
		else if (option->required)
			shell_print(shell, " <%s>", option->name);
		else
			shell_print(shell, " [--%s <%s>]", option->name, value);
	}
	shell_print(shell, "\n");
}

static void print_options(struct shell *shell, const struct shell_command *command)
{
	shell_print(shell, "\n  OPTIONS\n");
	for (const struct shell_option *option = command->options; option->name; option++) {
		const char *value = option->kind == SHELL_NUMBER ? "number" : "string";
		char words[64], letter[8] = "";

		if (option->letter)
			format(letter, sizeof(letter), "-%c | ", option->letter);
		if (option->kind == SHELL_FLAG)
			format(words, sizeof(words), "%s--%s", letter, option->name);
		else if (option->kind == SHELL_REST)
			format(words, sizeof(words), "<%s>", option->name);
		else if (option->required && !option->only_by_name)
			format(words, sizeof(words), "%s[--%s] <%s>", letter, option->name, value);
		else
			format(words, sizeof(words), "%s--%s <%s>", letter, option->name, value);
		shell_print(shell, "    %-15s  %s\n", words, option->help);
	}
}

static void print_page(struct shell *shell, const struct shell_command *command)
{
	shell_print(shell, "  NAME\n    %s - %s\n", command->name, command->help);
	print_synopsis(shell, command);
	shell_print(shell, "\n  DESCRIPTION\n    ");
	for (const char *at = command->description ? command->description : command->help; *at; at++) {
		shell_write(shell, at, 1);
		if (*at == '\n')
			shell_print(shell, "    ");
	}
	shell_print(shell, "\n");
	if (command->options && command->options->name)
		print_options(shell, command);
	shell_print(shell, "\n");
}

int shell_help(struct shell *shell, const char *name)
{
	const struct shell_command *command;

	if (!name) {
		shell_print(shell, "Grouped commands:\n\n");
		for (unsigned group = 0; group < SHELL_GROUP_COUNT; group++) {
			if (!group_is_empty(group))
				print_group(shell, group);
		}
		return OK;
	}
	for (unsigned group = 0; group < SHELL_GROUP_COUNT; group++) {
		if (group_is_empty(group) ||
		    (!string_equal(groups[group].keyword, name) && !string_equal(groups[group].title, name)))
			continue;
		print_group(shell, group);
		return OK;
	}
	command = shell_command_find(name);
	if (!command)
		return shell_error(shell, "command or command group '%s' doesn't exist", name);
	print_page(shell, command);
	return OK;
}

void shell_complete_help(struct shell_completions *completions)
{
	for (const struct shell_command *const *table = shell_command_tables; *table; table++) {
		for (const struct shell_command *command = *table; command->name; command++) {
			if (!command->alias)
				shell_complete(completions, command->name);
		}
	}
	for (unsigned group = 0; group < SHELL_GROUP_COUNT; group++) {
		if (!group_is_empty(group))
			shell_complete(completions, groups[group].keyword);
	}
}

/* SPDX-License-Identifier: MIT */
/* Commands of the shell itself: help, echo, clear, history, quit. */
#include "hv/lib/string.h"
#include "hv/shell/commands.h"
#include "hv/shell/help.h"
#include "hv/shell/shell.h"

static int help(struct shell *shell, const struct shell_arguments *arguments)
{
	return shell_help(shell, shell_text(arguments, "command"));
}

/* A word as a shell or XML wants it, as virsh's echo --shell and --xml. */
static void echo_shell_word(struct shell *shell, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
	bool quote = !*word;

	for (const char *c = word; *c; c++)
		quote = quote || !strchr(plain, *c);
	if (!quote) {
		shell_print(shell, "%s", word);
		return;
	}
	shell_print(shell, "'");
	for (const char *c = word; *c; c++) {
		if (*c == '\'')
			shell_print(shell, "'\\''");
		else
			shell_write(shell, c, 1);
	}
	shell_print(shell, "'");
}

static void echo_xml_word(struct shell *shell, const char *word)
{
	static const struct { char c; const char *entity; } rows[] = {
		{ '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" }, { '"', "&quot;" }, { '\'', "&apos;" },
	};

	for (; *word; word++) {
		const char *entity = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			entity = rows[i].c == *word ? rows[i].entity : entity;
		if (entity)
			shell_print(shell, "%s", entity);
		else
			shell_write(shell, word, 1);
	}
}

static int echo(struct shell *shell, const struct shell_arguments *arguments)
{
	if (shell_flag(arguments, "shell") && shell_flag(arguments, "xml"))
		return shell_error(shell, "Options --shell and --xml are mutually exclusive");
	for (unsigned i = 0; i < shell_rest_count(arguments); i++) {
		const char *word = shell_rest(arguments, i);

		if (i)
			shell_print(shell, " ");
		if (shell_flag(arguments, "shell"))
			echo_shell_word(shell, word);
		else if (shell_flag(arguments, "xml"))
			echo_xml_word(shell, word);
		else
			shell_print(shell, "%s", word);
	}
	shell_print(shell, "\n");
	return OK;
}

static int clear(struct shell *shell, const struct shell_arguments *arguments)
{
	(void)arguments;
	shell->terminal->clear(shell->context);
	return OK;
}

static int history(struct shell *shell, const struct shell_arguments *arguments)
{
	(void)arguments;
	for (unsigned age = shell->history.count; age > 0; age--)
		shell_print(shell, "%5llu  %s\n",
			    (unsigned long long)(shell->history.first_number + shell->history.count - age),
			    line_history_get(&shell->history, age));
	return OK;
}

static int quit(struct shell *shell, const struct shell_arguments *arguments)
{
	(void)arguments;
	return shell_error(shell, "this console has nothing to return to: poweroff turns the host off, host-reboot restarts it");
}

static const struct shell_option help_options[] = {
	{ .name = "command", .kind = SHELL_TEXT, .complete = shell_complete_help,
	  .help = "Prints global help, command specific help, or help for a group of related commands" },
	{ 0 },
};
static const struct shell_option echo_options[] = {
	{ .name = "shell", .kind = SHELL_FLAG, .help = "escape for shell use" },
	{ .name = "xml", .kind = SHELL_FLAG, .help = "escape for XML use" },
	{ .name = "string", .kind = SHELL_REST, .help = "arguments to echo" },
	{ 0 },
};

const struct shell_command shell_commands_general[] = {
	{ .name = "help", .group = SHELL_GROUP_SHELL, .function = help, .options = help_options, .help = "print help",
	  .description = "Prints global help, command specific help, or help for a\ngroup of related commands" },
	{ .name = "clear", .group = SHELL_GROUP_SHELL, .function = clear, .help = "clear the screen" },
	{ .name = "echo", .group = SHELL_GROUP_SHELL, .function = echo, .options = echo_options,
	  .help = "echo arguments", .description = "Echo back arguments, possibly with quoting." },
	{ .name = "history", .group = SHELL_GROUP_SHELL, .function = history, .help = "show the lines typed here" },
	{ .name = "quit", .group = SHELL_GROUP_SHELL, .function = quit, .alias = true,
	  .help = "says how to leave this console" },
	{ .name = "exit", .group = SHELL_GROUP_SHELL, .function = quit, .alias = true,
	  .help = "says how to leave this console" },
	{ 0 },
};

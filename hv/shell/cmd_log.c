/* SPDX-License-Identifier: MIT */
/* dmesg: the log's lines, as they stand or as they come. */
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/manage/host.h"
#include "hv/shell/commands.h"

#define WATCH_INTERVAL_NS 250000000ull /* only while a person watches; an idle shell asks nothing */

static const struct { const char *name; int level; } levels[] = {
	{ "emerg", 0 }, { "alert", 1 }, { "crit", 2 },  { "err", LOG_ERROR }, { "error", LOG_ERROR },
	{ "warn", LOG_WARNING }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE }, { "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
};

/* A name, or syslog's number; -1: neither. */
static int level_of(const char *text)
{
	u64 number;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (string_equal(levels[i].name, text))
			return levels[i].level;
	}
	return string_to_u64(text, &number) == OK && number <= LOG_DEBUG ? (int)number : -1;
}

static void offer_levels(struct shell_completions *completions)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		shell_complete(completions, levels[i].name);
}

static void print_line(struct shell *shell, const struct host_log_line *line)
{
	shell_print(shell, "[%5llu.%06llu] %s\n", (unsigned long long)(line->time_ns / 1000000000),
		    (unsigned long long)(line->time_ns / 1000 % 1000000), line->text);
}

static int dmesg(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *text = shell_text(arguments, "level");
	int level = text ? level_of(text) : LOG_DEBUG;
	struct host_log_line line;
	u64 sequence = 0;

	if (level < 0)
		return shell_error(shell, "level '%s' is none of err, warn, notice, info, debug, 0 to 7", text);
	for (;;) {
		while (host_log_read(&sequence, &line)) {
			if (line.level <= level)
				print_line(shell, &line);
			if (shell_interrupted(shell))
				return ERR_INTERRUPTED;
		}
		if (!shell_flag(arguments, "follow"))
			return OK;
		if (shell_sleep(shell, WATCH_INTERVAL_NS))
			return OK;
	}
}

static const struct shell_option dmesg_options[] = {
	{ .name = "level", .kind = SHELL_TEXT, .letter = 'l', .complete = offer_levels,
	  .help = "only lines of this level (err, warn, notice, info, debug) and graver ones" },
	{ .name = "follow", .kind = SHELL_FLAG, .letter = 'w', .help = "wait for new lines until Ctrl-C" },
	{ 0 },
};

const struct shell_command shell_commands_log[] = {
	{ .name = "dmesg", .group = SHELL_GROUP_HOST, .function = dmesg, .options = dmesg_options,
	  .help = "print the hypervisor's log" },
	{ 0 },
};

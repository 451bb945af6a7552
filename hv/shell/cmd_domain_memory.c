/* SPDX-License-Identifier: MIT */
/* A domain's memory: setmem, setmaxmem, dommemstat, with virsh's options and words. */
#include "hv/lib/string.h"
#include "hv/manage/domain_memory.h"
#include "hv/manage/domain_tune.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

/* --current, --live and --config; negative: the person has been told. */
static int read_flags(struct shell *shell, const struct shell_arguments *arguments)
{
	bool current = shell_flag(arguments, "current"), live = shell_flag(arguments, "live"), config = shell_flag(arguments, "config");

	if (current && (live || config))
		return shell_error(shell, "Options --current and --%s are mutually exclusive", live ? "live" : "config");
	return (live ? DOMAIN_TUNE_LIVE : 0) | (config ? DOMAIN_TUNE_CONFIG : 0);
}

/* virsh's scaled integer: a number of KiB, or with a suffix b, k, KiB, KB, M, MiB, MB … T. */
static int read_size(struct shell *shell, const char *text, u64 *kib)
{
	static const char letters[] = "kmgt";
	u64 value = 0, scale = 1024;
	size_t digits = 0;
	const char *at;

	while (text[digits] >= '0' && text[digits] <= '9' && value < BIT64(50))
		value = value * 10 + (u64)(text[digits++] - '0');
	at = text + digits;
	while (*at == ' ')
		at++;
	if (*at && (*at | 32) == 'b' && (!at[1] || string_equal(at, "bytes"))) {
		scale = 1;
	} else if (*at) {
		const char *letter = strchr(letters, *at | 32);
		u64 base = at[1] && (at[1] | 32) == 'b' ? 1000 : 1024;

		if (!letter || (at[1] && (at[1] | 32) != 'b' && ((at[1] | 32) != 'i' || (at[2] | 32) != 'b')) || (at[1] && at[2] && at[2 + (base == 1024)]))
			digits = 0;
		for (scale = base; letter && letter-- > letters;)
			scale *= base;
	}
	if (!digits || value >= BIT64(50) || __builtin_mul_overflow(value, scale, &value))
		return shell_error(shell, "Numeric value '%s' for <size> option is malformed or out of range", text);
	*kib = value / 1024 + (value % 1024 != 0);
	return OK;
}

typedef int (*set_function)(struct domain *domain, u64 kib, unsigned flags, struct manage_error *error);

static int set(struct shell *shell, const struct shell_arguments *arguments, set_function function)
{
	int flags = read_flags(shell, arguments), code;
	struct manage_error error;
	struct domain *domain;
	u64 kib;

	if (flags < 0 || read_size(shell, shell_text(arguments, "size"), &kib))
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	code = function(domain, kib, (unsigned)flags, &error);
	domain_put(domain);
	return code ? shell_error(shell, "%s", error.text) : OK;
}

static int setmem(struct shell *shell, const struct shell_arguments *arguments)
{
	return set(shell, arguments, domain_set_memory);
}

static int setmaxmem(struct shell *shell, const struct shell_arguments *arguments)
{
	int code = set(shell, arguments, domain_set_max_memory);

	return code ? shell_error(shell, "Unable to change MaxMemorySize") : OK;
}

static int show_stats(struct shell *shell, struct domain *domain)
{
	struct domain_memory_stat stats[DOMAIN_MEMORY_STATS_MAX];
	struct manage_error error;
	u32 count;

	if (domain_memory_stats(domain, stats, &count, &error))
		return shell_fail(shell, &error, "Failed to get memory statistics for domain");
	for (u32 i = 0; i < count; i++)
		shell_print(shell, "%s %llu\n", stats[i].name, (unsigned long long)stats[i].value);
	return OK;
}

static int dommemstat(struct shell *shell, const struct shell_arguments *arguments)
{
	int flags = read_flags(shell, arguments), given, code;
	struct manage_error error;
	struct domain *domain;
	u64 period = 0;

	given = flags < 0 ? flags : shell_number(shell, arguments, "period", &period);
	if (given < 0)
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (!given)
		code = show_stats(shell, domain);
	else if (domain_set_memory_stats_period(domain, period, (unsigned)flags, &error))
		code = shell_fail(shell, &error, "Unable to change balloon collection period.");
	else
		code = OK;
	domain_put(domain);
	return code;
}

#define IMPACT_OPTIONS                                                                                             \
	{ .name = "config", .help = "affect next boot", .kind = SHELL_FLAG },                                      \
	{ .name = "live", .help = "affect running domain", .kind = SHELL_FLAG },                                   \
	{ .name = "current", .help = "affect current domain", .kind = SHELL_FLAG }

static const struct shell_option size_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "size", .help = "new memory size, as scaled integer (default KiB)", .kind = SHELL_TEXT, .required = true },
	IMPACT_OPTIONS,
	{ 0 },
};
static const struct shell_option dommemstat_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "period", .help = "period in seconds to set collection", .kind = SHELL_NUMBER, .only_by_name = true },
	IMPACT_OPTIONS,
	{ 0 },
};

const struct shell_command shell_commands_domain_memory[] = {
	{ .name = "dommemstat", .help = "get memory statistics for a domain", .options = dommemstat_options, .function = dommemstat,
	  .description = "Get memory statistics for a running domain. The guest is asked when its last ones are older than the period\n"
			 "(<stats period='N'/>, or --period); without one there are the machine's own figures only.",
	  .group = SHELL_GROUP_MONITOR },
	{ .name = "setmaxmem", .help = "change maximum memory limit", .options = size_options, .function = setmaxmem,
	  .description = "Change the maximum memory allocation limit in the guest domain.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "setmem", .help = "change memory allocation", .options = size_options, .function = setmem,
	  .description = "Change the current memory allocation in the guest domain.", .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

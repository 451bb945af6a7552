/* SPDX-License-Identifier: MIT */
/* What a domain gets of the host's CPUs: schedinfo, vcpupin, emulatorpin, vcpucount, setvcpus. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/cpu_list.h"
#include "hv/manage/domain_tune.h"
#include "hv/manage/host.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"
#include "hv/shell/table.h"

/* --current, --live and --config; negative: the person has been told. */
static int read_flags(struct shell *shell, const struct shell_arguments *arguments)
{
	bool current = shell_flag(arguments, "current"), live = shell_flag(arguments, "live"), config = shell_flag(arguments, "config");

	if (current && (live || config))
		return shell_error(shell, "Options --current and --%s are mutually exclusive", live ? "live" : "config");
	return (live ? DOMAIN_TUNE_LIVE : 0) | (config ? DOMAIN_TUNE_CONFIG : 0);
}

/* One name=value of --set. */
static int set_one(const char *word, struct domain_tune *tune, struct manage_error *error)
{
	const char *equals = strchr(word, '='), *value = equals ? equals + 1 : "";
	bool minus = *value == '-';
	u64 magnitude;

	if (!equals)
		return manage_fail_at(error, MANAGE_ERR_INVALID_ARG, "Invalid syntax for --set, expecting name=value");
	for (unsigned i = 0; i < DOMAIN_TUNE_COUNT; i++) {
		const char *name = domain_tune_rules[i].name;

		if (strlen(name) != (size_t)(equals - word) || strncmp(name, word, strlen(name)))
			continue;
		if (string_to_u64(value + minus, &magnitude) || magnitude > BIT64(62))
			return manage_fail(error, MANAGE_ERR_INVALID_ARG, "Invalid value for field '%s': expected %s", name,
					   domain_tune_rules[i].quota ? "long long" : "unsigned long long");
		return domain_tune_set(tune, i, minus ? -(s64)magnitude : (s64)magnitude, error);
	}
	return manage_fail_at(error, MANAGE_ERR_INVALID_ARG, "invalid scheduler option: %.*s", (int)MIN(equals - word, 40), word);
}

static int set_all(void *context, struct domain_tune *tune, u32 vcpus, struct manage_error *error)
{
	const struct shell_arguments *arguments = context;
	const char *named = shell_text(arguments, "set");
	int code = named ? set_one(named, tune, error) : OK;

	(void)vcpus;
	for (unsigned i = 0; !code && i < shell_rest_count(arguments); i++)
		code = set_one(shell_rest(arguments, i), tune, error);
	return code;
}

/* A structure of some kilobytes: not for a stack. */
static struct domain_tune *get_tune(struct shell *shell, struct domain *domain, unsigned flags, u32 *vcpus)
{
	struct domain_tune *tune = kzalloc(sizeof(*tune));
	struct manage_error error;

	if (!tune)
		shell_error(shell, "out of memory");
	else if (domain_get_tune(domain, flags, tune, vcpus, &error)) {
		shell_error(shell, "%s", error.text);
		kfree(tune);
		tune = NULL;
	}
	return tune;
}

static int show_schedinfo(struct shell *shell, struct domain *domain, unsigned flags)
{
	u32 vcpus;
	struct domain_tune *tune = get_tune(shell, domain, flags, &vcpus);

	if (!tune)
		return ERR_INVALID;
	shell_print(shell, "%-15s: %s\n", "Scheduler", "posix");
	for (unsigned i = 0; i < DOMAIN_TUNE_COUNT; i++)
		shell_print(shell, "%-15s: %lld\n", domain_tune_rules[i].name, (long long)domain_tune_get(tune, i));
	kfree(tune);
	return OK;
}

static int schedinfo(struct shell *shell, const struct shell_arguments *arguments)
{
	int flags = read_flags(shell, arguments), code = OK;
	struct manage_error error;
	struct domain *domain;

	if (flags < 0)
		return flags;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (shell_text(arguments, "set") || shell_rest_count(arguments))
		code = domain_change_tune(domain, (unsigned)flags, set_all, (void *)(uintptr_t)arguments, &error);
	if (code) {
		shell_print(shell, "%-15s: %s\n", "Scheduler", "posix");
		code = shell_error(shell, "%s", error.text);
	} else {
		code = show_schedinfo(shell, domain, (unsigned)flags);
	}
	domain_put(domain);
	return code;
}

/* As virsh: the list is checked against the host before the domain is asked. */
static int read_cpu_list(struct shell *shell, const char *text, struct cpu_mask *mask)
{
	struct host_node node;
	int code = cpu_list_parse(mask, text);

	host_node(&node);
	if (code == OK && cpu_mask_next(mask, node.cpus) < CPU_MAX)
		code = ERR_RANGE;
	if (code == ERR_RANGE)
		return shell_error(shell, "CPU list '%.100s' exceeds this host's CPUs, 0-%u", text, node.cpus - 1);
	if (code)
		return shell_error(shell, "invalid cpulist '%.100s'", text);
	return OK;
}

static void affinity_text(char *text, size_t size, const struct cpu_mask *mask)
{
	struct host_node node;

	host_node(&node);
	cpu_list_format(text, size, mask, node.cpus);
}

static int show_pins(struct shell *shell, struct domain *domain, unsigned flags, s64 only)
{
	u32 vcpus;
	struct domain_tune *tune = get_tune(shell, domain, flags, &vcpus);
	struct shell_table table;
	char number[16], list[256];

	if (!tune)
		return ERR_INVALID;
	if (only >= vcpus) {
		kfree(tune);
		return shell_error(shell, "invalid argument: requested vcpu '%lld' is not present in the domain", (long long)only);
	}
	shell_table_begin(&table, 2, "VCPU", "CPU Affinity");
	for (u32 i = 0; i < vcpus; i++) {
		struct cpu_mask mask = domain_tune_cpus(tune, i);

		if (only >= 0 && only != i)
			continue;
		format(number, sizeof(number), "%u", i);
		affinity_text(list, sizeof(list), &mask);
		shell_table_row(&table, number, list);
	}
	shell_table_end(&table, shell);
	kfree(tune);
	return OK;
}

struct pin {
	u64 vcpu;
	struct cpu_mask mask;
};

static int pin_vcpu(void *context, struct domain_tune *tune, u32 vcpus, struct manage_error *error)
{
	const struct pin *pin = context;

	if (pin->vcpu >= vcpus)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "requested vcpu '%llu' is not present in the domain",
				   (unsigned long long)pin->vcpu);
	tune->pin[pin->vcpu] = pin->mask;
	return OK;
}

static int pin_emulator(void *context, struct domain_tune *tune, u32 vcpus, struct manage_error *error)
{
	(void)vcpus, (void)error;
	tune->emulator = ((const struct pin *)context)->mask;
	return OK;
}

static int change_pin(struct shell *shell, struct domain *domain, unsigned flags, domain_tune_change change, struct pin *pin)
{
	struct manage_error error;
	int code = domain_change_tune(domain, flags, change, pin, &error);

	return code ? shell_error(shell, "%s", error.text) : OK;
}

static int vcpupin(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *list = shell_text(arguments, "cpulist");
	int flags = read_flags(shell, arguments), given, code;
	struct domain *domain;
	struct pin pin = { 0 };

	given = shell_number(shell, arguments, "vcpu", &pin.vcpu);
	if (flags < 0 || given < 0)
		return ERR_INVALID;
	if (list && !given)
		return shell_error(shell, "vcpupin: Missing vCPU number in pin mode.");
	if (list && read_cpu_list(shell, list, &pin.mask))
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (list)
		code = change_pin(shell, domain, (unsigned)flags, pin_vcpu, &pin);
	else
		code = show_pins(shell, domain, (unsigned)flags, given ? (s64)MIN(pin.vcpu, (u64)1000000) : -1);
	domain_put(domain);
	return code;
}

static int emulatorpin(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *list = shell_text(arguments, "cpulist");
	int flags = read_flags(shell, arguments), code = ERR_INVALID;
	struct domain_tune *tune;
	struct domain *domain;
	struct pin pin = { 0 };
	char text[256];
	u32 vcpus;

	if (flags < 0 || (list && read_cpu_list(shell, list, &pin.mask)))
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (list) {
		code = change_pin(shell, domain, (unsigned)flags, pin_emulator, &pin);
	} else if ((tune = get_tune(shell, domain, (unsigned)flags, &vcpus))) {
		struct cpu_mask mask = cpu_mask_empty(&tune->emulator) ? CPU_MASK_ALL : tune->emulator;

		affinity_text(text, sizeof(text), &mask);
		shell_print(shell, "emulator: CPU Affinity\n----------------------------------\n       *: %s\n", text);
		kfree(tune);
		code = OK;
	}
	domain_put(domain);
	return code;
}

static int count_of(struct domain *domain, unsigned flags, u32 *count)
{
	struct domain_tune *tune = kzalloc(sizeof(*tune));
	int code = tune ? domain_get_tune(domain, flags, tune, count, NULL) : ERR_NO_MEMORY;

	kfree(tune);
	return code;
}

/* All vCPUs of a machine are there from its start: its maximum and its current number are one. */
static int vcpucount(struct shell *shell, const struct shell_arguments *arguments)
{
	static const char *const kinds[] = { "maximum", "current" };
	int flags = read_flags(shell, arguments), code = OK;
	bool one = flags > 0 || shell_flag(arguments, "current") || shell_flag(arguments, "maximum") || shell_flag(arguments, "active");
	struct domain *domain;
	u32 count = 0;

	if (flags < 0)
		return flags;
	if (shell_flag(arguments, "maximum") && shell_flag(arguments, "active"))
		return shell_error(shell, "Options --maximum and --active are mutually exclusive");
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (one) {
		code = count_of(domain, (unsigned)flags, &count);
		if (code)
			shell_error(shell, "Requested operation is not valid: domain is not running");
		else
			shell_print(shell, "%u\n\n", count);
	}
	for (unsigned kind = 0; !one && kind < 2; kind++) {
		if (!count_of(domain, DOMAIN_TUNE_CONFIG, &count))
			shell_print(shell, "%-12s %-12s %3u\n", kinds[kind], "config", count);
		if (!count_of(domain, DOMAIN_TUNE_LIVE, &count))
			shell_print(shell, "%-12s %-12s %3u\n", kinds[kind], "live", count);
	}
	if (!one)
		shell_print(shell, "\n");
	domain_put(domain);
	return code;
}

static int setvcpus(struct shell *shell, const struct shell_arguments *arguments)
{
	int flags = read_flags(shell, arguments), code;
	struct manage_error error;
	struct domain *domain;
	u64 count = 0;
	u32 maximum = 0;

	if (flags < 0 || shell_number(shell, arguments, "count", &count) < 0)
		return ERR_INVALID;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	count = MIN(count, (u64)~(u32)0);
	if (count == 0)
		code = shell_error(shell, "invalid argument: Invalid vcpu count: 0");
	else if (!(flags & DOMAIN_TUNE_CONFIG) || (flags & DOMAIN_TUNE_LIVE))
		code = shell_error(shell, "Operation not supported: vCPUs of a machine that runs stay as many as they are: use --config "
				   "--maximum, for its next start");
	else if (!shell_flag(arguments, "maximum") && !count_of(domain, DOMAIN_TUNE_CONFIG, &maximum) && count > maximum)
		code = shell_error(shell, "invalid argument: requested vcpus is greater than max allowable vcpus for the persistent "
				   "domain: %llu > %u", (unsigned long long)count, maximum);
	else if (!shell_flag(arguments, "maximum") && count != maximum)
		code = shell_error(shell, "Operation not supported: all vCPUs of a machine are there from its start: use --config --maximum");
	else if (domain_set_vcpus(domain, (u32)count, &error))
		code = shell_error(shell, "%s", error.text);
	else
		code = OK;
	domain_put(domain);
	return code;
}

#define IMPACT_OPTIONS                                                                                             \
	{ .name = "config", .help = "affect next boot", .kind = SHELL_FLAG },                                      \
	{ .name = "live", .help = "affect running domain", .kind = SHELL_FLAG },                                   \
	{ .name = "current", .help = "affect current domain", .kind = SHELL_FLAG }

static const struct shell_option schedinfo_options[] = {
	DOMAIN_OPTION(domains),
	IMPACT_OPTIONS,
	{ .name = "set", .help = "parameter=value", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "parameters", .help = "parameter=value", .kind = SHELL_REST },
	{ 0 },
};
static const struct shell_option vcpupin_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "vcpu", .help = "vcpu number", .kind = SHELL_NUMBER },
	{ .name = "cpulist", .help = "host cpu number(s) to set, or omit option to query", .kind = SHELL_TEXT },
	IMPACT_OPTIONS,
	{ 0 },
};
static const struct shell_option emulatorpin_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "cpulist", .help = "host cpu number(s) to set, or omit option to query", .kind = SHELL_TEXT },
	IMPACT_OPTIONS,
	{ 0 },
};
static const struct shell_option vcpucount_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "maximum", .help = "get maximum count of vcpus", .kind = SHELL_FLAG },
	{ .name = "active", .help = "get number of currently active vcpus", .kind = SHELL_FLAG },
	IMPACT_OPTIONS,
	{ 0 },
};
static const struct shell_option setvcpus_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "count", .help = "number of virtual CPUs", .kind = SHELL_NUMBER, .required = true },
	{ .name = "maximum", .help = "set maximum limit on next boot", .kind = SHELL_FLAG },
	IMPACT_OPTIONS,
	{ 0 },
};
const struct shell_command shell_commands_domain_tune[] = {
	{ .name = "emulatorpin", .help = "control or query domain emulator affinity", .options = emulatorpin_options,
	  .function = emulatorpin, .description = "Pins a domain's threads that are no vCPUs to host physical CPUs.",
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "schedinfo", .help = "show/set scheduler parameters", .options = schedinfo_options, .function = schedinfo,
	  .description = "Shows or sets shares, periods and quotas (in microseconds).", .group = SHELL_GROUP_DOMAIN },
	{ .name = "setvcpus", .help = "change number of virtual CPUs", .options = setvcpus_options, .function = setvcpus,
	  .description = "Changes the number of virtual CPUs of the next start.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "vcpucount", .help = "domain vcpu counts", .options = vcpucount_options, .function = vcpucount,
	  .description = "Returns the number of virtual CPUs used by the domain.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "vcpupin", .help = "control or query domain vcpu affinity", .options = vcpupin_options, .function = vcpupin,
	  .description = "Pins domain VCPUs to host physical CPUs.", .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

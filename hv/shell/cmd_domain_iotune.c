/* SPDX-License-Identifier: MIT */
/* blkdeviotune: a disk's limits, shown and set, with virsh's options and columns. */
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_iotune.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

static const char *const option_names[DOMAIN_IOTUNE_COUNT] = {
	"total-bytes-sec", "read-bytes-sec", "write-bytes-sec", "total-iops-sec", "read-iops-sec", "write-iops-sec",
	"total-bytes-sec-max", "read-bytes-sec-max", "write-bytes-sec-max", "total-iops-sec-max", "read-iops-sec-max", "write-iops-sec-max",
};

static int show(struct shell *shell, struct domain *domain, unsigned flags, const char *device)
{
	u64 values[DOMAIN_IOTUNE_COUNT];
	struct manage_error error;

	if (domain_get_iotune(domain, flags, device, values, &error))
		return shell_error(shell, "Unable to get block I/O throttle parameters\nerror: %s", error.text);
	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i++)
		shell_print(shell, "%-15s: %llu\n", domain_iotune_names[i], (unsigned long long)values[i]);
	return OK;
}

/* Which values are given; negative: the person was told. */
static int read_values(struct shell *shell, const struct shell_arguments *arguments, u64 *values)
{
	u32 which = 0;

	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i++) {
		const char *text = shell_text(arguments, option_names[i]);

		if (!text)
			continue;
		if (string_to_u64(text, &values[i]))
			return shell_error(shell, "Unable to parse integer parameter '%s'", option_names[i]);
		which |= BIT32(i);
	}
	return (int)which;
}

static int blkdeviotune(struct shell *shell, const struct shell_arguments *arguments)
{
	bool current = shell_flag(arguments, "current"), live = shell_flag(arguments, "live"), config = shell_flag(arguments, "config");
	unsigned flags = (live ? DOMAIN_TUNE_LIVE : 0) | (config ? DOMAIN_TUNE_CONFIG : 0);
	u64 values[DOMAIN_IOTUNE_COUNT] = { 0 };
	struct manage_error error;
	struct domain *domain;
	int which = read_values(shell, arguments, values), code = OK;

	if (which < 0)
		return which;
	if (current && (live || config))
		return shell_error(shell, "Options --current and --%s are mutually exclusive", live ? "live" : "config");
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (!which)
		code = show(shell, domain, flags, shell_text(arguments, "device"));
	else if (domain_set_iotune(domain, flags, shell_text(arguments, "device"), (u32)which, values, &error))
		code = shell_error(shell, "Unable to change block I/O throttle\nerror: %s", error.text);
	domain_put(domain);
	return code;
}

#define LIMIT(option, words) { .name = option, .help = words, .kind = SHELL_TEXT }

static const struct shell_option iotune_options[] = {
	DOMAIN_OPTION(domains), { .name = "device", .help = "block device", .kind = SHELL_TEXT, .required = true },
	LIMIT("total-bytes-sec", "total throughput limit, in bytes per second"),
	LIMIT("read-bytes-sec", "read throughput limit, in bytes per second"),
	LIMIT("write-bytes-sec", "write throughput limit, in bytes per second"),
	LIMIT("total-iops-sec", "total I/O operations limit per second"), LIMIT("read-iops-sec", "read I/O operations limit per second"),
	LIMIT("write-iops-sec", "write I/O operations limit per second"), LIMIT("total-bytes-sec-max", "total max, in bytes"),
	LIMIT("read-bytes-sec-max", "read max, in bytes"), LIMIT("write-bytes-sec-max", "write max, in bytes"),
	LIMIT("total-iops-sec-max", "total I/O operations max"), LIMIT("read-iops-sec-max", "read I/O operations max"),
	LIMIT("write-iops-sec-max", "write I/O operations max"),
	{ .name = "config", .help = "affect next boot", .kind = SHELL_FLAG }, { .name = "live", .help = "affect running domain", .kind = SHELL_FLAG },
	{ .name = "current", .help = "affect current domain", .kind = SHELL_FLAG }, { 0 },
};

const struct shell_command shell_commands_domain_iotune[] = {
	{ .name = "blkdeviotune", .help = "Set or query a block device I/O tuning parameters.",
	  .description = "Set or query disk I/O parameters such as block throttling.", .options = iotune_options, .function = blkdeviotune,
	  .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

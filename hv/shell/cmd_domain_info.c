/* SPDX-License-Identifier: MIT */
/* What a domain is and does: dominfo, domstate, domid, domuuid, domname, vcpuinfo, domtime. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/cpu_list.h"
#include "hv/manage/domain_stats.h"
#include "hv/manage/host.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

#define NS_PER_TENTH 100000000ull

static int dominfo(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	char uuid[DOMAIN_UUID_TEXT_SIZE], id[16];
	struct domain_info info;
	u64 tenths;

	if (!domain)
		return ERR_NOT_FOUND;
	domain_get_info(domain, &info);
	domain_put(domain);
	domain_uuid_format(uuid, &info.uuid);
	format(id, sizeof(id), info.id ? "%u" : "-", info.id);
	tenths = info.cpu_time_ns / NS_PER_TENTH;
	shell_print(shell, "%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n", "Id:", id, "Name:", info.name, "UUID:", uuid,
		    "OS Type:", "hvm", "State:", domain_state_name(info.state));
	if (info.why[0])
		shell_print(shell, "%-15s %s\n", "Crash reason:", info.why);
	shell_print(shell, "%-15s %u\n", "CPU(s):", info.vcpus);
	if (info.cpu_time_ns)
		shell_print(shell, "%-15s %llu.%llus\n", "CPU time:", (unsigned long long)(tenths / 10),
			    (unsigned long long)(tenths % 10));
	shell_print(shell, "%-15s %llu KiB\n%-15s %llu KiB\n", "Max memory:", (unsigned long long)info.memory_kib,
		    "Used memory:", (unsigned long long)info.current_memory_kib);
	shell_print(shell, "%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n", "Persistent:", info.persistent ? "yes" : "no",
		    "Autostart:", info.autostart ? "enable" : "disable", "Managed save:", "no", "Security model:", "none",
		    "Security DOI:", "0");
	return OK;
}

static int domstate(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_info info;

	if (!domain)
		return ERR_NOT_FOUND;
	domain_get_info(domain, &info);
	domain_put(domain);
	if (!shell_flag(arguments, "reason"))
		shell_print(shell, "%s\n", domain_state_name(info.state));
	else if (info.state == DOMAIN_CRASHED && info.why[0])
		shell_print(shell, "%s (%s: %s)\n", domain_state_name(info.state),
			    domain_reason_name(info.state, info.reason), info.why);
	else
		shell_print(shell, "%s (%s)\n", domain_state_name(info.state), domain_reason_name(info.state, info.reason));
	return OK;
}

static int domid(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_info info;

	if (!domain)
		return ERR_NOT_FOUND;
	domain_get_info(domain, &info);
	domain_put(domain);
	shell_print(shell, info.id ? "%u\n" : "-\n", info.id);
	return OK;
}

static int domuuid(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct domain_info info;

	if (!domain)
		return ERR_NOT_FOUND;
	domain_get_info(domain, &info);
	domain_put(domain);
	domain_uuid_format(uuid, &info.uuid);
	shell_print(shell, "%s\n", uuid);
	return OK;
}

static int domname(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_info info;

	if (!domain)
		return ERR_NOT_FOUND;
	domain_get_info(domain, &info);
	domain_put(domain);
	shell_print(shell, "%s\n", info.name);
	return OK;
}

static void print_affinity(struct shell *shell, const struct cpu_mask *mask, bool pretty)
{
	char list[256];
	struct host_node node;

	host_node(&node);
	if (pretty) {
		cpu_list_format(list, sizeof(list), mask, node.cpus);
		shell_print(shell, "%-15s %s (out of %u)\n", "CPU Affinity:", list, node.cpus);
		return;
	}
	shell_print(shell, "%-15s ", "CPU Affinity:");
	for (u32 i = 0; i < node.cpus; i++)
		shell_write(shell, cpu_mask_has(mask, i) ? "y" : "-", 1);
	shell_print(shell, "\n");
}

static struct cpu_mask affinity_of(struct domain *domain, u32 vcpu)
{
	struct domain_tune *tune = kzalloc(sizeof(*tune));
	struct cpu_mask mask = CPU_MASK_ALL;
	u32 vcpus;

	if (tune && !domain_get_tune(domain, DOMAIN_TUNE_CURRENT, tune, &vcpus, NULL))
		mask = domain_tune_cpus(tune, vcpu);
	kfree(tune);
	return mask;
}

static void print_vcpu(struct shell *shell, const struct domain_vcpu *vcpu, const struct cpu_mask *mask, bool pretty)
{
	static const char *const states[] = { "offline", "running", "blocked" };
	u64 tenths = vcpu->cpu_time_ns / NS_PER_TENTH;

	shell_print(shell, "%-15s %u\n%-15s %u\n%-15s %s\n%-15s %llu.%llus\n", "VCPU:", vcpu->number, "CPU:", vcpu->cpu,
		    "State:", states[vcpu->state], "CPU time:", (unsigned long long)(tenths / 10),
		    (unsigned long long)(tenths % 10));
	print_affinity(shell, mask, pretty);
}

static int vcpuinfo(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	bool pretty = shell_flag(arguments, "pretty");
	struct domain_vcpu *vcpus;
	struct domain_info info;
	u32 count;

	if (!domain)
		return ERR_NOT_FOUND;
	vcpus = kzalloc(DOMAIN_VCPUS_MAX * sizeof(*vcpus));
	if (!vcpus) {
		domain_put(domain);
		return shell_error(shell, "out of memory");
	}
	domain_get_info(domain, &info);
	if (domain_get_vcpus(domain, vcpus, DOMAIN_VCPUS_MAX, &count, NULL)) {
		for (u32 i = 0; i < info.vcpus; i++) {
			struct cpu_mask mask = affinity_of(domain, i);

			shell_print(shell, "%s%-15s %u\n%-15s %s\n%-15s %s\n%-15s %s\n", i ? "\n" : "", "VCPU:", i, "CPU:",
				    "N/A", "State:", "N/A", "CPU time", "N/A");
			print_affinity(shell, &mask, pretty);
		}
	}
	for (u32 i = 0; i < count; i++) {
		struct cpu_mask mask = affinity_of(domain, i);

		if (i)
			shell_print(shell, "\n");
		print_vcpu(shell, &vcpus[i], &mask, pretty);
	}
	kfree(vcpus);
	domain_put(domain);
	return OK;
}

/* Days since 1970 to a date, in the proleptic Gregorian calendar; years begin in March, so that leap days end them. */
static void print_date(struct shell *shell, u64 seconds)
{
	u64 days = seconds / 86400 + 719468, era = days / 146097, day = days % 146097;
	u64 year = (day - day / 1460 + day / 36524 - day / 146096) / 365, month;

	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	day -= (153 * month + 2) / 5;
	month = month < 10 ? month + 3 : month - 9;
	seconds %= 86400;
	shell_print(shell, "Time: %llu-%02llu-%02llu %02llu:%02llu:%02llu\n",
		    (unsigned long long)(year + era * 400 + (month <= 2)), (unsigned long long)month,
		    (unsigned long long)day + 1, (unsigned long long)(seconds / 3600),
		    (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60));
}

static int domtime(struct shell *shell, const struct shell_arguments *arguments)
{
	bool now = shell_flag(arguments, "now"), sync = shell_flag(arguments, "sync");
	struct domain *domain;
	struct manage_error error;
	u64 seconds;
	int code, set = shell_number(shell, arguments, "time", &seconds);

	if (set < 0)
		return set;
	if (set && now)
		return shell_error(shell, "Options --time and --now are mutually exclusive");
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	code = domain_get_time(domain, &seconds, &error);
	domain_put(domain);
	if (code)
		return shell_error(shell, "%s", error.text);
	if (set || now || sync)
		return shell_error(shell, "Operation not supported: a guest's clock is set in the guest; this version of Solera has no "
				   "guest agent");
	if (shell_flag(arguments, "pretty"))
		print_date(shell, seconds);
	else
		shell_print(shell, "Time: %llu\n", (unsigned long long)seconds);
	return OK;
}

static const struct shell_option domain_options[] = { DOMAIN_OPTION(domains), { 0 } };
static const struct shell_option domstate_options[] = {
	DOMAIN_OPTION(domains), { .name = "reason", .help = "also print reason for the state", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option vcpuinfo_options[] = {
	DOMAIN_OPTION(domains), { .name = "pretty", .help = "return human readable output", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option domtime_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "now", .help = "set to the time of the host (not supported yet)", .kind = SHELL_FLAG },
	{ .name = "pretty", .help = "print domain's time in human readable form", .kind = SHELL_FLAG },
	{ .name = "sync", .help = "synchronize from domain's RTC (not supported yet)", .kind = SHELL_FLAG },
	{ .name = "time", .help = "time to set (not supported yet)", .kind = SHELL_NUMBER },
	{ 0 },
};

const struct shell_command shell_commands_domain_info[] = {
	{ .name = "dominfo", .help = "domain information", .description = "Returns basic information about the domain.",
	  .options = domain_options, .function = dominfo, .group = SHELL_GROUP_MONITOR },
	{ .name = "domstate", .help = "domain state", .description = "Returns state about a domain.",
	  .options = domstate_options, .function = domstate, .group = SHELL_GROUP_MONITOR },
	{ .name = "domtime", .help = "domain time", .options = domtime_options, .function = domtime,
	  .description = "Gets the time of the domain's real-time clock.", .group = SHELL_GROUP_MONITOR },
	{ .name = "domid", .help = "convert a domain name or UUID to domain id", .options = domain_options, .function = domid,
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "domname", .help = "convert a domain id or UUID to domain name", .options = domain_options,
	  .function = domname, .group = SHELL_GROUP_DOMAIN },
	{ .name = "domuuid", .help = "convert a domain name or id to domain UUID", .options = domain_options,
	  .function = domuuid, .group = SHELL_GROUP_DOMAIN },
	{ .name = "vcpuinfo", .help = "detailed domain vcpu information", .options = vcpuinfo_options, .function = vcpuinfo,
	  .description = "Returns basic information about the domain virtual CPUs.", .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* cpu-stats: what a domain had of each CPU of the host, as virsh prints it. */
#include "hv/kmalloc.h"
#include "hv/lib/cpu_mask.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_stats.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

#define NS_PER_SECOND 1000000000ull

static void print_seconds(struct shell *shell, const char *name, u64 ns)
{
	shell_print(shell, "\t%-12s %9llu.%09llu seconds\n", name, (unsigned long long)(ns / NS_PER_SECOND),
		    (unsigned long long)(ns % NS_PER_SECOND));
}

/* --start or --count. 1: given; 0: not; negative: told. virsh has a sentence of its own for negative ones. */
static int read_range(struct shell *shell, const struct shell_arguments *arguments, const char *name, const char *what, u64 *value)
{
	const char *text = shell_text(arguments, name);
	u64 ignored;

	if (text && text[0] == '-' && string_to_u64(text + 1, &ignored) == OK)
		return shell_error(shell, "Invalid value for %s", what);
	return shell_number(shell, arguments, name, value);
}

static void print_each(struct shell *shell, const struct domain_cpu_time *times, u64 start, u64 end)
{
	for (u64 i = start; i < end; i++) {
		shell_print(shell, "CPU%llu:\n", (unsigned long long)i);
		print_seconds(shell, "cpu_time", times[i].cpu_ns);
		print_seconds(shell, "vcpu_time", times[i].vcpu_ns);
	}
}

/* user: inside the guest; system: Solera's work for it. */
static void print_total(struct shell *shell, const struct domain_cpu_time *times, u32 cpus, u64 user_ns)
{
	u64 total = 0;

	for (u32 i = 0; i < cpus; i++)
		total += times[i].cpu_ns;
	total = MAX(total, user_ns); /* it runs between the two readings */
	shell_print(shell, "Total:\n");
	print_seconds(shell, "cpu_time", total);
	print_seconds(shell, "user_time", user_ns);
	print_seconds(shell, "system_time", total - user_ns);
}

static int user_time(struct domain *domain, u64 *user_ns, struct manage_error *error)
{
	struct domain_vcpu *vcpus = kmalloc(DOMAIN_VCPUS_MAX * sizeof(*vcpus));
	u32 count = 0;
	int code = vcpus ? domain_get_vcpus(domain, vcpus, DOMAIN_VCPUS_MAX, &count, error) : manage_fail_no_memory(error);

	*user_ns = 0;
	for (u32 i = 0; !code && i < count; i++)
		*user_ns += vcpus[i].guest_time_ns;
	kfree(vcpus);
	return code;
}

struct wanted {
	bool total, each;
	u64 start, count;
};

static int show(struct shell *shell, struct domain *domain, const char *named, const struct wanted *wanted)
{
	struct domain_cpu_time *times = kmalloc(CPU_MAX * sizeof(*times));
	struct manage_error error;
	u64 user_ns = 0;
	u32 cpus = 0;
	int code = times ? user_time(domain, &user_ns, &error) : manage_fail_no_memory(&error);

	if (!code)
		code = domain_get_cpu_times(domain, times, CPU_MAX, &cpus, &error);
	if (code)
		code = shell_fail(shell, &error, "Failed to retrieve CPU statistics for domain '%s'", named);
	else if (wanted->each && wanted->start >= cpus)
		code = shell_error(shell, "Start CPU %llu is out of range (min: 0, max: %u)", (unsigned long long)wanted->start, cpus - 1);
	if (!code && wanted->each)
		print_each(shell, times, wanted->start, wanted->start + MIN(wanted->count, cpus - wanted->start));
	if (!code && wanted->total)
		print_total(shell, times, cpus, user_ns);
	kfree(times);
	return code;
}

static int cpu_stats(struct shell *shell, const struct shell_arguments *arguments)
{
	struct wanted wanted = { .total = shell_flag(arguments, "total"), .count = CPU_MAX };
	struct domain *domain = shell_domain(shell, arguments);
	int start, count, code;

	if (!domain)
		return ERR_NOT_FOUND;
	start = read_range(shell, arguments, "start", "start CPU", &wanted.start);
	count = start < 0 ? start : read_range(shell, arguments, "count", "number of CPUs to show", &wanted.count);
	if (count < 0) {
		domain_put(domain);
		return ERR_INVALID;
	}
	wanted.each = start || count || !wanted.total;
	wanted.total = wanted.total || (!start && !count);
	code = show(shell, domain, shell_text(arguments, "domain"), &wanted);
	domain_put(domain);
	return code;
}

static const struct shell_option cpu_stats_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "total", .help = "Show total statistics only", .kind = SHELL_FLAG },
	{ .name = "start", .help = "Show statistics from this CPU", .kind = SHELL_NUMBER, .only_by_name = true },
	{ .name = "count", .help = "Number of shown CPUs at most", .kind = SHELL_NUMBER, .only_by_name = true },
	{ 0 },
};

const struct shell_command shell_commands_domain_cpu[] = {
	{ .name = "cpu-stats", .help = "show domain cpu statistics", .options = cpu_stats_options, .function = cpu_stats,
	  .description = "Display per-CPU and total statistics about the domain's CPUs", .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

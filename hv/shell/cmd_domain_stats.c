/* SPDX-License-Identifier: MIT */
/* domstats: figures by groups, in libvirt's names; Solera's own stand in group vm. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_disks.h"
#include "hv/manage/domain_stats.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

static void print_u64(struct shell *shell, const char *name, u64 value)
{
	shell_print(shell, "  %s=%llu\n", name, (unsigned long long)value);
}

static void print_state(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	(void)domain;
	print_u64(shell, "state.state", info->state);
	print_u64(shell, "state.reason", info->reason);
}

static void print_cpu_total(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	struct domain_vcpu vcpus[DOMAIN_VCPUS_MAX];
	u64 total = info->cpu_time_ns, user = 0;
	u32 count;

	if (domain_get_vcpus(domain, vcpus, DOMAIN_VCPUS_MAX, &count, NULL))
		return;
	for (u32 i = 0; i < count; i++)
		user += vcpus[i].guest_time_ns;
	total = MAX(total, user); /* it runs between the two readings */
	print_u64(shell, "cpu.time", total);
	print_u64(shell, "cpu.user", user); /* inside the guest */
	print_u64(shell, "cpu.system", total - user);
}

static void print_balloon(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	struct domain_memory memory;

	if (info->id)
		print_u64(shell, "balloon.current", info->current_memory_kib);
	print_u64(shell, "balloon.maximum", info->memory_kib);
	if (!domain_get_memory(domain, &memory, NULL))
		print_u64(shell, "balloon.rss", memory.populated_bytes / KIB); /* of its RAM, what it has touched */
}

static void print_vcpus(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	struct domain_vcpu vcpus[DOMAIN_VCPUS_MAX];
	u32 count;

	print_u64(shell, "vcpu.current", info->vcpus);
	print_u64(shell, "vcpu.maximum", info->vcpus);
	if (domain_get_vcpus(domain, vcpus, DOMAIN_VCPUS_MAX, &count, NULL))
		return;
	for (u32 i = 0; i < count; i++) {
		shell_print(shell, "  vcpu.%u.state=%u\n", vcpus[i].number, vcpus[i].state);
		shell_print(shell, "  vcpu.%u.time=%llu\n", vcpus[i].number, (unsigned long long)vcpus[i].cpu_time_ns);
		shell_print(shell, "  vcpu.%u.wait=%llu\n", vcpus[i].number, (unsigned long long)vcpus[i].steal_ns);
		shell_print(shell, "  vcpu.%u.halted=%s\n", vcpus[i].number,
			    vcpus[i].state == DOMAIN_VCPU_BLOCKED ? "yes" : "no");
		shell_print(shell, "  vcpu.%u.exits.sum=%llu\n", vcpus[i].number, (unsigned long long)vcpus[i].exits);
	}
}

static void print_interface(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	(void)domain;
	if (info->id)
		print_u64(shell, "net.count", 0); /* this version of Solera has no network devices */
}

static void print_disk(struct shell *shell, u32 i, const struct domain_disk_info *disk, bool active)
{
	const struct disk_statistics *s = &disk->statistics;
	const struct { const char *name; u64 value; bool always; } rows[] = {
		{ "rd.reqs", s->read_requests, false }, { "rd.bytes", s->read_bytes, false }, { "rd.times", s->read_ns, false },
		{ "wr.reqs", s->write_requests, false }, { "wr.bytes", s->write_bytes, false }, { "wr.times", s->write_ns, false },
		{ "fl.reqs", s->flush_requests, false }, { "fl.times", s->flush_ns, false },
		{ "errors", s->errors, false }, { "allocation", disk->allocation_bytes, true },
		{ "capacity", disk->capacity_bytes, true }, { "physical", disk->physical_bytes, true },
	};

	shell_print(shell, "  block.%u.name=%s\n  block.%u.path=%s\n", i, disk->target, i, disk->source);
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
		if (rows[k].always ? disk->found : active)
			shell_print(shell, "  block.%u.%s=%llu\n", i, rows[k].name, (unsigned long long)rows[k].value);
}

static void print_block(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	struct domain_disk_info *disks = kzalloc(DOMAIN_DISKS_MAX * sizeof(*disks));
	struct manage_error error;
	u32 count = 0;

	if (!disks || domain_get_disks(domain, false, disks, DOMAIN_DISKS_MAX, &count, &error)) {
		kfree(disks);
		return;
	}
	print_u64(shell, "block.count", count);
	for (u32 i = 0; i < count; i++)
		print_disk(shell, i, &disks[i], info->id != 0);
	kfree(disks);
}

static void print_exits(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	struct domain_exit_kind kinds[DOMAIN_EXIT_KINDS_MAX];
	u32 count;

	(void)info;
	if (domain_get_exits(domain, DOMAIN_EXITS_OF_ALL, kinds, DOMAIN_EXIT_KINDS_MAX, &count, NULL))
		return;
	for (u32 i = 0; i < count; i++) {
		char name[32];
		size_t length = string_copy(name, kinds[i].name, sizeof(name));

		for (size_t c = 0; c < MIN(length, sizeof(name) - 1); c++) {
			if (name[c] >= 'A' && name[c] <= 'Z')
				name[c] = (char)(name[c] | 0x20);
		}
		if (kinds[i].count)
			shell_print(shell, "  vm.%s_exits.sum=%llu\n", name, (unsigned long long)kinds[i].count);
	}
}

static void print_vm(struct shell *shell, struct domain *domain, const struct domain_info *info)
{
	struct domain_memory memory;

	if (domain_get_memory(domain, &memory, NULL))
		return;
	print_exits(shell, domain, info);
	print_u64(shell, "vm.nested_tables.cur", memory.nested_table_bytes);
	print_u64(shell, "vm.zeroing.bytes.sum", memory.zeroed_bytes);
	print_u64(shell, "vm.zeroing.time.sum", memory.zeroing_ns);
}

static const struct group {
	const char *option;
	void (*print)(struct shell *shell, struct domain *domain, const struct domain_info *info);
} groups[] = {
	{ "state", print_state }, { "cpu-total", print_cpu_total }, { "balloon", print_balloon },
	{ "vcpu", print_vcpus }, { "interface", print_interface }, { "block", print_block }, { "vm", print_vm },
};

static void print_domain(struct shell *shell, const struct shell_arguments *arguments, struct domain *domain, bool *first)
{
	struct domain_info info;
	bool some = false;

	domain_get_info(domain, &info);
	shell_print(shell, "%sDomain: '%s'\n", *first ? "" : "\n", info.name);
	*first = false;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		some = some || shell_flag(arguments, groups[i].option);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!some || shell_flag(arguments, groups[i].option))
			groups[i].print(shell, domain, &info);
	}
}

/* --list-…: any of the named ones; none named: all. */
static bool chosen(const struct shell_arguments *arguments, const struct domain_info *info)
{
	static const struct { const char *yes, *no; } pairs[] = {
		{ "list-active", "list-inactive" }, { "list-persistent", "list-transient" },
	};
	const bool is[] = { info->id != 0, info->persistent };
	bool running = shell_flag(arguments, "list-running"), paused = shell_flag(arguments, "list-paused");
	bool shutoff = shell_flag(arguments, "list-shutoff"), other = shell_flag(arguments, "list-other");

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		bool yes = shell_flag(arguments, pairs[i].yes), no = shell_flag(arguments, pairs[i].no);

		if (yes != no && yes != is[i])
			return false;
	}
	if (!running && !paused && !shutoff && !other)
		return true;
	switch (info->state) {
	case DOMAIN_RUNNING: return running;
	case DOMAIN_PAUSED: return paused;
	case DOMAIN_SHUTOFF: return shutoff;
	default: return other;
	}
}

static int domstats(struct shell *shell, const struct shell_arguments *arguments)
{
	struct manage_error error;
	struct domain **all;
	bool first = true;
	size_t count;

	for (unsigned i = 0; i < shell_rest_count(arguments); i++) {
		struct domain *domain = domain_lookup(shell_rest(arguments, i), &error);

		if (!domain)
			return shell_error(shell, "%s", error.text);
		print_domain(shell, arguments, domain, &first);
		domain_put(domain);
	}
	if (shell_rest_count(arguments))
		return OK;
	if (domains_all(&all, &count, &error))
		return shell_error(shell, "%s", error.text);
	shell_sort_domains(all, count);
	for (size_t i = 0; i < count; i++) {
		struct domain_info info;

		domain_get_info(all[i], &info);
		if (chosen(arguments, &info))
			print_domain(shell, arguments, all[i], &first);
	}
	domains_free(all, count);
	return OK;
}

static const struct shell_option domstats_options[] = {
	{ .name = "state", .help = "report domain state", .kind = SHELL_FLAG },
	{ .name = "cpu-total", .help = "report domain physical cpu usage", .kind = SHELL_FLAG },
	{ .name = "balloon", .help = "report domain balloon statistics", .kind = SHELL_FLAG },
	{ .name = "vcpu", .help = "report domain virtual cpu information", .kind = SHELL_FLAG },
	{ .name = "interface", .help = "report domain network interface information", .kind = SHELL_FLAG },
	{ .name = "block", .help = "report domain block device statistics", .kind = SHELL_FLAG },
	{ .name = "vm", .help = "report hypervisor-specific statistics", .kind = SHELL_FLAG },
	{ .name = "list-active", .help = "list only active domains", .kind = SHELL_FLAG },
	{ .name = "list-inactive", .help = "list only inactive domains", .kind = SHELL_FLAG },
	{ .name = "list-persistent", .help = "list only persistent domains", .kind = SHELL_FLAG },
	{ .name = "list-transient", .help = "list only transient domains", .kind = SHELL_FLAG },
	{ .name = "list-running", .help = "list only running domains", .kind = SHELL_FLAG },
	{ .name = "list-paused", .help = "list only paused domains", .kind = SHELL_FLAG },
	{ .name = "list-shutoff", .help = "list only shutoff domains", .kind = SHELL_FLAG },
	{ .name = "list-other", .help = "list only domains in other states", .kind = SHELL_FLAG },
	{ .name = "raw", .help = "do not pretty-print the fields", .kind = SHELL_FLAG },
	{ .name = "nowait", .help = "report only stats that are accessible instantly", .kind = SHELL_FLAG },
	{ .name = "domain", .help = "list of domains to get stats for", .kind = SHELL_REST, .complete = shell_complete_domains },
	{ 0 },
};

const struct shell_command shell_commands_domain_stats[] = {
	{ .name = "domstats", .help = "get statistics about one or multiple domains", .options = domstats_options,
	  .description = "Gets statistics about one or more (or all) domains", .function = domstats, .group = SHELL_GROUP_MONITOR },
	{ 0 },
};

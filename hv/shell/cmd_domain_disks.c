/* SPDX-License-Identifier: MIT */
/* A domain's disks: domblklist, domblkinfo, domblkstat, domblkerror, blockresize, with virsh's columns and words. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_disks.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"
#include "hv/shell/storage_argument.h"
#include "hv/shell/table.h"

/* All disks of the <domain> argument, kmalloc'd; NULL: the person was told. */
static struct domain_disk_info *all_disks(struct shell *shell, struct domain *domain, bool inactive, u32 *count)
{
	struct domain_disk_info *infos = kzalloc(DOMAIN_DISKS_MAX * sizeof(*infos));
	struct manage_error error;

	if (!infos) {
		shell_error(shell, "out of memory");
		return NULL;
	}
	if (domain_get_disks(domain, inactive, infos, DOMAIN_DISKS_MAX, count, &error)) {
		shell_error(shell, "%s", error.text);
		kfree(infos);
		return NULL;
	}
	return infos;
}

static int domblklist(struct shell *shell, const struct shell_arguments *arguments)
{
	bool details = shell_flag(arguments, "details");
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_disk_info *infos;
	struct shell_table table;
	u32 count;

	if (!domain)
		return ERR_NOT_FOUND;
	infos = all_disks(shell, domain, shell_flag(arguments, "inactive"), &count);
	domain_put(domain);
	if (!infos)
		return ERR_INVALID;
	if (details)
		shell_table_begin(&table, 4, "Type", "Device", "Target", "Source");
	else
		shell_table_begin(&table, 2, "Target", "Source");
	for (u32 i = 0; i < count; i++) {
		if (details)
			shell_table_row(&table, infos[i].pool[0] ? "volume" : infos[i].block ? "block" : "file", infos[i].cdrom ? "cdrom" : "disk", infos[i].target,
					infos[i].source[0] ? infos[i].source : "-");
		else
			shell_table_row(&table, infos[i].target, infos[i].source[0] ? infos[i].source : "-");
	}
	shell_table_end(&table, shell);
	kfree(infos);
	return OK;
}

/* As virsh does with --human: "512 B", "1023.995 GiB"; without: the bytes. */
static void format_size(char *text, size_t size, u64 bytes, bool human)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	u64 unit = 1;
	unsigned i = 0;

	for (; human && i + 1 < ARRAY_SIZE(units) && bytes / unit >= 1024; i++)
		unit *= 1024;
	if (!human)
		format(text, size, "%llu", (unsigned long long)bytes);
	else
		format(text, size, "%llu.%03llu %s", (unsigned long long)(bytes / unit),
		       (unsigned long long)(bytes % unit * 1000 / unit), units[i]);
}

static void format_sizes(char sizes[3][32], const struct domain_disk_info *info, bool human)
{
	format_size(sizes[0], sizeof(sizes[0]), info->capacity_bytes, human);
	format_size(sizes[1], sizeof(sizes[1]), info->allocation_bytes, human);
	format_size(sizes[2], sizeof(sizes[2]), info->physical_bytes, human);
}

static void print_one_info(struct shell *shell, const struct domain_disk_info *info, bool human)
{
	char sizes[3][32];

	format_sizes(sizes, info, human);
	shell_print(shell, "%-15s %s\n%-15s %s\n%-15s %s\n", "Capacity:", sizes[0], "Allocation:", sizes[1], "Physical:", sizes[2]);
}

static int all_infos(struct shell *shell, struct domain *domain, bool human)
{
	struct domain_disk_info *infos;
	struct shell_table table;
	u32 count;

	infos = all_disks(shell, domain, false, &count);
	if (!infos)
		return ERR_INVALID;
	shell_table_begin(&table, 4, "Target", "Capacity", "Allocation", "Physical");
	for (u32 i = 0; i < count; i++) {
		char sizes[3][32] = { "-", "-", "-" };

		if (infos[i].found)
			format_sizes(sizes, &infos[i], human);
		shell_table_row(&table, infos[i].target, sizes[0], sizes[1], sizes[2]);
	}
	shell_table_end(&table, shell);
	kfree(infos);
	return OK;
}

static int domblkinfo(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *path = shell_text(arguments, "device");
	bool human = shell_flag(arguments, "human"), all = shell_flag(arguments, "all");
	struct domain_disk_info info;
	struct manage_error error;
	struct domain *domain;
	int code = OK;

	if (!all && !path)
		return shell_error(shell, "command 'domblkinfo' requires either --device or --all");
	if (all && path)
		return shell_error(shell, "Options --all and --device are mutually exclusive");
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	if (all)
		code = all_infos(shell, domain, human);
	else if (domain_get_disk(domain, path, false, &info, &error))
		code = shell_error(shell, "%s", error.text);
	else if (!info.source[0])
		code = shell_error(shell, "missing source information for device %s", path); /* virsh's words for a drive without a medium */
	else if (!info.found)
		code = shell_error(shell, "there is no '%s' on this host", info.source);
	else
		print_one_info(shell, &info, human);
	domain_put(domain);
	return code;
}

static void print_statistics(struct shell *shell, const char *device, const struct disk_statistics *statistics, bool human)
{
	const struct { const char *field, *words; u64 value; } rows[] = {
		{ "rd_req", "number of read operations:", statistics->read_requests },
		{ "rd_bytes", "number of bytes read:", statistics->read_bytes },
		{ "wr_req", "number of write operations:", statistics->write_requests },
		{ "wr_bytes", "number of bytes written:", statistics->write_bytes },
		{ "errs", "error count:", statistics->errors },
		{ "flush_operations", "number of flush operations:", statistics->flush_requests },
		{ "rd_total_times", "total duration of reads (ns):", statistics->read_ns },
		{ "wr_total_times", "total duration of writes (ns):", statistics->write_ns },
		{ "flush_total_times", "total duration of flushes (ns):", statistics->flush_ns },
	};

	if (human)
		shell_print(shell, "Device: %s\n", device);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (human)
			shell_print(shell, " %-31s %llu\n", rows[i].words, (unsigned long long)rows[i].value);
		else
			shell_print(shell, "%s %s %llu\n", device, rows[i].field, (unsigned long long)rows[i].value);
	}
}

static void add(struct disk_statistics *to, const struct disk_statistics *from)
{
	to->read_requests += from->read_requests;
	to->read_bytes += from->read_bytes;
	to->read_ns += from->read_ns;
	to->write_requests += from->write_requests;
	to->write_bytes += from->write_bytes;
	to->write_ns += from->write_ns;
	to->flush_requests += from->flush_requests;
	to->flush_ns += from->flush_ns;
	to->errors += from->errors;
}

/* Without a device: the sum of all, as libvirt gives it, under an empty name. */
static int sum_statistics(struct shell *shell, struct domain *domain, struct disk_statistics *sum)
{
	struct domain_disk_info *infos;
	struct domain_info state;
	u32 count;

	domain_get_info(domain, &state);
	if (!state.id)
		return shell_error(shell, "Requested operation is not valid: domain is not running");
	infos = all_disks(shell, domain, false, &count);
	if (!infos)
		return ERR_INVALID;
	for (u32 i = 0; i < count; i++)
		add(sum, &infos[i].statistics);
	kfree(infos);
	return OK;
}

static int domblkstat(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *path = shell_text(arguments, "device");
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_disk_info info = { .found = false };
	struct manage_error error;
	int code;

	if (!domain)
		return ERR_NOT_FOUND;
	if (path && *path) {
		code = domain_get_disk(domain, path, true, &info, &error);
		if (code)
			shell_fail(shell, &error, "Failed to get block stats %s %s", shell_text(arguments, "domain"), path);
	} else {
		code = sum_statistics(shell, domain, &info.statistics);
	}
	domain_put(domain);
	if (code == OK)
		print_statistics(shell, path ? path : "", &info.statistics, shell_flag(arguments, "human"));
	return code;
}

static int domblkerror(struct shell *shell, const struct shell_arguments *arguments)
{
	static const char *const words[] = { "no error", "unspecified error", "no space" };
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_disk_info *infos;
	struct domain_info state;
	bool any = false;
	u32 count;

	if (!domain)
		return ERR_NOT_FOUND;
	domain_get_info(domain, &state);
	infos = state.id ? all_disks(shell, domain, false, &count) : NULL;
	domain_put(domain);
	if (!state.id)
		return shell_error(shell, "Requested operation is not valid: domain is not running");
	if (!infos)
		return ERR_INVALID;
	for (u32 i = 0; i < count; i++) {
		u32 last = infos[i].statistics.last_error;

		if (last && last < ARRAY_SIZE(words))
			shell_print(shell, "%s: %s\n", infos[i].target, words[last]);
		any = any || last;
	}
	if (!any)
		shell_print(shell, "No errors found\n");
	kfree(infos);
	return OK;
}

/* A number alone is KiB, as in virsh; storage_size's are bytes. */
static int kib_or_scaled(struct shell *shell, const char *text, u64 *bytes)
{
	char scaled[32];
	size_t digits = 0;

	while (text[digits] >= '0' && text[digits] <= '9')
		digits++;
	if (digits && !text[digits] && digits < sizeof(scaled) - 1) {
		format(scaled, sizeof(scaled), "%sK", text);
		text = scaled;
	}
	return storage_size(shell, text, bytes);
}

static int blockresize(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *path = shell_text(arguments, "path");
	struct manage_error error;
	struct domain *domain;
	u64 bytes;
	int code = kib_or_scaled(shell, shell_text(arguments, "size"), &bytes);

	if (code)
		return code;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	code = domain_block_resize(domain, path, bytes, &error);
	domain_put(domain);
	if (code)
		return shell_fail(shell, &error, "Failed to resize block device '%s'", path);
	shell_print(shell, "Block device '%s' is resized\n", path);
	return OK;
}

static const struct shell_option resize_options[] = {
	DOMAIN_OPTION(active), { .name = "path", .help = "Fully-qualified path of block device", .kind = SHELL_TEXT, .required = true },
	{ .name = "size", .help = "New size of the block device, as scaled integer (default KiB)", .kind = SHELL_TEXT, .required = true }, { 0 },
};
static const struct shell_option list_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "inactive", .help = "get inactive rather than running configuration", .kind = SHELL_FLAG },
	{ .name = "details", .help = "additionally display the type and device value", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option info_options[] = {
	DOMAIN_OPTION(domains), { .name = "device", .help = "block device", .kind = SHELL_TEXT },
	{ .name = "human", .help = "Human readable output", .kind = SHELL_FLAG },
	{ .name = "all", .help = "display all block devices info", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option stat_options[] = {
	DOMAIN_OPTION(active), { .name = "device", .help = "block device", .kind = SHELL_TEXT },
	{ .name = "human", .help = "print a more human readable output", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option error_options[] = { DOMAIN_OPTION(active), { 0 } };

const struct shell_command shell_commands_domain_disks[] = {
	{ .name = "blockresize", .help = "Resize block device of domain.",
	  .description = "Resize block device of domain. A raw file of a file system grows, by zeroes that are written; the guest is told.",
	  .options = resize_options, .function = blockresize, .group = SHELL_GROUP_DOMAIN },
	{ .name = "domblkerror", .help = "Show errors on block devices", .description = "Show block device errors",
	  .options = error_options, .function = domblkerror, .group = SHELL_GROUP_MONITOR },
	{ .name = "domblkinfo", .help = "domain block device size information",
	  .description = "Get block device size info for a domain.", .options = info_options, .function = domblkinfo,
	  .group = SHELL_GROUP_MONITOR },
	{ .name = "domblklist", .help = "list all domain blocks", .description = "Get the summary of block devices for a domain.",
	  .options = list_options, .function = domblklist, .group = SHELL_GROUP_MONITOR },
	{ .name = "domblkstat", .help = "get device block stats for a domain",
	  .description = "Get device block stats for a running domain. See man page or use --human for explanation of fields",
	  .options = stat_options, .function = domblkstat, .group = SHELL_GROUP_MONITOR },
	{ 0 },
};

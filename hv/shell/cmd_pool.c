/* SPDX-License-Identifier: MIT */
/* Storage pools: pool-list, pool-info, pool-define, pool-start…, with virsh's columns and words. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain.h"
#include "hv/shell/commands.h"
#include "hv/shell/storage_argument.h"
#include "hv/shell/table.h"

static void sort(struct pool_info *all, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k && strcmp(all[k - 1].config.name, all[k].config.name) > 0; k--) {
			struct pool_info other = all[k];

			all[k] = all[k - 1];
			all[k - 1] = other;
		}
}

static void list_row(struct shell_table *table, const struct pool_info *info, bool details)
{
	char sizes[3][STORAGE_SIZE_TEXT] = { "-", "-", "-" };

	if (!details) {
		shell_table_row(table, info->config.name, info->active ? "active" : "inactive", info->autostart ? "yes" : "no");
		return;
	}
	if (info->active) {
		storage_size_text(sizes[0], info->capacity_bytes);
		storage_size_text(sizes[1], info->allocation_bytes);
		storage_size_text(sizes[2], info->available_bytes);
	}
	shell_table_row(table, info->config.name, info->active ? "running" : "inactive", info->autostart ? "yes" : "no", "yes", sizes[0],
			sizes[1], sizes[2]);
}

static bool is_wanted(const struct shell_arguments *arguments, const struct pool_info *info)
{
	const char *type = shell_text(arguments, "type");
	bool inactive = shell_flag(arguments, "inactive"), all = shell_flag(arguments, "all");

	if (info->active ? inactive && !all : !inactive && !all)
		return false;
	if (shell_flag(arguments, "autostart") != shell_flag(arguments, "no-autostart") &&
	    info->autostart != shell_flag(arguments, "autostart"))
		return false;
	return !type || string_equal(type, pool_type_name(info->config.type));
}

static int pool_list(struct shell *shell, const struct shell_arguments *arguments)
{
	bool details = shell_flag(arguments, "details"), names = shell_flag(arguments, "name"), uuids = shell_flag(arguments, "uuid");
	struct shell_table table;
	struct manage_error error;
	struct pool_info *all;
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	size_t count;

	if (pools_all(&all, &count, &error))
		return shell_error(shell, "%s", error.text);
	sort(all, count);
	if (details)
		shell_table_begin(&table, 7, "Name", "State", "Autostart", "Persistent", "Capacity", "Allocation", "Available");
	else if (!names && !uuids)
		shell_table_begin(&table, 3, "Name", "State", "Autostart");
	for (size_t i = 0; i < count; i++) {
		if (!is_wanted(arguments, &all[i]))
			continue;
		domain_uuid_format(uuid, &all[i].config.uuid);
		if (names || uuids)
			shell_print(shell, "%s%s%s\n", uuids ? uuid : "", names && uuids ? " " : "", names ? all[i].config.name : "");
		else
			list_row(&table, &all[i], details);
	}
	if (!names && !uuids)
		shell_table_end(&table, shell);
	kfree(all);
	return OK;
}

static void print_size(struct shell *shell, const char *what, u64 bytes, bool exact)
{
	char text[STORAGE_SIZE_TEXT];

	storage_size_text(text, bytes);
	if (exact)
		shell_print(shell, "%-15s %llu\n", what, (unsigned long long)bytes);
	else
		shell_print(shell, "%-15s %s\n", what, text);
}

static int pool_info_command(struct shell *shell, const struct shell_arguments *arguments)
{
	bool exact = shell_flag(arguments, "bytes");
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct pool_info info;
	int code = shell_pool(shell, arguments, &info);

	if (code)
		return code;
	domain_uuid_format(uuid, &info.config.uuid);
	shell_print(shell, "%-15s %s\n%-15s %s\n%-15s %s\n%-15s yes\n%-15s %s\n", "Name:", info.config.name, "UUID:", uuid, "State:",
		    info.active ? "running" : "inactive", "Persistent:", "Autostart:", info.autostart ? "yes" : "no");
	if (info.active) {
		print_size(shell, "Capacity:", info.capacity_bytes, exact);
		print_size(shell, "Allocation:", info.allocation_bytes, exact);
		print_size(shell, "Available:", info.available_bytes, exact);
	}
	return OK;
}

static int pool_dumpxml(struct shell *shell, const struct shell_arguments *arguments)
{
	struct pool_info info;
	int code = shell_pool(shell, arguments, &info);
	char *xml = code ? NULL : pool_dump_xml(&info);

	if (code)
		return code;
	if (!xml)
		return shell_error(shell, "out of memory");
	shell_write(shell, xml, strlen(xml));
	kfree(xml);
	return OK;
}

static int pool_uuid(struct shell *shell, const struct shell_arguments *arguments)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct pool_info info;
	int code = shell_pool(shell, arguments, &info);

	if (!code) {
		domain_uuid_format(uuid, &info.config.uuid);
		shell_print(shell, "%s\n", uuid);
	}
	return code;
}

static int pool_define_as(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "name"), *type = shell_text(arguments, "type");
	const char *device = shell_text(arguments, "source-dev"), *target = shell_text(arguments, "target");
	struct pool_config config = { .type = POOL_DIR };
	struct manage_error error;
	struct pool_info info;
	int code;

	while (config.type <= POOL_DISK && !string_equal(type, pool_type_name(config.type)))
		config.type++;
	if (config.type > POOL_DISK)
		return shell_error(shell, "Failed to define pool %s\nerror: unsupported configuration: type '%s' is not supported by this "
				   "version of Solera (supported: dir, fs, disk)", name, type);
	if (strlen(name) > POOL_NAME_MAX || !*name || strchr(name, '/'))
		return shell_error(shell, "Failed to define pool %s\nerror: XML error: name %s cannot contain '/', be empty or longer than "
				   "%d bytes", name, name, POOL_NAME_MAX);
	string_copy(config.name, name, sizeof(config.name));
	if (device)
		string_copy(config.device, string_starts_with(device, "/dev/") ? device + 5 : device, sizeof(config.device));
	if (target)
		string_copy(config.target, target, sizeof(config.target));
	code = pool_config_complete(&config, &error);
	code = code ? code : pool_define(&config, &info, &error);
	if (code)
		return shell_fail(shell, &error, "Failed to define pool %s", name);
	shell_print(shell, "Pool %s defined\n%s\n", name, info.kept);
	return OK;
}

static int pool_define_command(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *file = shell_text(arguments, "file");
	struct manage_error error;
	struct pool_info info;
	char *pasted = NULL;
	const void *xml;
	size_t size;
	int code = OK;

	if (file) {
		if (!domain_boot_file(file, &xml, &size))
			return shell_error(shell, "Failed to open file '%s': No such file or directory", file);
	} else {
		shell_print(shell, "Paste the pool's XML; it ends with </pool>. Ctrl-C gives up.\n");
		code = shell_read_text(shell, "</pool>", 65536, &pasted);
		if (code)
			return code;
		file = "pasted text";
		xml = pasted;
		size = strlen(pasted);
	}
	if (pool_define_xml(file, xml, size, &info, &error))
		code = shell_fail(shell, &error, "Failed to define pool from %s", file);
	else
		shell_print(shell, "Pool %s defined from %s\n%s\n", info.config.name, file, info.kept);
	kfree(pasted);
	return code;
}

static int act(struct shell *shell, const struct shell_arguments *arguments, int (*function)(const char *, struct manage_error *),
	       const char *verb, const char *done)
{
	const char *name = shell_text(arguments, "pool");
	struct manage_error error;
	struct pool_info info;
	int code = shell_pool(shell, arguments, &info);

	if (code)
		return code;
	if (function(name, &error))
		return shell_fail(shell, &error, "Failed to %s pool %s", verb, name);
	shell_print(shell, "Pool %s %s\n", name, done);
	return OK;
}

static int pool_start_command(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, pool_start, "start", "started");
}

static int pool_destroy(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, pool_stop, "destroy", "destroyed");
}

static int pool_undefine_command(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "pool");
	struct manage_error error;
	struct pool_info info;
	char kept[256];
	int code = shell_pool(shell, arguments, &info);

	if (code)
		return code;
	if (pool_undefine(name, kept, &error))
		return shell_fail(shell, &error, "Failed to undefine pool %s", name);
	shell_print(shell, "Pool %s has been undefined\n%s%s", name, kept, *kept ? "\n" : "");
	return OK;
}

static int pool_autostart(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "pool");
	bool off = shell_flag(arguments, "disable");
	struct manage_error error;
	struct pool_info info;
	int code = shell_pool(shell, arguments, &info);

	if (code)
		return code;
	if (pool_set_autostart(name, !off, &info, &error))
		return shell_fail(shell, &error, "failed to %smark pool %s as autostarted", off ? "un" : "", name);
	shell_print(shell, "Pool %s %smarked as autostarted\n%s\n", name, off ? "un" : "", info.kept);
	return OK;
}

/* What a pool shows is read from the disk each time. */
static int pool_refresh(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "pool");
	struct pool_info info;
	int code = shell_pool(shell, arguments, &info);

	if (code)
		return code;
	if (!info.active) {
		shell_error(shell, "Failed to refresh pool %s", name);
		return shell_error(shell, "Requested operation is not valid: storage pool '%s' is not active", info.config.name);
	}
	shell_print(shell, "Pool %s refreshed\n", name);
	return OK;
}

static const struct shell_option pool_options[] = { POOL_OPTION, { 0 } };
static const struct shell_option info_options[] = {
	POOL_OPTION, { .name = "bytes", .help = "Return pool info in bytes", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option autostart_options[] = {
	POOL_OPTION, { .name = "disable", .help = "disable autostarting", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option define_options[] = {
	{ .name = "file", .help = "file of the boot medium with an XML pool description; without it, paste it", .kind = SHELL_TEXT }, { 0 },
};
static const struct shell_option define_as_options[] = {
	{ .name = "name", .help = "name of the pool", .kind = SHELL_TEXT, .required = true },
	{ .name = "type", .help = "type of the pool: dir, fs, disk", .kind = SHELL_TEXT, .required = true },
	{ .name = "source-dev", .help = "source device for underlying storage", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "target", .help = "target for underlying storage", .kind = SHELL_TEXT, .only_by_name = true },
	{ 0 },
};
static const struct shell_option list_options[] = {
	{ .name = "inactive", .help = "list inactive pools", .kind = SHELL_FLAG },
	{ .name = "all", .help = "list inactive & active pools", .kind = SHELL_FLAG },
	{ .name = "autostart", .help = "list pools with autostart enabled", .kind = SHELL_FLAG },
	{ .name = "no-autostart", .help = "list pools with autostart disabled", .kind = SHELL_FLAG },
	{ .name = "type", .help = "only list pool of specified type", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "details", .help = "display extended details for pools", .kind = SHELL_FLAG },
	{ .name = "uuid", .help = "list UUID of active pools only", .kind = SHELL_FLAG },
	{ .name = "name", .help = "list name of active pools only", .kind = SHELL_FLAG },
	{ 0 },
};

#define ROW(command, text, choices, call) \
	{ .name = command, .help = text, .options = choices, .function = call, .group = SHELL_GROUP_POOL }

const struct shell_command shell_commands_pool[] = {
	ROW("pool-autostart", "autostart a pool", autostart_options, pool_autostart),
	ROW("pool-define-as", "define a pool from a set of args", define_as_options, pool_define_as),
	ROW("pool-define", "define an inactive persistent storage pool or modify an existing persistent one from an XML file", define_options,
	    pool_define_command),
	ROW("pool-destroy", "destroy (stop) a pool", pool_options, pool_destroy),
	ROW("pool-dumpxml", "pool information in XML", pool_options, pool_dumpxml),
	ROW("pool-info", "storage pool information", info_options, pool_info_command),
	ROW("pool-list", "list pools", list_options, pool_list),
	ROW("pool-refresh", "refresh a pool", pool_options, pool_refresh),
	ROW("pool-start", "start a (previously defined) inactive pool", pool_options, pool_start_command),
	ROW("pool-undefine", "undefine an inactive pool", pool_options, pool_undefine_command),
	ROW("pool-uuid", "convert a pool name to pool UUID", pool_options, pool_uuid),
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* Volumes of storage pools: vol-list, vol-info, vol-create-as, vol-clone…, with virsh's columns and words. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/shell/commands.h"
#include "hv/shell/storage_argument.h"
#include "hv/shell/table.h"

/* The order in which rows are shown: by name. */
static u32 *sorted(const struct volume_info *all, size_t count)
{
	u32 *order = kmalloc((count ? count : 1) * sizeof(*order));

	for (size_t i = 0; order && i < count; i++) {
		size_t k = i;

		for (; k && strcmp(all[order[k - 1]].name, all[i].name) > 0; k--)
			order[k] = order[k - 1];
		order[k] = (u32)i;
	}
	return order;
}

static void list_rows(struct shell *shell, const struct volume_info *all, const u32 *order, size_t count, bool details)
{
	struct shell_table table;

	if (details)
		shell_table_begin(&table, 5, "Name", "Path", "Type", "Capacity", "Allocation");
	else
		shell_table_begin(&table, 2, "Name", "Path");
	for (size_t i = 0; i < count; i++) {
		const struct volume_info *info = &all[order[i]];
		char capacity[STORAGE_SIZE_TEXT], allocation[STORAGE_SIZE_TEXT];

		storage_size_text(capacity, info->capacity_bytes);
		storage_size_text(allocation, info->allocation_bytes);
		if (details)
			shell_table_row(&table, info->name, info->path, info->block ? "block" : "file", capacity, allocation);
		else
			shell_table_row(&table, info->name, info->path);
	}
	shell_table_end(&table, shell);
}

static int vol_list(struct shell *shell, const struct shell_arguments *arguments)
{
	struct manage_error error;
	struct volume_info *all;
	struct pool_info pool;
	u32 *order;
	size_t count;
	int code = shell_pool(shell, arguments, &pool);

	if (code)
		return code;
	if (volumes_all(pool.config.name, &all, &count, &error))
		return shell_fail(shell, &error, "Failed to list volumes");
	order = sorted(all, count);
	if (order)
		list_rows(shell, all, order, count, shell_flag(arguments, "details"));
	else
		code = shell_error(shell, "out of memory");
	kfree(order);
	kfree(all);
	return code;
}

static void print_size(struct shell *shell, const char *what, u64 bytes, bool exact)
{
	char text[STORAGE_SIZE_TEXT];

	storage_size_text(text, bytes);
	if (exact)
		shell_print(shell, "%-15s %llu bytes\n", what, (unsigned long long)bytes);
	else
		shell_print(shell, "%-15s %s\n", what, text);
}

static int vol_info(struct shell *shell, const struct shell_arguments *arguments)
{
	bool exact = shell_flag(arguments, "bytes");
	struct volume_info info;
	int code = shell_volume(shell, arguments, &info);

	if (code)
		return code;
	shell_print(shell, "%-15s %s\n%-15s %s\n", "Name:", info.name, "Type:", info.block ? "block" : "file");
	print_size(shell, "Capacity:", info.capacity_bytes, exact);
	print_size(shell, "Allocation:", info.allocation_bytes, exact);
	return OK;
}

static int vol_dumpxml(struct shell *shell, const struct shell_arguments *arguments)
{
	struct volume_info info;
	int code = shell_volume(shell, arguments, &info);
	char *xml = code ? NULL : volume_dump_xml(&info);

	if (code)
		return code;
	if (!xml)
		return shell_error(shell, "out of memory");
	shell_write(shell, xml, strlen(xml));
	kfree(xml);
	return OK;
}

/* Paths are keys, as with libvirt's own files and disks. */
static int vol_path(struct shell *shell, const struct shell_arguments *arguments)
{
	struct volume_info info;
	int code = shell_volume(shell, arguments, &info);

	if (!code)
		shell_print(shell, "%s\n", info.path);
	return code;
}

static int vol_name(struct shell *shell, const struct shell_arguments *arguments)
{
	struct volume_info info;
	int code = shell_volume(shell, arguments, &info);

	if (!code)
		shell_print(shell, "%s\n", info.name);
	return code;
}

static int vol_pool(struct shell *shell, const struct shell_arguments *arguments)
{
	struct volume_info info;
	int code = shell_volume(shell, arguments, &info);

	if (!code)
		shell_print(shell, "%s\n", info.pool);
	return code;
}

static int vol_create_as(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "name"), *form = shell_text(arguments, "format");
	struct storage_progress progress;
	struct manage_error error;
	struct pool_info pool;
	u64 bytes;
	int code = shell_pool(shell, arguments, &pool);

	code = code ? code : storage_size(shell, shell_text(arguments, "capacity"), &bytes);
	if (code)
		return code;
	if (form && string_equal(form, "qcow2")) {
		if (volume_create_qcow2(pool.config.name, name, bytes, &error))
			return shell_fail(shell, &error, "Failed to create vol %s", name);
		shell_print(shell, "Vol %s created\n", name);
		return OK;
	}
	if (form && !string_equal(form, "raw"))
		return shell_error(shell, "Failed to create vol %s\nerror: unsupported configuration: format '%s' is not made by this version of "
				   "Solera (supported: raw, qcow2)", name, form);
	storage_progress_begin(&progress, shell);
	code = volume_create(pool.config.name, name, bytes, &progress.progress, &error);
	storage_progress_end(&progress);
	if (code)
		return shell_fail(shell, &error, "Failed to create vol %s", name);
	shell_print(shell, "Vol %s created\n", name);
	return OK;
}

static int vol_delete(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "vol");
	struct manage_error error;
	struct volume_info info;
	int code = shell_volume(shell, arguments, &info);

	if (code)
		return code;
	if (volume_delete(&info, &error))
		return shell_fail(shell, &error, "Failed to delete vol %s", name);
	shell_print(shell, "Vol %s deleted\n", name);
	return OK;
}

static int vol_resize(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "vol"), *size = shell_text(arguments, "capacity");
	struct manage_error error;
	struct volume_info info;
	u64 bytes;
	int code = shell_volume(shell, arguments, &info);

	code = code ? code : storage_size(shell, size, &bytes);
	if (code)
		return code;
	if (volume_resize(&info, bytes, shell_flag(arguments, "shrink"), &error))
		return shell_fail(shell, &error, "Failed to change size of volume '%s' to %s", name, size);
	shell_print(shell, "Size of volume '%s' successfully changed to %s\n", name, size);
	return OK;
}

static int vol_clone(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "vol"), *new = shell_text(arguments, "newname");
	struct storage_progress progress;
	struct manage_error error;
	struct volume_info info;
	int code = shell_volume(shell, arguments, &info);

	if (code)
		return code;
	storage_progress_begin(&progress, shell);
	code = volume_clone(&info, new, &progress.progress, &error);
	storage_progress_end(&progress);
	if (code)
		return shell_fail(shell, &error, "Failed to clone vol from %s", info.name);
	shell_print(shell, "Vol %s cloned from %s\n", new, name);
	return OK;
}

/* The file is one of the boot medium, by its name or path, or a volume by its path. */
static int vol_upload(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "vol"), *file = shell_text(arguments, "file");
	struct storage_progress progress;
	struct manage_error error;
	struct volume_info info;
	char source[VOLUME_PATH_MAX];
	int code = shell_volume(shell, arguments, &info);

	if (code)
		return code;
	format(source, sizeof(source), "%s%s", file[0] == '/' ? "" : "/solera/", file);
	storage_progress_begin(&progress, shell);
	code = volume_upload(&info, source, &progress.progress, &error);
	storage_progress_end(&progress);
	return code ? shell_fail(shell, &error, "cannot upload to volume %s", name) : OK;
}

static const struct shell_option vol_options[] = { VOLUME_OPTION, VOLUME_POOL_OPTION, { 0 } };
static const struct shell_option info_options[] = {
	VOLUME_OPTION, VOLUME_POOL_OPTION, { .name = "bytes", .help = "sizes are represented in bytes rather than pretty units",
	.kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option list_options[] = {
	POOL_OPTION, { .name = "details", .help = "display extended details for volumes", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option create_options[] = {
	POOL_OPTION, { .name = "name", .help = "name of the volume", .kind = SHELL_TEXT, .required = true },
	{ .name = "capacity", .help = "size of the vol, as scaled integer (default bytes)", .kind = SHELL_TEXT, .required = true },
	{ .name = "format", .help = "file format type raw", .kind = SHELL_TEXT, .only_by_name = true }, { 0 },
};
static const struct shell_option resize_options[] = {
	VOLUME_OPTION, { .name = "capacity", .help = "new capacity for the vol, as scaled integer (default bytes)", .kind = SHELL_TEXT,
	.required = true }, VOLUME_POOL_OPTION, { .name = "shrink", .help = "allow the resize to shrink the volume", .kind = SHELL_FLAG },
	{ 0 },
};
static const struct shell_option clone_options[] = {
	VOLUME_OPTION, { .name = "newname", .help = "clone name", .kind = SHELL_TEXT, .required = true }, VOLUME_POOL_OPTION, { 0 },
};
static const struct shell_option upload_options[] = {
	VOLUME_OPTION, { .name = "file", .help = "file of the boot medium, or a volume's path", .kind = SHELL_TEXT, .required = true },
	VOLUME_POOL_OPTION, { 0 },
};

#define ROW(command, text, choices, call) \
	{ .name = command, .help = text, .options = choices, .function = call, .group = SHELL_GROUP_VOLUME }

const struct shell_command shell_commands_volume[] = {
	ROW("vol-clone", "clone a volume.", clone_options, vol_clone),
	ROW("vol-create-as", "create a volume from a set of args", create_options, vol_create_as),
	ROW("vol-delete", "delete a vol", vol_options, vol_delete),
	ROW("vol-dumpxml", "vol information in XML", vol_options, vol_dumpxml),
	ROW("vol-info", "storage vol information", info_options, vol_info),
	ROW("vol-key", "returns the volume key for a given volume name or path", vol_options, vol_path),
	ROW("vol-list", "list vols", list_options, vol_list),
	ROW("vol-name", "returns the volume name for a given volume key or path", vol_options, vol_name),
	ROW("vol-path", "returns the volume path for a given volume name or key", vol_options, vol_path),
	ROW("vol-pool", "returns the storage pool for a given volume key or path", vol_options, vol_pool),
	ROW("vol-resize", "resize a vol", resize_options, vol_resize),
	ROW("vol-upload", "upload file contents to a volume", upload_options, vol_upload),
	{ 0 },
};

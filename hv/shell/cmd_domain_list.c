/* SPDX-License-Identifier: MIT */
/* list: the domains there are, as virsh prints them. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"
#include "hv/shell/table.h"

/* One filter of virsh's: two options that choose between yes and no; neither or both mean all. */
static bool fits(const struct shell_arguments *arguments, const char *with, const char *without, bool has)
{
	bool want = shell_flag(arguments, with), want_not = shell_flag(arguments, without);

	return want == want_not || want == has;
}

static bool state_fits(const struct shell_arguments *arguments, const struct domain_info *info)
{
	bool running = shell_flag(arguments, "state-running"), paused = shell_flag(arguments, "state-paused");
	bool shutoff = shell_flag(arguments, "state-shutoff"), other = shell_flag(arguments, "state-other");

	if (!running && !paused && !shutoff && !other)
		return true;
	switch (info->state) {
	case DOMAIN_RUNNING: return running;
	case DOMAIN_PAUSED: return paused;
	case DOMAIN_SHUTOFF: return shutoff;
	default: return other;
	}
}

static bool wanted(const struct shell_arguments *arguments, const struct domain_info *info)
{
	/* Asking for a state is asking for inactive domains too where that state is one of theirs. */
	bool all = shell_flag(arguments, "all") || shell_flag(arguments, "state-shutoff") ||
		   shell_flag(arguments, "state-other");
	bool inactive = shell_flag(arguments, "inactive");

	if (!all && (info->id ? inactive : !inactive))
		return false;
	return state_fits(arguments, info) && fits(arguments, "persistent", "transient", info->persistent) &&
	       fits(arguments, "autostart", "no-autostart", info->autostart) &&
	       fits(arguments, "with-snapshot", "without-snapshot", false) &&
	       fits(arguments, "with-checkpoint", "without-checkpoint", false) &&
	       fits(arguments, "with-managed-save", "without-managed-save", false);
}

static void print_plain(struct shell *shell, const struct shell_arguments *arguments, const struct domain_info *info)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE], id[16];
	bool with_uuid = shell_flag(arguments, "uuid"), with_id = shell_flag(arguments, "id");
	bool with_name = shell_flag(arguments, "name");

	if (with_id && !with_uuid && !with_name && !info->id)
		return;
	domain_uuid_format(uuid, &info->uuid);
	format(id, sizeof(id), info->id ? "%u" : "-", info->id);
	shell_print(shell, "%s%s%s%s%s\n", with_uuid ? uuid : "", with_uuid && (with_id || with_name) ? " " : "",
		    with_id ? id : "", with_id && with_name ? " " : "", with_name ? info->name : "");
}

static void add_row(struct shell_table *table, struct domain *domain, const struct domain_info *info, bool with_title)
{
	struct domain_config *config;
	char id[16];

	format(id, sizeof(id), info->id ? "%u" : "-", info->id);
	if (!with_title) {
		shell_table_row(table, id, info->name, domain_state_name(info->state));
		return;
	}
	config = kzalloc(sizeof(*config));
	if (config && !domain_get_config(domain, false, config, NULL)) {
		shell_table_row(table, id, info->name, domain_state_name(info->state), config->title ? config->title : "");
		domain_config_release(config);
	}
	kfree(config);
}

static int check_exclusive(struct shell *shell, const struct shell_arguments *arguments)
{
	static const char *const plain[] = { "name", "uuid", "id" };

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (shell_flag(arguments, "table") && shell_flag(arguments, plain[i])) {
			shell_error(shell, "Options --table and --%s are mutually exclusive", plain[i]);
			return ERR_INVALID;
		}
	}
	return OK;
}

static int list(struct shell *shell, const struct shell_arguments *arguments)
{
	bool plain = shell_flag(arguments, "uuid") || shell_flag(arguments, "name") || shell_flag(arguments, "id");
	bool with_title = shell_flag(arguments, "title");
	struct manage_error error;
	struct shell_table table;
	struct domain **all;
	size_t count;

	if (check_exclusive(shell, arguments))
		return ERR_INVALID;
	if (domains_all(&all, &count, &error))
		return shell_fail(shell, &error, "Failed to list domains");
	shell_sort_domains(all, count);
	if (!plain && with_title)
		shell_table_begin(&table, 4, "Id", "Name", "State", "Title");
	else if (!plain)
		shell_table_begin(&table, 3, "Id", "Name", "State");
	for (size_t i = 0; i < count; i++) {
		struct domain_info info;

		domain_get_info(all[i], &info);
		if (!wanted(arguments, &info))
			continue;
		if (plain)
			print_plain(shell, arguments, &info);
		else
			add_row(&table, all[i], &info, with_title);
	}
	domains_free(all, count);
	if (!plain)
		shell_table_end(&table, shell);
	return OK;
}

static const struct shell_option list_options[] = {
	{ .name = "inactive", .help = "list inactive domains", .kind = SHELL_FLAG },
	{ .name = "all", .help = "list inactive & active domains", .kind = SHELL_FLAG },
	{ .name = "transient", .help = "list transient domains", .kind = SHELL_FLAG },
	{ .name = "persistent", .help = "list persistent domains", .kind = SHELL_FLAG },
	{ .name = "with-snapshot", .help = "list domains with existing snapshot (none has one yet)", .kind = SHELL_FLAG },
	{ .name = "without-snapshot", .help = "list domains without a snapshot", .kind = SHELL_FLAG },
	{ .name = "with-checkpoint", .help = "list domains with existing checkpoint (none has one yet)", .kind = SHELL_FLAG },
	{ .name = "without-checkpoint", .help = "list domains without a checkpoint", .kind = SHELL_FLAG },
	{ .name = "state-running", .help = "list domains in running state", .kind = SHELL_FLAG },
	{ .name = "state-paused", .help = "list domains in paused state", .kind = SHELL_FLAG },
	{ .name = "state-shutoff", .help = "list domains in shutoff state", .kind = SHELL_FLAG },
	{ .name = "state-other", .help = "list domains in other states", .kind = SHELL_FLAG },
	{ .name = "autostart", .help = "list domains with autostart enabled", .kind = SHELL_FLAG },
	{ .name = "no-autostart", .help = "list domains with autostart disabled", .kind = SHELL_FLAG },
	{ .name = "with-managed-save", .help = "list domains with managed save state (none has one yet)", .kind = SHELL_FLAG },
	{ .name = "without-managed-save", .help = "list domains without managed save", .kind = SHELL_FLAG },
	{ .name = "uuid", .help = "list uuid's only", .kind = SHELL_FLAG },
	{ .name = "name", .help = "list domain names only", .kind = SHELL_FLAG },
	{ .name = "id", .help = "list domain IDs only", .kind = SHELL_FLAG },
	{ .name = "table", .help = "list table (default)", .kind = SHELL_FLAG },
	{ .name = "managed-save", .help = "mark inactive domains with managed save state", .kind = SHELL_FLAG },
	{ .name = "title", .help = "show domain title", .kind = SHELL_FLAG },
	{ 0 },
};

const struct shell_command shell_commands_domain_list[] = {
	{ .name = "list", .help = "list domains", .description = "Returns list of domains.", .options = list_options,
	  .function = list, .group = SHELL_GROUP_MONITOR },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* change-media, with virsh's options and words: the drive's XML with another source, or none, is handed on. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_disks.h"
#include "hv/manage/domain_media.h"
#include "hv/manage/domain_tune.h"
#include "hv/manage/text.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

enum action { EJECT, INSERT, UPDATE };
static const char *const action_words[] = { "eject", "insert", "update" };

/* Options of which one at most may be given; negative: the person was told. */
static int check_exclusive(struct shell *shell, const struct shell_arguments *arguments)
{
	static const char *const pairs[][2] = { { "eject", "insert" }, { "eject", "update" }, { "insert", "update" }, { "eject", "block" },
						{ "current", "live" }, { "current", "config" } };

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (shell_flag(arguments, pairs[i][0]) && shell_flag(arguments, pairs[i][1]))
			return shell_error(shell, "Options --%s and --%s are mutually exclusive", pairs[i][0], pairs[i][1]);
	if (shell_flag(arguments, "eject") && shell_text(arguments, "source"))
		return shell_error(shell, "Options --source and --eject are mutually exclusive");
	return OK;
}

/* The drive of that target or source, as the machine has it now, or will have it (inactive). Negative: told. */
static int find(struct shell *shell, struct domain *domain, bool inactive, const char *path, struct domain_disk_info *drive)
{
	struct manage_error error;
	struct domain_disk_info *infos = kzalloc(DOMAIN_DISKS_MAX * sizeof(*infos));
	u32 count = 0;
	int code = infos ? domain_get_disks(domain, inactive, infos, DOMAIN_DISKS_MAX, &count, &error) : manage_fail_no_memory(&error);
	bool found = false;

	for (u32 i = 0; i < count && !code && !found; i++) {
		found = infos[i].cdrom && (string_equal(infos[i].target, path) || string_equal(infos[i].source, path));
		*drive = infos[i];
	}
	kfree(infos);
	if (code)
		return shell_error(shell, "%s", error.text);
	return found ? OK : shell_error(shell, "No disk found whose source path or target is %s", path);
}

/* kmalloc'd; NULL: no memory. */
static char *drive_xml(const struct domain_disk_info *drive, const char *source, bool block)
{
	struct text to;

	text_init(&to);
	text_append(&to, "<disk type='%s' device='cdrom'>\n  <driver name='qemu' type='%s'/>\n", block ? "block" : "file",
		    source && drive->qcow2 ? "qcow2" : "raw");
	if (source) {
		text_append(&to, "  <source %s='", block ? "dev" : "file");
		text_append_xml(&to, source, true);
		text_append(&to, "'/>\n");
	}
	text_append(&to, "  <target dev='%s' bus='scsi'/>\n  <readonly/>\n</disk>\n", drive->target);
	return text_take(&to);
}

/* What virsh judges by itself; negative: told. */
static int judge(struct shell *shell, const struct domain_disk_info *drive, enum action action, const char *source)
{
	if (action == EJECT && !drive->source[0])
		return shell_error(shell, "The disk device '%s' doesn't have media", drive->target);
	if (action != EJECT && !source)
		return shell_error(shell, "New disk media source was not specified");
	if (action == INSERT && drive->source[0])
		return shell_error(shell, "The disk device '%s' already has media", drive->target);
	return OK;
}

static int carry_out(struct shell *shell, const struct shell_arguments *arguments, struct domain *domain, const char *xml, enum action action)
{
	unsigned flags = (shell_flag(arguments, "live") ? DOMAIN_TUNE_LIVE : 0) | (shell_flag(arguments, "config") ? DOMAIN_TUNE_CONFIG : 0);
	struct manage_error error;

	if (shell_flag(arguments, "print-xml")) {
		shell_print(shell, "%s", xml);
		return OK;
	}
	if (domain_update_medium(domain, xml, strlen(xml), shell_flag(arguments, "force"), flags, &error))
		return shell_fail(shell, &error, "Failed to complete action %s on media", action_words[action]);
	shell_print(shell, "Successfully %s%s media.\n", action_words[action], action == UPDATE ? "d" : "ed");
	return OK;
}

static int change_media(struct shell *shell, const struct shell_arguments *arguments)
{
	enum action action = shell_flag(arguments, "eject") ? EJECT : shell_flag(arguments, "insert") ? INSERT : UPDATE;
	const char *source = shell_text(arguments, "source");
	struct domain_disk_info drive;
	struct domain *domain;
	char *xml;
	int code = check_exclusive(shell, arguments);

	if (code)
		return code;
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	code = find(shell, domain, shell_flag(arguments, "config") && !shell_flag(arguments, "live"), shell_text(arguments, "path"), &drive);
	if (!code)
		code = judge(shell, &drive, action, source);
	if (!code) {
		xml = drive_xml(&drive, source, shell_flag(arguments, "block"));
		code = xml ? carry_out(shell, arguments, domain, xml, action) : shell_error(shell, "out of memory");
		kfree(xml);
	}
	domain_put(domain);
	return code;
}

static const struct shell_option change_media_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "path", .help = "Fully-qualified path or target of disk device", .kind = SHELL_TEXT, .required = true },
	{ .name = "source", .help = "source of the media", .kind = SHELL_TEXT },
	{ .name = "eject", .help = "Eject the media", .kind = SHELL_FLAG },
	{ .name = "insert", .help = "Insert the media", .kind = SHELL_FLAG },
	{ .name = "update", .help = "Update the media", .kind = SHELL_FLAG },
	{ .name = "current", .help = "can be either or both of --live and --config, depends on implementation hypervisor driver", .kind = SHELL_FLAG },
	{ .name = "live", .help = "alter live configuration of running domain", .kind = SHELL_FLAG },
	{ .name = "config", .help = "alter persistent configuration, effect observed on next boot", .kind = SHELL_FLAG },
	{ .name = "force", .help = "force media changing", .kind = SHELL_FLAG },
	{ .name = "print-xml", .help = "print XML document rather than change media", .kind = SHELL_FLAG },
	{ .name = "block", .help = "source media is a block device", .kind = SHELL_FLAG },
	{ 0 },
};

const struct shell_command shell_commands_domain_media[] = {
	{ .name = "change-media", .help = "Change media of CD or floppy drive", .options = change_media_options, .function = change_media,
	  .description = "Change media of CD drive. A guest that holds the medium is asked for it, and has five seconds; --force takes it away.",
	  .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* Devices that come and go: attach-device, attach-disk, detach-device, detach-disk, with virsh's options and words. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_hotplug.h"
#include "hv/manage/domain_tune.h"
#include "hv/manage/text.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

/* --current, --live, --config and --persistent; negative: the person has been told. */
static int read_flags(struct shell *shell, const struct shell_arguments *arguments, struct domain *domain)
{
	bool current = shell_flag(arguments, "current"), live = shell_flag(arguments, "live"), config = shell_flag(arguments, "config");
	bool persistent = shell_flag(arguments, "persistent");
	struct domain_info info;

	if (current && (live || config || persistent))
		return shell_error(shell, "Options --current and --%s are mutually exclusive",
				   live ? "live" : config ? "config" : "persistent");
	domain_get_info(domain, &info);
	if (persistent && info.id)
		live = true;
	return (live ? DOMAIN_TUNE_LIVE : 0) | (config || persistent ? DOMAIN_TUNE_CONFIG : 0);
}

/* Libvirt's XML of what attach-disk's options say; NULL: told. kmalloc. */
static char *disk_xml(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *source = shell_text(arguments, "source"), *mode = shell_text(arguments, "mode"), *type = shell_text(arguments, "sourcetype");
	bool block = type ? string_equal(type, "block") : string_starts_with(source, "/dev/");
	static const char *const options[] = { "cache", "io" };
	struct text to;
	char *xml;

	if (mode && !string_equal(mode, "readonly") && !string_equal(mode, "shareable")) {
		shell_error(shell, "No support for %s in command 'attach-disk'", mode);
		return NULL;
	}
	text_init(&to);
	text_append(&to, "<disk type='%s' device='disk'>\n  <driver name='qemu'", block ? "block" : "file");
	if (shell_text(arguments, "subdriver")) {
		text_append(&to, " type='");
		text_append_xml(&to, shell_text(arguments, "subdriver"), true);
		text_append(&to, "'");
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!shell_text(arguments, options[i]))
			continue;
		text_append(&to, " %s='", options[i]);
		text_append_xml(&to, shell_text(arguments, options[i]), true);
		text_append(&to, "'");
	}
	text_append(&to, "/>\n  <source %s='", block ? "dev" : "file");
	text_append_xml(&to, source, true);
	text_append(&to, "'/>\n  <target dev='");
	text_append_xml(&to, shell_text(arguments, "target"), true);
	text_append(&to, "'");
	if (shell_text(arguments, "targetbus")) {
		text_append(&to, " bus='");
		text_append_xml(&to, shell_text(arguments, "targetbus"), true);
		text_append(&to, "'");
	}
	text_append(&to, "/>\n");
	if (mode)
		text_append(&to, "  <%s/>\n", mode);
	if (shell_text(arguments, "serial")) {
		text_append(&to, "  <serial>");
		text_append_xml(&to, shell_text(arguments, "serial"), false);
		text_append(&to, "</serial>\n");
	}
	text_append(&to, "</disk>\n");
	xml = text_take(&to);
	if (!xml)
		shell_error(shell, "out of memory");
	return xml;
}

static int attach(struct shell *shell, const struct shell_arguments *arguments, const char *file, const char *xml, size_t size,
		  const char *what)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct manage_error error;
	int flags, code;

	if (!domain)
		return ERR_NOT_FOUND;
	flags = read_flags(shell, arguments, domain);
	code = flags < 0 ? flags : domain_attach_device(domain, file, xml, size, (unsigned)flags, &error);
	domain_put(domain);
	if (flags < 0)
		return code;
	if (code)
		return shell_fail(shell, &error, "Failed to attach %s", what);
	shell_print(shell, "%s attached successfully\n", string_equal(what, "disk") ? "Disk" : "Device");
	return OK;
}

static int attach_disk(struct shell *shell, const struct shell_arguments *arguments)
{
	char *xml = disk_xml(shell, arguments);
	int code = OK;

	if (!xml)
		return ERR_INVALID;
	if (shell_flag(arguments, "print-xml"))
		shell_print(shell, "%s", xml);
	else
		code = attach(shell, arguments, "attach-disk", xml, strlen(xml), "disk");
	kfree(xml);
	return code;
}

static int detach(struct shell *shell, int code, bool left, const struct manage_error *error, const char *what, const char *name)
{
	bool disk = string_equal(what, "disk");

	if (code)
		return shell_fail(shell, error, "Failed to detach %s%s%s", what, name ? " " : "", name ? name : "");
	if (left)
		shell_print(shell, "%s detached successfully\n", disk ? "Disk" : "Device");
	else
		shell_print(shell, "Device detach request sent successfully: the guest has not answered it yet\n");
	return OK;
}

static int detach_disk(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct manage_error error;
	bool left = true;
	int flags, code;

	if (!domain)
		return ERR_NOT_FOUND;
	flags = read_flags(shell, arguments, domain);
	code = flags < 0 ? flags : domain_detach_disk(domain, shell_text(arguments, "target"), (unsigned)flags, &left, &error);
	domain_put(domain);
	return flags < 0 ? code : detach(shell, code, left, &error, "disk", NULL);
}

/* The description of a device: a boot file, or what is pasted. *pasted is to be freed. */
static int read_xml(struct shell *shell, const struct shell_arguments *arguments, const char **file, const char **xml, size_t *size,
		    char **pasted)
{
	const void *data;
	int code;

	*file = shell_text(arguments, "file");
	*pasted = NULL;
	if (*file) {
		if (!domain_boot_file(*file, &data, size))
			return shell_error(shell, "Failed to open file '%s': No such file or directory", *file);
		*xml = data;
		return OK;
	}
	code = shell_read_text(shell, "</disk>", 1024 * 1024, pasted);
	*file = "(device_definition)";
	*xml = *pasted;
	*size = code ? 0 : strlen(*pasted);
	return code;
}

static int attach_device(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *file, *xml;
	char *pasted;
	size_t size;
	int code = read_xml(shell, arguments, &file, &xml, &size, &pasted);

	if (code)
		return code;
	code = attach(shell, arguments, file, xml, size, "device");
	kfree(pasted);
	return code;
}

static int detach_device(struct shell *shell, const struct shell_arguments *arguments)
{
	struct manage_error error;
	struct domain *domain;
	const char *file, *xml;
	bool left = true;
	char *pasted;
	size_t size;
	int code = read_xml(shell, arguments, &file, &xml, &size, &pasted), flags;

	if (code)
		return code;
	domain = shell_domain(shell, arguments);
	flags = domain ? read_flags(shell, arguments, domain) : ERR_NOT_FOUND;
	code = flags < 0 ? flags : domain_detach_device(domain, file, xml, size, (unsigned)flags, &left, &error);
	if (domain)
		domain_put(domain);
	kfree(pasted);
	return flags < 0 ? code : detach(shell, code, left, &error, "device from", file);
}

#define IMPACT_OPTIONS                                                                                             \
	{ .name = "persistent", .help = "make live change persistent", .kind = SHELL_FLAG },                       \
	{ .name = "config", .help = "affect next boot", .kind = SHELL_FLAG },                                      \
	{ .name = "live", .help = "affect running domain", .kind = SHELL_FLAG },                                   \
	{ .name = "current", .help = "affect current domain", .kind = SHELL_FLAG }

static const struct shell_option attach_disk_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "source", .help = "source of disk device", .kind = SHELL_TEXT, .required = true },
	{ .name = "target", .help = "target of disk device", .kind = SHELL_TEXT, .required = true },
	{ .name = "targetbus", .help = "target bus of disk device: virtio, scsi", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "subdriver", .help = "subdriver of disk device: raw, qcow2", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "cache", .help = "cache mode of disk device", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "io", .help = "io policy of disk device", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "mode", .help = "mode of device reading and writing: readonly, shareable", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "sourcetype", .help = "type of source (block|file)", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "serial", .help = "serial of disk device", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "print-xml", .help = "print XML document rather than attach the disk", .kind = SHELL_FLAG },
	IMPACT_OPTIONS,
	{ 0 },
};
static const struct shell_option detach_disk_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "target", .help = "target of disk device", .kind = SHELL_TEXT, .required = true },
	IMPACT_OPTIONS,
	{ 0 },
};
static const struct shell_option device_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "file", .help = "XML file; without it what is pasted, up to </disk>", .kind = SHELL_TEXT },
	IMPACT_OPTIONS,
	{ 0 },
};

const struct shell_command shell_commands_domain_hotplug[] = {
	{ .name = "attach-device", .help = "attach device from an XML file", .options = device_options, .function = attach_device,
	  .description = "Attach device from an XML <file>: a <disk>. A running machine needs a free root port for it.",
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "attach-disk", .help = "attach disk device", .options = attach_disk_options, .function = attach_disk,
	  .description = "Attach new disk device. A running machine needs a free root port for it, or a SCSI controller.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "detach-device", .help = "detach device from an XML file", .options = device_options, .function = detach_device,
	  .description = "Detach device from an XML <file>: the <disk> of that target. The guest is asked, and may take its time.",
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "detach-disk", .help = "detach disk device", .options = detach_disk_options, .function = detach_disk,
	  .description = "Detach disk device. The guest is asked to let go of it, and may take its time.", .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* Descriptions in and out: define, create, undefine, dumpxml, desc. XML is a file's or pasted at the prompt. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

#define XML_PASTED_MAX (1024u * 1024u)
#define PASTED "pasted text"

/* What the person gave: a file of the boot medium, or what is pasted now. *pasted is to be freed. */
struct description {
	const char *file;
	const void *xml;
	size_t size;
	char *pasted;
};

static int paste(struct shell *shell, struct description *to)
{
	int code;

	shell_print(shell, "Paste the domain's XML; it ends with </domain>. Ctrl-C gives up.\n");
	code = shell_read_text(shell, "</domain>", XML_PASTED_MAX, &to->pasted);
	if (code)
		return code;
	to->file = PASTED;
	to->xml = to->pasted;
	to->size = strlen(to->pasted);
	return OK;
}

static int read_description(struct shell *shell, const struct shell_arguments *arguments, struct description *to)
{
	const char *file = shell_text(arguments, "file");

	*to = (struct description){ .file = file };
	if (!file)
		return paste(shell, to);
	if (domain_boot_file(file, &to->xml, &to->size))
		return OK;
	return shell_error(shell, "Failed to open file '%s': No such file or directory", file);
}

static int define(struct shell *shell, const struct shell_arguments *arguments)
{
	struct description from;
	struct manage_error error;
	struct domain_info info;
	struct domain *domain;
	int code = read_description(shell, arguments, &from);

	if (code)
		return code;
	if (domain_define(from.file, from.xml, from.size, &domain, &error)) {
		code = shell_fail(shell, &error, "Failed to define domain from %s", from.file);
	} else {
		domain_get_info(domain, &info);
		shell_print(shell, "Domain '%s' defined from %s\n", info.name, from.file);
		shell_tell_kept(shell, domain);
		domain_put(domain);
	}
	kfree(from.pasted);
	return code;
}

static int create(struct shell *shell, const struct shell_arguments *arguments)
{
	unsigned flags = shell_flag(arguments, "paused") ? DOMAIN_START_PAUSED : 0;
	struct description from;
	struct manage_error error;
	struct domain_info info;
	struct domain *domain;
	int code = read_description(shell, arguments, &from);

	if (code)
		return code;
	if (domain_create(from.file, from.xml, from.size, flags, &domain, &error)) {
		code = shell_fail(shell, &error, "Failed to create domain from %s", from.file);
	} else {
		domain_get_info(domain, &info);
		shell_print(shell, "Domain '%s' created from %s\n", info.name, from.file);
		if (shell_flag(arguments, "console"))
			code = shell_console(shell, domain, NULL, false);
		domain_put(domain);
	}
	kfree(from.pasted);
	return code;
}

static int undefine(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	const char *name = shell_text(arguments, "domain"); /* as the person called it */
	struct manage_error error;
	int code = OK;

	if (!domain)
		return ERR_NOT_FOUND;
	if (domain_undefine(domain, &error)) {
		code = shell_fail(shell, &error, "Failed to undefine domain '%s'", name);
	} else {
		shell_print(shell, "Domain '%s' has been undefined\n", name);
		shell_tell_kept(shell, domain);
	}
	domain_put(domain);
	return code;
}

static int dumpxml(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct manage_error error;
	char *xml;

	if (!domain)
		return ERR_NOT_FOUND;
	xml = domain_dump_xml(domain, shell_flag(arguments, "inactive"), &error);
	domain_put(domain);
	if (!xml)
		return shell_error(shell, "%s", error.text);
	shell_write(shell, xml, strlen(xml));
	kfree(xml);
	return OK;
}

static int show_desc(struct shell *shell, struct domain *domain, bool title)
{
	struct domain_config *config = kzalloc(sizeof(*config));
	struct manage_error error;
	const char *text;
	int code = config ? domain_get_config(domain, false, config, &error) : manage_fail_no_memory(&error);

	if (code) {
		kfree(config);
		return shell_error(shell, "%s", error.text);
	}
	text = title ? config->title : config->description;
	if (text)
		shell_print(shell, "%s\n", text);
	else
		shell_print(shell, "No %s for domain: %s", title ? "title" : "description", config->name);
	domain_config_release(config);
	kfree(config);
	return OK;
}

static int desc(struct shell *shell, const struct shell_arguments *arguments)
{
	bool title = shell_flag(arguments, "title");
	struct domain *domain = shell_domain(shell, arguments);
	struct manage_error error;
	char text[1024];
	size_t used = 0;
	int code = OK;

	if (!domain)
		return ERR_NOT_FOUND;
	for (unsigned i = 0; i < shell_rest_count(arguments) && used < sizeof(text); i++)
		used += format(text + used, sizeof(text) - used, "%s%s", i ? " " : "", shell_rest(arguments, i));
	if (!shell_rest_count(arguments))
		code = show_desc(shell, domain, title);
	else if (used >= sizeof(text))
		code = shell_error(shell, "the text is longer than %zu bytes", sizeof(text) - 1);
	else if (domain_set_title(domain, title ? text : NULL, title ? NULL : text, &error))
		code = shell_error(shell, "%s", error.text);
	else
		shell_print(shell, "Domain %s updated successfully", title ? "title" : "description");
	domain_put(domain);
	return code;
}

static const struct shell_option domain_options[] = { DOMAIN_OPTION(domains), { 0 } };
static const struct shell_option define_options[] = {
	{ .name = "file", .help = "file of the boot medium with an XML domain description; without it, paste it", .kind = SHELL_TEXT },
	{ 0 },
};
static const struct shell_option create_options[] = {
	{ .name = "file", .help = "file of the boot medium with an XML domain description; without it, paste it", .kind = SHELL_TEXT },
	{ .name = "console", .help = "attach to console after creation", .kind = SHELL_FLAG },
	{ .name = "paused", .help = "leave the guest paused after creation", .kind = SHELL_FLAG },
	{ 0 },
};
static const struct shell_option dumpxml_options[] = {
	DOMAIN_OPTION(domains), { .name = "inactive", .help = "show inactive defined XML", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option desc_options[] = {
	DOMAIN_OPTION(domains),
	{ .name = "title", .help = "modify/get the title instead of description", .kind = SHELL_FLAG },
	{ .name = "new-desc", .help = "message", .kind = SHELL_REST },
	{ 0 },
};

const struct shell_command shell_commands_domain_define[] = {
	{ .name = "create", .help = "create a domain from an XML file", .options = create_options, .function = create,
	  .description = "Create a domain: one that is gone when it stops.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "define", .help = "define (but don't start) a domain from an XML file", .options = define_options,
	  .function = define, .description = "Define a domain. It is kept in the store, \\solera\\store\\ of a FAT32 file system; without one it\n"
	  "lives until power-off. Files in \\solera\\ on the boot medium whose name ends in .xml are defined at each boot.",
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "desc", .help = "show or set domain's description or title", .options = desc_options, .function = desc,
	  .description = "Allows setting or modifying the description or title of a domain.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "dumpxml", .help = "domain information in XML", .options = dumpxml_options, .function = dumpxml,
	  .description = "Output the domain information as an XML dump to stdout.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "undefine", .help = "undefine a domain", .options = domain_options, .function = undefine,
	  .description = "Undefine an inactive domain, or convert persistent to transient.", .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

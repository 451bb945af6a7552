/* SPDX-License-Identifier: MIT */
/*
 * edit: the description of a domain's next start in the full-screen editor. What is saved is defined at once, so that a mistake is
 * told beside the line that has it, and the person goes on from there (virsh asks "Failed. Try again?").
 */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"
#include "hv/shell/edit_screen.h"

struct edited {
	struct domain *domain;
	char file[160]; /* what messages call the text */
	char *before;   /* the description that the person looks at or has saved; NULL: not known any more */
	bool defined;
};

/* "NAME.xml:12: …" is about line 12. */
static unsigned line_of(const struct edited *edited, const char *text)
{
	size_t length = strlen(edited->file);
	unsigned line = 0;

	if (strncmp(text, edited->file, length) || text[length] != ':')
		return 0;
	for (const char *digit = text + length + 1; *digit >= '0' && *digit <= '9' && line < 1000000; digit++)
		line = line * 10 + (unsigned)(*digit - '0');
	return line;
}

/* As virsh: what another shell defined meanwhile is not overwritten unseen. */
static bool others_changed(struct edited *edited)
{
	struct manage_error error;
	char *now = domain_dump_xml(edited->domain, true, &error);
	bool changed = now && edited->before && !string_equal(now, edited->before);

	kfree(now);
	return changed;
}

static bool save(void *context, const char *text, size_t count, char message[EDIT_MESSAGE_MAX], unsigned *line)
{
	struct edited *edited = context;
	struct manage_error error;

	if (others_changed(edited)) {
		format(message, EDIT_MESSAGE_MAX, "Failed: the XML configuration was changed by somebody else meanwhile. "
		       "Leave without saving and edit again.");
		return false;
	}
	if (domain_define(edited->file, text, count, NULL, &error)) {
		*line = line_of(edited, error.text);
		format(message, EDIT_MESSAGE_MAX, "Failed, try again: %s", error.text);
		return false;
	}
	kfree(edited->before);
	edited->before = domain_dump_xml(edited->domain, true, &error);
	edited->defined = true;
	format(message, EDIT_MESSAGE_MAX, "Saved for the next start.");
	return true;
}

static int edit(struct shell *shell, const struct shell_arguments *arguments)
{
	struct edited edited = { .domain = shell_domain(shell, arguments) };
	struct edit_saver saver = { .save = save, .context = &edited };
	struct manage_error error;
	struct domain_info info;
	int code;

	if (!edited.domain)
		return ERR_NOT_FOUND;
	domain_get_info(edited.domain, &info);
	format(edited.file, sizeof(edited.file), "%s.xml", info.name);
	edited.before = domain_dump_xml(edited.domain, true, &error);
	if (!edited.before) {
		code = shell_error(shell, "%s", error.text);
	} else {
		code = edit_on_screen(shell, edited.file, edited.before, &saver);
		if (code == OK)
			shell_print(shell, "Domain '%s' XML configuration %s.\n", info.name, edited.defined ? "edited" : "not changed");
		else
			shell_error(shell, code == ERR_FULL ? "the description is longer than 1 MiB" : "out of memory");
	}
	if (code == OK && edited.defined)
		shell_tell_kept(shell, edited.domain);
	kfree(edited.before);
	domain_put(edited.domain);
	return code;
}

static const struct shell_option edit_options[] = { DOMAIN_OPTION(domains), { 0 } };

const struct shell_command shell_commands_domain_edit[] = {
	{ .name = "edit", .help = "edit XML configuration for a domain", .options = edit_options, .function = edit,
	  .description = "Edit the XML configuration for a domain, on the whole screen: arrows, Home, End, PgUp, PgDn; Ctrl-S, Ctrl-O\n"
	  "or F2 saves, Ctrl-X or Ctrl-Q leaves. A mistake is shown with its line, and the editing goes on.",
	  .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* capabilities and domcapabilities: libvirt's documents. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/capabilities.h"
#include "hv/shell/commands.h"

static int print_document(struct shell *shell, char *xml)
{
	if (!xml)
		return shell_error(shell, "out of memory");
	shell_write(shell, xml, strlen(xml));
	kfree(xml);
	return OK;
}

static int capabilities(struct shell *shell, const struct shell_arguments *arguments)
{
	(void)arguments;
	return print_document(shell, host_capabilities());
}

static int domcapabilities(struct shell *shell, const struct shell_arguments *arguments)
{
	(void)arguments;
	return print_document(shell, host_domain_capabilities());
}

const struct shell_command shell_commands_capabilities[] = {
	{ .name = "capabilities", .help = "capabilities", .function = capabilities, .group = SHELL_GROUP_HOST,
	  .description = "Returns capabilities of the hypervisor/driver." },
	{ .name = "domcapabilities", .help = "domain capabilities", .function = domcapabilities, .group = SHELL_GROUP_HOST,
	  .description = "Returns capabilities of the domains that this version of Solera makes." },
	{ 0 },
};

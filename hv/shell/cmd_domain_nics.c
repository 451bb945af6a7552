/* SPDX-License-Identifier: MIT */
/* A domain's network cards: domiflist, domifstat, domifaddr, domif-getlink, domif-setlink, with virsh's columns and words. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_nics.h"
#include "hv/manage/network.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"
#include "hv/shell/table.h"

/* All cards of the domain, kmalloc'd; NULL: the person was told. */
static struct domain_nic_info *all_nics(struct shell *shell, struct domain *domain, bool inactive, u32 *count)
{
	struct domain_nic_info *infos = kzalloc(DOMAIN_NICS_MAX * sizeof(*infos));
	struct manage_error error;

	if (infos && domain_get_nics(domain, inactive, infos, DOMAIN_NICS_MAX, count, &error)) {
		shell_error(shell, "%s", error.text);
		kfree(infos);
		return NULL;
	}
	if (!infos)
		shell_error(shell, "out of memory");
	return infos;
}

static bool is_active(struct domain *domain)
{
	struct domain_info info;

	domain_get_info(domain, &info);
	return info.id != 0;
}

static int domiflist(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_nic_info *infos;
	struct shell_table table;
	u32 count;

	if (!domain)
		return ERR_NOT_FOUND;
	infos = all_nics(shell, domain, shell_flag(arguments, "inactive"), &count);
	domain_put(domain);
	if (!infos)
		return ERR_INVALID;
	shell_table_begin(&table, 5, "Interface", "Type", "Source", "Model", "MAC");
	for (u32 i = 0; i < count; i++) {
		char mac[MAC_TEXT_SIZE];

		mac_format(mac, infos[i].mac);
		shell_table_row(&table, infos[i].name[0] ? infos[i].name : "-", "network", infos[i].network, "virtio", mac);
	}
	shell_table_end(&table, shell);
	kfree(infos);
	return OK;
}

static int domifaddr(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_nic_info *infos;
	struct shell_table table;
	u32 count;
	bool active;

	if (!domain)
		return ERR_NOT_FOUND;
	active = is_active(domain);
	infos = active ? all_nics(shell, domain, false, &count) : NULL;
	domain_put(domain);
	if (!active)
		return shell_error(shell, "Failed to query for interfaces addresses\nerror: Requested operation is not valid: domain is not running");
	if (!infos)
		return ERR_INVALID;
	shell_table_begin(&table, 4, "Name", "MAC address", "Protocol", "Address");
	for (u32 i = 0; i < count; i++) {
		char mac[MAC_TEXT_SIZE], address[ADDRESS_TEXT_SIZE], text[24];

		if (!infos[i].address)
			continue;
		mac_format(mac, infos[i].mac);
		address_format(address, infos[i].address);
		format(text, sizeof(text), "%s/%u", address, infos[i].prefix_bits);
		shell_table_row(&table, infos[i].name, mac, "ipv4", text);
	}
	shell_table_end(&table, shell);
	kfree(infos);
	return OK;
}

static int domifstat(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "interface");
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_nic_info info;
	struct manage_error error;
	int code = OK;

	if (!domain)
		return ERR_NOT_FOUND;
	if (!is_active(domain))
		code = shell_error(shell, "Failed to get interface stats %s %s\nerror: Requested operation is not valid: domain is not running",
				   shell_text(arguments, "domain"), name);
	else if (domain_get_nic(domain, name, false, &info, &error))
		code = shell_fail(shell, &error, "Failed to get interface stats %s %s", shell_text(arguments, "domain"), name);
	domain_put(domain);
	if (code)
		return code;
	{
		const struct net_statistics *s = &info.statistics;
		const struct { const char *field; u64 value; } rows[] = {
			{ "rx_bytes", s->rx_bytes }, { "rx_packets", s->rx_frames }, { "rx_errs", s->rx_errors }, { "rx_drop", s->rx_dropped },
			{ "tx_bytes", s->tx_bytes }, { "tx_packets", s->tx_frames }, { "tx_errs", s->tx_errors }, { "tx_drop", s->tx_dropped },
		};

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			shell_print(shell, "%s %s %llu\n", name, rows[i].field, (unsigned long long)rows[i].value);
	}
	return OK;
}

static int domif_getlink(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "interface");
	struct domain *domain = shell_domain(shell, arguments);
	struct domain_nic_info info;
	struct manage_error error;
	int code;

	if (!domain)
		return ERR_NOT_FOUND;
	code = domain_get_nic(domain, name, shell_flag(arguments, "config"), &info, &error);
	domain_put(domain);
	if (code)
		return shell_error(shell, "Interface (mac: %s) not found.", name);
	shell_print(shell, "%s %s\n", name, info.link_up ? "up" : "down");
	return OK;
}

static int domif_setlink(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "interface"), *state = shell_text(arguments, "state");
	struct domain *domain;
	struct manage_error error;
	bool live;
	int code;

	if (!string_equal(state, "up") && !string_equal(state, "down"))
		return shell_error(shell, "invalid link state '%s'", state);
	domain = shell_domain(shell, arguments);
	if (!domain)
		return ERR_NOT_FOUND;
	live = !shell_flag(arguments, "config") && is_active(domain);
	code = domain_set_link(domain, name, string_equal(state, "up"), live, &error);
	domain_put(domain);
	if (code)
		return shell_fail(shell, &error, "Failed to update interface link state");
	shell_print(shell, "Device updated successfully\n");
	return OK;
}

#define INTERFACE_OPTION { .name = "interface", .help = "interface device specified by name or MAC Address", .kind = SHELL_TEXT, .required = true }

static const struct shell_option list_options[] = {
	DOMAIN_OPTION(domains), { .name = "inactive", .help = "get inactive rather than running configuration", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option address_options[] = { DOMAIN_OPTION(active), { 0 } };
static const struct shell_option stat_options[] = { DOMAIN_OPTION(active), INTERFACE_OPTION, { 0 } };
static const struct shell_option get_options[] = {
	DOMAIN_OPTION(domains), INTERFACE_OPTION,
	{ .name = "config", .help = "Get persistent interface state", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option set_options[] = {
	DOMAIN_OPTION(domains), INTERFACE_OPTION, { .name = "state", .help = "new state of the device", .kind = SHELL_TEXT, .required = true },
	{ .name = "config", .help = "affect next boot", .kind = SHELL_FLAG }, { 0 },
};

const struct shell_command shell_commands_domain_nics[] = {
	{ .name = "domif-getlink", .help = "get link state of a virtual interface", .description = "Get link state of a domain's virtual interface.",
	  .options = get_options, .function = domif_getlink, .group = SHELL_GROUP_MONITOR },
	{ .name = "domif-setlink", .help = "set link state of a virtual interface", .description = "Set link state of a domain's virtual interface. "
	  "This command wraps usage of update-device command.", .options = set_options, .function = domif_setlink, .group = SHELL_GROUP_DOMAIN },
	{ .name = "domifaddr", .help = "Get network interfaces' addresses for a running domain", .description =
	  "Get network interfaces' addresses for a running domain", .options = address_options, .function = domifaddr, .group = SHELL_GROUP_MONITOR },
	{ .name = "domiflist", .help = "list all domain virtual interfaces", .description = "Get the summary of virtual interfaces for a domain.",
	  .options = list_options, .function = domiflist, .group = SHELL_GROUP_MONITOR },
	{ .name = "domifstat", .help = "get network interface stats for a domain", .description = "Get network interface stats for a running domain.",
	  .options = stat_options, .function = domifstat, .group = SHELL_GROUP_MONITOR },
	{ 0 },
};

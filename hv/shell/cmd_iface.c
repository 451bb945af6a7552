/* SPDX-License-Identifier: MIT */
/* The host's network cards at the prompt: iface-list, iface-mac, iface-name, iface-dumpxml as virsh's; iface-stat is Solera's own. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/iface.h"
#include "hv/manage/network.h"
#include "hv/shell/command.h"
#include "hv/shell/commands.h"
#include "hv/shell/table.h"

static int iface_list(struct shell *shell, const struct shell_arguments *arguments)
{
	bool all = shell_flag(arguments, "all"), inactive = shell_flag(arguments, "inactive");
	struct shell_table table;
	struct iface_info info;

	shell_table_begin(&table, 3, "Name", "State", "MAC Address");
	for (u32 i = 0; iface_at(i, &info); i++) {
		char mac[MAC_TEXT_SIZE];

		if (!all && info.active == inactive)
			continue;
		mac_format(mac, info.mac);
		shell_table_row(&table, info.name, info.active ? "active" : "inactive", mac);
	}
	shell_table_end(&table, shell);
	return OK;
}

/* The card that the option names, told to the person where there is none. */
static int find(struct shell *shell, const struct shell_arguments *arguments, bool by_mac, struct iface_info *info)
{
	const char *name = shell_text(arguments, "interface");
	struct manage_error error;

	if ((by_mac ? iface_find_mac(name, info, &error) : iface_find(name, info, &error)) == OK)
		return OK;
	return shell_fail(shell, &error, "failed to get interface '%s'", name);
}

static int iface_mac(struct shell *shell, const struct shell_arguments *arguments)
{
	char mac[MAC_TEXT_SIZE];
	struct iface_info info;
	int code = find(shell, arguments, false, &info);

	if (code)
		return code;
	mac_format(mac, info.mac);
	shell_print(shell, "%s\n", mac);
	return OK;
}

static int iface_name(struct shell *shell, const struct shell_arguments *arguments)
{
	struct iface_info info;
	int code = find(shell, arguments, true, &info);

	if (!code)
		shell_print(shell, "%s\n", info.name);
	return code;
}

static int iface_dumpxml(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "interface");
	struct manage_error error;
	struct iface_info info;
	char *xml;
	int code = find(shell, arguments, strlen(name) == MAC_TEXT_SIZE - 1 && name[2] == ':', &info);

	if (code)
		return code;
	if (iface_xml(&info, &xml, &error))
		return shell_fail(shell, &error, "failed to get interface '%s'", name);
	shell_write(shell, xml, strlen(xml));
	kfree(xml);
	return OK;
}

static int iface_stat(struct shell *shell, const struct shell_arguments *arguments)
{
	struct iface_info info;
	int code = find(shell, arguments, false, &info);
	const struct net_statistics *s = &info.wire;
	const struct host_card_counters *c = &info.counters;

	if (code)
		return code;
	{
		const struct { const char *field; u64 value; } rows[] = {
			{ "rx_bytes", s->rx_bytes }, { "rx_packets", s->rx_frames }, { "rx_errs", s->rx_errors }, { "rx_drop", s->rx_dropped },
			{ "tx_bytes", s->tx_bytes }, { "tx_packets", s->tx_frames }, { "tx_errs", s->tx_errors }, { "tx_drop", s->tx_dropped },
			{ "no_buffer", c->no_buffer }, { "interrupts", c->interrupts }, { "link_changes", c->link_changes },
			{ "resets", c->resets }, { "device_errs", c->bad_device },
		};

		shell_print(shell, "%s model %s\n%s driver %s\n%s address %04x:%02x:%02x.%x\n%s used_by %s\n", info.name, info.model, info.name,
			    info.driver, info.name, info.address.segment, info.address.bus, info.address.slot, info.address.function, info.name,
			    info.used_by[0] ? info.used_by : "-");
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			shell_print(shell, "%s %s %llu\n", info.name, rows[i].field, (unsigned long long)rows[i].value);
	}
	return OK;
}

static void complete_card(struct shell_completions *completions)
{
	struct iface_info info;

	for (u32 i = 0; iface_at(i, &info); i++)
		shell_complete(completions, info.name);
}

static const struct shell_option list_options[] = {
	{ .name = "inactive", .help = "list inactive interfaces", .kind = SHELL_FLAG },
	{ .name = "all", .help = "list inactive & active interfaces", .kind = SHELL_FLAG }, { 0 },
};
#define CARD_OPTION(words) \
	{ .name = "interface", .help = words, .kind = SHELL_TEXT, .required = true, .complete = complete_card }
static const struct shell_option name_options[] = { CARD_OPTION("interface name"), { 0 } };
static const struct shell_option mac_options[] = {
	{ .name = "interface", .help = "interface mac", .kind = SHELL_TEXT, .required = true }, { 0 },
};
static const struct shell_option xml_options[] = {
	CARD_OPTION("interface name or MAC Address"), { .name = "inactive", .help = "show inactive defined XML", .kind = SHELL_FLAG }, { 0 },
};

const struct shell_command shell_commands_iface[] = {
	{ .name = "iface-dumpxml", .help = "interface information in XML", .description = "Output the physical host interface information as "
	  "an XML dump to stdout.", .options = xml_options, .function = iface_dumpxml, .group = SHELL_GROUP_INTERFACE },
	{ .name = "iface-list", .help = "list physical host interfaces", .description = "Returns list of physical host interfaces.",
	  .options = list_options, .function = iface_list, .group = SHELL_GROUP_INTERFACE },
	{ .name = "iface-mac", .help = "convert an interface name to interface MAC address", .options = name_options, .function = iface_mac,
	  .group = SHELL_GROUP_INTERFACE },
	{ .name = "iface-name", .help = "convert an interface MAC address to interface name", .options = mac_options, .function = iface_name,
	  .group = SHELL_GROUP_INTERFACE },
	{ .name = "iface-stat", .help = "what a physical host interface and its driver counted", .options = name_options,
	  .function = iface_stat, .group = SHELL_GROUP_INTERFACE },
	{ 0 },
};

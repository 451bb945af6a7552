/* SPDX-License-Identifier: MIT */
/* Networks: net-list, net-info, net-define and so on, with virsh's columns and words. */
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain.h"
#include "hv/manage/network.h"
#include "hv/shell/commands.h"
#include "hv/shell/table.h"

#define XML_PASTED_MAX (1024u * 1024u)

static const char *yes(bool value)
{
	return value ? "yes" : "no";
}

static int net_list(struct shell *shell, const struct shell_arguments *arguments)
{
	bool all = shell_flag(arguments, "all"), inactive = shell_flag(arguments, "inactive");
	struct network_info *infos = kzalloc(NETWORKS_MAX * sizeof(*infos));
	struct shell_table table;
	u32 count;

	if (!infos)
		return shell_error(shell, "out of memory");
	count = networks_list(infos, NETWORKS_MAX);
	if (!shell_flag(arguments, "name"))
		shell_table_begin(&table, 4, "Name", "State", "Autostart", "Persistent");
	for (u32 i = 0; i < count; i++) {
		const struct network_info *info = &infos[i];

		if (!all && info->active == inactive)
			continue;
		if (shell_flag(arguments, "name"))
			shell_print(shell, "%s\n", info->name);
		else
			shell_table_row(&table, info->name, info->active ? "active" : "inactive", yes(info->autostart), yes(info->persistent));
	}
	if (!shell_flag(arguments, "name"))
		shell_table_end(&table, shell);
	kfree(infos);
	return OK;
}

static int net_info(struct shell *shell, const struct shell_arguments *arguments)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct manage_error error;
	struct network_info info;

	if (network_get(shell_text(arguments, "network"), &info, &error))
		return shell_fail(shell, &error, "failed to get network '%s'", shell_text(arguments, "network"));
	domain_uuid_format(uuid, &info.uuid);
	shell_print(shell, "%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n%-15s %s\n", "Name:", info.name, "UUID:", uuid, "Active:",
		    yes(info.active), "Persistent:", yes(info.persistent), "Autostart:", yes(info.autostart), "Bridge:", info.bridge);
	return OK;
}

static int net_dumpxml(struct shell *shell, const struct shell_arguments *arguments)
{
	struct manage_error error;
	char *text = network_dump_xml(shell_text(arguments, "network"), shell_flag(arguments, "inactive"), &error);

	if (!text)
		return shell_fail(shell, &error, "failed to get network '%s'", shell_text(arguments, "network"));
	shell_write(shell, text, strlen(text));
	kfree(text);
	return OK;
}

/* The XML of the option "file", or pasted: *pasted is to be freed. */
static int read_description(struct shell *shell, const struct shell_arguments *arguments, const char **file, const void **xml,
			    size_t *size, char **pasted)
{
	int code;

	*pasted = NULL;
	*file = shell_text(arguments, "file");
	if (*file)
		return domain_boot_file(*file, xml, size) ? OK : shell_error(shell, "Failed to open file '%s': No such file or directory", *file);
	shell_print(shell, "Paste the network's XML; it ends with </network>. Ctrl-C gives up.\n");
	code = shell_read_text(shell, "</network>", XML_PASTED_MAX, pasted);
	if (code)
		return code;
	*file = "pasted text";
	*xml = *pasted;
	*size = strlen(*pasted);
	return OK;
}

static void tell_kept(struct shell *shell, const struct network_info *info)
{
	if (info->kept[0])
		shell_print(shell, "%s\n", info->kept);
}

static int define_or_create(struct shell *shell, const struct shell_arguments *arguments, bool create)
{
	struct manage_error error;
	struct network_info info;
	const char *file;
	const void *xml;
	char *pasted;
	size_t size;
	int code = read_description(shell, arguments, &file, &xml, &size, &pasted);

	if (code)
		return code;
	code = create ? network_create(file, xml, size, &info, &error) : network_define(file, xml, size, &info, &error);
	if (code)
		shell_fail(shell, &error, "Failed to %s network from %s", create ? "create" : "define", file);
	else
		shell_print(shell, "Network %s %s from %s\n", info.name, create ? "created" : "defined", file);
	if (!code)
		tell_kept(shell, &info);
	kfree(pasted);
	return code;
}

static int net_define(struct shell *shell, const struct shell_arguments *arguments) { return define_or_create(shell, arguments, false); }
static int net_create(struct shell *shell, const struct shell_arguments *arguments) { return define_or_create(shell, arguments, true); }

/* A verb on one network, and how virsh speaks of it. */
static int act(struct shell *shell, const struct shell_arguments *arguments, const char *verb, const char *done,
	       int (*function)(const char *name, struct network_info *info, struct manage_error *error))
{
	const char *name = shell_text(arguments, "network");
	struct manage_error error;
	struct network_info info;
	int code = function(name, &info, &error);

	if (code && error.code == MANAGE_ERR_NO_NETWORK)
		return shell_fail(shell, &error, "failed to get network '%s'", name);
	if (code)
		return shell_fail(shell, &error, "Failed to %s network %s", verb, name);
	shell_print(shell, "Network %s %s\n", info.name, done);
	tell_kept(shell, &info);
	return OK;
}

static int net_undefine(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, "undefine", "has been undefined", network_undefine);
}

static int net_start(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, "start", "started", network_start);
}

static int net_destroy(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, "destroy", "destroyed", network_destroy);
}

static int autostart_on(const char *name, struct network_info *info, struct manage_error *error)
{
	return network_set_autostart(name, true, info, error);
}

static int autostart_off(const char *name, struct network_info *info, struct manage_error *error)
{
	return network_set_autostart(name, false, info, error);
}

static int net_autostart(struct shell *shell, const struct shell_arguments *arguments)
{
	if (shell_flag(arguments, "disable"))
		return act(shell, arguments, "unmark as autostarted", "unmarked as autostarted", autostart_off);
	return act(shell, arguments, "mark as autostarted", "marked as autostarted", autostart_on);
}

static void lease_row(struct shell_table *table, const struct network_lease *lease)
{
	char time[20], mac[MAC_TEXT_SIZE], address[ADDRESS_TEXT_SIZE], with_prefix[24], id[3 * DHCP_CLIENT_ID_MAX + 1] = "-";
	u8 bytes[NET_MAC_BYTES];

	for (u32 i = 0; i < NET_MAC_BYTES; i++)
		bytes[i] = (u8)(lease->mac >> (8 * (NET_MAC_BYTES - 1 - i)));
	mac_format(mac, bytes);
	wall_time_format(time, lease->end_wall_seconds);
	address_format(address, lease->address);
	format(with_prefix, sizeof(with_prefix), "%s/%u", address, lease->prefix_bits);
	for (u32 i = 0; i < lease->client_id_bytes; i++)
		format(id + (i ? 3 * i - 1 : 0), sizeof(id) - 3 * i, i ? ":%02x" : "%02x", lease->client_id[i]);
	shell_table_row(table, time, mac, "ipv4", with_prefix, lease->name[0] ? lease->name : "-", id);
}

static int net_dhcp_leases(struct shell *shell, const struct shell_arguments *arguments)
{
	struct network_lease *leases = kzalloc(DHCP_LEASES_MAX * sizeof(*leases));
	struct manage_error error;
	struct shell_table table;
	u32 count = 0;
	int code;

	if (!leases)
		return shell_error(shell, "out of memory");
	code = network_leases(shell_text(arguments, "network"), leases, DHCP_LEASES_MAX, &count, &error);
	if (code) {
		shell_fail(shell, &error, "Failed to get leases info for %s", shell_text(arguments, "network"));
	} else {
		shell_table_begin(&table, 6, "Expiry Time", "MAC address", "Protocol", "IP address", "Hostname", "Client ID or DUID");
		for (u32 i = 0; i < count; i++)
			lease_row(&table, &leases[i]);
		shell_table_end(&table, shell);
	}
	kfree(leases);
	return code;
}

static int ping(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *text = shell_text(arguments, "address");
	char words[ADDRESS_TEXT_SIZE];
	struct manage_error failure;
	u64 count = 4;
	u32 address, answered = 0;

	if (network_resolve(text, &address, &failure))
		return shell_error(shell, "%s", failure.text);
	address_format(words, address);
	if (shell_number(shell, arguments, "count", &count) < 0)
		return ERR_INVALID;
	for (u32 i = 1; i <= count && !shell_interrupted(shell); i++) {
		u64 ns;
		struct manage_error error;
		int code = network_ping(address, i, &ns, &error);

		if (code == OK && ns)
			shell_print(shell, "64 bytes from %s: icmp_seq=%u time=%llu.%03llu ms\n", words, i, (unsigned long long)(ns / 1000000),
				    (unsigned long long)(ns / 1000 % 1000));
		else if (code != OK)
			return shell_error(shell, "%s", error.text);
		else
			shell_print(shell, "no answer from %s: icmp_seq=%u\n", words, i);
		answered += ns != 0;
		if (i < count && ns)
			shell_sleep(shell, 1000000000);
	}
	shell_print(shell, "%llu packets transmitted, %u received\n", (unsigned long long)count, answered);
	return answered ? OK : ERR_TIMEOUT;
}

static const char *protocol_name(u8 protocol)
{
	return protocol == 6 ? "tcp" : protocol == 17 ? "udp" : "icmp";
}

/* "192.168.122.5:80"; of an echo, whose two ports are one number, the number that is there. */
static void endpoint(char *to, size_t size, u32 address, u16 port)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(text, address);
	if (port)
		format(to, size, "%s:%u", text, port);
	else
		format(to, size, "%s", text);
}

static void connection_row(void *context, const struct network_connection *connection)
{
	struct shell_table *table = context;
	char from[24], to[24], seen_as[24], goes_to[24], frames[48];

	endpoint(from, sizeof(from), connection->from, connection->from_port);
	endpoint(to, sizeof(to), connection->to, connection->to_port);
	endpoint(seen_as, sizeof(seen_as), connection->seen_as, connection->seen_as_port);
	endpoint(goes_to, sizeof(goes_to), connection->goes_to, connection->goes_to_port);
	format(frames, sizeof(frames), "%llu/%llu", (unsigned long long)connection->frames[0], (unsigned long long)connection->frames[1]);
	shell_table_row(table, protocol_name(connection->protocol), connection->state, from, to, seen_as, goes_to, frames);
}

static int net_conntrack(struct shell *shell, const struct shell_arguments *arguments)
{
	struct shell_table table;
	struct manage_error error;
	char *summary = network_router_summary(&error);

	(void)arguments;
	if (!summary)
		return shell_error(shell, "%s", error.text);
	shell_table_begin(&table, 7, "Protocol", "State", "From", "To", "Seen as", "Goes to", "Frames");
	(void)network_connections(connection_row, &table);
	shell_table_end(&table, shell);
	shell_print(shell, "%s", summary);
	kfree(summary);
	return OK;
}

static void complete_networks(struct shell_completions *completions)
{
	struct network_info *infos = kzalloc(NETWORKS_MAX * sizeof(*infos));
	u32 count = infos ? networks_list(infos, NETWORKS_MAX) : 0;

	for (u32 i = 0; i < count; i++)
		shell_complete(completions, infos[i].name);
	kfree(infos);
}

#define NETWORK_OPTION { .name = "network", .help = "network name or uuid", .kind = SHELL_TEXT, .required = true, .complete = complete_networks }

static const struct shell_option list_options[] = {
	{ .name = "inactive", .help = "list inactive networks", .kind = SHELL_FLAG },
	{ .name = "all", .help = "list inactive & active networks", .kind = SHELL_FLAG },
	{ .name = "name", .help = "list network names only", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option network_options[] = { NETWORK_OPTION, { 0 } };
static const struct shell_option dump_options[] = {
	NETWORK_OPTION, { .name = "inactive", .help = "show inactive defined XML", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option autostart_options[] = {
	NETWORK_OPTION, { .name = "disable", .help = "disable autostarting", .kind = SHELL_FLAG }, { 0 },
};
static const struct shell_option file_options[] = {
	{ .name = "file", .help = "file containing an XML network description", .kind = SHELL_TEXT }, { 0 },
};
static const struct shell_option no_options[] = { { 0 } };
static const struct shell_option ping_options[] = {
	{ .name = "address", .help = "an IPv4 address or a name", .kind = SHELL_TEXT, .required = true },
	{ .name = "count", .help = "how many times; 4 without", .kind = SHELL_NUMBER, .only_by_name = true }, { 0 },
};

#define ROW(verb, text, more, which, code) \
	{ .name = verb, .help = text, .description = more, .options = which, .function = code, .group = SHELL_GROUP_NETWORK }

const struct shell_command shell_commands_network[] = {
	ROW("net-autostart", "autostart a network", "Configure a network to be automatically started at boot.", autostart_options, net_autostart),
	ROW("net-conntrack", "list the connections between networks and the outside",
	    "List the connections that the host translates or lets in.", no_options, net_conntrack),
	ROW("net-create", "create a network from an XML file", "Create a network.", file_options, net_create),
	ROW("net-define", "define an inactive persistent virtual network or modify an existing persistent one from an XML file",
	    "Define or modify a persistent virtual network.", file_options, net_define),
	ROW("net-destroy", "destroy (stop) a network", "Forcefully stop a given network.", network_options, net_destroy),
	ROW("net-dhcp-leases", "print lease info for a given network", "Print lease info for a given network", network_options, net_dhcp_leases),
	ROW("net-dumpxml", "network information in XML", "Output the network information as an XML dump to stdout.", dump_options, net_dumpxml),
	ROW("net-info", "network information", "Returns basic information about the network", network_options, net_info),
	ROW("net-list", "list networks", "Returns list of networks.", list_options, net_list),
	ROW("net-start", "start a (previously defined) inactive network", "Start a network.", network_options, net_start),
	ROW("net-undefine", "undefine a persistent network", "Undefine the configuration for a persistent network.", network_options, net_undefine),
	ROW("ping", "send ICMP echo requests from the host", "Ask a machine, or somebody outside, to answer.", ping_options, ping),
	{ 0 },
};

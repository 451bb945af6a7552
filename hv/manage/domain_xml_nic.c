/* SPDX-License-Identifier: MIT */
/* Domain XML: <interface type='network'>, read and written. */
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/domain_xml_sections.h"
#include "hv/manage/network.h"
#include "hv/net/nat.h"
#include "hv/random.h"

/* A filter of libvirt's own, which Solera has built in and has on when none is written; and ours that turns it off. */
static const char *const filters[] = { "clean-traffic", "solera-none" };
static const char *const links[] = { "up", "down" };

static struct domain_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

/* The card that is being read: the one behind those that count. */
static struct domain_nic *nic_of(struct xml_reader *reader)
{
	return &config_of(reader)->nics[config_of(reader)->nic_count];
}

static int read_source(struct xml_reader *reader, const struct xml_node *node)
{
	const char *name = xml_attribute(node, "network");

	if (!name || !*name || strlen(name) > DOMAIN_NETWORK_NAME_MAX)
		return xml_invalid(reader, node, "attribute 'network' must name a network, in 1 to %d bytes", DOMAIN_NETWORK_NAME_MAX);
	string_copy(nic_of(reader)->network, name, sizeof(nic_of(reader)->network));
	return OK;
}

static int read_mac(struct xml_reader *reader, const struct xml_node *node)
{
	const char *address = xml_attribute(node, "address");

	if (!address || mac_parse(nic_of(reader)->mac, address))
		return xml_invalid(reader, node, "'%.40s' is not the Ethernet address of one card", address ? address : "");
	return OK;
}

static int read_model(struct xml_reader *reader, const struct xml_node *node)
{
	const char *type = xml_attribute(node, "type");

	return type ? xml_attribute_is(reader, node, "type", "virtio") : xml_invalid(reader, node, "attribute 'type' is missing");
}

static int read_link(struct xml_reader *reader, const struct xml_node *node)
{
	const char *state = xml_attribute(node, "state");
	unsigned index = 0;
	int code = xml_match(reader, node, "state", state ? state : "", links, ARRAY_SIZE(links), &index);

	nic_of(reader)->link = (u8)(index + 1);
	return code;
}

static int read_mtu(struct xml_reader *reader, const struct xml_node *node)
{
	const char *text = xml_attribute(node, "size");
	u64 size = 0;

	if (!text || string_to_u64(text, &size) || size < NET_MTU_MIN || size > NET_MTU_MAX)
		return xml_invalid(reader, node, "size '%.20s' is not a number from %u to %u", text ? text : "", NET_MTU_MIN, NET_MTU_MAX);
	nic_of(reader)->mtu_bytes = (u16)size;
	return OK;
}

static int read_filter(struct xml_reader *reader, const struct xml_node *node)
{
	const char *name = xml_attribute(node, "filter");
	unsigned index = 0;
	int code = xml_match(reader, node, "filter", name ? name : "", filters, ARRAY_SIZE(filters), &index);

	nic_of(reader)->filter = (u8)(index + 1);
	return code;
}

/* vnet0 and so on are names of running machines' cards: given at start, shown by domiflist. */
static int read_target(struct xml_reader *reader, const struct xml_node *node)
{
	const char *dev = xml_attribute(node, "dev");

	if (!dev || string_starts_with(dev, "vnet"))
		return OK; /* as libvirt: such a name is its own to give */
	return xml_refuse(reader, node, "dev '%.20s' is not supported by this version of Solera: it names cards itself (vnet0, …)", dev);
}

/* The protocol of the <portForward> that is being read. */
static u8 forward_protocol(const struct xml_node *forward)
{
	const char *protocol = xml_attribute(forward, "proto");

	return !protocol ? 0 : string_equal(protocol, "tcp") ? IP_PROTOCOL_TCP : string_equal(protocol, "udp") ? IP_PROTOCOL_UDP : 0;
}

static bool read_port(const struct xml_node *node, const char *name, u64 *port)
{
	const char *text = xml_attribute(node, name);

	return !text || (string_to_u64(text, port) == OK && *port && *port <= 65535);
}

static int read_forward_range(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_nic *nic = nic_of(reader);
	u64 start = 0, end, to;

	if (!xml_attribute(node, "start") || !read_port(node, "start", &start))
		return xml_invalid(reader, node, "start is a number from 1 to 65535");
	end = to = start;
	if (!read_port(node, "end", &end) || !read_port(node, "to", &to) || end < start || to + (end - start) > 65535)
		return xml_invalid(reader, node, "end and to are numbers from 1 to 65535, end is not below start");
	if (end > NAT_PORT_LAST)
		return xml_refuse(reader, node, "ports from %u on are the host's own", NAT_PORT_LAST + 1);
	if (nic->forward_count == DOMAIN_NIC_FORWARDS_MAX)
		return xml_refuse(reader, node, "a card has at most %d ranges of forwarded ports", DOMAIN_NIC_FORWARDS_MAX);
	nic->forwards[nic->forward_count++] = (struct network_forward){ 0, (u16)start, (u16)end, (u16)to };
	return OK;
}

static int read_port_forward(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "range", .read = read_forward_range, .attributes = "start end to", .many = true, .leaf = true },
	};
	struct domain_nic *nic = nic_of(reader);
	u8 before = nic->forward_count, protocol = forward_protocol(node);
	int code;

	if (!protocol)
		return xml_invalid(reader, node, "attribute 'proto' is tcp or udp");
	code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
	if (!code && nic->forward_count == before)
		return xml_refuse(reader, node, "<range> is missing: forwarding all ports is not supported by this version of Solera");
	for (u32 i = before; i < nic->forward_count; i++)
		nic->forwards[i].protocol = protocol;
	return code;
}

static int read_address(struct xml_reader *reader, const struct xml_node *node)
{
	return domain_xml_read_address(reader, node, &nic_of(reader)->slot);
}

/* libvirt's prefix for its machines, then three bytes by chance, apart from the other cards of this machine. */
static void make_mac(struct domain_config *config, struct domain_nic *nic)
{
	static const u8 prefix[] = { 0x52, 0x54, 0x00 };
	bool taken;

	do {
		random_bytes(nic->mac, sizeof(nic->mac));
		memcpy(nic->mac, prefix, sizeof(prefix));
		taken = false;
		for (u32 i = 0; i < config->nic_count; i++)
			taken = taken || memcmp(config->nics[i].mac, nic->mac, sizeof(nic->mac)) == 0;
	} while (taken);
}

static int check(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	struct domain_nic *nic = nic_of(reader);
	static const u8 none[NET_MAC_BYTES];

	if (!nic->network[0])
		return xml_invalid(reader, node, "<source network='…'/> is missing");
	if (memcmp(nic->mac, none, sizeof(none)) == 0)
		make_mac(config, nic);
	for (u32 i = 0; i < config->nic_count; i++)
		if (memcmp(config->nics[i].mac, nic->mac, sizeof(nic->mac)) == 0)
			return xml_invalid(reader, node, "two cards of this machine have the same address");
	config->nic_count++;
	return OK;
}

int domain_xml_read_interface(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "mac", .read = read_mac, .attributes = "address", .leaf = true },
		{ .name = "source", .read = read_source, .attributes = "network", .leaf = true },
		{ .name = "target", .read = read_target, .attributes = "dev", .leaf = true },
		{ .name = "model", .read = read_model, .attributes = "type", .leaf = true },
		{ .name = "filterref", .read = read_filter, .attributes = "filter", .leaf = true },
		{ .name = "link", .read = read_link, .attributes = "state", .leaf = true },
		{ .name = "mtu", .read = read_mtu, .attributes = "size", .leaf = true },
		{ .name = "portForward", .read = read_port_forward, .attributes = "proto", .many = true },
		{ .name = "address", .read = read_address, .attributes = "type domain bus slot function", .leaf = true },
	};
	static const char *const types[] = { "network" };
	const char *type = xml_attribute(node, "type");
	unsigned index;
	int code;

	if (config_of(reader)->nic_count == DOMAIN_NICS_MAX)
		return xml_refuse(reader, node, "a machine has at most %d network cards", DOMAIN_NICS_MAX);
	code = xml_match(reader, node, "type", type ? type : "", types, ARRAY_SIZE(types), &index);
	if (code)
		return code;
	*nic_of(reader) = (struct domain_nic){ .slot = 0 };
	code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
	return code ? code : check(reader, node);
}

static void format_forwards(struct text *to, const struct domain_nic *nic)
{
	for (u32 i = 0; i < nic->forward_count; i++) {
		const struct network_forward *forward = &nic->forwards[i];

		text_append(to, "      <portForward proto='%s'>\n        <range start='%u'", forward->protocol == IP_PROTOCOL_TCP ? "tcp" : "udp",
			    forward->start);
		if (forward->end != forward->start)
			text_append(to, " end='%u'", forward->end);
		if (forward->to != forward->start)
			text_append(to, " to='%u'", forward->to);
		text_append(to, "/>\n      </portForward>\n");
	}
}

void domain_xml_format_interface(struct text *to, const struct domain_nic *nic)
{
	char mac[MAC_TEXT_SIZE];

	mac_format(mac, nic->mac);
	text_append(to, "    <interface type='network'>\n      <mac address='%s'/>\n      <source network='", mac);
	text_append_xml(to, nic->network, true);
	text_append(to, "'/>\n      <model type='virtio'/>\n");
	if (nic->filter)
		text_append(to, "      <filterref filter='%s'/>\n", filters[nic->filter - 1]);
	if (nic->link)
		text_append(to, "      <link state='%s'/>\n", links[nic->link - 1]);
	if (nic->mtu_bytes)
		text_append(to, "      <mtu size='%u'/>\n", nic->mtu_bytes);
	format_forwards(to, nic);
	domain_xml_format_address(to, nic->slot);
	text_append(to, "    </interface>\n");
}

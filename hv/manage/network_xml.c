/* SPDX-License-Identifier: MIT */
/* Network XML, in and out: libvirt's <network>, the part that docs/networks.md names; the rest is refused with its line. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/network.h"
#include "hv/manage/xml_schema.h"
#include "hv/net/bytes.h"
#include "hv/net/headers.h"
#include "hv/net/nat.h"

static struct network_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

static int read_name(struct xml_reader *reader, const struct xml_node *node)
{
	char *text;
	int code = xml_read_string(reader, node, true, &text);

	if (code)
		return code;
	if (!*text || strlen(text) > NETWORK_NAME_MAX || strchr(text, '/'))
		code = xml_invalid(reader, node, "a network's name has 1 to %d bytes and no '/'", NETWORK_NAME_MAX);
	else
		string_copy(config_of(reader)->name, text, sizeof(config_of(reader)->name));
	kfree(text);
	return code;
}

static int read_uuid(struct xml_reader *reader, const struct xml_node *node)
{
	char *text;
	int code = xml_read_string(reader, node, true, &text);

	if (code)
		return code;
	if (domain_uuid_parse(&config_of(reader)->uuid, text))
		code = xml_invalid(reader, node, "malformed UUID '%.60s'", text);
	config_of(reader)->has_uuid = true;
	kfree(text);
	return code;
}

static int read_nat_port(struct xml_reader *reader, const struct xml_node *node)
{
	const char *start = xml_attribute(node, "start"), *end = xml_attribute(node, "end");
	u64 first = 0, last = 0;

	if (!start || !end || string_to_u64(start, &first) || string_to_u64(end, &last) || first < NAT_PORT_FIRST || last > 65535 || last < first)
		return xml_invalid(reader, node, "start and end are numbers from %u to 65535, in this order", NAT_PORT_FIRST);
	if (first > NAT_PORT_LAST)
		return xml_refuse(reader, node, "ports from %u on are the host's own", NAT_PORT_LAST + 1);
	config_of(reader)->nat_port_first = (u16)first;
	config_of(reader)->nat_port_last = (u16)last;
	return OK;
}

static int read_nat(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = { { .name = "port", .read = read_nat_port, .attributes = "start end", .leaf = true } };

	if (config_of(reader)->forward != NAT_MASQUERADE)
		return xml_invalid(reader, node, "<nat> goes with mode 'nat' only");
	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

static int read_forward(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = { { .name = "nat", .read = read_nat, .attributes = "" } };
	const char *mode = xml_attribute(node, "mode");

	if (!mode || string_equal(mode, "nat"))
		config_of(reader)->forward = NAT_MASQUERADE;
	else if (string_equal(mode, "route"))
		config_of(reader)->forward = NAT_ROUTED;
	else if (!string_equal(mode, "none"))
		return xml_refuse(reader, node, "mode '%.20s' is not supported by this version of Solera: nat, route and none are", mode);
	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

static int read_bridge(struct xml_reader *reader, const struct xml_node *node)
{
	const char *name = xml_attribute(node, "name");
	int code = xml_attribute_is(reader, node, "stp", "on");

	code = code ? code : xml_attribute_is(reader, node, "delay", "0");
	if (code || !name)
		return code;
	if (!*name || strlen(name) >= sizeof(config_of(reader)->bridge))
		return xml_invalid(reader, node, "a bridge's name has 1 to %u bytes", (u32)sizeof(config_of(reader)->bridge) - 1);
	for (const char *at = name; *at; at++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-", *at))
			return xml_invalid(reader, node, "a bridge's name has letters, digits and _ . - only");
	string_copy(config_of(reader)->bridge, name, sizeof(config_of(reader)->bridge));
	return OK;
}

static int read_mac(struct xml_reader *reader, const struct xml_node *node)
{
	const char *address = xml_attribute(node, "address");

	if (!address || mac_parse(config_of(reader)->mac, address))
		return xml_invalid(reader, node, "'%.40s' is not the Ethernet address of one card", address ? address : "");
	return OK;
}

static int read_mtu(struct xml_reader *reader, const struct xml_node *node)
{
	const char *text = xml_attribute(node, "size");
	u64 size = 0;

	if (!text || string_to_u64(text, &size) || size < NET_MTU_MIN || size > NET_MTU_MAX)
		return xml_invalid(reader, node, "size '%.20s' is not a number from %u to %u", text ? text : "", NET_MTU_MIN, NET_MTU_MAX);
	config_of(reader)->mtu_bytes = (u16)size;
	return OK;
}

static int read_domain(struct xml_reader *reader, const struct xml_node *node)
{
	const char *name = xml_attribute(node, "name");
	size_t length = name ? strlen(name) : 0;

	if (!length || length >= sizeof(config_of(reader)->domain))
		return xml_invalid(reader, node, "a domain name has 1 to %u bytes", (u32)sizeof(config_of(reader)->domain) - 1);
	for (const char *at = name; *at; at++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-", *at))
			return xml_invalid(reader, node, "a domain name has letters, digits, '.' and '-' only");
	string_copy(config_of(reader)->domain, name, sizeof(config_of(reader)->domain));
	return OK;
}

/* An address in an attribute, which must be there and lie in the network, neither its first nor its last. */
static int inside(struct xml_reader *reader, const struct xml_node *node, const char *name, u32 *address)
{
	const struct network_config *config = config_of(reader);
	const char *text = xml_attribute(node, name);
	char own[ADDRESS_TEXT_SIZE];

	if (!text || address_parse(address, text))
		return xml_invalid(reader, node, "%s '%.40s' is not an IPv4 address", name, text ? text : "");
	address_format(own, config->address);
	if ((*address & config->mask) != (config->address & config->mask) || !(*address & ~config->mask) || !(~*address & ~config->mask))
		return xml_invalid(reader, node, "%s '%s' is not an address of a machine in the network of %s", name, text, own);
	if (*address == config->address)
		return xml_invalid(reader, node, "%s '%s' is the host's own address", name, text);
	return OK;
}

static int read_range(struct xml_reader *reader, const struct xml_node *node)
{
	struct network_config *config = config_of(reader);
	int code = inside(reader, node, "start", &config->dhcp_start);

	code = code ? code : inside(reader, node, "end", &config->dhcp_end);
	if (!code && config->dhcp_end < config->dhcp_start)
		return xml_invalid(reader, node, "the range's end is before its start");
	return code;
}

static int read_host(struct xml_reader *reader, const struct xml_node *node)
{
	struct network_config *config = config_of(reader);
	struct dhcp_host *host = &config->hosts[config->host_count];
	const char *mac = xml_attribute(node, "mac"), *name = xml_attribute(node, "name");
	u8 bytes[NET_MAC_BYTES];
	int code;

	if (config->host_count == DHCP_HOSTS_MAX)
		return xml_refuse(reader, node, "a network has at most %u fixed hosts", DHCP_HOSTS_MAX);
	*host = (struct dhcp_host){ .mac = 0 };
	if (!mac || mac_parse(bytes, mac))
		return xml_invalid(reader, node, "mac '%.40s' is not the Ethernet address of one card", mac ? mac : "");
	if (name && !dhcp_name_is_good(name))
		return xml_invalid(reader, node, "name '%.60s' is not a host name", name);
	code = inside(reader, node, "ip", &host->address);
	if (code)
		return code;
	host->mac = net_mac(bytes);
	string_copy(host->name, name ? name : "", sizeof(host->name));
	for (u32 i = 0; i < config->host_count; i++)
		if (config->hosts[i].mac == host->mac || config->hosts[i].address == host->address)
			return xml_invalid(reader, node, "another <host> has this mac or ip");
	config->host_count++;
	return OK;
}

static int read_dhcp(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "range", .read = read_range, .attributes = "start end", .leaf = true },
		{ .name = "host", .read = read_host, .attributes = "mac name ip", .many = true, .leaf = true },
	};

	config_of(reader)->dhcp = true;
	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

static int read_mask(struct xml_reader *reader, const struct xml_node *node)
{
	struct network_config *config = config_of(reader);
	const char *netmask = xml_attribute(node, "netmask"), *prefix = xml_attribute(node, "prefix");
	u64 bits = 0;

	if (netmask && prefix)
		return xml_invalid(reader, node, "netmask and prefix say the same thing twice");
	if (prefix) {
		if (string_to_u64(prefix, &bits) || bits < 8 || bits > 30)
			return xml_invalid(reader, node, "prefix '%.20s' is not a number from 8 to 30", prefix);
		config->prefix = true;
		config->mask = ~0u << (32 - bits);
		return OK;
	}
	if (!netmask || address_parse(&config->mask, netmask))
		return xml_invalid(reader, node, "netmask '%.40s' is not one", netmask ? netmask : "");
	if ((~config->mask & (~config->mask + 1)) || config->mask < 0xff000000u || config->mask > 0xfffffffcu)
		return xml_invalid(reader, node, "netmask '%s' is not one of 8 to 30 bits from the left", netmask);
	return OK;
}

static int read_ip(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = { { .name = "dhcp", .read = read_dhcp, .attributes = "" } };
	struct network_config *config = config_of(reader);
	const char *address = xml_attribute(node, "address");
	int code = xml_attribute_is(reader, node, "family", "ipv4");
	u32 own;

	if (code)
		return code;
	if (!address || address_parse(&own, address) || own >> 28 >= 14 || own >> 24 == 127 || own >> 24 == 0)
		return xml_invalid(reader, node, "address '%.40s' is not the IPv4 address of one host", address ? address : "");
	code = read_mask(reader, node);
	if (code)
		return code;
	if (!(own & ~config->mask) || !(~own & ~config->mask))
		return xml_invalid(reader, node, "address '%s' is the network's own or its broadcast", address);
	config->address = own;
	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

static int read_network(struct xml_reader *reader, const struct xml_node *root)
{
	static const struct xml_rule rules[] = {
		{ .name = "name", .read = read_name, .attributes = "", .leaf = true },
		{ .name = "uuid", .read = read_uuid, .attributes = "", .leaf = true },
		{ .name = "forward", .read = read_forward, .attributes = "mode" },
		{ .name = "bridge", .read = read_bridge, .attributes = "name stp delay", .leaf = true },
		{ .name = "mac", .read = read_mac, .attributes = "address", .leaf = true },
		{ .name = "mtu", .read = read_mtu, .attributes = "size", .leaf = true },
		{ .name = "domain", .read = read_domain, .attributes = "name", .leaf = true },
		{ .name = "ip", .read = read_ip, .attributes = "address netmask prefix family" },
	};
	int code;

	if (root->uri || !string_equal(root->name, "network"))
		return xml_invalid(reader, root, "unexpected root element <%s>, expecting <network>", root->name);
	code = xml_check_attributes(reader, root, "");
	code = code ? code : xml_read_children(reader, root, rules, ARRAY_SIZE(rules));
	if (!code && !config_of(reader)->name[0])
		return xml_invalid(reader, root, "<name> is missing");
	if (!code && config_of(reader)->forward && !config_of(reader)->address)
		return xml_invalid(reader, root, "a network that is forwarded needs an <ip>: it is its machines' router");
	return code;
}

int network_xml_parse(struct network_config *config, const char *file, const char *xml, size_t size, struct manage_error *error)
{
	struct xml_document document;
	struct xml_reader reader = { .document = &document, .error = error, .config = config };
	int code;

	memset(config, 0, sizeof(*config));
	code = xml_parse(&document, file, xml, size, error);
	if (code)
		return code;
	code = read_network(&reader, document.root);
	xml_release(&document);
	return code;
}

static void mac_bytes(u8 *bytes, u64 mac)
{
	put_be16(bytes, (u32)(mac >> 32));
	put_be32(bytes + 2, (u32)mac);
}

static void format_dhcp(struct text *to, const struct network_config *config)
{
	char start[ADDRESS_TEXT_SIZE], end[ADDRESS_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	text_append(to, "    <dhcp>\n");
	address_format(start, config->dhcp_start);
	address_format(end, config->dhcp_end);
	if (config->dhcp_start)
		text_append(to, "      <range start='%s' end='%s'/>\n", start, end);
	for (u32 i = 0; i < config->host_count; i++) {
		const struct dhcp_host *host = &config->hosts[i];
		u8 bytes[NET_MAC_BYTES];

		mac_bytes(bytes, host->mac);
		mac_format(mac, bytes);
		address_format(start, host->address);
		text_append(to, "      <host mac='%s'", mac);
		if (host->name[0])
			text_append(to, " name='%s'", host->name);
		text_append(to, " ip='%s'/>\n", start);
	}
	text_append(to, "    </dhcp>\n");
}

static void format_ip(struct text *to, const struct network_config *config)
{
	char address[ADDRESS_TEXT_SIZE], mask[ADDRESS_TEXT_SIZE];

	address_format(address, config->address);
	address_format(mask, config->mask);
	text_append(to, "  <ip address='%s'", address);
	if (config->prefix)
		text_append(to, " prefix='%u'", 32u - (u32)__builtin_ctz(config->mask));
	else
		text_append(to, " netmask='%s'", mask);
	text_append(to, config->dhcp ? ">\n" : "/>\n");
	if (!config->dhcp)
		return;
	format_dhcp(to, config);
	text_append(to, "  </ip>\n");
}

static void format_forward(struct text *to, const struct network_config *config)
{
	if (config->forward == NAT_ROUTED)
		text_append(to, "  <forward mode='route'/>\n");
	else if (config->forward && config->nat_port_first)
		text_append(to, "  <forward mode='nat'>\n    <nat>\n      <port start='%u' end='%u'/>\n    </nat>\n  </forward>\n",
			    config->nat_port_first, config->nat_port_last);
	else if (config->forward)
		text_append(to, "  <forward mode='nat'/>\n");
}

char *network_xml_format(const struct network_config *config)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct text to;

	text_init(&to);
	text_append(&to, "<network>\n  <name>");
	text_append_xml(&to, config->name, false);
	domain_uuid_format(uuid, &config->uuid);
	text_append(&to, "</name>\n  <uuid>%s</uuid>\n", uuid);
	format_forward(&to, config);
	text_append(&to, "  <bridge name='%s' stp='on' delay='0'/>\n", config->bridge);
	if (config->mtu_bytes)
		text_append(&to, "  <mtu size='%u'/>\n", config->mtu_bytes);
	mac_format(mac, config->mac);
	text_append(&to, "  <mac address='%s'/>\n", mac);
	if (config->domain[0])
		text_append(&to, "  <domain name='%s'/>\n", config->domain);
	if (config->address)
		format_ip(&to, config);
	text_append(&to, "</network>\n");
	return text_take(&to);
}

/* SPDX-License-Identifier: MIT */
/* Domain XML: <serial>, <console> and <channel>, read and written. A <console> is serial port 0 or a virtio port, by its target. */
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/domain_xml_sections.h"

static struct domain_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

/* The first child element of that name; NULL: none. */
static const struct xml_node *child_of(const struct xml_node *node, const char *name)
{
	for (const struct xml_node *child = node->children; child; child = child->next) {
		if (child->name && !child->uri && string_equal(child->name, name))
			return child;
	}
	return NULL;
}

/* <target type='isa-serial' port='0'>: type must be missing or as expected; without port, *port stays. */
static int read_target(struct xml_reader *reader, const struct xml_node *target, const char *type, u64 *port)
{
	const char *given = xml_attribute(target, "port");
	int code = xml_attribute_is(reader, target, "type", type);

	if (code)
		return code;
	if (given && string_to_u64(given, port))
		return xml_invalid(reader, target, "port '%.40s' is not a whole number", given);
	return OK;
}

static int read_model(struct xml_reader *reader, const struct xml_node *node)
{
	return xml_attribute_is(reader, node, "name", "isa-serial");
}

static int check_target(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "model", .read = read_model, .attributes = "name", .leaf = true },
	};

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

/* Read later, when the target has said whether it is a virtio port's: see read_port_address. */
static int check_nothing(struct xml_reader *reader, const struct xml_node *node)
{
	(void)reader;
	(void)node;
	return OK;
}

static const struct xml_rule serial_rules[] = {
	{ .name = "target", .read = check_target, .attributes = "type port" },
};
static const struct xml_rule port_rules[] = {
	{ .name = "target", .read = check_target, .attributes = "type port name" },
	{ .name = "address", .read = check_nothing, .attributes = "type controller bus port", .leaf = true },
};

int domain_xml_read_serial(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	const struct xml_node *target = child_of(node, "target");
	u64 port = config->serial_count;
	int code;

	if ((code = xml_attribute_is(reader, node, "type", "pty")) ||
	    (code = xml_read_children(reader, node, serial_rules, ARRAY_SIZE(serial_rules))) ||
	    (target && (code = read_target(reader, target, "isa-serial", &port))))
		return code;
	if (config->serial_count == DOMAIN_SERIALS_MAX)
		return xml_invalid(reader, node, "a machine has at most %d serial ports", DOMAIN_SERIALS_MAX);
	if (port != config->serial_count)
		return xml_invalid(reader, node, "port %llu is out of order: ports count from 0 without gaps, this one is %u",
				   (unsigned long long)port, config->serial_count);
	config->serial_count++;
	return OK;
}

static int no_attribute(struct xml_reader *reader, const struct xml_node *node, const char *name, const char *what)
{
	return xml_attribute(node, name) ? xml_invalid(reader, node, "a %s has no '%s' here", what, name) : OK;
}

/* <address type='virtio-serial' controller='0' bus='0' port='N'/>. */
static int read_port_address(struct xml_reader *reader, const struct xml_node *node, struct domain_port *port)
{
	const struct xml_node *address = child_of(node, "address");
	u64 number = 0;
	int code;

	if (!address)
		return OK;
	code = xml_attribute_is(reader, address, "type", "virtio-serial");
	code = code ? code : xml_attribute_is(reader, address, "controller", "0");
	code = code ? code : xml_attribute_is(reader, address, "bus", "0");
	code = code ? code : domain_xml_number(reader, address, "port", &number);
	if (code)
		return code;
	if (number >= DOMAIN_PORTS_MAX || (!number && !port->console))
		return xml_refuse(reader, address, "port %llu is out of range: consoles have ports 0 to %d, channels 1 to %d",
				  (unsigned long long)number, DOMAIN_PORTS_MAX - 1, DOMAIN_PORTS_MAX - 1);
	port->number = (u8)number;
	port->has_number = true;
	return OK;
}

/* One more port of the virtio-serial controller. */
static int add_port(struct xml_reader *reader, const struct xml_node *node, struct domain_port *port)
{
	struct domain_config *config = config_of(reader);
	int code = read_port_address(reader, node, port);

	if (code)
		return code;
	if (config->port_count == DOMAIN_PORTS_MAX)
		return xml_refuse(reader, node, "a machine has at most %d virtio consoles and channels", DOMAIN_PORTS_MAX);
	config->ports[config->port_count++] = *port;
	config->virtio_serial = true;
	return OK;
}

static u32 consoles_before(const struct domain_config *config)
{
	u32 count = config->console;

	for (u32 i = 0; i < config->port_count; i++)
		count += config->ports[i].console;
	return count;
}

static int read_serial_console(struct xml_reader *reader, const struct xml_node *node, const struct xml_node *target)
{
	u64 port = 0;
	int code = target ? read_target(reader, target, "serial", &port) : OK;

	if (code)
		return code;
	if (port)
		return xml_invalid(reader, node, "port %llu is out of range: the console is serial port 0",
				   (unsigned long long)port);
	if (consoles_before(config_of(reader)))
		return xml_refuse(reader, node, "Only the first console can be a serial port");
	if (child_of(node, "address"))
		return xml_invalid(reader, node, "a console on a serial port has no <address>");
	config_of(reader)->console = true;
	return OK;
}

int domain_xml_read_console(struct xml_reader *reader, const struct xml_node *node)
{
	const struct xml_node *target = child_of(node, "target");
	const char *type = target ? xml_attribute(target, "type") : NULL;
	struct domain_port port = { .console = true };
	u64 number = consoles_before(config_of(reader));
	int code;

	if ((code = xml_attribute_is(reader, node, "type", "pty")) ||
	    (code = xml_read_children(reader, node, port_rules, ARRAY_SIZE(port_rules))) ||
	    (target && (code = no_attribute(reader, target, "name", "console"))))
		return code;
	if (!type || !string_equal(type, "virtio"))
		return read_serial_console(reader, node, target);
	code = read_target(reader, target, "virtio", &number);
	if (code)
		return code;
	if (number != consoles_before(config_of(reader)))
		return xml_invalid(reader, node, "port %llu is out of order: consoles count from 0 without gaps, this one is %u",
				   (unsigned long long)number, consoles_before(config_of(reader)));
	return add_port(reader, node, &port);
}

static int read_channel_name(struct xml_reader *reader, const struct xml_node *target, struct domain_port *port)
{
	const char *name = xml_attribute(target, "name");
	const struct domain_config *config = config_of(reader);

	if (!name)
		return OK;
	if (!*name || strlen(name) >= sizeof(port->name))
		return xml_invalid(reader, target, "a channel's name has 1 to %d bytes", DEVICE_PORT_NAME_MAX - 1);
	for (u32 i = 0; i < config->port_count; i++)
		if (string_equal(config->ports[i].name, name))
			return xml_invalid(reader, target, "there is a channel '%.63s' already", name);
	string_copy(port->name, name, sizeof(port->name));
	return OK;
}

int domain_xml_read_channel(struct xml_reader *reader, const struct xml_node *node)
{
	const struct xml_node *target = child_of(node, "target");
	struct domain_port port = { .console = false };
	int code;

	if ((code = xml_attribute_is(reader, node, "type", "pty")) ||
	    (code = xml_read_children(reader, node, port_rules, ARRAY_SIZE(port_rules))))
		return code;
	if (!target || !xml_attribute(target, "type"))
		return xml_invalid(reader, node, "<target> with its attribute 'type' is missing");
	if ((code = xml_attribute_is(reader, target, "type", "virtio")) || (code = no_attribute(reader, target, "port", "channel")) ||
	    (code = read_channel_name(reader, target, &port)))
		return code;
	return add_port(reader, node, &port);
}

/* Port 0 is a console's: it is the one that a driver without multiport has. */
int domain_xml_assign_ports(struct xml_reader *reader, const struct xml_node *root)
{
	struct domain_config *config = config_of(reader);
	u32 used = 0;

	for (u32 i = 0; i < config->port_count; i++) {
		const struct domain_port *port = &config->ports[i];

		if (port->has_number && (used & BIT32(port->number)))
			return xml_invalid(reader, root, "two consoles or channels have port %u", port->number);
		used |= port->has_number ? BIT32(port->number) : 0;
	}
	for (u32 i = 0; i < config->port_count; i++) {
		struct domain_port *port = &config->ports[i];

		for (u8 n = port->console ? 0 : 1; !port->has_number && n < DOMAIN_PORTS_MAX; n++) {
			port->has_number = !(used & BIT32(n));
			port->number = n;
		}
		if (!port->has_number)
			return xml_refuse(reader, root, "a machine has %d channels at most: port 0 is a console's", DOMAIN_PORTS_MAX - 1);
		used |= BIT32(port->number);
	}
	return OK;
}

static void format_port(struct text *to, const struct domain_port *port, u32 console)
{
	const char *element = port->console ? "console" : "channel";

	text_append(to, "    <%s type='pty'>\n      <target type='virtio'", element);
	if (port->console)
		text_append(to, " port='%u'", console);
	if (port->name[0]) {
		text_append(to, " name='");
		text_append_xml(to, port->name, true);
		text_append(to, "'");
	}
	text_append(to, "/>\n      <address type='virtio-serial' controller='0' bus='0' port='%u'/>\n    </%s>\n", port->number, element);
}

void domain_xml_format_chars(struct text *to, const struct domain_config *config)
{
	u32 console = config->console;

	for (unsigned i = 0; i < config->serial_count; i++)
		text_append(to, "    <serial type='pty'>\n      <target type='isa-serial' port='%u'>\n"
			    "        <model name='isa-serial'/>\n      </target>\n    </serial>\n", i);
	if (config->console)
		text_append(to, "    <console type='pty'>\n      <target type='serial' port='0'/>\n    </console>\n");
	for (u32 i = 0; i < config->port_count; i++)
		if (config->ports[i].console)
			format_port(to, &config->ports[i], console++);
	for (u32 i = 0; i < config->port_count; i++)
		if (!config->ports[i].console)
			format_port(to, &config->ports[i], 0);
}

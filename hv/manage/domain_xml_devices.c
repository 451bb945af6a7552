/* SPDX-License-Identifier: MIT */
/* Domain XML: <devices>. Each kind of device that Solera can make is a row in the table at the end. */
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

static const struct xml_rule target_rules[] = {
	{ .name = "target", .read = check_target, .attributes = "type port" },
};

static int read_serial(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	const struct xml_node *target = child_of(node, "target");
	u64 port = config->serial_count;
	int code;

	if ((code = xml_attribute_is(reader, node, "type", "pty")) ||
	    (code = xml_read_children(reader, node, target_rules, ARRAY_SIZE(target_rules))) ||
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

static int read_console(struct xml_reader *reader, const struct xml_node *node)
{
	const struct xml_node *target = child_of(node, "target");
	u64 port = 0;
	int code;

	if ((code = xml_attribute_is(reader, node, "type", "pty")) ||
	    (code = xml_read_children(reader, node, target_rules, ARRAY_SIZE(target_rules))) ||
	    (target && (code = read_target(reader, target, "serial", &port))))
		return code;
	if (port)
		return xml_invalid(reader, node, "port %llu is out of range: the console is serial port 0",
				   (unsigned long long)port);
	config_of(reader)->console = true;
	return OK;
}

static int read_memballoon(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const models[] = { "none" };
	const char *model = xml_attribute(node, "model");
	unsigned index;
	int code;

	if (!model)
		return xml_invalid(reader, node, "attribute 'model' is missing");
	code = xml_match(reader, node, "model", model, models, ARRAY_SIZE(models), &index);
	if (code)
		return code;
	config_of(reader)->memballoon_none = true;
	return OK;
}

int domain_xml_read_devices(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "disk", .read = domain_xml_read_disk, .attributes = "type device", .many = true },
		{ .name = "serial", .read = read_serial, .attributes = "type", .many = true },
		{ .name = "console", .read = read_console, .attributes = "type" },
		{ .name = "rng", .read = domain_xml_read_rng, .attributes = "model" },
		{ .name = "memballoon", .read = read_memballoon, .attributes = "model", .leaf = true },
	};

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

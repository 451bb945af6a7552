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
		{ .name = "controller", .read = domain_xml_read_controller, .attributes = "type index", .many = true },
		{ .name = "interface", .read = domain_xml_read_interface, .attributes = "type", .many = true },
		{ .name = "serial", .read = domain_xml_read_serial, .attributes = "type", .many = true },
		{ .name = "console", .read = domain_xml_read_console, .attributes = "type", .many = true },
		{ .name = "channel", .read = domain_xml_read_channel, .attributes = "type", .many = true },
		{ .name = "rng", .read = domain_xml_read_rng, .attributes = "model" },
		{ .name = "memballoon", .read = read_memballoon, .attributes = "model", .leaf = true },
	};

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

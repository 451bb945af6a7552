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

static struct domain_balloon *balloon_of(struct xml_reader *reader)
{
	return &config_of(reader)->balloon;
}

static int read_switch(struct xml_reader *reader, const struct xml_node *node, const char *name, u8 *value)
{
	static const char *const words[] = { "on", "off" };
	const char *given = xml_attribute(node, name);
	unsigned index = 0;
	int code = given ? xml_match(reader, node, name, given, words, ARRAY_SIZE(words), &index) : OK;

	*value = given && !code ? (u8)(index + 1) : 0;
	return code;
}

static int read_stats(struct xml_reader *reader, const struct xml_node *node)
{
	u64 period = 0;
	int code = domain_xml_number(reader, node, "period", &period);

	if (!code && period > DOMAIN_BALLOON_PERIOD_MAX)
		code = xml_invalid(reader, node, "period %llu is out of range: seconds up to %u", (unsigned long long)period,
				   DOMAIN_BALLOON_PERIOD_MAX);
	balloon_of(reader)->period_s = (u32)period;
	return code;
}

static int read_balloon_address(struct xml_reader *reader, const struct xml_node *node)
{
	return domain_xml_read_address(reader, node, &balloon_of(reader)->slot);
}

static int read_balloon(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "stats", .read = read_stats, .attributes = "period", .leaf = true },
		{ .name = "address", .read = read_balloon_address, .attributes = "type domain bus slot function", .leaf = true },
	};
	int code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));

	code = code ? code : read_switch(reader, node, "autodeflate", &balloon_of(reader)->autodeflate);
	code = code ? code : read_switch(reader, node, "freePageReporting", &balloon_of(reader)->reporting);
	balloon_of(reader)->present = !code;
	return code;
}

void domain_xml_format_balloon(struct text *to, const struct domain_config *config)
{
	static const char *const words[] = { "", "on", "off" };
	const struct domain_balloon *balloon = &config->balloon;

	if (config->memballoon_none)
		text_append(to, "    <memballoon model='none'/>\n");
	if (!balloon->present)
		return;
	text_append(to, "    <memballoon model='virtio'");
	if (balloon->autodeflate)
		text_append(to, " autodeflate='%s'", words[balloon->autodeflate]);
	if (balloon->reporting)
		text_append(to, " freePageReporting='%s'", words[balloon->reporting]);
	text_append(to, ">\n");
	if (balloon->period_s)
		text_append(to, "      <stats period='%u'/>\n", balloon->period_s);
	domain_xml_format_address(to, balloon->slot);
	text_append(to, "    </memballoon>\n");
}

static int read_memballoon(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const models[] = { "none", "virtio" };
	const char *model = xml_attribute(node, "model");
	unsigned index;
	int code;

	if (!model)
		return xml_invalid(reader, node, "attribute 'model' is missing");
	code = xml_match(reader, node, "model", model, models, ARRAY_SIZE(models), &index);
	if (code)
		return code;
	if (index == 1)
		return read_balloon(reader, node);
	if (xml_attribute(node, "autodeflate") || xml_attribute(node, "freePageReporting") || xml_has_child_elements(node))
		return xml_invalid(reader, node, "a machine without a balloon has nothing here but model='none'");
	config_of(reader)->memballoon_none = true;
	return OK;
}

int domain_xml_read_devices(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "disk", .read = domain_xml_read_disk, .attributes = "type device", .many = true },
		{ .name = "controller", .read = domain_xml_read_controller, .attributes = "type index model", .many = true },
		{ .name = "interface", .read = domain_xml_read_interface, .attributes = "type", .many = true },
		{ .name = "serial", .read = domain_xml_read_serial, .attributes = "type", .many = true },
		{ .name = "console", .read = domain_xml_read_console, .attributes = "type", .many = true },
		{ .name = "channel", .read = domain_xml_read_channel, .attributes = "type", .many = true },
		{ .name = "rng", .read = domain_xml_read_rng, .attributes = "model" },
		{ .name = "memballoon", .read = read_memballoon, .attributes = "model autodeflate freePageReporting" },
	};

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

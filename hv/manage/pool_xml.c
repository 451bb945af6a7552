/* SPDX-License-Identifier: MIT */
/* Pool XML in and out: <pool type='dir|fs|disk'>, with <source> and <target>. Sizes are shown, and ignored when they are read. */
#include "hv/block/file_system.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/pool.h"
#include "hv/manage/text.h"
#include "hv/manage/xml_schema.h"

static const char *const types[] = { [POOL_DIR] = "dir", [POOL_FS] = "fs", [POOL_DISK] = "disk" };
static const char *const formats[] = { "auto", "vfat", "gpt", "unknown" };

const char *pool_type_name(u8 type)
{
	return types[type];
}

static struct pool_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

/* Text into a field that has room for it. */
static int read_into(struct xml_reader *reader, const struct xml_node *node, char *to, size_t size)
{
	char *text;
	int code = xml_read_string(reader, node, true, &text);

	if (code)
		return code;
	if (!*text || string_copy(to, text, size) >= size)
		code = xml_invalid(reader, node, "it is empty, or longer than %zu bytes", size - 1);
	kfree(text);
	return code;
}

static int read_name(struct xml_reader *reader, const struct xml_node *node)
{
	struct pool_config *config = config_of(reader);
	int code = read_into(reader, node, config->name, sizeof(config->name));

	if (!code && strchr(config->name, '/'))
		code = xml_invalid(reader, node, "name %s cannot contain '/'", config->name);
	return code;
}

static int read_uuid(struct xml_reader *reader, const struct xml_node *node)
{
	char text[64];
	int code = read_into(reader, node, text, sizeof(text));

	if (!code && domain_uuid_parse(&config_of(reader)->uuid, text))
		code = xml_invalid(reader, node, "malformed uuid '%s'", text);
	config_of(reader)->has_uuid = !code;
	return code;
}

static int ignore(struct xml_reader *reader, const struct xml_node *node)
{
	(void)reader, (void)node;
	return OK;
}

static int read_device(struct xml_reader *reader, const struct xml_node *node)
{
	const char *path = xml_attribute(node, "path");
	struct pool_config *config = config_of(reader);

	if (!path || !string_starts_with(path, "/dev/") || strchr(path + 5, '/') ||
	    string_copy(config->device, path + 5, sizeof(config->device)) >= sizeof(config->device) || !*config->device)
		return xml_refuse(reader, node, "'%.60s' is not a block device of this host: it must be /dev/NAME", path ? path : "");
	return xml_read_empty(reader, node);
}

static int read_format(struct xml_reader *reader, const struct xml_node *node)
{
	const char *type = xml_attribute(node, "type");
	unsigned index;

	return type ? xml_match(reader, node, "type", type, formats, ARRAY_SIZE(formats), &index) : OK;
}

static int read_source(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ "device", read_device, "path", false, false }, { "format", read_format, "type", false, false },
	};

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

static int read_path(struct xml_reader *reader, const struct xml_node *node)
{
	return read_into(reader, node, config_of(reader)->target, sizeof(config_of(reader)->target));
}

static int read_target(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = { { "path", read_path, "", false, true } };

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

static int read_pool(struct xml_reader *reader, const struct xml_node *root)
{
	static const struct xml_rule rules[] = {
		{ "name", read_name, "", false, true },          { "uuid", read_uuid, "", false, true },
		{ "capacity", ignore, "unit", false, true },     { "allocation", ignore, "unit", false, true },
		{ "available", ignore, "unit", false, true },    { "source", read_source, "", false, false },
		{ "target", read_target, "", false, false },
	};
	const char *type = xml_attribute(root, "type");
	unsigned index = 0;
	int code;

	if (!root->name || !string_equal(root->name, "pool") || root->uri)
		return xml_invalid(reader, root, "the document is no <pool>");
	if (!type)
		return xml_invalid(reader, root, "the attribute 'type' is missing");
	code = xml_check_attributes(reader, root, "type");
	code = code ? code : xml_match(reader, root, "type", type, types, ARRAY_SIZE(types), &index);
	config_of(reader)->type = (u8)index;
	code = code ? code : xml_read_children(reader, root, rules, ARRAY_SIZE(rules));
	if (!code && !config_of(reader)->name[0])
		code = xml_invalid(reader, root, "<name> is missing");
	return code;
}

int pool_xml_parse(struct pool_config *config, const char *file, const char *xml, size_t size, struct manage_error *error)
{
	struct xml_document document;
	struct xml_reader reader = { &document, error, config };
	int code = xml_parse(&document, file, xml, size, error);

	*config = (struct pool_config){ .type = POOL_DIR };
	if (code)
		return code;
	code = read_pool(&reader, document.root);
	xml_release(&document);
	return code ? code : pool_config_complete(config, error);
}

int pool_config_complete(struct pool_config *config, struct manage_error *error)
{
	char device[BLOCK_NAME_MAX], expected[BLOCK_NAME_MAX + 2];
	const char *inside;

	if (config->type == POOL_DIR) {
		if (config->target[0] && config->target[strlen(config->target) - 1] == '/')
			config->target[strlen(config->target) - 1] = 0;
		inside = file_path_split(config->target, device);
		if (!inside || !*inside || string_equal(device, "dev") || string_equal(device, "solera"))
			return manage_fail(error, MANAGE_ERR_XML_ERROR, "target '%s' is no folder of a file system: it must be "
					   "/PARTITION/folder", config->target);
		string_copy(config->device, device, sizeof(config->device));
		return OK;
	}
	if (!config->device[0])
		return manage_fail(error, MANAGE_ERR_XML_ERROR, "missing storage pool source device name");
	format(expected, sizeof(expected), "/%s", config->type == POOL_DISK ? "dev" : config->device);
	if (!config->target[0])
		string_copy(config->target, expected, sizeof(config->target));
	if (!string_equal(config->target, expected))
		return manage_fail(error, MANAGE_ERR_CONFIG_UNSUPPORTED, "target '%s': Solera has the volumes of this pool in %s",
				   config->target, expected);
	return OK;
}

char *pool_dump_xml(const struct pool_info *info)
{
	const struct pool_config *config = &info->config;
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct text to;

	domain_uuid_format(uuid, &config->uuid);
	text_init(&to);
	text_append(&to, "<pool type='%s'>\n  <name>", pool_type_name(config->type));
	text_append_xml(&to, config->name, false);
	text_append(&to, "</name>\n  <uuid>%s</uuid>\n  <capacity unit='bytes'>%llu</capacity>\n"
		    "  <allocation unit='bytes'>%llu</allocation>\n  <available unit='bytes'>%llu</available>\n  <source>\n", uuid,
		    (unsigned long long)info->capacity_bytes, (unsigned long long)info->allocation_bytes,
		    (unsigned long long)info->available_bytes);
	if (config->type != POOL_DIR) {
		text_append(&to, "    <device path='/dev/");
		text_append_xml(&to, config->device, true);
		text_append(&to, "'/>\n    <format type='%s'/>\n", config->type == POOL_DISK ? "gpt" : "vfat");
	}
	text_append(&to, "  </source>\n  <target>\n    <path>");
	text_append_xml(&to, config->target, false);
	text_append(&to, "</path>\n  </target>\n</pool>\n");
	return text_take(&to);
}

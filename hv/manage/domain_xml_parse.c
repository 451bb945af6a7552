/* SPDX-License-Identifier: MIT */
/* Domain XML to struct domain_config: the top level, and the sections that describe the machine itself. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_xml.h"
#include "hv/manage/domain_xml_sections.h"
#include "hv/manage/xml_schema.h"

static struct domain_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

static bool has_control_character(const char *s)
{
	for (; *s; s++) {
		if ((u8)*s < 0x20 || *s == 0x7f)
			return true;
	}
	return false;
}

static int read_name(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	int code = xml_read_string(reader, node, false, &config->name);

	if (code)
		return code;
	if (!*config->name)
		return xml_invalid(reader, node, "the name is empty");
	if (strlen(config->name) > DOMAIN_NAME_MAX)
		return xml_invalid(reader, node, "the name is longer than %d bytes", DOMAIN_NAME_MAX);
	if (strchr(config->name, '/'))
		return xml_invalid(reader, node, "name %s cannot contain '/'", config->name);
	if (has_control_character(config->name))
		return xml_invalid(reader, node, "the name contains a line break or another control character");
	return OK;
}

static int read_uuid(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	char *text;
	int code = xml_read_string(reader, node, true, &text);

	if (code)
		return code;
	if (domain_uuid_parse(&config->uuid, text))
		code = xml_invalid(reader, node, "malformed uuid '%.60s'", text);
	config->has_uuid = !code;
	kfree(text);
	return code;
}

/* A string that counts as not given when it is empty. */
static int read_optional(struct xml_reader *reader, const struct xml_node *node, char **field)
{
	int code = xml_read_string(reader, node, false, field);

	if (!code && !**field) {
		kfree(*field);
		*field = NULL;
	}
	return code;
}

static int read_title(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	int code = read_optional(reader, node, &config->title);

	if (!code && config->title && has_control_character(config->title))
		return xml_invalid(reader, node, "the title contains a line break or another control character");
	return code;
}

static int read_description(struct xml_reader *reader, const struct xml_node *node)
{
	return read_optional(reader, node, &config_of(reader)->description);
}

static int read_memory(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	u64 kib;
	int code = xml_read_kib(reader, node, &kib);

	if (code)
		return code;
	if (kib < DOMAIN_MEMORY_MIN_KIB || kib > DOMAIN_MEMORY_MAX_KIB)
		return xml_invalid(reader, node, "%llu KiB is out of range, a machine has %llu KiB to %llu KiB",
				   (unsigned long long)kib, DOMAIN_MEMORY_MIN_KIB, DOMAIN_MEMORY_MAX_KIB);
	config->memory_kib = ALIGN_UP(kib, (u64)1024);
	return OK;
}

static int read_current_memory(struct xml_reader *reader, const struct xml_node *node)
{
	u64 kib;
	int code = xml_read_kib(reader, node, &kib);

	if (code)
		return code;
	if (kib > DOMAIN_MEMORY_MAX_KIB)
		return xml_invalid(reader, node, "%llu KiB is out of range", (unsigned long long)kib);
	config_of(reader)->current_memory_kib = ALIGN_UP(kib, (u64)1024);
	return OK;
}

static int read_vcpu(struct xml_reader *reader, const struct xml_node *node)
{
	u64 count, current;
	const char *given = xml_attribute(node, "current");
	int code = xml_attribute_is(reader, node, "placement", "static");

	if (code || (code = xml_read_u64(reader, node, &count)))
		return code;
	if (count < 1 || count > DOMAIN_VCPUS_MAX)
		return xml_invalid(reader, node, "%llu is out of range, a machine has 1 to %d vCPUs", (unsigned long long)count,
				   DOMAIN_VCPUS_MAX);
	if (given && (string_to_u64(given, &current) || current != count))
		return xml_refuse(reader, node, "current '%.20s' must be the number of vCPUs, %llu", given,
				  (unsigned long long)count);
	config_of(reader)->vcpus = (u32)count;
	if (xml_attribute(node, "cpuset"))
		return domain_xml_read_cpuset(reader, node, "cpuset", &config_of(reader)->tune.cpuset);
	return OK;
}

static int read_action(struct xml_reader *reader, const struct xml_node *node, enum domain_lifecycle_action *action)
{
	static const char *const actions[] = { "destroy", "restart", "preserve" };
	unsigned index = 0;
	char *text;
	int code = xml_read_string(reader, node, true, &text);

	if (code)
		return code;
	code = xml_match(reader, node, "action", text, actions, ARRAY_SIZE(actions), &index);
	*action = (enum domain_lifecycle_action)index;
	kfree(text);
	return code;
}

static int read_on_poweroff(struct xml_reader *reader, const struct xml_node *node)
{
	return read_action(reader, node, &config_of(reader)->on_poweroff);
}

static int read_on_reboot(struct xml_reader *reader, const struct xml_node *node)
{
	return read_action(reader, node, &config_of(reader)->on_reboot);
}

static int read_on_crash(struct xml_reader *reader, const struct xml_node *node)
{
	return read_action(reader, node, &config_of(reader)->on_crash);
}

static const struct xml_rule domain_rules[] = {
	{ .name = "name", .read = read_name, .attributes = "", .leaf = true },
	{ .name = "uuid", .read = read_uuid, .attributes = "", .leaf = true },
	{ .name = "title", .read = read_title, .attributes = "", .leaf = true },
	{ .name = "description", .read = read_description, .attributes = "", .leaf = true },
	{ .name = "metadata", .read = domain_xml_read_metadata, .attributes = "" },
	{ .name = "memory", .read = read_memory, .attributes = "unit", .leaf = true },
	{ .name = "currentMemory", .read = read_current_memory, .attributes = "unit", .leaf = true },
	{ .name = "vcpu", .read = read_vcpu, .attributes = "placement cpuset current", .leaf = true },
	{ .name = "cputune", .read = domain_xml_read_cputune, .attributes = "" },
	{ .name = "os", .read = domain_xml_read_os, .attributes = "" },
	{ .name = "features", .read = domain_xml_read_features, .attributes = "" },
	{ .name = "cpu", .read = domain_xml_read_cpu, .attributes = "mode check migratable" },
	{ .name = "clock", .read = domain_xml_read_clock, .attributes = "offset" },
	{ .name = "on_poweroff", .read = read_on_poweroff, .attributes = "", .leaf = true },
	{ .name = "on_reboot", .read = read_on_reboot, .attributes = "", .leaf = true },
	{ .name = "on_crash", .read = read_on_crash, .attributes = "", .leaf = true },
	{ .name = "devices", .read = domain_xml_read_devices, .attributes = "" },
};

static int missing(struct xml_reader *reader, const struct xml_node *root, const char *element)
{
	return xml_invalid(reader, root, "<%s> is missing", element);
}

/* Whichever of <vcpu> and <cpu> comes first, the product is known at the end; the line is <cpu>'s. */
static int check_topology(struct xml_reader *reader, const struct xml_node *root)
{
	const struct domain_config *config = config_of(reader);
	const struct cpu_topology *topology = &config->topology;
	const struct xml_node *node = root->children;

	if (!topology->sockets || cpu_topology_fits(topology, config->vcpus))
		return OK;
	while (!node->name || !string_equal(node->name, "cpu"))
		node = node->next; /* there is one: the topology was read from it */
	return xml_invalid(reader, node, "<topology> makes %u sockets x %u dies x %u cores x %u threads, "
			   "which are not the machine's %u vCPUs", topology->sockets, topology->dies, topology->cores,
			   topology->threads, config->vcpus);
}

/* What only the whole document shows. */
static int check_whole(struct xml_reader *reader, const struct xml_node *root)
{
	struct domain_config *config = config_of(reader);
	int code;

	if (!config->name)
		return missing(reader, root, "name");
	if (!config->memory_kib)
		return missing(reader, root, "memory");
	if (!config->kernel)
		return xml_refuse(reader, root, "<os> names no <kernel>: this version of Solera starts machines from a "
				  "kernel file only");
	code = check_topology(reader, root);
	if (code)
		return code;
	if (!config->current_memory_kib)
		config->current_memory_kib = config->memory_kib;
	if (config->current_memory_kib > config->memory_kib)
		return xml_invalid(reader, root, "current memory '%lluk' exceeds maximum '%lluk'",
				   (unsigned long long)config->current_memory_kib,
				   (unsigned long long)config->memory_kib);
	if (config->current_memory_kib != config->memory_kib && !config->balloon.present)
		return xml_refuse(reader, root, "<currentMemory> below <memory> needs <memballoon model='virtio'/>");
	for (u32 i = config->vcpus; i < DOMAIN_TUNE_VCPUS_MAX; i++) {
		if (!cpu_mask_empty(&config->tune.pin[i]))
			return xml_invalid(reader, root, "<vcpupin vcpu='%u'>: the machine has vCPUs 0 to %u", i, config->vcpus - 1);
	}
	if (config->console && !config->serial_count)
		config->serial_count = 1; /* as libvirt: the first console makes the first serial port */
	code = domain_xml_assign_ports(reader, root);
	return code ? code : domain_xml_assign_slots(reader, root);
}

static int read_domain(struct xml_reader *reader, const struct xml_node *root)
{
	static const char *const types[] = { "kvm" };
	const char *type = xml_attribute(root, "type");
	unsigned index;
	int code;

	if (root->uri || !string_equal(root->name, "domain"))
		return xml_invalid(reader, root, "unexpected root element <%s>, expecting <domain>", root->name);
	code = xml_check_attributes(reader, root, "type id");
	if (code)
		return code;
	if (!type)
		return xml_invalid(reader, root, "missing domain type attribute");
	code = xml_match(reader, root, "type", type, types, ARRAY_SIZE(types), &index);
	if (code)
		return code;
	code = xml_read_children(reader, root, domain_rules, ARRAY_SIZE(domain_rules));
	return code ? code : check_whole(reader, root);
}

int domain_xml_parse(struct domain_config *config, const char *file, const char *xml, size_t size,
		     struct manage_error *error)
{
	struct xml_document document;
	struct xml_reader reader = { .document = &document, .error = error, .config = config };
	int code;

	domain_config_init(config);
	code = xml_parse(&document, file, xml, size, error);
	if (code)
		return code;
	code = read_domain(&reader, document.root);
	xml_release(&document);
	if (code)
		domain_config_release(config);
	return code;
}

static int read_device(struct xml_reader *reader, const struct xml_node *root, bool assign)
{
	struct domain_config *config = config_of(reader);
	u32 before = config->disk_count;
	int code;

	if (root->uri || !string_equal(root->name, "disk"))
		return xml_refuse(reader, root, "only disks come and go while a machine lives");
	code = xml_check_attributes(reader, root, "type device");
	code = code ? code : domain_xml_read_disk(reader, root);
	if (!code && assign)
		code = domain_xml_assign_slots(reader, root);
	if (code && config->disk_count > before) {
		config->disk_count = before;
		domain_disk_release(&config->disks[before]);
	}
	return code;
}

int domain_xml_parse_disk(struct domain_config *config, bool assign, const char *file, const char *xml, size_t size,
			  struct manage_error *error)
{
	struct xml_document document;
	struct xml_reader reader = { .document = &document, .error = error, .config = config };
	int code = xml_parse(&document, file, xml, size, error);

	if (code)
		return code;
	code = read_device(&reader, document.root, assign);
	xml_release(&document);
	return code;
}

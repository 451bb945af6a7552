/* SPDX-License-Identifier: MIT */
/* Domain XML: <metadata>, <os>, <features>, <cpu> and <clock>. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/domain_xml_sections.h"

static struct domain_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

static int read_solera_element(struct xml_reader *reader, const struct xml_node *node)
{
	if (!string_equal(node->name, "autostart"))
		return xml_unsupported(reader, node);
	if (node->attributes || xml_has_child_elements(node) || xml_has_text(node))
		return xml_refuse(reader, node, "takes no attributes and no content");
	config_of(reader)->autostart = true;
	return OK;
}

/* Other namespaces' elements are kept as they are, for the programs that put them there: libvirt's rule. */
int domain_xml_read_metadata(struct xml_reader *reader, const struct xml_node *node)
{
	struct text kept;
	int code = OK;

	text_init(&kept);
	for (const struct xml_node *child = node->children; child && !code; child = child->next) {
		if (!child->name)
			continue;
		if (child->uri && string_equal(child->uri, SOLERA_DOMAIN_NAMESPACE)) {
			code = read_solera_element(reader, child);
			continue;
		}
		if (!child->uri)
			code = xml_invalid(reader, child, "elements under <metadata> must have a namespace");
		text_append(&kept, "    ");
		xml_format(&kept, child);
		text_append(&kept, "\n");
	}
	if (!code && xml_has_text(node))
		code = xml_invalid(reader, node, "text is not expected here");
	if (!code && kept.length) {
		config_of(reader)->metadata = text_take(&kept);
		if (!config_of(reader)->metadata)
			code = manage_fail_no_memory(reader->error);
	}
	text_release(&kept);
	return code;
}

static int read_os_type(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const types[] = { "hvm" };
	unsigned index;
	char *text;
	int code;

	if ((code = xml_attribute_is(reader, node, "arch", "x86_64")) ||
	    (code = xml_attribute_is(reader, node, "machine", "q35")) ||
	    (code = xml_read_string(reader, node, true, &text)))
		return code;
	code = xml_match(reader, node, "OS type", text, types, ARRAY_SIZE(types), &index);
	kfree(text);
	return code;
}

static bool part_is_file(const char *part, size_t length)
{
	static const char folder[] = "/solera/";
	size_t folder_length = sizeof(folder) - 1;

	if (length <= folder_length || strncmp(part, folder, folder_length) != 0)
		return false;
	for (size_t i = folder_length; i < length; i++) {
		if (part[i] == '/' || part[i] == '\\' || (u8)part[i] < 0x20)
			return false;
	}
	return true;
}

/* A comma divides files where several make sense (Multiboot modules in <initrd>). */
static int read_path(struct xml_reader *reader, const struct xml_node *node, bool several, char **field)
{
	int code = xml_read_string(reader, node, true, field);

	if (code)
		return code;
	for (const char *part = *field;;) {
		const char *comma = several ? strchr(part, ',') : NULL;

		if (!part_is_file(part, comma ? (size_t)(comma - part) : strlen(part)))
			return xml_invalid(reader, node, "'%.100s' is not a file of Solera's folder: write /solera/NAME for the "
					   "file NAME in \\solera\\ on the boot medium", *field);
		if (!comma)
			return OK;
		part = comma + 1;
	}
}

static int read_kernel(struct xml_reader *reader, const struct xml_node *node)
{
	return read_path(reader, node, false, &config_of(reader)->kernel);
}

static int read_initrd(struct xml_reader *reader, const struct xml_node *node)
{
	return read_path(reader, node, true, &config_of(reader)->initrd);
}

static int read_cmdline(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	int code = xml_read_string(reader, node, false, &config->cmdline);

	if (code)
		return code;
	if (strlen(config->cmdline) > DOMAIN_CMDLINE_MAX)
		return xml_invalid(reader, node, "the command line is longer than %d bytes", DOMAIN_CMDLINE_MAX);
	if (!*config->cmdline) {
		kfree(config->cmdline);
		config->cmdline = NULL;
	}
	return OK;
}

int domain_xml_read_os(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "type", .read = read_os_type, .attributes = "arch machine", .leaf = true },
		{ .name = "kernel", .read = read_kernel, .attributes = "", .leaf = true },
		{ .name = "initrd", .read = read_initrd, .attributes = "", .leaf = true },
		{ .name = "cmdline", .read = read_cmdline, .attributes = "", .leaf = true },
	};
	int code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));

	if (code)
		return code;
	for (const struct xml_node *child = node->children; child; child = child->next) {
		if (child->name && string_equal(child->name, "type"))
			return OK;
	}
	return xml_invalid(reader, node, "<type> is missing");
}

static int read_acpi(struct xml_reader *reader, const struct xml_node *node)
{
	config_of(reader)->acpi = true;
	return xml_read_empty(reader, node);
}

static int read_apic(struct xml_reader *reader, const struct xml_node *node)
{
	config_of(reader)->apic = true;
	return xml_read_empty(reader, node);
}

static int read_pae(struct xml_reader *reader, const struct xml_node *node)
{
	config_of(reader)->pae = true;
	return xml_read_empty(reader, node);
}

int domain_xml_read_features(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "acpi", .read = read_acpi, .attributes = "", .leaf = true },
		{ .name = "apic", .read = read_apic, .attributes = "", .leaf = true },
		{ .name = "pae", .read = read_pae, .attributes = "", .leaf = true },
	};

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

/* A level of the topology: as many as there can be vCPUs. dies may be left out and is 1 then. */
static int read_level(struct xml_reader *reader, const struct xml_node *node, const char *name, u32 missing, u32 *level)
{
	const char *text = xml_attribute(node, name);
	u64 count = missing;

	if (!text && !missing)
		return xml_invalid(reader, node, "attribute '%s' is missing", name);
	if (text && (string_to_u64(text, &count) || count < 1 || count > DOMAIN_VCPUS_MAX))
		return xml_invalid(reader, node, "%s '%.20s' must be a number from 1 to %d", name, text, DOMAIN_VCPUS_MAX);
	*level = (u32)count;
	return OK;
}

static int read_topology(struct xml_reader *reader, const struct xml_node *node)
{
	struct cpu_topology *topology = &config_of(reader)->topology;
	int code = read_level(reader, node, "sockets", 0, &topology->sockets);

	code = code ? code : read_level(reader, node, "dies", 1, &topology->dies);
	code = code ? code : read_level(reader, node, "cores", 0, &topology->cores);
	code = code ? code : read_level(reader, node, "threads", 0, &topology->threads);
	config_of(reader)->topology_dies = xml_attribute(node, "dies") != NULL;
	return code ? code : xml_read_children(reader, node, NULL, 0);
}

int domain_xml_read_cpu(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const modes[] = { "host-model", "host-passthrough" };
	static const char *const checks[] = { "none", "partial" };
	static const char *const yes_no[] = { "on", "off" };
	static const struct xml_rule rules[] = {
		{ .name = "topology", .read = read_topology, .attributes = "sockets dies cores threads" },
	};
	const char *mode = xml_attribute(node, "mode"), *check = xml_attribute(node, "check");
	const char *migratable = xml_attribute(node, "migratable");
	unsigned index;
	int code;

	code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
	if (code)
		return code;
	/* With a topology and no mode libvirt gives the hypervisor's default CPU, which is what Solera has. */
	if (!mode && config_of(reader)->topology.sockets && !check && !migratable)
		return OK;
	if (!mode)
		return xml_refuse(reader, node, "mode 'custom' is not supported by this version of Solera (supported: "
				  "host-model, host-passthrough)");
	code = xml_match(reader, node, "mode", mode, modes, ARRAY_SIZE(modes), &index);
	if (code)
		return code;
	config_of(reader)->cpu_mode = index ? DOMAIN_CPU_HOST_PASSTHROUGH : DOMAIN_CPU_HOST_MODEL;
	if (check && (code = xml_match(reader, node, "check", check, checks, ARRAY_SIZE(checks), &index)))
		return code;
	if (migratable && (code = xml_match(reader, node, "migratable", migratable, yes_no, ARRAY_SIZE(yes_no), &index)))
		return code;
	return OK;
}

/* What the machine's hardware is like, whatever is written; so only what it is can be asked for. */
static const struct timer_rule {
	bool yes, no;           /* which values of present fit */
	const char *tickpolicy; /* which policy fits; NULL: none can be named */
} timer_rules[DOMAIN_TIMER_COUNT] = {
	[DOMAIN_TIMER_RTC] = { .yes = true, .tickpolicy = "delay" },
	[DOMAIN_TIMER_PIT] = { .yes = true, .tickpolicy = "delay" },
	[DOMAIN_TIMER_HPET] = { .no = true },
	[DOMAIN_TIMER_TSC] = { .yes = true },
	[DOMAIN_TIMER_KVMCLOCK] = { .yes = true, .no = true },
};

static int read_timer(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const names[] = { "rtc", "pit", "hpet", "tsc", "kvmclock" };
	static const char *const answers[] = { "yes", "no" };
	const char *name = xml_attribute(node, "name"), *present = xml_attribute(node, "present");
	const char *policy = xml_attribute(node, "tickpolicy");
	enum domain_timer_state *state;
	unsigned timer = 0, answer = 0;
	int code;

	if (!name)
		return xml_invalid(reader, node, "attribute 'name' is missing");
	if ((code = xml_match(reader, node, "timer", name, names, ARRAY_SIZE(names), &timer)) ||
	    (present && (code = xml_match(reader, node, "present", present, answers, ARRAY_SIZE(answers), &answer))))
		return code;
	state = &config_of(reader)->timers[timer];
	if (*state != DOMAIN_TIMER_UNSET)
		return xml_invalid(reader, node, "timer '%s' is given more than once", name);
	if (!(answer ? timer_rules[timer].no : timer_rules[timer].yes))
		return xml_refuse(reader, node, "timer '%s' with present='%s' is not supported by this version of Solera", name,
				  answers[answer]);
	if (policy && (!timer_rules[timer].tickpolicy || !string_equal(policy, timer_rules[timer].tickpolicy)))
		return xml_refuse(reader, node, "tickpolicy '%.40s' of timer '%s' is not supported by this version of Solera%s",
				  policy, name, timer_rules[timer].tickpolicy ? " (supported: delay)" : "");
	*state = answer ? DOMAIN_TIMER_NO : DOMAIN_TIMER_YES;
	return xml_read_children(reader, node, NULL, 0);
}

int domain_xml_read_clock(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const offsets[] = { "utc", "localtime" };
	static const struct xml_rule rules[] = {
		{ .name = "timer", .read = read_timer, .attributes = "name present tickpolicy", .many = true },
	};
	const char *offset = xml_attribute(node, "offset");
	unsigned index = 0;
	int code;

	if (!offset)
		return xml_invalid(reader, node, "attribute 'offset' is missing");
	code = xml_match(reader, node, "offset", offset, offsets, ARRAY_SIZE(offsets), &index);
	if (code)
		return code;
	config_of(reader)->clock_offset = index ? DOMAIN_CLOCK_LOCALTIME : DOMAIN_CLOCK_UTC;
	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

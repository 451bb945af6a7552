/* SPDX-License-Identifier: MIT */
/* Domain XML: <cputune>, read and written, and the cpuset of <vcpu>. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/cpu_list.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/domain_xml_sections.h"

static struct domain_tune *tune_of(struct xml_reader *reader)
{
	return &((struct domain_config *)reader->config)->tune;
}

int domain_xml_read_cpuset(struct xml_reader *reader, const struct xml_node *node, const char *attribute, struct cpu_mask *mask)
{
	const char *text = xml_attribute(node, attribute);

	if (!text)
		return xml_invalid(reader, node, "attribute '%s' is missing", attribute);
	switch (cpu_list_parse(mask, text)) {
	case OK:
		return OK;
	case ERR_RANGE:
		return xml_invalid(reader, node, "%s '%.60s': the highest CPU number is %u", attribute, text, CPU_MAX - 1);
	default:
		return xml_invalid(reader, node, "%s '%.60s' is not a list of CPUs such as 0-3,^2", attribute, text);
	}
}

/* The element's name says which number it is. */
static int read_number(struct xml_reader *reader, const struct xml_node *node)
{
	enum domain_tune_number number = DOMAIN_TUNE_SHARES;
	struct manage_error error;
	u64 magnitude;
	bool minus;
	char *text;
	int code = xml_read_string(reader, node, true, &text);

	if (code)
		return code;
	while (!string_equal(domain_tune_rules[number].element, node->name))
		number++;
	minus = text[0] == '-';
	code = string_to_u64(text + minus, &magnitude);
	if (code || magnitude > BIT64(62))
		code = xml_invalid(reader, node, "'%.40s' is not a whole number in range", text);
	else if (domain_tune_set(tune_of(reader), number, minus ? -(s64)magnitude : (s64)magnitude, &error))
		code = xml_invalid(reader, node, "Value of cputune '%s' must be in range [%lld, %lld]", node->name,
				   (long long)domain_tune_rules[number].min, (long long)domain_tune_rules[number].max);
	kfree(text);
	return code;
}

static int read_vcpupin(struct xml_reader *reader, const struct xml_node *node)
{
	const char *text = xml_attribute(node, "vcpu");
	u64 vcpu;
	int code;

	if (!text || string_to_u64(text, &vcpu))
		return xml_invalid(reader, node, "attribute 'vcpu' must be a vCPU's number");
	if (vcpu >= DOMAIN_TUNE_VCPUS_MAX)
		return xml_invalid(reader, node, "vcpu '%.20s': the highest number is %d", text, DOMAIN_TUNE_VCPUS_MAX - 1);
	if (!cpu_mask_empty(&tune_of(reader)->pin[vcpu]))
		return xml_invalid(reader, node, "vCPU %llu is pinned more than once", (unsigned long long)vcpu);
	code = domain_xml_read_cpuset(reader, node, "cpuset", &tune_of(reader)->pin[vcpu]);
	return code ? code : xml_read_children(reader, node, NULL, 0);
}

static int read_emulatorpin(struct xml_reader *reader, const struct xml_node *node)
{
	int code = domain_xml_read_cpuset(reader, node, "cpuset", &tune_of(reader)->emulator);

	return code ? code : xml_read_children(reader, node, NULL, 0);
}

static int read_vcpusched(struct xml_reader *reader, const struct xml_node *node)
{
	return xml_refuse(reader, node, "real-time scheduling of vCPUs is not supported: Solera shares CPUs by <shares>, and pins "
			  "them by <vcpupin>");
}

int domain_xml_read_cputune(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "shares", .read = read_number, .attributes = "", .leaf = true },
		{ .name = "period", .read = read_number, .attributes = "", .leaf = true },
		{ .name = "quota", .read = read_number, .attributes = "", .leaf = true },
		{ .name = "global_period", .read = read_number, .attributes = "", .leaf = true },
		{ .name = "global_quota", .read = read_number, .attributes = "", .leaf = true },
		{ .name = "emulator_period", .read = read_number, .attributes = "", .leaf = true },
		{ .name = "emulator_quota", .read = read_number, .attributes = "", .leaf = true },
		{ .name = "vcpupin", .read = read_vcpupin, .attributes = "vcpu cpuset", .many = true },
		{ .name = "emulatorpin", .read = read_emulatorpin, .attributes = "cpuset" },
		{ .name = "vcpusched", .read = read_vcpusched, .attributes = "vcpus scheduler priority", .many = true },
	};

	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

static void format_pin(struct text *to, const char *element, const char *vcpu, const struct cpu_mask *mask)
{
	char list[CPU_LIST_TEXT_MAX];

	cpu_list_format(list, sizeof(list), mask, CPU_MAX);
	text_append(to, "    <%s%s cpuset='%s'/>\n", element, vcpu, list);
}

void domain_xml_format_cputune(struct text *to, const struct domain_tune *tune)
{
	static const struct domain_tune none;
	static const enum domain_tune_number order[] = { /* libvirt's */
		DOMAIN_TUNE_SHARES, DOMAIN_TUNE_VCPU_PERIOD, DOMAIN_TUNE_VCPU_QUOTA, DOMAIN_TUNE_GLOBAL_PERIOD,
		DOMAIN_TUNE_GLOBAL_QUOTA, DOMAIN_TUNE_EMULATOR_PERIOD, DOMAIN_TUNE_EMULATOR_QUOTA,
	};
	struct domain_tune rest = *tune;
	char vcpu[32];

	rest.cpuset = none.cpuset; /* stands with <vcpu> */
	if (domain_tune_equal(&rest, &none))
		return;
	text_append(to, "  <cputune>\n");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const char *element = domain_tune_rules[order[i]].element;

		if (tune->number[order[i]])
			text_append(to, "    <%s>%lld</%s>\n", element, (long long)tune->number[order[i]], element);
	}
	for (u32 i = 0; i < DOMAIN_TUNE_VCPUS_MAX; i++) {
		format(vcpu, sizeof(vcpu), " vcpu='%u'", i);
		if (!cpu_mask_empty(&tune->pin[i]))
			format_pin(to, "vcpupin", vcpu, &tune->pin[i]);
	}
	if (!cpu_mask_empty(&tune->emulator))
		format_pin(to, "emulatorpin", "", &tune->emulator);
	text_append(to, "  </cputune>\n");
}

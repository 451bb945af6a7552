/* SPDX-License-Identifier: MIT */
/* Domain XML: <rng>. The backend's path is libvirt's word for "the host's random numbers"; here all of them mean the CPU's. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/domain_xml_sections.h"

static const char *const backends[] = { "/dev/urandom", "/dev/random", "/dev/hwrng" };

#define RATE_MAX (1u << 30)

static struct domain_rng *rng_of(struct xml_reader *reader)
{
	return &((struct domain_config *)reader->config)->rng;
}

static int rate_number(struct xml_reader *reader, const struct xml_node *node, const char *name, u64 *value)
{
	const char *given = xml_attribute(node, name);

	if (given && (string_to_u64(given, value) || !*value || *value > RATE_MAX))
		return xml_invalid(reader, node, "%s '%.20s' is not a number from 1 to %u", name, given, RATE_MAX);
	return OK;
}

static int read_rate(struct xml_reader *reader, const struct xml_node *node)
{
	int code = rate_number(reader, node, "bytes", &rng_of(reader)->rate_bytes);

	if (!code && !rng_of(reader)->rate_bytes)
		return xml_invalid(reader, node, "attribute 'bytes' is missing");
	return code ? code : rate_number(reader, node, "period", &rng_of(reader)->rate_period_ms);
}

static int read_backend(struct xml_reader *reader, const struct xml_node *node)
{
	unsigned index = 0;
	char *text;
	int code = xml_attribute_is(reader, node, "model", "random");

	code = code ? code : xml_read_string(reader, node, true, &text);
	if (code)
		return code;
	if (*text)
		code = xml_match(reader, node, "source", text, backends, ARRAY_SIZE(backends), &index);
	rng_of(reader)->backend = (u8)index;
	kfree(text);
	return code;
}

static int read_address(struct xml_reader *reader, const struct xml_node *node)
{
	return domain_xml_read_address(reader, node, &rng_of(reader)->slot);
}

int domain_xml_read_rng(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "rate", .read = read_rate, .attributes = "bytes period", .leaf = true },
		{ .name = "backend", .read = read_backend, .attributes = "model", .leaf = true },
		{ .name = "address", .read = read_address, .attributes = "type domain bus slot function", .leaf = true },
	};
	int code = xml_attribute_is(reader, node, "model", "virtio");

	code = code ? code : xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
	rng_of(reader)->present = !code;
	return code;
}

void domain_xml_format_rng(struct text *to, const struct domain_rng *rng)
{
	text_append(to, "    <rng model='virtio'>\n");
	if (rng->rate_bytes) {
		text_append(to, "      <rate bytes='%llu'", (unsigned long long)rng->rate_bytes);
		if (rng->rate_period_ms)
			text_append(to, " period='%llu'", (unsigned long long)rng->rate_period_ms);
		text_append(to, "/>\n");
	}
	text_append(to, "      <backend model='random'>%s</backend>\n", backends[rng->backend]);
	domain_xml_format_address(to, rng->slot);
	text_append(to, "    </rng>\n");
}

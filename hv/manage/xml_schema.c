/* SPDX-License-Identifier: MIT */
/* See xml_schema.h. */
#include "hv/manage/xml_schema.h"
#include <stdarg.h>
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

int xml_unsupported(struct xml_reader *reader, const struct xml_node *node)
{
	return xml_fail(reader->document, node, reader->error, MANAGE_ERR_CONFIG_UNSUPPORTED,
			"not supported by this version of Solera");
}

int xml_invalid(struct xml_reader *reader, const struct xml_node *node, const char *fmt, ...)
{
	char what[MANAGE_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vformat(what, sizeof(what), fmt, args);
	va_end(args);
	return xml_fail(reader->document, node, reader->error, MANAGE_ERR_XML_ERROR, "%s", what);
}

int xml_refuse(struct xml_reader *reader, const struct xml_node *node, const char *fmt, ...)
{
	char what[MANAGE_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vformat(what, sizeof(what), fmt, args);
	va_end(args);
	return xml_fail(reader->document, node, reader->error, MANAGE_ERR_CONFIG_UNSUPPORTED, "%s", what);
}

/* Whether name is one of the blank-divided words. */
static bool has_word(const char *words, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = words; *at;) {
		const char *end = strchr(at, ' ');
		size_t word = end ? (size_t)(end - at) : strlen(at);

		if (word == length && strncmp(at, name, length) == 0)
			return true;
		at += word + (end ? 1 : 0);
	}
	return false;
}

int xml_check_attributes(struct xml_reader *reader, const struct xml_node *node, const char *allowed)
{
	for (const struct xml_attribute *a = node->attributes; a; a = a->next) {
		if (a->uri || !has_word(allowed, a->name))
			return xml_refuse(reader, node, "attribute '%s%s%s' is not supported by this version of Solera",
					  a->prefix ? a->prefix : "", a->prefix ? ":" : "", a->name);
	}
	return OK;
}

static int read_child(struct xml_reader *reader, const struct xml_node *child, const struct xml_rule *rule)
{
	int code = xml_check_attributes(reader, child, rule->attributes);

	if (code)
		return code;
	if (rule->leaf && xml_has_child_elements(child)) {
		for (child = child->children; !child->name; child = child->next)
			;
		return xml_unsupported(reader, child);
	}
	return rule->read(reader, child);
}

int xml_read_children(struct xml_reader *reader, const struct xml_node *node, const struct xml_rule *rules,
		      size_t count)
{
	u32 seen = 0;

	BUG_ON(count > XML_RULES_MAX);
	if (xml_has_text(node))
		return xml_invalid(reader, node, "text is not expected here");
	for (const struct xml_node *child = node->children; child; child = child->next) {
		size_t i = 0;
		int code;

		if (!child->name)
			continue;
		while (i < count && (child->uri || !string_equal(child->name, rules[i].name)))
			i++;
		if (i == count)
			return xml_unsupported(reader, child);
		if (!rules[i].many && (seen & BIT32(i)))
			return xml_invalid(reader, child, "given more than once");
		seen |= BIT32(i);
		code = read_child(reader, child, &rules[i]);
		if (code)
			return code;
	}
	return OK;
}

int xml_read_empty(struct xml_reader *reader, const struct xml_node *node)
{
	return xml_has_text(node) ? xml_invalid(reader, node, "text is not expected here") : OK;
}

int xml_read_string(struct xml_reader *reader, const struct xml_node *node, bool trimmed, char **value)
{
	*value = xml_text(node, trimmed);
	return *value ? OK : manage_fail_no_memory(reader->error);
}

int xml_read_u64(struct xml_reader *reader, const struct xml_node *node, u64 *value)
{
	char *text;
	int code = xml_read_string(reader, node, true, &text);

	if (code)
		return code;
	code = string_to_u64(text, value);
	if (code == ERR_RANGE)
		code = xml_invalid(reader, node, "'%.40s' is too large", text);
	else if (code)
		code = xml_invalid(reader, node, "'%.40s' is not a whole number", text);
	kfree(text);
	return code;
}

int xml_match(struct xml_reader *reader, const struct xml_node *node, const char *what, const char *text,
	      const char *const *words, size_t count, unsigned *index)
{
	char list[128];
	size_t used = 0;

	for (unsigned i = 0; i < count; i++) {
		if (string_equal(text, words[i])) {
			*index = i;
			return OK;
		}
	}
	list[0] = '\0';
	for (unsigned i = 0; i < count && used < sizeof(list); i++)
		used += format(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", words[i]);
	return xml_refuse(reader, node, "%s '%.60s' is not supported by this version of Solera (supported: %s)", what,
			  text, list);
}

int xml_attribute_is(struct xml_reader *reader, const struct xml_node *node, const char *name, const char *value)
{
	const char *given = xml_attribute(node, name);
	unsigned index;

	return given ? xml_match(reader, node, name, given, &value, 1, &index) : OK;
}

/* libvirt's units: KB is 1000 bytes, K and KiB are 1024; upper and lower case alike. */
static u64 unit_bytes(const char *unit)
{
	static const struct { char letter; unsigned power; } powers[] = {
		{ 'k', 1 }, { 'm', 2 }, { 'g', 3 }, { 't', 4 }, { 'p', 5 }, { 'e', 6 },
	};
	u64 base = 0, scale = 1;
	char letter = (char)(unit[0] | 0x20);

	if (string_equal_ignore_case(unit, "b") || string_equal_ignore_case(unit, "bytes"))
		return 1;
	if (!unit[0])
		return 0;
	if (!unit[1] || string_equal_ignore_case(unit + 1, "iB"))
		base = 1024;
	else if (string_equal_ignore_case(unit + 1, "B"))
		base = 1000;
	for (size_t i = 0; i < ARRAY_SIZE(powers); i++) {
		if (powers[i].letter != letter)
			continue;
		for (unsigned n = 0; n < powers[i].power; n++)
			scale *= base;
		return scale;
	}
	return 0;
}

int xml_read_kib(struct xml_reader *reader, const struct xml_node *node, u64 *kib)
{
	const char *unit = xml_attribute(node, "unit");
	u64 scale = unit ? unit_bytes(unit) : 1024;
	u64 value, bytes;
	int code;

	if (!scale)
		return xml_invalid(reader, node, "unknown unit '%.40s'", unit);
	code = xml_read_u64(reader, node, &value);
	if (code)
		return code;
	if (__builtin_mul_overflow(value, scale, &bytes))
		return xml_invalid(reader, node, "value too large: %llu%s", (unsigned long long)value, unit ? unit : "KiB");
	*kib = bytes / 1024 + (bytes % 1024 ? 1 : 0);
	return OK;
}

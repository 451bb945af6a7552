/* SPDX-License-Identifier: MIT */
/*
 * A subset of a schema as tables: which elements and attributes an element may have, and who reads each. Whatever no
 * table names is refused with its line; that is how nothing in a description is ever silently ignored.
 */
#ifndef HV_MANAGE_XML_SCHEMA_H
#define HV_MANAGE_XML_SCHEMA_H

#include "hv/manage/xml_tree.h"

struct xml_reader {
	const struct xml_document *document;
	struct manage_error *error;
	void *config; /* what the rules fill */
};

struct xml_rule {
	const char *name;
	int (*read)(struct xml_reader *reader, const struct xml_node *node); /* OK or MANAGE_FAILED */
	const char *attributes; /* names divided by blanks; "" none */
	bool many;              /* may stand more than once */
	bool leaf;              /* holds text only, no elements */
};

#define XML_RULES_MAX 32

/* Checks attributes and children of node against the rules and calls them in document order. */
MUST_CHECK int xml_read_children(struct xml_reader *reader, const struct xml_node *node, const struct xml_rule *rules,
				 size_t count);
MUST_CHECK int xml_check_attributes(struct xml_reader *reader, const struct xml_node *node, const char *allowed);
/* For elements that stand for themselves: <acpi/>. */
MUST_CHECK int xml_read_empty(struct xml_reader *reader, const struct xml_node *node);

/* Refusals; each returns MANAGE_FAILED. */
int xml_unsupported(struct xml_reader *reader, const struct xml_node *node);
int xml_invalid(struct xml_reader *reader, const struct xml_node *node, const char *fmt, ...) PRINTF_LIKE(3, 4);
int xml_refuse(struct xml_reader *reader, const struct xml_node *node, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The element's text; *value is kmalloc'd and never NULL on success. */
MUST_CHECK int xml_read_string(struct xml_reader *reader, const struct xml_node *node, bool trimmed, char **value);
MUST_CHECK int xml_read_u64(struct xml_reader *reader, const struct xml_node *node, u64 *value);
/* One of the words: *index is its place. what: for the message, "action", "offset". */
MUST_CHECK int xml_match(struct xml_reader *reader, const struct xml_node *node, const char *what, const char *text,
			 const char *const *words, size_t count, unsigned *index);
/* The attribute must be missing or have this value. */
MUST_CHECK int xml_attribute_is(struct xml_reader *reader, const struct xml_node *node, const char *name,
				const char *value);
/* <memory unit='MiB'>512</memory> in KiB, rounded up; libvirt's units. */
MUST_CHECK int xml_read_kib(struct xml_reader *reader, const struct xml_node *node, u64 *kib);

#endif

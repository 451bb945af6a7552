/* SPDX-License-Identifier: MIT */
/*
 * An XML document as a tree in which every element knows its line: what the parsers of domains, networks and pools read.
 *
 * Any document that reaches a parser is bounded: at most 1 MiB, 64 levels, 20,000 nodes and attributes, no DOCTYPE, well formed,
 * namespaces resolved, text in UTF-8. Comments and processing instructions are dropped. Next to read: domain_xml_parse.c.
 */
#ifndef HV_MANAGE_XML_TREE_H
#define HV_MANAGE_XML_TREE_H

#include "hv/lib/types.h"
#include "hv/manage/error.h"
#include "hv/manage/text.h"

#define XML_SIZE_MAX (1024u * 1024u)
#define XML_DEPTH_MAX 64u
#define XML_ITEMS_MAX 20000u

struct xml_attribute {
	struct xml_attribute *next;
	const char *name, *uri, *prefix; /* uri and prefix: NULL without namespace */
	const char *value;
};

struct xml_namespace { /* an xmlns attribute; prefix NULL: the default namespace; uri "": taken back */
	struct xml_namespace *next;
	const char *prefix, *uri;
};

struct xml_node {
	struct xml_node *parent, *next, *children, *last_child;
	const char *name;         /* NULL: a piece of text */
	const char *uri, *prefix; /* NULL: no namespace */
	const char *text;         /* of a piece of text */
	struct xml_attribute *attributes;
	struct xml_namespace *namespaces;
	u32 line;
};

struct xml_chunk;

struct xml_document {
	const char *file; /* for messages; the caller's */
	struct xml_node *root;
	struct xml_chunk *chunks;
	u32 items;
};

/* Bytes to tree. On MANAGE_FAILED nothing is held and the error says "FILE:LINE: what". Thread context. */
MUST_CHECK int xml_parse(struct xml_document *document, const char *file, const char *bytes, size_t size,
			 struct manage_error *error);
void xml_release(struct xml_document *document);

/* "FILE:LINE: <name>: …"; returns MANAGE_FAILED. */
int xml_fail(const struct xml_document *document, const struct xml_node *node, struct manage_error *error,
	     enum manage_error_code code, const char *fmt, ...) PRINTF_LIKE(5, 6);

const char *xml_attribute(const struct xml_node *node, const char *name); /* without namespace; NULL: not there */
bool xml_has_child_elements(const struct xml_node *node);
bool xml_has_text(const struct xml_node *node); /* other than blanks */
/* All text directly in the node, kmalloc; trimmed: without blanks at its ends. NULL: no memory. */
char *xml_text(const struct xml_node *node, bool trimmed);
/* Writes the node and what is in it so that parsing gives the same tree, with all namespaces in scope declared on it. */
void xml_format(struct text *to, const struct xml_node *node);

#endif

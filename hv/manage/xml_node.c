/* SPDX-License-Identifier: MIT */
/* Questions about a node of an XML tree, and the way from the tree back to text. */
#include <stdarg.h>
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/xml_tree.h"

int xml_fail(const struct xml_document *document, const struct xml_node *node, struct manage_error *error,
	     enum manage_error_code code, const char *fmt, ...)
{
	char what[MANAGE_ERROR_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vformat(what, sizeof(what), fmt, args);
	va_end(args);
	return manage_fail_at(error, code, "%s:%u: <%s%s%s>: %s", document->file, node->line,
			      node->prefix ? node->prefix : "", node->prefix ? ":" : "", node->name, what);
}

const char *xml_attribute(const struct xml_node *node, const char *name)
{
	for (const struct xml_attribute *a = node->attributes; a; a = a->next) {
		if (!a->uri && string_equal(a->name, name))
			return a->value;
	}
	return NULL;
}

bool xml_has_child_elements(const struct xml_node *node)
{
	for (const struct xml_node *child = node->children; child; child = child->next) {
		if (child->name)
			return true;
	}
	return false;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool xml_has_text(const struct xml_node *node)
{
	for (const struct xml_node *child = node->children; child; child = child->next) {
		for (const char *c = child->name ? "" : child->text; *c; c++) {
			if (!blank(*c))
				return true;
		}
	}
	return false;
}

char *xml_text(const struct xml_node *node, bool trimmed)
{
	struct text text;
	size_t start = 0;
	char *whole;

	text_init(&text);
	for (const struct xml_node *child = node->children; child; child = child->next) {
		if (!child->name)
			text_append_bytes(&text, child->text, strlen(child->text));
	}
	if (trimmed && text.data) {
		while (text.length && blank(text.data[text.length - 1]))
			text.data[--text.length] = '\0';
		while (blank(text.data[start]))
			start++;
		memmove(text.data, text.data + start, text.length - start + 1);
	}
	whole = text_take(&text);
	return whole;
}

static void format_namespace(struct text *to, const struct xml_namespace *ns)
{
	text_append(to, " xmlns%s%s='", ns->prefix ? ":" : "", ns->prefix ? ns->prefix : "");
	text_append_xml(to, ns->uri, true);
	text_append(to, "'");
}

static bool same_prefix(const char *a, const char *b)
{
	return a == b || (a && b && string_equal(a, b));
}

static bool redeclared_within(const struct xml_node *from, const struct xml_node *outer, const char *prefix)
{
	for (; from != outer; from = from->parent) {
		for (const struct xml_namespace *ns = from->namespaces; ns; ns = ns->next) {
			if (same_prefix(ns->prefix, prefix))
				return true;
		}
	}
	return false;
}

/* What the node's ancestors declared and nobody between declared again. */
static void format_inherited_namespaces(struct text *to, const struct xml_node *node)
{
	for (const struct xml_node *outer = node->parent; outer; outer = outer->parent) {
		for (const struct xml_namespace *ns = outer->namespaces; ns; ns = ns->next) {
			if (!redeclared_within(node, outer, ns->prefix) && (ns->prefix || *ns->uri))
				format_namespace(to, ns);
		}
	}
}

static void format_start(struct text *to, const struct xml_node *node, bool top)
{
	text_append(to, "<%s%s%s", node->prefix ? node->prefix : "", node->prefix ? ":" : "", node->name);
	for (const struct xml_namespace *ns = node->namespaces; ns; ns = ns->next)
		format_namespace(to, ns);
	if (top)
		format_inherited_namespaces(to, node);
	for (const struct xml_attribute *a = node->attributes; a; a = a->next) {
		text_append(to, " %s%s%s='", a->prefix ? a->prefix : "", a->prefix ? ":" : "", a->name);
		text_append_xml(to, a->value, true);
		text_append(to, "'");
	}
	text_append(to, node->children ? ">" : "/>");
}

void xml_format(struct text *to, const struct xml_node *top)
{
	const struct xml_node *node = top;

	for (;;) { /* without recursion: depth costs no stack */
		if (node->name)
			format_start(to, node, node == top);
		else
			text_append_xml(to, node->text, false);
		if (node->children) {
			node = node->children;
			continue;
		}
		for (; node != top && !node->next; ) {
			node = node->parent;
			text_append(to, "</%s%s%s>", node->prefix ? node->prefix : "", node->prefix ? ":" : "",
				    node->name);
		}
		if (node == top)
			return;
		node = node->next;
	}
}

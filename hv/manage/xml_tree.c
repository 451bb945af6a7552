/* SPDX-License-Identifier: MIT */
/* expat's events to a tree, within bounds; and back to text. The only file that sees expat. */
#include "hv/manage/xml_tree.h"
#include <expat.h>
#include <stdarg.h>
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

#define CHUNK_SIZE 4096u
#define SEPARATOR '\n' /* between URI, name and prefix in expat's names: no URI has it in its normalised form */

struct xml_chunk {
	struct xml_chunk *next;
	size_t used, size;
	char data[] ALIGNED(16);
};

struct builder {
	struct xml_document *document;
	XML_Parser parser;
	struct manage_error *error;
	struct xml_node *open;            /* innermost element that is not closed yet */
	struct xml_namespace *namespaces; /* declared for the element that comes next */
	struct text text;                 /* character data not yet made a node */
	u32 text_line, depth;
	bool failed;
};

static void *arena_alloc(struct xml_document *document, size_t size)
{
	struct xml_chunk *chunk = document->chunks;
	void *object;

	size = ALIGN_UP(size, (size_t)16);
	if (!chunk || chunk->size - chunk->used < size) {
		size_t chunk_size = MAX(size, CHUNK_SIZE - sizeof(*chunk));

		chunk = kzalloc(sizeof(*chunk) + chunk_size);
		if (!chunk)
			return NULL;
		chunk->size = chunk_size;
		chunk->next = document->chunks;
		document->chunks = chunk;
	}
	object = chunk->data + chunk->used;
	chunk->used += size;
	return object;
}

static const char *arena_string(struct xml_document *document, const char *s, size_t length)
{
	char *copy = arena_alloc(document, length + 1);

	return copy ? memcpy(copy, s, length) : NULL; /* the arena is zeroed: terminated */
}

static void stop(struct builder *builder, enum manage_error_code code, const char *what)
{
	if (builder->failed)
		return;
	builder->failed = true;
	manage_fail_at(builder->error, code, "%s:%lu: %s", builder->document->file,
		       (unsigned long)XML_GetCurrentLineNumber(builder->parser), what);
	XML_StopParser(builder->parser, XML_FALSE);
}

/* Every node, attribute and declaration comes from here, so that the count bounds what a document can take. */
static void *new_item(struct builder *builder, size_t size)
{
	void *item;

	if (++builder->document->items > XML_ITEMS_MAX) {
		stop(builder, MANAGE_ERR_XML_ERROR, "the document has more than 20000 elements and attributes");
		return NULL;
	}
	item = arena_alloc(builder->document, size);
	if (!item)
		stop(builder, MANAGE_ERR_NO_MEMORY, "out of memory");
	return item;
}

static const char *new_string(struct builder *builder, const char *s, size_t length)
{
	const char *copy = arena_string(builder->document, s, length);

	if (!copy)
		stop(builder, MANAGE_ERR_NO_MEMORY, "out of memory");
	return copy;
}

/* "name", "uri SEP name" or "uri SEP name SEP prefix". False: stopped. */
static bool split_name(struct builder *builder, const char *full, const char **name, const char **uri,
		       const char **prefix)
{
	const char *first = strchr(full, SEPARATOR), *second;

	*uri = *prefix = NULL;
	if (!first)
		return (*name = new_string(builder, full, strlen(full)));
	second = strchr(first + 1, SEPARATOR);
	if (second && !(*prefix = new_string(builder, second + 1, strlen(second + 1))))
		return false;
	*uri = new_string(builder, full, (size_t)(first - full));
	*name = new_string(builder, first + 1, second ? (size_t)(second - first - 1) : strlen(first + 1));
	return *uri && *name;
}

static void add_child(struct xml_node *parent, struct xml_node *node)
{
	node->parent = parent;
	if (parent->last_child)
		parent->last_child->next = node;
	else
		parent->children = node;
	parent->last_child = node;
}

static void flush_text(struct builder *builder)
{
	struct xml_node *node;

	if (builder->text.failed)
		stop(builder, MANAGE_ERR_NO_MEMORY, "out of memory");
	if (builder->failed || !builder->text.length)
		return;
	node = new_item(builder, sizeof(*node));
	if (!node)
		return;
	node->line = builder->text_line;
	node->text = new_string(builder, builder->text.data, builder->text.length);
	if (node->text)
		add_child(builder->open, node);
	builder->text.length = 0;
}

static void add_attributes(struct builder *builder, struct xml_node *node, const XML_Char **pairs)
{
	struct xml_attribute **tail = &node->attributes;

	for (; pairs[0] && !builder->failed; pairs += 2) {
		struct xml_attribute *attribute = new_item(builder, sizeof(*attribute));

		if (!attribute || !split_name(builder, pairs[0], &attribute->name, &attribute->uri, &attribute->prefix))
			return;
		attribute->value = new_string(builder, pairs[1], strlen(pairs[1]));
		if (!attribute->value)
			return;
		*tail = attribute;
		tail = &attribute->next;
	}
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct builder *builder = context;
	struct xml_node *node;

	flush_text(builder);
	if (builder->depth == XML_DEPTH_MAX)
		stop(builder, MANAGE_ERR_XML_ERROR, "elements are nested more than 64 deep");
	if (builder->failed)
		return;
	node = new_item(builder, sizeof(*node));
	if (!node || !split_name(builder, name, &node->name, &node->uri, &node->prefix))
		return;
	node->line = (u32)XML_GetCurrentLineNumber(builder->parser);
	node->namespaces = builder->namespaces;
	builder->namespaces = NULL;
	add_attributes(builder, node, attributes);
	if (builder->open)
		add_child(builder->open, node);
	else
		builder->document->root = node;
	builder->open = node;
	builder->depth++;
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
	struct builder *builder = context;

	(void)name;
	flush_text(builder);
	if (builder->failed)
		return;
	builder->open = builder->open->parent;
	builder->depth--;
}

static void XMLCALL on_text(void *context, const XML_Char *bytes, int count)
{
	struct builder *builder = context;

	if (builder->failed || !builder->open)
		return;
	if (!builder->text.length)
		builder->text_line = (u32)XML_GetCurrentLineNumber(builder->parser);
	text_append_bytes(&builder->text, bytes, (size_t)count);
}

static void XMLCALL on_namespace(void *context, const XML_Char *prefix, const XML_Char *uri)
{
	struct builder *builder = context;
	struct xml_namespace *declared, **tail;

	if (builder->failed)
		return;
	declared = new_item(builder, sizeof(*declared));
	if (!declared)
		return;
	declared->prefix = prefix ? new_string(builder, prefix, strlen(prefix)) : NULL;
	declared->uri = new_string(builder, uri ? uri : "", uri ? strlen(uri) : 0);
	for (tail = &builder->namespaces; *tail; tail = &(*tail)->next)
		; /* in document order, so that writing and reading again changes nothing */
	*tail = declared;
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int has_internal_subset)
{
	(void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
	stop(context, MANAGE_ERR_XML_ERROR, "a DOCTYPE is not accepted: remove the <!DOCTYPE …> line");
}

static void *suite_malloc(size_t size)
{
	return kmalloc(size);
}

static void *suite_realloc(void *old, size_t size)
{
	return krealloc(old, size);
}

static void suite_free(void *object)
{
	kfree(object);
}

static void run_parser(struct builder *builder, const char *bytes, size_t size)
{
	XML_Parser parser = builder->parser;

	XML_SetReturnNSTriplet(parser, 1);
	XML_SetUserData(parser, builder);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	XML_SetNamespaceDeclHandler(parser, on_namespace, NULL);
	XML_SetStartDoctypeDeclHandler(parser, on_doctype);
	if (XML_Parse(parser, bytes, (int)size, 1) != XML_STATUS_OK && !builder->failed)
		stop(builder, MANAGE_ERR_XML_ERROR, XML_ErrorString(XML_GetErrorCode(parser)));
}

int xml_parse(struct xml_document *document, const char *file, const char *bytes, size_t size,
	      struct manage_error *error)
{
	static const XML_Memory_Handling_Suite suite = { suite_malloc, suite_realloc, suite_free };
	static const XML_Char separator[] = { SEPARATOR, 0 };
	struct builder builder = { .document = document, .error = error };

	*document = (struct xml_document){ .file = file };
	if (size > XML_SIZE_MAX)
		return manage_fail_at(error, MANAGE_ERR_XML_ERROR, "%s: the file has %zu bytes, the limit is 1 MiB",
				      file, size);
	builder.parser = XML_ParserCreate_MM(NULL, &suite, separator);
	if (!builder.parser)
		return manage_fail_no_memory(error);
	run_parser(&builder, bytes, size);
	text_release(&builder.text);
	XML_ParserFree(builder.parser);
	if (!builder.failed)
		return OK;
	xml_release(document);
	return MANAGE_FAILED;
}

void xml_release(struct xml_document *document)
{
	while (document->chunks) {
		struct xml_chunk *chunk = document->chunks;

		document->chunks = chunk->next;
		kfree(chunk);
	}
	document->root = NULL;
}

/* SPDX-License-Identifier: MIT */
/* See text.h. */
#include "hv/manage/text.h"
#include <stdarg.h>
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

void text_init(struct text *text)
{
	*text = (struct text){ 0 };
}

void text_release(struct text *text)
{
	kfree(text->data);
	text_init(text);
}

static bool make_room(struct text *text, size_t more)
{
	size_t wanted = text->length + more + 1;
	size_t capacity = text->capacity ? text->capacity : 256;
	char *grown;

	if (text->failed)
		return false;
	if (wanted <= text->capacity)
		return true;
	while (capacity < wanted)
		capacity *= 2;
	grown = krealloc(text->data, capacity);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->data = grown;
	text->capacity = capacity;
	return true;
}

void text_append_bytes(struct text *text, const char *bytes, size_t size)
{
	if (!make_room(text, size))
		return;
	memcpy(text->data + text->length, bytes, size);
	text->length += size;
	text->data[text->length] = '\0';
}

void text_append(struct text *text, const char *fmt, ...)
{
	va_list args, again;
	size_t size;

	va_start(args, fmt);
	va_copy(again, args);
	size = vformat(NULL, 0, fmt, args);
	va_end(args);
	if (make_room(text, size)) {
		vformat(text->data + text->length, size + 1, fmt, again);
		text->length += size;
	}
	va_end(again);
}

static const char *escape(char c, bool attribute)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '\'': return "&apos;";
	case '"': return "&quot;";
	case '\r': return "&#13;";
	case '\n': return attribute ? "&#10;" : NULL;
	case '\t': return attribute ? "&#9;" : NULL;
	}
	return NULL;
}

void text_append_xml(struct text *text, const char *s, bool attribute)
{
	const char *start = s;

	for (; *s; s++) {
		const char *replacement = escape(*s, attribute);

		if (!replacement)
			continue;
		text_append_bytes(text, start, (size_t)(s - start));
		text_append_bytes(text, replacement, strlen(replacement));
		start = s + 1;
	}
	text_append_bytes(text, start, (size_t)(s - start));
}

char *text_take(struct text *text)
{
	char *data = text->data;

	if (text->failed) {
		text_release(text);
		return NULL;
	}
	text_init(text);
	return data ? data : kstrdup("");
}

/* SPDX-License-Identifier: MIT */
/* A text that grows: for XML and other output that the management core hands out whole. */
#ifndef HV_MANAGE_TEXT_H
#define HV_MANAGE_TEXT_H

#include "hv/lib/types.h"

struct text {
	char *data; /* kmalloc; NUL-terminated once anything was appended; NULL before */
	size_t length, capacity;
	bool failed; /* sticky: there was no memory, the text is cut */
};

void text_init(struct text *text);
void text_release(struct text *text);
void text_append(struct text *text, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_append_bytes(struct text *text, const char *bytes, size_t size);
/* Escaped for XML so that a parser gives back the same bytes; attribute: also blanks other than the space. */
void text_append_xml(struct text *text, const char *s, bool attribute);
/* Gives the string away (the caller frees it); "" when empty, NULL when memory ran out. */
char *text_take(struct text *text);

#endif

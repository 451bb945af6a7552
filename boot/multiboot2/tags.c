/* SPDX-License-Identifier: MIT */
/* Walking the loader's tags: none is used before its size is known to lie within the record. Next to read: main.c. */
#include "boot/multiboot2/tags.h"
#include <stddef.h>

#define RECORD_MAX 0x1000000u /* 16 MiB: a record larger than this is garbage */

uint32_t record_size(const void *record)
{
	uint32_t size = *(const uint32_t *)record;

	return size > RECORD_MAX ? 8 : size;
}

const struct tag *tag_find(const void *record, const struct tag *previous, uint32_t type, uint32_t least)
{
	uint32_t size = record_size(record);
	uint32_t offset = 8;

	if (previous)
		offset = (uint32_t)((const uint8_t *)previous - (const uint8_t *)record) + ((previous->size_bytes + 7) & ~7u);
	while (offset < size && size - offset >= sizeof(struct tag)) {
		const struct tag *tag = (const void *)((const uint8_t *)record + offset);

		if (tag->size_bytes < sizeof(*tag) || tag->size_bytes > size - offset || tag->type == TAG_END)
			return NULL;
		if (tag->type == type && tag->size_bytes >= least)
			return tag;
		offset += (tag->size_bytes + 7) & ~7u;
	}
	return NULL;
}

const char *tag_text(const struct tag *tag, uint32_t offset)
{
	const char *text = (const char *)tag + offset;
	uint32_t i;

	for (i = offset; i < tag->size_bytes; i++) {
		if (((const char *)tag)[i] == 0)
			return text;
	}
	return "";
}

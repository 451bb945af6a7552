/* SPDX-License-Identifier: MIT */
/* LINK: boot/text.c boot/command_line.c boot/image.c boot/ranges.c boot/multiboot2/tags.c */
/*
 * Any bytes as a command-line file, a hypervisor ELF, a Multiboot2 record and a memory map: the first byte says which.
 */
#include <stdlib.h>
#include <string.h>
#include "boot/command_line.h"
#include "boot/image.h"
#include "boot/multiboot2/tags.h"
#include "boot/ranges.h"
#include "boot/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEMAND(condition) do { if (!(condition)) abort(); } while (0)

static void command_line(const uint8_t *data, size_t size)
{
	char to[COMMAND_LINE_MAX];
	size_t length, i, step;

	command_line_clean(data, size, to);
	length = strnlen(to, sizeof(to));
	DEMAND(length < sizeof(to));
	for (i = 0; i < length; i += step) {
		step = utf8_sequence((const uint8_t *)to + i, length - i);
		DEMAND(step && (uint8_t)to[i] >= 0x20 && to[i] != 0x7f);
	}
	DEMAND(length == 0 || (to[0] != ' ' && to[length - 1] != ' ' && !strstr(to, "  ")));
}

static void elf(const uint8_t *data, size_t size)
{
	uint8_t *copy = aligned_alloc(16, (size + 15) & ~15ul), *memory;
	struct image image;

	memcpy(copy, data, size);
	if (!image_check(&image, copy, size) && image.size_bytes < 0x100000) {
		memory = malloc(image.size_bytes);
		image_load(&image, memory);
		DEMAND(image.entry_offset < image.size_bytes);
		free(memory);
	}
	free(copy);
}

static void record(const uint8_t *data, size_t size)
{
	uint32_t *copy = aligned_alloc(16, (size + 31) & ~15ul);
	const struct tag *tag;
	uint32_t type;

	memset(copy, 0, (size + 31) & ~15ul);
	memcpy(copy, data, size);
	/* The loader vouches for the whole record's size; all within it is checked. */
	if (copy[0] > size)
		copy[0] = (uint32_t)size;
	for (type = 1; type < 22; type++) {
		for (tag = NULL; (tag = tag_find(copy, tag, type, 16));)
			DEMAND(strlen(tag_text(tag, 16)) < size);
	}
	free(copy);
}

static void memory_map(const uint8_t *data, size_t size)
{
	struct boot_memory_range storage[32];
	struct range_list list = { .at = storage, .capacity = 32 };
	uint32_t i;

	for (; size >= 20; data += 20, size -= 20) {
		uint64_t base, bytes;

		memcpy(&base, data, 8);
		memcpy(&bytes, data + 8, 8);
		if (data[17] & 1)
			ranges_set(&list, base, bytes, data[16] % 12, 0);
		else if (data[17] & 2)
			ranges_convert(&list, base, bytes, data[18] % 12, data[16] % 12);
		else
			ranges_add(&list, base, bytes, data[16] % 12, 0);
		for (i = 0; i < list.count; i++) {
			DEMAND(storage[i].size_bytes && !(storage[i].base % PAGE_BYTES) && !(storage[i].size_bytes % PAGE_BYTES));
			DEMAND(i == 0 || storage[i - 1].base + storage[i - 1].size_bytes <= storage[i].base);
		}
	}
	ranges_merge(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	switch (data[0] & 3) {
	case 0: command_line(data + 1, size - 1); break;
	case 1: elf(data + 1, size - 1); break;
	case 2: record(data + 1, size - 1); break;
	default: memory_map(data + 1, size - 1); break;
	}
	return 0;
}

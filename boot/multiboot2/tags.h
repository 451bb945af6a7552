/* SPDX-License-Identifier: MIT */
/* The record that a Multiboot2 loader hands over: its tags, checked. Pure. */
#ifndef BOOT_MULTIBOOT2_TAGS_H
#define BOOT_MULTIBOOT2_TAGS_H

#include <stdbool.h>
#include <stdint.h>

/* Multiboot2 specification, "Boot information" (3.6). */
enum tag_type {
	TAG_END = 0,
	TAG_COMMAND_LINE = 1,
	TAG_LOADER_NAME = 2,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_EFI_64 = 12,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
	TAG_EFI_MEMORY_MAP = 17,
};

struct tag {
	uint32_t type, size_bytes; /* with these two words */
};

struct tag_module {
	struct tag tag;
	uint32_t start, end;
	char text[];
};

struct tag_text {
	struct tag tag;
	char text[];
};

struct tag_bytes {
	struct tag tag;
	uint8_t bytes[];
};

struct tag_efi_64 {
	struct tag tag;
	uint64_t pointer;
};

struct memory_entry {
	uint64_t base, size_bytes;
	uint32_t type, reserved; /* type: 1 free, 3 ACPI tables, 4 ACPI NVS, all else not to be used */
};

struct tag_memory_map {
	struct tag tag;
	uint32_t entry_bytes, entry_version;
	uint8_t entries[];
};

struct tag_efi_memory_map {
	struct tag tag;
	uint32_t descriptor_bytes, descriptor_version;
	uint8_t map[];
};

struct tag_framebuffer {
	struct tag tag;
	uint64_t base;
	uint32_t stride_bytes, width, height;
	uint8_t bits, type; /* type 1: direct colour */
	uint16_t reserved;
	uint8_t red_position, red_bits, green_position, green_bits, blue_position, blue_bits;
};

/* The tag after previous (NULL: the first) of that type, at least least bytes long; NULL if there is none. */
const struct tag *tag_find(const void *record, const struct tag *previous, uint32_t type, uint32_t least);
/* The text that ends the tag, from offset on: NUL-terminated within it, or "". */
const char *tag_text(const struct tag *tag, uint32_t offset);
uint32_t record_size(const void *record);

#endif

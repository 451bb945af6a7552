/* SPDX-License-Identifier: MIT */
/* The hypervisor's ELF: checks it and puts its segments into memory. Pure. */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_LINK_BASE 0xffffffff80000000ull
#define IMAGE_SIZE_MAX 0x10000000ull /* 256 MiB: far above any image, far below an overflow */

struct image {
	const uint8_t *file;
	uint64_t size_bytes;   /* memory from the first 2 MiB boundary to the end of the last segment, whole pages */
	uint64_t entry_offset; /* of the entry point from that boundary */
};

/* Checks the whole file; returns NULL, or what is wrong with it, for a person. */
const char *image_check(struct image *image, const uint8_t *file, size_t file_size);

/* Fills image->size_bytes bytes at memory. */
void image_load(const struct image *image, uint8_t *memory);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Small text and byte helpers of the front doors: they run before the hypervisor, so they may not use its library.
 *
 * Pure code, also built into the unit tests.
 */
#ifndef BOOT_TEXT_H
#define BOOT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096ull
#define LARGE_PAGE_BYTES 0x200000ull
#define GIB_BYTES 0x40000000ull
#define MIB_BYTES 0x100000ull

/* A text that grows in a fixed buffer; what no longer fits is dropped. Always NUL-terminated. */
struct text {
	char *at;
	size_t length, capacity; /* capacity includes the NUL */
};

void text_init(struct text *text, char *buffer, size_t capacity);
void text_append(struct text *text, const char *s);
/* Writes value in decimal to buffer and returns it. */
#define DECIMAL_MAX 21
const char *decimal(uint64_t value, char buffer[DECIMAL_MAX]);

bool text_equal(const char *a, const char *b);
/* ASCII letters compare equal in either case, as on a FAT volume. */
bool text_equal_ignore_case(const char *a, const char *b);

/*
 * Converts count UTF-16 units (at most; stops at a NUL) to UTF-8. A lone surrogate becomes U+FFFD.
 * Returns false, with *to empty, if the whole result with its NUL does not fit in size bytes.
 */
bool utf16_to_utf8(const uint16_t *from, size_t count, char *to, size_t size);

/* The length in bytes of the well-formed UTF-8 sequence at s (at most left bytes), or 0 if it is malformed. */
size_t utf8_sequence(const uint8_t *s, size_t left);

#endif

/* SPDX-License-Identifier: MIT */
/* The C library's string functions that a freestanding program needs; the hosted tests use the host's own. */
#ifndef HV_LIB_STRING_H
#define HV_LIB_STRING_H

#include "hv/lib/types.h"

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *from, int byte, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *part);
#endif

/* Copies at most size - 1 bytes and always terminates; returns strlen(from), so >= size means that it was cut. */
size_t string_copy(char *to, const char *from, size_t size);
bool string_equal(const char *a, const char *b);
bool string_starts_with(const char *s, const char *prefix);
/* ASCII only, as libvirt compares its keywords. */
bool string_equal_ignore_case(const char *a, const char *b);

/*
 * Parses a whole string as an unsigned number: decimal, 0x hexadecimal; no sign, no blanks, no overflow.
 * Returns OK, ERR_INVALID or ERR_RANGE; *value is written only on success.
 */
MUST_CHECK int string_to_u64(const char *s, u64 *value);

#endif

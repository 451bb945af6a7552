/* SPDX-License-Identifier: MIT */
/*
 * String and memory functions. Plain loops and REP instructions: the image uses general registers only.
 * The C library's names are compiled only into the image; the hosted tests reach them through test/string_under_test.h.
 */
#include "hv/lib/string.h"
#include "hv/lib/error.h"

#ifndef STRING_NO_LIBC_NAMES

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
	return start;
}

void *memmove(void *to, const void *from, size_t size)
{
	u8 *d = to;
	const u8 *s = from;

	if (d <= s || d >= s + size)
		return memcpy(to, from, size);
	while (size--)
		d[size] = s[size];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
	return start;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (size_t i = 0; i < size; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

void *memchr(const void *from, int byte, size_t size)
{
	const u8 *s = from;

	for (size_t i = 0; i < size; i++)
		if (s[i] == (u8)byte)
			return (void *)(uintptr_t)(s + i);
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max; max--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)(uintptr_t)found;
	}
}

char *strstr(const char *s, const char *part)
{
	size_t n = strlen(part);

	for (;; s++) {
		if (strncmp(s, part, n) == 0)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

#endif

size_t string_copy(char *to, const char *from, size_t size)
{
	size_t length = strlen(from);

	if (size) {
		size_t n = MIN(length, size - 1);

		memcpy(to, from, n);
		to[n] = 0;
	}
	return length;
}

bool string_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool string_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool string_equal_ignore_case(const char *a, const char *b)
{
	while (*a && ascii_lower(*a) == ascii_lower(*b))
		a++, b++;
	return *a == *b;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 16;
}

int string_to_u64(const char *s, u64 *value)
{
	u64 base = 10, result = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return ERR_INVALID;
	for (; *s; s++) {
		u64 digit = (u64)digit_value(*s);

		if (digit >= base)
			return ERR_INVALID;
		if (__builtin_mul_overflow(result, base, &result) || __builtin_add_overflow(result, digit, &result))
			return ERR_RANGE;
	}
	*value = result;
	return OK;
}

/* SPDX-License-Identifier: MIT */
/* Text helpers of the front doors: appending, decimal numbers, UTF-8 and UTF-16. Next to read: command_line.c. */
#include "boot/text.h"

void text_init(struct text *text, char *buffer, size_t capacity)
{
	text->at = buffer;
	text->length = 0;
	text->capacity = capacity;
	buffer[0] = 0;
}

void text_append(struct text *text, const char *s)
{
	while (*s && text->length + 1 < text->capacity)
		text->at[text->length++] = *s++;
	text->at[text->length] = 0;
}

const char *decimal(uint64_t value, char buffer[DECIMAL_MAX])
{
	char digits[DECIMAL_MAX];
	int count = 0, i;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (i = 0; i < count; i++)
		buffer[i] = digits[count - 1 - i];
	buffer[count] = 0;
	return buffer;
}

bool text_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool text_equal_ignore_case(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b))
		a++, b++;
	return lower(*a) == lower(*b);
}

/* Writes one code point; returns its length in bytes. */
static size_t utf8_encode(uint32_t point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

bool utf16_to_utf8(const uint16_t *from, size_t count, char *to, size_t size)
{
	size_t i, k, length, used = 0;
	char bytes[4];

	for (i = 0; i < count && from[i]; i++) {
		uint32_t point = from[i];

		if (point >= 0xd800 && point < 0xdc00 && i + 1 < count && from[i + 1] >= 0xdc00 && from[i + 1] < 0xe000)
			point = 0x10000 + ((point - 0xd800) << 10) + (from[++i] - 0xdc00u);
		else if (point >= 0xd800 && point < 0xe000)
			point = 0xfffd;
		length = utf8_encode(point, bytes);
		if (used + length + 1 > size) {
			to[0] = 0;
			return false;
		}
		for (k = 0; k < length; k++)
			to[used++] = bytes[k];
	}
	to[used] = 0;
	return true;
}

size_t utf8_sequence(const uint8_t *s, size_t left)
{
	size_t length, i;
	uint32_t point;

	if (left == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (left < length)
		return 0;
	point = s[0] & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	/* The Unicode Standard, "UTF-8" (table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF. */
	if ((length == 3 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) ||
	    (length == 4 && (point < 0x10000 || point > 0x10ffff)))
		return 0;
	return length;
}

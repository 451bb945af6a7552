/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 decoding and column widths, for the line editor and the screen.
 *
 * The width ranges are those of Unicode's EastAsianWidth (W, F) and of the categories Mn, Me and Cf, drawn together to
 * blocks; a rare character that is judged wrongly shifts a cursor, nothing else.
 */
#include "hv/lib/utf8.h"

struct character_range { u32 first, last; };

static const struct character_range zero_width[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f },
	{ 0x06d6, 0x06dc }, { 0x0730, 0x074a }, { 0x0900, 0x0902 }, { 0x093c, 0x093c }, { 0x0941, 0x0948 },
	{ 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
	{ 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x2064 }, { 0x20d0, 0x20f0 }, { 0x302a, 0x302d },
	{ 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff }, { 0xe0001, 0xe01ef },
};
static const struct character_range double_width[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff },
	{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static bool in_ranges(u32 character, const struct character_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (character < ranges[i].first)
			return false;
		if (character <= ranges[i].last)
			return true;
	}
	return false;
}

unsigned utf8_sequence_length(u8 first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

unsigned utf8_decode(const char *bytes, size_t count, u32 *character)
{
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned length;
	u32 value;

	if (!count)
		return 0;
	length = utf8_sequence_length((u8)bytes[0]);
	if (!length || length > count)
		return 0;
	value = length == 1 ? (u8)bytes[0] : (u8)bytes[0] & (0x7fu >> length);
	for (unsigned i = 1; i < length; i++) {
		if (((u8)bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((u8)bytes[i] & 0x3f);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*character = value;
	return length;
}

unsigned utf8_encode(u32 character, char bytes[4])
{
	if (character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
		character = 0xfffd;
	if (character < 0x80) {
		bytes[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		bytes[0] = (char)(0xc0 | character >> 6);
		bytes[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		bytes[0] = (char)(0xe0 | character >> 12);
		bytes[1] = (char)(0x80 | (character >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	bytes[0] = (char)(0xf0 | character >> 18);
	bytes[1] = (char)(0x80 | (character >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (character >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

unsigned utf8_columns(u32 character)
{
	if (character < 0x300)
		return 1;
	if (in_ranges(character, zero_width, ARRAY_SIZE(zero_width)))
		return 0;
	return in_ranges(character, double_width, ARRAY_SIZE(double_width)) ? 2 : 1;
}

size_t utf8_text_columns(const char *bytes, size_t count)
{
	size_t columns = 0;

	for (size_t at = 0; at < count;) {
		u32 character;
		unsigned length = utf8_decode(bytes + at, count - at, &character);

		columns += length ? utf8_columns(character) : 1;
		at += length ? length : 1;
	}
	return columns;
}

/* Start of the character, not the grapheme, that ends at a place. */
static size_t previous_character(const char *bytes, size_t at, u32 *character)
{
	size_t start = at - 1;

	while (start > 0 && at - start < 4 && ((u8)bytes[start] & 0xc0) == 0x80)
		start--;
	if (utf8_decode(bytes + start, at - start, character) == at - start)
		return start;
	*character = 0xfffd;
	return at - 1;
}

size_t utf8_previous(const char *bytes, size_t at)
{
	while (at > 0) {
		u32 character = 0;

		at = previous_character(bytes, at, &character);
		if (utf8_columns(character) > 0)
			break;
	}
	return at;
}

size_t utf8_next(const char *bytes, size_t count, size_t at)
{
	bool first = true;

	while (at < count) {
		u32 character = 0xfffd;
		unsigned length = utf8_decode(bytes + at, count - at, &character);

		if (!first && utf8_columns(character) > 0)
			break;
		at += length ? length : 1;
		first = false;
	}
	return at;
}

/* SPDX-License-Identifier: MIT */
/*
 * Names of FAT: long ones in UTF-16, short ones of 8 + 3 bytes, and the times in entries. Pure, fuzzed through the directories.
 *
 * Short names beyond ASCII are in a code page that the disk does not name: such bytes are shown as U+FFFD. Letter case is folded
 * for ASCII and Latin-1; a name that differs only in the case of other letters counts as another one.
 */
#include "hv/block/fat_internal.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/rtc_time.h"

u8 fat_name_checksum(const u8 short_name[11])
{
	u8 sum = 0;

	for (unsigned i = 0; i < 11; i++)
		sum = (u8)((sum << 7 | sum >> 1) + short_name[i]);
	return sum;
}

static char *read_part(const u8 *part, unsigned max, bool lower, char *to)
{
	unsigned length = max;

	while (length && part[length - 1] == ' ')
		length--;
	for (unsigned i = 0; i < length; i++) {
		u8 byte = part[i];

		if (lower && byte >= 'A' && byte <= 'Z')
			byte = (u8)(byte + 'a' - 'A');
		if (byte < 0x20 || byte == 0x7f || byte == '/')
			byte = '_'; /* what is shown on terminals, and names that a path could not have */
		if (byte < 0x80)
			*to++ = (char)byte;
		else
			to += utf8_encode(0xfffd, to);
	}
	return to;
}

void fat_short_name_read(const u8 short_name[11], u8 lower_case, char name[13 * 3 + 1])
{
	u8 copy[11];
	char *at, *extension;

	memcpy(copy, short_name, 11);
	if (copy[0] == 0x05)
		copy[0] = 0xe5; /* a first byte e5 would mean: deleted */
	at = read_part(copy, 8, lower_case & 0x08, name);
	*at = '.';
	extension = at + 1;
	at = read_part(copy + 8, 3, lower_case & 0x10, extension);
	if (at == extension)
		at--; /* no dot either */
	*at = 0;
}

int fat_name_to_units(const char *name, u16 *units, unsigned max, unsigned *count)
{
	size_t length = strlen(name);
	unsigned n = 0;

	if (!length || name[length - 1] == '.' || name[length - 1] == ' ' || name[0] == ' ')
		return ERR_INVALID;
	for (size_t at = 0; at < length;) {
		u32 character;
		unsigned bytes = utf8_decode(name + at, length - at, &character);

		if (!bytes || character < 0x20 || character == 0x7f || (character < 0x80 && strchr("\"*/:<>?\\|", (int)character)))
			return ERR_INVALID;
		if (n + (character > 0xffff) >= max)
			return ERR_RANGE;
		if (character > 0xffff) {
			units[n++] = (u16)(0xd800 + ((character - 0x10000) >> 10));
			character = 0xdc00 + (character & 0x3ff);
		}
		units[n++] = (u16)character;
		at += bytes;
	}
	*count = n;
	return OK;
}

void fat_name_from_units(const u16 *units, unsigned count, char name[FAT_NAME_MAX])
{
	size_t length = 0;

	for (unsigned i = 0; i < count && length + 4 < FAT_NAME_MAX; i++) {
		u32 character = units[i];

		if (character >= 0xd800 && character < 0xdc00 && i + 1 < count && (units[i + 1] & 0xfc00) == 0xdc00)
			character = 0x10000 + ((character & 0x3ff) << 10) + (units[++i] & 0x3ff);
		if (character < 0x20 || character == 0x7f || character == '/')
			character = 0xfffd;
		length += utf8_encode(character, name + length);
	}
	name[length] = 0;
}

static u32 fold(u32 character)
{
	if ((character >= 'a' && character <= 'z') || (character >= 0xe0 && character <= 0xfe && character != 0xf7))
		return character - 0x20;
	return character;
}

/* One character of a name, folded; 0 at its end. */
static u32 next_folded(const char **at)
{
	u32 character = 0;
	unsigned bytes = **at ? utf8_decode(*at, strnlen(*at, 4), &character) : 0;

	if (**at && !bytes) {
		character = 0x110000 + (u8)**at; /* malformed: equal to itself only */
		bytes = 1;
	}
	*at += bytes;
	return fold(character);
}

bool fat_name_equal(const char *a, const char *b)
{
	for (;;) {
		u32 x = next_folded(&a), y = next_folded(&b);

		if (x != y)
			return false;
		if (!x)
			return true;
	}
}

static bool is_short_character(char c, bool lower)
{
	if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (lower && c >= 'a' && c <= 'z'))
		return true;
	return c && strchr("$%'-_@~`!(){}^#&", c);
}

bool fat_short_name_exact(const char *name, u8 short_name[11])
{
	const char *dot = strchr(name, '.');
	size_t base = dot ? (size_t)(dot - name) : strlen(name), extension = dot ? strlen(dot + 1) : 0;

	if (!base || base > 8 || extension > 3 || (dot && !extension))
		return false;
	memset(short_name, ' ', 11);
	for (size_t i = 0; i < base + extension; i++) {
		char c = i < base ? name[i] : dot[1 + i - base];

		if (!is_short_character(c, false))
			return false;
		short_name[i < base ? i : 8 + i - base] = (u8)c;
	}
	return true;
}

static u8 short_character(char c)
{
	if (c >= 'a' && c <= 'z')
		return (u8)(c - 'a' + 'A');
	return is_short_character(c, false) ? (u8)c : '_';
}

/* "Debian 12.qcow2" gives DEBIAN~1.QCO, then ~2 to ~4, then DE1A2B~1 with a number made of the name and the attempt. */
void fat_short_name_make(const char *name, unsigned attempt, u8 short_name[11])
{
	const char *dot = strrchr(name, '.');
	size_t base_end = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	unsigned kept = attempt < 4 ? 6 : 2, n = 0;
	u32 hash = 5381 + attempt * 40503u;

	memset(short_name, ' ', 11);
	for (size_t i = 0; i < base_end && n < kept; i++)
		if (name[i] != ' ' && name[i] != '.' && ((u8)name[i] & 0xc0) != 0x80)
			short_name[n++] = short_character(name[i]);
	for (const char *at = name; *at; at++)
		hash = hash * 33 + (u8)*at;
	for (unsigned i = 0; attempt >= 4 && i < 4; i++)
		short_name[n++] = (u8)"0123456789ABCDEF"[hash >> (4 * i) & 15];
	short_name[n++] = '~';
	short_name[n] = (u8)('1' + (attempt < 4 ? attempt : 0));
	n = 8;
	for (const char *at = dot && dot != name ? dot + 1 : ""; *at && n < 11; at++)
		if (*at != ' ' && ((u8)*at & 0xc0) != 0x80)
			short_name[n++] = short_character(*at);
}

void fat_time_write(u64 seconds, u16 *date, u16 *time)
{
	struct calendar at;

	calendar_from_unix(seconds, &at);
	if (at.year < 1980)
		at = (struct calendar){ 1980, 1, 1, 0, 0, 0 };
	*date = (u16)((MIN(at.year, 2107u) - 1980) << 9 | at.month << 5 | at.day);
	*time = (u16)(at.hour << 11 | at.minute << 5 | at.second / 2);
}

u64 fat_time_read(u16 date, u16 time)
{
	struct calendar at = { 1980u + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, 2u * (time & 31) };

	if (at.month < 1 || at.month > 12 || at.day < 1 || at.hour > 23 || at.minute > 59 || at.second > 59)
		return 0;
	return calendar_to_unix(&at);
}

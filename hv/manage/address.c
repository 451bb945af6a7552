/* SPDX-License-Identifier: MIT */
/* IPv4 and Ethernet addresses in words (network.h). */
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/network.h"
#include "hv/rtc_time.h"

void address_format(char text[ADDRESS_TEXT_SIZE], u32 address)
{
	format(text, ADDRESS_TEXT_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

/* Four decimal numbers; no leading zeroes, which some read as octal. */
int address_parse(u32 *address, const char *text)
{
	u32 result = 0;

	for (unsigned part = 0; part < 4; part++) {
		u32 value = 0, digits = 0;

		for (; *text >= '0' && *text <= '9' && digits < 4; text++, digits++)
			value = value * 10 + (u32)(*text - '0');
		if (!digits || value > 255 || (digits > 1 && text[-(int)digits] == '0') || *text != (part == 3 ? '\0' : '.'))
			return ERR_INVALID;
		text += part < 3;
		result = result << 8 | value;
	}
	*address = result;
	return OK;
}

void mac_format(char text[MAC_TEXT_SIZE], const u8 *mac)
{
	format(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int mac_parse(u8 *mac, const char *text)
{
	u8 bytes[NET_MAC_BYTES];
	u32 any = 0;

	for (unsigned i = 0; i < NET_MAC_BYTES; i++, text += 3) {
		if (digit(text[0]) < 0 || digit(text[1]) < 0 || text[2] != (i + 1 < NET_MAC_BYTES ? ':' : '\0'))
			return ERR_INVALID;
		bytes[i] = (u8)(digit(text[0]) << 4 | digit(text[1]));
		any |= bytes[i];
	}
	if ((bytes[0] & 1) || !any)
		return ERR_INVALID;
	memcpy(mac, bytes, NET_MAC_BYTES);
	return OK;
}

void wall_time_format(char text[20], u64 seconds)
{
	struct calendar at;

	calendar_from_unix(seconds, &at);
	format(text, 20, "%04u-%02u-%02u %02u:%02u:%02u", at.year, at.month, at.day, at.hour, at.minute, at.second);
}

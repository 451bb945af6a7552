/* SPDX-License-Identifier: MIT */
/* Other servers' answers (dns_forward.h). */
#include "hv/net/dns_forward.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"

enum { FLAGS = 2, QUESTIONS = 4, ANSWERS = 6, HEADER_BYTES = 12, TYPE_A = 1, CLASS_IN = 1, RECORD_BYTES = 10 };
#define FLAG_RESPONSE 0x8000u
#define FLAG_RECURSION_DESIRED 0x0100u
#define RECORDS_MAX 64u

/* Behind a name, which may end in a pointer; 0: it does not end in the message. */
static u32 skip_name(const u8 *message, u32 size_bytes, u32 at)
{
	while (at < size_bytes) {
		u8 label = message[at];

		if (!label)
			return at + 1;
		if (label >= 0xc0)
			return at + 2 <= size_bytes ? at + 2 : 0;
		if (label > 63)
			return 0;
		at += 1u + label;
	}
	return 0;
}

static u8 lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? (u8)(c + 'a' - 'A') : c;
}

bool dns_answers(const u8 *query, u32 query_bytes, const u8 *reply, u32 reply_bytes)
{
	u32 end = query_bytes > HEADER_BYTES ? skip_name(query, query_bytes, HEADER_BYTES) : 0;

	if (!end || end + 4 > query_bytes || end + 4 > reply_bytes || !(get_be16(reply + FLAGS) & FLAG_RESPONSE) ||
	    get_be16(reply + QUESTIONS) != 1 || get_be16(reply) != get_be16(query))
		return false;
	/* Lengths of labels are below any letter: comparing them so is harmless. */
	for (u32 i = HEADER_BYTES; i < end; i++)
		if (lower(query[i]) != lower(reply[i]))
			return false;
	return memcmp(query + end, reply + end, 4) == 0;
}

u32 dns_make_query(const char *name, u16 id, u8 *query)
{
	u32 at = HEADER_BYTES;

	memset(query, 0, HEADER_BYTES);
	put_be16(query, id);
	put_be16(query + FLAGS, FLAG_RECURSION_DESIRED);
	put_be16(query + QUESTIONS, 1);
	while (*name) {
		u32 length = 0;

		while (name[length] && name[length] != '.')
			length++;
		if (!length || length > 63 || at + length + 1 > HEADER_BYTES + DNS_NAME_MAX)
			return 0;
		query[at] = (u8)length;
		memcpy(query + at + 1, name, length);
		at += 1 + length;
		name += length + (name[length] == '.');
	}
	if (at == HEADER_BYTES)
		return 0;
	query[at++] = 0;
	put_be16(query + at, TYPE_A);
	put_be16(query + at + 2, CLASS_IN);
	return at + 4;
}

u32 dns_first_address(const u8 *reply, u32 size_bytes)
{
	u32 at = size_bytes >= HEADER_BYTES ? skip_name(reply, size_bytes, HEADER_BYTES) : 0, records;

	if (!at || (get_be16(reply + FLAGS) & 15))
		return 0;
	at += 4;
	records = MIN(get_be16(reply + ANSWERS), RECORDS_MAX);
	while (records--) {
		at = skip_name(reply, size_bytes, at);
		if (!at || at + RECORD_BYTES > size_bytes || at + RECORD_BYTES + get_be16(reply + at + 8) > size_bytes)
			return 0;
		if (get_be16(reply + at) == TYPE_A && get_be16(reply + at + 2) == CLASS_IN && get_be16(reply + at + 8) == 4)
			return get_be32(reply + at + RECORD_BYTES);
		at += RECORD_BYTES + get_be16(reply + at + 8);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The machines' name server (dns_server.h): one question of class IN; A has an answer, other types of a known name have none. */
#include "hv/net/dns_server.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"

/* Offsets in a message, and its flags (RFC 1035, 4.1.1). */
enum { DNS_FLAGS = 2, DNS_QUESTIONS = 4, DNS_ANSWERS = 6, DNS_AUTHORITY = 8, DNS_ADDITIONAL = 10, DNS_HEADER_BYTES = 12 };
#define DNS_FLAG_RESPONSE 0x8000u
#define DNS_FLAG_OPCODE 0x7800u
#define DNS_FLAG_AUTHORITATIVE 0x0400u
#define DNS_FLAG_RECURSION_DESIRED 0x0100u
enum { DNS_OK = 0, DNS_FORMAT_ERROR = 1, DNS_NO_SUCH_NAME = 3, DNS_NOT_IMPLEMENTED = 4, DNS_REFUSED = 5 };
enum { DNS_TYPE_A = 1, DNS_TYPE_ANY = 255, DNS_CLASS_IN = 1 };
#define DNS_QUESTION_TAIL 4u /* type, class */
#define DNS_ANSWER_BYTES 16u
#define DNS_POINTER_TO_QUESTION 0xc00cu

struct question {
	char name[DNS_NAME_MAX + 1]; /* labels with dots between; a dot or zero byte in a label becomes '?' */
	u32 end;                     /* where the question ends in the message */
	u16 type, class;
};

/* False: not a question. Compression makes no sense in the only name that there is. */
static bool read_question(const u8 *query, u32 size_bytes, struct question *question)
{
	u32 at = DNS_HEADER_BYTES, length = 0;

	while (at < size_bytes && query[at]) {
		u32 label = query[at++];

		if (label > 63 || at + label > size_bytes || length + label + 1 > DNS_NAME_MAX)
			return false;
		for (u32 i = 0; i < label; i++, at++)
			question->name[length++] = query[at] == '.' || !query[at] ? '?' : (char)query[at];
		question->name[length++] = '.';
	}
	question->name[length ? length - 1 : 0] = '\0';
	question->end = at + 1 + DNS_QUESTION_TAIL;
	if (question->end > size_bytes)
		return false;
	question->type = get_be16(query + at + 1);
	question->class = get_be16(query + at + 3);
	return true;
}

/* Cuts ".domain" off; false: the name is of another domain. */
static bool to_machine(const struct dns_zone *zone, char *name)
{
	char *dot = strchr(name, '.');

	if (!dot)
		return *name != '\0';
	*dot = '\0';
	return *zone->domain && string_equal_ignore_case(dot + 1, zone->domain);
}

static void put_answer(u8 *at, u32 address)
{
	put_be16(at, DNS_POINTER_TO_QUESTION);
	put_be16(at + 2, DNS_TYPE_A);
	put_be16(at + 4, DNS_CLASS_IN);
	put_be32(at + 6, DNS_TTL_SECONDS);
	put_be16(at + 10, 4);
	put_be32(at + 12, address);
}

u32 dns_server_answer(const struct dns_zone *zone, const u8 *query, u32 size_bytes, u8 *reply)
{
	struct question question;
	u32 size = DNS_HEADER_BYTES, address = 0, code;
	u16 flags;

	if (size_bytes < DNS_HEADER_BYTES || size_bytes > DNS_MESSAGE_MAX)
		return 0;
	flags = get_be16(query + DNS_FLAGS);
	if (flags & DNS_FLAG_RESPONSE) /* two servers that answer each other would never end */
		return 0;
	memset(reply, 0, DNS_MESSAGE_MAX);
	memcpy(reply, query, 2);
	if (flags & DNS_FLAG_OPCODE) {
		code = DNS_NOT_IMPLEMENTED;
	} else if (get_be16(query + DNS_QUESTIONS) != 1 || !read_question(query, size_bytes, &question)) {
		code = DNS_FORMAT_ERROR;
	} else {
		bool ours = question.class == DNS_CLASS_IN && to_machine(zone, question.name);

		if (!ours && zone->asks_outside)
			return DNS_ASK_OUTSIDE;
		address = ours ? zone->find(zone->context, question.name) : 0;
		code = !ours ? DNS_REFUSED : address ? DNS_OK : DNS_NO_SUCH_NAME;
		memcpy(reply + size, query + size, question.end - size);
		size = question.end;
		put_be16(reply + DNS_QUESTIONS, 1);
	}
	put_be16(reply + DNS_FLAGS, DNS_FLAG_RESPONSE | DNS_FLAG_AUTHORITATIVE | (flags & DNS_FLAG_RECURSION_DESIRED) | code);
	if (!address || address == DNS_NO_ADDRESS || (question.type != DNS_TYPE_A && question.type != DNS_TYPE_ANY) ||
	    size + DNS_ANSWER_BYTES > DNS_MESSAGE_MAX)
		return size;
	put_answer(reply + size, address);
	put_be16(reply + DNS_ANSWERS, 1);
	return size + DNS_ANSWER_BYTES;
}

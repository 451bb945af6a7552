/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/dns_server.c hv/net/dns_forward.c hv/lib/string.c */
/* Other servers' answers, and the machines' name server: known and unknown names, other types and domains, garbage at every length. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/dns_forward.h"

static u8 query[600], reply[DNS_MESSAGE_MAX];

static u32 find(void *context, const char *name)
{
	(void)context;
	return string_equal_ignore_case(name, "web") ? 0x0a000005 : string_equal_ignore_case(name, "new") ? DNS_NO_ADDRESS : 0;
}

static const struct dns_zone zone = { "lan", find, NULL, false }, asking = { "lan", find, NULL, true };

/* A query for a name of labels, "\3web" as DNS writes it. */
static u32 make(const char *labels, u16 type, u16 class)
{
	u32 length = (u32)strlen(labels) + 1;

	memset(query, 0, sizeof(query));
	put_be16(query, 0x1234);
	put_be16(query + 2, 0x0100);
	put_be16(query + 4, 1);
	memcpy(query + 12, labels, length);
	put_be16(query + 12 + length, type);
	put_be16(query + 14 + length, class);
	return 16 + length;
}

START_TEST(names)
{
	static const struct { const char *labels; u16 type, class; u32 code, answers; } rows[] = {
		{ "\3web", 1, 1, 0, 1 }, { "\3WeB", 1, 1, 0, 1 }, { "\3web\3lan", 1, 1, 0, 1 }, { "\3web\3LAN", 255, 1, 0, 1 },
		{ "\3web", 28, 1, 0, 0 }, { "\3new", 1, 1, 0, 0 }, { "\3nix", 1, 1, 3, 0 }, { "\3web\7example\3com", 1, 1, 5, 0 },
		{ "\3web\2la", 1, 1, 5, 0 }, { "\3web", 1, 3, 5, 0 }, { "", 1, 1, 5, 0 }, { "\4we.b", 1, 1, 3, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 size = make(rows[i].labels, rows[i].type, rows[i].class), answer = dns_server_answer(&zone, query, size, reply);

		ck_assert_msg(answer == size + 16 * rows[i].answers, "row %u", i);
		ck_assert_msg(get_be16(reply + 2) == (0x8500u | rows[i].code) && get_be16(reply + 6) == rows[i].answers, "row %u", i);
		ck_assert(get_be16(reply) == 0x1234 && memcmp(reply + 12, query + 12, size - 12) == 0);
		if (rows[i].answers)
			ck_assert_uint_eq(get_be32(reply + answer - 4), 0x0a000005);
	}
}
END_TEST

START_TEST(garbage)
{
	u32 size = make("\3web", 1, 1);

	for (u32 i = 0; i < size; i++)
		ck_assert_uint_eq(dns_server_answer(&zone, query, i, reply), i < 12 ? 0 : 12);
	ck_assert_uint_eq(get_be16(reply + 2) & 15, 1);
	query[2] = 0x81;
	ck_assert_uint_eq(dns_server_answer(&zone, query, size, reply), 0); /* an answer */
	query[2] = 0x28;
	ck_assert(dns_server_answer(&zone, query, size, reply) == 12 && (reply[3] & 15) == 4);
	make("\3web", 1, 1);
	query[12] = 0xc0; /* compressed, into itself */
	query[13] = 12;
	ck_assert(dns_server_answer(&zone, query, size, reply) == 12 && (reply[3] & 15) == 1);
	ck_assert_uint_eq(dns_server_answer(&zone, query, 513, reply), 0);
	memset(query + 12, 63, 500); /* a name that is too long */
	ck_assert(dns_server_answer(&zone, query, 512, reply) == 12 && (reply[3] & 15) == 1);
}
END_TEST

START_TEST(others_are_asked)
{
	u8 made[DNS_MESSAGE_MAX], answer[600];
	u32 size = make("\3www\7example\3com", 1, 1), end;

	ck_assert_uint_eq(dns_server_answer(&asking, query, size, reply), DNS_ASK_OUTSIDE);
	make("\3web\3lan", 1, 1);
	ck_assert_uint_ne(dns_server_answer(&asking, query, size, reply), DNS_ASK_OUTSIDE);
	make("\3nix", 1, 1); /* a single word is a machine here, and nothing elsewhere */
	ck_assert_uint_ne(dns_server_answer(&asking, query, 21, reply), DNS_ASK_OUTSIDE);
	size = make("\3www\7example\3com", 1, 1);
	ck_assert_uint_eq(dns_make_query("www.example.com", 0x1234, made), size);
	ck_assert_int_eq(memcmp(made, query, size), 0);
	ck_assert_uint_eq(dns_make_query("", 1, made) + dns_make_query("a..b", 1, made) + dns_make_query(".", 1, made), 0);
	/* An answer: an alias, then the address. */
	memcpy(answer, query, size);
	answer[2] = 0x81;
	answer[7] = 2;
	memcpy(answer + size, "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1x\xc0\x10\xc0\x2d\0\1\0\1\0\0\0\1\0\4\x5d\xb8\xd8\x22", 32);
	end = size + 32;
	ck_assert(dns_answers(query, size, answer, end));
	ck_assert_uint_eq(dns_first_address(answer, end), 0x5db8d822);
	answer[13] = 'W'; /* the case does not matter */
	ck_assert(dns_answers(query, size, answer, end));
	for (u32 i = 0; i < end; i++)
		ck_assert_uint_eq(dns_first_address(answer, i), 0); /* cut anywhere: no address, nothing read behind */
	for (u32 i = 0; i < size; i++) {
		if (i >= 6 && i < 12)
			continue; /* how many answers there are is theirs to say */
		answer[i] ^= i == 2 ? 0x80 : 1;
		ck_assert_msg(i == 3 || !dns_answers(query, size, answer, end), "byte %u", i);
		answer[i] ^= i == 2 ? 0x80 : 1;
	}
	ck_assert(!dns_answers(query, size, answer, size - 1) && !dns_answers(query, 12, answer, end));
	answer[3] |= 3;
	ck_assert_uint_eq(dns_first_address(answer, end), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("dns server");
	TCase *t = tcase_create("dns");

	tcase_add_test(t, names);
	tcase_add_test(t, garbage);
	tcase_add_test(t, others_are_asked);
	suite_add_tcase(suite, t);
	return suite;
}

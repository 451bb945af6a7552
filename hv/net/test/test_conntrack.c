/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/conntrack.c */
/* The table of connections: TCP's states, time-outs, and what a full table gives up. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include "hv/clock.h"
#include "hv/net/conntrack.h"
#include "hv/net/headers.h"

static struct conntrack *table;
static u64 now_ns;

static void setup(void)
{
	static const u64 secret[2] = { 0x1234, 0x5678 };

	table = malloc(sizeof(*table));
	conntrack_init(table, secret);
	now_ns = 1000 * NS_PER_S;
}

static void teardown(void) { free(table); }

static struct connection *add(u8 protocol, u32 number, u16 owner)
{
	struct flow flow = { 1, 2, (u16)number, (u16)(number >> 16), protocol, 1 }, reply = { 2, 3, (u16)(number >> 16), (u16)number, protocol, 0 };

	return conntrack_add(table, &flow, &reply, owner, now_ns);
}

static struct connection *find(u8 protocol, u32 number, u32 side)
{
	struct flow flow = { 1, 2, (u16)number, (u16)(number >> 16), protocol, 1 }, reply = { 2, 3, (u16)(number >> 16), (u16)number, protocol, 0 };
	u32 found;
	struct connection *connection = conntrack_find(table, side ? &reply : &flow, now_ns, &found);

	ck_assert(!connection || found == side);
	return connection;
}

/* Each row is a packet; the state behind it is expected. */
START_TEST(tcp_states)
{
	enum { F = TCP_FLAG_FIN, S = TCP_FLAG_SYN, R = TCP_FLAG_RST, K = TCP_FLAG_ACK };
	static const struct { bool fresh; u32 side, flags, sequence, acknowledgement, payload; enum connection_state state; } rows[] = {
		{ true, 0, S, 100, 0, 0, CONNECTION_ASKED }, { false, 1, S | K, 500, 101, 0, CONNECTION_OPENING },
		{ false, 0, K, 101, 501, 0, CONNECTION_ESTABLISHED }, { false, 1, K, 501, 101, 10, CONNECTION_ESTABLISHED },
		{ false, 0, K, 101, 511, 0, CONNECTION_ESTABLISHED },
		{ false, 1, R, 77, 0, 0, CONNECTION_ESTABLISHED }, /* guessed: not the number that is expected */
		{ false, 0, F | K, 101, 511, 5, CONNECTION_CLOSING }, { false, 1, K, 511, 107, 0, CONNECTION_CLOSING },
		{ false, 1, F | K, 511, 107, 0, CONNECTION_CLOSING }, { false, 0, K, 107, 512, 0, CONNECTION_CLOSED },
		{ true, 0, S, 100, 0, 0, CONNECTION_ASKED }, { false, 1, R | K, 0, 101, 0, CONNECTION_CLOSED },
		{ true, 0, S, 100, 0, 0, CONNECTION_ASKED }, { false, 1, S | K, 500, 101, 0, CONNECTION_OPENING },
		{ false, 0, K, 101, 501, 0, CONNECTION_ESTABLISHED }, { false, 1, R | K, 501, 101, 0, CONNECTION_CLOSED },
		{ false, 0, K, 101, 501, 0, CONNECTION_CLOSED },
	};
	struct connection *connection = NULL;

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct tcp_seen seen = { (u8)rows[i].flags, rows[i].sequence, rows[i].acknowledgement, rows[i].payload };

		if (rows[i].fresh)
			connection = add(IP_PROTOCOL_TCP, i, 1);
		conntrack_see(table, connection, rows[i].side, &seen, 60, now_ns);
		ck_assert_msg(connection->state == rows[i].state, "row %u: %s", i, connection_state_name(connection));
	}
}
END_TEST

START_TEST(what_is_idle_ends)
{
	static const struct { u8 protocol; bool answered; u32 seconds; } rows[] = {
		{ IP_PROTOCOL_UDP, false, 120 }, { IP_PROTOCOL_UDP, true, 120 }, { IP_PROTOCOL_ICMP, true, 60 }, { IP_PROTOCOL_TCP, false, 240 },
		{ IP_PROTOCOL_TCP, true, 7440 },
	};
	static const struct tcp_seen syn = { TCP_FLAG_SYN, 1, 0, 0 }, answer = { TCP_FLAG_SYN | TCP_FLAG_ACK, 1, 2, 0 }, ack = { TCP_FLAG_ACK, 2, 2, 0 };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct connection *connection = add(rows[i].protocol, i, 1);

		conntrack_see(table, connection, 0, &syn, 60, now_ns);
		if (rows[i].answered) {
			conntrack_see(table, connection, 1, &answer, 60, now_ns);
			conntrack_see(table, connection, 0, &ack, 60, now_ns);
		}
		now_ns += rows[i].seconds * NS_PER_S - 1;
		ck_assert(find(rows[i].protocol, i, 0) == connection && find(rows[i].protocol, i, 1) == connection);
		now_ns += 1;
		ck_assert_ptr_null(find(rows[i].protocol, i, rows[i].answered));
		ck_assert_ptr_null(find(rows[i].protocol, i, !rows[i].answered));
		ck_assert_uint_eq(table->count, 0);
	}
	add(IP_PROTOCOL_UDP, 1, 1);
	now_ns += 121 * NS_PER_S;
	conntrack_sweep(table, CONNTRACK_MAX, now_ns);
	ck_assert_uint_eq(table->count, 0);
}
END_TEST

/* A scan by one owner costs itself, what it has not opened first; with a full table, the greatest pays. */
START_TEST(bounds_are_fair)
{
	static const struct tcp_seen none = { 0, 0, 0, 0 };
	struct connection *kept = add(IP_PROTOCOL_UDP, 0, 1), *others = add(IP_PROTOCOL_UDP, 1, 2);

	conntrack_see(table, kept, 1, &none, 60, now_ns);
	for (u32 i = 2; i < 4 * CONNTRACK_OWNER_MAX; i++)
		ck_assert_ptr_nonnull(add(IP_PROTOCOL_UDP, i, 1));
	ck_assert_uint_eq(table->owners[1].count, CONNTRACK_OWNER_MAX);
	ck_assert(find(IP_PROTOCOL_UDP, 0, 0) == kept && find(IP_PROTOCOL_UDP, 1, 0) == others);
	ck_assert_ptr_null(find(IP_PROTOCOL_UDP, 2, 0));
	for (u32 owner = 3; owner < 40; owner++)
		for (u32 i = 0; i < CONNTRACK_OWNER_MAX; i++)
			ck_assert_ptr_nonnull(add(IP_PROTOCOL_UDP, owner << 16 | i, (u16)owner));
	ck_assert_uint_eq(table->count, CONNTRACK_MAX);
	ck_assert_ptr_nonnull(find(IP_PROTOCOL_UDP, 1, 0)); /* the small one's */
	for (u32 owner = 3; owner < 40; owner++)
		ck_assert_uint_ge(table->owners[owner].count, 200);
	ck_assert_ptr_nonnull(add(IP_PROTOCOL_UDP, 99u << 16, 99));
	ck_assert_ptr_null(add(IP_PROTOCOL_UDP, 5, CONNTRACK_OWNERS));
	for (u16 owner = 0; owner < 100; owner++)
		conntrack_forget_owner(table, owner);
	ck_assert_uint_eq(table->count, 0);
	for (u32 i = 0; i < CONNTRACK_BUCKETS; i++)
		ck_assert_uint_eq(table->buckets[i], CONNTRACK_NONE);
}
END_TEST

START_TEST(an_address_is_forgotten)
{
	add(IP_PROTOCOL_UDP, 1, 1);
	conntrack_forget_address(table, 9);
	ck_assert_uint_eq(table->count, 1);
	conntrack_forget_address(table, 3); /* only after translation */
	ck_assert_uint_eq(table->count, 0);
	ck_assert_ptr_null(find(IP_PROTOCOL_UDP, 1, 0));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("conntrack");
	TCase *tests = tcase_create("conntrack");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, tcp_states);
	tcase_add_test(tests, what_is_idle_ends);
	tcase_add_test(tests, bounds_are_fair);
	tcase_add_test(tests, an_address_is_forgotten);
	suite_add_tcase(suite, tests);
	return suite;
}

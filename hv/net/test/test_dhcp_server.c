/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/dhcp_server.c */
/* The DHCP server: the four messages, fixed hosts, wrong wishes, complaints, a full range, a full table, garbage. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/net/bytes.h"
#include "hv/net/dhcp_server.h"

#define NET_IP(last) (0xc0a87a00u | (last)) /* 192.168.122.x */
#define SECOND 1000000000ull

static struct dhcp_server server;
static u64 now_ns;
static u8 message[600], reply[DHCP_REPLY_MAX];
static u32 to, size;

static void setup(void)
{
	memset(&server, 0, sizeof(server));
	server.address = NET_IP(1);
	server.mask = 0xffffff00;
	server.start = NET_IP(10);
	server.end = NET_IP(19);
	server.mtu_bytes = 1400;
	strcpy(server.domain, "lan");
	now_ns = 1000 * SECOND;
}

static const u8 *option(u8 code)
{
	for (u32 at = DHCP_OPTIONS; at < size && reply[at] != DHCP_OPTION_END; at += 2u + reply[at + 1])
		if (reply[at] == code)
			return reply + at + 1;
	return NULL;
}

/* What the server makes of a message; its type, 0: no answer. */
static u8 ask(u8 type, u32 client, u32 ciaddr, u32 wanted, u32 server_id)
{
	u8 *at = message + DHCP_OPTIONS;

	memset(message, 0, sizeof(message));
	message[DHCP_OP] = DHCP_BOOTREQUEST;
	message[DHCP_HTYPE] = 1;
	message[DHCP_HLEN] = 6;
	put_be32(message + DHCP_XID, 0x12345678);
	put_be32(message + DHCP_CIADDR, ciaddr);
	message[DHCP_CHADDR] = 0x52;
	put_be32(message + DHCP_CHADDR + 2, client);
	put_be32(message + DHCP_COOKIE, DHCP_COOKIE_VALUE);
	memcpy(at, (u8[]){ 0, DHCP_OPTION_TYPE, 1, type, DHCP_OPTION_HOST_NAME, 3, 'b', 'o', 'x', DHCP_OPTION_CLIENT_ID, 2, 1, 2 }, 13);
	at += 13;
	if (wanted) {
		*at++ = DHCP_OPTION_ADDRESS;
		*at++ = 4;
		put_be32(at, wanted);
		at += 4;
	}
	if (server_id) {
		*at++ = DHCP_OPTION_SERVER;
		*at++ = 4;
		put_be32(at, server_id);
		at += 4;
	}
	*at++ = DHCP_OPTION_END;
	size = dhcp_server_answer(&server, message, (u32)(at - message), now_ns, reply, &to);
	ck_assert(!size || (size >= DHCP_REPLY_MIN && size <= DHCP_REPLY_MAX && reply[DHCP_OP] == DHCP_BOOTREPLY &&
			    get_be32(reply + DHCP_XID) == 0x12345678));
	return size ? reply[DHCP_OPTIONS + 2] : 0;
}

static u32 given(void)
{
	return get_be32(reply + DHCP_YIADDR);
}

START_TEST(the_four_messages)
{
	u32 address;

	ck_assert_uint_eq(ask(DHCP_DISCOVER, 1, 0, 0, 0), DHCP_OFFER);
	address = given();
	ck_assert(address >= NET_IP(10) && address <= NET_IP(19) && to == 0xffffffff);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 1, 0, address, NET_IP(1)), DHCP_ACK);
	ck_assert(given() == address && to == 0xffffffff);
	ck_assert_uint_eq(get_be32(option(DHCP_OPTION_MASK) + 1), 0xffffff00);
	ck_assert_uint_eq(get_be32(option(DHCP_OPTION_BROADCAST) + 1), NET_IP(255));
	ck_assert_uint_eq(get_be32(option(DHCP_OPTION_LEASE) + 1), DHCP_LEASE_SECONDS);
	ck_assert(get_be16(option(DHCP_OPTION_MTU) + 1) == 1400 && !option(DHCP_OPTION_ROUTER) && !option(DHCP_OPTION_DNS));
	ck_assert_int_eq(memcmp(option(DHCP_OPTION_DOMAIN), "\3lan", 4), 0);
	ck_assert(server.leases[0].bound && strcmp(server.leases[0].name, "box") == 0 && server.leases[0].client_id_bytes == 2);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 1, address, 0, 0), DHCP_ACK); /* renewed, to its own address */
	ck_assert(to == address && given() == address);
	ck_assert_uint_eq(ask(DHCP_RELEASE, 1, address, 0, NET_IP(1)), 0);
	ck_assert_uint_le(server.leases[0].end_ns, now_ns);
	ck_assert_uint_eq(ask(DHCP_DISCOVER, 1, 0, 0, 0), DHCP_OFFER);
	ck_assert_uint_eq(given(), address);
	ck_assert_uint_eq(ask(DHCP_INFORM, 1, NET_IP(77), 0, 0), DHCP_ACK);
	ck_assert(given() == 0 && to == NET_IP(77) && !option(DHCP_OPTION_LEASE));
}
END_TEST

START_TEST(wishes_that_are_not_granted)
{
	ask(DHCP_DISCOVER, 1, 0, NET_IP(15), 0);
	ck_assert_uint_eq(given(), NET_IP(15)); /* one that can be */
	ck_assert_uint_eq(ask(DHCP_REQUEST, 1, 0, NET_IP(15), NET_IP(1)), DHCP_ACK);
	ask(DHCP_DISCOVER, 2, 0, NET_IP(15), 0);
	ck_assert_uint_ne(given(), NET_IP(15));
	ck_assert_uint_eq(ask(DHCP_REQUEST, 2, 0, NET_IP(15), NET_IP(1)), DHCP_NAK);
	ck_assert(given() == 0 && to == 0xffffffff);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 2, 0, NET_IP(1), 0), DHCP_NAK);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 2, 0, NET_IP(200), 0), DHCP_NAK);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 2, 0, 0, 0), DHCP_NAK);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 2, 0x0a000001, 0, 0), DHCP_NAK);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 2, 0, NET_IP(12), 0x0a000001), 0); /* another server's */
	now_ns += (DHCP_LEASE_SECONDS + 1) * SECOND;
	ck_assert_uint_eq(ask(DHCP_REQUEST, 2, 0, NET_IP(15), NET_IP(1)), DHCP_ACK); /* its lease has ended */
}
END_TEST

START_TEST(fixed_hosts)
{
	server.hosts[0] = (struct dhcp_host){ 0x520000000009ull, NET_IP(12), "nine" };
	server.hosts[1] = (struct dhcp_host){ 0x520000000008ull, NET_IP(200), "" };
	server.host_count = 2;
	for (u32 client = 1; client < 8; client++) {
		ask(DHCP_DISCOVER, client, 0, NET_IP(12), 0);
		ck_assert_uint_ne(given(), NET_IP(12));
	}
	ask(DHCP_DISCOVER, 9, 0, 0, 0);
	ck_assert_uint_eq(given(), NET_IP(12));
	ck_assert_int_eq(memcmp(option(DHCP_OPTION_HOST_NAME), "\4nine", 5), 0);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 9, 0, NET_IP(13), NET_IP(1)), DHCP_NAK);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 8, 0, NET_IP(200), 0), DHCP_ACK); /* outside of the range */
}
END_TEST

START_TEST(complaints)
{
	u32 address;

	ask(DHCP_DISCOVER, 1, 0, 0, 0);
	address = given();
	ask(DHCP_REQUEST, 1, 0, address, NET_IP(1));
	ck_assert_uint_eq(ask(DHCP_DECLINE, 2, 0, address, NET_IP(1)), 0); /* not its own: nothing */
	ck_assert(server.leases[0].mac && !server.declined[0].address);
	ask(DHCP_DECLINE, 1, 0, address, NET_IP(1));
	ask(DHCP_DISCOVER, 1, 0, address, 0);
	ck_assert_uint_ne(given(), address);
	/* One that complains for ever does not use the range up. */
	for (u32 i = 0; i < 1000; i++) {
		ck_assert_uint_eq(ask(DHCP_DISCOVER, 1, 0, 0, 0), DHCP_OFFER);
		ask(DHCP_DECLINE, 1, 0, given(), NET_IP(1));
	}
	ck_assert_uint_eq(ask(DHCP_DISCOVER, 2, 0, 0, 0), DHCP_OFFER);
}
END_TEST

START_TEST(a_full_range_and_a_full_table)
{
	for (u32 client = 1; client <= 10; client++) {
		ck_assert_uint_eq(ask(DHCP_DISCOVER, client, 0, 0, 0), DHCP_OFFER);
		ck_assert_uint_eq(ask(DHCP_REQUEST, client, 0, given(), NET_IP(1)), DHCP_ACK);
	}
	ck_assert_uint_eq(ask(DHCP_DISCOVER, 11, 0, 0, 0), 0);
	ck_assert_uint_eq(ask(DHCP_REQUEST, 3, 0, server.leases[2].address, NET_IP(1)), DHCP_ACK);
	now_ns += (DHCP_LEASE_SECONDS + 1) * SECOND;
	ck_assert_uint_eq(ask(DHCP_DISCOVER, 11, 0, 0, 0), DHCP_OFFER);
	setup();
	server.mask = 0xffff0000;
	server.start = 0xc0a80002;
	server.end = 0xc0a8fffe;
	for (u32 client = 1; client <= DHCP_LEASES_MAX; client++)
		ck_assert_uint_eq(ask(DHCP_DISCOVER, client, 0, 0, 0), DHCP_OFFER);
	ck_assert_uint_eq(ask(DHCP_DISCOVER, DHCP_LEASES_MAX + 1, 0, 0, 0), 0);
	now_ns += (DHCP_OFFER_SECONDS + 1) * SECOND;
	ck_assert_uint_eq(ask(DHCP_DISCOVER, DHCP_LEASES_MAX + 1, 0, 0, 0), DHCP_OFFER);
	server.start = server.end = 0; /* fixed hosts only, and there are none */
	ck_assert_uint_eq(ask(DHCP_DISCOVER, 9999, 0, 0, 0), 0);
}
END_TEST

START_TEST(garbage)
{
	static const struct { u32 offset; u8 value; } rows[] = {
		{ DHCP_OP, 2 }, { DHCP_HTYPE, 6 }, { DHCP_HLEN, 16 }, { DHCP_GIADDR, 1 }, { DHCP_COOKIE, 0 }, { DHCP_CHADDR, 0xff },
		{ DHCP_OPTIONS + 2, 200 }, { DHCP_OPTIONS + 3, 99 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		ask(DHCP_DISCOVER, 1, 0, 0, 0);
		message[rows[i].offset] = rows[i].value;
		ck_assert_msg(!dhcp_server_answer(&server, message, 300, now_ns, reply, &to), "row %u", i);
	}
	ask(DHCP_DISCOVER, 1, 0, 0, 0);
	for (u32 bytes = 0; bytes < DHCP_OPTIONS + 4; bytes++)
		ck_assert(!dhcp_server_answer(&server, message, bytes, now_ns, reply, &to));
	ck_assert(dhcp_name_is_good("a-1") && !dhcp_name_is_good("-a") && !dhcp_name_is_good("a b") && !dhcp_name_is_good("") &&
		  !dhcp_name_is_good("a."));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("dhcp server");
	TCase *t = tcase_create("dhcp");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, the_four_messages);
	tcase_add_test(t, wishes_that_are_not_granted);
	tcase_add_test(t, fixed_hosts);
	tcase_add_test(t, complaints);
	tcase_add_test(t, a_full_range_and_a_full_table);
	tcase_add_test(t, garbage);
	suite_add_tcase(suite, t);
	return suite;
}

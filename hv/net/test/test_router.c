/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/router.c hv/net/icmp_error.c hv/net/nat.c hv/net/nat_rewrite.c hv/net/nat_icmp.c hv/net/conntrack.c hv/net/fragments.c hv/net/finish.c hv/net/headers.c hv/net/checksum.c hv/net_port.c hv/net/test/frames.c hv/test/random_hosted.c hv/test/thread_hosted.c */
/* The router's ways: who gets a frame and with which addresses, errors to whom it was not sent for, interfaces that come and go. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/router.h"
#include "hv/net/test/frames.h"

#define OUTER IP(10, 0, 2, 15)
#define REMOTE IP(8, 8, 8, 8)
#define A IP(192, 168, 122, 10)

static u64 now_ns = 1000 * NS_PER_S;
u64 clock_ns(void) { return now_ns; }

struct side {
	bool known;
	u32 sent, unknown, last_bytes, asked_for;
	u8 last[2000];
};
static struct side outside = { .known = true }, inside = { .known = true };
static struct test_frame f;
static const u8 mac_outer[6] = { 2, 0, 0, 0, 0, 1 }, mac_gateway[6] = { 2, 0, 0, 0, 0, 2 };

static bool find(void *context, u32 address, u8 mac[6])
{
	struct side *side = context;

	side->asked_for = address;
	memcpy(mac, side == &outside ? mac_gateway : mac_a, 6);
	return side->known;
}

static void keep(struct side *side, const struct net_frame *frame)
{
	side->last_bytes = frame->size_bytes;
	net_frame_copy(frame, 0, side->last, frame->size_bytes);
}

static void send(void *context, const struct net_frame *frame)
{
	((struct side *)context)->sent++;
	keep(context, frame);
}

static void send_unknown(void *context, const struct net_frame *frame, u32 address)
{
	(void)address;
	((struct side *)context)->unknown++;
	keep(context, frame);
}

static u16 slot(void *context, const struct net_frame *frame)
{
	(void)context;
	(void)frame;
	return 2;
}

static u32 address_of(void *context, u16 at)
{
	(void)context;
	return at == 2 ? A : 0;
}

static const struct router_way to_outside = { .mac = mac_outer, .find = find, .send = send, .send_unknown = send_unknown, .context = &outside },
	to_inside = { .mac = mac_host, .find = find, .send = send, .send_unknown = send_unknown, .slot = slot, .address_of = address_of,
		      .context = &inside };
static const struct nat_interface network = { NAT_MASQUERADE, IP(192, 168, 122, 1), 0xffffff00, 1500, 1024, 2000 };

static void make(u32 from, u32 to, u16 from_port, u16 to_port)
{
	frame_udp(&f, mac_host, mac_a, from, to, from_port, to_port, 100);
	put_be16(f.bytes + 40, 0);
}

START_TEST(ways)
{
	const struct nat_forward forward = { .protocol = IP_PROTOCOL_UDP, .interface = 1, .slot = 2, .start = 53, .end = 53, .to = 5353 };
	struct router_figures figures;
	struct connection connections[4];
	u32 cursor = 0;
	u8 number, other;
	u16 other_slot;

	make(A, REMOTE, 1, 53);
	ck_assert(!router_take(1, &f.frame) && router_add(&network, &to_inside, &number) == OK && number == 0); /* no card: no router */
	ck_assert_int_eq(router_start(&to_outside, 1500), OK);
	ck_assert_int_eq(router_add(&network, &to_inside, &number), OK);
	ck_assert_uint_eq(number, 1);
	/* No address outside yet: the machine is told. */
	ck_assert(router_take(1, &f.frame) && inside.sent == 1 && inside.last[34] == 3 && inside.last[35] == 0);
	ck_assert(get_be32(inside.last + 26) == network.address && get_be32(inside.last + 30) == A && memcmp(inside.last, mac_a, 6) == 0);
	ck_assert(checksum_fold(checksum_add(0, inside.last + 14, 20)) == 0xffff && checksum_fold(checksum_add(0, inside.last + 34, 36)) == 0xffff);
	ck_assert_int_eq(memcmp(inside.last + 42, f.bytes + 14, 28), 0);
	ck_assert_int_eq(router_set_uplink(IP(192, 168, 122, 77), 0xffffff00), ERR_EXISTS);
	ck_assert_uint_eq(router_uplink(), 0);
	ck_assert_int_eq(router_set_uplink(OUTER, 0xffffff00), OK);

	ck_assert(router_take(1, &f.frame) && outside.sent == 1 && outside.asked_for == REMOTE);
	ck_assert(memcmp(outside.last, mac_gateway, 6) == 0 && memcmp(outside.last + 6, mac_outer, 6) == 0 && get_be32(outside.last + 26) == OUTER);
	make(REMOTE, OUTER, 53, get_be16(outside.last + 34));
	ck_assert(router_take(NAT_UPLINK, &f.frame) && inside.sent == 2 && inside.asked_for == A);
	ck_assert(memcmp(inside.last, mac_a, 6) == 0 && memcmp(inside.last + 6, mac_host, 6) == 0);
	make(REMOTE, OUTER, 53, 9);
	ck_assert(!router_take(NAT_UPLINK, &f.frame)); /* the host's own */
	outside.known = false;
	make(A, REMOTE, 2, 53);
	ck_assert(router_take(1, &f.frame) && outside.unknown == 1 && outside.sent == 1);
	outside.known = true;

	/* A time to live that ends here; of an error, nobody is told. */
	f.bytes[22] = 1;
	put_be16(f.bytes + 24, 0);
	put_be16(f.bytes + 24, (u16)~checksum_fold(checksum_add(0, f.bytes + 14, 20)));
	ck_assert(router_take(1, &f.frame) && inside.sent == 3 && inside.last[34] == 11);
	for (u32 i = 0; i < 5000; i++)
		ck_assert(router_take(1, &f.frame));
	ck_assert_uint_lt(inside.sent, 2100); /* no more than so many errors at once */

	ck_assert_int_eq(router_forward(&forward, &other, &other_slot), OK);
	ck_assert(router_forward(&forward, &other, &other_slot) == ERR_EXISTS && other == 1 && other_slot == 2);
	make(REMOTE, OUTER, 777, 53);
	ck_assert(router_take(NAT_UPLINK, &f.frame) && get_be16(inside.last + 36) == 5353);
	ck_assert_uint_eq(router_connections(&cursor, connections, 4), 3);
	router_figures(&figures);
	ck_assert(figures.connections == 3 && figures.drops[NAT_DROP_TTL] == 5001 && figures.drops[NAT_DROP_UNREACHABLE] == 1);
	now_ns += 500 * NS_PER_S;
	for (u32 i = 0; i < CONNTRACK_MAX / 256; i++)
		router_sweep();
	router_figures(&figures);
	ck_assert_uint_eq(figures.connections, 0);

	make(A, REMOTE, 3, 53);
	ck_assert(router_take(1, &f.frame));
	router_remove(1);
	router_figures(&figures);
	ck_assert(figures.connections == 0 && !router_take(1, &f.frame));
	ck_assert_int_eq(router_add(&(struct nat_interface){ NAT_ISOLATED, IP(10, 0, 2, 1), 0xffffff00, 1500, 0, 0 }, &to_inside, &number), ERR_EXISTS);
	ck_assert_int_eq(router_add(&network, &to_inside, &number), OK);
	ck_assert(number == 1 && router_forward(&forward, &other, &other_slot) == OK); /* the old one went with its network */
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("router");
	TCase *tests = tcase_create("router");

	tcase_add_test(tests, ways);
	suite_add_tcase(suite, tests);
	return suite;
}

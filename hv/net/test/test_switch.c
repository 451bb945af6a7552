/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/switch.c hv/net/filter.c hv/net/headers.c hv/net/finish.c hv/net/checksum.c hv/net/mac_table.c hv/net_port.c hv/net/test/frames.c hv/test/thread_hosted.c hv/test/random_hosted.c hv/lib/string.c */
/* The switch: where frames go, what machines may not send, what a full table and a storm do. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/clock.h"
#include "hv/net/bytes.h"
#include "hv/net/dhcp_message.h"
#include "hv/net/switch.h"
#include "hv/net/test/frames.h"

static u64 now_ns = 1000 * NS_PER_S;
u64 clock_ns(void) { return now_ns; }

static struct net_switch net;
static struct test_port host, a, b, outside;
static struct test_frame f;

#define HOST_IP IP(192, 168, 122, 1)
#define A_IP IP(192, 168, 122, 10)
#define B_IP IP(192, 168, 122, 11)

static void setup(void)
{
	net_switch_init(&net);
	test_port_init(&host, mac_host, 0);
	test_port_init(&a, mac_a, NET_OFFLOAD_WORK);
	test_port_init(&b, mac_b, NET_OFFLOAD_WORK);
	test_port_init(&outside, mac_c, 0);
	ck_assert_int_eq(net_switch_plug(&net, &host.port, SWITCH_TRUSTED), OK);
	ck_assert_int_eq(net_switch_plug(&net, &a.port, SWITCH_MACHINE), OK);
	ck_assert_int_eq(net_switch_plug(&net, &b.port, SWITCH_MACHINE), OK);
	net_switch_set_address(&host.port, HOST_IP);
	now_ns += 1000 * NS_PER_S;
}

static void teardown(void)
{
	net_switch_unplug(&host.port);
	net_switch_unplug(&a.port);
	net_switch_unplug(&b.port);
	net_switch_unplug(&outside.port);
}

static void send(struct test_port *from)
{
	ck_assert_int_eq(net_port_send(&from->port, &f.frame), OK);
}

static void clear(void)
{
	host.received = a.received = b.received = outside.received = 0;
}

START_TEST(frames_find_their_way)
{
	frame_arp(&f, mac_all, mac_a, mac_a, A_IP, B_IP);
	send(&a);
	ck_assert(host.received == 1 && b.received == 1 && a.received == 0); /* a group, but not back */
	frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 1000);
	send(&a);
	ck_assert(b.received == 2 && host.received == 1 && b.last_bytes == 1042);
	ck_assert_int_eq(memcmp(b.last, f.bytes, 1042), 0);
	frame_udp(&f, mac_c, mac_a, A_IP, B_IP, 1, 2, 10); /* nobody: only where others may stand behind */
	send(&a);
	ck_assert(b.received == 2 && host.received == 2);
	frame_udp(&f, mac_a, mac_a, A_IP, B_IP, 1, 2, 10);
	send(&a);
	ck_assert(a.received == 0);
	ck_assert_uint_eq(a.port.statistics.tx_frames, 3);
	ck_assert_uint_eq(b.port.statistics.rx_frames, 2);
	ck_assert_uint_eq(b.port.statistics.rx_bytes, 60 + 1042);
	b.answer = ERR_FULL;
	frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 1000);
	send(&a);
	ck_assert_uint_eq(b.port.statistics.rx_dropped, 1);
}
END_TEST

START_TEST(senders_behind_a_port_are_learnt_and_forgotten)
{
	static const u8 far[6] = { 2, 0, 0, 0, 0, 1 };

	ck_assert_int_eq(net_switch_plug(&net, &outside.port, SWITCH_OPEN), OK);
	frame_udp(&f, mac_a, far, IP(1, 1, 1, 1), A_IP, 1, 2, 10);
	send(&outside);
	ck_assert_uint_eq(a.received, 1);
	clear();
	frame_udp(&f, far, mac_a, A_IP, IP(1, 1, 1, 1), 1, 2, 10);
	send(&a);
	ck_assert(outside.received == 1 && host.received == 0);
	now_ns += MAC_TABLE_AGE_NS + 1;
	send(&a);
	ck_assert(outside.received == 2 && host.received == 1);
	frame_udp(&f, mac_a, far, IP(1, 1, 1, 1), A_IP, 1, 2, 10);
	send(&outside);
	net_switch_unplug(&outside.port);
	clear();
	frame_udp(&f, far, mac_a, A_IP, IP(1, 1, 1, 1), 1, 2, 10);
	send(&a);
	ck_assert(outside.received == 0 && host.received == 1);
	ck_assert_int_eq(net_port_send(&outside.port, &f.frame), ERR_NOT_FOUND);
}
END_TEST

/* Each row is sent by a, whose address is A_IP. */
START_TEST(machines_speak_in_their_own_name_only)
{
	u64 filtered;
	u32 address;

	frame_arp(&f, mac_all, mac_a, mac_a, A_IP, B_IP);
	send(&a); /* the first address that it uses is its own */
	net_switch_look(&a.port, &address, &filtered);
	ck_assert(address == A_IP && filtered == 0);
	clear();
#define DROPPED(make) do { make; send(&a); ck_assert_msg(!host.received && !b.received, #make); } while (0)
#define PASSED(make) do { make; send(&a); ck_assert_msg(host.received || b.received, #make); clear(); } while (0)
	DROPPED(frame_udp(&f, mac_b, mac_c, A_IP, B_IP, 1, 2, 10));
	DROPPED(frame_udp(&f, mac_b, mac_b, A_IP, B_IP, 1, 2, 10));
	DROPPED(frame_udp(&f, mac_b, mac_all, A_IP, B_IP, 1, 2, 10));
	DROPPED(frame_udp(&f, mac_b, mac_a, B_IP, B_IP, 1, 2, 10));
	DROPPED(frame_udp(&f, mac_b, mac_a, HOST_IP, B_IP, 1, 2, 10));
	DROPPED(frame_udp(&f, mac_b, mac_a, 0, B_IP, 1, 2, 10));
	DROPPED(frame_udp(&f, mac_all, mac_a, A_IP, 0xffffffff, 67, 68, 300));
	DROPPED(frame_udp(&f, mac_all, mac_a, 0, 0xffffffff, 67, 68, 300));
	DROPPED(frame_arp(&f, mac_all, mac_a, mac_b, A_IP, B_IP));
	DROPPED(frame_arp(&f, mac_all, mac_a, mac_a, HOST_IP, B_IP));
	DROPPED((frame_arp(&f, mac_all, mac_a, mac_a, A_IP, B_IP), f.bytes[18] = 8));
	DROPPED((frame_ethernet(&f, mac_b, mac_a, ETHERTYPE_VLAN), frame_end(&f, 60)));
	DROPPED((frame_ethernet(&f, mac_b, mac_a, 0x88cc), frame_end(&f, 60)));
	DROPPED((frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 10), f.bytes[14] = 0x44)); /* a header of 16 bytes */
	DROPPED((frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 10), put_be16(f.bytes + 16, 39))); /* longer than the frame */
	DROPPED((frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 10), put_be16(f.bytes + 16, 27), f.bytes[20] = 0x20)); /* tiny */
	DROPPED((frame_ethernet(&f, mac_b, mac_a, ETHERTYPE_IPV4), frame_end(&f, 14)));
	DROPPED(frame_udp(&f, mac_all, mac_a, 0, 0xffffffff, 68, 67, 300)); /* for another client */
	PASSED((frame_udp(&f, mac_all, mac_a, 0, 0xffffffff, 68, 67, 300), memcpy(f.bytes + 70, mac_a, 6)));
	PASSED(frame_arp(&f, mac_all, mac_a, mac_a, 0, B_IP));
	PASSED(frame_udp(&f, mac_host, mac_a, A_IP, HOST_IP, 1, 53, 30));
	PASSED((frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 100), put_be16(f.bytes + 20, 5))); /* a later fragment */
	net_switch_look(&a.port, &address, &filtered);
	ck_assert_uint_eq(filtered, 18);
}
END_TEST

static void ipv6(u8 next, u32 payload)
{
	frame_ethernet(&f, mac_all, mac_a, ETHERTYPE_IPV6);
	f.bytes[14] = 0x60;
	put_be16(f.bytes + 18, payload);
	f.bytes[20] = next;
	frame_end(&f, 54 + payload);
}

START_TEST(routers_are_not_impersonated)
{
	DROPPED((ipv6(58, 16), f.bytes[54] = 134));
	DROPPED((ipv6(58, 16), f.bytes[54] = 137));
	DROPPED((ipv6(0, 32), f.bytes[54] = 58, f.bytes[62] = 134));              /* behind a hop-by-hop header */
	DROPPED((ipv6(60, 100), f.bytes[54] = 58, f.bytes[55] = 20));             /* beyond the packet */
	DROPPED((ipv6(60, 300), f.bytes[54] = 58, f.bytes[55] = 20));             /* beyond the copy */
	DROPPED((ipv6(44, 32), f.bytes[54] = 58, f.bytes[57] = 1));               /* the first fragment */
	DROPPED((ipv6(17, 16), put_be16(f.bytes + 54, 547)));
	DROPPED((ipv6(0, 72), memset(f.bytes + 54, 0, 72)));                      /* nothing but headers */
	DROPPED((ipv6(17, 8), put_be16(f.bytes + 18, 9)));
	PASSED((ipv6(58, 24), f.bytes[54] = 135));
	PASSED((ipv6(17, 16), put_be16(f.bytes + 54, 546)));
	PASSED((ipv6(44, 16), put_be16(f.bytes + 56, 8)));                        /* a later one */
}
END_TEST

START_TEST(the_server_says_who_is_who)
{
	u64 filtered;
	u32 address;

	frame_udp(&f, mac_a, mac_host, HOST_IP, A_IP, 67, 68, 300);
	memset(f.bytes + 42, 0, 300);
	f.bytes[42] = DHCP_BOOTREPLY;
	put_be32(f.bytes + 42 + DHCP_YIADDR, A_IP);
	memcpy(f.bytes + 42 + DHCP_CHADDR, mac_a, 6);
	f.bytes[42 + DHCP_OPTIONS] = DHCP_OPTION_TYPE;
	f.bytes[42 + DHCP_OPTIONS + 1] = 1;
	f.bytes[42 + DHCP_OPTIONS + 2] = DHCP_OFFER;
	send(&host);
	net_switch_look(&a.port, &address, &filtered);
	ck_assert_uint_eq(address, 0);
	f.bytes[42 + DHCP_OPTIONS + 2] = DHCP_ACK;
	send(&host);
	net_switch_look(&a.port, &address, &filtered);
	ck_assert_uint_eq(address, A_IP);
	clear();
	DROPPED(frame_udp(&f, mac_b, mac_a, B_IP, A_IP, 1, 2, 10));
	frame_arp(&f, mac_all, mac_b, mac_b, A_IP, HOST_IP); /* another's address is not learnt */
	send(&b);
	ck_assert_uint_eq(host.received, 0);
}
END_TEST

START_TEST(storms_end)
{
	frame_arp(&f, mac_all, mac_a, mac_a, A_IP, B_IP);
	for (u32 i = 0; i < 5000; i++)
		send(&a);
	ck_assert_uint_eq(b.received, STORM_BURST);
	ck_assert_uint_eq(a.port.statistics.tx_dropped, 5000 - STORM_BURST);
	frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 10); /* what has one receiver goes on */
	send(&a);
	ck_assert_uint_eq(b.received, STORM_BURST + 1);
	now_ns += 10 * STORM_PERIOD_NS;
	frame_arp(&f, mac_all, mac_a, mac_a, A_IP, B_IP);
	for (u32 i = 0; i < 100; i++)
		send(&a);
	ck_assert_uint_eq(b.received, STORM_BURST + 11);
}
END_TEST

START_TEST(a_full_table_recovers)
{
	static const u8 far[6] = { 2, 0, 0, 0, 0, 1 };

	ck_assert_int_eq(net_switch_plug(&net, &outside.port, SWITCH_OPEN), OK);
	for (u32 i = 0; i < 100000; i++) {
		frame_udp(&f, mac_a, far, 1, 2, 1, 2, 0);
		put_be32(f.bytes + 8, i);
		now_ns++;
		send(&outside);
	}
	ck_assert_uint_le(net.table.counts[3], MAC_TABLE_PORT_MAX);
	ck_assert_uint_gt(net.table.counts[3], MAC_TABLE_PORT_MAX / 2);
	ck_assert_uint_eq(a.received, 100000);
	net_switch_unplug(&outside.port);
	ck_assert_uint_eq(net.table.counts[3], 0);
}
END_TEST

START_TEST(ports_are_bounded)
{
	static struct test_port many[SWITCH_PORTS_MAX];

	for (u32 i = 0; i < SWITCH_PORTS_MAX; i++) {
		u8 mac[6] = { 2, 0, 0, 0, 1, (u8)i };

		test_port_init(&many[i], mac, 0);
		ck_assert_int_eq(net_switch_plug(&net, &many[i].port, SWITCH_MACHINE), i < SWITCH_PORTS_MAX - 3 ? OK : ERR_FULL);
	}
	ck_assert_int_eq(net_switch_plug(&net, &outside.port, SWITCH_MACHINE), ERR_FULL);
	for (u32 i = 0; i < SWITCH_PORTS_MAX; i++)
		net_switch_unplug(&many[i].port);
	memcpy(outside.port.mac, mac_a, 6);
	ck_assert_int_eq(net_switch_plug(&net, &outside.port, SWITCH_MACHINE), ERR_EXISTS);
}
END_TEST

START_TEST(links_and_sizes)
{
	b.port.link_up = false;
	frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 1000);
	send(&a);
	ck_assert_uint_eq(b.received, 0);
	net_port_set_link(&b.port, true);
	send(&a);
	ck_assert_uint_eq(b.received, 1);
	frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 1472);
	send(&a);
	ck_assert_uint_eq(b.received, 2);
	frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 1473); /* a giant */
	send(&a);
	ck_assert(b.received == 2 && b.port.statistics.rx_dropped == 1);
	net_port_set_link(&a.port, false);
	ck_assert_int_eq(net_port_send(&a.port, &f.frame), ERR_NOT_FOUND);
}
END_TEST

/* Work that a receiver can do stays undone; for one that cannot it is done. */
START_TEST(offloads_follow_the_receiver)
{
	frame_tcp(&f, mac_b, mac_a, false, 30000, 0x10);
	net_switch_set_address(&a.port, IP(10, 0, 0, 1));
	f.frame.offload |= NET_GSO_TCP4;
	f.frame.gso_bytes = 1448;
	send(&a);
	ck_assert(b.received == 1 && b.last_bytes == 30054 && (b.last_offload & NET_GSO_TCP4));
	b.port.offload = NET_CSUM_PARTIAL;
	send(&a);
	ck_assert(b.received == 1 + 21 && b.last_offload == NET_CSUM_PARTIAL);
	b.port.offload = 0;
	clear();
	send(&a);
	ck_assert(b.received == 21 && frame_sums_good(b.last, b.last_bytes));
	f.frame.gso_bytes = 1461; /* pieces beyond the MTU */
	clear();
	send(&a);
	ck_assert_uint_eq(b.received, 0);
	for (u32 i = 0; i < 5; i++) { /* words that do not fit the frame */
		frame_tcp(&f, mac_b, mac_a, false, 3000, 0x10);
		f.frame.offload |= i == 0 ? NET_GSO_TCP6 : i == 1 ? NET_GSO_ANY : NET_GSO_TCP4;
		f.frame.gso_bytes = i == 2 ? 1 : 1000;
		f.frame.checksum_start = (u16)(i == 3 ? 35 : 34);
		f.bytes[46] = i == 4 ? 0x10 : 0x50;
		send(&a);
		ck_assert_uint_eq(b.received, 0);
	}
}
END_TEST

/* Whoever is delivered to may answer at once, holds the sender's slot and its own meanwhile, and gives both back. */
static void answer(struct test_port *port, const struct net_frame *frame)
{
	static struct test_frame reply;

	(void)frame;
	ck_assert(net.slots[1].users == 1 && net.slots[2].users == 1);
	port->on_receive = NULL;
	frame_udp(&reply, mac_a, mac_b, B_IP, A_IP, 2, 1, 10);
	ck_assert_int_eq(net_port_send(&port->port, &reply.frame), OK);
}

START_TEST(answers_come_at_once)
{
	b.on_receive = answer;
	frame_udp(&f, mac_b, mac_a, A_IP, B_IP, 1, 2, 100);
	send(&a);
	ck_assert(b.received == 1 && a.received == 1);
	for (u32 i = 0; i < SWITCH_PORTS_MAX; i++)
		ck_assert_uint_eq(net.slots[i].users, 0);
	/* A slot whose owner has gone is nobody's: who still looks at it finds no port. */
	net_switch_unplug(&a.port);
	net_switch_unplug(&a.port);
	ck_assert_int_eq(net_port_send(&a.port, &f.frame), ERR_NOT_FOUND);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("switch");
	TCase *tests = tcase_create("switch");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, frames_find_their_way);
	tcase_add_test(tests, senders_behind_a_port_are_learnt_and_forgotten);
	tcase_add_test(tests, machines_speak_in_their_own_name_only);
	tcase_add_test(tests, routers_are_not_impersonated);
	tcase_add_test(tests, the_server_says_who_is_who);
	tcase_add_test(tests, storms_end);
	tcase_add_test(tests, a_full_table_recovers);
	tcase_add_test(tests, ports_are_bounded);
	tcase_add_test(tests, links_and_sizes);
	tcase_add_test(tests, offloads_follow_the_receiver);
	tcase_add_test(tests, answers_come_at_once);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/nat.c hv/net/nat_rewrite.c hv/net/nat_icmp.c hv/net/conntrack.c hv/net/fragments.c hv/net/finish.c hv/net/headers.c hv/net/checksum.c hv/net_port.c hv/net/test/frames.c hv/test/random_hosted.c */
/* The translation: what leaves, what comes back, what is let in, and that every sum is right afterwards. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/finish.h"
#include "hv/net/nat.h"
#include "hv/net/test/frames.h"

#define OUTER IP(10, 0, 2, 15)
#define REMOTE IP(93, 184, 216, 34)
#define GATE IP(192, 168, 122, 1)
#define A IP(192, 168, 122, 10)
#define B IP(192, 168, 122, 11)
#define R IP(172, 20, 0, 5)
enum { TCP = IP_PROTOCOL_TCP, UDP = IP_PROTOCOL_UDP, ICMP = IP_PROTOCOL_ICMP, SYN = 2, ACK = 16, RST = 4, FIN = 1 };

static struct nat *nat;
static struct nat_result result;
static struct test_frame f;
static u8 whole[70000];
static u64 now_ns;

static u32 address_of(void *context, u8 interface, u16 slot)
{
	(void)context;
	return interface == 1 ? slot == 2 ? A : slot == 3 ? B : 0 : 0;
}

static void setup(void)
{
	nat = malloc(sizeof(*nat));
	nat_init(nat, address_of, NULL);
	nat->interfaces[0] = (struct nat_interface){ NAT_ROUTED, OUTER, 0xffffff00, 1500, 0, 0 };
	nat->interfaces[1] = (struct nat_interface){ NAT_MASQUERADE, GATE, 0xffffff00, 1500, 1024, 49151 };
	nat->interfaces[2] = (struct nat_interface){ NAT_ROUTED, IP(172, 20, 0, 1), 0xffff0000, 9000, 0, 0 };
	nat->interfaces[3] = (struct nat_interface){ NAT_ISOLATED, IP(192, 168, 7, 1), 0xffffff00, 1500, 0, 0 };
	now_ns = 1000 * NS_PER_S;
}

static void teardown(void) { free(nat); }

/* The sums of the frame as it stands; partial: the transport's is left undone. */
static void sum(u8 *bytes, u32 size, bool partial)
{
	u8 *ip = bytes + 14, protocol = ip[9];
	u32 at = 34, offset = protocol == TCP ? 16 : protocol == UDP ? 6 : 2, pseudo;

	put_be16(ip + 10, 0);
	put_be16(ip + 10, (u16)~checksum_fold(checksum_add(0, ip, 20)));
	if (get_be16(ip + 6) & 0x1fff)
		return;
	put_be16(bytes + at + offset, 0);
	pseudo = protocol == ICMP ? 0 : checksum_pseudo(ip + 12, 4, protocol, size - at);
	put_be16(bytes + at + offset, partial ? checksum_fold(pseudo) : (u16)~checksum_fold(checksum_add(pseudo, bytes + at, size - at)));
}

static void make(u8 protocol, u32 from, u32 to, u16 from_port, u16 to_port, u8 flags, u32 payload)
{
	if (protocol == TCP) {
		frame_tcp(&f, mac_host, mac_a, false, payload, flags);
		f.frame.offload = 0;
		put_be16(f.bytes + 34, from_port);
		put_be16(f.bytes + 36, to_port);
	} else {
		frame_udp(&f, mac_host, mac_a, from, to, from_port, to_port, payload);
	}
	f.bytes[23] = protocol;
	put_be32(f.bytes + 26, from);
	put_be32(f.bytes + 30, to);
	if (protocol == ICMP) { /* from_port: the type, to_port: the identifier */
		f.bytes[34] = (u8)from_port;
		f.bytes[35] = 0;
		put_be16(f.bytes + 38, to_port);
	}
	sum(f.bytes, f.frame.size_bytes, false);
}

static enum nat_verdict pass(u8 from, u16 slot)
{
	enum nat_verdict verdict = nat_translate(nat, from, slot, &f.frame, now_ns, &result);

	if (verdict == NAT_SEND)
		net_frame_copy(&result.frame, 0, whole, result.frame.size_bytes);
	return verdict;
}

static bool sums_good(void)
{
	u32 at = 34, size = 14 + get_be16(whole + 16);
	u8 protocol = whole[23];

	return checksum_fold(checksum_add(0, whole + 14, 20)) == 0xffff &&
	       checksum_fold(checksum_add(protocol == ICMP ? 0 : checksum_pseudo(whole + 26, 4, protocol, size - at), whole + at, size - at)) == 0xffff;
}

static u32 source(void) { return get_be32(whole + 26); }
static u32 destination(void) { return get_be32(whole + 30); }
static u16 source_port(void) { return get_be16(whole + 34); }
static u16 destination_port(void) { return get_be16(whole + 36); }

/* A opens a connection; returns its port outside. */
static u16 open_out(u8 protocol, u16 port, u32 payload)
{
	make(protocol, A, REMOTE, port, 80, SYN, payload);
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert(result.to == 0 && result.destination == REMOTE && source() == OUTER && destination() == REMOTE && destination_port() == 80);
	ck_assert(sums_good() && whole[22] == 63);
	return source_port();
}

START_TEST(what_leaves_comes_back)
{
	static const struct { u8 protocol; u32 payload; } rows[] = { { TCP, 0 }, { TCP, 777 }, { UDP, 1 }, { UDP, 1000 }, { UDP, 0 } };

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u16 port = open_out(rows[i].protocol, (u16)(5000 + i), rows[i].payload);

		make(rows[i].protocol, REMOTE, OUTER, 80, port, SYN | ACK, rows[i].payload);
		ck_assert_int_eq(pass(0, 0), NAT_SEND);
		ck_assert(result.to == 1 && result.destination == A && source() == REMOTE && destination() == A);
		ck_assert(source_port() == 80 && destination_port() == 5000 + i && sums_good());
		/* Another of that port outside is nobody: the host's. */
		make(rows[i].protocol, REMOTE + 1, OUTER, 80, port, SYN | ACK, 0);
		ck_assert_int_eq(pass(0, 0), NAT_TO_HOST);
	}
	ck_assert_uint_eq(nat->connections.count, ARRAY_SIZE(rows));
	make(ICMP, A, REMOTE, 8, 77, 0, 56);
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert(source() == OUTER && sums_good());
	make(ICMP, REMOTE, OUTER, 0, get_be16(whole + 38), 0, 56);
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	ck_assert(destination() == A && get_be16(whole + 38) == 77 && sums_good());
}
END_TEST

START_TEST(no_sum_stays_none_and_wrong_stays_wrong)
{
	make(UDP, A, REMOTE, 1, 53, 0, 10);
	put_be16(f.bytes + 40, 0);
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert_uint_eq(get_be16(whole + 40), 0);
	make(UDP, A, REMOTE, 1, 53, 0, 10);
	f.bytes[45] ^= 4;
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert(!sums_good());
	make(UDP, A, REMOTE, 1, 53, 0, 10);
	f.bytes[24] ^= 4;
	ck_assert_int_eq(pass(1, 2), NAT_DROP);
	ck_assert_int_eq(result.reason, NAT_DROP_SUM);
}
END_TEST

static u32 pieces;
static int look(void *context, const struct net_frame *piece)
{
	(void)context;
	net_frame_copy(piece, 0, whole, piece->size_bytes);
	ck_assert(sums_good() && source() == OUTER);
	pieces++;
	return OK;
}

START_TEST(what_is_left_undone_stays_right)
{
	struct net_headers headers;

	make(TCP, A, REMOTE, 5000, 80, SYN, 0);
	sum(f.bytes, f.frame.size_bytes, true);
	f.frame.offload = NET_CSUM_PARTIAL;
	f.frame.checksum_start = 34;
	f.frame.checksum_offset = 16;
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert_uint_eq(result.frame.offload, NET_CSUM_PARTIAL);
	/* The sum of the pseudo-header, as the last station would find it. */
	ck_assert_uint_eq(get_be16(whole + 50), checksum_fold(checksum_pseudo(whole + 26, 4, TCP, 20)));
	make(TCP, A, REMOTE, 5000, 80, ACK, 60000);
	sum(f.bytes, f.frame.size_bytes, true);
	f.frame.offload = NET_CSUM_PARTIAL | NET_GSO_TCP4;
	f.frame.gso_bytes = 1448;
	f.frame.checksum_start = 34;
	f.frame.checksum_offset = 16;
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert(result.frame.gso_bytes == 1448 && result.frame.segments == f.frame.segments); /* the payload was not touched */
	net_headers_read(&result.frame, &headers);
	ck_assert(net_offload_fits(&result.frame, &headers));
	ck_assert_int_eq(net_finish(&result.frame, &headers, 0, look, NULL), OK);
	ck_assert_uint_eq(pieces, 42);
}
END_TEST

START_TEST(segment_size_is_clamped)
{
	static const struct { u32 lead; u16 mss, expected; bool partial; } rows[] = {
		{ 0, 8960, 1460, false }, { 1, 8960, 1460, false }, { 2, 65535, 1460, false }, { 3, 1461, 1460, true }, { 0, 1460, 1460, false },
		{ 1, 536, 536, true }, { 5, 9000, 1460, false },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 at = 54 + rows[i].lead;

		make(TCP, A, REMOTE, (u16)(5000 + i), 80, SYN, 0);
		memset(f.bytes + 54, 1, 20);
		f.bytes[at] = 2;
		f.bytes[at + 1] = 4;
		put_be16(f.bytes + at + 2, rows[i].mss);
		f.bytes[46] = 0xa0;
		put_be16(f.bytes + 16, 60);
		frame_end(&f, 74);
		sum(f.bytes, 74, rows[i].partial);
		if (rows[i].partial) {
			f.frame.offload = NET_CSUM_PARTIAL;
			f.frame.checksum_start = 34;
			f.frame.checksum_offset = 16;
		}
		ck_assert_int_eq(pass(1, 2), NAT_SEND);
		ck_assert_uint_eq(get_be16(whole + at + 2), rows[i].expected);
		ck_assert(rows[i].partial || sums_good());
	}
}
END_TEST

START_TEST(ports_outside_are_not_told_beforehand)
{
	u32 in_order = 0;
	u16 last = 0;

	for (u32 i = 0; i < 200; i++) {
		u16 port = open_out(UDP, (u16)(1000 + i), 4);

		ck_assert(port >= NAT_PORT_FIRST && port <= NAT_PORT_LAST);
		in_order += port == last + 1 || port == 1000 + i;
		last = port;
	}
	ck_assert_uint_lt(in_order, 4);
	/* A range of two ports: a third connection to the same place has none left. */
	nat->interfaces[1].port_first = nat->interfaces[1].port_last = 2000;
	open_out(UDP, 7000, 4);
	make(UDP, A, REMOTE, 7001, 80, 0, 4);
	ck_assert_int_eq(pass(1, 2), NAT_DROP);
	ck_assert_int_eq(result.reason, NAT_DROP_FULL);
	make(UDP, A, REMOTE, 7001, 81, 0, 4);
	ck_assert_int_eq(pass(1, 2), NAT_SEND); /* elsewhere it is free */
}
END_TEST

/* What may not go through, and why. */
START_TEST(refused)
{
	static const struct { u8 from; u8 protocol; u32 source, destination; u8 flags; enum nat_verdict verdict; enum nat_drop reason; } rows[] = {
		{ 1, TCP, A, REMOTE, ACK, NAT_DROP, NAT_DROP_NO_CONNECTION }, { 1, TCP, A, REMOTE, SYN | ACK, NAT_DROP, NAT_DROP_NO_CONNECTION },
		{ 1, TCP, A, REMOTE, RST, NAT_DROP, NAT_DROP_NO_CONNECTION }, { 1, TCP, A, REMOTE, SYN | FIN, NAT_DROP, NAT_DROP_NO_CONNECTION },
		{ 1, 47, A, REMOTE, 0, NAT_DROP, NAT_DROP_PROTOCOL }, { 1, UDP, IP(10, 9, 9, 9), REMOTE, 0, NAT_DROP, NAT_DROP_ADDRESS },
		{ 1, UDP, IP(192, 168, 122, 255), REMOTE, 0, NAT_DROP, NAT_DROP_ADDRESS }, { 1, UDP, GATE, REMOTE, 0, NAT_DROP, NAT_DROP_ADDRESS },
		{ 1, UDP, A, IP(127, 0, 0, 1), 0, NAT_DROP, NAT_DROP_ADDRESS }, { 1, UDP, A, IP(169, 254, 169, 254), 0, NAT_DROP, NAT_DROP_ADDRESS },
		{ 1, UDP, A, IP(240, 0, 0, 1), 0, NAT_DROP, NAT_DROP_ADDRESS }, { 1, UDP, A, IP(224, 0, 0, 251), 0, NAT_TO_HOST, 0 },
		{ 1, UDP, A, 0xffffffff, 0, NAT_TO_HOST, 0 }, { 1, UDP, A, GATE, 0, NAT_TO_HOST, 0 }, { 1, UDP, A, OUTER, 0, NAT_TO_HOST, 0 },
		{ 1, UDP, A, B, 0, NAT_DROP, NAT_DROP_POLICY }, { 1, UDP, A, R, 0, NAT_DROP, NAT_DROP_POLICY },
		{ 1, UDP, A, IP(192, 168, 7, 9), 0, NAT_DROP, NAT_DROP_POLICY }, { 2, UDP, R, A, 0, NAT_DROP, NAT_DROP_POLICY },
		{ 3, UDP, IP(192, 168, 7, 9), REMOTE, 0, NAT_TO_HOST, 0 }, { 3, TCP, IP(192, 168, 7, 9), OUTER, SYN, NAT_TO_HOST, 0 },
		{ 0, UDP, REMOTE, A, 0, NAT_DROP, NAT_DROP_ADDRESS }, { 0, UDP, REMOTE, GATE, 0, NAT_DROP, NAT_DROP_ADDRESS },
		{ 0, UDP, A, R, 0, NAT_DROP, NAT_DROP_ADDRESS }, { 0, TCP, REMOTE, OUTER, SYN, NAT_TO_HOST, 0 },
		{ 0, UDP, REMOTE, R, 0, NAT_SEND, 0 }, { 2, TCP, R, REMOTE, ACK, NAT_SEND, 0 }, { 2, 47, R, REMOTE, 0, NAT_SEND, 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		make(rows[i].protocol, rows[i].source, rows[i].destination, 1000, 2000, rows[i].flags, 20);
		ck_assert_msg(pass(rows[i].from, 2) == rows[i].verdict && result.reason == rows[i].reason, "row %u: %s", i,
			      nat_drop_name(result.reason));
		if (rows[i].verdict == NAT_SEND)
			ck_assert(source() == rows[i].source && destination() == rows[i].destination && whole[22] == 63);
	}
	ck_assert_uint_eq(nat->connections.count, 0);
	make(UDP, A, REMOTE, 1, 2, 0, 20);
	f.bytes[22] = 1;
	sum(f.bytes, f.frame.size_bytes, false);
	ck_assert(pass(1, 2) == NAT_DROP && result.reason == NAT_DROP_TTL);
	make(UDP, R, REMOTE, 1, 2, 0, 3000);
	ck_assert(pass(2, 2) == NAT_DROP && result.reason == NAT_DROP_TOO_BIG);
	nat->interfaces[0].address = 0;
	make(UDP, A, REMOTE, 3, 2, 0, 20);
	ck_assert(pass(1, 2) == NAT_DROP && result.reason == NAT_DROP_UNREACHABLE);
}
END_TEST

START_TEST(forwards_let_in_and_hairpins_turn)
{
	const struct nat_forward forward = { .protocol = TCP, .interface = 1, .slot = 3, .start = 8080, .end = 8089, .to = 80 };
	const struct nat_forward overlap = { .protocol = TCP, .interface = 1, .slot = 2, .start = 8089, .end = 9000, .to = 1 };
	const struct nat_forward nobody = { .protocol = UDP, .interface = 1, .slot = 9, .start = 8089, .end = 8089, .to = 1 };
	const struct nat_forward *other;
	u16 port;

	ck_assert_int_eq(nat_forward_add(nat, &forward, &other), OK);
	ck_assert_int_eq(nat_forward_add(nat, &overlap, &other), ERR_EXISTS);
	ck_assert_uint_eq(other->slot, 3);
	ck_assert_int_eq(nat_forward_add(nat, &nobody, &other), OK);
	make(TCP, REMOTE, OUTER, 4321, 8083, SYN, 0);
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	ck_assert(result.to == 1 && source() == REMOTE && destination() == B && source_port() == 4321 && destination_port() == 83 && sums_good());
	make(TCP, B, REMOTE, 83, 4321, SYN | ACK, 0);
	ck_assert_int_eq(pass(1, 3), NAT_SEND);
	ck_assert(result.to == 0 && source() == OUTER && source_port() == 8083 && destination() == REMOTE && sums_good());
	make(TCP, REMOTE, OUTER, 4321, 8090, SYN, 0);
	ck_assert_int_eq(pass(0, 0), NAT_TO_HOST);
	make(TCP, REMOTE, OUTER, 4322, 8083, ACK, 0);
	ck_assert_int_eq(pass(0, 0), NAT_TO_HOST);
	make(UDP, REMOTE, OUTER, 4321, 8089, 0, 0);
	ck_assert(pass(0, 0) == NAT_DROP && result.reason == NAT_DROP_UNREACHABLE);
	/* From a machine of the same network, by the outside's address. */
	make(TCP, A, OUTER, 999, 8080, SYN, 0);
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert(result.to == 1 && source() == GATE && destination() == B && destination_port() == 80 && sums_good());
	port = source_port();
	make(TCP, B, GATE, 80, port, SYN | ACK, 0);
	ck_assert_int_eq(pass(1, 3), NAT_SEND);
	ck_assert(result.to == 1 && source() == OUTER && source_port() == 8080 && destination() == A && destination_port() == 999 && sums_good());
	nat_forget_machine(nat, 1, 3);
	make(TCP, REMOTE, OUTER, 4999, 8083, SYN, 0);
	ck_assert_int_eq(pass(0, 0), NAT_TO_HOST);
	ck_assert_uint_eq(nat->connections.count, 1); /* A's own */
}
END_TEST

/* An ICMP error from `router` that quotes the frame in `whole`. */
static void make_error(u32 from, u32 to, u8 type, u32 quoted)
{
	u8 quote[200];

	memcpy(quote, whole + 14, quoted);
	make(ICMP, from, to, type, 0, 0, quoted);
	put_be16(f.bytes + 38, 0);
	memcpy(f.bytes + 42, quote, quoted);
	sum(f.bytes, f.frame.size_bytes, false);
}

/* Does the quote in `whole` have its own sums right, and does it say this? */
static void check_quote(u32 from, u32 to, u16 from_port, u16 to_port, u32 transport_bytes)
{
	const u8 *ip = whole + 42;

	ck_assert(checksum_fold(checksum_add(0, ip, 20)) == 0xffff && get_be32(ip + 12) == from && get_be32(ip + 16) == to);
	ck_assert(get_be16(ip + 20) == from_port && get_be16(ip + 22) == to_port);
	if (transport_bytes)
		ck_assert_uint_eq(checksum_fold(checksum_add(checksum_pseudo(ip + 12, 4, ip[9], transport_bytes), ip + 20, transport_bytes)), 0xffff);
}

START_TEST(errors_find_whom_they_are_about)
{
	const struct nat_forward forward = { .protocol = UDP, .interface = 1, .slot = 3, .start = 8080, .end = 8080, .to = 80 };
	const struct nat_forward *other;
	u32 states;

	open_out(UDP, 5000, 20);
	make_error(IP(1, 1, 1, 1), OUTER, 11, 48);
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	ck_assert(result.to == 1 && source() == IP(1, 1, 1, 1) && destination() == A && sums_good());
	check_quote(A, REMOTE, 5000, 80, 28);
	open_out(TCP, 5001, 0);
	states = nat->connections.count;
	make_error(REMOTE, OUTER, 3, 28); /* eight bytes of TCP: without its sum */
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	ck_assert(destination() == A && sums_good());
	check_quote(A, REMOTE, 5001, 80, 0);
	make(ICMP, A, REMOTE, 8, 77, 0, 20);
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	make_error(IP(1, 1, 1, 1), OUTER, 11, 48);
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	ck_assert(destination() == A && get_be16(whole + 42 + 24) == 77 && sums_good());
	/* From inside, about what was let in. */
	ck_assert_int_eq(nat_forward_add(nat, &forward, &other), OK);
	make(UDP, REMOTE, OUTER, 1234, 8080, 0, 20);
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	make_error(B, REMOTE, 3, 48);
	ck_assert_int_eq(pass(1, 3), NAT_SEND);
	ck_assert(result.to == 0 && source() == OUTER && destination() == REMOTE && sums_good());
	check_quote(REMOTE, OUTER, 1234, 8080, 28);
	/* About nobody: the host's from outside, nothing from inside. Redirects pass never. */
	put_be16(whole + 42 + 20, 1);
	memmove(whole + 14, whole + 42, 48);
	make_error(REMOTE, OUTER, 3, 48);
	ck_assert_int_eq(pass(0, 0), NAT_TO_HOST);
	make_error(A, REMOTE, 3, 48);
	ck_assert(pass(1, 2) == NAT_DROP && result.reason == NAT_DROP_NO_CONNECTION);
	open_out(UDP, 5002, 20);
	make_error(IP(1, 1, 1, 1), OUTER, 5, 48);
	ck_assert_int_eq(pass(0, 0), NAT_TO_HOST);
	ck_assert_uint_eq(nat->connections.count, states + 3); /* an error begins none: echo, forward, 5002 */
}
END_TEST

/* The frame of make(), as a fragment: offset in bytes. */
static void fragment(u16 id, u32 offset, bool more)
{
	put_be16(f.bytes + 18, id);
	put_be16(f.bytes + 20, (more ? 0x2000u : 0u) | offset / 8);
	put_be16(f.bytes + 24, 0);
	put_be16(f.bytes + 24, (u16)~checksum_fold(checksum_add(0, f.bytes + 14, 20)));
}

START_TEST(fragments_follow_their_first)
{
	u16 id;

	make(UDP, A, REMOTE, 5000, 80, 0, 800);
	fragment(7, 808, false);
	ck_assert(pass(1, 2) == NAT_DROP && result.reason == NAT_DROP_FRAGMENT);
	make(UDP, A, REMOTE, 5000, 80, 0, 800);
	fragment(7, 0, true);
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	id = get_be16(whole + 18);
	ck_assert_uint_eq(source(), OUTER);
	make(UDP, A, REMOTE, 5000, 80, 0, 800);
	fragment(7, 808, false);
	ck_assert_int_eq(pass(1, 2), NAT_SEND);
	ck_assert(get_be16(whole + 18) == id && source() == OUTER && memcmp(whole + 34, f.bytes + 34, 808) == 0);
	ck_assert_uint_eq(checksum_fold(checksum_add(0, whole + 14, 20)), 0xffff);
	make(UDP, B, REMOTE, 5000, 80, 0, 800); /* another's with the same id */
	fragment(7, 808, false);
	ck_assert_int_eq(pass(1, 3), NAT_DROP);
	now_ns += FRAGMENTS_AGE_NS + 1;
	make(UDP, A, REMOTE, 5000, 80, 0, 800);
	fragment(7, 808, false);
	ck_assert_int_eq(pass(1, 2), NAT_DROP);
	/* To the host itself: its stack puts them together. */
	make(UDP, A, GATE, 5000, 80, 0, 800);
	fragment(9, 808, false);
	ck_assert_int_eq(pass(1, 2), NAT_TO_HOST);
	/* One machine's fragments drive out its own only. */
	make(UDP, B, REMOTE, 5000, 80, 0, 800);
	fragment(1, 0, true);
	ck_assert_int_eq(pass(1, 3), NAT_SEND);
	for (u32 i = 0; i < 1000; i++) {
		make(UDP, A, REMOTE, 5000, 80, 0, 800);
		fragment((u16)i, 0, true);
		ck_assert_int_eq(pass(1, 2), NAT_SEND);
		now_ns++;
	}
	make(UDP, B, REMOTE, 5000, 80, 0, 800);
	fragment(1, 808, false);
	ck_assert_int_eq(pass(1, 3), NAT_SEND);
}
END_TEST

START_TEST(ports_are_used_again)
{
	u16 port = open_out(TCP, 5000, 0), again;

	make(TCP, REMOTE, OUTER, 80, port, RST | ACK, 0);
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	again = open_out(TCP, 5000, 0); /* closed: the same ports are another connection */
	ck_assert_uint_eq(nat->connections.count, 1);
	now_ns += 200 * NS_PER_S;
	make(TCP, REMOTE, OUTER, 80, again, SYN | ACK, 0);
	ck_assert_int_eq(pass(0, 0), NAT_SEND);
	now_ns += 241 * NS_PER_S;
	make(TCP, REMOTE, OUTER, 80, again, SYN | ACK, 0);
	ck_assert_int_eq(pass(0, 0), NAT_TO_HOST);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("nat");
	TCase *tests = tcase_create("nat");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_leaves_comes_back);
	tcase_add_test(tests, no_sum_stays_none_and_wrong_stays_wrong);
	tcase_add_test(tests, what_is_left_undone_stays_right);
	tcase_add_test(tests, segment_size_is_clamped);
	tcase_add_test(tests, ports_outside_are_not_told_beforehand);
	tcase_add_test(tests, refused);
	tcase_add_test(tests, forwards_let_in_and_hairpins_turn);
	tcase_add_test(tests, errors_find_whom_they_are_about);
	tcase_add_test(tests, fragments_follow_their_first);
	tcase_add_test(tests, ports_are_used_again);
	suite_add_tcase(suite, tests);
	return suite;
}

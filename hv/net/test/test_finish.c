/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/finish.c hv/net/headers.c hv/net/checksum.c hv/net_port.c hv/net/test/frames.c */
/* Cutting and summing: what Linux would have sent, byte for byte where it is said here. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/finish.h"
#include "hv/net/test/frames.h"

static struct test_frame f;
static struct net_headers headers;
static u32 pieces, bytes, last_flags, first_flags, next_sequence;
static u8 payload[70000];
static bool v6;

static int look(void *context, const struct net_frame *piece)
{
	u32 at = v6 ? 54 : 34;
	u8 copy[2000];

	(void)context;
	net_frame_copy(piece, 0, copy, piece->size_bytes);
	ck_assert(piece->offload == NET_CSUM_VALID && frame_sums_good(copy, piece->size_bytes));
	ck_assert_uint_eq(get_be16(copy + (v6 ? 18 : 16)), piece->size_bytes - (v6 ? 54 : 14));
	if (!v6)
		ck_assert_uint_eq(get_be16(copy + 18), pieces);
	ck_assert_uint_eq(get_be32(copy + at + 4), next_sequence);
	memcpy(payload + bytes, copy + at + 20, piece->size_bytes - at - 20);
	next_sequence += piece->size_bytes - at - 20;
	bytes += piece->size_bytes - at - 20;
	last_flags = copy[at + 13];
	first_flags = pieces++ ? first_flags : last_flags;
	return OK;
}

START_TEST(large_segments_are_cut)
{
	static const struct { bool v6; u32 payload, gso, pieces; } rows[] = {
		{ false, 1448, 1448, 1 }, { false, 1449, 1448, 2 }, { true, 64000, 1428, 45 }, { false, 65000, 1448, 45 }, { true, 96, 48, 2 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		pieces = bytes = 0;
		next_sequence = 0xfffffff0;
		v6 = rows[i].v6;
		frame_tcp(&f, mac_b, mac_a, v6, rows[i].payload, 0x99); /* FIN, PSH, ACK, CWR */
		f.frame.offload |= v6 ? NET_GSO_TCP6 : NET_GSO_TCP4;
		f.frame.gso_bytes = (u16)rows[i].gso;
		net_headers_read(&f.frame, &headers);
		ck_assert(net_offload_fits(&f.frame, &headers));
		ck_assert_int_eq(net_finish(&f.frame, &headers, 0, look, NULL), OK);
		ck_assert(pieces == rows[i].pieces && bytes == rows[i].payload);
		ck_assert_int_eq(memcmp(payload, f.bytes + (v6 ? 74 : 54), bytes), 0);
		ck_assert_uint_eq(first_flags, pieces == 1 ? 0x99 : 0x90); /* CWR in the first, FIN and PSH in the last */
		ck_assert_uint_eq(last_flags, pieces == 1 ? 0x99 : 0x19);
	}
}
END_TEST

static int keep(void *context, const struct net_frame *piece)
{
	net_frame_copy(piece, 0, context, piece->size_bytes);
	return OK;
}

START_TEST(sums_are_made)
{
	static u8 out[2000];

	frame_udp(&f, mac_b, mac_a, IP(1, 2, 3, 4), IP(5, 6, 7, 8), 9, 10, 33);
	f.frame.offload = NET_CSUM_PARTIAL;
	f.frame.checksum_start = 34;
	f.frame.checksum_offset = 6;
	net_headers_read(&f.frame, &headers);
	ck_assert(net_offload_fits(&f.frame, &headers));
	ck_assert_int_eq(net_finish(&f.frame, &headers, 0, keep, out), OK);
	ck_assert(frame_sums_good(out, f.frame.size_bytes));
	/* A sum that comes to 0 is sent as ffff by UDP. */
	for (u32 value = 0; value < 0x10000; value++) {
		put_be16(f.bytes + 42, value);
		ck_assert_int_eq(net_finish(&f.frame, &headers, 0, keep, out), OK);
		ck_assert_uint_ne(get_be16(out + 40), 0);
	}
	/* RFC 1071's own example. */
	ck_assert_uint_eq(checksum_fold(checksum_add(0, (const u8 *)"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8)), 0xddf2);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("finish");
	TCase *tests = tcase_create("finish");

	tcase_add_test(tests, large_segments_are_cut);
	tcase_add_test(tests, sums_are_made);
	suite_add_tcase(suite, tests);
	return suite;
}

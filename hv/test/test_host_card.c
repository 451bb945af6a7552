/* SPDX-License-Identifier: MIT */
/* LINK: hv/host_card.c hv/host_card_thread.c hv/net_port.c hv/test/host_card_hosted.c hv/lib/format.c hv/lib/string.c */
/* The list of host cards: who may use one, frames checked on their way, flapping links, detaching in the midst. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/test/host_card_hosted.h"

static struct host_card card;
static struct hosted_user one, two;
static u32 to_take, armed, sent;
static enum host_card_reception reception;
static u8 memory[4096];

static void offer(u32 size_bytes, u32 pieces, u32 offload, u16 checksum_start)
{
	struct host_card_frame frame = { .size_bytes = size_bytes, .segment_count = pieces, .offload = offload,
					 .checksum_start = checksum_start, .checksum_offset = 16 };

	for (u32 i = 0; i < pieces; i++)
		frame.segments[i] = (struct net_segment){ HPA((u64)memory + i * (size_bytes / pieces)),
							  i == pieces - 1 ? size_bytes - i * (size_bytes / pieces) : size_bytes / pieces };
	host_card_received(&card, &frame);
}

static u32 work(struct host_card *of, u32 frames)
{
	u32 taken = MIN(frames, to_take);

	ck_assert_ptr_eq(of, &card);
	for (u32 i = 0; i < taken; i++)
		offer(60, 1, 0, 0);
	to_take -= taken;
	return taken;
}

static bool arm(struct host_card *of)
{
	(void)of;
	armed++;
	return false;
}

static void tick(struct host_card *of) { (void)of; }

static void set_reception(struct host_card *of, enum host_card_reception now)
{
	(void)of;
	reception = now;
}

static int transmit(struct net_port *port, const struct net_frame *frame)
{
	(void)port, (void)frame;
	sent++;
	return OK;
}

static const struct host_card_ops ops = { work, arm, tick, set_reception };
static const struct net_port_ops port_ops = { .receive = transmit };

/* The list is never emptied: one card for all tests. */
static void setup(void)
{
	if (!card.ops) {
		card.ops = &ops;
		card.port.ops = &port_ops;
		card.port.mtu_bytes = 1500;
		memcpy(card.port.mac, "\x52\x54\0\0\0\1", 6);
	}
}

static void attach(struct hosted_user *user, const char *who)
{
	hosted_user_init(user, who);
	ck_assert_int_eq(host_card_attach(&card, &user->user, HOST_CARD_OWN, NULL), OK);
}

static void register_it(void)
{
	setup();
	if (!host_card_at(0)) {
		host_card_init(&card);
		strcpy(card.model, "a card");
		host_card_set_link(&card, true, 1000, false);
		ck_assert_int_eq(host_card_register(&card), OK);
		ck_assert_str_eq(hosted_log_last, "eth0: a card, 52:54:00:00:00:01, link up 1000 Mb/s");
	}
	hosted_now_ns += 10000000000ull;
	host_card_set_link(&card, true, 1000, false);
	hosted_turns(&card);
	hosted_log_lines = 0;
}

START_TEST(a_card_has_a_name_and_one_user)
{
	const char *who = NULL;

	ck_assert_ptr_eq(host_card_find("eth0"), &card);
	ck_assert_ptr_null(host_card_find("eth1"));
	ck_assert_ptr_null(host_card_at(1));
	attach(&one, "one");
	ck_assert_int_eq(reception, HOST_CARD_OWN);
	hosted_user_init(&two, "two");
	ck_assert_int_eq(host_card_attach(&card, &two.user, HOST_CARD_ALL, &who), ERR_BUSY);
	ck_assert_str_eq(who, "one");
	ck_assert_int_eq(reception, HOST_CARD_OWN);
	host_card_detach(&card);
	ck_assert_int_eq(reception, HOST_CARD_OFF);
	ck_assert_int_eq(host_card_attach(&card, &two.user, HOST_CARD_ALL, NULL), OK);
	ck_assert_int_eq(reception, HOST_CARD_ALL);
	host_card_detach(&card);
}
END_TEST

START_TEST(frames_reach_the_user_and_only_him)
{
	u64 frames = card.wire.rx_frames, dropped = card.wire.rx_dropped;

	offer(100, 1, 0, 0); /* nobody: counted, not handed on */
	ck_assert_uint_eq(card.wire.rx_frames, frames + 1);
	attach(&one, "one");
	for (u32 i = 0; i < sizeof(memory); i++)
		memory[i] = (u8)(i * 7);
	for (u32 pieces = 1; pieces <= 5; pieces++) {
		offer(1514, pieces, NET_CSUM_VALID, 0);
		ck_assert(one.frames == pieces && one.size_bytes == 1514 && one.offload == NET_CSUM_VALID);
		ck_assert_int_eq(memcmp(one.bytes, memory, 1514), 0);
	}
	offer(14, 1, 0, 0);
	ck_assert(one.size_bytes == 14 && one.segment_count == 0);
	offer(100, 1, NET_CSUM_PARTIAL, 34);
	ck_assert(one.checksum_start == 34 && one.checksum_offset == 16);
	ck_assert_uint_eq(card.wire.rx_dropped, dropped);
	host_card_detach(&card);
	offer(100, 1, 0, 0);
	ck_assert_uint_eq(one.frames, 7);
}
END_TEST

START_TEST(nonsense_of_a_device_is_counted)
{
	u64 errors = card.wire.rx_errors;
	struct host_card_frame frame = { .size_bytes = 60, .segment_count = 2,
					 .segments = { { HPA((u64)memory), 60 }, { HPA((u64)memory), 1 } } };

	attach(&one, "one");
	offer(13, 1, 0, 0);
	offer(1519, 1, 0, 0);
	offer(60, 1, NET_CSUM_PARTIAL, 43);
	offer(1514, 1, NET_CSUM_PARTIAL, 0xfff0);
	host_card_received(&card, &frame); /* more in the pieces than it says */
	frame.segment_count = 0;
	host_card_received(&card, &frame);
	ck_assert_uint_eq(card.wire.rx_errors, errors + 6);
	ck_assert_uint_eq(one.frames, 0);
	offer(1518, 1, 0, 0);
	ck_assert_uint_eq(one.frames, 1);
	host_card_detach(&card);
}
END_TEST

START_TEST(work_comes_in_rounds)
{
	attach(&one, "one");
	hosted_turns(&card);
	to_take = 3 * HOST_CARD_ROUND + 5;
	armed = 0;
	host_card_interrupt(&card);
	ck_assert_uint_eq(hosted_turns(&card), 4);
	ck_assert_uint_eq(armed, 1); /* under load it stays without interrupts */
	ck_assert_uint_eq(one.frames, 3 * HOST_CARD_ROUND + 5);
	host_card_detach(&card);
}
END_TEST

START_TEST(a_link_that_flaps_is_told_now_and_then)
{
	attach(&one, "one");
	hosted_turns(&card);
	ck_assert(one.links == 1 && one.up); /* once after attaching */
	for (u32 i = 0; i < 1000; i++) {
		host_card_set_link(&card, i & 1, 100, true);
		hosted_now_ns += 1000000;
		(void)host_card_turn(&card);
	}
	ck_assert_uint_ge(one.links, 3);
	ck_assert_uint_le(one.links, 8);
	ck_assert_uint_le(hosted_log_lines, 7);
	host_card_set_link(&card, false, 0, false);
	hosted_now_ns += HOST_CARD_LINK_PAUSE_NS;
	(void)host_card_turn(&card);
	ck_assert(!one.up); /* the last word is the true one */
	ck_assert_str_eq(hosted_log_last, "eth0: 52:54:00:00:00:01, link down");
	ck_assert_uint_ge(card.counters.link_changes, 1000);
	host_card_detach(&card);
}
END_TEST

START_TEST(sending_needs_a_link_and_what_the_card_can_do)
{
	struct net_frame frame = { .header = memory, .header_bytes = 60, .size_bytes = 60 };

	attach(&one, "one");
	sent = 0;
	ck_assert_int_eq(host_card_send(&card, &frame), OK);
	frame.offload = NET_CSUM_PARTIAL;
	ck_assert_int_eq(host_card_send(&card, &frame), ERR_INVALID);
	frame.offload = NET_CSUM_VALID;
	ck_assert_int_eq(host_card_send(&card, &frame), OK);
	host_card_set_link(&card, false, 0, false);
	ck_assert_int_eq(host_card_send(&card, &frame), ERR_NOT_FOUND);
	ck_assert_uint_eq(sent, 2);
	host_card_detach(&card);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("host cards");
	TCase *tests = tcase_create("host cards");

	tcase_add_checked_fixture(tests, register_it, NULL);
	tcase_add_test(tests, a_card_has_a_name_and_one_user);
	tcase_add_test(tests, frames_reach_the_user_and_only_him);
	tcase_add_test(tests, nonsense_of_a_device_is_counted);
	tcase_add_test(tests, work_comes_in_rounds);
	tcase_add_test(tests, a_link_that_flaps_is_told_now_and_then);
	tcase_add_test(tests, sending_needs_a_link_and_what_the_card_can_do);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: drivers/virtio_host.c drivers/virtio_host_queue.c drivers/virtio_host_net.c drivers/virtio_host_net_frames.c drivers/pci_function.c drivers/test/fake_bus.c drivers/test/fake_virtio.c */
/* LINK: hv/host_card.c hv/host_card_thread.c hv/net_port.c hv/test/host_card_hosted.c hv/lib/format.c hv/lib/string.c */
/* FORK: a card stays registered for ever */
/* A virtio card of the host over a fake device: set-up, frames both ways, and what a device may do wrong. */
#include "hv/lib/test/unit.h"
#include <sanitizer/lsan_interface.h>
#include "drivers/test/fake_virtio.h"
#include "drivers/virtio_host_net.h"
#include "hv/clock.h"
#include "hv/test/host_card_hosted.h"

#define FEATURES (BIT64(VIRTIO_NET_F_MAC) | BIT64(VIRTIO_NET_F_STATUS) | BIT64(VIRTIO_NET_F_CSUM) | BIT64(VIRTIO_NET_F_GUEST_CSUM) | \
		  BIT64(VIRTIO_NET_F_MRG_RXBUF) | BIT64(VIRTIO_NET_F_HOST_TSO4) | BIT64(VIRTIO_NET_F_CTRL_VQ) | BIT64(VIRTIO_NET_F_CTRL_RX))
enum { RECEIVE, TRANSMIT, CONTROL };

static struct host_card *card;
static struct hosted_user user;
static u8 promiscuous, all_multicast, control_answer;
static bool control_silent;
static u8 bytes[70000];

/* The control queue's device side. */
static void rung(struct fake_virtio *device, u32 queue)
{
	struct virtq_desc words, data, answer;
	const u8 *class;
	int head;

	(void)device;
	if (queue != CONTROL || control_silent)
		return;
	while ((head = fake_virtio_take(CONTROL)) >= 0) {
		ck_assert(fake_virtio_descriptor(CONTROL, (u16)head, 0, &words) && words.length == 2 && !(words.flags & VIRTQ_DESC_F_WRITE));
		ck_assert(fake_virtio_descriptor(CONTROL, (u16)head, 1, &data) && data.length == 1);
		ck_assert(fake_virtio_descriptor(CONTROL, (u16)head, 2, &answer) && answer.length == 1 && (answer.flags & VIRTQ_DESC_F_WRITE));
		class = (const u8 *)words.address;
		ck_assert_uint_eq(class[0], VIRTIO_NET_CTRL_RX);
		*(class[1] == VIRTIO_NET_CTRL_RX_PROMISC ? &promiscuous : &all_multicast) = *(const u8 *)data.address;
		*(u8 *)answer.address = control_answer;
		fake_virtio_use(CONTROL, (u32)head, 1);
	}
}

static int probe(u64 features, u8 kind, u32 vectors)
{
	fake_virtio_init(VIRTIO_ID_NET, features, kind, vectors);
	memcpy(fake_virtio.config, "\x52\x54\0\0\0\x7", 6);
	fake_virtio.config[VIRTIO_NET_CONFIG_STATUS] = VIRTIO_NET_S_LINK_UP;
	fake_virtio.rung = rung;
	return virtio_host_net_driver.probe(&fake_bus.function);
}

static void card_with(u64 features, u8 kind, u32 vectors)
{
	ck_assert_int_eq(probe(features, kind, vectors), OK);
	card = host_card_at(0);
	hosted_user_init(&user, "a test");
	ck_assert_int_eq(host_card_attach(card, &user.user, HOST_CARD_OWN, NULL), OK);
	hosted_turns(card);
	for (u32 i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)(i * 13 + i / 256);
}

static void usual_card(void)
{
	card_with(FEATURES, PCI_INTERRUPT_MSIX, 3);
}

/* The device writes a frame of size_bytes into as many buffers of `room` bytes as it takes. */
static void arrive(u32 size_bytes, u32 room, struct virtio_net_header words)
{
	u32 pieces = DIV_ROUND_UP(size_bytes + (u32)sizeof(words), room), done = 0;

	words.num_buffers = words.num_buffers ? words.num_buffers : (u16)pieces;
	for (u32 i = 0; i < pieces; i++) {
		int head = fake_virtio_take(RECEIVE);
		u32 skip = i ? 0 : sizeof(words), part = MIN(size_bytes - done, room - skip);
		struct virtq_desc descriptor;

		ck_assert_int_ge(head, 0);
		ck_assert(fake_virtio_descriptor(RECEIVE, (u16)head, 0, &descriptor) && (descriptor.flags == VIRTQ_DESC_F_WRITE));
		ck_assert_uint_eq(descriptor.length, VIRTIO_HOST_NET_BUFFER);
		memcpy((u8 *)descriptor.address, &words, skip);
		memcpy((u8 *)descriptor.address + skip, bytes + done, part);
		done += part;
		fake_virtio_use(RECEIVE, (u32)head, skip + part);
	}
}

static void turn(void)
{
	host_card_interrupt(card);
	hosted_turns(card);
}

static u32 offered(void)
{
	const u8 *ring = (const u8 *)fake_virtio.queues[RECEIVE].available;

	return (u16)(*(const u16 *)(ring + VIRTQ_AVAIL_IDX) - fake_virtio.queues[RECEIVE].taken);
}

START_TEST(a_card_is_set_up)
{
	usual_card();
	ck_assert_uint_eq(fake_virtio.status, 15);
	ck_assert_uint_eq(fake_virtio.accepted, FEATURES | BIT64(VIRTIO_F_VERSION_1));
	ck_assert(fake_virtio.config_vector == 0 && fake_virtio.queues[RECEIVE].vector == 1);
	ck_assert_uint_eq(fake_virtio.queues[TRANSMIT].vector, 0xffff);
	ck_assert_uint_eq(offered(), 256);
	ck_assert_int_eq(memcmp(card->port.mac, "\x52\x54\0\0\0\x7", 6), 0);
	ck_assert(card->port.link_up && user.up && user.links == 1);
	ck_assert_uint_eq(card->port.offload, NET_CSUM_PARTIAL | NET_GSO_TCP4);
	ck_assert(!promiscuous && all_multicast);
	host_card_detach(card);
	ck_assert_int_eq(host_card_attach(card, &user.user, HOST_CARD_ALL, NULL), OK);
	ck_assert(promiscuous && all_multicast);
}
END_TEST

START_TEST(other_interrupts_and_few_features)
{
	static const struct { u8 kind; u32 vectors; } ways[] = { { PCI_INTERRUPT_MSIX, 1 }, { PCI_INTERRUPT_WIRE, 1 } };

	card_with(BIT64(VIRTIO_NET_F_MAC), ways[_i].kind, ways[_i].vectors);
	ck_assert(card->port.link_up && card->port.offload == 0);
	arrive(100, 2048, (struct virtio_net_header){ .num_buffers = 77 }); /* means nothing without MRG_RXBUF */
	fake_virtio.isr = 1;
	fake_bus_interrupt(0);
	ck_assert_uint_eq(card->asked, 1);
	hosted_turns(card);
	ck_assert(user.frames == 1 && user.size_bytes == 100);
	if (ways[_i].kind == PCI_INTERRUPT_WIRE) { /* shared: it may be another's */
		fake_bus_interrupt(0);
		ck_assert_uint_eq(card->asked, 0);
	}
}
END_TEST

START_TEST(what_is_no_such_card_is_refused)
{
	ck_assert_int_ne(probe(FEATURES & ~BIT64(VIRTIO_NET_F_MAC), PCI_INTERRUPT_MSIX, 3), OK);
	ck_assert_uint_eq(fake_bus.blocks, 0);
	ck_assert_int_ne(probe(FEATURES, PCI_INTERRUPT_NONE, 0), OK);
	ck_assert_uint_eq(fake_bus.blocks, 0);
	fake_virtio_init(VIRTIO_ID_NET, FEATURES, PCI_INTERRUPT_MSIX, 3);
	fake_virtio.features &= ~BIT64(VIRTIO_F_VERSION_1);
	ck_assert_int_ne(virtio_host_net_driver.probe(&fake_bus.function), OK);
	fake_virtio_init(VIRTIO_ID_NET, FEATURES, PCI_INTERRUPT_MSIX, 3);
	fake_virtio.refuses_features = true;
	ck_assert_int_ne(virtio_host_net_driver.probe(&fake_bus.function), OK);
	fake_virtio_init(VIRTIO_ID_NET, FEATURES, PCI_INTERRUPT_MSIX, 3);
	fake_virtio.queue_count = 1;
	ck_assert_int_ne(virtio_host_net_driver.probe(&fake_bus.function), OK);
	ck_assert_uint_eq(fake_bus.blocks, 0);
	for (u32 field = 0; field < 2; field++) { /* registers beyond the BAR */
		fake_virtio_init(VIRTIO_ID_NET, FEATURES, PCI_INTERRUPT_MSIX, 3);
		fake_put(&fake_bus.pci.functions[0], field ? 0x40 + 12 : 0x40 + 8, 0xfffff000, 4);
		ck_assert_int_ne(virtio_host_net_driver.probe(&fake_bus.function), OK);
	}
	fake_virtio_init(VIRTIO_ID_NET, FEATURES, PCI_INTERRUPT_MSIX, 3);
	fake_virtio.status = 15;
	fake_virtio.never_resets = true;
	__lsan_disable(); /* what it may still write to is not given back */
	ck_assert_int_ne(virtio_host_net_driver.probe(&fake_bus.function), OK);
	__lsan_enable();
	ck_assert(!fake_bus_may_master());
	ck_assert_ptr_null(host_card_at(0));
}
END_TEST

START_TEST(frames_come_in_one_buffer_or_more)
{
	static const struct { u32 size, room; } frames[] = { { 14, 2048 }, { 60, 2048 }, { 128, 2048 }, { 129, 2048 }, { 1514, 2048 },
							     { 1514, 100 }, { 1518, 64 }, { 200, 13 }, { 60, 2048 } };

	usual_card();
	for (u32 round = 0; round < 100; round++) {
		for (u32 i = 0; i < ARRAY_SIZE(frames); i++) {
			arrive(frames[i].size, frames[i].room, (struct virtio_net_header){ 0 });
			fake_bus_interrupt(1);
			hosted_turns(card);
			ck_assert_uint_eq(user.frames, round * ARRAY_SIZE(frames) + i + 1);
			ck_assert_uint_eq(user.size_bytes, frames[i].size);
			ck_assert_int_eq(memcmp(user.bytes, bytes, frames[i].size), 0);
			ck_assert_uint_eq(offered(), 256);
		}
	}
	ck_assert_uint_eq(card->counters.bad_device, 0);
}
END_TEST

START_TEST(checksums_are_told)
{
	usual_card();
	arrive(200, 2048, (struct virtio_net_header){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16 });
	turn();
	ck_assert(user.offload == NET_CSUM_PARTIAL && user.checksum_start == 34 && user.checksum_offset == 16);
	arrive(200, 2048, (struct virtio_net_header){ .flags = VIRTIO_NET_HDR_F_DATA_VALID });
	turn();
	ck_assert_uint_eq(user.offload, NET_CSUM_VALID);
	arrive(200, 2048, (struct virtio_net_header){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 150, .csum_offset = 16 });
	turn();
	ck_assert_uint_eq(user.frames, 2); /* outside of what may be looked at */
	ck_assert_uint_eq(card->wire.rx_errors, 1);
}
END_TEST

/* Sends bytes[0, size) and returns what the device sees. */
static int transmit(u32 size_bytes, u32 offload)
{
	struct net_segment segments[] = { { HPA((u64)bytes + 60), size_bytes - 60 } };
	struct net_frame frame = { .header = bytes, .header_bytes = 60, .segments = segments, .segment_count = size_bytes > 60,
				   .size_bytes = size_bytes, .offload = offload, .checksum_start = 34, .checksum_offset = 16, .gso_bytes = 1460 };

	return host_card_send(card, &frame);
}

START_TEST(frames_go_out)
{
	static const u32 sizes[] = { 60, 61, 1514, 2036, 2037, 4084, 65535 };
	static u8 seen[70000];

	usual_card();
	for (u32 round = 0; round < 200; round++) {
		u32 size = sizes[round % ARRAY_SIZE(sizes)], offload = size > 1514 ? NET_CSUM_PARTIAL | NET_GSO_TCP4 : 0, at = 0;
		struct virtio_net_header words;
		struct virtq_desc descriptor;
		int head;

		ck_assert_int_eq(transmit(size, offload), OK);
		head = fake_virtio_take(TRANSMIT);
		ck_assert_int_ge(head, 0);
		for (u32 i = 0; fake_virtio_descriptor(TRANSMIT, (u16)head, i, &descriptor); i++) {
			ck_assert(!(descriptor.flags & VIRTQ_DESC_F_WRITE) && descriptor.length <= 2048);
			memcpy(seen + at, (const u8 *)descriptor.address, descriptor.length);
			at += descriptor.length;
		}
		memcpy(&words, seen, sizeof(words));
		ck_assert_uint_eq(at, size + sizeof(words));
		ck_assert_int_eq(memcmp(seen + sizeof(words), bytes, size), 0);
		ck_assert_uint_eq(words.flags, offload ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0);
		ck_assert_uint_eq(words.gso_type, offload ? VIRTIO_NET_HDR_GSO_TCPV4 : 0);
		ck_assert_uint_eq(words.gso_size, offload ? 1460 : 0);
		fake_virtio_use(TRANSMIT, (u32)head, 0);
	}
	ck_assert_uint_eq(card->wire.tx_frames, 200);
	ck_assert_int_eq(transmit(60, NET_GSO_TCP6), ERR_INVALID);
}
END_TEST

START_TEST(a_full_queue_drops_and_recovers)
{
	u32 sent = 0;
	int head;

	usual_card();
	while (transmit(60, 0) == OK)
		sent++;
	ck_assert_uint_eq(sent, 256);
	ck_assert_int_eq(transmit(60, 0), ERR_FULL);
	ck_assert_uint_eq(card->wire.tx_dropped, 2);
	while ((head = fake_virtio_take(TRANSMIT)) >= 0)
		fake_virtio_use(TRANSMIT, (u32)head, 0);
	ck_assert_int_eq(transmit(1514, 0), OK);
}
END_TEST

static void tick(u32 times)
{
	while (times--) {
		hosted_now_ns += NS_PER_S;
		card->ops->tick(card);
		hosted_turns(card);
	}
}

static void works_again(u64 resets)
{
	u32 frames = user.frames;

	ck_assert_uint_eq(card->counters.resets, resets);
	arrive(60, 2048, (struct virtio_net_header){ 0 });
	turn();
	ck_assert_uint_eq(user.frames, frames + 1);
	ck_assert_int_eq(transmit(60, 0), OK);
}

START_TEST(nonsense_of_the_device_leads_to_a_reset)
{
	usual_card();
	fake_virtio_use(RECEIVE, 256, 60);         /* no such descriptor */
	turn();
	tick(1);
	works_again(1);
	fake_virtio_use(RECEIVE, 0xffffffff, 60);
	turn();
	tick(1);
	works_again(2);
	fake_virtio_use(RECEIVE, (u32)fake_virtio_take(RECEIVE), 2049); /* more than there was room for */
	turn();
	tick(1);
	works_again(3);
	{
		u32 head = (u32)fake_virtio_take(RECEIVE);

		fake_virtio_use(RECEIVE, head, 60);
		turn();
		(void)fake_virtio_take(RECEIVE);
		fake_virtio_skip_used(RECEIVE, 1000);   /* an index that runs away */
		turn();
		turn();
	}
	tick(2);
	ck_assert_uint_ge(card->counters.resets, 4);
	works_again(card->counters.resets);
	fake_virtio_use(TRANSMIT, 200, 0);         /* never offered */
	(void)!transmit(60, 0);
	tick(1);
	works_again(5);
	fake_virtio.status |= VIRTIO_STATUS_NEEDS_RESET;
	fake_bus_interrupt(0);
	hosted_turns(card);
	tick(1);
	works_again(6);
	ck_assert(promiscuous == 0 && all_multicast == 1);
}
END_TEST

START_TEST(frames_that_claim_nonsense_are_dropped)
{
	static const u16 claims[] = { 33, 0xffff, 2 };

	usual_card();
	for (u32 i = 0; i < ARRAY_SIZE(claims); i++) {
		arrive(60, 2048, (struct virtio_net_header){ .num_buffers = claims[i] });
		turn();
		ck_assert_uint_eq(card->counters.bad_device, i + 1);
	}
	fake_virtio_use(RECEIVE, (u32)fake_virtio_take(RECEIVE), 12); /* words and nothing behind */
	turn();
	fake_virtio_use(RECEIVE, (u32)fake_virtio_take(RECEIVE), 0);
	turn();
	ck_assert_uint_eq(card->counters.bad_device, 5);
	ck_assert_uint_eq(user.frames, 0);
	ck_assert_uint_eq(offered(), 256);
	works_again(0);
}
END_TEST

START_TEST(a_card_that_hangs_is_reset)
{
	usual_card();
	ck_assert_int_eq(transmit(60, 0), OK);
	tick(6);
	works_again(1);
	fake_virtio.never_resets = true;
	tick(8);
	ck_assert(!fake_bus_may_master() && !card->port.link_up && !user.up);
	ck_assert_int_eq(transmit(60, 0), ERR_NOT_FOUND);
	tick(3);
	ck_assert_uint_eq(card->counters.resets, 2);
}
END_TEST

START_TEST(the_link_and_the_control_queue)
{
	usual_card();
	fake_virtio.config[VIRTIO_NET_CONFIG_STATUS] = 0;
	fake_bus_interrupt(0);
	hosted_turns(card);
	ck_assert(!card->port.link_up && !user.up);
	hosted_now_ns += NS_PER_S;
	fake_virtio.config[VIRTIO_NET_CONFIG_STATUS] = 1;
	fake_bus_interrupt(0);
	hosted_turns(card);
	ck_assert(card->port.link_up && user.up);
	control_answer = VIRTIO_NET_ERR;
	host_card_detach(card);
	ck_assert_int_eq(host_card_attach(card, &user.user, HOST_CARD_ALL, NULL), OK); /* said in the log */
	ck_assert_ptr_nonnull(strstr(hosted_log_last, "orders"));
	control_answer = VIRTIO_NET_OK;
	control_silent = true; /* it keeps the command: only a reset takes it back */
	host_card_detach(card);
	control_silent = false;
	ck_assert_int_eq(host_card_attach(card, &user.user, HOST_CARD_ALL, NULL), OK);
	tick(1);
	works_again(1);
	ck_assert_uint_eq(promiscuous, 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio card");
	TCase *tests = tcase_create("virtio card");

	tcase_add_test(tests, a_card_is_set_up);
	tcase_add_loop_test(tests, other_interrupts_and_few_features, 0, 2);
	tcase_add_test(tests, what_is_no_such_card_is_refused);
	tcase_add_test(tests, frames_come_in_one_buffer_or_more);
	tcase_add_test(tests, checksums_are_told);
	tcase_add_test(tests, frames_go_out);
	tcase_add_test(tests, a_full_queue_drops_and_recovers);
	tcase_add_test(tests, nonsense_of_the_device_leads_to_a_reset);
	tcase_add_test(tests, frames_that_claim_nonsense_are_dropped);
	tcase_add_test(tests, a_card_that_hangs_is_reset);
	tcase_add_test(tests, the_link_and_the_control_queue);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_net.c virtio/virtio_net_transmit.c virtio/virtio_net_receive.c virtio/virtio_net_control.c hv/net_port.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* The network card: frames out as they were, in in pieces, header words that lie, the control queue, reset, saved state. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/test/harness.h"
#include "virtio/virtio_net.h"

static struct net_port port;
static u8 sent[70000];
static struct net_frame sent_frame;
static u32 sent_count;
static struct virtio_net *net;

static int fake_send(struct net_port *from, const struct net_frame *frame)
{
	ck_assert(from == &port && frame->size_bytes <= NET_FRAME_MAX_BYTES && frame->header_bytes <= NET_HEADER_BYTES);
	sent_count++;
	sent_frame = *frame;
	net_frame_copy(frame, 0, sent, frame->size_bytes);
	return OK;
}

static void start(u64 features)
{
	static const u8 mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
	struct device_spec spec = { .model = "virtio-net", .alias = "net0", .slot = HARNESS_SLOT, .nic = { &port } };

	memset(&port, 0, sizeof(port));
	memcpy(port.mac, mac, 6);
	port.mtu_bytes = 1500;
	port.link_up = true;
	port.send = fake_send;
	sent_count = 0;
	harness_disk = NULL;
	harness_create(&virtio_net_model, &spec);
	harness.features = features;
	net = harness.instance.device;
	harness.device = &net->device;
	harness_start();
}

static const struct virtio_net_header no_words;

/* Header words at BUFFERS, a frame of so many bytes behind them, both in `pieces` descriptors. */
static void transmit(const struct virtio_net_header *words, u32 frame_bytes, u32 pieces)
{
	u32 total = (u32)sizeof(*words) + frame_bytes, id, length;

	memcpy(fake_ram + BUFFERS, words, sizeof(*words));
	for (u32 i = 0; i < frame_bytes; i++)
		fake_ram[BUFFERS + 12 + i] = (u8)(i * 13);
	for (u32 i = 0; i < pieces; i++) {
		u32 from = (u32)((u64)total * i / pieces), to = (u32)((u64)total * (i + 1) / pieces);

		ring_desc(1, i, BUFFERS + from, to - from, i + 1 < pieces ? VIRTQ_DESC_F_NEXT : 0, (u16)(i + 1));
	}
	ring_offer(1, 0);
	ring_doorbell(1);
	harness_run();
	ck_assert(ring_used(1, &id, &length));
	ck_assert(id == 0 && length == 0);
}

START_TEST(frames_go_out_as_they_were)
{
	static const struct { u32 bytes, pieces; } rows[] = {
		{ 14, 1 }, { 60, 2 }, { 128, 1 }, { 129, 3 }, { 1514, 5 }, { 65535, 18 }, { 4000, 60 },
	};

	start(~0ull);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_missing[(BUFFERS >> PAGE_SHIFT) + 1] = true;
		transmit(&no_words, rows[i].bytes, rows[i].pieces);
		ck_assert(sent_count == i + 1 && sent_frame.size_bytes == rows[i].bytes && !sent_frame.offload);
		ck_assert_int_eq(memcmp(sent, fake_ram + BUFFERS + 12, rows[i].bytes), 0);
	}
	ck_assert_uint_eq(net->bounces, 1); /* the one of many crumbs */
	ck_assert_uint_eq(harness.messages[2], ARRAY_SIZE(rows));
	transmit(&no_words, 13, 1);
	transmit(&no_words, 65536, 17);
	ck_assert(sent_count == ARRAY_SIZE(rows) && port.statistics.tx_errors == 2);
	port.link_up = false;
	transmit(&no_words, 60, 1);
	ck_assert(sent_count == ARRAY_SIZE(rows) && port.statistics.tx_dropped == 1);
	harness_destroy();
}
END_TEST

START_TEST(short_words_are_no_frame)
{
	u32 id, length;

	start(~0ull);
	ring_desc(1, 0, BUFFERS, 11, 0, 0);
	ring_offer(1, 0);
	ring_doorbell(1);
	harness_run();
	ck_assert(ring_used(1, &id, &length) && sent_count == 0 && port.statistics.tx_errors == 1);
	ring_desc(1, 0, FAKE_RAM_BYTES - 4, 100, 0, 0); /* half outside of RAM */
	ring_offer(1, 0);
	ring_doorbell(1);
	harness_run();
	ck_assert(net->device.status & VIRTIO_STATUS_NEEDS_RESET);
	harness_start();
	transmit(&no_words, 60, 1);
	ck_assert_uint_eq(sent_count, 1);
	harness_destroy();
}
END_TEST

START_TEST(words_that_lie)
{
	static const struct { struct virtio_net_header words; u32 bytes; bool good; u32 offload; } rows[] = {
		{ { 1, 0, 0, 0, 34, 16, 0 }, 100, true, NET_CSUM_PARTIAL },
		{ { 1, 0, 0, 0, 82, 16, 0 }, 100, true, NET_CSUM_PARTIAL },
		{ { 1, 0, 0, 0, 83, 16, 0 }, 100, false, 0 },
		{ { 1, 0, 0, 0, 0xffff, 0xffff, 0 }, 100, false, 0 },
		{ { 1, 0, 0, 0, 120, 16, 0 }, 1000, false, 0 },              /* beyond the copy */
		{ { 0, 0, 0, 0, 0xffff, 0xffff, 0 }, 100, true, 0 },         /* nobody asked */
		{ { 0x80, 0, 0, 0, 0, 0, 0xffff }, 100, true, 0 },           /* unknown flags */
		{ { 1, 1, 54, 1448, 34, 16, 0 }, 9000, true, NET_CSUM_PARTIAL | NET_GSO_TCP4 },
		{ { 1, 0x84, 0xffff, 1448, 54, 16, 0 }, 9000, true, NET_CSUM_PARTIAL | NET_GSO_TCP6 | NET_GSO_ECN },
		{ { 1, 1, 54, 0, 34, 16, 0 }, 9000, false, 0 },
		{ { 0, 1, 54, 1448, 34, 16, 0 }, 9000, false, 0 },
		{ { 1, 3, 54, 1448, 34, 16, 0 }, 9000, false, 0 },           /* UFO: not offered */
		{ { 1, 0x80, 54, 1448, 34, 16, 0 }, 9000, false, 0 },
		{ { 1, 5, 54, 1448, 34, 16, 0 }, 9000, false, 0 },
	};

	start(~0ull);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		sent_count = 0;
		transmit(&rows[i].words, rows[i].bytes, 1);
		ck_assert_msg(sent_count == rows[i].good, "row %u", i);
		ck_assert_msg(!rows[i].good || sent_frame.offload == rows[i].offload, "row %u", i);
	}
	harness_destroy();
	start(BIT64(VIRTIO_F_VERSION_1)); /* nothing was agreed on */
	transmit(&rows[0].words, 100, 1);
	transmit(&rows[7].words, 9000, 3);
	ck_assert_uint_eq(sent_count, 0);
	harness_destroy();
}
END_TEST

/* Receiving */

static u8 frame_bytes[70000];
static struct net_segment segments[2];

static struct net_frame frame_of(u32 size_bytes)
{
	u32 header = MIN(size_bytes, NET_HEADER_BYTES), rest = size_bytes - header;

	for (u32 i = 0; i < size_bytes; i++)
		frame_bytes[i] = (u8)(i * 5 + i / 256);
	memcpy(frame_bytes, port.mac, 6);
	segments[0] = (struct net_segment){ HPA((u64)(frame_bytes + header)), rest / 2 };
	segments[1] = (struct net_segment){ HPA((u64)(frame_bytes + header + rest / 2)), rest - rest / 2 };
	return (struct net_frame){ .header = frame_bytes, .header_bytes = (u16)header, .segment_count = rest > 1 ? 2 : 0,
				   .size_bytes = rest > 1 ? size_bytes : header, .segments = segments };
}

static void offer_buffers(u32 count, u32 size_bytes)
{
	for (u32 i = 0; i < count; i++) {
		ring_desc(0, i, BUFFERS + i * 4096, size_bytes, VIRTQ_DESC_F_WRITE, 0);
		ring_offer(0, (u16)i);
	}
}

START_TEST(frames_come_in_pieces)
{
	struct net_frame frame;
	struct virtio_net_header words;
	u32 id, length, total = 0;
	static u8 got[70000];

	start(~0ull);
	frame = frame_of(5000);
	ck_assert_int_eq(port.ops->receive(&port, &frame), ERR_FULL);
	offer_buffers(4, 1526);
	fake_missing[BUFFERS >> PAGE_SHIFT] = fake_missing[(BUFFERS >> PAGE_SHIFT) + 2] = true;
	frame = frame_of(1526 * 4 - 12 + 1); /* a byte too long for all that is there: they stay */
	ck_assert_int_eq(port.ops->receive(&port, &frame), ERR_FULL);
	ck_assert(!ring_used(0, &id, &length));
	frame = frame_of(5000);
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	for (u32 i = 0; i < 4; i++) {
		ck_assert(ring_used(0, &id, &length) && id == i);
		memcpy(got + total, fake_ram + BUFFERS + i * 4096, length);
		total += length;
	}
	ck_assert_uint_eq(total, 5012);
	memcpy(&words, got, 12);
	ck_assert(words.num_buffers == 4 && !words.flags && !words.gso_type);
	ck_assert_int_eq(memcmp(got + 12, frame_bytes, 5000), 0);
	ck_assert_uint_eq(harness.messages[1], 1);
	harness_destroy();
}
END_TEST

START_TEST(without_mergeable_buffers)
{
	struct net_frame frame;
	u32 id, length;

	start(~BIT64(VIRTIO_NET_F_MRG_RXBUF));
	offer_buffers(2, 1526);
	frame = frame_of(1515);
	ck_assert_int_eq(port.ops->receive(&port, &frame), ERR_FULL);
	frame = frame_of(1514);
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	ck_assert(ring_used(0, &id, &length) && id == 0 && length == 1526);
	ck_assert(fake_ram[BUFFERS + 10] == 1 && fake_ram[BUFFERS + 11] == 0);
	harness_destroy();
}
END_TEST

START_TEST(buffers_that_are_none)
{
	static const struct virtq_desc rows[] = {
		{ BUFFERS, 1526, 0, 0 }, { BUFFERS, 11, VIRTQ_DESC_F_WRITE, 0 }, { FAKE_RAM_BYTES - 100, 1526, VIRTQ_DESC_F_WRITE, 0 },
		{ BUFFERS, 0, VIRTQ_DESC_F_WRITE, 0 }, { 0xfee00000, 1526, VIRTQ_DESC_F_WRITE, 0 },
	};

	start(~0ull);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct net_frame frame = frame_of(1000);

		ring_desc(0, 0, rows[i].address, rows[i].length, rows[i].flags, 0);
		ring_offer(0, 0);
		ck_assert_msg(port.ops->receive(&port, &frame) == ERR_INVALID, "row %u", i);
		ck_assert(net->device.status & VIRTIO_STATUS_NEEDS_RESET);
		ck_assert_int_ne(port.ops->receive(&port, &frame), OK);
		harness_start();
	}
	harness_destroy();
}
END_TEST

START_TEST(undone_work_is_described)
{
	struct virtio_net_header words;
	struct net_frame frame;
	u32 id, length;

	start(~0ull);
	ck_assert_uint_eq(port.offload, NET_OFFLOAD_WORK);
	offer_buffers(4, 4096);
	frame = frame_of(9000);
	frame.offload = NET_CSUM_PARTIAL | NET_GSO_TCP4 | NET_GSO_ECN;
	frame.checksum_start = 34;
	frame.checksum_offset = 16;
	frame.gso_bytes = 1448;
	frame_bytes[46] = 0x80;
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	ck_assert(ring_used(0, &id, &length));
	memcpy(&words, fake_ram + BUFFERS, 12);
	ck_assert(words.flags == 1 && words.gso_type == 0x81 && words.hdr_len == 66 && words.gso_size == 1448 && words.csum_start == 34 &&
		  words.csum_offset == 16 && words.num_buffers == 3);
	harness_destroy();
	start(~BIT64(VIRTIO_NET_F_GUEST_ECN));
	offer_buffers(4, 4096);
	ck_assert_int_eq(port.ops->receive(&port, &frame), ERR_INVALID);
	ck_assert(!ring_used(0, &id, &length));
	harness_destroy();
}
END_TEST

/* The control queue */

static u8 command(u8 class, u8 number, const void *data, u32 size_bytes)
{
	u8 *at = fake_ram + BUFFERS + 0x40000;
	u32 id, length;

	at[0] = class;
	at[1] = number;
	memcpy(at + 2, data, size_bytes);
	at[8192] = 0xee;
	ring_desc(2, 0, BUFFERS + 0x40000, 2 + size_bytes, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(2, 1, BUFFERS + 0x42000, 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(2, 0);
	ring_doorbell(2);
	harness_run();
	ck_assert(ring_used(2, &id, &length) && length == 1);
	return at[8192];
}

static bool comes(const char *mac)
{
	struct net_frame frame = frame_of(60);
	u32 id, length;

	memcpy(frame_bytes, mac, 6);
	ring_desc(0, 0, BUFFERS, 2000, VIRTQ_DESC_F_WRITE, 0);
	if (net->device.queues[0].ring.next_avail == ((u16 *)(void *)(fake_ram + RING_AVAIL(0)))[1])
		ring_offer(0, 0);
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	return ring_used(0, &id, &length);
}

#define OWN "\x52\x54\x00\x01\x02\x03"
#define OTHER "\x52\x54\x00\x01\x02\x04"
#define GROUP "\x01\x00\x5e\x00\x00\x01"
#define ALL "\xff\xff\xff\xff\xff\xff"

START_TEST(what_the_driver_wants)
{
	u8 table[2000] = { 0 };

	start(~0ull);
	ck_assert(comes(OTHER) && comes(GROUP) && comes(ALL));
	ck_assert_uint_eq(command(0, 0, "\0", 1), 0);
	ck_assert(comes(OWN) && !comes(OTHER) && !comes(GROUP) && comes(ALL));
	ck_assert_uint_eq(command(0, 1, "\1", 1), 0);
	ck_assert(comes(GROUP));
	ck_assert_uint_eq(command(0, 1, "\0", 1), 0);
	ck_assert_uint_eq(command(0, 5, "\1", 1), 0);
	ck_assert(!comes(ALL));
	ck_assert_uint_eq(command(0, 5, "\0", 1), 0);
	table[0] = 1;
	memcpy(table + 4, OTHER, 6);
	table[10] = 1;
	memcpy(table + 14, GROUP, 6);
	ck_assert_uint_eq(command(1, 0, table, 20), 0);
	ck_assert(comes(OWN) && comes(OTHER) && comes(GROUP));
	memset(table, 0, sizeof(table));
	table[4] = 65; /* more of a kind than are kept: all of it */
	ck_assert_uint_eq(command(1, 0, table, 8 + 65 * 6), 0);
	ck_assert(!comes(OTHER) && comes(GROUP));
	ck_assert_uint_eq(command(1, 1, OTHER, 6), 0);
	ck_assert(comes(OTHER) && !comes(OWN) && reg_read(DEVICE_CONFIG + 5, 1) == 4);
	harness_start(); /* a reset takes all of it back */
	ck_assert(comes(OWN) && comes(OTHER) && reg_read(DEVICE_CONFIG + 5, 1) == 3);
	harness_destroy();
}
END_TEST

START_TEST(vlans)
{
	struct net_frame frame;
	u32 id, length;

	start(~0ull);
	offer_buffers(2, 2000);
	frame = frame_of(60);
	memcpy(frame_bytes + 12, "\x81\x00\x60\x05", 4);
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	ck_assert(!ring_used(0, &id, &length));
	ck_assert_uint_eq(command(2, 0, "\x05\x00", 2), 0);
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	ck_assert(ring_used(0, &id, &length));
	ck_assert_uint_eq(command(2, 1, "\x05\x00", 2), 0);
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	ck_assert(!ring_used(0, &id, &length));
	ck_assert_uint_eq(command(2, 0, "\x00\x10", 2), 1);
	harness_destroy();
	start(~BIT64(VIRTIO_NET_F_CTRL_VLAN));
	offer_buffers(2, 2000);
	ck_assert_int_eq(port.ops->receive(&port, &frame), OK);
	ck_assert(ring_used(0, &id, &length));
	harness_destroy();
}
END_TEST

START_TEST(commands_that_are_refused)
{
	u8 table[2000] = { 2 };
	u64 offloads = BIT64(VIRTIO_NET_F_GUEST_CSUM);

	start(~BIT64(VIRTIO_NET_F_GUEST_TSO6));
	ck_assert_uint_eq(command(0, 0, "\0", 0), 1);
	ck_assert_uint_eq(command(0, 6, "\0", 1), 1);
	ck_assert_uint_eq(command(0, 0, "\0\0", 2), 1);
	ck_assert_uint_eq(command(1, 0, table, 3), 1);
	ck_assert_uint_eq(command(1, 0, table, 4 + 11), 1);
	ck_assert_uint_eq(command(1, 0, table, 4 + 12), 1);
	ck_assert_uint_eq(command(1, 0, table, 4 + 12 + 5), 1);
	memset(table, 0xff, 8);
	ck_assert_uint_eq(command(1, 0, table, 1000), 1);
	ck_assert_uint_eq(command(1, 0, table, 1900), 1);
	ck_assert_uint_eq(command(1, 1, GROUP, 6), 1);
	ck_assert_uint_eq(command(1, 1, OWN, 5), 1);
	ck_assert_uint_eq(command(4, 0, "\0\1", 2), 1); /* multiqueue: not offered */
	ck_assert_uint_eq(command(9, 0, "\0", 1), 1);
	ck_assert(comes(OTHER));
	ck_assert_uint_eq(command(5, 0, &offloads, 8), 0);
	ck_assert_uint_eq(port.offload, NET_CSUM_PARTIAL);
	offloads = BIT64(VIRTIO_NET_F_GUEST_TSO6);
	ck_assert_uint_eq(command(5, 0, &offloads, 8), 1);
	offloads = BIT64(VIRTIO_F_VERSION_1);
	ck_assert_uint_eq(command(5, 0, &offloads, 8), 1);
	ring_desc(2, 0, BUFFERS, 3, 0, 0); /* no room for an answer */
	ring_offer(2, 0);
	ring_doorbell(2);
	harness_run();
	ck_assert(net->device.status & VIRTIO_STATUS_NEEDS_RESET);
	harness_destroy();
}
END_TEST

START_TEST(features_need_each_other)
{
	static const struct { u64 features; bool good; } rows[] = {
		{ 0, true }, { BIT64(VIRTIO_NET_F_GUEST_TSO4), false }, { BIT64(VIRTIO_NET_F_HOST_TSO6), false },
		{ BIT64(VIRTIO_NET_F_HOST_TSO6) | BIT64(VIRTIO_NET_F_CSUM), true }, { BIT64(VIRTIO_NET_F_CTRL_RX), false },
		{ BIT64(VIRTIO_NET_F_CTRL_VQ) | BIT64(VIRTIO_NET_F_CTRL_VLAN), true }, { BIT64(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS), false },
		{ BIT64(VIRTIO_NET_F_HOST_ECN) | BIT64(VIRTIO_NET_F_CSUM), false }, { BIT64(VIRTIO_NET_F_MQ), false },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		start(~0ull);
		reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
		reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 3);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 0);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE, 4, (u32)rows[i].features);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 1);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE, 4, 1);
		reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 11);
		ck_assert_msg((reg_read(COMMON + VIRTIO_COMMON_STATUS, 1) == 11) == rows[i].good, "row %u", i);
		harness_destroy();
	}
}
END_TEST

START_TEST(link_and_saved_state)
{
	struct state_writer writer;
	struct state_reader reader;
	u8 generation;

	start(~0ull);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 6, 2), 1);
	generation = (u8)reg_read(COMMON + VIRTIO_COMMON_GENERATION, 1);
	net_port_set_link(&port, false);
	ck_assert(reg_read(DEVICE_CONFIG + 6, 2) == 0 && reg_read(COMMON + VIRTIO_COMMON_GENERATION, 1) != generation);
	ck_assert_uint_eq(harness.messages[0], 1);
	net_port_set_link(&port, true);
	ck_assert_uint_eq(command(0, 0, "\0", 1), 0);
	ck_assert_uint_eq(command(1, 1, OTHER, 6), 0);
	harness.instance.ops->quiesce(harness.instance.device);
	{
		struct net_frame frame = frame_of(60);

		memcpy(frame_bytes, ALL, 6);
		ck_assert_int_eq(port.ops->receive(&port, &frame), ERR_BUSY); /* at rest it takes nothing */
	}
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	harness.instance.ops->resume(harness.instance.device);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
	ck_assert_uint_eq(port.offload, 0);
	harness.instance.ops->quiesce(harness.instance.device);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(harness.instance.ops->load(harness.instance.device, &reader), OK);
	harness.instance.ops->resume(harness.instance.device);
	ck_assert(comes(OTHER) && !comes(OWN) && port.offload == NET_OFFLOAD_WORK);
	for (size_t i = 0; i < writer.size_bytes; i += 7) { /* whatever a byte becomes: refused or harmless */
		writer.data[i] ^= 0xff;
		harness.instance.ops->quiesce(harness.instance.device);
		reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
		(void)!harness.instance.ops->load(harness.instance.device, &reader);
		harness.instance.ops->resume(harness.instance.device);
		harness_run();
		writer.data[i] ^= 0xff;
	}
	state_writer_release(&writer);
	harness_destroy();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio net");
	TCase *t = tcase_create("net");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, frames_go_out_as_they_were);
	tcase_add_test(t, short_words_are_no_frame);
	tcase_add_test(t, words_that_lie);
	tcase_add_test(t, frames_come_in_pieces);
	tcase_add_test(t, without_mergeable_buffers);
	tcase_add_test(t, buffers_that_are_none);
	tcase_add_test(t, undone_work_is_described);
	tcase_add_test(t, what_the_driver_wants);
	tcase_add_test(t, vlans);
	tcase_add_test(t, commands_that_are_refused);
	tcase_add_test(t, features_need_each_other);
	tcase_add_test(t, link_and_saved_state);
	suite_add_tcase(suite, t);
	return suite;
}

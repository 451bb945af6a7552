/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_balloon.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/* The balloon: pages given back, hostile page numbers, reported pages, statistics in place, the target, saved state. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/models.h"
#include "virtio/spec/virtio_balloon.h"
#include "virtio/test/harness.h"

static struct balloon_state state;

static void start(void)
{
	struct device_spec spec = { .model = "virtio-balloon", .alias = "balloon0", .slot = HARNESS_SLOT,
				    .balloon = { &state, FAKE_RAM_BYTES, true, true } };

	harness_disk = NULL;
	state = (struct balloon_state){ .target_bytes = FAKE_RAM_BYTES };
	harness_create(&virtio_balloon_model, &spec);
	harness.device = harness.instance.device; /* its first member */
	harness_start();
}

static bool offer(unsigned q, u64 address, u32 size_bytes, u16 flags, u32 *length)
{
	u32 id;

	ring_desc(q, 0, address, size_bytes, flags, 0);
	ring_offer(q, 0);
	ring_doorbell(q);
	harness_run();
	return ring_used(q, &id, length);
}

static void numbers(const u32 *pages, u32 count)
{
	memcpy(fake_ram + BUFFERS, pages, count * sizeof(*pages));
}

START_TEST(inflated_pages_go_back)
{
	static const u32 pages[] = { 0x201, 0x202, 0x3ff, 0x202, /* twice */ FAKE_RAM_PAGES, 0xfffff, 0xffffffff, /* none of ours */
				     RING_DESC(0) >> 12, RING_USED(1) >> 12 /* in the device's hands */ };
	u32 length, given = 0;

	start();
	memset(fake_ram + 0x201000, 0xaa, 0x2000);
	numbers(pages, ARRAY_SIZE(pages));
	ck_assert(offer(0, BUFFERS, sizeof(pages) + 3, 0, &length) && length == 0); /* and a bit of a number */
	for (u32 i = 0; i < FAKE_RAM_PAGES; i++)
		given += fake_given[i];
	ck_assert_uint_eq(given, 3);
	ck_assert(fake_given[0x201] && fake_given[0x202] && fake_given[0x3ff]);
	numbers(pages, 2);
	ck_assert(offer(1, BUFFERS, 8, 0, &length) && length == 0); /* deflation: nothing to do */
	ck_assert(!fake_ram[0x201000]);
	harness_destroy();
}
END_TEST

static void stop_meanwhile(void)
{
	harness.device->live = false; /* a vCPU has begun to stop the device, and waits for its chain */
}

/* It would never come by while it waits for us: the chain goes back at once, and the device is whole afterwards. */
START_TEST(whoever_waits_for_us_is_not_waited_for)
{
	u32 page = 0x201, length;

	start();
	numbers(&page, 1);
	fake_while_settling = stop_meanwhile;
	ck_assert(offer(0, BUFFERS, 4, 0, &length) && fake_given[0x201]);
	ck_assert_uint_eq(harness.device->queues[0].in_flight, 0);
	fake_while_settling = NULL;
	harness_start();
	page = 0x202;
	numbers(&page, 1);
	ck_assert(offer(0, BUFFERS, 4, 0, &length) && fake_given[0x202]);
	harness_destroy();
}
END_TEST

START_TEST(reported_pages_go_back)
{
	static const unsigned queues[] = { VIRTIO_BALLOON_REPORTING_PACKED, VIRTIO_BALLOON_REPORTING };
	u32 length;

	start();
	for (unsigned i = 0; i < 2; i++) {
		u32 page = 0x300 + 0x20 * i;

		ck_assert(offer(queues[i], (u64)page * PAGE_SIZE - 100, 4 * PAGE_SIZE, VIRTQ_DESC_F_WRITE, &length) && length == 0);
		ck_assert(!fake_given[page - 1] && fake_given[page] && fake_given[page + 2] && !fake_given[page + 3]);
		ck_assert(offer(queues[i], ~0ull - 100, 50, VIRTQ_DESC_F_WRITE, &length)); /* nothing of ours */
		ck_assert(offer(queues[i], FAKE_RAM_BYTES, 0x10000, VIRTQ_DESC_F_WRITE, &length));
	}
	harness_destroy();
}
END_TEST

START_TEST(without_reporting_nothing_is_taken)
{
	u32 length;

	start();
	harness.features = ~BIT64(VIRTIO_BALLOON_F_PAGE_REPORTING);
	harness_start();
	ck_assert(offer(VIRTIO_BALLOON_REPORTING, 0x300000, PAGE_SIZE, VIRTQ_DESC_F_WRITE, &length));
	ck_assert(!fake_given[0x300]);
	harness_destroy();
}
END_TEST

START_TEST(target)
{
	unsigned before;

	start();
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 4), 0);
	before = harness.messages[0];
	state.target_bytes = FAKE_RAM_BYTES / 2;
	harness.instance.ops->changed(harness.instance.device);
	ck_assert_uint_eq(harness.messages[0], before + 1);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 4), FAKE_RAM_PAGES / 2);
	reg_write(DEVICE_CONFIG, 4, 7); /* read-only */
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 4), FAKE_RAM_PAGES / 2);
	reg_write(DEVICE_CONFIG + 4, 4, 100);
	ck_assert_uint_eq(state.actual_pages, 100);
	harness_start(); /* a reset keeps the target, not what the guest said */
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 4), FAKE_RAM_PAGES / 2);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 4, 4), 0);
	harness_destroy();
}
END_TEST

START_TEST(statistics)
{
	static const struct virtio_balloon_stat first[] = { { 4, 1000 }, { 5, 2000 }, { 99, 1 }, { 0xffff, 1 } };
	static const struct virtio_balloon_stat second[] = { { 4, 1500 } };
	u32 length;

	start();
	memcpy(fake_ram + BUFFERS, first, sizeof(first));
	fake_missing[BUFFERS >> PAGE_SHIFT] = true;
	ck_assert(!offer(VIRTIO_BALLOON_STATS, BUFFERS, sizeof(first), 0, &length)); /* kept until it is asked for again */
	ck_assert(state.known == (BIT32(4) | BIT32(5)) && state.statistics[4] == 1000 && state.statistics[5] == 2000);
	ck_assert(state.updated_ns);
	harness.instance.ops->changed(harness.instance.device); /* without a poll nothing is asked */
	harness_run();
	ck_assert(!ring_used(VIRTIO_BALLOON_STATS, &length, &length));
	state.polls++;
	harness.instance.ops->changed(harness.instance.device);
	harness_run();
	ck_assert(ring_used(VIRTIO_BALLOON_STATS, &length, &length) && length == 0);
	memcpy(fake_ram + BUFFERS, second, sizeof(second));
	ck_assert(!offer(VIRTIO_BALLOON_STATS, BUFFERS, sizeof(second), 0, &length));
	ck_assert_uint_eq(state.statistics[4], 1500);
	harness.instance.ops->quiesce(harness.instance.device); /* a buffer in the ring keeps nobody waiting */
	harness.instance.ops->resume(harness.instance.device);
	harness_run();
	harness_destroy();
}
END_TEST

START_TEST(broken_rules)
{
	static const struct { unsigned queue; u64 address; } rows[] = {
		{ VIRTIO_BALLOON_INFLATE, FAKE_RAM_BYTES }, { VIRTIO_BALLOON_INFLATE, FAKE_RAM_BYTES - 4 },
		{ VIRTIO_BALLOON_STATS, FAKE_RAM_BYTES },
	};
	u32 length;

	start();
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert(!offer(rows[i].queue, rows[i].address, 40, 0, &length));
		ck_assert(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1) & VIRTIO_STATUS_NEEDS_RESET);
		harness_start();
	}
	harness_destroy();
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer writer;
	struct state_reader reader;

	start();
	reg_write(DEVICE_CONFIG + 4, 4, 77);
	harness.instance.ops->quiesce(harness.instance.device);
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	harness.instance.ops->reset(harness.instance.device);
	ck_assert_uint_eq(state.actual_pages, 0);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(harness.instance.ops->load(harness.instance.device, &reader), OK);
	ck_assert_uint_eq(state.actual_pages, 77);
	for (size_t i = 0; i < writer.size_bytes; i++) { /* whatever changed is refused, or harmless */
		writer.data[i] ^= 0x81;
		reader.offset_bytes = 0;
		(void)!harness.instance.ops->load(harness.instance.device, &reader);
		writer.data[i] ^= 0x81;
		harness.instance.ops->resume(harness.instance.device);
		harness_run();
		harness.instance.ops->quiesce(harness.instance.device);
	}
	harness.instance.ops->resume(harness.instance.device);
	state_writer_release(&writer);
	harness_destroy();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio balloon");
	TCase *t = tcase_create("balloon");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, inflated_pages_go_back);
	tcase_add_test(t, whoever_waits_for_us_is_not_waited_for);
	tcase_add_test(t, reported_pages_go_back);
	tcase_add_test(t, without_reporting_nothing_is_taken);
	tcase_add_test(t, target);
	tcase_add_test(t, statistics);
	tcase_add_test(t, broken_rules);
	tcase_add_test(t, saved_state);
	suite_add_tcase(suite, t);
	return suite;
}

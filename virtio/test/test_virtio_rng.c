/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_rng.c hv/entropy.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* The entropy device: buffers filled, never read, a rate that is kept, buffers that cannot be. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "arch/x86/random.h"
#include "hv/lib/error.h"
#include "virtio/models.h"
#include "virtio/test/harness.h"

bool random_seed(u64 *value) { static u64 next; *value = ++next * 0x9e3779b97f4a7c15ull; return true; }
bool random_hardware(u64 *value) { return random_seed(value); }

/* The harness's clock moves by 1 us at each look; a period of 1 ms holds many. */
static void start(u64 rate_bytes)
{
	struct device_spec spec = { .model = "virtio-rng", .alias = "rng0", .slot = HARNESS_SLOT, .rng = { rate_bytes, 1000000 } };

	harness_disk = NULL;
	harness_create(&virtio_rng_model, &spec);
	harness.device = harness.instance.device; /* its first member */
	harness_start();
}

static bool ask(u64 address, u32 size_bytes, u16 flags, u32 *length)
{
	u32 id;

	ring_desc(0, 0, address, size_bytes, flags, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
	harness_run();
	return ring_used(0, &id, length);
}

START_TEST(buffers_are_filled)
{
	u32 length, zeroes = 0;

	start(1u << 20);
	ck_assert(ask(BUFFERS, 64, VIRTQ_DESC_F_WRITE, &length));
	ck_assert_uint_eq(length, 64);
	for (unsigned i = 0; i < 64; i++)
		zeroes += fake_ram[BUFFERS + i] == 0;
	ck_assert_uint_lt(zeroes, 8);
	ck_assert(fake_ram[BUFFERS + 64] == 0 && fake_ram[BUFFERS - 1] == 0);
	ck_assert(ask(BUFFERS, 100000, VIRTQ_DESC_F_WRITE, &length)); /* some of it is enough */
	ck_assert_uint_eq(length, 256);
	ck_assert_uint_eq(fake_pins(), 3);
	harness_destroy();
}
END_TEST

START_TEST(buffers_that_cannot_be_filled)
{
	static const struct virtq_desc rows[] = {
		{ BUFFERS, 64, 0, 0 }, { FAKE_RAM_BYTES, 64, VIRTQ_DESC_F_WRITE, 0 }, { BUFFERS, 0, VIRTQ_DESC_F_WRITE, 0 },
		{ 0xfee00000, 64, VIRTQ_DESC_F_WRITE, 0 },
	};
	u32 length;

	start(1u << 20);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert(!ask(rows[i].address, rows[i].length, rows[i].flags, &length));
		ck_assert(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1) & VIRTIO_STATUS_NEEDS_RESET);
		harness_start();
		ck_assert(ask(BUFFERS, 8, VIRTQ_DESC_F_WRITE, &length));
	}
	harness_destroy();
}
END_TEST

START_TEST(rate)
{
	u32 length, given = 0;

	start(100);
	harness_waits = 0;
	for (unsigned i = 0; i < 20; i++) {
		ck_assert(ask(BUFFERS, 64, VIRTQ_DESC_F_WRITE, &length));
		given += length;
	}
	ck_assert_uint_ge(harness_waits, given / 100 - 1);
	harness_destroy();
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer writer;
	struct state_reader reader;
	u32 length;

	start(1u << 20);
	ck_assert(ask(BUFFERS, 16, VIRTQ_DESC_F_WRITE, &length));
	harness.instance.ops->quiesce(harness.instance.device);
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	harness.instance.ops->reset(harness.instance.device);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(harness.instance.ops->load(harness.instance.device, &reader), OK);
	harness.instance.ops->resume(harness.instance.device);
	ck_assert(ask(BUFFERS, 16, VIRTQ_DESC_F_WRITE, &length));
	for (size_t i = 0; i < writer.size_bytes; i++) { /* whatever changed is refused, or harmless */
		harness.instance.ops->quiesce(harness.instance.device);
		writer.data[i] ^= 0x81;
		reader.offset_bytes = 0;
		(void)!harness.instance.ops->load(harness.instance.device, &reader);
		writer.data[i] ^= 0x81;
		harness.instance.ops->resume(harness.instance.device);
		harness_run();
	}
	state_writer_release(&writer);
	harness_destroy();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio rng");
	TCase *t = tcase_create("rng");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, buffers_are_filled);
	tcase_add_test(t, buffers_that_cannot_be_filled);
	tcase_add_test(t, rate);
	tcase_add_test(t, saved_state);
	suite_add_tcase(suite, t);
	return suite;
}

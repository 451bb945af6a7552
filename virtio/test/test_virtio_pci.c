/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_blk.c virtio/virtio_blk_request.c virtio/virtio_blk_errors.c virtio/virtio_blk_limits.c hv/block/transfer.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* The PCI transport and a device's life, with a disk as the device: capabilities, the window in configuration space, status, features, queues, interrupts, saved state. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/test/harness.h"
#include "virtio/virtio_blk.h"

static struct fake_disk disk;
static struct disk_statistics statistics;

static void setup(void)
{
	struct device_spec spec = { .model = "virtio-blk", .alias = "virtio-disk0", .slot = HARNESS_SLOT };

	fake_disk_init(&disk, "fake0", 2048);
	harness_disk = &disk;
	memset(&statistics, 0, sizeof(statistics));
	spec.disk = (struct device_disk){ .device = &disk.device, .statistics = &statistics, .queues = 2, .serial = "S3R14L" };
	harness_create(&virtio_blk_model, &spec);
	harness.device = &((struct virtio_blk *)harness.instance.device)->device;
}

static void teardown(void)
{
	harness_destroy();
	fake_disk_release(&disk);
}

static u8 status(void)
{
	return (u8)reg_read(COMMON + VIRTIO_COMMON_STATUS, 1);
}

static u32 config(unsigned offset, unsigned size_bytes)
{
	return vpci_config_read(&harness.bus, HARNESS_DEVFN, offset, size_bytes);
}

static unsigned find_capability(u8 type, unsigned nth)
{
	for (unsigned at = config(PCI_CAPABILITIES, 1); at; at = config(at + 1, 1))
		if (config(at, 1) == PCI_CAPABILITY_VENDOR && config(at + VIRTIO_CAP_TYPE, 1) == type && !nth--)
			return at;
	return 0;
}

START_TEST(identity)
{
	ck_assert_uint_eq(config(PCI_VENDOR_ID, 4), 0x10421af4);
	ck_assert_uint_ge(config(PCI_REVISION_ID, 1), 1);
	ck_assert_uint_ge(config(PCI_SUBSYSTEM_ID, 2), 0x40);
	ck_assert_uint_eq(config(PCI_CLASS_CODE, 2) | config(PCI_CLASS_CODE + 2, 1) << 16, 0x010000);
}
END_TEST

START_TEST(capabilities)
{
	static const struct { u8 type, nth, bytes; } rows[] = {
		{ VIRTIO_PCI_CAP_NOTIFY, 0, 20 }, { VIRTIO_PCI_CAP_NOTIFY, 1, 20 }, { VIRTIO_PCI_CAP_COMMON, 0, 16 },
		{ VIRTIO_PCI_CAP_ISR, 0, 16 }, { VIRTIO_PCI_CAP_DEVICE, 0, 16 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned at = find_capability(rows[i].type, rows[i].nth), bar = config(at + VIRTIO_CAP_BAR, 1);
		const struct vpci_device *device = harness.bus.devices[HARNESS_DEVFN];

		ck_assert_uint_ne(at, 0);
		ck_assert_uint_eq(config(at + VIRTIO_CAP_LENGTH, 1), rows[i].bytes);
		ck_assert(bar < VPCI_BARS && device->bars[bar].ops);
		ck_assert_uint_le(config(at + VIRTIO_CAP_OFFSET, 4) + config(at + VIRTIO_CAP_SIZE, 4), device->bars[bar].size_bytes);
		if (rows[i].type == VIRTIO_PCI_CAP_NOTIFY) /* "length >= queue_notify_off * multiplier + 2", of the last queue */
			ck_assert_uint_ge(config(at + VIRTIO_CAP_SIZE, 4), config(at + VIRTIO_CAP_NOTIFY_MULTIPLIER, 4) + 2);
	}
	ck_assert_uint_ne(find_capability(VIRTIO_PCI_CAP_PCI, 0), 0);
}
END_TEST

static void window(unsigned at, u32 bar, u32 offset, u32 length)
{
	vpci_config_write(&harness.bus, HARNESS_DEVFN, at + VIRTIO_CAP_BAR, 1, bar);
	vpci_config_write(&harness.bus, HARNESS_DEVFN, at + VIRTIO_CAP_OFFSET, 4, offset);
	vpci_config_write(&harness.bus, HARNESS_DEVFN, at + VIRTIO_CAP_SIZE, 4, length);
}

/* BARs need not be placed. HOSTILE 6: lengths and BARs that are none give nothing. */
START_TEST(window_in_configuration_space)
{
	static const struct { u32 bar, offset, length; } bad[] = {
		{ 4, 0, 3 }, { 4, 0, 0 }, { 4, 0, 8 }, { 4, 0, ~0u }, { 4, 2, 4 }, { 4, 1, 2 }, { 6, 0, 4 }, { 255, 0, 4 },
		{ 3, 0, 4 }, { 5, 0, 4 }, { 4, 8192, 4 }, { 4, ~3u, 4 }, { 0, 16, 1 },
	};
	unsigned at = find_capability(VIRTIO_PCI_CAP_PCI, 0), data = at + VIRTIO_CAP_PCI_DATA;

	window(at, 4, VIRTIO_COMMON_NUM_QUEUES, 2);
	ck_assert_uint_eq(config(data, 2), 2);
	ck_assert_uint_eq(config(data, 4), 2);
	window(at, 4, VIRTIO_COMMON_STATUS, 1);
	vpci_config_write(&harness.bus, HARNESS_DEVFN, data, 1, VIRTIO_STATUS_ACKNOWLEDGE);
	ck_assert_uint_eq(config(data, 1), VIRTIO_STATUS_ACKNOWLEDGE);
	window(at, 4, 4096, 4);
	ck_assert_uint_eq(config(data, 4), 2048); /* the capacity */
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		window(at, bad[i].bar, bad[i].offset, bad[i].length);
		vpci_config_write(&harness.bus, HARNESS_DEVFN, data, 4, 0xffffffff);
		ck_assert_msg(config(data, 4) == 0, "row %u", i);
	}
	window(at, 4, VIRTIO_COMMON_STATUS, 1);
	ck_assert_uint_eq(config(data, 1), VIRTIO_STATUS_ACKNOWLEDGE);
}
END_TEST

START_TEST(features)
{
	u64 offered = harness.device->offered;

	harness_plug_bars();
	for (u32 select = 0; select < 5; select++) {
		reg_write(COMMON + VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, select == 4 ? 0xffffffff : select);
		ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_DEVICE_FEATURE, 4), select < 2 ? (u32)(offered >> (32 * select)) : 0);
	}
	ck_assert(offered >> VIRTIO_F_VERSION_1 & 1 && offered >> VIRTIO_F_RING_RESET & 1);
	/* VERSION_1 missing; then a bit that was not offered: FEATURES_OK does not stay. */
	for (unsigned i = 0; i < 3; i++) {
		reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 1);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE, 4, i == 0 ? 0 : 1);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, 0);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE, 4, i == 1 ? BIT32(5) /* RO */ : 0);
		reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 3);
		reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 3 | VIRTIO_STATUS_FEATURES_OK);
		ck_assert_uint_eq(status(), i < 2 ? 3 : 3 | VIRTIO_STATUS_FEATURES_OK);
	}
	reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE, 4, BIT32(5)); /* too late */
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_DRIVER_FEATURE, 4), 0);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 1); /* backwards: bits stay */
	ck_assert_uint_eq(status(), 3 | VIRTIO_STATUS_FEATURES_OK);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, VIRTIO_STATUS_NEEDS_RESET); /* not the driver's */
	ck_assert_uint_eq(status(), 3 | VIRTIO_STATUS_FEATURES_OK);
}
END_TEST

START_TEST(initialisation_skipped)
{
	harness_plug_bars();
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 3 | VIRTIO_STATUS_DRIVER_OK);
	ck_assert(status() & VIRTIO_STATUS_NEEDS_RESET);
	ck_assert(!harness.device->live);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
	ck_assert_uint_eq(status(), 0);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_DESC, 8, 0x1000);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2, 1); /* before FEATURES_OK */
	ck_assert(status() & VIRTIO_STATUS_NEEDS_RESET);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
}
END_TEST

START_TEST(queue_registers)
{
	static const u16 sizes[] = { 0, 3, 127, 129, 256, 0xffff, 0x8000 };

	harness_start();
	ck_assert_uint_eq(status(), 15);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2), 64);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2), 1);
	/* In use: nothing of it changes, and enabling twice or disabling does nothing. */
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2, 32);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_DESC, 8, 0x3000);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2, 0);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2), 64);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_DESC, 8), RING_DESC(1));
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2), 1);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_SELECT, 2, 2); /* there is none */
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2), 0);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_SELECT, 2, 0xffff);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2, 4);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_SELECT, 2, 0);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_MSIX, 2, 3); /* queues + 1 vectors: 0 to 2 */
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_MSIX, 2, 2);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_MSIX, 2), 2);
	ck_assert_uint_eq(status(), 15);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_RESET, 2, 1);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_RESET, 2), 0);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2), BLK_QUEUE_SIZE);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_DESC, 8), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		reg_write(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2, sizes[i]);
		ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2), BLK_QUEUE_SIZE);
	}
	harness.queue_size = 16; /* enabled again, it honours the new size */
	harness_setup_queue(0);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2), 16);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2), 1);
	/* odd accesses: none of them is an access to anything */
	reg_write(COMMON + 0xfff, 1, 1);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_BYTES, 4), 0);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 60, 8), 0);
	ck_assert_uint_eq(reg_read(CONFIG_BAR + 8188, 4), 0);
}
END_TEST

START_TEST(queues_in_wrong_places)
{
	static const u64 places[] = { FAKE_RAM_BYTES, FAKE_RAM_BYTES - 16, ~0ull & ~15ull, 0x1008, 0xfffffff0, 0xfee00000 };

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		harness_start();
		reg_write(COMMON + VIRTIO_COMMON_QUEUE_RESET, 2, 1);
		reg_write(COMMON + VIRTIO_COMMON_QUEUE_DESC, 8, places[i]);
		reg_write(COMMON + VIRTIO_COMMON_QUEUE_DRIVER, 8, 0x2000);
		reg_write(COMMON + VIRTIO_COMMON_QUEUE_DEVICE, 8, 0x3000);
		harness.messages[0] = 0;
		reg_write(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
		ck_assert_msg(status() & VIRTIO_STATUS_NEEDS_RESET, "row %u", i);
		ck_assert_uint_eq(harness.messages[0], 1); /* "a device configuration change notification" */
		ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2), 0);
	}
}
END_TEST

static void offer_read(unsigned q)
{
	static const struct virtio_blk_header header = { VIRTIO_BLK_T_IN, 0, 0 };

	memcpy(fake_ram + BUFFERS, &header, sizeof(header));
	ring_desc(q, 0, BUFFERS, 16, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(q, 1, BUFFERS + 0x1000, 512, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, 2);
	ring_desc(q, 2, BUFFERS + 0x2000, 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(q, 0);
}

/* Doorbells: in ports and in memory; too early, for no queue, of one byte, without bus mastering, and for nothing. */
START_TEST(doorbells)
{
	u32 id, length;

	harness_plug_bars();
	ring_doorbell(0);
	reg_write(FAST_BAR, 2, 0);
	ck_assert_uint_eq(harness.device->kicks, 0);
	harness_start();
	ring_doorbell(0); /* spurious */
	harness_run();
	offer_read(1);
	ring_doorbell(2);
	ring_doorbell(0xffff);
	reg_write(FAST_BAR + 8, 2, 2);
	reg_write(FAST_BAR + 5, 2, 1);
	reg_write(FAST_BAR + 4, 1, 1);
	io_map_write(&harness.vm->ports, PORTS_BAR, 1, 1);
	io_map_write(&harness.vm->ports, PORTS_BAR + 2, 2, 1);
	vpci_config_write(&harness.bus, HARNESS_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	ring_doorbell(1);
	vpci_config_write(&harness.bus, HARNESS_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	harness_run();
	ck_assert(!ring_used(1, &id, &length));
	reg_write(FAST_BAR + 4, 2, 0); /* memory: the place says which */
	ck_assert(ring_used(1, &id, &length));
	offer_read(1);
	ring_doorbell(1);
	ck_assert(ring_used(1, &id, &length));
	ck_assert(id == 0 && length == 513);
	ck_assert_uint_eq(harness.messages[2], 2);
	ck_assert_uint_eq(harness.messages[1], 0);
}
END_TEST

START_TEST(interrupt_line)
{
	u32 id, length;

	harness_start();
	vpci_config_write(&harness.bus, HARNESS_DEVFN, harness.bus.devices[HARNESS_DEVFN]->msix.capability + 2u, 2, 0); /* MSI-X off */
	offer_read(0);
	ring_doorbell(0);
	ck_assert(ring_used(0, &id, &length) && harness.line);
	ck_assert_uint_eq(config(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
	ck_assert_uint_eq(reg_read(ISR, 1), VIRTIO_ISR_QUEUE);
	ck_assert(!harness.line);
	ck_assert_uint_eq(reg_read(ISR, 1), 0);
	disk.device.limits.sector_count = 4096;
	harness.instance.ops->changed(harness.instance.device);
	ck_assert(harness.line);
	ck_assert_uint_eq(reg_read(ISR, 1), VIRTIO_ISR_CONFIG);
	ck_assert(!harness.line);
}
END_TEST

START_TEST(configuration_changes)
{
	u8 before;

	harness_start();
	before = (u8)reg_read(COMMON + VIRTIO_COMMON_GENERATION, 1);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 8), 2048);
	disk.device.limits.sector_count = 1024;
	harness.messages[0] = 0;
	harness.instance.ops->changed(harness.instance.device);
	ck_assert_uint_eq(harness.messages[0], 1);
	ck_assert_uint_ne(reg_read(COMMON + VIRTIO_COMMON_GENERATION, 1), before);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 4), 1024);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 4, 4), 0);
	reg_write(DEVICE_CONFIG, 8, 7); /* not the driver's */
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG, 8), 1024);
	reg_write(COMMON + VIRTIO_COMMON_MSIX_CONFIG, 2, VIRTIO_MSI_NO_VECTOR);
	harness.instance.ops->changed(harness.instance.device);
	ck_assert_uint_eq(harness.messages[0], 1);
}
END_TEST

/* The reset stops I/O first: whatever the disk says later reaches nobody. */
START_TEST(reset_during_io)
{
	u8 *ram;
	u32 id, length;

	for (unsigned how = 0; how < 4; how++) {
		disk.deferred = false;
		harness_start();
		disk.deferred = true;
		offer_read(0);
		ring_doorbell(0);
		ck_assert(!list_empty(&disk.waiting));
		if (how == 0) {
			reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
		} else if (how == 1) {
			reg_write(COMMON + VIRTIO_COMMON_QUEUE_SELECT, 2, 0);
			reg_write(COMMON + VIRTIO_COMMON_QUEUE_RESET, 2, 1);
		} else {
			harness.instance.ops->quiesce(harness.instance.device);
		}
		ck_assert(list_empty(&disk.waiting));
		if (how == 3)
			harness.instance.ops->reset(harness.instance.device);
		ram = malloc(FAKE_RAM_BYTES);
		memcpy(ram, fake_ram, FAKE_RAM_BYTES);
		if (how >= 2) {
			offer_read(0);
			memcpy(ram, fake_ram, FAKE_RAM_BYTES);
		}
		ring_doorbell(0);
		harness_run();
		ck_assert_uint_eq(fake_disk_complete(&disk, 99), 0);
		ck_assert(memcmp(ram, fake_ram, FAKE_RAM_BYTES) == 0);
		free(ram);
		ck_assert_uint_eq(fake_pins() != 0, how == 1 || how == 2); /* the other queue's rings, or both */
		if (how >= 2)
			harness.instance.ops->resume(harness.instance.device);
		harness_run();
		disk.deferred = false;
		fake_disk_complete(&disk, 99);
		if (how == 2) /* what came while it was paused is done when it goes on */
			ck_assert(ring_used(0, &id, &length) && ring_used(0, &id, &length));
	}
}
END_TEST

START_TEST(failed)
{
	u32 id, length;

	harness_start();
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 15 | VIRTIO_STATUS_FAILED);
	offer_read(0);
	ring_doorbell(0);
	harness_run();
	ck_assert(!ring_used(0, &id, &length));
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer writer;
	struct state_reader reader;
	u32 id, length;

	harness_start();
	offer_read(0);
	ring_doorbell(0);
	ck_assert(ring_used(0, &id, &length));
	harness.instance.ops->quiesce(harness.instance.device);
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	harness.instance.ops->reset(harness.instance.device);
	ck_assert_uint_eq(status(), 0);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(harness.instance.ops->load(harness.instance.device, &reader), OK);
	harness.instance.ops->resume(harness.instance.device);
	harness_run();
	ck_assert_uint_eq(status(), 15);
	offer_read(0);
	ring_doorbell(0);
	ck_assert(ring_used(0, &id, &length));
	ck_assert_uint_eq(harness.messages[1], 2);
	/* Hostile: any byte of it may be anything. It is refused, or is a state that the device can be in. */
	srandom(1);
	for (unsigned i = 0; i < 3000; i++) {
		size_t at = (size_t)random() % writer.size_bytes;
		u8 kept = writer.data[at];

		harness.instance.ops->quiesce(harness.instance.device);
		writer.data[at] = (u8)random();
		reader.offset_bytes = 0;
		reader.size_bytes = random() % 16 ? writer.size_bytes : (size_t)random() % writer.size_bytes;
		(void)!harness.instance.ops->load(harness.instance.device, &reader);
		harness.instance.ops->resume(harness.instance.device);
		ring_doorbell(0);
		harness_run();
		writer.data[at] = kept;
	}
	state_writer_release(&writer);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio pci");
	TCase *t = tcase_create("transport");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, identity);
	tcase_add_test(t, capabilities);
	tcase_add_test(t, window_in_configuration_space);
	tcase_add_test(t, features);
	tcase_add_test(t, initialisation_skipped);
	tcase_add_test(t, queue_registers);
	tcase_add_test(t, queues_in_wrong_places);
	tcase_add_test(t, doorbells);
	tcase_add_test(t, interrupt_line);
	tcase_add_test(t, configuration_changes);
	tcase_add_test(t, reset_during_io);
	tcase_add_test(t, failed);
	tcase_add_test(t, saved_state);
	suite_add_tcase(suite, t);
	return suite;
}

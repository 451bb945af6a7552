/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_blk.c virtio/virtio_blk_request.c virtio/virtio_blk_errors.c virtio/virtio_blk_limits.c hv/block/transfer.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/*
 * A hostile driver on a whole disk: each step of the input writes registers, configuration space or memory, rings a doorbell,
 * lets the disk complete, resets, pauses, saves and loads. No assertion of ours fails, nothing stays pinned, every page that the
 * device touches is RAM.
 */
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/test/harness.h"
#include "virtio/virtio_blk.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct fake_disk disk;
static struct disk_statistics statistics;

static u32 take(const u8 **data, size_t *size, unsigned count)
{
	u32 value = 0;

	for (unsigned i = 0; i < count && *size; i++, (*data)++, (*size)--)
		value |= (u32)**data << (8 * i);
	return value;
}

/* Where a driver's structures are, and not: most values land near something that matters. */
static u64 place(u32 value)
{
	static const u64 bases[] = { BUFFERS, RING_DESC(0), RING_AVAIL(0), RING_USED(0), RING_DESC(1), FAKE_RAM_BYTES - 4096, 0xfffff000,
				     ~0ull - 4095 };

	return bases[value % 8] + (value >> 3 & 0xfff);
}

static void save_and_load(const u8 **data, size_t *size)
{
	struct state_writer writer;
	struct state_reader reader;

	harness.instance.ops->quiesce(harness.instance.device);
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	for (unsigned i = take(data, size, 1) % 8; i && !writer.failed; i--)
		writer.data[take(data, size, 2) % writer.size_bytes] = (u8)take(data, size, 1);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	(void)!harness.instance.ops->load(harness.instance.device, &reader);
	harness.instance.ops->resume(harness.instance.device);
	state_writer_release(&writer);
}

/* A request of three buffers, with the input's choices in each field. */
static void offer_request(const u8 **data, size_t *size)
{
	static const u32 types[] = { 0, 1, 4, 8, 11, 13, 2, 0xffffffff };
	struct virtio_blk_header header = { types[take(data, size, 1) % 8], 0, take(data, size, 2) };
	u32 shape = take(data, size, 1);

	if (shape & 128)
		header.sector = ~header.sector;
	memcpy(fake_ram + BUFFERS, &header, 16);
	ring_desc(0, 0, BUFFERS, shape & 64 ? take(data, size, 1) : 16, VIRTQ_DESC_F_NEXT, 1);
	ring_desc(0, 1, place(take(data, size, 2)), take(data, size, 1) << (shape & 15), (u16)(VIRTQ_DESC_F_NEXT | (shape >> 4 & 2)), 2);
	ring_desc(0, 2, place(take(data, size, 2)), 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
}

static void step(const u8 **data, size_t *size)
{
	u32 what = take(data, size, 1), where, value;

	switch (what % 16) {
	case 0: reg_write(COMMON + take(data, size, 1) % 64, 1u << (what >> 4 & 3), take(data, size, 4)); break;
	case 1: reg_write(DEVICE_CONFIG + take(data, size, 1) % 64, 1u << (what >> 4 & 3), take(data, size, 2)); break;
	case 2: (void)reg_read((what & 128 ? ISR : COMMON) + take(data, size, 1), 1u << (what >> 4 & 3)); break;
	case 3: io_map_write(&harness.vm->ports, PORTS_BAR + (what >> 6), 1u << (what >> 4 & 1), take(data, size, 2)); break;
	case 4: reg_write(FAST_BAR + take(data, size, 1), 2, 0); break;
	case 5: vpci_config_write(&harness.bus, HARNESS_DEVFN, take(data, size, 1), 1u << (what >> 4) % 3, take(data, size, 4)); break;
	case 6: (void)vpci_config_read(&harness.bus, HARNESS_DEVFN, take(data, size, 1), 1u << (what >> 4) % 3); break;
	case 7: reg_write(MSIX_BAR + take(data, size, 2) % 4096, 4, take(data, size, 4) & 0x3f); break;
	case 8:
	case 9:
		where = take(data, size, 2);
		value = take(data, size, 1);
		fake_ram[place(where) % FAKE_RAM_BYTES] = (u8)value;
		break;
	case 10: offer_request(data, size); break;
	case 11: fake_disk_complete(&disk, what >> 4); break;
	case 12: harness_run(); break;
	case 13: harness_start(); break;
	case 14: disk.deferred = what & 16; disk.fail_with = what & 32 ? ERR_IO : OK; break;
	default: save_and_load(data, size); break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct device_spec spec = { .model = "virtio-blk", .alias = "virtio-disk0", .slot = HARNESS_SLOT };

	if (size < 2)
		return 0;
	fake_disk_init(&disk, "fake0", 128);
	disk.device.fast_bytes = data[0] & 1 ? 4096 : 0;
	harness_disk = &disk;
	memset(&statistics, 0, sizeof(statistics));
	spec.disk = (struct device_disk){ .device = &disk.device, .statistics = &statistics, .queues = 2, .read_only = data[0] & 2,
					  .discard = true };
	harness_create(&virtio_blk_model, &spec);
	harness.device = &((struct virtio_blk *)harness.instance.device)->device;
	if (data[0] & 4)
		harness_start();
	data++;
	size--;
	while (size)
		step(&data, &size);
	harness_destroy();
	fake_disk_release(&disk);
	return 0;
}

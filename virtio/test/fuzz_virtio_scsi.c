/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/test/hostile.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/scsi_unit.c virtio/scsi_inquiry.c virtio/scsi_block.c virtio/scsi_mode.c virtio/scsi_cdrom.c virtio/virtio_payload.c virtio/virtio_scsi.c virtio/virtio_scsi_request.c virtio/virtio_scsi_control.c hv/block/transfer.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/format.c hv/lib/string.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/*
 * A hostile driver on a SCSI controller with a disk and a CD drive, while units come and go, media change and the disk fails. Well-formed
 * commands with any CDB and parameters are a step of their own, so that the command layer sees more than what lies in random bytes.
 */
#include <string.h>
#include "hv/lib/error.h"
#include "virtio/test/hostile.h"
#include "virtio/virtio_scsi.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct fake_disk disk, medium;
static struct scsi_bus bus;
static struct disk_statistics statistics;

static void stopped(void *context) { (void)context; }

static void offer_command(struct hostile *input)
{
	static const u8 opcodes[] = { 0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2a, 0x35, 0x41, 0x42, 0x43, 0x46, 0x4a,
				      0x51, 0x55, 0x5a, 0x88, 0x8a, 0x91, 0x93, 0x9e, 0xa0, 0xa8, 0xaa, 0xbb };
	struct virtio_scsi_request_head head = { .lun = { 1, 0, 0x40, (u8)(hostile_take(input, 1) % 3) }, .tag = 7 };
	u32 shape = hostile_take(input, 1), bytes = hostile_take(input, 1), out = hostile_take(input, 2) % 8192, in = hostile_take(input, 2) % 8192;
	u8 *at = fake_ram + BUFFERS;
	unsigned next = 1;

	memset(at, 0, 51);
	memcpy(at, &head, sizeof(head));
	at[19] = opcodes[hostile_take(input, 1) % sizeof(opcodes)];
	for (unsigned i = 1; i < bytes % 16; i++)
		at[19 + i] = (u8)hostile_take(input, 1);
	for (unsigned i = 0; i < (shape & 31); i++) /* parameters */
		fake_ram[BUFFERS + 0x1000 + i] = (u8)hostile_take(input, 1);
	ring_desc(2, 0, BUFFERS, 51, VIRTQ_DESC_F_NEXT, 1);
	if (out)
		ring_desc(2, next, BUFFERS + 0x1000, out, VIRTQ_DESC_F_NEXT, (u16)(next + 1)), next++;
	ring_desc(2, next, BUFFERS + 0x400, 108, (u16)(VIRTQ_DESC_F_WRITE | (in ? VIRTQ_DESC_F_NEXT : 0)), (u16)(next + 1));
	if (in)
		ring_desc(2, next + 1, BUFFERS + 0x4000 + (shape >> 6), in, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(2, 0);
	ring_doorbell(2);
}

static void offer_management(struct hostile *input)
{
	struct virtio_scsi_tmf tmf = { VIRTIO_SCSI_T_TMF, hostile_take(input, 1) % 9, { 1, 0, 0x40, (u8)(hostile_take(input, 1) % 3) }, 7 };

	memcpy(fake_ram + BUFFERS + 0x800, &tmf, sizeof(tmf));
	ring_desc(0, 0, BUFFERS + 0x800, sizeof(tmf), VIRTQ_DESC_F_NEXT, 1);
	ring_desc(0, 1, BUFFERS + 0x900, 1, VIRTQ_DESC_F_WRITE, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
}

static void more(struct hostile *input, u32 what)
{
	struct device_scsi_unit unit = { .target = (u8)(what & 1), .lun = (u16)hostile_take(input, 1), .disk = { .device = &disk.device } };

	switch (what % 8) {
	case 0:
	case 1:
	case 2: offer_command(input); break;
	case 3: offer_management(input); break;
	case 4: (void)!bus.attach(bus.device, &unit); break;
	case 5: bus.detach(bus.device, unit.target, unit.lun); break;
	case 6: (void)!bus.set_medium(bus.device, 0, 1, unit.lun & 1 ? &medium.device : NULL, unit.lun & 2); break;
	default:
		disk.deferred = unit.lun & 1;
		disk.fail_with = unit.lun & 2 ? ERR_IO : OK;
		disk.device.limits.sector_count = unit.lun & 4 ? 64 : 128;
		if (unit.lun & 8)
			harness.instance.ops->changed(harness.instance.device);
		fake_disk_complete(&disk, unit.lun >> 4);
	}
	harness_run();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const struct device_scsi_unit units[] = {
		{ .target = 0, .lun = 0, .disk = { .device = &disk.device, .statistics = &statistics, .discard = true, .stopped = stopped,
						   .write_errors = size && data[0] & 2 ? DISK_ERRORS_STOP : DISK_ERRORS_REPORT } },
		{ .target = 0, .lun = 1, .cdrom = true, .disk = { .device = &medium.device } },
	};
	struct device_spec spec = { .model = "virtio-scsi", .alias = "scsi0", .slot = HARNESS_SLOT, .scsi = { 2, units, 1, &bus } };
	struct hostile input = { data + 1, size - 1 };

	if (size < 2)
		return 0;
	fake_disk_init(&disk, "fake0", 128);
	fake_disk_init(&medium, "fake1", 128);
	harness_disk = &disk;
	harness_create(&virtio_scsi_model, &spec);
	harness.device = &((struct virtio_scsi *)harness.instance.device)->device;
	if (data[0] & 1)
		harness_start();
	hostile_run(&input, more);
	disk.device.limits.sector_count = 128;
	harness_destroy();
	fake_disk_release(&disk);
	fake_disk_release(&medium);
	return 0;
}

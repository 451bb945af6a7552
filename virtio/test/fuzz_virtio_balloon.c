/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/test/hostile.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_balloon.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/* A hostile driver on a balloon, while the target moves and statistics are asked for. */
#include <string.h>
#include "virtio/models.h"
#include "virtio/test/hostile.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct balloon_state state;

static void stop_meanwhile(void)
{
	harness.device->live = false;
}

static void move_and_poll(struct hostile *input, u32 what)
{
	u32 numbers[4];

	if (what & 1) {
		state.target_bytes = (u64)hostile_take(input, 2) << 8;
		state.polls += what & 2;
		harness.instance.ops->changed(harness.instance.device);
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		numbers[i] = hostile_take(input, 2);
	memcpy(fake_ram + BUFFERS, numbers, sizeof(numbers));
	fake_while_settling = what & 4 ? stop_meanwhile : NULL;
	ring_desc(0, 0, BUFFERS, sizeof(numbers), 0, 0);
	ring_offer(0, 0);
	ring_doorbell(0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct device_spec spec = { .model = "virtio-balloon", .alias = "balloon0", .slot = HARNESS_SLOT,
				    .balloon = { &state, FAKE_RAM_BYTES, true, true } };
	struct hostile input = { data + 1, size - 1 };

	if (size < 2)
		return 0;
	harness_disk = NULL;
	state = (struct balloon_state){ .target_bytes = FAKE_RAM_BYTES };
	harness_create(&virtio_balloon_model, &spec);
	harness.device = harness.instance.device; /* its first member */
	if (data[0] & 1)
		harness_start();
	hostile_run(&input, move_and_poll);
	harness_destroy();
	return 0;
}

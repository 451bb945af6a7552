/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/test/hostile.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_console.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/* A hostile driver on a console with three ports, while somebody types. */
#include <string.h>
#include "hv/char_device.h"
#include "virtio/models.h"
#include "virtio/test/hostile.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct char_device *hosts[3];
static volatile u64 sum; /* reads all that the guest wrote */

static void received(void *context, const char *bytes, size_t count)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		sum += (u8)bytes[i];
}

static void type_and_say(struct hostile *input, u32 what)
{
	char typed[64] = { 0 };
	u16 message[4] = { (u16)(what & 3), 0, (u16)hostile_take(input, 1), (u16)hostile_take(input, 1) };

	if (what & 4) { /* a control message that is well formed */
		memcpy(fake_ram + BUFFERS, message, sizeof(message));
		ring_desc(3, 0, BUFFERS, sizeof(message), 0, 0);
		ring_offer(3, 0);
		ring_doorbell(3);
		return;
	}
	hosts[what % 3]->write(hosts[what % 3], typed, hostile_take(input, 1) % sizeof(typed));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct device_spec spec = { .model = "virtio-console", .alias = "virtio-serial0", .slot = HARNESS_SLOT,
				    .console = { 3, { { NULL, true, &hosts[0] }, { "org.a", false, &hosts[1] }, { NULL, false, &hosts[2] } } } };
	struct hostile input = { data + 1, size - 1 };

	if (size < 2)
		return 0;
	harness_disk = NULL;
	harness_create(&virtio_console_model, &spec);
	harness.device = harness.instance.device; /* its first member */
	for (unsigned i = 0; i < 3; i++)
		hosts[i]->received = received;
	if (data[0] & 1)
		harness_start();
	hostile_run(&input, type_and_say);
	harness_destroy();
	return 0;
}

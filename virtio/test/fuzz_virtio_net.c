/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_net.c virtio/virtio_net_transmit.c virtio/virtio_net_receive.c virtio/virtio_net_control.c hv/net_port.c hv/net/headers.c hv/net/finish.c hv/net/checksum.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/*
 * A hostile driver on a whole network card: descriptors, header words and commands of the input's choice on all three queues, frames
 * that come in meanwhile, resets, pauses, saved states changed. What it sends is bounded as struct net_frame promises, and what it
 * leaves undone is finished or refused; nothing stays pinned.
 */
#include <assert.h>
#include <string.h>
#include "hv/lib/error.h"
#include "hv/net/finish.h"
#include "virtio/test/harness.h"
#include "virtio/virtio_net.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct net_port port;
static u8 bytes[70000];

static u32 take(const u8 **data, size_t *size, unsigned count)
{
	u32 value = 0;

	for (unsigned i = 0; i < count && *size; i++, (*data)++, (*size)--)
		value |= (u32)**data << (8 * i);
	return value;
}

static int look(void *context, const struct net_frame *piece)
{
	(void)context;
	net_frame_copy(piece, 0, bytes, piece->size_bytes);
	return OK;
}

static int fake_send(struct net_port *from, const struct net_frame *frame)
{
	struct net_headers headers;
	u32 sum = frame->header_bytes;

	(void)from;
	for (u32 i = 0; i < frame->segment_count; i++)
		sum += frame->segments[i].size_bytes;
	assert(sum == frame->size_bytes && sum >= NET_ETHERNET_BYTES && sum <= NET_FRAME_MAX_BYTES);
	net_headers_read(frame, &headers);
	if (net_offload_fits(frame, &headers) && (frame->offload & NET_OFFLOAD_WORK))
		assert(net_finish(frame, &headers, 0, look, NULL) == OK);
	return OK;
}

static void chain(unsigned q, const u8 **data, size_t *size)
{
	static const u64 bases[] = { BUFFERS, BUFFERS + 0x3ff0, RING_DESC(0), RING_USED(1), FAKE_RAM_BYTES - 16, 0xfee00000, ~0ull - 8, BUFFERS };
	u32 count = take(data, size, 1) % 5, write = q == 0 ? VIRTQ_DESC_F_WRITE : 0;

	for (u32 i = 0; i <= count; i++) {
		u32 shape = take(data, size, 1);
		u16 flags = (u16)(write | (i < count ? VIRTQ_DESC_F_NEXT : 0u));

		if (q == 2 && i == count && i)
			flags |= VIRTQ_DESC_F_WRITE;
		if (shape & 0x80)
			flags ^= (u16)take(data, size, 1) & 7;
		ring_desc(q, i, bases[shape & 7], shape & 0x40 ? take(data, size, 3) : 2048u >> (shape >> 3 & 7), flags, (u16)(i + 1));
	}
	for (u32 i = take(data, size, 1) % 40; i; i--)
		fake_ram[BUFFERS + (take(data, size, 1) % 128)] = (u8)take(data, size, 1);
	ring_offer(q, 0);
	ring_doorbell(q);
}

static void come(const u8 **data, size_t *size)
{
	u32 total = 14 + take(data, size, 2), header = MIN(total, NET_HEADER_BYTES);
	struct net_segment segment = { HPA((u64)(bytes + header)), total - header };
	struct net_frame frame = { .header = bytes, .header_bytes = (u16)header, .segment_count = total > header, .size_bytes = total,
				   .segments = &segment };

	for (u32 i = 0; i < 20; i++)
		bytes[i] = (u8)take(data, size, 1);
	frame.size_bytes = MIN(total, NET_FRAME_MAX_BYTES);
	segment.size_bytes = frame.size_bytes - header;
	(void)!port.ops->receive(&port, &frame);
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

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct device_spec spec = { .model = "virtio-net", .alias = "net0", .slot = HARNESS_SLOT, .nic = { &port } };

	port = (struct net_port){ .mac = { 0x52, 0x54, 0, 1, 2, 3 }, .mtu_bytes = 1500, .link_up = true, .send = fake_send };
	harness_create(&virtio_net_model, &spec);
	harness.features = take(&data, &size, 1) & 1 ? ~0ull : ~(u64)take(&data, &size, 4);
	harness.device = harness.instance.device;
	harness_start();
	while (size) {
		u32 step = take(&data, &size, 1);

		switch (step % 8) {
		case 0: case 1: chain(0, &data, &size); break;
		case 2: chain(1, &data, &size); break;
		case 3: chain(2, &data, &size); break;
		case 4: case 5: come(&data, &size); break;
		case 6: save_and_load(&data, &size); break;
		default:
			if (step & 0x80)
				harness_start();
			else
				net_port_set_link(&port, step & 0x40);
		}
		harness_run();
	}
	harness_destroy();
	return 0;
}

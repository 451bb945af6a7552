/* SPDX-License-Identifier: MIT */
/* See hostile.h. */
#include "virtio/test/hostile.h"
#include <string.h>

u32 hostile_take(struct hostile *input, unsigned bytes)
{
	u32 value = 0;

	for (unsigned i = 0; i < bytes && input->size; i++, input->data++, input->size--)
		value |= (u32)*input->data << (8 * i);
	return value;
}

u64 hostile_place(u32 value)
{
	static const u64 bases[] = { BUFFERS, RING_DESC(0), RING_AVAIL(0), RING_USED(0), RING_DESC(1), FAKE_RAM_BYTES - 4096, 0xfffff000,
				     ~0ull - 4095 };

	return bases[value % 8] + (value >> 3 & 0xfff);
}

static void save_and_load(struct hostile *input)
{
	struct state_writer writer;
	struct state_reader reader;

	harness.instance.ops->quiesce(harness.instance.device);
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	for (unsigned i = hostile_take(input, 1) % 8; i && !writer.failed; i--)
		writer.data[hostile_take(input, 2) % writer.size_bytes] = (u8)hostile_take(input, 1);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	(void)!harness.instance.ops->load(harness.instance.device, &reader);
	harness.instance.ops->resume(harness.instance.device);
	state_writer_release(&writer);
}

/* A chain of up to three buffers, with the input's choices in each field. */
static void offer(struct hostile *input)
{
	unsigned queue = hostile_take(input, 1) % harness.device->queue_count;
	u32 shape = hostile_take(input, 1);

	for (unsigned i = 0; i <= (shape & 3); i++) {
		u32 field = hostile_take(input, 1);
		u16 flags = (u16)((i < (shape & 3) ? VIRTQ_DESC_F_NEXT : 0) | (field & 1 ? VIRTQ_DESC_F_WRITE : 0) |
				  (field >= 250 ? VIRTQ_DESC_F_INDIRECT : 0));

		ring_desc(queue, i, hostile_place(hostile_take(input, 2)), hostile_take(input, 1) << (field >> 1 & 15), flags, (u16)(i + 1));
	}
	ring_offer(queue, 0);
	ring_doorbell(queue);
}

static void step(struct hostile *input, void (*more)(struct hostile *input, u32 what))
{
	u32 what = hostile_take(input, 1), where;

	switch (what % 16) {
	case 0: reg_write(COMMON + hostile_take(input, 1) % 64, 1u << (what >> 4 & 3), hostile_take(input, 4)); break;
	case 1: reg_write(DEVICE_CONFIG + hostile_take(input, 1) % 64, 1u << (what >> 4 & 3), hostile_take(input, 2)); break;
	case 2: (void)reg_read((what & 128 ? ISR : COMMON) + hostile_take(input, 1), 1u << (what >> 4 & 3)); break;
	case 3: io_map_write(&harness.vm->ports, PORTS_BAR + (what >> 6), 1u << (what >> 4 & 1), hostile_take(input, 2)); break;
	case 4: reg_write(FAST_BAR + hostile_take(input, 1), 2, 0); break;
	case 5:
		vpci_config_write(&harness.bus, HARNESS_DEVFN, hostile_take(input, 1), 1u << (what >> 4) % 3, hostile_take(input, 4));
		break;
	case 6: (void)vpci_config_read(&harness.bus, HARNESS_DEVFN, hostile_take(input, 1), 1u << (what >> 4) % 3); break;
	case 7: reg_write(MSIX_BAR + hostile_take(input, 2) % 4096, 4, hostile_take(input, 4) & 0x3f); break;
	case 8:
	case 9:
		where = hostile_take(input, 2);
		fake_ram[hostile_place(where) % FAKE_RAM_BYTES] = (u8)hostile_take(input, 1);
		break;
	case 10: offer(input); break;
	case 11:
	case 12:
		if (more)
			more(input, what >> 4);
		break;
	case 13: harness_run(); break;
	case 14: harness_start(); break;
	default: save_and_load(input); break;
	}
}

void hostile_run(struct hostile *input, void (*more)(struct hostile *input, u32 what))
{
	while (input->size)
		step(input, more);
}

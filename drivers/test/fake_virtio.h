/* SPDX-License-Identifier: MIT */
/* A virtio device for drivers under test, good or bad: its registers, and its side of the queues. It checks the driver's manners. */
#ifndef DRIVERS_TEST_FAKE_VIRTIO_H
#define DRIVERS_TEST_FAKE_VIRTIO_H

#include "drivers/test/fake_bus.h"
#include "virtio/spec/virtio.h"

#define FAKE_VIRTIO_QUEUES 3u

struct fake_virtio_queue {
	u16 size, vector, enabled, taken, used;
	u64 descriptors, available, used_ring;
	u32 rings; /* doorbells */
};

struct fake_virtio {
	u64 features, accepted;
	u32 feature_select, driver_select, queue_select;
	u16 config_vector, queue_count, queue_size;
	u8 status, isr, config[64];
	u32 resets;
	bool never_resets, refuses_features;
	struct fake_virtio_queue queues[FAKE_VIRTIO_QUEUES];
	void (*rung)(struct fake_virtio *device, u32 queue); /* may be NULL */
};
extern struct fake_virtio fake_virtio;

/* On the fake bus, with the registers in BAR 0, which is large enough for each. */
void fake_virtio_init(u16 type, u64 features, u8 interrupt_kind, u32 vectors);
/* The next chain that the driver offers: its head, or -1. */
int fake_virtio_take(u32 queue);
/* The i-th descriptor of a chain; false: it has no more. */
bool fake_virtio_descriptor(u32 queue, u16 head, u32 i, struct virtq_desc *out);
/* Puts an element into the used ring, as the device claims it. */
void fake_virtio_use(u32 queue, u32 id, u32 length);
void fake_virtio_skip_used(u32 queue, u16 steps); /* moves the index alone */

#endif

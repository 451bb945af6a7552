/* SPDX-License-Identifier: MIT */
/*
 * A hostile driver for any virtio device, for fuzz targets: each step of the input writes registers, configuration space or memory,
 * offers chains, rings doorbells, resets, pauses, saves and loads with bytes changed.
 */
#ifndef VIRTIO_TEST_HOSTILE_H
#define VIRTIO_TEST_HOSTILE_H

#include "virtio/test/harness.h"

struct hostile {
	const u8 *data;
	size_t size;
};

u32 hostile_take(struct hostile *input, unsigned bytes); /* 0 when there is no more */
u64 hostile_place(u32 value); /* a guest-physical address: most are near something that matters */
/* Runs the input on a device that exists (harness.device is set). more: a step of the device's own, one in eight; may be NULL. */
void hostile_run(struct hostile *input, void (*more)(struct hostile *input, u32 what));

#endif

/* SPDX-License-Identifier: MIT */
/* The device models of this folder, for hv/main.c to register. */
#ifndef VIRTIO_MODELS_H
#define VIRTIO_MODELS_H

#include "hv/device_model.h"

extern const struct device_model virtio_balloon_model, virtio_blk_model, virtio_console_model, virtio_net_model, virtio_rng_model,
	virtio_scsi_model;

#endif

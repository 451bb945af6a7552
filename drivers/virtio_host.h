/* SPDX-License-Identifier: MIT */
/*
 * A virtio device of the host behind PCI, Solera being its driver (VIRTIO 1.2, "Virtio Over PCI Bus", 4.1): where its registers are,
 * features, queues, reset, interrupts. What kind of device it is knows its driver (virtio_host_net.c).
 *
 * Modern devices, and transitional ones by their modern registers. Next to read: virtio_host.c, virtio_host_queue.h.
 */
#ifndef DRIVERS_VIRTIO_HOST_H
#define DRIVERS_VIRTIO_HOST_H

#include "drivers/pci_interrupt.h"
#include "drivers/virtio_host_queue.h"

/* A structure of the device in its BARs. */
struct virtio_host_part {
	volatile void *registers; /* (c) NULL: not there */
	u32 size_bytes;           /* (c) */
};

struct virtio_host {
	struct pci_device *pci;   /* (c) */
	struct virtio_host_part common, notify, isr, config; /* (c) */
	u32 notify_multiplier;    /* (c) */
	u64 features;             /* what both agreed on */
	struct pci_interrupt interrupt;
	void (*queues_asked)(void *context), (*config_asked)(void *context); /* (c) the driver's, in interrupt context */
	void *context;            /* (c) */
};

/* Finds the registers and maps them. ERR_UNSUPPORTED: no modern device, or its registers are nowhere; ERR_NO_MEMORY. */
MUST_CHECK int virtio_host_find(struct virtio_host *host, struct pci_device *pci);
/*
 * Reset, then up to FEATURES_OK; host->features: what the device has of `wanted`, and VERSION_1. ERR_TIMEOUT: it does not reset;
 * ERR_UNSUPPORTED: it does not want to be driven so. Thread context, as all below.
 */
MUST_CHECK int virtio_host_negotiate(struct virtio_host *host, u64 wanted);
/* The largest queue that device and driver both can; 0: the device has no such queue. */
u16 virtio_host_queue_size(struct virtio_host *host, u16 index);
/* Tells the device where the (empty) queue is. interrupts: whether its use interrupts. ERR_IO: it did not take it. */
MUST_CHECK int virtio_host_queue_start(struct virtio_host *host, struct virtio_host_queue *queue, u16 index, bool interrupts);
/* Once, before the first virtio_host_ready: opens the way for interrupts. */
MUST_CHECK int virtio_host_interrupts(struct virtio_host *host, const char *name);
/* DRIVER_OK: it is live. ERR_IO: it takes no interrupt for changes of its configuration. */
MUST_CHECK int virtio_host_ready(struct virtio_host *host);
/* Once it returns OK the device touches no memory. ERR_TIMEOUT: it does not answer; then it is taken off the bus. */
int virtio_host_reset(struct virtio_host *host);
/* It asks for a reset, or it is gone. */
bool virtio_host_failed(const struct virtio_host *host);

static inline bool virtio_host_has(const struct virtio_host *host, unsigned feature)
{
	return host->features >> feature & 1;
}

/* The device's own configuration; what lies beyond its end reads as zeros. */
u8 virtio_host_config8(const struct virtio_host *host, u32 offset);
u16 virtio_host_config16(const struct virtio_host *host, u32 offset);
u32 virtio_host_config32(const struct virtio_host *host, u32 offset);
u64 virtio_host_config64(const struct virtio_host *host, u32 offset); /* both halves of one generation */

#endif

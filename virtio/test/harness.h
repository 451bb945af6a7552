/* SPDX-License-Identifier: MIT */
/*
 * What virtio devices' tests run on: a guest's RAM, a PCI bus that remembers messages, a small driver, and no threads: the device's
 * own work runs when harness_run is called, and whoever would wait for a disk has its requests completed instead.
 */
#ifndef VIRTIO_TEST_HARNESS_H
#define VIRTIO_TEST_HARNESS_H

#include "hv/block/test/fake_disk.h"
#include "hv/device_model.h"
#include "hv/dev/vpci.h"
#include "hv/test/gmem_hosted.h"
#include "virtio/spec/virtio.h"
#include "virtio/spec/virtio_pci.h"
#include "virtio/virtio_device.h"

#define HARNESS_SLOT 3u
#define HARNESS_DEVFN VPCI_DEVFN(HARNESS_SLOT, 0)
#define PORTS_BAR 0xc000u
#define MSIX_BAR 0xd0000000u
#define FAST_BAR 0xd0010000u
#define CONFIG_BAR 0x800000000ull
#define COMMON CONFIG_BAR
#define DEVICE_CONFIG (CONFIG_BAR + 4096)
#define ISR (FAST_BAR + 4096)

/* Guest-physical places of queue q's parts. */
#define RING_DESC(q) (0x10000u + 0x10000u * (q))
#define RING_AVAIL(q) (RING_DESC(q) + 0x4000u)
#define RING_USED(q) (RING_DESC(q) + 0x8000u)
#define BUFFERS 0x100000u

struct harness {
	struct vm *vm;
	struct vpci_bus bus;
	struct device_instance instance;
	struct virtio_device *device; /* set by whoever made the instance */
	unsigned messages[VPCI_MSIX_MAX]; /* by data */
	bool line;
	u16 queue_size;
	u64 features;                 /* what harness_start takes of those offered */
	bool event_idx;
};

extern struct harness harness;
extern u64 harness_waits;              /* how often somebody waited for a time to pass */
extern struct fake_disk *harness_disk; /* whose requests are completed when somebody waits; NULL: none */

void harness_create(const struct device_model *model, const struct device_spec *spec);
void harness_destroy(void);
void harness_run(void);               /* the device's thread, until it has nothing to do */
bool harness_fire(void);              /* the timer that was armed last, at its time; false: none is armed */
void harness_plug_bars(void);         /* places the BARs, bus master on */
void harness_start(void);             /* a whole initialisation, queue 0 to the last of size harness.queue_size, MSI-X on */
void harness_setup_queue(unsigned q);

u64 reg_read(u64 address, unsigned size_bytes);
void reg_write(u64 address, unsigned size_bytes, u64 value);
void ring_desc(unsigned q, u32 index, u64 address, u32 length, u16 flags, u16 next);
void ring_offer(unsigned q, u16 head);
void ring_doorbell(unsigned q);       /* in ports */
/* The next used element; false: none. */
bool ring_used(unsigned q, u32 *id, u32 *length);

#endif

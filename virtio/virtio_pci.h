/* SPDX-License-Identifier: MIT */
/*
 * A virtio device on the guest's PCI bus: the modern transport of "Virtio Over PCI Bus".
 *
 * BAR 0 doorbells in ports (an exit that needs no decoding; the capability that Linux takes comes first), BAR 1 MSI-X,
 * BAR 2 doorbells and ISR in memory, BAR 4 common and device configuration. Next to read: virtio_pci.c.
 */
#ifndef VIRTIO_VIRTIO_PCI_H
#define VIRTIO_VIRTIO_PCI_H

#include "hv/dev/vpci.h"
#include "virtio/virtio_device.h"

struct virtio_pci {
	struct vpci_device pci;
	struct virtio_device *device;     /* (c) */
	u8 pci_capability;                /* (c) where the configuration access capability stands */
	u8 isr;                           /* (a) */
	u32 device_feature_select, driver_feature_select; /* [device->config_mutex] */
	u16 queue_select, config_vector;  /* [device->config_mutex]; the vector is (a) */
};

/* Attaches an initialised device. class_code: three bytes, 0x010000. *error: words (constant) on failure. Thread context. */
MUST_CHECK int virtio_pci_attach(struct virtio_pci *pci, struct virtio_device *device, struct vpci_bus *bus, u8 slot, u32 class_code,
				 const char **error);
void virtio_pci_reset(struct virtio_pci *pci);
void virtio_pci_save(struct virtio_pci *pci, struct state_writer *writer);
MUST_CHECK int virtio_pci_load(struct virtio_pci *pci, struct state_reader *reader);

extern const struct virtio_transport_ops virtio_pci_transport;

#endif

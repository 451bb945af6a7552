/* SPDX-License-Identifier: MIT */
/*
 * A function on the host's PCI buses, as enumeration found it: what drivers bind to and management lists.
 *
 * drivers/pci.c fills the list once at start; it is constant afterwards but for `driver`. Configuration space is reached
 * through the list's struct pci_config (0xCF8, ECAM, or a test's fake). Next to read: drivers/pci.h.
 */
#ifndef HV_PCI_DEVICE_H
#define HV_PCI_DEVICE_H

#include "hv/lib/types.h"

#define PCI_BARS 6
#define PCI_CAPABILITIES_MAX 64

struct pci_address {
	u16 segment;
	u8 bus, slot, function; /* slot: libvirt's word for the device number, 0 to 31 */
};

/*
 * Configuration space: offset 0 to 4095, aligned to size_bytes (1, 2, 4). What is not there, or lies beyond what the
 * access method reaches, reads as all ones. Any context.
 */
struct pci_config {
	u32 (*read)(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes);
	void (*write)(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes, u32 value);
	void *context;
};

struct pci_bar {
	u64 base, size_bytes; /* size 0: not implemented (or the upper half of the one before) */
	bool memory;          /* else I/O ports */
	bool is_64bit, prefetchable;
};

struct pci_capability {
	u16 offset, id;
	bool extended;
};

struct pci_express {
	bool present;
	u8 type;                       /* 0 endpoint, 4 root port, 5 upstream, 6 downstream switch port, 9 integrated … */
	u8 max_speed, max_width;       /* speed: 1 = 2.5 GT/s, 2 = 5, 3 = 8, 4 = 16, 5 = 32 */
	u8 current_speed, current_width;
};

struct pci_device {
	struct pci_address address;
	const struct pci_config *config;
	const struct pci_device *parent; /* the bridge above; NULL: on a root bus */
	u16 vendor, device, subsystem_vendor, subsystem_device;
	u32 class_code; /* 24 bits: class, subclass, interface */
	u8 revision, header_type;
	u8 interrupt_pin; /* 1 to 4: INTA to INTD; 0: none */
	bool bridge;      /* PCI-to-PCI; then: */
	u8 secondary_bus, subordinate_bus;
	struct pci_bar bars[PCI_BARS];
	struct pci_bar rom;
	struct pci_express express;
	u32 capability_count;
	struct pci_capability capabilities[PCI_CAPABILITIES_MAX];
	const char *driver; /* set when one takes it; NULL: none */
	void *driver_data;  /* the driver's own */
};

struct pci_device_list {
	struct pci_device **devices; /* in the order of their addresses within each bus, bridges before what is behind them */
	u32 count;
	u32 complaints; /* log lines about broken functions */
};

static inline u32 pci_read(const struct pci_device *device, u16 offset, unsigned size_bytes)
{
	return device->config->read(device->config->context, &device->address, offset, size_bytes);
}

static inline void pci_write(const struct pci_device *device, u16 offset, unsigned size_bytes, u32 value)
{
	device->config->write(device->config->context, &device->address, offset, size_bytes, value);
}

#endif

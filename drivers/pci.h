/* SPDX-License-Identifier: MIT */
/*
 * The host's PCI: finding functions, their BARs and capabilities, MSI and MSI-X, and which driver takes what.
 *
 * pci.c enumerates, pci_function.c reads one function, pci_msi.c programs interrupts, pci_driver.c binds: all of it
 * over struct pci_config, so that it runs in unit tests. pci_access.c is the hardware: ECAM and ports 0xCF8/0xCFC.
 * Bus numbers and BARs are taken as the firmware set them; nothing is assigned here.
 * PCI Local Bus Specification 3.0, "Configuration Space" (6); PCI Express Base Specification, "Software Initialization
 * and Configuration" (7).
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "hv/pci_device.h"

enum pci_register {
	PCI_VENDOR = 0x00, PCI_DEVICE = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06, PCI_REVISION = 0x08,
	PCI_CLASS = 0x0a, PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10, PCI_SECONDARY_BUS = 0x19,
	PCI_SUBORDINATE_BUS = 0x1a, PCI_SUBSYSTEM_VENDOR = 0x2c, PCI_SUBSYSTEM_DEVICE = 0x2e, PCI_ROM = 0x30,
	PCI_CAPABILITY_POINTER = 0x34, PCI_BRIDGE_ROM = 0x38, PCI_INTERRUPT_PIN = 0x3d,
};

#define PCI_COMMAND_IO BIT32(0)
#define PCI_COMMAND_MEMORY BIT32(1)
#define PCI_COMMAND_BUS_MASTER BIT32(2)
#define PCI_COMMAND_INTX_OFF BIT32(10)
#define PCI_STATUS_CAPABILITIES BIT32(4)

enum pci_capability_id {
	PCI_CAP_PM = 0x01, PCI_CAP_MSI = 0x05, PCI_CAP_VENDOR = 0x09, PCI_CAP_EXPRESS = 0x10, PCI_CAP_MSIX = 0x11,
};

/* One stretch of memory-mapped configuration space; base is that of bus 0. */
struct pci_ecam_range {
	u64 base;
	u16 segment;
	u8 first_bus, last_bus;
};

#define PCI_ECAM_RANGES_MAX 32
#define PCI_COMPLAINTS_MAX 16u /* log lines about broken functions; the rest is only counted */

/*
 * Sets up the one access method of this machine and returns it. map gives a virtual address for device memory, or NULL;
 * ranges that cannot be mapped or do not answer like 0xCF8 does are left out (said in the log). Boot thread.
 */
const struct pci_config *pci_access_init(const struct pci_ecam_range *ranges, u32 count,
					 void *(*map)(u64 address, u64 size_bytes));

/*
 * Finds all functions: segment 0 and each segment of ranges. Broken ones are named in the log and left out or cut short.
 * ERR_NO_MEMORY: the list is incomplete. Boot thread.
 */
MUST_CHECK int pci_enumerate(struct pci_device_list *list, const struct pci_config *config,
			     const struct pci_ecam_range *ranges, u32 count);
void pci_list_release(struct pci_device_list *list);

/* Reads one function that is there (vendor is not 0xffff): identity, BARs, capabilities. Counts complaints in *complaints. */
void pci_function_read(struct pci_device *device, u32 *complaints);
/* "0000:00:1f.0" */
#define PCI_NAME_MAX 16
const char *pci_name(const struct pci_address *address, char name[PCI_NAME_MAX]);

/* Offset of the first capability with this id; 0: it has none. */
u16 pci_capability_find(const struct pci_device *device, u16 id);
u16 pci_extended_capability_find(const struct pci_device *device, u16 id);
/* Sets and clears bits of the command register. */
void pci_command(const struct pci_device *device, u32 set, u32 clear);

/* MSI: one vector. ERR_UNSUPPORTED: no such capability; ERR_RANGE: the address needs 64 bits and the device has 32. */
MUST_CHECK int pci_msi_enable(const struct pci_device *device, u64 address, u16 data);
void pci_msi_disable(const struct pci_device *device);

struct pci_msix {
	u16 offset;       /* of the capability */
	u32 vectors;      /* 1 to 2048 */
	u64 table, pending; /* physical addresses */
};
/* ERR_UNSUPPORTED: no MSI-X; ERR_INVALID: its table is not wholly inside a memory BAR. */
MUST_CHECK int pci_msix_find(const struct pci_device *device, struct pci_msix *msix);
/* table: the mapped table. Vectors start masked, so: fill entries, then enable. */
void pci_msix_set(volatile u32 *table, u32 vector, u64 address, u32 data, bool masked);
void pci_msix_enable(const struct pci_device *device, const struct pci_msix *msix, bool enabled);

/* What a driver takes: ids, or a class; the table ends with a row of zeros. */
#define PCI_ANY 0xffffu
struct pci_match {
	u16 vendor, device;         /* PCI_ANY: each */
	u32 class_code, class_mask; /* mask 0: each */
};
struct pci_driver {
	const char *name;
	const struct pci_match *matches;
	MUST_CHECK int (*probe)(struct pci_device *device); /* OK: taken */
};
/* Offers each device to each driver that matches, in order, until one takes it. Returns how many are taken now. */
u32 pci_bind(struct pci_device_list *list, const struct pci_driver *const *drivers);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * How a PCI driver gets its interrupts: MSI-X with several vectors, MSI, or the wire, whichever the device and the machine
 * offer first. Handlers run in interrupt context; on a wire they may be called when the device did not ask.
 */
#ifndef DRIVERS_PCI_INTERRUPT_H
#define DRIVERS_PCI_INTERRUPT_H

#include "drivers/pci.h"
#include "hv/interrupt.h"

#define PCI_INTERRUPT_VECTORS_MAX 64u

enum pci_interrupt_kind { PCI_INTERRUPT_NONE, PCI_INTERRUPT_MSIX, PCI_INTERRUPT_MSI, PCI_INTERRUPT_WIRE };

struct pci_interrupt {
	const struct pci_device *device;
	u8 kind;                      /* enum pci_interrupt_kind */
	u32 count;                    /* vectors in use: 1 unless MSI-X */
	u8 vectors[PCI_INTERRUPT_VECTORS_MAX];
	interrupt_handler handler;    /* PCI_INTERRUPT_WIRE */
	void *context;
	struct pci_msix msix;
	volatile u32 *table;
};

/* The kind that pci_interrupt_open will take for this device, and how many vectors it has of it (at least 1). */
u8 pci_interrupt_kind(const struct pci_device *device, u32 *vectors);
/*
 * Opens the way; nothing arrives before pci_interrupt_add. ERR_UNSUPPORTED: the device has no interrupt that is wired
 * anywhere. Thread context.
 */
MUST_CHECK int pci_interrupt_open(struct pci_interrupt *interrupt, const struct pci_device *device);
/*
 * The next vector (MSI-X: entry number `count` of the table) calls handler(context), on the CPU with this index as far as
 * that can be chosen. ERR_FULL: no further vector. The name is kept, not copied. Thread context.
 */
MUST_CHECK int pci_interrupt_add(struct pci_interrupt *interrupt, u32 cpu_index, const char *name,
				 interrupt_handler handler, void *context);
/* The handlers run no more after it returns. Thread context. */
void pci_interrupt_close(struct pci_interrupt *interrupt);

#endif

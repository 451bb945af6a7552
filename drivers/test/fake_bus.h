/* SPDX-License-Identifier: MIT */
/*
 * A host for drivers under test: one device's registers are functions of the test, its interrupts are called by the test, its memory is
 * the build machine's. Physical addresses are the test's own.
 */
#ifndef DRIVERS_TEST_FAKE_BUS_H
#define DRIVERS_TEST_FAKE_BUS_H

#include "drivers/pci_interrupt.h"
#include "drivers/test/fake_pci.h"

#define FAKE_REGISTERS 0x100000ull /* where the device's BAR is */
#define FAKE_REGISTERS_BYTES 0x20000u

struct fake_bus {
	/* The device: offset into the BAR, and a register's width. */
	u32 (*read)(void *device, u64 offset, unsigned size_bytes);
	void (*write)(void *device, u64 offset, unsigned size_bytes, u32 value);
	void *device;
	u8 interrupt_kind;          /* enum pci_interrupt_kind */
	u32 vectors;                /* of MSI-X */
	interrupt_handler handlers[4];
	void *contexts[4];
	u32 handler_count;
	u32 blocks;                 /* of DMA memory that are not given back */
	struct fake_pci pci;
	struct pci_device function;
};
extern struct fake_bus fake_bus;

/* A PCI function with one BAR and nothing else. */
void fake_bus_init(u32 id, u8 interrupt_kind, u32 vectors);
void fake_bus_interrupt(u32 vector);
bool fake_bus_may_master(void);

#endif

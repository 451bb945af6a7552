/* SPDX-License-Identifier: MIT */
/*
 * The guest's board: which devices there are, where they stand, and how their wires run. docs/guest-pc.md draws it.
 *
 * hv/main.c registers pc_board with the core; the core knows nothing else of this folder.
 */
#ifndef HV_DEV_PC_H
#define HV_DEV_PC_H

#include "hv/vm.h"

/* What ACPI tables, firmware and tests need to know of the layout. */
#define PC_PMBASE 0x600u
#define PC_PM1_EVENT (PC_PMBASE + 0x00u)   /* 4 ports: status, enable */
#define PC_PM1_CONTROL (PC_PMBASE + 0x04u) /* 2 ports */
#define PC_PM_TIMER (PC_PMBASE + 0x08u)    /* 4 ports; 24 bits count */
#define PC_GPE0 (PC_PMBASE + 0x20u)        /* 16 ports: 8 of status, 8 of enable */
#define PC_PM_PORTS 0x80u
#define PC_SMI_COMMAND 0xb2u
#define PC_ACPI_ENABLE 0x02u
#define PC_ACPI_DISABLE 0x03u
#define PC_SLEEP_TYPE_S5 0u
#define PC_RESET_PORT 0xcf9u
#define PC_RESET_VALUE 0x0fu
#define PC_SCI_IRQ 9u                      /* level-triggered, active high */
#define PC_TIMER_GSI 2u                    /* IRQ 0's input at the I/O APIC */
#define PC_RTC_IRQ 8u
#define PC_KEYBOARD_IRQ 1u
#define PC_IOAPIC_BASE 0xfec00000u
#define PC_IOAPIC_ID 0u                    /* after reset; the register is the guest's to write */
#define PC_LAPIC_BASE 0xfee00000u
#define PC_ECAM_BASE 0xb0000000u
#define PC_ECAM_BUSES 256u
#define PC_PCI_HOLE_BASE 0xc0000000u       /* 32-bit BARs: up to the I/O APIC */
#define PC_PCI_HOLE_END 0xfec00000u
#define PC_SERIAL_MAX 4u                   /* a machine has as many as its description says */
#define PC_SERIAL_PORTS { 0x3f8u, 0x2f8u, 0x3e8u, 0x2e8u }
#define PC_SERIAL_IRQS { 4u, 3u, 4u, 3u }  /* COM1 and COM3 share one, COM2 and COM4 the other */

/*
 * INTx: devices 0 to 24 use PIRQE to PIRQH, GSI 20 + ((device + pin) & 3); 25 to 31 PIRQA to PIRQD, GSI 16 + pin.
 * pin: 0 is INTA.
 */
static inline unsigned pc_intx_gsi(unsigned device, unsigned pin)
{
	return device < 25 ? 20 + ((device + pin) & 3) : 16 + (pin & 3);
}

extern const struct board_ops pc_board;

struct vpci_bus;
struct vpci_bus *pc_pci_bus(struct vm *vm); /* for devices that come with a machine's description */

#endif

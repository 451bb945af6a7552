/* SPDX-License-Identifier: MIT */
/*
 * Switching the host off and resetting it.
 *
 * Off: ACPI S5 (PM1 control registers, or the sleep control register of hardware-reduced machines), then UEFI run-time
 * services. Reset: ACPI reset register, run-time services, port 0xCF9, triple fault. power_sequence.c has the ACPI part,
 * pure over struct power_io; power.c is the hardware. Next to read: acpi.h.
 */
#ifndef HV_POWER_H
#define HV_POWER_H

#include "hv/acpi.h"
#include "hv/lib/types.h"

struct pci_config;

/* Called by hv/main.c once; *acpi stays. config reaches a reset register in PCI configuration space; may be NULL. */
void power_init(const struct acpi_info *acpi, const struct pci_config *config);
/* What UEFI can do: off or reset. Set when run-time services work. It returns when the firmware refused. */
void power_set_runtime(void (*runtime)(bool off));
/* Any context, interrupts on or off; other CPUs need not be stopped. power_off returns when nothing worked. */
void power_off(void);
NORETURN void power_reset(void);

/* Register access for the sequence: each has a real (power.c) and a fake form. */
struct power_io {
	u32 (*read)(void *context, const struct acpi_address *reg, unsigned size_bytes);
	void (*write)(void *context, const struct acpi_address *reg, unsigned size_bytes, u32 value);
	void (*wait_us)(void *context, u32 us);
	void *context;
};
/* Return after the hardware had its time to act, or at once where the tables offer no way. */
void power_acpi_off(const struct acpi_info *acpi, const struct power_io *io);
void power_acpi_reset(const struct acpi_info *acpi, const struct power_io *io);

#endif

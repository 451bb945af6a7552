/* SPDX-License-Identifier: MIT */
/*
 * A guest's ACPI tables, as blobs and a loader script: RSDP, XSDT, FADT, FACS, DSDT, MADT, MCFG, WAET.
 *
 * They describe the board of pc.h. Pure; built once per machine. Next to read: vacpi.c, vacpi_dsdt.c.
 */
#ifndef HV_DEV_VACPI_H
#define HV_DEV_VACPI_H

#include "hv/cpu_topology.h"
#include "hv/dev/blob.h"

#define VACPI_TABLES_FILE "etc/acpi/tables"
#define VACPI_RSDP_FILE "etc/acpi/rsdp"
#define VACPI_OEM "SOLERA"

struct vacpi_config {
	u32 vcpu_count;
	struct cpu_topology topology;
	u64 high_ram_end; /* first address above all RAM; the 64-bit PCI window begins there, or at 4 GiB */
	u32 pci_hole_base, pci_hole_end; /* 32-bit PCI window */
	u32 serial_count;
	u32 buses; /* PCI buses 0 to buses - 1 can be there */
};

struct vacpi {
	struct blob tables, rsdp;
	struct blob script; /* the script's commands for these two files */
};

/* OK or ERR_NO_MEMORY; release in both cases. */
MUST_CHECK int vacpi_build(struct vacpi *acpi, const struct vacpi_config *config);
void vacpi_release(struct vacpi *acpi);

/* The DSDT's AML without its header (vacpi_dsdt.c). */
void vacpi_dsdt(struct blob *aml, const struct vacpi_config *config);

#endif

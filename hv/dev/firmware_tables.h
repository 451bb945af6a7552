/* SPDX-License-Identifier: MIT */
/*
 * What a guest's firmware would tell its kernel: ACPI and SMBIOS tables and the fw_cfg device, as one part of the board.
 *
 * Built once when the machine is made. Firmware gets blobs and a loader script through fw_cfg; a direct boot has the
 * script applied here: tables at the top of low RAM, RSDP and SMBIOS anchor in the BIOS area. pc.c calls all of this.
 * Next to read: vacpi.h, vsmbios.h, table_loader.h, vfwcfg.h.
 */
#ifndef HV_DEV_FIRMWARE_TABLES_H
#define HV_DEV_FIRMWARE_TABLES_H

#include "hv/state.h"
#include "hv/vm.h"

struct firmware_tables;

/* Claims ports 510h to 51Bh. NULL: *error has words for the person. Thread context. */
struct firmware_tables *firmware_tables_create(struct vm *vm, const char **error);
void firmware_tables_destroy(struct firmware_tables *tables); /* NULL is fine; the ports are the io_map's business */
/* Writes the tables into guest memory; vCPUs are stopped. OK, or a code and words. */
MUST_CHECK int firmware_tables_direct_boot(struct firmware_tables *tables, const char **error);
/* After direct_boot. GPA(0): the machine has no ACPI. */
gpa_t firmware_tables_rsdp(const struct firmware_tables *tables);
/* RAM above 1 MiB that the tables take, whole pages; size 0: none. */
void firmware_tables_memory(const struct firmware_tables *tables, u64 *base, u64 *size_bytes);
void firmware_tables_reset(struct firmware_tables *tables);
void firmware_tables_save(struct firmware_tables *tables, struct state_writer *writer);
MUST_CHECK int firmware_tables_load(struct firmware_tables *tables, struct state_reader *reader);

#endif

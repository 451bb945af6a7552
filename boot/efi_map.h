/* SPDX-License-Identifier: MIT */
/* What both front doors do with UEFI's own data: the memory map, the memory attributes table, the vendor tables. */
#ifndef BOOT_EFI_MAP_H
#define BOOT_EFI_MAP_H

#include "boot/ranges.h"
#include <efi.h>

/* UEFI specification, "Memory Attributes Table" (4.6.4); descriptors follow. */
struct efi_attributes_table {
	UINT32 version, count, descriptor_bytes, flags;
};

/* RSDP and SMBIOS entry points, the newest of each, and the attributes table; 0 where there is none. */
struct efi_tables {
	uint64_t rsdp, smbios, attributes;
};

void efi_find_tables(const EFI_SYSTEM_TABLE *system, struct efi_tables *tables);

/* The descriptor at offset in a map of bytes bytes, NULL at its end. */
const EFI_MEMORY_DESCRIPTOR *efi_map_entry(const uint8_t *map, uint64_t bytes, uint64_t offset);
bool efi_is_ram(UINT32 type);
/* Whether memory of that type is free once boot services have ended. */
bool efi_free_after_exit(UINT32 type);

/* Adds the firmware's map as it is after the end of boot services; what the boot loader took becomes loader_type. */
void efi_map_add(struct range_list *ranges, const uint8_t *map, uint64_t bytes, uint64_t descriptor_bytes,
		 uint32_t loader_type);
/* The table's size in bytes, 0 if it makes no sense. */
uint64_t efi_attributes_bytes(const struct efi_attributes_table *table);
/* Takes the finer attributes of run-time memory into the ranges. */
void efi_map_refine(struct range_list *ranges, const struct efi_attributes_table *table);
/* Firmware that keeps these tables in boot-services memory exists; their pages must survive. */
void efi_keep_tables(struct range_list *ranges, const struct efi_tables *tables);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Translation of UEFI's memory map and tables into ours, for both front doors.
 *
 * UEFI specification, "EFI_BOOT_SERVICES.GetMemoryMap()" (7.2.3), "EFI Configuration Table" (4.6). Calls nothing of
 * the firmware. Next to read: ranges.c.
 */
#include "boot/efi_map.h"
#include "boot/text.h"

static const EFI_GUID acpi_20_guid = ACPI_20_TABLE_GUID;
static const EFI_GUID acpi_guid = ACPI_TABLE_GUID;
static const EFI_GUID smbios_3_guid = { 0xf2fd1544, 0x9794, 0x4a2c, { 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94 } };
static const EFI_GUID smbios_guid = SMBIOS_TABLE_GUID;
static const EFI_GUID attributes_guid = { 0xdcfa911d, 0x26eb, 0x469f,
					  { 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20 } };

/* A table of more than this many entries is garbage. */
#define ATTRIBUTES_MAX 4096u

static uint64_t vendor_table(const EFI_SYSTEM_TABLE *system, const EFI_GUID *guid)
{
	UINTN i;

	for (i = 0; i < system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *table = &system->ConfigurationTable[i];

		if (__builtin_memcmp(&table->VendorGuid, guid, sizeof(*guid)) == 0)
			return (uint64_t)(uintptr_t)table->VendorTable;
	}
	return 0;
}

void efi_find_tables(const EFI_SYSTEM_TABLE *system, struct efi_tables *tables)
{
	tables->rsdp = vendor_table(system, &acpi_20_guid);
	if (!tables->rsdp)
		tables->rsdp = vendor_table(system, &acpi_guid);
	tables->smbios = vendor_table(system, &smbios_3_guid);
	if (!tables->smbios)
		tables->smbios = vendor_table(system, &smbios_guid);
	tables->attributes = vendor_table(system, &attributes_guid);
}

const EFI_MEMORY_DESCRIPTOR *efi_map_entry(const uint8_t *map, uint64_t bytes, uint64_t offset)
{
	return bytes >= sizeof(EFI_MEMORY_DESCRIPTOR) && offset <= bytes - sizeof(EFI_MEMORY_DESCRIPTOR)
	       ? (const EFI_MEMORY_DESCRIPTOR *)(map + offset) : NULL;
}

bool efi_is_ram(UINT32 type)
{
	return (type >= EfiLoaderCode && type <= EfiConventionalMemory) || type == EfiACPIReclaimMemory ||
	       type == EfiACPIMemoryNVS;
}

bool efi_free_after_exit(UINT32 type)
{
	return type == EfiConventionalMemory || type == EfiBootServicesCode || type == EfiBootServicesData;
}

static uint32_t type_of(const EFI_MEMORY_DESCRIPTOR *entry, uint32_t loader_type)
{
	switch (entry->Type) {
	case EfiLoaderCode:
	case EfiLoaderData: return loader_type;
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory: return entry->Attribute & EFI_MEMORY_WB ? BOOT_MEMORY_FREE : BOOT_MEMORY_RESERVED;
	case EfiACPIReclaimMemory: return BOOT_MEMORY_ACPI_TABLES;
	case EfiACPIMemoryNVS: return BOOT_MEMORY_ACPI_NVS;
	case EfiRuntimeServicesCode: return BOOT_MEMORY_RUNTIME_CODE;
	case EfiRuntimeServicesData: return BOOT_MEMORY_RUNTIME_DATA;
	case EfiMemoryMappedIO:
	case EfiMemoryMappedIOPortSpace: return BOOT_MEMORY_MMIO;
	default: return BOOT_MEMORY_RESERVED;
	}
}

static uint64_t entry_bytes(const EFI_MEMORY_DESCRIPTOR *entry)
{
	return entry->NumberOfPages > ~0ull / PAGE_BYTES ? ~0ull : entry->NumberOfPages * PAGE_BYTES;
}

void efi_map_add(struct range_list *ranges, const uint8_t *map, uint64_t bytes, uint64_t descriptor_bytes,
		 uint32_t loader_type)
{
	const EFI_MEMORY_DESCRIPTOR *entry;
	uint64_t offset;

	if (descriptor_bytes < sizeof(*entry))
		return;
	for (offset = 0; (entry = efi_map_entry(map, bytes, offset)); offset += descriptor_bytes)
		ranges_add(ranges, entry->PhysicalStart, entry_bytes(entry), type_of(entry, loader_type),
			   entry->Attribute & EFI_MEMORY_RUNTIME ? entry->Attribute : 0);
	ranges_convert(ranges, 0, PAGE_BYTES, BOOT_MEMORY_FREE, BOOT_MEMORY_RESERVED); /* NULL stays unused */
}

uint64_t efi_attributes_bytes(const struct efi_attributes_table *table)
{
	if (table->count > ATTRIBUTES_MAX || table->descriptor_bytes < sizeof(EFI_MEMORY_DESCRIPTOR) ||
	    table->descriptor_bytes > 256)
		return 0;
	return sizeof(*table) + (uint64_t)table->count * table->descriptor_bytes;
}

static bool is_runtime(uint32_t type)
{
	return type == BOOT_MEMORY_RUNTIME_CODE || type == BOOT_MEMORY_RUNTIME_DATA;
}

void efi_map_refine(struct range_list *ranges, const struct efi_attributes_table *table)
{
	uint64_t bytes = efi_attributes_bytes(table), offset;
	const EFI_MEMORY_DESCRIPTOR *entry;

	for (offset = sizeof(*table); (entry = efi_map_entry((const uint8_t *)table, bytes, offset));
	     offset += table->descriptor_bytes) {
		uint32_t known = ranges_type(ranges, entry->PhysicalStart);

		/* It may only refine what the map says is run-time memory; it cannot make any. */
		if (is_runtime(type_of(entry, BOOT_MEMORY_BOOT)) && is_runtime(known) &&
		    is_runtime(ranges_type(ranges, entry->PhysicalStart + entry_bytes(entry) - 1)))
			ranges_set(ranges, entry->PhysicalStart, entry_bytes(entry), known,
				   entry->Attribute | EFI_MEMORY_WB | EFI_MEMORY_RUNTIME);
	}
}

void efi_keep_tables(struct range_list *ranges, const struct efi_tables *tables)
{
	if (tables->rsdp)
		ranges_convert(ranges, tables->rsdp, 36, BOOT_MEMORY_FREE, BOOT_MEMORY_ACPI_TABLES);
	if (tables->smbios)
		ranges_convert(ranges, tables->smbios, 32, BOOT_MEMORY_FREE, BOOT_MEMORY_ACPI_TABLES);
}

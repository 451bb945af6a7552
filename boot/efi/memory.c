/* SPDX-License-Identifier: MIT */
/*
 * Memory before and at the end of boot services: allocations, the firmware's map, and its translation to ours.
 *
 * UEFI specification, "Memory Allocation Services" (7.2), "EFI_BOOT_SERVICES.ExitBootServices()" (7.4.6), "Memory
 * Attributes Table" (4.6.4). Next to read: main.c.
 */
#include "boot/efi/efi_boot.h"
#include "boot/identity.h"

#define EXIT_TRIES 8
/* Descriptors that allocations of our own and events may add between two looks at the map. */
#define MAP_SLACK 64u
#define MEMORY_RO 0x20000ull
#define ATTRIBUTES_SLACK_BYTES 8192u
#define STACK_BYTES 16384u
#define LOW_END 0x100000000ull

static const EFI_GUID attributes_guid = { 0xdcfa911d, 0x26eb, 0x469f,
					  { 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20 } };

struct attributes_table {
	UINT32 version, count, descriptor_bytes, flags;
};

void *allocate_pages(struct efi_boot *boot, uint64_t size_bytes)
{
	UINTN pages = (size_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	EFI_PHYSICAL_ADDRESS at;

	if (EFI_ERROR(boot->services->AllocatePages(AllocateAnyPages, EfiLoaderData, pages, &at)))
		return NULL;
	__builtin_memset((void *)at, 0, pages * PAGE_BYTES);
	return (void *)at;
}

void free_pages(struct efi_boot *boot, void *at, uint64_t size_bytes)
{
	boot->services->FreePages((EFI_PHYSICAL_ADDRESS)at, (size_bytes + PAGE_BYTES - 1) / PAGE_BYTES);
}

void *allocate_image(struct efi_boot *boot, uint64_t size_bytes)
{
	UINTN pages = size_bytes / PAGE_BYTES, extra = LARGE_PAGE_BYTES / PAGE_BYTES, head;
	EFI_PHYSICAL_ADDRESS at = LOW_END - 1, aligned;

	if (EFI_ERROR(boot->services->AllocatePages(AllocateMaxAddress, EfiLoaderData, pages + extra, &at)) &&
	    EFI_ERROR(boot->services->AllocatePages(AllocateAnyPages, EfiLoaderData, pages + extra, &at)))
		return NULL;
	aligned = (at + LARGE_PAGE_BYTES - 1) & ~(LARGE_PAGE_BYTES - 1);
	head = (aligned - at) / PAGE_BYTES;
	if (head)
		boot->services->FreePages(at, head);
	if (extra - head)
		boot->services->FreePages(aligned + size_bytes, extra - head);
	return (void *)aligned;
}

/* Reads the map into boot->memory_map, growing it first if grow is set. */
static EFI_STATUS read_map(struct efi_boot *boot, UINTN *key, bool grow)
{
	UINT32 version;
	EFI_STATUS status;
	int tries;

	for (tries = 0; tries < EXIT_TRIES; tries++) {
		boot->memory_map_bytes = boot->memory_map_capacity;
		status = boot->services->GetMemoryMap(&boot->memory_map_bytes, (EFI_MEMORY_DESCRIPTOR *)boot->memory_map,
						      key, &boot->descriptor_bytes, &version);
		if (status != EFI_BUFFER_TOO_SMALL || !grow)
			return status;
		if (boot->memory_map)
			free_pages(boot, boot->memory_map, boot->memory_map_capacity);
		boot->memory_map_capacity = boot->memory_map_bytes + MAP_SLACK * boot->descriptor_bytes;
		boot->memory_map = allocate_pages(boot, boot->memory_map_capacity);
		if (!boot->memory_map) {
			boot->memory_map_capacity = 0;
			return EFI_OUT_OF_RESOURCES;
		}
	}
	return EFI_BUFFER_TOO_SMALL;
}

static const EFI_MEMORY_DESCRIPTOR *map_entry(const struct efi_boot *boot, UINTN offset)
{
	return offset + sizeof(EFI_MEMORY_DESCRIPTOR) <= boot->memory_map_bytes
	       ? (const EFI_MEMORY_DESCRIPTOR *)(boot->memory_map + offset) : NULL;
}

static bool is_ram(UINT32 type)
{
	return (type >= EfiLoaderCode && type <= EfiConventionalMemory) || type == EfiACPIReclaimMemory ||
	       type == EfiACPIMemoryNVS;
}

static bool free_after_exit(UINT32 type)
{
	return type == EfiConventionalMemory || type == EfiBootServicesCode || type == EfiBootServicesData;
}

/* Sums up RAM; *best becomes the highest place for size_bytes in conventional memory, 0 if there is none. */
static void survey(struct efi_boot *boot, uint64_t size_bytes, uint64_t *total, uint64_t *unused, uint64_t *best)
{
	const EFI_MEMORY_DESCRIPTOR *entry;
	UINTN offset;

	*total = *unused = *best = 0;
	for (offset = 0; (entry = map_entry(boot, offset)); offset += boot->descriptor_bytes) {
		uint64_t bytes = entry->NumberOfPages * PAGE_BYTES;

		if (is_ram(entry->Type))
			*total += bytes;
		if (free_after_exit(entry->Type))
			*unused += bytes;
		if (entry->Type == EfiConventionalMemory && bytes >= size_bytes &&
		    entry->PhysicalStart + bytes - size_bytes > *best)
			*best = entry->PhysicalStart + bytes - size_bytes;
	}
}

void *allocate_module(struct efi_boot *boot, uint64_t size_bytes, bool *too_large)
{
	UINTN pages = size_bytes / PAGE_BYTES, key;
	uint64_t total, unused, best;
	EFI_PHYSICAL_ADDRESS at;

	if (EFI_ERROR(read_map(boot, &key, true)))
		return NULL;
	survey(boot, size_bytes, &total, &unused, &best);
	*too_large = unused < size_bytes || unused - size_bytes < total / 4;
	if (*too_large)
		return NULL;
	/* High memory first: what must lie low (DMA, start of other CPUs) finds its place later. */
	at = best;
	if (best && !EFI_ERROR(boot->services->AllocatePages(AllocateAddress, EfiLoaderData, pages, &at)))
		return (void *)at;
	if (!EFI_ERROR(boot->services->AllocatePages(AllocateAnyPages, EfiLoaderData, pages, &at)))
		return (void *)at;
	return NULL;
}

static bool cpu_has_gib_pages(void)
{
	uint32_t eax = 0x80000001u, ebx, ecx, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	return edx >> 26 & 1;
}

static uint64_t highest_address(struct efi_boot *boot)
{
	const struct boot_framebuffer *fb = &boot->info->framebuffer;
	uint64_t end = LOW_END;
	const EFI_MEMORY_DESCRIPTOR *entry;
	UINTN offset;

	for (offset = 0; (entry = map_entry(boot, offset)); offset += boot->descriptor_bytes) {
		/* Windows for devices can lie at the very end of the address space; none is needed before start.S. */
		if (is_ram(entry->Type) && entry->PhysicalStart + entry->NumberOfPages * PAGE_BYTES > end)
			end = entry->PhysicalStart + entry->NumberOfPages * PAGE_BYTES;
	}
	return fb->base + fb->size_bytes > end ? fb->base + fb->size_bytes : end;
}

bool prepare_exit(struct efi_boot *boot)
{
	const struct attributes_table *attributes = (const void *)(uintptr_t)vendor_table(boot, &attributes_guid);
	uint64_t entries, table_bytes;
	uint8_t *stack;
	UINTN key;

	if (EFI_ERROR(read_map(boot, &key, true)))
		return false;
	boot->gib_pages = cpu_has_gib_pages();
	boot->identity_end = highest_address(boot);
	table_bytes = identity_table_pages(boot->identity_end, boot->gib_pages) * PAGE_BYTES;
	boot->tables = allocate_pages(boot, table_bytes);
	stack = allocate_pages(boot, STACK_BYTES);
	boot->stack_top = stack + STACK_BYTES;
	if (attributes) {
		boot->attributes_capacity = sizeof(*attributes) + (uint64_t)attributes->count * attributes->descriptor_bytes +
					    ATTRIBUTES_SLACK_BYTES;
		boot->attributes_copy = allocate_pages(boot, boot->attributes_capacity);
	}
	/* Each entry of the map, each module, and each piece that the attributes table may cut out. */
	entries = boot->memory_map_capacity / boot->descriptor_bytes + 2 * MODULES_MAX +
		  2 * boot->attributes_capacity / sizeof(EFI_MEMORY_DESCRIPTOR) + 2 * MAP_SLACK;
	boot->ranges.capacity = (uint32_t)entries;
	boot->ranges.at = allocate_pages(boot, entries * sizeof(struct boot_memory_range));
	return boot->tables && stack && boot->ranges.at && !EFI_ERROR(read_map(boot, &key, true));
}

static uint32_t type_of(const EFI_MEMORY_DESCRIPTOR *entry)
{
	switch (entry->Type) {
	case EfiLoaderCode:
	case EfiLoaderData: return BOOT_MEMORY_BOOT;
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

/* Copies the table out of memory that is free from now on, and takes its finer attributes into the map. */
static void take_attributes(struct efi_boot *boot)
{
	const struct attributes_table *table = (const void *)(uintptr_t)vendor_table(boot, &attributes_guid);
	uint64_t bytes;
	uint32_t i;

	if (!table || !boot->attributes_copy || table->descriptor_bytes < sizeof(EFI_MEMORY_DESCRIPTOR))
		return;
	bytes = sizeof(*table) + (uint64_t)table->count * table->descriptor_bytes;
	if (bytes > boot->attributes_capacity)
		return;
	__builtin_memcpy(boot->attributes_copy, table, bytes);
	boot->info->efi_memory_attributes = (uint64_t)(uintptr_t)boot->attributes_copy;
	table = boot->attributes_copy;
	for (i = 0; i < table->count; i++) {
		const EFI_MEMORY_DESCRIPTOR *entry = (const void *)((const uint8_t *)(table + 1) +
								     (uint64_t)i * table->descriptor_bytes);
		uint32_t type = type_of(entry), known = ranges_type(&boot->ranges, entry->PhysicalStart);

		if ((type == BOOT_MEMORY_RUNTIME_CODE || type == BOOT_MEMORY_RUNTIME_DATA) &&
		    (known == BOOT_MEMORY_RUNTIME_CODE || known == BOOT_MEMORY_RUNTIME_DATA) &&
		    entry->NumberOfPages < ~0ull / PAGE_BYTES)
			ranges_set(&boot->ranges, entry->PhysicalStart, entry->NumberOfPages * PAGE_BYTES, known,
				   entry->Attribute | EFI_MEMORY_WB | EFI_MEMORY_RUNTIME);
	}
}

static void translate_map(struct efi_boot *boot)
{
	struct bootinfo *info = boot->info;
	const EFI_MEMORY_DESCRIPTOR *entry;
	UINTN offset;
	uint32_t i;

	for (offset = 0; (entry = map_entry(boot, offset)); offset += boot->descriptor_bytes) {
		uint64_t bytes = entry->NumberOfPages > ~0ull / PAGE_BYTES ? ~0ull : entry->NumberOfPages * PAGE_BYTES;

		ranges_add(&boot->ranges, entry->PhysicalStart, bytes, type_of(entry),
			   entry->Attribute & EFI_MEMORY_RUNTIME ? entry->Attribute : 0);
	}
	ranges_convert(&boot->ranges, 0, PAGE_BYTES, BOOT_MEMORY_FREE, BOOT_MEMORY_RESERVED); /* NULL stays unused */
	ranges_set(&boot->ranges, info->image_base, info->image_size_bytes, BOOT_MEMORY_IMAGE, 0);
	for (i = 0; i < info->module_count; i++)
		ranges_set(&boot->ranges, boot->modules[i].base, boot->modules[i].size_bytes ? boot->modules[i].size_bytes : 1,
			   BOOT_MEMORY_MODULE, 0);
	/* Firmware that keeps these in boot-services memory exists; their pages must survive. */
	if (info->rsdp)
		ranges_convert(&boot->ranges, info->rsdp, 36, BOOT_MEMORY_FREE, BOOT_MEMORY_ACPI_TABLES);
	if (info->smbios)
		ranges_convert(&boot->ranges, info->smbios, 32, BOOT_MEMORY_FREE, BOOT_MEMORY_ACPI_TABLES);
	take_attributes(boot);
	ranges_merge(&boot->ranges);
	info->memory = (uint64_t)(uintptr_t)boot->ranges.at;
	info->memory_count = boot->ranges.count;
}

EFI_STATUS exit_boot_services(struct efi_boot *boot)
{
	EFI_STATUS status = EFI_INVALID_PARAMETER;
	UINTN key;
	int tries;

	/*
	 * An event handler may change the map between our look and the call, then the key is stale: look again. After
	 * a first refusal only the memory services may be called, so nothing is printed or grown here.
	 */
	for (tries = 0; tries < EXIT_TRIES && status == EFI_INVALID_PARAMETER; tries++) {
		status = read_map(boot, &key, tries == 0);
		if (!EFI_ERROR(status))
			status = boot->services->ExitBootServices(boot->image, key);
	}
	if (EFI_ERROR(status))
		return status;
	translate_map(boot);
	return EFI_SUCCESS;
}

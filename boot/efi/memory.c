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
#define ATTRIBUTES_SLACK_BYTES 8192u
#define STACK_BYTES 16384u
#define LOW_END 0x100000000ull

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

/* Sums up RAM; *best becomes the highest place for size_bytes in conventional memory, 0 if there is none. */
static void survey(struct efi_boot *boot, uint64_t size_bytes, uint64_t *total, uint64_t *unused, uint64_t *best)
{
	const EFI_MEMORY_DESCRIPTOR *entry;
	UINTN offset;

	*total = *unused = *best = 0;
	for (offset = 0; (entry = efi_map_entry(boot->memory_map, boot->memory_map_bytes, offset)); offset += boot->descriptor_bytes) {
		uint64_t bytes = entry->NumberOfPages * PAGE_BYTES;

		if (efi_is_ram(entry->Type))
			*total += bytes;
		if (efi_free_after_exit(entry->Type))
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

	for (offset = 0; (entry = efi_map_entry(boot->memory_map, boot->memory_map_bytes, offset)); offset += boot->descriptor_bytes) {
		/* Windows for devices can lie at the very end of the address space; none is needed before start.S. */
		if (efi_is_ram(entry->Type) && entry->PhysicalStart + entry->NumberOfPages * PAGE_BYTES > end)
			end = entry->PhysicalStart + entry->NumberOfPages * PAGE_BYTES;
	}
	return fb->base + fb->size_bytes > end ? fb->base + fb->size_bytes : end;
}

bool prepare_exit(struct efi_boot *boot)
{
	uint64_t entries, table_bytes;
	struct efi_tables tables;
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
	efi_find_tables(boot->system, &tables);
	if (tables.attributes) {
		boot->attributes_capacity = efi_attributes_bytes((const void *)(uintptr_t)tables.attributes) +
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

/* Copies the table out of memory that is free from now on, and takes its finer attributes into the map. */
static void take_attributes(struct efi_boot *boot)
{
	const struct efi_attributes_table *table;
	struct efi_tables tables;
	uint64_t bytes;

	/* The firmware may have published it anew at the end of boot services: look for it again. */
	efi_find_tables(boot->system, &tables);
	table = (const void *)(uintptr_t)tables.attributes;
	bytes = table && boot->attributes_copy ? efi_attributes_bytes(table) : 0;
	if (!bytes || bytes > boot->attributes_capacity)
		return;
	__builtin_memcpy(boot->attributes_copy, table, bytes);
	boot->info->efi_memory_attributes = (uint64_t)(uintptr_t)boot->attributes_copy;
	efi_map_refine(&boot->ranges, boot->attributes_copy);
}

static void translate_map(struct efi_boot *boot)
{
	struct efi_tables keep = { .rsdp = boot->info->rsdp, .smbios = boot->info->smbios };
	struct bootinfo *info = boot->info;
	uint32_t i;

	efi_map_add(&boot->ranges, boot->memory_map, boot->memory_map_bytes, boot->descriptor_bytes, BOOT_MEMORY_BOOT);
	ranges_set(&boot->ranges, info->image_base, info->image_size_bytes, BOOT_MEMORY_IMAGE, 0);
	for (i = 0; i < info->module_count; i++)
		ranges_set(&boot->ranges, boot->modules[i].base, boot->modules[i].size_bytes ? boot->modules[i].size_bytes : 1,
			   BOOT_MEMORY_MODULE, 0);
	efi_keep_tables(&boot->ranges, &keep);
	take_attributes(boot);
	ranges_merge(&boot->ranges);
	if (boot->ranges.full)
		text_append(&boot->messages, "the memory map has more ranges than fit: some memory stays unused\n");
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

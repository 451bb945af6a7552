/* SPDX-License-Identifier: MIT */
/*
 * GRUB's record, translated: memory map, firmware tables, framebuffer, names.
 *
 * On UEFI machines the firmware's own map is taken, since only it tells run-time memory; on BIOS machines the one that
 * GRUB made from INT 15h. Next to read: modules.c.
 */
#include "boot/efi_map.h"
#include "boot/multiboot2/multiboot2.h"

extern uint8_t program_start[], program_end[];

#define RSDP_BYTES_MAX 64u

static const EFI_SYSTEM_TABLE *efi_system(const struct front *front)
{
	const struct tag_efi_64 *tag = (const void *)tag_find(front->record, NULL, TAG_EFI_64, sizeof(*tag));

	return tag && tag->pointer < MAPPED_END ? (const EFI_SYSTEM_TABLE *)tag->pointer : NULL;
}

static bool add_efi_map(struct front *front)
{
	const struct tag_efi_memory_map *tag =
		(const void *)tag_find(front->record, NULL, TAG_EFI_MEMORY_MAP, sizeof(*tag));
	const EFI_SYSTEM_TABLE *system = efi_system(front);
	const struct efi_attributes_table *attributes;
	struct efi_tables tables;

	if (!tag || !system)
		return false;
	/* GRUB's own memory is free: what is still needed of it is marked in describe_memory. */
	efi_map_add(&front->ranges, tag->map, tag->tag.size_bytes - sizeof(*tag), tag->descriptor_bytes, BOOT_MEMORY_FREE);
	efi_find_tables(system, &tables);
	efi_keep_tables(&front->ranges, &tables);
	front->info->efi_system_table = (uint64_t)(uintptr_t)system;
	front->info->rsdp = tables.rsdp;
	front->info->smbios = tables.smbios;
	attributes = (const void *)(uintptr_t)tables.attributes;
	/* It lies in memory that is free since boot services ended: keep it where it is. */
	if (attributes && tables.attributes < MAPPED_END && efi_attributes_bytes(attributes)) {
		efi_map_refine(&front->ranges, attributes);
		ranges_convert(&front->ranges, tables.attributes, efi_attributes_bytes(attributes), BOOT_MEMORY_FREE,
			       BOOT_MEMORY_BOOT);
		front->info->efi_memory_attributes = tables.attributes;
	}
	return true;
}

static uint32_t type_of(uint32_t type)
{
	return type == 1 ? BOOT_MEMORY_FREE : type == 3 ? BOOT_MEMORY_ACPI_TABLES :
	       type == 4 ? BOOT_MEMORY_ACPI_NVS : BOOT_MEMORY_RESERVED;
}

static void add_bios_map(struct front *front)
{
	const struct tag_memory_map *tag = (const void *)tag_find(front->record, NULL, TAG_MEMORY_MAP, sizeof(*tag));
	uint32_t offset, left;

	if (!tag || tag->entry_bytes < sizeof(struct memory_entry))
		fail("Solera: GRUB gave no memory map");
	left = tag->tag.size_bytes - (uint32_t)sizeof(*tag);
	for (offset = 0; left - offset >= tag->entry_bytes; offset += tag->entry_bytes) {
		const struct memory_entry *entry = (const void *)(tag->entries + offset);

		ranges_add(&front->ranges, entry->base, entry->size_bytes, type_of(entry->type), 0);
	}
	/* The real-mode interrupt table: and NULL stays unused. */
	ranges_convert(&front->ranges, 0, PAGE_BYTES, BOOT_MEMORY_FREE, BOOT_MEMORY_RESERVED);
}

void describe_memory(struct front *front)
{
	const struct tag_module *module = NULL;

	if (!add_efi_map(front))
		add_bios_map(front);
	ranges_set(&front->ranges, (uint64_t)(uintptr_t)program_start, (uint64_t)(program_end - program_start),
		   BOOT_MEMORY_BOOT, 0);
	ranges_set(&front->ranges, (uint64_t)(uintptr_t)front->record, record_size(front->record), BOOT_MEMORY_BOOT, 0);
	while ((module = (const void *)tag_find(front->record, module ? &module->tag : NULL, TAG_MODULE,
						sizeof(*module)))) {
		if (module->end > module->start)
			ranges_set(&front->ranges, module->start, module->end - module->start, BOOT_MEMORY_BOOT, 0);
	}
}

static uint32_t mask(uint8_t position, uint8_t bits)
{
	return bits == 0 || bits > 16 || position > 31 ? 0 : ((1u << bits) - 1) << position;
}

static void describe_framebuffer(struct front *front)
{
	const struct tag_framebuffer *tag = (const void *)tag_find(front->record, NULL, TAG_FRAMEBUFFER, 38);
	struct boot_framebuffer *out = &front->info->framebuffer;

	if (!tag || tag->type != 1 || tag->bits != 32 || !tag->base || !tag->width || !tag->height ||
	    tag->stride_bytes / 4 < tag->width)
		return;
	*out = (struct boot_framebuffer){ .base = tag->base, .size_bytes = (uint64_t)tag->stride_bytes * tag->height,
		.width = tag->width, .height = tag->height, .stride_bytes = tag->stride_bytes,
		.format = BOOT_PIXEL_MASK };
	out->red_mask = mask(tag->red_position, tag->red_bits);
	out->green_mask = mask(tag->green_position, tag->green_bits);
	out->blue_mask = mask(tag->blue_position, tag->blue_bits);
	if (out->green_mask == 0xff00 && out->red_mask == 0xff0000 && out->blue_mask == 0xff)
		out->format = BOOT_PIXEL_BGRX;
	else if (out->green_mask == 0xff00 && out->red_mask == 0xff && out->blue_mask == 0xff0000)
		out->format = BOOT_PIXEL_RGBX;
}

static uint8_t byte_sum(const uint8_t *at, uint32_t count)
{
	uint8_t sum = 0;

	while (count--)
		sum = (uint8_t)(sum + *at++);
	return sum;
}

/* SMBIOS specification, "Table convention" (5.2): on BIOS machines the entry point is on a paragraph of F0000-FFFFF. */
static uint64_t find_smbios(void)
{
	uint64_t version_2 = 0, at;

	for (at = 0xf0000; at < 0x100000; at += 16) {
		const uint8_t *p = (const uint8_t *)at;

		if (__builtin_memcmp(p, "_SM3_", 5) == 0 && p[6] >= 24 && p[6] <= 32 && byte_sum(p, p[6]) == 0)
			return at;
		if (__builtin_memcmp(p, "_SM_", 4) == 0 && p[5] >= 30 && p[5] <= 32 && byte_sum(p, p[5]) == 0)
			version_2 = at;
	}
	return version_2;
}

/* GRUB hands over a copy of the RSDP: it gets a page that nobody takes for free. */
static void keep_rsdp(struct front *front)
{
	const struct tag_bytes *rsdp = (const void *)tag_find(front->record, NULL, TAG_ACPI_NEW, sizeof(*rsdp) + 36);
	uint8_t *page;
	uint32_t bytes;

	if (!rsdp)
		rsdp = (const void *)tag_find(front->record, NULL, TAG_ACPI_OLD, sizeof(*rsdp) + 20);
	if (!rsdp)
		return;
	page = take(front, PAGE_BYTES, PAGE_BYTES, BOOT_MEMORY_ACPI_TABLES);
	bytes = rsdp->tag.size_bytes - (uint32_t)sizeof(*rsdp);
	__builtin_memcpy(page, rsdp->bytes, bytes < RSDP_BYTES_MAX ? bytes : RSDP_BYTES_MAX);
	front->info->rsdp = (uint64_t)(uintptr_t)page;
}

void describe_machine(struct front *front)
{
	const struct tag *loader = tag_find(front->record, NULL, TAG_LOADER_NAME, sizeof(*loader) + 1);
	struct text name;

	if (!front->info->efi_system_table) {
		keep_rsdp(front);
		front->info->smbios = find_smbios();
	}
	describe_framebuffer(front);
	text_init(&name, front->info->firmware, sizeof(front->info->firmware));
	text_append(&name, front->info->efi_system_table ? "UEFI, by " : "BIOS, by ");
	text_append(&name, loader ? tag_text(loader, sizeof(*loader)) : "a Multiboot2 loader");
}

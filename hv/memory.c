/* SPDX-License-Identifier: MIT */
/*
 * Start-up of memory, in this order: the firmware's map made safe; a few pages for the first tables; the final page
 * tables (direct map, image with its rights, boot stack with its guard); the switch; the allocators.
 */
#include "hv/memory.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/paging.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/pages.h"
#include "hv/slab.h"
#include "hv/vmap.h"

#define LOW_MEMORY MIB

extern const u8 image_start[], image_text_end[], image_rodata_end[], image_end[], boot_stack_guard[], boot_stack[];

struct memory_map host_memory_map;

static struct {
	u64 place, end;     /* what is left of the pages taken for start-up, from the end downwards */
	u64 trampoline;
	u64 image_physical; /* (c) */
	u64 early_bytes;    /* (c) */
} early;

static u64 physical_limit(void)
{
	u32 bits = cpuid_if_present(0x80000008u, 0).eax & 0xff;

	return MIN(BIT64(bits >= 32 && bits <= 52 ? bits : 36), PAGES_ADDRESS_LIMIT);
}

static void read_map(const struct bootinfo *info)
{
	const struct boot_memory_range *ranges = (const struct boot_memory_range *)info->memory;
	struct boot_memory_range image = { info->image_base, info->image_size_bytes, BOOT_MEMORY_IMAGE, 0, 0 };
	u64 limit = physical_limit();

	memory_map_init(&host_memory_map);
	for (u32 i = 0; i < info->memory_count; i++)
		memory_map_add(&host_memory_map, &ranges[i], limit);
	memory_map_add(&host_memory_map, &image, limit);
	if (host_memory_map.dropped)
		log_warning("memory map of the firmware: %u ranges left out (empty, out of range, or too many)",
			    host_memory_map.dropped);
}

/* The first MiB stays out of the allocator: firmware writes there, and CPUs start there. */
static void set_low_memory_aside(void)
{
	for (u32 i = 0; i < host_memory_map.count && host_memory_map.ranges[i].base < LOW_MEMORY; i++) {
		struct memory_range *r = &host_memory_map.ranges[i];
		u64 page = MIN(r->end, LOW_MEMORY - 0x60000) - PAGE_SIZE;

		if ((r->type == BOOT_MEMORY_FREE || r->type == BOOT_MEMORY_BOOT) && page >= r->base && page != 0)
			early.trampoline = page;
	}
	memory_map_retype(&host_memory_map, 0, LOW_MEMORY, BOOT_MEMORY_FREE, BOOT_MEMORY_RESERVED);
	memory_map_retype(&host_memory_map, 0, LOW_MEMORY, BOOT_MEMORY_BOOT, BOOT_MEMORY_RESERVED);
}

/* The largest free range below 4 GiB gives the pages of start-up, from its end. */
static void choose_early_memory(void)
{
	for (u32 i = 0; i < host_memory_map.count; i++) {
		struct memory_range *r = &host_memory_map.ranges[i];

		if (r->type == BOOT_MEMORY_FREE && r->end <= 4 * GIB && r->end - r->base > early.end - early.place) {
			early.place = r->base;
			early.end = r->end;
		}
	}
	if (early.end - early.place < 4 * MIB)
		panic("no 4 MiB of free memory below 4 GiB: Solera needs 64 MiB at least");
	early.place = early.end;
}

static u64 take_early(u64 bytes)
{
	early.place -= ALIGN_UP(bytes, PAGE_SIZE);
	return early.place;
}

static u64 take_early_page(void)
{
	return take_early(PAGE_SIZE);
}

static u64 take_page(void)
{
	return pages_alloc(0, PAGE_OWNER_TABLE, 0).value;
}

static void map_or_stop(u64 virtual, u64 physical, u64 size_bytes, unsigned flags)
{
	if (size_bytes && paging_map(virtual, physical, size_bytes, flags) != OK)
		panic("no memory for the first page tables");
}

/* One run of RAM; the image's text and read-only data are read-only here, too; the first 2 MiB in small pages, since
 * memory types change inside them. */
static void map_directly(u64 base, u64 end)
{
	u64 frozen = early.image_physical, frozen_end = frozen + (u64)(image_rodata_end - image_start);
	u64 cuts[] = { 2 * MIB, frozen, frozen_end };

	while (base < end) {
		unsigned flags = base >= frozen && base < frozen_end ? 0 : PAGING_WRITE;
		u64 part = end;

		for (size_t i = 0; i < ARRAY_SIZE(cuts); i++)
			if (cuts[i] > base && cuts[i] < part)
				part = cuts[i];
		map_or_stop(DIRECT_MAP_BASE + base, base, part - base, flags | (base < 2 * MIB ? PAGING_SMALL : 0));
		base = part;
	}
}

static void map_all_ram(void)
{
	u64 base = 0, end = LOW_MEMORY; /* the first MiB is mapped whatever the map says: legacy tables live there */

	for (u32 i = 0; i < host_memory_map.count; i++) {
		struct memory_range *r = &host_memory_map.ranges[i];

		if (!memory_type_is_ram(r->type) || r->end <= end)
			continue;
		if (r->base > end) {
			map_directly(base, end);
			base = r->base;
		}
		end = r->end;
	}
	map_directly(base, end);
}

static void map_image_part(const u8 *from, const u8 *to, unsigned flags)
{
	map_or_stop((u64)from, (u64)(from - image_start) + early.image_physical, (u64)(to - from), flags);
}

static void map_image(void)
{
	map_image_part(image_start, image_text_end, PAGING_EXECUTE);
	map_image_part(image_text_end, image_rodata_end, 0);
	map_image_part(image_rodata_end, boot_stack_guard, PAGING_WRITE);
	map_image_part(boot_stack, image_end, PAGING_WRITE | PAGING_SMALL);
}

void memory_init(const struct bootinfo *info)
{
	u64 directory_bytes, directory;

	early.image_physical = info->image_base;
	read_map(info);
	set_low_memory_aside();
	choose_early_memory();
	directory_bytes = pages_directory_bytes(&host_memory_map);
	directory = take_early(directory_bytes);
	memset((void *)directory, 0, directory_bytes);
	paging_set_allocator(take_early_page);
	paging_enable_features();
	map_all_ram();
	map_image();
	paging_switch();
	early.early_bytes = early.end - early.place;
	memory_map_retype(&host_memory_map, early.place, early.end, BOOT_MEMORY_FREE, BOOT_MEMORY_IMAGE);
	pages_init(&host_memory_map, direct_map(HPA(directory)));
	paging_set_allocator(take_page);
	slab_init();
}

u64 memory_trampoline_page(void)
{
	return early.trampoline;
}

u64 memory_host_bytes(void)
{
	u64 bytes = (u64)(image_end - image_start) + early.early_bytes;
	struct pages_stats stats;

	pages_stats(&stats);
	for (unsigned owner = 1; owner < ARRAY_SIZE(stats.by_owner); owner++)
		if (owner != PAGE_OWNER_GUEST && owner != PAGE_OWNER_NESTED && owner != PAGE_OWNER_MODULE)
			bytes += stats.by_owner[owner] * PAGE_SIZE;
	return bytes;
}

const void *memory_firmware_pointer(hpa_t address, u64 size_bytes)
{
	u64 end, limit = physical_limit();
	u32 i;

	if (size_bytes == 0 || __builtin_add_overflow(address.value, size_bytes, &end) || end > limit)
		return NULL;
	if (end <= LOW_MEMORY)
		return direct_map(address);
	for (i = memory_map_find(&host_memory_map, address.value); i < host_memory_map.count; i++) {
		struct memory_range *r = &host_memory_map.ranges[i];

		if (r->type == BOOT_MEMORY_MMIO)
			return NULL;
		if (r->base > address.value || !memory_type_is_ram(r->type))
			break;
		if (r->end >= end)
			return direct_map(address);
	}
	return vmap(address, size_bytes, VMAP_READ_ONLY);
}

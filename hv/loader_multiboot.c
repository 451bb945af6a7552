/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1: ELF32, ELF64 (entered in 32-bit mode, as GRUB does) or any file with the header's own addresses (the
 * "a.out kludge"). EAX has the magic, EBX points to the information structure.
 * Source: "Multiboot Specification" version 0.6.96. Not given: video, drives, the ELF's section headers.
 */
#include "hv/loader_place.h"
#include "hv/lib/string.h"

#define HEADER_MAGIC 0x1badb002u
#define BOOT_MAGIC 0x2badb002u
#define SEARCH_BYTES 8192u
#define FLAG_ADDRESSES BIT32(16)
/* Requirements (bits 0 to 15) that are met: modules on pages, memory information. Bit 2 asks for video, if there is any. */
#define FLAGS_KNOWN 7u

enum info_flag { INFO_MEMORY = 1, INFO_COMMAND_LINE = 4, INFO_MODULES = 8, INFO_MAP = 64, INFO_LOADER = 512 };
struct multiboot_info {
	u32 flags, memory_lower, memory_upper, boot_device, command_line, module_count, modules;
	u32 symbols[4];
	u32 map_bytes, map;
	u32 drives_bytes, drives, config_table, boot_loader_name, apm_table;
	u32 video[10];
};
struct multiboot_module { u32 start, end, string, reserved; };
struct multiboot_map { u32 size; u64 base, length; u32 type; } PACKED;

static const char loader_name[] = "Solera";

/* The header's offset in the file; false: none in the first 8 KiB. */
static bool find_header(const u8 *file, u64 bytes, u64 *offset)
{
	for (u64 at = 0; at + 12 <= MIN(bytes, (u64)SEARCH_BYTES); at += 4) {
		if (file_u32(file + at) == HEADER_MAGIC && file_u32(file + at) + file_u32(file + at + 4) + file_u32(file + at + 8) == 0) {
			*offset = at;
			return true;
		}
	}
	return false;
}

bool multiboot_probe(const void *image, size_t image_bytes)
{
	u64 offset;

	return find_header(image, image_bytes, &offset);
}

/* Section "The address fields of Multiboot header". */
static int load_by_addresses(struct placement *placement, u64 offset, struct kernel_entry *entry)
{
	const u8 *file = placement->request->image;
	u64 bytes = placement->request->image_bytes;

	if (bytes < 32 || offset > bytes - 32)
		return place_error(placement, ERR_INVALID, "Multiboot: the file ends inside its header");
	u64 header = file_u32(file + offset + 12), load = file_u32(file + offset + 16), load_end = file_u32(file + offset + 20);
	u64 bss_end = file_u32(file + offset + 24);
	if (load > header || header - load > offset)
		return place_error(placement, ERR_INVALID, "Multiboot: header_addr 0x%llx and load_addr 0x%llx do not fit the header's place 0x%llx",
				   (unsigned long long)header, (unsigned long long)load, (unsigned long long)offset);
	u64 from = offset - (header - load), size = load_end ? load_end - load : bytes - from;
	if ((load_end && load_end < load) || size > bytes - from)
		return place_error(placement, ERR_INVALID, "Multiboot: truncated: load_end_addr asks for 0x%llx bytes from 0x%llx, the file has 0x%llx",
				   (unsigned long long)size, (unsigned long long)from, (unsigned long long)bytes);
	u64 memory = bss_end ? bss_end - load : size;
	if ((bss_end && bss_end < load) || memory < size)
		return place_error(placement, ERR_INVALID, "Multiboot: bss_end_addr 0x%llx lies before the loaded part's end",
				   (unsigned long long)bss_end);
	int result = place_at(placement, load, memory, "Multiboot: the kernel");
	if (result == OK)
		result = place_write(placement, load, file + from, size);
	if (result == OK)
		result = place_zero(placement, load + size, memory - size);
	entry->rip = file_u32(file + offset + 28);
	return result;
}

static int load_kernel(struct placement *placement, struct kernel_entry *entry)
{
	struct elf_image elf;
	u64 offset;
	int result;

	if (!find_header(placement->request->image, placement->request->image_bytes, &offset))
		return place_error(placement, ERR_INVALID, "Multiboot: no header");
	u32 flags = file_u32((const u8 *)placement->request->image + offset + 4);
	if (flags & 0xffffu & ~FLAGS_KNOWN)
		return place_error(placement, ERR_UNSUPPORTED, "Multiboot: the kernel demands features that Solera does not know (flags 0x%x)", flags);
	if (flags & FLAG_ADDRESSES)
		return load_by_addresses(placement, offset, entry);
	if ((result = elf_open(placement, &elf)) != OK || (result = elf_load(placement, &elf)) != OK)
		return result;
	entry->rip = elf.entry_physical;
	if (entry->rip >= 4 * GIB)
		return place_error(placement, ERR_RANGE, "Multiboot: the entry 0x%llx is not below 4 GiB", (unsigned long long)entry->rip);
	return OK;
}

static int write_map(struct placement *placement, struct multiboot_info *info)
{
	const struct kernel_request *request = placement->request;
	struct multiboot_map map[KERNEL_MAP_MAX];
	u64 address;
	int result;

	for (unsigned i = 0; i < request->map_count; i++) {
		map[i] = (struct multiboot_map){ sizeof(map[0]) - 4, request->map[i].base, request->map[i].size_bytes, request->map[i].kind };
		if (request->map[i].kind == MEMORY_RAM && request->map[i].base == 0)
			info->memory_lower = (u32)(MIN(request->map[i].size_bytes, 640 * KIB) / KIB);
		if (request->map[i].kind == MEMORY_RAM && request->map[i].base == MIB)
			info->memory_upper = (u32)(request->map[i].size_bytes / KIB);
	}
	result = place_low(placement, sizeof(map), 16, "memory map", &address);
	info->map = (u32)address;
	info->map_bytes = (u32)(request->map_count * sizeof(map[0]));
	return result == OK ? place_write(placement, address, map, info->map_bytes) : result;
}

static int write_string(struct placement *placement, const char *text, u32 *address)
{
	size_t size = strlen(text) + 1;
	u64 at;
	int result = place_low(placement, size, 1, "module's name", &at);

	*address = (u32)at;
	return result == OK ? place_write(placement, at, text, size) : result;
}

static int write_modules(struct placement *placement, struct multiboot_info *info)
{
	const struct kernel_request *request = placement->request;
	struct multiboot_module list[KERNEL_MODULES_MAX] = { 0 };
	u64 addresses[KERNEL_MODULES_MAX], at;
	int result;

	if (request->module_count == 0)
		return OK;
	result = place_modules(placement, 4 * GIB, addresses);
	for (unsigned i = 0; i < request->module_count && result == OK; i++) {
		list[i].start = (u32)addresses[i];
		list[i].end = (u32)(addresses[i] + request->modules[i].size_bytes);
		result = write_string(placement, request->modules[i].name ? request->modules[i].name : "", &list[i].string);
	}
	if (result != OK)
		return result;
	result = place_low(placement, sizeof(list), 16, "module list", &at);
	info->flags |= INFO_MODULES;
	info->modules = (u32)at;
	info->module_count = request->module_count;
	return result == OK ? place_write(placement, at, list, request->module_count * sizeof(list[0])) : result;
}

int multiboot_load(struct placement *placement, struct kernel_entry *entry)
{
	struct multiboot_info info = { .flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_MAP | INFO_LOADER };
	u64 command_line = 0;
	int result;

	entry->mode = KERNEL_PROTECTED_32;
	entry->rax = BOOT_MAGIC;
	if ((result = load_kernel(placement, entry)) != OK ||
	    (result = place_low(placement, sizeof(info), 16, "information structure", &entry->rbx)) != OK ||
	    (result = place_gdt(placement, entry)) != OK || (result = write_map(placement, &info)) != OK ||
	    (result = place_command_line(placement, &command_line)) != OK || (result = write_modules(placement, &info)) != OK ||
	    (result = write_string(placement, loader_name, &info.boot_loader_name)) != OK)
		return result;
	info.command_line = (u32)command_line;
	return place_write(placement, entry->rbx, &info, sizeof(info));
}

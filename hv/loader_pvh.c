/* SPDX-License-Identifier: MIT */
/*
 * PVH: an ELF kernel whose Xen note names a 32-bit physical entry; EBX points to struct hvm_start_info.
 * Source: Xen's public interface, "x86/HVM direct boot ABI" (docs/misc/pvh.pandoc and arch-x86/hvm/start_info.h).
 */
#include "hv/loader_place.h"
#include "hv/lib/string.h"

#define HVM_START_MAGIC 0x336ec578u

struct hvm_start_info {
	u32 magic, version, flags, module_count;
	u64 module_list, command_line, rsdp, memory_map;
	u32 memory_map_entries, reserved;
};
STATIC_ASSERT(sizeof(struct hvm_start_info) == 56, "version 1 has 56 bytes");
struct hvm_module { u64 address, size_bytes, command_line, reserved; };
struct hvm_memory { u64 address, size_bytes; u32 type, reserved; };

bool pvh_probe(const void *image, size_t image_bytes)
{
	char error[KERNEL_ERROR_MAX];
	struct kernel_request request = { .image = image, .image_bytes = image_bytes };
	struct placement placement = { .request = &request, .error = error };
	struct elf_image elf;
	u64 entry;

	return elf_probe(image, image_bytes) && elf_open(&placement, &elf) == OK && elf_find_pvh_entry(&placement, &elf, &entry) == OK;
}

static int write_map(struct placement *placement, struct hvm_start_info *info)
{
	const struct kernel_request *request = placement->request;
	struct hvm_memory map[KERNEL_MAP_MAX];
	int result;

	for (unsigned i = 0; i < request->map_count; i++)
		map[i] = (struct hvm_memory){ request->map[i].base, request->map[i].size_bytes, request->map[i].kind, 0 };
	info->memory_map_entries = request->map_count;
	result = place_low(placement, sizeof(map), 16, "memory map", &info->memory_map);
	return result == OK ? place_write(placement, info->memory_map, map, request->map_count * sizeof(map[0])) : result;
}

static int write_modules(struct placement *placement, struct hvm_start_info *info)
{
	const struct kernel_request *request = placement->request;
	struct hvm_module list[KERNEL_MODULES_MAX] = { 0 };
	u64 addresses[KERNEL_MODULES_MAX];
	int result;

	if (request->module_count == 0)
		return OK;
	result = place_modules(placement, 4 * GIB, addresses);
	if (result != OK)
		return result;
	for (unsigned i = 0; i < request->module_count; i++)
		list[i] = (struct hvm_module){ .address = addresses[i], .size_bytes = request->modules[i].size_bytes };
	info->module_count = request->module_count;
	result = place_low(placement, sizeof(list), 16, "module list", &info->module_list);
	return result == OK ? place_write(placement, info->module_list, list, request->module_count * sizeof(list[0])) : result;
}

int pvh_load(struct placement *placement, struct kernel_entry *entry)
{
	struct hvm_start_info info = { .magic = HVM_START_MAGIC, .version = 1, .rsdp = placement->request->rsdp };
	struct elf_image elf;
	int result;

	entry->mode = KERNEL_PROTECTED_32;
	if ((result = elf_open(placement, &elf)) != OK || (result = elf_find_pvh_entry(placement, &elf, &entry->rip)) != OK ||
	    (result = elf_load(placement, &elf)) != OK)
		return result;
	if (entry->rip >= 4 * GIB)
		return place_error(placement, ERR_RANGE, "PVH: the entry 0x%llx is not below 4 GiB", (unsigned long long)entry->rip);
	if ((result = place_low(placement, sizeof(info), 16, "start info", &entry->rbx)) != OK ||
	    (result = place_gdt(placement, entry)) != OK || (result = write_map(placement, &info)) != OK ||
	    (result = place_command_line(placement, &info.command_line)) != OK || (result = write_modules(placement, &info)) != OK)
		return result;
	return place_write(placement, entry->rbx, &info, sizeof(info));
}

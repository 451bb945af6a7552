/* SPDX-License-Identifier: MIT */
/* Which loader a file belongs to. A file that is both PVH and Multiboot starts by PVH, the younger protocol. */
#include "hv/loader_place.h"

static const struct kernel_loader {
	const char *name;
	bool (*probe)(const void *image, size_t image_bytes);
	int (*load)(struct placement *placement, struct kernel_entry *entry);
} loaders[] = {
	[KERNEL_LINUX] = { "Linux bzImage", linux_probe, linux_load },
	[KERNEL_PVH] = { "PVH ELF", pvh_probe, pvh_load },
	[KERNEL_MULTIBOOT] = { "Multiboot", multiboot_probe, multiboot_load },
};

enum kernel_format kernel_probe(const void *image, size_t image_bytes)
{
	for (unsigned i = KERNEL_LINUX; i < ARRAY_SIZE(loaders); i++)
		if (loaders[i].probe(image, image_bytes))
			return (enum kernel_format)i;
	return KERNEL_UNKNOWN;
}

const char *kernel_format_name(enum kernel_format format)
{
	return format > KERNEL_UNKNOWN && format < ARRAY_SIZE(loaders) ? loaders[format].name : "unknown";
}

int kernel_load(const struct kernel_request *request, struct kernel_entry *entry, char error[KERNEL_ERROR_MAX])
{
	struct placement placement = { .request = request, .error = error };
	enum kernel_format format = kernel_probe(request->image, request->image_bytes);

	error[0] = '\0';
	*entry = (struct kernel_entry){ .format = (u8)format };
	if (request->map_count > KERNEL_MAP_MAX)
		return place_error(&placement, ERR_RANGE, "the memory map has more than %u ranges", KERNEL_MAP_MAX);
	if (format == KERNEL_UNKNOWN && elf_probe(request->image, request->image_bytes))
		return place_error(&placement, ERR_INVALID, "the ELF file has neither a PVH entry note nor a Multiboot header");
	if (format == KERNEL_UNKNOWN)
		return place_error(&placement, ERR_INVALID,
				   "the kernel is no Linux bzImage, no PVH ELF and no Multiboot kernel (%llu bytes)",
				   (unsigned long long)request->image_bytes);
	int result = loaders[format].load(&placement, entry);
	if (result != OK && !error[0])
		return place_error(&placement, result, "writing the kernel into the machine's memory failed (error %d)", result);
	return result;
}

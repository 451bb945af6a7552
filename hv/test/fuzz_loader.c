/* SPDX-License-Identifier: MIT */
/* LINK: hv/loader_image.c hv/loader_place.c hv/loader_linux.c hv/loader_elf.c hv/loader_pvh.c hv/loader_multiboot.c hv/lib/format.c hv/lib/string.c */
/* Any file: either it loads, into RAM only and each byte at most once, or there are words. */
#include <string.h>
#include "hv/loader_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LOW (64 * MIB)
#define HIGH (4 * GIB)
static u64 written;

static int note(void *context, u64 address, size_t size)
{
	(void)context;
	bool low = address + size <= 0x9fc00, middle = address >= MIB && address + size <= LOW;
	bool high = address >= HIGH && address + size <= HIGH + LOW;

	if (address + size < address || !(low || middle || high))
		__builtin_trap();
	written += size;
	return OK;
}

static int write_memory(void *context, u64 address, const void *from, size_t size)
{
	volatile u8 sink = 0;

	if (size) /* ASan watches that the ends are inside the file */
		sink = (u8)(((const u8 *)from)[0] + ((const u8 *)from)[size - 1]);
	(void)sink;
	return note(context, address, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kernel_memory_ops ops = { write_memory, note };
	static const struct memory_range map[] = { { 0, 0x9fc00, MEMORY_RAM }, { MIB, LOW - MIB, MEMORY_RAM }, { HIGH, LOW, MEMORY_RAM } };
	static const struct kernel_module modules[2] = { { "initrd", 6, "a" }, { "more", 4, "b" } };
	struct kernel_request request = { .image = data, .image_bytes = size, .modules = modules, .module_count = (unsigned)size % 3,
					  .command_line = "quiet", .map = map, .map_count = 3, .memory = &ops };
	struct kernel_entry entry;
	char error[KERNEL_ERROR_MAX];

	written = 0;
	int result = kernel_load(&request, &entry, error);
	if ((result == OK) != (error[0] == '\0') || strnlen(error, sizeof(error)) == sizeof(error) || written > 3 * LOW)
		__builtin_trap();
	if (result == OK && entry.rip >= 4 * GIB)
		__builtin_trap();
	return 0;
}

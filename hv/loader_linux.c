/* SPDX-License-Identifier: MIT */
/*
 * Linux bzImage by "The Linux/x86 Boot Protocol" (kernel documentation, arch/x86/boot.rst), section "64-bit Boot Protocol":
 * the protected-mode part at an address that suits its header, the zero page, identity page tables, entry at + 0x200.
 *
 * Real-mode setup code is not run and not copied but for its header. Kernels without the 64-bit entry are refused.
 */
#include "hv/loader_place.h"
#include "hv/lib/string.h"

/* Offsets in the file and in the zero page (struct boot_params), the protocol's names. */
enum setup_header {
	SETUP_SECTS = 0x1f1, SYSSIZE = 0x1f4, BOOT_FLAG = 0x1fe, JUMP = 0x200, HEADER = 0x202, VERSION = 0x206,
	TYPE_OF_LOADER = 0x210, LOADFLAGS = 0x211, CODE32_START = 0x214, RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21c,
	CMD_LINE_PTR = 0x228, INITRD_ADDR_MAX = 0x22c, KERNEL_ALIGNMENT = 0x230, RELOCATABLE_KERNEL = 0x234,
	MIN_ALIGNMENT = 0x235, XLOADFLAGS = 0x236, CMDLINE_SIZE = 0x238, PREF_ADDRESS = 0x258, INIT_SIZE = 0x260,
	HEADER_END_LEAST = 0x264,
};
enum zero_page {
	ACPI_RSDP_ADDR = 0x070, EXT_RAMDISK_IMAGE = 0x0c0, EXT_RAMDISK_SIZE = 0x0c4, EXT_CMD_LINE_PTR = 0x0c8,
	E820_ENTRIES = 0x1e8, HEADER_COPY = 0x1f1, HEADER_COPY_END = 0x290, E820_TABLE = 0x2d0,
};
#define E820_ENTRY_BYTES 20
#define LOADED_HIGH 1u
#define XLF_KERNEL_64 1u
#define XLF_CAN_BE_LOADED_ABOVE_4G 2u
#define VERSION_64_BIT 0x20c
#define ENTRY_64 0x200

struct linux_image {
	const u8 *file;
	const u8 *payload;
	u64 payload_bytes;
	u64 alignment, preferred, init_size;
	u32 command_line_max;
	bool relocatable, initrd_above_4g;
	u32 initrd_max;
};

bool linux_probe(const void *image, size_t image_bytes)
{
	const u8 *file = image;

	return image_bytes >= VERSION + 2 && file_u16(file + BOOT_FLAG) == 0xaa55 && memcmp(file + HEADER, "HdrS", 4) == 0;
}

static int read_header(struct placement *placement, struct linux_image *kernel)
{
	const u8 *file = placement->request->image;
	u64 bytes = placement->request->image_bytes;
	unsigned version = file_u16(file + VERSION);

	if (version < VERSION_64_BIT)
		return place_error(placement, ERR_UNSUPPORTED, "bzImage: boot protocol %u.%02u has no 64-bit entry (2.12 is needed)",
				   version >> 8, version & 0xff);
	if (bytes < HEADER_END_LEAST)
		return place_error(placement, ERR_INVALID, "bzImage: the file ends inside its setup header");
	if (!(file_u16(file + XLOADFLAGS) & XLF_KERNEL_64))
		return place_error(placement, ERR_UNSUPPORTED, "bzImage: this is a 32-bit kernel (no 64-bit entry)");
	if (!(file[LOADFLAGS] & LOADED_HIGH))
		return place_error(placement, ERR_UNSUPPORTED, "bzImage: a zImage, which loads below 640 KiB, is not supported");
	u64 setup = ((file[SETUP_SECTS] ? file[SETUP_SECTS] : 4u) + 1u) * 512u;
	u64 needed = (u64)file_u32(file + SYSSIZE) * 16;
	/* The size is counted in 16 bytes: the last ones may be missing. */
	if (bytes <= setup + ENTRY_64 || bytes - setup + 15 < needed)
		return place_error(placement, ERR_INVALID, "bzImage: truncated: the file has %llu bytes, its header says %llu",
				   (unsigned long long)bytes, (unsigned long long)(setup + needed));
	kernel->file = file;
	kernel->payload = file + setup;
	kernel->payload_bytes = needed ? MIN(bytes - setup, needed) : bytes - setup;
	kernel->alignment = file_u32(file + KERNEL_ALIGNMENT);
	kernel->preferred = file_u64(file + PREF_ADDRESS);
	kernel->init_size = MAX((u64)file_u32(file + INIT_SIZE), kernel->payload_bytes);
	kernel->relocatable = file[RELOCATABLE_KERNEL];
	kernel->command_line_max = file_u32(file + CMDLINE_SIZE);
	kernel->initrd_max = file_u32(file + INITRD_ADDR_MAX);
	kernel->initrd_above_4g = file_u16(file + XLOADFLAGS) & XLF_CAN_BE_LOADED_ABOVE_4G;
	if (kernel->payload_bytes <= ENTRY_64)
		return place_error(placement, ERR_INVALID, "bzImage: its kernel part has only %llu bytes",
				   (unsigned long long)kernel->payload_bytes);
	if (kernel->relocatable && (!kernel->alignment || kernel->alignment & (kernel->alignment - 1) || kernel->alignment > GIB))
		return place_error(placement, ERR_INVALID, "bzImage: kernel_alignment 0x%llx is no power of two up to 1 GiB",
				   (unsigned long long)kernel->alignment);
	return OK;
}

/* Identity tables reach 4 GiB, so the kernel must stand below; it moves itself later if it wants. */
static int place_kernel(struct placement *placement, const struct linux_image *kernel, u64 *address)
{
	u64 align = MAX(kernel->alignment, PAGE_SIZE);
	int result;

	*address = kernel->preferred;
	if (!kernel->relocatable) {
		if (kernel->preferred >= 4 * GIB || kernel->init_size > 4 * GIB - kernel->preferred)
			return place_error(placement, ERR_RANGE, "bzImage: cannot be relocated and wants to be at 0x%llx, beyond 4 GiB",
					   (unsigned long long)kernel->preferred);
		return place_at(placement, *address, kernel->init_size, "bzImage: a kernel that cannot be relocated");
	}
	if (IS_ALIGNED(*address, align) && *address < 4 * GIB && kernel->init_size <= 4 * GIB - *address &&
	    *address >= MIB && place_is_free(placement, *address, kernel->init_size))
		return place_at(placement, *address, kernel->init_size, "bzImage");
	/* Wherever it is loaded, it unpacks itself at its preferred address or above: the room is needed there. */
	result = place_find(placement, kernel->init_size, align, MAX(kernel->preferred, MIB), 4 * GIB, PLACE_LOWEST, address);
	if (result == ERR_FULL)
		return place_error(placement, ERR_RANGE, "bzImage: the kernel needs %llu KiB from 0x%llx on to start, more than the machine has free",
				   (unsigned long long)(kernel->init_size / KIB), (unsigned long long)kernel->preferred);
	return result;
}

static int place_initrd(struct placement *placement, const struct linux_image *kernel, u64 *address, u64 *size)
{
	const struct kernel_request *request = placement->request;
	int result;

	*address = *size = 0;
	if (request->module_count == 0)
		return OK;
	if (request->module_count > 1)
		return place_error(placement, ERR_UNSUPPORTED, "bzImage: a Linux kernel takes one initrd, not %u", request->module_count);
	*size = request->modules[0].size_bytes;
	if (*size == 0)
		return OK;
	u64 below = kernel->initrd_above_4g ? 4 * GIB : MIN((u64)kernel->initrd_max + 1, 4 * GIB);
	result = place_find(placement, *size, PAGE_SIZE, MIB, below, PLACE_HIGHEST, address);
	if (result == ERR_FULL && kernel->initrd_above_4g)
		result = place_find(placement, *size, PAGE_SIZE, 4 * GIB, ~(u64)0, PLACE_LOWEST, address);
	if (result == ERR_FULL)
		return place_error(placement, ERR_RANGE, "the initrd (%llu KiB) does not fit into the machine's memory beside the kernel%s",
				   (unsigned long long)(*size / KIB), kernel->initrd_above_4g ? "" : " below this kernel's limit");
	return result == OK ? place_write(placement, *address, request->modules[0].data, *size) : result;
}

static void put_u32(u8 *page, unsigned at, u32 value) { memcpy(page + at, &value, 4); }
static void put_u64(u8 *page, unsigned at, u64 value) { memcpy(page + at, &value, 8); }

static void put_e820(u8 *page, const struct kernel_request *request)
{
	STATIC_ASSERT(E820_TABLE + KERNEL_MAP_MAX * E820_ENTRY_BYTES <= PAGE_SIZE, "the map must fit into the zero page");
	page[E820_ENTRIES] = (u8)request->map_count;
	for (unsigned i = 0; i < request->map_count; i++) {
		unsigned at = E820_TABLE + i * E820_ENTRY_BYTES;

		put_u64(page, at, request->map[i].base);
		put_u64(page, at + 8, request->map[i].size_bytes);
		put_u32(page, at + 16, request->map[i].kind);
	}
}

/* The header's length is in the jump instruction over it: its end is JUMP + 2 + displacement. */
static int write_zero_page(struct placement *placement, const struct linux_image *kernel, const struct kernel_entry *entry,
			   u64 address, u64 initrd, u64 initrd_bytes)
{
	u8 page[PAGE_SIZE] = { 0 };
	unsigned end = MIN(MAX((unsigned)(HEADER + kernel->file[JUMP + 1]), (unsigned)HEADER_END_LEAST), (unsigned)HEADER_COPY_END);
	u64 command_line;
	int result = place_command_line(placement, &command_line);

	if (result != OK)
		return result;
	end = (unsigned)MIN((u64)end, placement->request->image_bytes);
	memcpy(page + HEADER_COPY, kernel->file + HEADER_COPY, end - HEADER_COPY);
	put_e820(page, placement->request);
	put_u64(page, ACPI_RSDP_ADDR, placement->request->rsdp);
	page[TYPE_OF_LOADER] = 0xff; /* no assigned number */
	put_u32(page, CODE32_START, (u32)address);
	put_u32(page, RAMDISK_IMAGE, (u32)initrd);
	put_u32(page, RAMDISK_SIZE, (u32)initrd_bytes);
	put_u32(page, EXT_RAMDISK_IMAGE, (u32)(initrd >> 32));
	put_u32(page, EXT_RAMDISK_SIZE, (u32)(initrd_bytes >> 32));
	put_u32(page, CMD_LINE_PTR, (u32)command_line);
	put_u32(page, EXT_CMD_LINE_PTR, 0);
	/* setup_data of the file is an address of somebody else's memory. */
	memset(page + 0x250, 0, 8);
	return place_write(placement, entry->rsi, page, sizeof(page));
}

/* PML4, PDPT and four page directories: 4 GiB identity-mapped in 2 MiB pages. */
static int write_page_tables(struct placement *placement, u64 *cr3)
{
	u64 table[512] = { 0 };
	int result = place_low(placement, 6 * PAGE_SIZE, PAGE_SIZE, "page tables", cr3);

	if (result != OK)
		return result;
	table[0] = (*cr3 + PAGE_SIZE) | 3;
	result = place_write(placement, *cr3, table, sizeof(table));
	for (unsigned i = 0; i < 4; i++)
		table[i] = (*cr3 + (2 + i) * PAGE_SIZE) | 3;
	if (result == OK)
		result = place_write(placement, *cr3 + PAGE_SIZE, table, sizeof(table));
	for (unsigned directory = 0; directory < 4 && result == OK; directory++) {
		for (unsigned i = 0; i < 512; i++)
			table[i] = ((u64)directory << 30 | (u64)i << 21) | 0x83;
		result = place_write(placement, *cr3 + (2 + directory) * PAGE_SIZE, table, sizeof(table));
	}
	return result;
}

int linux_load(struct placement *placement, struct kernel_entry *entry)
{
	struct linux_image kernel;
	u64 address, initrd, initrd_bytes, command_line_bytes = strlen(placement->request->command_line);
	int result = read_header(placement, &kernel);

	if (result != OK)
		return result;
	if (command_line_bytes > kernel.command_line_max)
		return place_error(placement, ERR_RANGE, "the command line has %llu bytes, this kernel takes at most %u",
				   (unsigned long long)command_line_bytes, kernel.command_line_max);
	entry->mode = KERNEL_LONG_64;
	if ((result = place_kernel(placement, &kernel, &address)) != OK ||
	    (result = place_write(placement, address, kernel.payload, kernel.payload_bytes)) != OK ||
	    (result = place_low(placement, PAGE_SIZE, PAGE_SIZE, "zero page", &entry->rsi)) != OK ||
	    (result = write_page_tables(placement, &entry->cr3)) != OK ||
	    (result = place_gdt(placement, entry)) != OK ||
	    (result = place_low(placement, PAGE_SIZE, PAGE_SIZE, "stack", &entry->rsp)) != OK ||
	    (result = place_initrd(placement, &kernel, &initrd, &initrd_bytes)) != OK)
		return result;
	entry->rsp += PAGE_SIZE;
	entry->rip = address + ENTRY_64;
	return write_zero_page(placement, &kernel, entry, address, initrd, initrd_bytes);
}

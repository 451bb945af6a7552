/* SPDX-License-Identifier: MIT */
/*
 * Kernels: what a file is, where its parts go in a guest's memory, and the registers with which it starts. Pure: memory is
 * written through callbacks; the file is hostile, and every error says in words what is wrong with which part of it.
 *
 * Linux bzImage by its 64-bit boot protocol (loader_linux.c), PVH ELF (loader_pvh.c), Multiboot 1, ELF or a.out kludge
 * (loader_multiboot.c). hv/loader.c joins this to machines. See docs/kernels.md.
 */
#ifndef HV_LOADER_IMAGE_H
#define HV_LOADER_IMAGE_H

#include "hv/lib/error.h"
#include "hv/lib/types.h"

/* e820's types, which the other protocols share. */
enum memory_kind { MEMORY_RAM = 1, MEMORY_RESERVED = 2, MEMORY_ACPI = 3, MEMORY_NVS = 4 };
struct memory_range { u64 base, size_bytes; u32 kind; };
#define KERNEL_MAP_MAX 32

struct kernel_module { const void *data; size_t size_bytes; const char *name; };

struct kernel_memory_ops { /* OK or any error; the ranges are RAM by the map that the request gave */
	int (*write)(void *context, u64 address, const void *from, size_t size_bytes);
	int (*zero)(void *context, u64 address, size_t size_bytes);
};

struct kernel_request {
	const void *image;
	size_t image_bytes;
	const struct kernel_module *modules;  /* Linux: at most one, its initrd */
	unsigned module_count;
	const char *command_line;             /* never NULL */
	const struct memory_range *map;       /* sorted, disjoint; RAM from 0 on, at least 1 MiB */
	unsigned map_count;                   /* at most KERNEL_MAP_MAX */
	u64 rsdp;                             /* 0: no ACPI */
	const struct kernel_memory_ops *memory;
	void *context;
};

enum kernel_format { KERNEL_UNKNOWN, KERNEL_LINUX, KERNEL_PVH, KERNEL_MULTIBOOT };
enum kernel_mode { KERNEL_PROTECTED_32, KERNEL_LONG_64 };

/*
 * The boot CPU's start. Flat segments from the GDT that was written (selectors and what they hold are in loader_image.c's
 * kernel_gdt): PROTECTED_32 has CR0.PE and no paging; LONG_64 has CR0.PE and PG, CR4.PAE, EFER.LME and LMA, and cr3.
 * Interrupts off; all other general registers are zero.
 */
struct kernel_entry {
	u8 format, mode;       /* enum kernel_format, enum kernel_mode */
	u64 rip, rsp, rax, rbx, rsi, cr3;
	u64 gdt_base;
	u16 gdt_limit, code_selector, data_selector;
};

#define KERNEL_MODULES_MAX 32
#define KERNEL_ERROR_MAX 120

enum kernel_format kernel_probe(const void *image, size_t image_bytes);
const char *kernel_format_name(enum kernel_format format); /* "Linux bzImage" … */
/*
 * Writes everything and fills *entry. ERR_INVALID, ERR_RANGE, ERR_UNSUPPORTED: error[] says why, in one line; memory may
 * be half written then. ERR_NO_MEMORY and others from the callbacks. Thread context.
 */
MUST_CHECK int kernel_load(const struct kernel_request *request, struct kernel_entry *entry, char error[KERNEL_ERROR_MAX]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The hand-over record: the only thing that a front door (boot/efi, boot/multiboot2) gives to the hypervisor.
 *
 * Built by the front door in memory of type MEMORY_BOOT, read once by hv/main.c. All pointers are physical addresses.
 * The front door enters the hypervisor's ELF entry point (at its physical address) in 64-bit mode with interrupts
 * off, paging on with everything that the record names identity-mapped, RDI = physical address of struct bootinfo,
 * RSI = physical address at which the ELF's first segment was loaded (2 MiB aligned).
 * Next to read: arch/x86/start.S.
 */
#ifndef BOOT_HANDOFF_H
#define BOOT_HANDOFF_H

#include <stdint.h>

#define BOOTINFO_MAGIC 0x4f464e4941524c53ull /* "SLRAINFO" */
#define BOOTINFO_VERSION 1u

enum boot_memory_type {
	BOOT_MEMORY_FREE = 1,         /* usable from the first instruction on */
	BOOT_MEMORY_BOOT = 2,         /* this record, modules' list, page tables of the front door: usable once copied */
	BOOT_MEMORY_IMAGE = 3,        /* the hypervisor's own segments */
	BOOT_MEMORY_MODULE = 4,       /* a module's bytes: usable when the module is dropped */
	BOOT_MEMORY_RESERVED = 5,     /* never touched */
	BOOT_MEMORY_ACPI_TABLES = 6,  /* ACPI reclaimable: read tables, then leave alone */
	BOOT_MEMORY_ACPI_NVS = 7,
	BOOT_MEMORY_RUNTIME_CODE = 8, /* UEFI run-time services */
	BOOT_MEMORY_RUNTIME_DATA = 9,
	BOOT_MEMORY_MMIO = 10,
};

/* One range of physical memory, page aligned; the list is sorted and without overlaps. */
struct boot_memory_range {
	uint64_t base;
	uint64_t size_bytes;
	uint32_t type;       /* enum boot_memory_type */
	uint32_t reserved;
	uint64_t attributes; /* UEFI attribute bits for run-time ranges (EFI_MEMORY_RO, _XP, _WB…), otherwise 0 */
};

enum boot_pixel_format { BOOT_PIXEL_NONE = 0, BOOT_PIXEL_BGRX = 1, BOOT_PIXEL_RGBX = 2, BOOT_PIXEL_MASK = 3 };

struct boot_framebuffer {
	uint64_t base; /* 0: none */
	uint64_t size_bytes;
	uint32_t width, height, stride_bytes;
	uint32_t format;                                 /* enum boot_pixel_format; 32 bits a pixel always */
	uint32_t red_mask, green_mask, blue_mask, reserved; /* BOOT_PIXEL_MASK only */
};

#define BOOT_MODULE_NAME_MAX 256

/* One file of \solera\, or one Multiboot2 module. Page aligned; the tail of the last page is zero. */
struct boot_module {
	uint64_t base;
	uint64_t size_bytes;
	char name[BOOT_MODULE_NAME_MAX]; /* UTF-8, without folder, NUL-terminated */
};

/* One CPU as the firmware counts it (UEFI MP Services); used where ACPI has no MADT. */
struct boot_cpu {
	uint32_t apic_id;
	uint32_t flags; /* bit 0: boot CPU, bit 1: enabled, bit 2: healthy */
};

enum boot_door { BOOT_DOOR_EFI = 1, BOOT_DOOR_MULTIBOOT2 = 2 };

struct bootinfo {
	uint64_t magic;
	uint32_t version;
	uint32_t door; /* enum boot_door */

	uint64_t image_base;       /* physical, 2 MiB aligned */
	uint64_t image_size_bytes;

	uint64_t memory;           /* struct boot_memory_range[memory_count] */
	uint32_t memory_count;
	uint32_t module_count;
	uint64_t modules;          /* struct boot_module[module_count] */
	uint64_t cpus;             /* struct boot_cpu[cpu_count] */
	uint32_t cpu_count;        /* 0: not known */
	uint32_t reserved;

	uint64_t rsdp;             /* 0: no ACPI */
	uint64_t smbios;           /* SMBIOS 3 or 2 entry point, 0: none */
	uint64_t efi_system_table; /* 0: no run-time services */
	uint64_t efi_memory_attributes; /* EFI_MEMORY_ATTRIBUTES_TABLE, 0: none */

	uint64_t command_line;     /* UTF-8, NUL-terminated, 0: none */
	uint64_t boot_messages;    /* UTF-8 lines for people, from the front door ("skipped big.img: …"), 0: none */
	struct boot_framebuffer framebuffer;
	char firmware[64];         /* vendor and revision as text */
};

#endif

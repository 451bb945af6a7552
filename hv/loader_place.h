/* SPDX-License-Identifier: MIT */
/* What the loaders share: finding room in the guest's RAM, writing there, and words for errors. Internal to hv/loader_*.c. */
#ifndef HV_LOADER_PLACE_H
#define HV_LOADER_PLACE_H

#include "hv/loader_image.h"

#define PLACE_TAKEN_MAX 96

/* Low memory that is never given out: the real-mode vector table, BIOS data and the EBDA's neighbourhood are not ours. */
#define PLACE_LOW_START 0x10000ull
#define PLACE_LOW_END 0x9f000ull

struct placement {
	const struct kernel_request *request;
	char *error;                              /* KERNEL_ERROR_MAX bytes */
	struct { u64 start, end; } taken[PLACE_TAKEN_MAX];
	unsigned taken_count;
};

/* Formats into placement->error, returns code. */
int place_error(struct placement *placement, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Claims exactly [address, address + size): OK, or ERR_RANGE with words that name `what` when it is not free RAM. */
MUST_CHECK int place_at(struct placement *placement, u64 address, u64 size_bytes, const char *what);
/* Is it free RAM? No words. */
bool place_is_free(const struct placement *placement, u64 address, u64 size_bytes);
/*
 * Claims the highest (or lowest) free aligned place that lies in [from, below). ERR_FULL without words when there is none.
 */
enum place_direction { PLACE_LOWEST, PLACE_HIGHEST };
MUST_CHECK int place_find(struct placement *placement, u64 size_bytes, u64 align, u64 from, u64 below,
			  enum place_direction direction, u64 *address);
/* The same in low memory (below 640 KiB), lowest first; with words when it is full. */
MUST_CHECK int place_low(struct placement *placement, u64 size_bytes, u64 align, const char *what, u64 *address);

static inline int place_write(struct placement *placement, u64 address, const void *from, size_t size_bytes)
{
	return size_bytes ? placement->request->memory->write(placement->request->context, address, from, size_bytes) : OK;
}
static inline int place_zero(struct placement *placement, u64 address, size_t size_bytes)
{
	return size_bytes ? placement->request->memory->zero(placement->request->context, address, size_bytes) : OK;
}

/* Places and writes the command line, with its final zero. */
MUST_CHECK int place_command_line(struct placement *placement, u64 *address);
/* Places all modules page-aligned above 1 MiB and below `below`, the first one lowest; addresses[] has module_count. */
MUST_CHECK int place_modules(struct placement *placement, u64 below, u64 addresses[KERNEL_MODULES_MAX]);

/* Writes the GDT with flat 32-bit or 64-bit code (selector 0x10) and data (0x18), and fills the entry's fields. */
MUST_CHECK int place_gdt(struct placement *placement, struct kernel_entry *entry);

/* ELF's PT_LOAD segments to their physical addresses, all of them below 4 GiB. loader_elf.c. */
struct elf_image {
	bool is_64;
	u64 entry_virtual, entry_physical; /* the physical one by the segment in which the virtual one lies */
	u64 program_headers;
	u32 program_header_count, program_header_bytes;
};
bool elf_probe(const void *image, size_t image_bytes);
MUST_CHECK int elf_open(struct placement *placement, struct elf_image *elf);
MUST_CHECK int elf_load(struct placement *placement, struct elf_image *elf);
/* XEN_ELFNOTE_PHYS32_ENTRY: ERR_NOT_FOUND (no words) when there is none. */
MUST_CHECK int elf_find_pvh_entry(struct placement *placement, const struct elf_image *elf, u64 *entry);

int linux_load(struct placement *placement, struct kernel_entry *entry);
int pvh_load(struct placement *placement, struct kernel_entry *entry);
int multiboot_load(struct placement *placement, struct kernel_entry *entry);
bool linux_probe(const void *image, size_t image_bytes);
bool multiboot_probe(const void *image, size_t image_bytes);
bool pvh_probe(const void *image, size_t image_bytes);

/* Little-endian numbers at any alignment of the file; the caller has checked that they are inside. */
static inline u16 file_u16(const u8 *at) { u16 value; __builtin_memcpy(&value, at, 2); return value; }
static inline u32 file_u32(const u8 *at) { u32 value; __builtin_memcpy(&value, at, 4); return value; }
static inline u64 file_u64(const u8 *at) { u64 value; __builtin_memcpy(&value, at, 8); return value; }

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The loader script: how firmware (or we, for a direct boot) places table files in memory and links them.
 *
 * QEMU's format, as OVMF and SeaBIOS execute it from the file etc/table-loader: 128-byte commands ALLOCATE, ADD_POINTER,
 * ADD_CHECKSUM. A pointer field holds an offset into the file that it points to, until that file's address is added.
 * Pure; the interpreter bounds every name, offset and length, though the script is our own.
 * QEMU: hw/acpi/bios-linker-loader.c describes the commands.
 */
#ifndef HV_DEV_TABLE_LOADER_H
#define HV_DEV_TABLE_LOADER_H

#include "hv/dev/blob.h"

#define TABLE_FILE_NAME_MAX 56

enum table_zone { TABLE_ZONE_HIGH = 1, TABLE_ZONE_BIOS = 2 };

void table_loader_allocate(struct blob *script, const char *file, u32 align, enum table_zone zone);
/* In `file` at offset, a pointer of size bytes into `target`. */
void table_loader_add_pointer(struct blob *script, const char *file, u32 offset, u8 size_bytes, const char *target);
/* The byte at offset makes [start, start + length) of the file sum to zero. */
void table_loader_add_checksum(struct blob *script, const char *file, u32 offset, u32 start, u32 length);

/* A file that the script may name: contents are changed in place by table_loader_apply. */
struct table_file {
	const char *name;
	struct blob *blob;
	u64 address;       /* set by ALLOCATE */
};

/*
 * Executes the script. allocate gives addresses (0: no room). OK, ERR_INVALID: the script is malformed, ERR_FULL.
 * Copying the files to their addresses is the caller's.
 */
MUST_CHECK int table_loader_apply(const struct blob *script, struct table_file *files, u32 file_count,
				  u64 (*allocate)(void *context, u32 size_bytes, u32 align, enum table_zone zone), void *context);

#endif

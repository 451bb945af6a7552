/* SPDX-License-Identifier: MIT */
/* What the parts of the UEFI front door share. Next to read: main.c. */
#ifndef BOOT_EFI_BOOT_H
#define BOOT_EFI_BOOT_H

#include "boot/command_line.h"
#include "boot/efi_map.h"
#include "boot/handoff.h"
#include "boot/ranges.h"
#include "boot/text.h"
#include <efi.h>

#define MODULES_MAX 1024u
#define MESSAGES_BYTES 16384u

struct efi_boot {
	EFI_HANDLE image;
	EFI_SYSTEM_TABLE *system;
	EFI_BOOT_SERVICES *services;
	struct bootinfo *info;       /* all below lies in EfiLoaderData, which becomes BOOT_MEMORY_BOOT */
	struct boot_module *modules; /* MODULES_MAX */
	struct text messages;
	struct range_list ranges;
	uint8_t *memory_map;         /* the firmware's, as it was when boot services ended */
	UINTN memory_map_bytes, memory_map_capacity, descriptor_bytes;
	void *attributes_copy;       /* of the memory attributes table, which lies in memory that becomes free */
	UINTN attributes_capacity;
	uint64_t *tables;
	uint64_t identity_end;
	bool gib_pages;
	uint8_t *stack_top;
};

/* console.c: writes strings (the last argument is NULL) as one line to the screen and to boot_messages. */
void message(struct efi_boot *boot, const char *first, ...) __attribute__((sentinel));
/* The same, to the screen only: progress. */
void show(struct efi_boot *boot, const char *first, ...) __attribute__((sentinel));
/* A cause that ends the attempt: says it, waits for a key or 60 s, returns to the firmware. */
EFI_STATUS fail(struct efi_boot *boot, EFI_STATUS status, const char *first, ...) __attribute__((sentinel));
const char *status_text(EFI_STATUS status);

/* memory.c: pages of EfiLoaderData, zeroed; NULL if there are none. */
void *allocate_pages(struct efi_boot *boot, uint64_t size_bytes);
/* Image memory: 2 MiB aligned, below 4 GiB if there is room. */
void *allocate_image(struct efi_boot *boot, uint64_t size_bytes);
/* Module memory: as high as possible, not zeroed; refuses (*too_large) what leaves less than a quarter of RAM free. */
void *allocate_module(struct efi_boot *boot, uint64_t size_bytes, bool *too_large);
void free_pages(struct efi_boot *boot, void *at, uint64_t size_bytes);
/* Takes what must be allocated before boot services end. */
bool prepare_exit(struct efi_boot *boot);
/* Ends boot services and completes info->memory. No boot service, no message after it. */
EFI_STATUS exit_boot_services(struct efi_boot *boot);

/* files.c: modules and command line from \solera\ of the volume that we were started from. */
void read_files(struct efi_boot *boot);

/* firmware.c: tables, framebuffer, CPUs, the firmware's name. */
void describe_firmware(struct efi_boot *boot);

#endif

/* SPDX-License-Identifier: MIT */
/* What the parts of the Multiboot2 front door share. Next to read: main.c. */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "boot/handoff.h"
#include "boot/multiboot2/tags.h"
#include "boot/ranges.h"
#include "boot/text.h"

#define MEMORY_RANGES_MAX 4096u
#define MODULES_MAX 1024u
#define MESSAGES_BYTES 16384u
#define MAPPED_END 0x100000000ull /* header.S maps up to here */

struct front {
	struct bootinfo *info;
	const void *record; /* GRUB's */
	struct range_list ranges;
	struct text messages;
};

/* main.c: zeroed pages below 4 GiB, as high as possible, marked with type; fails in words if there are none. */
void *take(struct front *front, uint64_t size_bytes, uint64_t align, uint32_t type);
/* Appends strings (the last argument is NULL) as one line to boot_messages. */
void message(struct front *front, const char *first, ...) __attribute__((sentinel));
__attribute__((noreturn)) void fail(const char *text);

/* record.c: the memory map, with GRUB's record, this program and all modules kept out of free memory. */
void describe_memory(struct front *front);
/* record.c: firmware tables, framebuffer, names. */
void describe_machine(struct front *front);
/* modules.c: module list and command line. */
void describe_modules(struct front *front);

#endif

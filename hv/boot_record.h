/* SPDX-License-Identifier: MIT */
/* The hand-over record, copied into memory of our own: command line, modules, CPUs. Constant after start-up. */
#ifndef HV_BOOT_RECORD_H
#define HV_BOOT_RECORD_H

#include "boot/handoff.h"
#include "hv/lib/types.h"

struct boot_record {
	struct bootinfo info;        /* its pointers are no longer valid; use the fields below */
	const char *command_line;    /* "" where there is none */
	const char *messages;        /* the front door's lines for people, "" where there are none */
	struct boot_module *modules; /* [info.module_count] */
	struct boot_cpu *cpus;       /* [info.cpu_count] */
	char firmware[64];
};

extern struct boot_record boot_record;

/* Copies, then gives the record's memory back. After memory_init. */
void boot_record_take(const struct bootinfo *info);
/* The bytes of a module, or NULL when no module has this name. */
const void *boot_module_find(const char *name, u64 *size_bytes);
/*
 * Is `name` on the command line, alone or as name=value? The value (cut to size - 1 bytes; "" where there is none) is
 * copied; value may be NULL.
 */
bool boot_option(const char *name, char *value, size_t size);
/* The same on any line: pure, for hv/test/test_boot_option.c. */
bool boot_option_in(const char *line, const char *name, char *value, size_t size);

#endif

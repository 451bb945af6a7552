/* SPDX-License-Identifier: MIT */
/* The front doors' page tables: everything identity-mapped, in memory of our own. Pure. */
#ifndef BOOT_IDENTITY_H
#define BOOT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/* How many pages the tables need to map [0, end) with 1 GiB pages (gib_pages) or 2 MiB pages. */
uint64_t identity_table_pages(uint64_t end, bool gib_pages);

/* Builds the tables in that many zeroed pages at tables (which must be at their physical address). Four levels. */
void identity_build(uint64_t *tables, uint64_t end, bool gib_pages);

/* enter.S: loads our GDT and page tables, drops global TLB entries, switches stack, jumps. Interrupts are off. */
__attribute__((noreturn)) void boot_enter(uint64_t entry, uint64_t bootinfo, uint64_t image_base, uint64_t cr3,
					  uint64_t stack_top);

#endif

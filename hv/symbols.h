/* SPDX-License-Identifier: MIT */
/* Names for addresses of the image, from the table that the second link embeds (tools/symbol-table). */
#ifndef HV_SYMBOLS_H
#define HV_SYMBOLS_H

#include "hv/lib/types.h"

struct symbol_table {
	u64 base, end;        /* the text's addresses */
	u32 count;
	const u32 *addresses; /* ascending, relative to base */
	const u32 *names;     /* places in text */
	const char *text;
};

/* The function that holds the address, and how far into it; NULL: none. */
const char *symbol_find(const struct symbol_table *table, u64 address, u64 *offset);
const struct symbol_table *symbols_of_image(void); /* hv/panic.c */

#endif

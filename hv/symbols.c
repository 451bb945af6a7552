/* SPDX-License-Identifier: MIT */
/* Symbol lookup by binary search. Pure. */
#include "hv/symbols.h"

const char *symbol_find(const struct symbol_table *table, u64 address, u64 *offset)
{
	u64 relative = address - table->base;
	u32 low = 0, high = table->count;

	if (address < table->base || address >= table->end || table->count == 0 || relative < table->addresses[0])
		return NULL;
	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (table->addresses[middle] <= relative)
			low = middle;
		else
			high = middle;
	}
	*offset = relative - table->addresses[low];
	return table->text + table->names[low];
}

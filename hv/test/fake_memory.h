/* SPDX-License-Identifier: MIT */
/* A piece of physical memory for parsers' tests: [base, base + size) is readable, nothing else. */
#ifndef HV_TEST_FAKE_MEMORY_H
#define HV_TEST_FAKE_MEMORY_H

#include "hv/acpi.h"
#include "hv/lib/string.h"

struct fake_memory {
	u64 base;
	const u8 *data;
	size_t size_bytes;
};

static inline bool fake_memory_read(void *context, u64 address, void *to, size_t size_bytes)
{
	const struct fake_memory *memory = context;

	if (address < memory->base || address - memory->base > memory->size_bytes ||
	    size_bytes > memory->size_bytes - (address - memory->base))
		return false;
	memcpy(to, memory->data + (address - memory->base), size_bytes);
	return true;
}

#endif

/* SPDX-License-Identifier: MIT */
/* How parsers of firmware tables (acpi.c, smbios.c) reach physical memory; tests give a piece of their own. */
#ifndef HV_PHYSICAL_READER_H
#define HV_PHYSICAL_READER_H

#include "hv/lib/types.h"

struct physical_reader {
	/* False: [address, address + size) is not all readable; nothing is promised about *to then. */
	bool (*read)(void *context, u64 address, void *to, size_t size_bytes);
	void *context;
};

#endif

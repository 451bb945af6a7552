/* SPDX-License-Identifier: MIT */
/* A fake configuration space: functions with 4 KiB each and a mask of what can be written. */
#ifndef DRIVERS_TEST_FAKE_PCI_H
#define DRIVERS_TEST_FAKE_PCI_H

#include <string.h>
#include "drivers/pci.h"

#define FAKE_FUNCTIONS 40

struct fake_function {
	struct pci_address address;
	u8 space[4096], writable[4096];
	bool decoding_while_sized; /* a BAR held all ones while its decoding was on: a driver's mistake on real hardware */
};

struct fake_pci {
	struct fake_function functions[FAKE_FUNCTIONS];
	unsigned count;
	bool only_256; /* like ports 0xCF8 */
	struct pci_config config;
};

static inline struct fake_function *fake_find(struct fake_pci *pci, const struct pci_address *a)
{
	for (unsigned i = 0; i < pci->count; i++) {
		struct pci_address *b = &pci->functions[i].address;

		if (a->segment == b->segment && a->bus == b->bus && a->slot == b->slot && a->function == b->function)
			return &pci->functions[i];
	}
	return NULL;
}

static inline u32 fake_read(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes)
{
	struct fake_pci *pci = context;
	struct fake_function *function = fake_find(pci, address);
	u32 value = 0xffffffff;

	if (function && offset + size_bytes <= (pci->only_256 ? 256u : 4096u)) {
		value = 0;
		memcpy(&value, function->space + offset, size_bytes);
	}
	return size_bytes == 4 ? value : value & (BIT32(8 * size_bytes) - 1);
}

static inline void fake_write(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes, u32 value)
{
	struct fake_pci *pci = context;
	struct fake_function *function = fake_find(pci, address);

	if (!function || offset + size_bytes > (pci->only_256 ? 256u : 4096u))
		return;
	for (unsigned i = 0; i < size_bytes; i++) {
		u8 mask = function->writable[offset + i];

		function->space[offset + i] = (u8)((function->space[offset + i] & ~mask) | (value >> (8 * i) & mask));
	}
	if (offset >= PCI_BAR0 && offset < PCI_BAR0 + 24 && value == 0xffffffff && function->space[PCI_COMMAND] & 3)
		function->decoding_while_sized = true;
}

static inline void fake_put(struct fake_function *function, u16 offset, u32 value, unsigned size)
{
	memcpy(function->space + offset, &value, size);
}

static inline void fake_init(struct fake_pci *pci)
{
	memset(pci, 0, sizeof(*pci));
	pci->config = (struct pci_config){ fake_read, fake_write, pci };
}

static inline struct fake_function *fake_add(struct fake_pci *pci, u8 bus, u8 slot, u8 function_number, u32 id)
{
	struct fake_function *function = &pci->functions[pci->count++];

	function->address = (struct pci_address){ 0, bus, slot, function_number };
	fake_put(function, PCI_VENDOR, id, 4);
	fake_put(function, PCI_COMMAND, 7, 2);
	memset(function->writable + PCI_COMMAND, 0xff, 2);
	return function;
}

/* size: a power of two; flags: the low bits */
static inline void fake_bar(struct fake_function *function, unsigned index, u64 base, u64 size, u32 flags)
{
	u64 mask = ~(size - 1);
	u16 offset = (u16)(PCI_BAR0 + 4 * index);

	fake_put(function, offset, (u32)base | flags, 4);
	memcpy(function->writable + offset, &mask, 4);
	if ((flags & 7) == 4) {
		fake_put(function, (u16)(offset + 4), (u32)(base >> 32), 4);
		memcpy(function->writable + offset + 4, (u8 *)&mask + 4, 4);
	}
}

static inline void fake_bridge(struct fake_function *function, u8 secondary, u8 subordinate)
{
	fake_put(function, PCI_HEADER_TYPE, 1, 1);
	fake_put(function, PCI_REVISION, 0x06040000, 4);
	fake_put(function, PCI_SECONDARY_BUS, secondary, 1);
	fake_put(function, PCI_SUBORDINATE_BUS, subordinate, 1);
}

#endif

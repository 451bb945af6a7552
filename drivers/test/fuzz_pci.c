/* SPDX-License-Identifier: MIT */
/* LINK: drivers/pci.c drivers/pci_function.c drivers/pci_msi.c hv/lib/format.c hv/lib/test/log_quiet.c */
/*
 * A hostile configuration space: the input is three functions' spaces, 512 bytes each, and reads beyond them repeat it.
 * Writes stick where a second half of the input says so. Enumeration must end, and BARs and MSI-X must stay in bounds.
 */
#include <stdlib.h>
#include <string.h>
#include "drivers/pci.h"
#include "hv/lib/error.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define FUNCTIONS 3
static u8 space[FUNCTIONS][512];

static u8 *function_space(const struct pci_address *address)
{
	unsigned index = address->slot + address->function;

	return address->bus < 4 && index < FUNCTIONS ? space[(index + address->bus) % FUNCTIONS] : NULL;
}

static u32 hostile_read(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes)
{
	const u8 *at = function_space(address);
	u32 value = 0;

	(void)context;
	if (offset % size_bytes || offset + size_bytes > 4096)
		abort();
	if (!at)
		return size_bytes == 4 ? 0xffffffff : BIT32(8 * size_bytes) - 1;
	for (unsigned i = 0; i < size_bytes; i++)
		value |= (u32)at[(offset + i) % 512] << (8 * i);
	return value;
}

static void hostile_write(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes, u32 value)
{
	u8 *at = function_space(address);

	(void)context;
	if (offset % size_bytes || offset + size_bytes > 4096)
		abort();
	for (unsigned i = 0; at && i < size_bytes; i++)
		at[(offset + i) % 512] ^= (u8)(value >> (8 * i)) & at[(offset + i + 256) % 512];
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct pci_config config = { hostile_read, hostile_write, NULL };
	struct pci_device_list list;
	struct pci_msix msix;

	memset(space, 0, sizeof(space));
	memcpy(space, data, size < sizeof(space) ? size : sizeof(space));
	if (pci_enumerate(&list, &config, NULL, 0) != OK)
		abort();
	for (u32 i = 0; i < list.count; i++) {
		struct pci_device *device = list.devices[i];

		for (unsigned b = 0; b < PCI_BARS; b++)
			if (device->bars[b].size_bytes & (device->bars[b].size_bytes - 1))
				abort();
		(void)pci_msi_enable(device, 0xfee00000, 0x41);
		if (pci_msix_find(device, &msix) == OK && (msix.vectors > 2048 || !msix.table))
			abort();
	}
	pci_list_release(&list);
	return 0;
}

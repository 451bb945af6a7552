/* SPDX-License-Identifier: MIT */
/*
 * Message-signalled interrupts of host devices: programs the device's side. Which address and data reach which CPU and
 * vector is the local APIC's business. PCI Local Bus Specification 3.0, "MSI Capability Structure" (6.8.1), "MSI-X
 * Capability and Table Structures" (6.8.2).
 */
#include "drivers/pci.h"
#include "hv/lib/error.h"

#define MSI_ENABLE BIT32(0)
#define MSI_MULTIPLE_ENABLE MASK32(6, 4)
#define MSI_64BIT BIT32(7)
#define MSIX_FUNCTION_MASK BIT32(14)
#define MSIX_ENABLE BIT32(15)
#define MSIX_ENTRY_BYTES 16u
#define MSIX_VECTOR_MASKED BIT32(0)

int pci_msi_enable(const struct pci_device *device, u64 address, u16 data)
{
	u16 at = pci_capability_find(device, PCI_CAP_MSI);
	u32 control;

	if (!at)
		return ERR_UNSUPPORTED;
	control = pci_read(device, (u16)(at + 2), 2) & ~(MSI_ENABLE | MSI_MULTIPLE_ENABLE);
	if (address >> 32 && !(control & MSI_64BIT))
		return ERR_RANGE;
	pci_write(device, (u16)(at + 2), 2, control);
	pci_write(device, (u16)(at + 4), 4, (u32)address);
	if (control & MSI_64BIT)
		pci_write(device, (u16)(at + 8), 4, (u32)(address >> 32));
	pci_write(device, (u16)(at + (control & MSI_64BIT ? 12 : 8)), 2, data);
	pci_command(device, PCI_COMMAND_INTX_OFF, 0);
	pci_write(device, (u16)(at + 2), 2, control | MSI_ENABLE);
	return OK;
}

void pci_msi_disable(const struct pci_device *device)
{
	u16 at = pci_capability_find(device, PCI_CAP_MSI);

	if (at)
		pci_write(device, (u16)(at + 2), 2, pci_read(device, (u16)(at + 2), 2) & ~MSI_ENABLE);
}

/* The physical address of [offset, offset + size) in the memory BAR that the low three bits of word name; 0: outside. */
static u64 msix_place(const struct pci_device *device, u32 word, u64 size_bytes)
{
	u32 index = word & 7, offset = word & ~7u;
	const struct pci_bar *bar;

	if (index >= PCI_BARS)
		return 0;
	bar = &device->bars[index];
	if (!bar->memory || !bar->base || offset > bar->size_bytes || size_bytes > bar->size_bytes - offset)
		return 0;
	return bar->base + offset;
}

int pci_msix_find(const struct pci_device *device, struct pci_msix *msix)
{
	u16 at = pci_capability_find(device, PCI_CAP_MSIX);

	if (!at)
		return ERR_UNSUPPORTED;
	msix->offset = at;
	msix->vectors = (pci_read(device, (u16)(at + 2), 2) & 0x7ff) + 1;
	msix->table = msix_place(device, pci_read(device, (u16)(at + 4), 4), (u64)msix->vectors * MSIX_ENTRY_BYTES);
	msix->pending = msix_place(device, pci_read(device, (u16)(at + 8), 4), DIV_ROUND_UP(msix->vectors, 64u) * 8ull);
	return msix->table && msix->pending ? OK : ERR_INVALID;
}

void pci_msix_set(volatile u32 *table, u32 vector, u64 address, u32 data, bool masked)
{
	volatile u32 *entry = table + (size_t)vector * (MSIX_ENTRY_BYTES / 4);

	entry[3] |= MSIX_VECTOR_MASKED; /* an entry is changed only while masked */
	entry[0] = (u32)address;
	entry[1] = (u32)(address >> 32);
	entry[2] = data;
	if (!masked)
		entry[3] &= ~MSIX_VECTOR_MASKED;
}

void pci_msix_enable(const struct pci_device *device, const struct pci_msix *msix, bool enabled)
{
	u16 at = (u16)(msix->offset + 2);
	u32 control = pci_read(device, at, 2) & ~(MSIX_ENABLE | MSIX_FUNCTION_MASK);

	if (enabled)
		pci_command(device, PCI_COMMAND_INTX_OFF, 0);
	pci_write(device, at, 2, enabled ? control | MSIX_ENABLE : control);
}

/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of PCI devices (pci_interrupt.h).
 *
 * Vectors mean the same on every CPU, so a message's data is the vector and its address chooses the CPU. The wire is taken
 * from the interrupt-line register, as the firmware left it: right for the I/O APIC inputs below 16 that PCs' legacy
 * routing uses; anything else would need the machine's AML.
 */
#include "drivers/pci_interrupt.h"
#include "arch/x86/cpu.h"
#include "arch/x86/vectors.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/mmio.h"

#define PCI_INTERRUPT_LINE 0x3c
#define MSI_ADDRESS_ID_SHIFT 12
#define MSI_ADDRESS_IDS 255u /* physical destinations that fit into a message without interrupt remapping */

static u8 wire_of(const struct pci_device *device)
{
	u8 line = (u8)pci_read(device, PCI_INTERRUPT_LINE, 1);

	return device->interrupt_pin && line != 0 && line < 16 ? line : 0;
}

u8 pci_interrupt_kind(const struct pci_device *device, u32 *vectors)
{
	struct pci_msix msix;

	*vectors = 1;
	if (pci_msix_find(device, &msix) == OK) {
		*vectors = MIN(msix.vectors, PCI_INTERRUPT_VECTORS_MAX);
		return PCI_INTERRUPT_MSIX;
	}
	if (pci_capability_find(device, PCI_CAP_MSI))
		return PCI_INTERRUPT_MSI;
	return wire_of(device) ? PCI_INTERRUPT_WIRE : PCI_INTERRUPT_NONE;
}

int pci_interrupt_open(struct pci_interrupt *interrupt, const struct pci_device *device)
{
	u32 vectors;

	memset(interrupt, 0, sizeof(*interrupt));
	interrupt->device = device;
	interrupt->kind = pci_interrupt_kind(device, &vectors);
	if (interrupt->kind == PCI_INTERRUPT_NONE)
		return ERR_UNSUPPORTED;
	if (interrupt->kind != PCI_INTERRUPT_MSIX)
		return OK;
	if (pci_msix_find(device, &interrupt->msix))
		return ERR_IO; /* it had one a moment ago: the device is being pulled */
	interrupt->table = mmio_map(HPA(interrupt->msix.table), (u64)interrupt->msix.vectors * 16);
	return interrupt->table ? OK : ERR_NO_MEMORY;
}

static u64 message_address(u32 cpu_index)
{
	u64 boot = interrupt_msi_address();

	if (cpu_index >= cpu_count || !cpus[cpu_index] || cpus[cpu_index]->apic_id >= MSI_ADDRESS_IDS)
		return boot;
	return (boot & ~((u64)MSI_ADDRESS_IDS << MSI_ADDRESS_ID_SHIFT)) | (u64)cpus[cpu_index]->apic_id << MSI_ADDRESS_ID_SHIFT;
}

static int add_message(struct pci_interrupt *interrupt, u32 cpu_index, interrupt_handler handler, void *context)
{
	u8 vector = vectors_allocate(handler, context);
	int error = OK;

	if (!vector)
		return ERR_FULL;
	if (interrupt->kind == PCI_INTERRUPT_MSIX) {
		pci_msix_set(interrupt->table, interrupt->count, message_address(cpu_index), vector, false);
		pci_msix_enable(interrupt->device, &interrupt->msix, true);
	} else {
		error = pci_msi_enable(interrupt->device, message_address(cpu_index), vector);
	}
	if (error) {
		vectors_free(vector);
		return error;
	}
	interrupt->vectors[interrupt->count++] = vector;
	return OK;
}

int pci_interrupt_add(struct pci_interrupt *interrupt, u32 cpu_index, const char *name, interrupt_handler handler,
		      void *context)
{
	u32 limit = interrupt->kind == PCI_INTERRUPT_MSIX ? MIN(interrupt->msix.vectors, PCI_INTERRUPT_VECTORS_MAX) : 1;
	int error;

	if (interrupt->count >= limit)
		return ERR_FULL;
	if (interrupt->kind != PCI_INTERRUPT_WIRE)
		return add_message(interrupt, cpu_index, handler, context);
	error = interrupt_register_gsi(wire_of(interrupt->device), true, true, name, handler, context);
	if (error)
		return error;
	pci_command(interrupt->device, 0, PCI_COMMAND_INTX_OFF);
	interrupt->handler = handler;
	interrupt->context = context;
	interrupt->count = 1;
	return OK;
}

void pci_interrupt_close(struct pci_interrupt *interrupt)
{
	if (interrupt->kind == PCI_INTERRUPT_MSIX && interrupt->count)
		pci_msix_enable(interrupt->device, &interrupt->msix, false);
	if (interrupt->kind == PCI_INTERRUPT_MSI && interrupt->count)
		pci_msi_disable(interrupt->device);
	if (interrupt->kind == PCI_INTERRUPT_WIRE && interrupt->count)
		interrupt_unregister(interrupt->handler, interrupt->context);
	for (u32 i = 0; i < interrupt->count && interrupt->kind != PCI_INTERRUPT_WIRE; i++)
		interrupt_msi_release(interrupt->vectors[i]);
	interrupt->count = 0;
}

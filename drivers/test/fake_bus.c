/* SPDX-License-Identifier: MIT */
/* See fake_bus.h. */
#include "drivers/test/fake_bus.h"
#include <assert.h>
#include <stdlib.h>
#include "hv/lib/error.h"
#include "hv/mmio.h"
#include "hv/pages.h"

struct fake_bus fake_bus;

void fake_bus_init(u32 id, u8 interrupt_kind, u32 vectors)
{
	struct fake_function *function;

	memset(&fake_bus, 0, sizeof(fake_bus));
	fake_init(&fake_bus.pci);
	function = fake_add(&fake_bus.pci, 0, 3, 0, id);
	fake_put(function, PCI_COMMAND, 0, 2);
	fake_bus.interrupt_kind = interrupt_kind;
	fake_bus.vectors = vectors;
	fake_bus.function = (struct pci_device){ .address = { 0, 0, 3, 0 }, .config = &fake_bus.pci.config, .vendor = (u16)id,
						 .device = (u16)(id >> 16), .class_code = 0x020000 };
	fake_bus.function.bars[0] = (struct pci_bar){ FAKE_REGISTERS, FAKE_REGISTERS_BYTES, true, false, false };
}

bool fake_bus_may_master(void)
{
	return pci_read(&fake_bus.function, PCI_COMMAND, 2) & PCI_COMMAND_BUS_MASTER;
}

volatile void *mmio_map(hpa_t address, u64 size_bytes)
{
	assert(address.value >= FAKE_REGISTERS && address.value + size_bytes <= FAKE_REGISTERS + FAKE_REGISTERS_BYTES);
	return (volatile void *)address.value;
}

static u32 get(const volatile void *registers, u64 offset, unsigned size_bytes)
{
	u64 at = (u64)registers + offset - FAKE_REGISTERS;

	assert(at < FAKE_REGISTERS_BYTES && at % size_bytes == 0 && (fake_bus.pci.functions[0].space[PCI_COMMAND] & PCI_COMMAND_MEMORY));
	return fake_bus.read(fake_bus.device, at, size_bytes);
}

static void put(volatile void *registers, u64 offset, unsigned size_bytes, u32 value)
{
	u64 at = (u64)registers + offset - FAKE_REGISTERS;

	assert(at < FAKE_REGISTERS_BYTES && at % size_bytes == 0 && (fake_bus.pci.functions[0].space[PCI_COMMAND] & PCI_COMMAND_MEMORY));
	fake_bus.write(fake_bus.device, at, size_bytes, value);
}

u8 mmio_read8(const volatile void *registers, u64 offset) { return (u8)get(registers, offset, 1); }
u16 mmio_read16(const volatile void *registers, u64 offset) { return (u16)get(registers, offset, 2); }
u32 mmio_read32(const volatile void *registers, u64 offset) { return get(registers, offset, 4); }
void mmio_write8(volatile void *registers, u64 offset, u8 value) { put(registers, offset, 1, value); }
void mmio_write16(volatile void *registers, u64 offset, u16 value) { put(registers, offset, 2, value); }
void mmio_write32(volatile void *registers, u64 offset, u32 value) { put(registers, offset, 4, value); }

hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags)
{
	void *memory = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);

	assert(memory && owner == PAGE_OWNER_DMA && (flags & PAGES_ZERO));
	memset(memory, 0, PAGE_SIZE << order);
	fake_bus.blocks++;
	return HPA((u64)memory);
}

void pages_free(hpa_t base, unsigned order)
{
	(void)order;
	free((void *)base.value);
	fake_bus.blocks--;
}

u8 pci_interrupt_kind(const struct pci_device *device, u32 *vectors)
{
	(void)device;
	*vectors = fake_bus.vectors;
	return fake_bus.interrupt_kind;
}

int pci_interrupt_open(struct pci_interrupt *interrupt, const struct pci_device *device)
{
	memset(interrupt, 0, sizeof(*interrupt));
	interrupt->device = device;
	interrupt->kind = fake_bus.interrupt_kind;
	interrupt->msix.vectors = fake_bus.vectors;
	return interrupt->kind == PCI_INTERRUPT_NONE ? ERR_UNSUPPORTED : OK;
}

int pci_interrupt_add(struct pci_interrupt *interrupt, u32 cpu_index, const char *name, interrupt_handler handler, void *context)
{
	(void)cpu_index, (void)name;
	if (fake_bus.handler_count == (interrupt->kind == PCI_INTERRUPT_MSIX ? MIN(fake_bus.vectors, 4u) : 1u))
		return ERR_FULL;
	fake_bus.handlers[fake_bus.handler_count] = handler;
	fake_bus.contexts[fake_bus.handler_count++] = context;
	interrupt->count++;
	return OK;
}

void pci_interrupt_close(struct pci_interrupt *interrupt)
{
	interrupt->count = 0;
	fake_bus.handler_count = 0;
}

void fake_bus_interrupt(u32 vector)
{
	assert(vector < fake_bus.handler_count);
	fake_bus.handlers[vector](fake_bus.contexts[vector]);
}

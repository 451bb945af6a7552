/* SPDX-License-Identifier: MIT */
/*
 * Reads one PCI function: what it is, how large its BARs are, which capabilities it has.
 *
 * A function may answer nonsense: BAR masks are taken by their lowest bit, both capability lists are followed only
 * inside their space, and no offset twice. Next to read: pci.c.
 */
#include "drivers/pci.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

const char *pci_name(const struct pci_address *address, char name[PCI_NAME_MAX])
{
	format(name, PCI_NAME_MAX, "%04x:%02x:%02x.%u", address->segment, address->bus, address->slot, address->function);
	return name;
}

static void complain(const struct pci_device *device, u32 *complaints, const char *what)
{
	char name[PCI_NAME_MAX];

	if ((*complaints)++ < PCI_COMPLAINTS_MAX)
		log_warning("PCI: %s (%04x:%04x): %s", pci_name(&device->address, name), device->vendor, device->device,
			    what);
}

void pci_command(const struct pci_device *device, u32 set, u32 clear)
{
	pci_write(device, PCI_COMMAND, 2, (pci_read(device, PCI_COMMAND, 2) & ~clear) | set);
}

/* Writes all ones, reads what sticks, puts back what was there. Decoding is off meanwhile. */
static u32 probe_mask(const struct pci_device *device, u16 offset, u32 ones, u32 *original)
{
	u32 mask;

	*original = pci_read(device, offset, 4);
	pci_write(device, offset, 4, ones);
	mask = pci_read(device, offset, 4);
	pci_write(device, offset, 4, *original);
	return mask;
}

static void bar_io(struct pci_bar *bar, u32 original, u32 mask)
{
	mask &= 0xfffc; /* the upper half may be hard-wired to zero */
	bar->base = original & 0xfffc;
	bar->size_bytes = mask & -mask;
}

/* Returns how many of the six places it takes. */
static unsigned bar_read(struct pci_device *device, unsigned index, unsigned count)
{
	struct pci_bar *bar = &device->bars[index];
	u16 offset = (u16)(PCI_BAR0 + 4 * index);
	u32 original, high = 0, mask = probe_mask(device, offset, 0xffffffff, &original);
	u64 whole = mask & ~0xfu;

	if (mask == 0 || mask == 0xffffffff)
		return 1;
	if (mask & 1) {
		bar_io(bar, original, mask);
		return 1;
	}
	bar->memory = true;
	bar->prefetchable = mask & 8;
	bar->is_64bit = (mask & 6) == 4 && index + 1 < count;
	if (bar->is_64bit)
		whole |= (u64)probe_mask(device, (u16)(offset + 4), 0xffffffff, &high) << 32;
	bar->base = (u64)high << 32 | (original & ~0xfu);
	bar->size_bytes = whole & -whole;
	return bar->is_64bit ? 2 : 1;
}

static void bars_read(struct pci_device *device, u32 *complaints)
{
	unsigned count = device->bridge ? 2 : PCI_BARS;
	u16 rom = device->bridge ? PCI_BRIDGE_ROM : PCI_ROM;
	u32 command = pci_read(device, PCI_COMMAND, 2), original, mask;

	/* While a BAR holds all ones the function would claim the top of memory: it must not decode then. */
	pci_write(device, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (unsigned i = 0; i < count;)
		i += bar_read(device, i, count);
	mask = probe_mask(device, rom, 0xfffff800, &original) & 0xfffff800;
	if (mask)
		device->rom = (struct pci_bar){ .base = original & 0xfffff800, .size_bytes = mask & -mask, .memory = true };
	pci_write(device, PCI_COMMAND, 2, command);
	for (unsigned i = 0; i < count; i++) {
		struct pci_bar *bar = &device->bars[i];

		if (bar->base & (bar->size_bytes ? bar->size_bytes - 1 : 0) || bar->base + bar->size_bytes < bar->base ||
		    bar->base > MASK64(51, 0)) {
			complain(device, complaints, "a BAR has an impossible address: not used");
			*bar = (struct pci_bar){ 0 };
		}
	}
}

static bool capability_add(struct pci_device *device, u16 offset, u16 id, bool extended)
{
	if (device->capability_count == PCI_CAPABILITIES_MAX)
		return false;
	device->capabilities[device->capability_count++] = (struct pci_capability){ offset, id, extended };
	return true;
}

static void capabilities_read(struct pci_device *device, u32 *complaints)
{
	u64 seen = 0; /* a bit for each of the 64 aligned offsets */
	u8 offset;

	if (!(pci_read(device, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES))
		return;
	for (offset = pci_read(device, PCI_CAPABILITY_POINTER, 1) & 0xfc; offset;) {
		u32 header;

		if (offset < 0x40 || seen & BIT64(offset / 4)) {
			complain(device, complaints, "its list of capabilities loops or leaves its space: cut short");
			return;
		}
		seen |= BIT64(offset / 4);
		header = pci_read(device, offset, 2);
		if (header == 0xffff || !capability_add(device, offset, header & 0xff, false))
			return;
		offset = header >> 8 & 0xfc;
	}
}

static void extended_capabilities_read(struct pci_device *device, u32 *complaints)
{
	u8 seen[1024 / 8] = { 0 };
	u16 offset = 0x100;
	u32 header = pci_read(device, offset, 4);

	if (header == 0 || header == 0xffffffff) /* none, or not reached by this access method */
		return;
	while (offset) {
		if (offset < 0x100 || seen[offset / 32] & BIT32(offset / 4 % 8)) {
			complain(device, complaints, "its list of extended capabilities loops: cut short");
			return;
		}
		seen[offset / 32] |= (u8)BIT32(offset / 4 % 8);
		header = pci_read(device, offset, 4);
		if (header == 0xffffffff || !capability_add(device, offset, header & 0xffff, true))
			return;
		offset = header >> 20 & 0xffc;
	}
}

static void express_read(struct pci_device *device)
{
	u16 offset = pci_capability_find(device, PCI_CAP_EXPRESS);
	u32 link, status;

	if (!offset || offset > 0x100 - 0x14)
		return;
	link = pci_read(device, (u16)(offset + 0x0c), 4);
	status = pci_read(device, (u16)(offset + 0x12), 2);
	device->express = (struct pci_express){
		.present = true,
		.type = (u8)(pci_read(device, (u16)(offset + 2), 2) >> 4 & 15),
		.max_speed = link & 15,
		.max_width = link >> 4 & 63,
		.current_speed = status & 15,
		.current_width = status >> 4 & 63,
	};
}

u16 pci_capability_find(const struct pci_device *device, u16 id)
{
	for (u32 i = 0; i < device->capability_count; i++)
		if (device->capabilities[i].id == id && !device->capabilities[i].extended)
			return device->capabilities[i].offset;
	return 0;
}

u16 pci_extended_capability_find(const struct pci_device *device, u16 id)
{
	for (u32 i = 0; i < device->capability_count; i++)
		if (device->capabilities[i].id == id && device->capabilities[i].extended)
			return device->capabilities[i].offset;
	return 0;
}

void pci_function_read(struct pci_device *device, u32 *complaints)
{
	u32 class_revision = pci_read(device, PCI_REVISION, 4);

	device->vendor = (u16)pci_read(device, PCI_VENDOR, 2);
	device->device = (u16)pci_read(device, PCI_DEVICE, 2);
	device->revision = class_revision & 0xff;
	device->class_code = class_revision >> 8;
	device->header_type = pci_read(device, PCI_HEADER_TYPE, 1) & 0x7f;
	if (device->header_type > 1) {
		if (device->header_type != 2) /* CardBus bridges are listed, and left alone */
			complain(device, complaints, "its header type is not known: only its identity is used");
		return;
	}
	device->interrupt_pin = (u8)pci_read(device, PCI_INTERRUPT_PIN, 1);
	if (device->interrupt_pin > 4)
		device->interrupt_pin = 0;
	device->bridge = device->header_type == 1;
	if (device->bridge) {
		device->secondary_bus = (u8)pci_read(device, PCI_SECONDARY_BUS, 1);
		device->subordinate_bus = (u8)pci_read(device, PCI_SUBORDINATE_BUS, 1);
	} else {
		device->subsystem_vendor = (u16)pci_read(device, PCI_SUBSYSTEM_VENDOR, 2);
		device->subsystem_device = (u16)pci_read(device, PCI_SUBSYSTEM_DEVICE, 2);
	}
	bars_read(device, complaints);
	capabilities_read(device, complaints);
	if (pci_capability_find(device, PCI_CAP_EXPRESS)) {
		express_read(device);
		extended_capabilities_read(device, complaints);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * Finds all PCI functions, bus by bus.
 *
 * Bridges are followed depth first, so that each device knows its bridge; then every bus that no bridge led to is
 * tried too, because a machine has several root buses and only AML names them. A bus is scanned once, whatever the
 * bridges say, and buses number 256 a segment: that bounds the work. Next to read: pci_function.c.
 */
#include "drivers/pci.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define DEVICES_MAX 8192u

struct scan {
	struct pci_device_list *list;
	const struct pci_config *config;
	u32 capacity;
	u16 segment;
	u8 bus_seen[256 / 8]; /* of this segment */
	int error;
};

static bool bus_take(struct scan *scan, unsigned bus)
{
	u8 bit = (u8)BIT32(bus % 8);

	if (scan->bus_seen[bus / 8] & bit)
		return false;
	scan->bus_seen[bus / 8] |= bit;
	return true;
}

static struct pci_device *device_new(struct scan *scan)
{
	struct pci_device_list *list = scan->list;
	struct pci_device *device;

	if (list->count == scan->capacity) {
		u32 capacity = scan->capacity ? scan->capacity * 2 : 32;
		struct pci_device **devices = capacity > DEVICES_MAX ? NULL : krealloc(list->devices, capacity * sizeof(device));

		if (!devices) {
			scan->error = ERR_NO_MEMORY;
			return NULL;
		}
		list->devices = devices;
		scan->capacity = capacity;
	}
	device = kzalloc(sizeof(*device));
	if (!device) {
		scan->error = ERR_NO_MEMORY;
		return NULL;
	}
	list->devices[list->count++] = device;
	return device;
}

/* Adds the function if there is one; true when function 0 says that there are more. */
static bool function_scan(struct scan *scan, struct pci_address address, const struct pci_device *parent)
{
	u32 vendor = scan->config->read(scan->config->context, &address, PCI_VENDOR, 2);
	struct pci_device *device;

	if (vendor == 0xffff || vendor == 0) /* nobody; some chipsets answer 0 for a slot that is powered off */
		return false;
	device = device_new(scan);
	if (!device)
		return false;
	device->address = address;
	device->config = scan->config;
	device->parent = parent;
	pci_function_read(device, &scan->list->complaints);
	return pci_read(device, PCI_HEADER_TYPE, 1) & 0x80;
}

/* One bus, without what is behind its bridges; returns at which index of the list its devices begin. */
static u32 bus_scan(struct scan *scan, u8 bus, const struct pci_device *parent)
{
	u32 first = scan->list->count;

	for (u8 slot = 0; slot < 32 && !scan->error; slot++) {
		bool more = function_scan(scan, (struct pci_address){ scan->segment, bus, slot, 0 }, parent);

		for (u8 function = 1; more && function < 8; function++)
			(void)function_scan(scan, (struct pci_address){ scan->segment, bus, slot, function }, parent);
	}
	return first;
}

/* The bus behind a bridge, if it is a new one above the bridge's own. */
static bool bridge_enter(struct scan *scan, const struct pci_device *bridge)
{
	char name[PCI_NAME_MAX];

	if (bridge->secondary_bus == 0) /* the firmware left it closed */
		return false;
	if (bridge->secondary_bus > bridge->address.bus && bridge->subordinate_bus >= bridge->secondary_bus &&
	    bus_take(scan, bridge->secondary_bus))
		return true;
	if (scan->list->complaints++ < PCI_COMPLAINTS_MAX)
		log_warning("PCI: bridge %s leads to bus %u, which is not a new one below it: not followed",
			    pci_name(&bridge->address, name), bridge->secondary_bus);
	return false;
}

/*
 * A root bus and all that is behind it. The list itself is the queue of bridges to follow: a bus is appended, its bridges
 * are visited in turn, what they lead to is appended, and so on until the end is reached.
 */
static void root_scan(struct scan *scan, u8 bus)
{
	u32 index;

	if (!bus_take(scan, bus))
		return;
	index = bus_scan(scan, bus, NULL);
	for (; index < scan->list->count && !scan->error; index++) {
		const struct pci_device *device = scan->list->devices[index];

		if (device->bridge && bridge_enter(scan, device))
			(void)bus_scan(scan, device->secondary_bus, device);
	}
}

static void buses_scan(struct scan *scan, u16 segment, unsigned first_bus, unsigned last_bus)
{
	scan->segment = segment;
	for (unsigned bus = first_bus; bus <= last_bus && !scan->error; bus++)
		root_scan(scan, (u8)bus);
}

/* Whatever ranges there are of the segment that ranges[index] names, unless an earlier range named it already. */
static void segment_scan(struct scan *scan, const struct pci_ecam_range *ranges, u32 count, u32 index)
{
	u16 segment = ranges[index].segment;

	for (u32 i = 0; i < index; i++)
		if (ranges[i].segment == segment)
			return;
	memset(scan->bus_seen, 0, sizeof(scan->bus_seen));
	for (u32 i = index; i < count; i++)
		if (ranges[i].segment == segment)
			buses_scan(scan, segment, ranges[i].first_bus, ranges[i].last_bus);
}

int pci_enumerate(struct pci_device_list *list, const struct pci_config *config, const struct pci_ecam_range *ranges,
		  u32 count)
{
	struct scan scan = { .list = list, .config = config };

	memset(list, 0, sizeof(*list));
	buses_scan(&scan, 0, 0, 255); /* reached through 0xCF8 where no range has it */
	for (u32 i = 0; i < count && !scan.error; i++)
		if (ranges[i].segment != 0)
			segment_scan(&scan, ranges, count, i);
	if (scan.error)
		log_error("PCI: no memory for more than %u devices: the rest is not used", list->count);
	return scan.error;
}

void pci_list_release(struct pci_device_list *list)
{
	for (u32 i = 0; i < list->count; i++)
		kfree(list->devices[i]);
	kfree(list->devices);
	memset(list, 0, sizeof(*list));
}

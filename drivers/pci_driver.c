/* SPDX-License-Identifier: MIT */
/* Which driver takes which PCI function. hv/main.c names the drivers; what nobody takes is marked so, and left alone. */
#include "drivers/pci.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"

static bool matches(const struct pci_device *device, const struct pci_driver *driver)
{
	for (const struct pci_match *match = driver->matches; match->vendor || match->class_mask; match++)
		if ((match->vendor == PCI_ANY || match->vendor == device->vendor) &&
		    (match->device == PCI_ANY || match->device == device->device) &&
		    (device->class_code & match->class_mask) == match->class_code)
			return true;
	return false;
}

u32 pci_bind(struct pci_device_list *list, const struct pci_driver *const *drivers)
{
	u32 taken = 0;
	char name[PCI_NAME_MAX];

	for (u32 i = 0; i < list->count; i++) {
		struct pci_device *device = list->devices[i];

		for (const struct pci_driver *const *driver = drivers; *driver && !device->driver; driver++) {
			int error;

			if (!matches(device, *driver))
				continue;
			error = (*driver)->probe(device);
			if (error == OK)
				device->driver = (*driver)->name;
			else
				log_warning("PCI: %s (%04x:%04x): driver %s could not take it (error %d)",
					    pci_name(&device->address, name), device->vendor, device->device,
					    (*driver)->name, error);
		}
		taken += device->driver != NULL;
	}
	return taken;
}

/* SPDX-License-Identifier: MIT */
/* A USB device of the host as management lists it: drivers/usb fills it in, hv/manage/nodedev.c shows it. Data only. */
#ifndef HV_USB_INFO_H
#define HV_USB_INFO_H

#include "hv/lib/types.h"

struct pci_address;

struct usb_info {
	char path[24];                      /* "1-4.2": bus, root port, ports of hubs */
	char hub_path[24];                  /* the hub's path; "": it is plugged into the controller itself */
	const struct pci_address *controller;
	u32 bus, number;                    /* libvirt's bus and device */
	u16 vendor, product;
	const char *vendor_text, *product_text; /* "": it says none */
	const char *driver;                 /* NULL: none */
};

typedef void (*usb_visit)(void *context, const struct usb_info *info);

#endif

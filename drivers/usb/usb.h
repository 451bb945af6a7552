/* SPDX-License-Identifier: MIT */
/*
 * USB on the host: xHCI controllers, hubs, keyboards, sticks and disks. What the rest of Solera sees of it.
 *
 * xhci*.c drive the controller, usb_device.c and usb_hub.c find devices and give them to usb_keyboard.c and usb_storage.c. Each
 * controller has two threads: one takes its events, one looks after ports and devices. docs/usb.md draws it.
 */
#ifndef DRIVERS_USB_H
#define DRIVERS_USB_H

#include "drivers/pci.h"
#include "hv/usb_info.h"

extern const struct pci_driver xhci_driver;

/*
 * Starts looking for devices on all controllers that were probed, and waits until those that are plugged in are there, disks with
 * their partitions (at most some seconds: a slow one comes later). Boot thread, once, after pci_bind.
 */
void usb_start(void);
/* Each device that is plugged in now. Thread context. */
void usb_for_each(usb_visit visit, void *context);

#endif

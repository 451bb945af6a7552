/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the USB specifications: requests, descriptors, classes. Universal Serial Bus Specification 2.0, "USB Device
 * Framework" (9) and "Hub Specification" (11); Universal Serial Bus 3.2 Specification, the chapters of the same names.
 */
#ifndef DRIVERS_USB_SPEC_H
#define DRIVERS_USB_SPEC_H

#include "hv/lib/types.h"

/* As xHCI's port registers and slot contexts have them, unless a controller redefines them. */
enum usb_speed { USB_FULL_SPEED = 1, USB_LOW_SPEED = 2, USB_HIGH_SPEED = 3, USB_SUPER_SPEED = 4 };

/* bmRequestType */
#define USB_IN 0x80u
#define USB_OUT 0x00u
#define USB_STANDARD 0x00u
#define USB_CLASS 0x20u
#define USB_TO_DEVICE 0x00u
#define USB_TO_INTERFACE 0x01u
#define USB_TO_ENDPOINT 0x02u
#define USB_TO_OTHER 0x03u /* a hub's port */

enum usb_request {
	USB_GET_STATUS = 0, USB_CLEAR_FEATURE = 1, USB_SET_FEATURE = 3, USB_GET_DESCRIPTOR = 6, USB_SET_CONFIGURATION = 9,
	USB_SET_HUB_DEPTH = 12,
	HID_SET_IDLE = 0x0a, HID_SET_PROTOCOL = 0x0b,
	BULK_ONLY_GET_MAX_LUN = 0xfe, BULK_ONLY_RESET = 0xff,
};
#define USB_FEATURE_ENDPOINT_HALT 0u

enum usb_descriptor_type {
	USB_DESCRIPTOR_DEVICE = 1, USB_DESCRIPTOR_CONFIGURATION = 2, USB_DESCRIPTOR_STRING = 3, USB_DESCRIPTOR_INTERFACE = 4,
	USB_DESCRIPTOR_ENDPOINT = 5, USB_DESCRIPTOR_HUB = 0x29, USB_DESCRIPTOR_SUPER_HUB = 0x2a, USB_DESCRIPTOR_COMPANION = 0x30,
};

enum usb_endpoint_type { USB_CONTROL = 0, USB_ISOCHRONOUS = 1, USB_BULK = 2, USB_INTERRUPT = 3 };

#define USB_CLASS_HID 0x03u
#define USB_CLASS_STORAGE 0x08u
#define USB_CLASS_HUB 0x09u
#define HID_BOOT_INTERFACE 1u
#define HID_KEYBOARD 1u
#define STORAGE_SCSI 0x06u
#define STORAGE_BULK_ONLY 0x50u

/* A hub's port: wPortStatus and wPortChange as one word; the same bits from USB 2 and USB 3 hubs as far as they are named. */
#define HUB_PORT_CONNECTED BIT32(0)
#define HUB_PORT_ENABLED BIT32(1)
#define HUB_PORT_RESET BIT32(4)
#define HUB_PORT_LOW_SPEED BIT32(9)  /* USB 2 */
#define HUB_PORT_HIGH_SPEED BIT32(10) /* USB 2 */
#define HUB_PORT_CHANGED_CONNECTION BIT32(16)
#define HUB_PORT_CHANGED_RESET BIT32(20)
enum hub_feature {
	HUB_RESET = 4, HUB_POWER = 8, HUB_CHANGED_CONNECTION = 16, HUB_CHANGED_ENABLE = 17, HUB_CHANGED_SUSPEND = 18,
	HUB_CHANGED_OVER_CURRENT = 19, HUB_CHANGED_RESET = 20,
	HUB_CHANGED_LINK = 25, HUB_CHANGED_CONFIG_ERROR = 26, HUB_BH_RESET = 28, HUB_CHANGED_BH_RESET = 29, /* USB 3 */
};

#endif

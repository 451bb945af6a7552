/* SPDX-License-Identifier: MIT */
/*
 * What a device says of itself, read strictly. Pure: bytes in, structures out; whatever does not fit is an error with words, and
 * nothing of it is used. Next to read: usb_device.c.
 */
#ifndef DRIVERS_USB_DESCRIPTORS_H
#define DRIVERS_USB_DESCRIPTORS_H

#include "drivers/usb/usb_spec.h"

#define USB_INTERFACES_MAX 8u
#define USB_INTERFACE_ENDPOINTS_MAX 8u
#define USB_CONFIGURATION_BYTES_MAX 4096u
#define USB_TEXT_MAX 48

struct usb_device_words {
	u16 version, vendor, product, release;
	u8 class_code, subclass, protocol;
	u8 max_packet; /* as it stands there: SuperSpeed has an exponent of 2 */
	u8 manufacturer_string, product_string, serial_string; /* 0: none */
	u8 configuration_count;
};

struct usb_endpoint_words {
	u8 address; /* bit 7: in */
	u8 type;    /* enum usb_endpoint_type */
	u8 interval, max_burst;
	u16 max_packet;
};

struct usb_interface_words {
	u8 number, class_code, subclass, protocol;
	u8 endpoint_count;
	struct usb_endpoint_words endpoints[USB_INTERFACE_ENDPOINTS_MAX];
};

struct usb_configuration {
	u8 value;
	u8 interface_count;
	u8 left_out; /* interfaces beyond USB_INTERFACES_MAX */
	struct usb_interface_words interfaces[USB_INTERFACES_MAX]; /* alternate setting 0 of each */
};

struct usb_hub_words {
	u8 port_count;    /* 1 to 15: more cannot be reached by a route string */
	u8 think_time;    /* 0 to 3 */
	u16 power_good_ms;
};

MUST_CHECK int usb_device_read(const u8 *data, size_t size, struct usb_device_words *out);
/* wTotalLength of a configuration's first 9 bytes; 0: they are none, or it is longer than is read here. */
u32 usb_configuration_bytes(const u8 *data, size_t size);
/* ERR_INVALID, with *why for people. */
MUST_CHECK int usb_configuration_read(const u8 *data, size_t size, struct usb_configuration *out, const char **why);
/* UTF-8, printable, cut to the room; "" when it is no string. */
void usb_string_read(const u8 *data, size_t size, char *out, size_t out_size);
MUST_CHECK int usb_hub_read(const u8 *data, size_t size, bool super_speed, struct usb_hub_words *out);

/* The first endpoint of this type and direction; NULL: none. */
const struct usb_endpoint_words *usb_find_endpoint(const struct usb_interface_words *interface, u8 type, bool in);

#endif

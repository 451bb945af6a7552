/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: see usb_descriptors.h. Each has its length in its first byte and its type in the second; a configuration is a row of
 * them, interfaces followed by their endpoints. Universal Serial Bus Specification 2.0, "Standard USB Descriptor Definitions" (9.6).
 */
#include "drivers/usb/usb_descriptors.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"

static u16 little16(const u8 *at) { return (u16)(at[0] | at[1] << 8); }

static bool is_kind(const u8 *data, size_t size, u8 type, size_t least)
{
	return size >= least && data[0] >= least && data[1] == type;
}

int usb_device_read(const u8 *data, size_t size, struct usb_device_words *out)
{
	if (!is_kind(data, size, USB_DESCRIPTOR_DEVICE, 18) || data[17] == 0)
		return ERR_INVALID;
	*out = (struct usb_device_words){
		.version = little16(data + 2), .class_code = data[4], .subclass = data[5], .protocol = data[6], .max_packet = data[7],
		.vendor = little16(data + 8), .product = little16(data + 10), .release = little16(data + 12),
		.manufacturer_string = data[14], .product_string = data[15], .serial_string = data[16],
		.configuration_count = data[17],
	};
	return OK;
}

u32 usb_configuration_bytes(const u8 *data, size_t size)
{
	u32 total;

	if (!is_kind(data, size, USB_DESCRIPTOR_CONFIGURATION, 9))
		return 0;
	total = little16(data + 2);
	return total < 9 || total > USB_CONFIGURATION_BYTES_MAX ? 0 : total;
}

/* Where a walk through a configuration is. */
struct walk {
	struct usb_configuration *configuration;
	struct usb_interface_words *interface; /* NULL: of an alternate setting, or one that is left out */
	struct usb_endpoint_words *endpoint;   /* a companion belongs to it */
	u32 seen;                              /* bits of endpoint addresses: out 0 to 15, in 16 to 31 */
};

static const char *take_interface(struct walk *walk, const u8 *at)
{
	struct usb_configuration *configuration = walk->configuration;

	walk->interface = NULL;
	walk->endpoint = NULL;
	if (at[0] < 9)
		return "an interface's descriptor is too short";
	if (at[3] != 0)
		return NULL;
	for (u32 i = 0; i < configuration->interface_count; i++)
		if (configuration->interfaces[i].number == at[2])
			return "an interface stands there twice";
	if (configuration->interface_count == USB_INTERFACES_MAX) {
		configuration->left_out += configuration->left_out < UINT8_MAX;
		return NULL;
	}
	walk->interface = &configuration->interfaces[configuration->interface_count++];
	*walk->interface = (struct usb_interface_words){ .number = at[2], .class_code = at[5], .subclass = at[6], .protocol = at[7] };
	return NULL;
}

static const char *take_endpoint(struct walk *walk, const u8 *at)
{
	struct usb_endpoint_words words;
	u32 bit;

	walk->endpoint = NULL;
	if (at[0] < 7)
		return "an endpoint's descriptor is too short";
	if (!walk->interface)
		return NULL;
	words = (struct usb_endpoint_words){ .address = at[2], .type = at[3] & 3, .max_packet = little16(at + 4) & 0x7ff, .interval = at[6] };
	if ((words.address & 0x70) || !(words.address & 15))
		return "an endpoint has an impossible address";
	bit = BIT32((words.address & 15) + (words.address & USB_IN ? 16 : 0));
	if (walk->seen & bit)
		return "two endpoints have the same address";
	if (words.type != USB_ISOCHRONOUS && (words.max_packet == 0 || words.max_packet > 1024))
		return "an endpoint has packets of an impossible size";
	walk->seen |= bit;
	if (walk->interface->endpoint_count == USB_INTERFACE_ENDPOINTS_MAX)
		return NULL;
	walk->endpoint = &walk->interface->endpoints[walk->interface->endpoint_count++];
	*walk->endpoint = words;
	return NULL;
}

static const char *take(struct walk *walk, const u8 *at)
{
	switch (at[1]) {
	case USB_DESCRIPTOR_CONFIGURATION:
		return "it holds a second configuration";
	case USB_DESCRIPTOR_INTERFACE:
		return take_interface(walk, at);
	case USB_DESCRIPTOR_ENDPOINT:
		return take_endpoint(walk, at);
	case USB_DESCRIPTOR_COMPANION:
		if (at[0] < 6 || at[2] > 15)
			return "an endpoint's companion is malformed";
		if (walk->endpoint)
			walk->endpoint->max_burst = at[2];
		return NULL;
	}
	return NULL; /* class descriptors and others: passed over */
}

int usb_configuration_read(const u8 *data, size_t size, struct usb_configuration *out, const char **why)
{
	struct walk walk = { .configuration = out };
	u32 total = usb_configuration_bytes(data, size);

	memset(out, 0, sizeof(*out));
	*why = "it does not begin as a configuration, or is longer than 4,096 bytes";
	if (!total)
		return ERR_INVALID;
	*why = "it is cut off";
	if (total > size)
		return ERR_INVALID;
	out->value = data[5];
	for (u32 at = data[0]; at < total; at += data[at]) {
		if (total - at < 2 || data[at] < 2 || data[at] > total - at) {
			*why = "a descriptor's length does not fit";
			return ERR_INVALID;
		}
		*why = take(&walk, data + at);
		if (*why)
			return ERR_INVALID;
	}
	*why = "it has no interface";
	return out->interface_count ? OK : ERR_INVALID;
}

void usb_string_read(const u8 *data, size_t size, char *out, size_t out_size)
{
	size_t used = 0;

	out[0] = 0;
	if (size < 2 || data[1] != USB_DESCRIPTOR_STRING)
		return;
	for (size_t at = 2; at + 1 < size && at + 1 < data[0]; at += 2) {
		u16 unit = little16(data + at);
		char bytes[4];
		unsigned count;

		if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0) || unit >= 0xd800)
			unit = '?'; /* controls, surrogates, and what lies behind them, do not belong on a terminal */
		count = utf8_encode(unit, bytes);
		if (used + count >= out_size)
			break;
		memcpy(out + used, bytes, count);
		used += count;
	}
	while (used && out[used - 1] == ' ')
		used--;
	out[used] = 0;
}

int usb_hub_read(const u8 *data, size_t size, bool super_speed, struct usb_hub_words *out)
{
	u16 characteristics;

	if (!is_kind(data, size, super_speed ? USB_DESCRIPTOR_SUPER_HUB : USB_DESCRIPTOR_HUB, super_speed ? 12 : 7) || data[2] == 0)
		return ERR_INVALID;
	characteristics = little16(data + 3);
	*out = (struct usb_hub_words){
		.port_count = (u8)MIN(data[2], 15), .think_time = super_speed ? 0 : characteristics >> 5 & 3, .power_good_ms = (u16)(2 * data[5]),
	};
	return OK;
}

const struct usb_endpoint_words *usb_find_endpoint(const struct usb_interface_words *interface, u8 type, bool in)
{
	for (u32 i = 0; i < interface->endpoint_count; i++)
		if (interface->endpoints[i].type == type && ((interface->endpoints[i].address & USB_IN) != 0) == in)
			return &interface->endpoints[i];
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/* LINK: drivers/usb/usb_descriptors.c hv/lib/string.c hv/lib/utf8.c */
/* What devices say of themselves: a real keyboard and stick are read; lengths that lie, loops and doubles are refused with words. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "drivers/usb/usb_descriptors.h"
#include "hv/lib/error.h"

#define CONFIGURATION(total, interfaces) 9, 2, (total) & 0xff, (total) >> 8, interfaces, 1, 0, 0x80, 50
#define INTERFACE(number, alternate, count, class, subclass, protocol) 9, 4, number, alternate, count, class, subclass, protocol, 0
#define ENDPOINT(address, type, packet, interval) 7, 5, address, type, (packet) & 0xff, (packet) >> 8, interval
#define HID_CLASS 9, 0x21, 0x11, 1, 0, 1, 0x22, 63, 0

static const u8 keyboard[] = { CONFIGURATION(34, 1), INTERFACE(0, 0, 1, 3, 1, 1), HID_CLASS, ENDPOINT(0x81, 3, 8, 7) };
static const u8 stick[] = { CONFIGURATION(44, 1), INTERFACE(0, 0, 2, 8, 6, 0x50), ENDPOINT(0x81, 2, 1024, 0), 6, 0x30, 15, 0, 0, 0,
			    ENDPOINT(0x02, 2, 1024, 0), 6, 0x30, 3, 0, 0, 0 };

START_TEST(real_devices)
{
	struct usb_configuration configuration;
	const struct usb_endpoint_words *endpoint;
	const char *why;

	ck_assert_int_eq(usb_configuration_read(keyboard, sizeof(keyboard), &configuration, &why), OK);
	ck_assert_uint_eq(configuration.value, 1);
	ck_assert_uint_eq(configuration.interface_count, 1);
	endpoint = usb_find_endpoint(&configuration.interfaces[0], USB_INTERRUPT, true);
	ck_assert_ptr_nonnull(endpoint);
	ck_assert_uint_eq(endpoint->address, 0x81);
	ck_assert_uint_eq(endpoint->max_packet, 8);
	ck_assert_ptr_null(usb_find_endpoint(&configuration.interfaces[0], USB_INTERRUPT, false));
	ck_assert_int_eq(usb_configuration_read(stick, sizeof(stick), &configuration, &why), OK);
	ck_assert_uint_eq(usb_find_endpoint(&configuration.interfaces[0], USB_BULK, true)->max_burst, 15);
	ck_assert_uint_eq(usb_find_endpoint(&configuration.interfaces[0], USB_BULK, false)->max_burst, 3);
}
END_TEST

/* What stands behind a configuration's nine bytes, and what is said of it. NULL: it is fine. */
START_TEST(lies)
{
	static const struct { const char *why; u8 size, bytes[60]; } rows[] = {
		{ NULL, 9, { INTERFACE(0, 0, 0, 255, 0, 0) } },
		{ "a descriptor's length does not fit", 9, { 0, 4 } },
		{ "a descriptor's length does not fit", 9, { 1, 4, 0 } },
		{ "a descriptor's length does not fit", 9, { 255, 4, 0 } },
		{ "a descriptor's length does not fit", 10, { INTERFACE(0, 0, 0, 3, 1, 1), 9 } },
		{ "an interface's descriptor is too short", 8, { 8, 4, 0, 0, 1, 3, 1, 1 } },
		{ "an interface stands there twice", 18, { INTERFACE(0, 0, 0, 3, 1, 1), INTERFACE(0, 0, 0, 3, 1, 1) } },
		{ NULL, 18, { INTERFACE(0, 0, 0, 3, 1, 1), INTERFACE(0, 1, 0, 3, 1, 1) } },
		{ "an endpoint's descriptor is too short", 15, { INTERFACE(0, 0, 1, 3, 1, 1), 6, 5, 0x81, 3, 8, 0 } },
		{ "an endpoint has an impossible address", 16, { INTERFACE(0, 0, 1, 3, 1, 1), ENDPOINT(0x80, 3, 8, 1) } },
		{ "an endpoint has an impossible address", 16, { INTERFACE(0, 0, 1, 3, 1, 1), ENDPOINT(0x91, 3, 8, 1) } },
		{ "an endpoint has packets of an impossible size", 16, { INTERFACE(0, 0, 1, 3, 1, 1), ENDPOINT(0x81, 3, 0, 1) } },
		{ "an endpoint has packets of an impossible size", 16, { INTERFACE(0, 0, 1, 8, 6, 80), ENDPOINT(0x81, 2, 1025, 1) } },
		{ "two endpoints have the same address", 23,
		  { INTERFACE(0, 0, 2, 8, 6, 80), ENDPOINT(0x81, 2, 64, 0), ENDPOINT(0x81, 2, 64, 0) } },
		{ NULL, 32, { INTERFACE(0, 0, 1, 8, 6, 80), ENDPOINT(0x81, 2, 64, 0), INTERFACE(0, 1, 1, 8, 6, 98), ENDPOINT(0x81, 2, 64, 0) } },
		{ "it holds a second configuration", 18, { INTERFACE(0, 0, 0, 3, 1, 1), CONFIGURATION(9, 0) } },
		{ "an endpoint's companion is malformed", 22, { INTERFACE(0, 0, 1, 8, 6, 80), ENDPOINT(0x81, 2, 64, 0), 6, 0x30, 16, 0, 0, 0 } },
		{ "it has no interface", 7, { ENDPOINT(0x81, 2, 64, 0) } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u8 data[80] = { CONFIGURATION(0, 1) };
		struct usb_configuration configuration;
		const char *why = NULL;
		int error;

		data[2] = (u8)(9 + rows[i].size);
		memcpy(data + 9, rows[i].bytes, rows[i].size);
		error = usb_configuration_read(data, 9u + rows[i].size, &configuration, &why);
		ck_assert_msg(error == (rows[i].why ? ERR_INVALID : OK), "row %zu: %d, %s", i, error, why ? why : "");
		if (rows[i].why)
			ck_assert_str_eq(why, rows[i].why);
		ck_assert_int_eq(usb_configuration_read(data, 8u + rows[i].size, &configuration, &why), ERR_INVALID); /* cut off */
	}
}
END_TEST

START_TEST(too_many_interfaces)
{
	u8 data[9 + 9 * 40] = { CONFIGURATION(9 + 9 * 40, 40) };
	struct usb_configuration configuration;
	const char *why;

	for (u8 i = 0; i < 40; i++)
		memcpy(data + 9 + 9 * i, (u8[]){ INTERFACE(i, 0, 0, 3, 1, 1) }, 9);
	ck_assert_int_eq(usb_configuration_read(data, sizeof(data), &configuration, &why), OK);
	ck_assert_uint_eq(configuration.interface_count, USB_INTERFACES_MAX);
	ck_assert_uint_eq(configuration.left_out, 40 - USB_INTERFACES_MAX);
	data[3] = 0x20; /* 8 KiB */
	ck_assert_uint_eq(usb_configuration_bytes(data, sizeof(data)), 0);
	ck_assert_uint_eq(usb_configuration_bytes(data, 8), 0);
}
END_TEST

START_TEST(devices_and_hubs)
{
	u8 device[18] = { 18, 1, 0, 2, 9, 0, 0, 64, 0x6b, 0x1d, 2, 0, 0, 1, 3, 2, 1, 1 };
	u8 hub[9] = { 9, 0x29, 8, 0x69, 0, 50, 0, 0, 0xff };
	struct usb_device_words words;
	struct usb_hub_words hub_words;

	ck_assert_int_eq(usb_device_read(device, 18, &words), OK);
	ck_assert_uint_eq(words.vendor, 0x1d6b);
	ck_assert_int_eq(usb_device_read(device, 17, &words), ERR_INVALID);
	device[17] = 0;
	ck_assert_int_eq(usb_device_read(device, 18, &words), ERR_INVALID);
	ck_assert_int_eq(usb_hub_read(hub, 9, false, &hub_words), OK);
	ck_assert_uint_eq(hub_words.port_count, 8);
	ck_assert_uint_eq(hub_words.think_time, 3);
	ck_assert_uint_eq(hub_words.power_good_ms, 100);
	hub[2] = 255;
	ck_assert_int_eq(usb_hub_read(hub, 9, false, &hub_words), OK);
	ck_assert_uint_eq(hub_words.port_count, 15);
	hub[2] = 0;
	ck_assert_int_eq(usb_hub_read(hub, 9, false, &hub_words), ERR_INVALID);
	ck_assert_int_eq(usb_hub_read(hub, 9, true, &hub_words), ERR_INVALID);
	ck_assert_int_eq(usb_hub_read(hub, 6, false, &hub_words), ERR_INVALID);
}
END_TEST

START_TEST(strings)
{
	static const u8 text[] = { 12, 3, 'A', 0, 0xf1, 0, 0x1b, 0, 0x3d, 0xd8, ' ', 0, 'x', 0 };
	char out[USB_TEXT_MAX];

	usb_string_read(text, sizeof(text), out, sizeof(out));
	ck_assert_str_eq(out, "Añ??"); /* an escape, half a pair; its length ends before the x */
	usb_string_read(text, sizeof(text), out, 4);
	ck_assert_str_eq(out, "Añ");
	usb_string_read(text, 1, out, sizeof(out));
	ck_assert_str_eq(out, "");
	usb_string_read((const u8[]){ 255, 3, 'a', 0 }, 4, out, sizeof(out));
	ck_assert_str_eq(out, "a");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("usb descriptors");
	TCase *tcase = tcase_create("usb descriptors");

	tcase_add_test(tcase, real_devices);
	tcase_add_test(tcase, lies);
	tcase_add_test(tcase, too_many_interfaces);
	tcase_add_test(tcase, devices_and_hubs);
	tcase_add_test(tcase, strings);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/*
 * A HID boot keyboard's reports, as the scan codes (set 1) that a PS/2 keyboard would have sent: from there on layouts and everything
 * else are one path (drivers/ps2_keymap.h). Pure.
 */
#ifndef DRIVERS_USB_HID_KEYBOARD_H
#define DRIVERS_USB_HID_KEYBOARD_H

#include "hv/lib/types.h"

#define HID_KEYBOARD_REPORT_BYTES 8u
#define HID_KEYS 6u
#define HID_SCAN_BYTES_MAX 64u /* of one report: 8 modifiers, 6 keys released, 6 pressed, two bytes each at most */

struct hid_keyboard {
	u8 modifiers;
	u8 keys[HID_KEYS]; /* usages that are held down; 0: none */
};

struct hid_scan_codes {
	u8 bytes[HID_SCAN_BYTES_MAX];
	u32 count;
};

/*
 * What changed since the last report. *repeat: the usage that repeats from now on while it is held, 0: none. A report that is too short,
 * or says that too many keys are down to tell which, changes nothing.
 */
void hid_keyboard_report(struct hid_keyboard *keyboard, const u8 *report, size_t size, struct hid_scan_codes *codes, u8 *repeat);
/* The bytes of pressing a key once more. */
void hid_keyboard_repeat(u8 usage, struct hid_scan_codes *codes);

#endif

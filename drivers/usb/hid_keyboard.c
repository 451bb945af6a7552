/* SPDX-License-Identifier: MIT */
/*
 * HID usages to scan codes: hid_keyboard.h. Device Class Definition for Human Interface Devices 1.11, "Boot Interface Descriptors"
 * (appendix B); HID Usage Tables, "Keyboard/Keypad Page" (10).
 */
#include "drivers/usb/hid_keyboard.h"
#include "hv/lib/string.h"

#define ERROR_ROLL_OVER 0x01u
#define FIRST_KEY 0x04u
#define E0 0x80u /* in the tables: the code is sent after an E0 */
#define RELEASED 0x80u
#define CAPS_LOCK 0x39u
#define NUM_LOCK 0x53u

/* From usage 04 on: letters, digits, the rest of the main block, F1 to F12, editing keys, the number pad. 0: no such key. */
static const u8 scan_codes[] = {
	0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22, 0x23, 0x17, 0x24, 0x25, 0x26, 0x32,
	0x31, 0x18, 0x19, 0x10, 0x13, 0x1f, 0x14, 0x16, 0x2f, 0x11, 0x2d, 0x15, 0x2c,
	0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
	0x1c, 0x01, 0x0e, 0x0f, 0x39, 0x0c, 0x0d, 0x1a, 0x1b, 0x2b, 0x2b, 0x27, 0x28, 0x29, 0x33, 0x34, 0x35, 0x3a,
	0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x57, 0x58,
	E0 | 0x37, 0x46, 0, E0 | 0x52, E0 | 0x47, E0 | 0x49, E0 | 0x53, E0 | 0x4f, E0 | 0x51, E0 | 0x4d, E0 | 0x4b, E0 | 0x50, E0 | 0x48,
	0x45, E0 | 0x35, 0x37, 0x4a, 0x4e, E0 | 0x1c, 0x4f, 0x50, 0x51, 0x4b, 0x4c, 0x4d, 0x47, 0x48, 0x49, 0x52, 0x53,
	0x56, E0 | 0x5d,
};
static const u8 modifier_codes[8] = { 0x1d, 0x2a, 0x38, E0 | 0x5b, E0 | 0x1d, 0x36, E0 | 0x38, E0 | 0x5c };

static void put(struct hid_scan_codes *codes, u8 code, bool pressed)
{
	if (!code || codes->count + 2 > sizeof(codes->bytes))
		return;
	if (code & E0)
		codes->bytes[codes->count++] = 0xe0;
	codes->bytes[codes->count++] = (u8)((code & ~E0) | (pressed ? 0 : RELEASED));
}

static u8 code_of(u8 usage)
{
	return usage >= FIRST_KEY && usage - FIRST_KEY < sizeof(scan_codes) ? scan_codes[usage - FIRST_KEY] : 0;
}

static bool holds(const u8 keys[HID_KEYS], u8 usage)
{
	return memchr(keys, usage, HID_KEYS) != NULL;
}

void hid_keyboard_repeat(u8 usage, struct hid_scan_codes *codes)
{
	codes->count = 0;
	put(codes, code_of(usage), true);
}

/* Keys are released before modifiers change, and pressed after: a Shift that comes in the same report counts for its key. */
void hid_keyboard_report(struct hid_keyboard *keyboard, const u8 *report, size_t size, struct hid_scan_codes *codes, u8 *repeat)
{
	const u8 *keys = report + 2;
	u8 changed;

	codes->count = 0;
	if (size < HID_KEYBOARD_REPORT_BYTES || holds(keys, ERROR_ROLL_OVER))
		return;
	for (u32 i = 0; i < HID_KEYS; i++)
		if (keyboard->keys[i] && !holds(keys, keyboard->keys[i]))
			put(codes, code_of(keyboard->keys[i]), false);
	changed = keyboard->modifiers ^ report[0];
	for (u32 i = 0; i < 8; i++)
		if (changed & BIT32(i))
			put(codes, modifier_codes[i], report[0] & BIT32(i));
	if (!holds(keys, *repeat))
		*repeat = 0;
	for (u32 i = 0; i < HID_KEYS; i++) {
		if (!keys[i] || holds(keyboard->keys, keys[i]))
			continue;
		put(codes, code_of(keys[i]), true);
		*repeat = code_of(keys[i]) && keys[i] != CAPS_LOCK && keys[i] != NUM_LOCK ? keys[i] : 0;
	}
	keyboard->modifiers = report[0];
	memcpy(keyboard->keys, keys, HID_KEYS);
}

/* SPDX-License-Identifier: MIT */
/* LINK: drivers/usb/hid_keyboard.c drivers/ps2_keymap.c drivers/keyboard_layouts.c hv/lib/string.c hv/lib/format.c hv/lib/utf8.c hv/lib/test/log_stderr.c */
/* Reports to characters, through the PS/2 keyboard's own path. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "drivers/ps2_keymap.h"
#include "drivers/usb/hid_keyboard.h"

static struct hid_keyboard hid;
static struct keyboard keyboard;
static u8 repeat;
static char typed[64];

static void begin(const char *layout)
{
	memset(&hid, 0, sizeof(hid));
	memset(&keyboard, 0, sizeof(keyboard));
	keyboard.layout = keyboard_layout_find(layout);
	repeat = 0;
	typed[0] = 0;
}

static void decode(const struct hid_scan_codes *codes)
{
	for (u32 i = 0; i < codes->count; i++) {
		struct keyboard_output output;

		keyboard_decode(&keyboard, codes->bytes[i], &output);
		strncat(typed, output.bytes, output.count);
	}
}

static void report(u8 modifiers, u8 a, u8 b)
{
	const u8 bytes[8] = { modifiers, 0, a, b };
	struct hid_scan_codes codes;

	hid_keyboard_report(&hid, bytes, sizeof(bytes), &codes, &repeat);
	decode(&codes);
}

START_TEST(letters_and_modifiers)
{
	begin("us");
	report(0, 4, 0);
	report(0, 4, 5); /* b beside a that is held */
	report(0, 0, 0);
	report(0x02, 4, 0); /* Shift and a in one report */
	report(0, 0, 0);
	report(0x01, 6, 0); /* Ctrl-C */
	report(0, 0x4f, 0); /* right */
	report(0, 0x65, 0x39);
	report(0, 0, 0);
	report(0, 4, 0);    /* with Caps Lock */
	ck_assert_str_eq(typed, "abA\x03\x1b[CA");
}
END_TEST

START_TEST(layouts)
{
	begin("de");
	report(0x40, 0x14, 0); /* AltGr-Q */
	report(0, 0, 0);
	report(0, 0x64, 0);
	report(0, 0x1c, 0);
	ck_assert_str_eq(typed, "@<z");
}
END_TEST

START_TEST(repeats)
{
	struct hid_scan_codes codes;

	begin("us");
	report(0, 4, 0);
	ck_assert_uint_eq(repeat, 4);
	hid_keyboard_repeat(repeat, &codes);
	decode(&codes);
	report(0, 4, 5);
	ck_assert_uint_eq(repeat, 5);
	report(0, 4, 0); /* the one that repeated is up; the other does not begin to */
	ck_assert_uint_eq(repeat, 0);
	report(0, 0x39, 0);
	ck_assert_uint_eq(repeat, 0);
	ck_assert_str_eq(typed, "aab");
}
END_TEST

START_TEST(nonsense)
{
	struct hid_scan_codes codes;
	u8 bytes[8] = { 0, 0, 4 };

	begin("us");
	hid_keyboard_report(&hid, bytes, 7, &codes, &repeat);
	ck_assert_uint_eq(codes.count, 0);
	report(0, 4, 0);
	memset(bytes + 2, 1, 6); /* too many keys: nothing is known */
	hid_keyboard_report(&hid, bytes, 8, &codes, &repeat);
	ck_assert_uint_eq(codes.count, 0);
	ck_assert_uint_eq(repeat, 4);
	for (u32 usage = 0; usage < 256; usage++) { /* whatever it is, a report's codes fit */
		memset(bytes, (int)usage, 8);
		hid_keyboard_report(&hid, bytes, 8, &codes, &repeat);
		ck_assert_uint_le(codes.count, HID_SCAN_BYTES_MAX);
		hid_keyboard_repeat((u8)usage, &codes);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("hid keyboard");
	TCase *tcase = tcase_create("hid keyboard");

	tcase_add_test(tcase, letters_and_modifiers);
	tcase_add_test(tcase, layouts);
	tcase_add_test(tcase, repeats);
	tcase_add_test(tcase, nonsense);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: drivers/ps2_keymap.c drivers/keyboard_layouts.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* Scan codes in, what the terminal gets out. */
#include <string.h>
#include "drivers/ps2_keymap.h"
#include "hv/lib/test/unit.h"

static struct keyboard keyboard;
static char got[256];
static enum keyboard_event event;

/* codes end with 0xff; each byte in turn, nothing is released by itself */
static const char *press(const char *layout, const u8 *codes)
{
	struct keyboard_output output;
	size_t used = 0;

	memset(&keyboard, 0, sizeof(keyboard));
	keyboard.layout = keyboard_layout_find(layout);
	event = KEYBOARD_NOTHING;
	for (; *codes != 0xff; codes++) {
		keyboard_decode(&keyboard, *codes, &output);
		ck_assert_uint_le(output.count, sizeof(output.bytes));
		memcpy(got + used, output.bytes, output.count);
		used += output.count;
		if (output.event)
			event = output.event;
	}
	got[used] = '\0';
	return got;
}

START_TEST(keys)
{
	static const struct { const char *layout; u8 codes[16]; const char *text; } rows[] = {
		{ "us", { 0x26, 0xa6, 0x17, 0x97, 0xff }, "li" },
		{ "us", { 0x2a, 0x1e, 0x9e, 0xaa, 0x1e, 0xff }, "Aa" },
		{ "us", { 0x36, 0x03, 0xff }, "@" },
		{ "us", { 0x3a, 0x1e, 0x02, 0x2a, 0x1e, 0xff }, "A1a" },       /* Caps Lock leaves digits alone */
		{ "us", { 0x1d, 0x2e, 0x9d, 0x2e, 0xff }, "\x03" "c" },
		{ "us", { 0x1d, 0x1b, 0xff }, "\x1d" },                        /* Ctrl-] */
		{ "us", { 0x38, 0x30, 0xff }, "\x1b" "b" },
		{ "us", { 0x1c, 0x0e, 0x0f, 0x01, 0x39, 0xff }, "\r\x7f\t\x1b " },
		{ "us", { 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x4b, 0xff }, "\x1b[A\x1b[D" },
		{ "us", { 0xe0, 0x2a, 0xe0, 0x47, 0xe0, 0xaa, 0x1e, 0xff }, "\x1b[Ha" }, /* made-up shifts */
		{ "us", { 0xe0, 0x53, 0xe0, 0x52, 0xe0, 0x49, 0xe0, 0x51, 0xff }, "\x1b[3~\x1b[2~\x1b[5~\x1b[6~" },
		{ "us", { 0x1d, 0xe0, 0x4d, 0xff }, "\x1b[1;5C" },
		{ "us", { 0x47, 0x45, 0x47, 0x4a, 0x53, 0xff }, "\x1b[H7-." },  /* number pad */
		{ "us", { 0xe0, 0x35, 0xe0, 0x1c, 0x37, 0xff }, "/\r*" },
		{ "us", { 0x3b, 0x3f, 0x58, 0xff }, "\x1bOP\x1b[15~\x1b[24~" },
		{ "us", { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0x47, 0x1e, 0xff }, "\x1b[Ha" }, /* Pause changes nothing */
		{ "us", { 0xfa, 0xfe, 0xee, 0xaa, 0x00, 0x7f, 0x1e, 0xff }, "a" }, /* answers, noise */
		{ "de", { 0x15, 0x1a, 0x0c, 0x27, 0xff }, "z\xc3\xbc\xc3\x9f\xc3\xb6" },
		{ "de", { 0xe0, 0x38, 0x10, 0x08, 0xff }, "@{" },
		{ "de", { 0x29, 0x12, 0x0d, 0x39, 0xff }, "\xc3\xaa\xc2\xb4" },    /* ^e, ´ and blank */
		{ "es", { 0x28, 0x1e, 0x27, 0xff }, "\xc3\xa1\xc3\xb1" },
		{ "es", { 0x28, 0x2c, 0xff }, "\xc2\xb4z" },
		{ "es", { 0xe0, 0x38, 0x1d, 0x1b, 0xff }, "\x1d" },                /* Ctrl-AltGr-+ is Ctrl-] */
		{ "es", { 0x3a, 0x27, 0xff }, "\xc3\x91" },
		{ "fr", { 0x10, 0x03, 0x2a, 0x03, 0xff }, "a\xc3\xa9" "2" },
		{ "uk", { 0x2a, 0x04, 0xff }, "\xc2\xa3" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(!strcmp(press(rows[i].layout, rows[i].codes), rows[i].text), "row %zu: %s", i, got);
}
END_TEST

START_TEST(events)
{
	ck_assert_ptr_null(keyboard_layout_find("xx"));
	press("us", (const u8[]){ 0x2a, 0xe0, 0x49, 0xff });
	ck_assert_int_eq(event, KEYBOARD_LOOK_BACK);
	press("us", (const u8[]){ 0x2a, 0xe0, 0x51, 0xff });
	ck_assert_int_eq(event, KEYBOARD_LOOK_FORWARD);
	ck_assert_str_eq(press("us", (const u8[]){ 0x1d, 0x38, 0xe0, 0x53, 0xff }), "");
	ck_assert_int_eq(event, KEYBOARD_REBOOT);
}
END_TEST

START_TEST(any_bytes_are_harmless)
{
	struct keyboard_output output;
	u32 random = 1;

	memset(&keyboard, 0, sizeof(keyboard));
	for (unsigned i = 0; i < 2000000; i++) {
		if (i % 1000 == 0)
			keyboard.layout = &keyboard_layouts[i / 1000 % keyboard_layout_count];
		random = random * 1664525 + 1013904223;
		keyboard_decode(&keyboard, (u8)(random >> 24), &output);
		if (output.count > sizeof(output.bytes))
			ck_abort();
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("keyboard");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, keys);
	tcase_add_test(tests, events);
	tcase_add_test(tests, any_bytes_are_harmless);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/*
 * Where all keyboards end: scan codes become characters (ps2_keymap.h) and go to the screen's console. A PS/2 keyboard and any number
 * of USB keyboards may be used at the same time; each has its own modifiers, all have one layout.
 */
#ifndef DRIVERS_KEYBOARD_INPUT_H
#define DRIVERS_KEYBOARD_INPUT_H

#include "drivers/ps2_keymap.h"
#include "hv/char_device.h"

struct keyboard_input_config {
	const struct keyboard_layout *layout;
	struct char_device *device;      /* its received() gets what is typed, in interrupt or thread context */
	void (*look_back)(int pages);    /* Shift-PgUp, Shift-PgDn */
	bool (*application_keys)(void);  /* what the terminal wants the cursor keys to send */
};

/* Keys that come before it are dropped. Thread context, once. */
void keyboard_input_start(const struct keyboard_input_config *config);
const struct keyboard_layout *keyboard_input_layout(void); /* NULL: not started */
/* One byte of a keyboard's scan codes; not at the same time for the same keyboard. Interrupt or thread context, no sleep. */
void keyboard_input_byte(struct keyboard *keyboard, u8 byte);

/* USB keyboards that are plugged in: what the PS/2 driver says of its own absence depends on it. Any context. */
void keyboard_input_count_usb(int change);
u32 keyboard_input_usb_count(void);

#endif

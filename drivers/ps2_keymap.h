/* SPDX-License-Identifier: MIT */
/*
 * From a PS/2 keyboard's scan codes (set 1) to what a terminal sends: UTF-8 and escape sequences. Pure. Layouts are
 * data (keyboard_layouts.c). Next to read: ps2_keyboard.c.
 */
#ifndef DRIVERS_PS2_KEYMAP_H
#define DRIVERS_PS2_KEYMAP_H

#include "hv/lib/types.h"

#define KEYBOARD_KEYS 48 /* keys whose character depends on the layout */

struct keyboard_layout {
	const char *name; /* the kbd packages' name: us, es, de, fr, uk */
	const u16 *plain, *shift, *altgr; /* KEYBOARD_KEYS characters each; ' ': none */
	const u16 *dead;  /* accents that wait for a letter, ends with 0 */
};

extern const struct keyboard_layout keyboard_layouts[];
extern const unsigned keyboard_layout_count;
const struct keyboard_layout *keyboard_layout_find(const char *name); /* NULL: none of that name */

enum keyboard_event {
	KEYBOARD_NOTHING,
	KEYBOARD_LOOK_BACK,    /* Shift-PgUp */
	KEYBOARD_LOOK_FORWARD, /* Shift-PgDn */
	KEYBOARD_REBOOT,       /* Ctrl-Alt-Del */
};

struct keyboard {
	const struct keyboard_layout *layout;
	bool shift_left, shift_right, control_left, control_right, alt, altgr;
	bool caps_lock, num_lock;
	bool extended;      /* after E0 */
	unsigned skip;      /* bytes of an E1 sequence that are still to come */
	u16 accent;         /* a dead key that waits; 0: none */
	bool application_keys; /* the terminal wants cursor keys as ESC O */
};

struct keyboard_output {
	char bytes[16];
	unsigned count;
	enum keyboard_event event;
};

void keyboard_decode(struct keyboard *keyboard, u8 scan_code, struct keyboard_output *output);

#endif

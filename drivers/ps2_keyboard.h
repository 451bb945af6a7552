/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 keyboard behind an 8042 controller.
 *
 * Set-up waits for hardware (a self test takes up to a second, and keys pressed meanwhile are lost) and so runs on a thread of
 * its own; the boot does not wait for it, the screen's prompt does. Keys come by interrupt and are handed on as bytes. Sources: IBM Personal System/2 "Keyboard and Auxiliary Device Controller"; OSDev's wiki,
 * "8042 PS/2 Controller", for what later controllers do.
 */
#ifndef DRIVERS_PS2_KEYBOARD_H
#define DRIVERS_PS2_KEYBOARD_H

#include "hv/lib/types.h"

struct ps2_keyboard_config {
	void (*set_up)(void);            /* thread context, once: it is known whether there is a keyboard; no key came yet */
	/* Registers ps2_keyboard_interrupt for IRQ 1; called once the keyboard answers. */
	MUST_CHECK int (*register_interrupt)(void (*handler)(void *context), void *context);
	bool absent;                     /* the firmware says that there is no 8042: do not look */
};

/* After keyboard_input_start, which says where keys go. Thread context, once. ERR_NO_MEMORY: no thread for it, and set_up is not called. */
MUST_CHECK int ps2_keyboard_start(const struct ps2_keyboard_config *config);

#endif

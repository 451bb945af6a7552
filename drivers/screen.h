/* SPDX-License-Identifier: MIT */
/*
 * The screen as a console's output: the UEFI framebuffer with a terminal emulator on it. Input comes from the keyboard
 * (ps2_keyboard.h), which hands its bytes to the same console.
 */
#ifndef DRIVERS_SCREEN_H
#define DRIVERS_SCREEN_H

#include "drivers/framebuffer.h"
#include "hv/char_device.h"

/* From the first line of a boot on, without threads; ERR_INVALID: the mode makes no sense. There is one screen. */
MUST_CHECK int screen_init(const struct framebuffer_mode *mode);
/* Draws from a thread of its own from now on, and only what changed. Thread context, once. */
void screen_start(void);
struct char_device *screen_device(void); /* NULL: no screen */
unsigned screen_columns(void);
bool screen_application_keys(void); /* what a guest asked the cursor keys to send */
void screen_look_back(int pages);   /* Shift-PgUp: 1, Shift-PgDn: -1, 0: to the end. Any context */
/* Draws at once, without locks: for the early boot and for a panic. */
void screen_write_now(const char *text, size_t count);

#endif

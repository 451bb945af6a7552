/* SPDX-License-Identifier: MIT */
/*
 * Draws a terminal's grid into a linear framebuffer of 32-bit pixels. Pure: it writes to memory that it is given, never
 * reads it (reading video memory is slow), and draws only what changed since the last time.
 * Next to read: screen.c, which gives it a thread and a console.
 */
#ifndef DRIVERS_FRAMEBUFFER_H
#define DRIVERS_FRAMEBUFFER_H

#include "drivers/font.h"
#include "drivers/terminal.h"

#define FRAMEBUFFER_SCALE_MAX 16u

struct framebuffer_mode {
	void *pixels; /* mapped, write-combining where the CPU can */
	u64 size_bytes;
	u32 width, height, stride_bytes;
	u32 red_mask, green_mask, blue_mask; /* in a 32-bit pixel */
};

struct framebuffer {
	struct framebuffer_mode mode;
	unsigned scale;         /* a point of the font is scale by scale pixels */
	unsigned columns, rows; /* of text */
	u32 palette[16];
	const struct font_glyph *latin1[256];
	const struct font_glyph *unknown;
	struct terminal_cell drawn[TERMINAL_ROWS_MAX][TERMINAL_COLUMNS_MAX];
};

/*
 * Checks what the firmware said (sizes that fit each other, masks) and chooses the scale: at least 80 columns and 24
 * rows where the screen has room for them, larger letters on larger screens. ERR_INVALID: nothing can be drawn there.
 */
MUST_CHECK int framebuffer_init(struct framebuffer *framebuffer, const struct framebuffer_mode *mode);
/* What a row of text should show, cursor included; then draws it where it differs from what stands there. */
void framebuffer_take_row(const struct framebuffer *framebuffer, const struct terminal *terminal, unsigned row,
			  struct terminal_cell cells[TERMINAL_COLUMNS_MAX]);
void framebuffer_draw_row(struct framebuffer *framebuffer, unsigned row,
			  const struct terminal_cell cells[TERMINAL_COLUMNS_MAX]);

#endif

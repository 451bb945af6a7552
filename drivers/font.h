/* SPDX-License-Identifier: MIT */
/*
 * The screen's font: glyphs of 8 by 16 points, sorted by character. The table is made at build time by tools/font-to-c
 * from the Terminus font (Debian's xfonts-terminus; SIL Open Font License 1.1).
 */
#ifndef DRIVERS_FONT_H
#define DRIVERS_FONT_H

#include "hv/lib/types.h"

#define FONT_WIDTH 8u
#define FONT_HEIGHT 16u

struct font_glyph {
	u16 character;
	u8 rows[FONT_HEIGHT]; /* top first; bit 7 is left */
};

extern const u32 font_glyph_count;
extern const struct font_glyph font_glyphs[];

#endif

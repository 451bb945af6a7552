/* SPDX-License-Identifier: MIT */
/*
 * A terminal emulator: bytes in, a grid of characters out. Pure: the framebuffer draws the grid (framebuffer.c).
 *
 * It understands what Solera's line editor, Linux's console programs and full-screen editors send to a terminal of the
 * VT102 and "linux" kind: cursor movement, erasing, insertion, scroll regions, colours, line drawing, UTF-8. What it
 * does not know is skipped. Lines that scroll off the top can be looked at again.
 * The sequences: ECMA-48, "Control functions in ASCII"; Linux: man page console_codes(4).
 */
#ifndef DRIVERS_TERMINAL_H
#define DRIVERS_TERMINAL_H

#include "hv/lib/types.h"

#define TERMINAL_COLUMNS_MAX 256
#define TERMINAL_ROWS_MAX 160
#define TERMINAL_LINES 512 /* a power of two: the screen and what scrolled off it */

enum cell_flags { CELL_BOLD = 1, CELL_UNDERLINE = 2, CELL_INVERSE = 4, CELL_WIDE_RIGHT = 8 /* belongs to its left */ };

struct terminal_cell {
	u16 character; /* Unicode; what is beyond its first plane shows as U+FFFD */
	u8 colours;    /* foreground in the low, background in the high four bits */
	u8 flags;      /* enum cell_flags */
};

#define TERMINAL_COLOURS_DEFAULT 0x07

enum terminal_state { TERMINAL_GROUND, TERMINAL_ESCAPE, TERMINAL_CSI, TERMINAL_STRING, TERMINAL_CHARSET };

#define TERMINAL_PARAMETERS_MAX 16

struct terminal_pen { /* what ESC 7 saves */
	unsigned row, column;
	u8 colours, flags;
	bool drawing; /* letters are line-drawing characters */
};

struct terminal {
	unsigned columns, rows; /* (c) */
	struct terminal_cell lines[TERMINAL_LINES][TERMINAL_COLUMNS_MAX];
	unsigned top;       /* place of the screen's first row in lines */
	unsigned past;      /* rows that scrolled off and are still there */
	unsigned look_back; /* rows that the view stands above the screen; 0: the screen itself */
	struct terminal_pen pen, saved;
	bool wrap_pending;  /* the last column is written: the next character begins a new row */
	unsigned region_first, region_last; /* rows that scroll */
	bool autowrap, cursor_visible, application_keys, insert, charset_drawing[2];
	unsigned charset;   /* 0: G0, 1: G1 */
	enum terminal_state state;
	unsigned charset_slot; /* of the ESC ( or ESC ) that is being read */
	bool private_csi, bad_csi;
	u16 parameters[TERMINAL_PARAMETERS_MAX];
	unsigned parameter_count;
	unsigned string_bytes;
	u32 partial;        /* UTF-8 that is coming in */
	unsigned partial_left, partial_least;
	/* Answers of the terminal (cursor reports) go to whoever writes to it; NULL: none. No sleep. */
	void (*reply)(void *context, const char *bytes, size_t count);
	void *context;
};

void terminal_init(struct terminal *terminal, unsigned columns, unsigned rows);
void terminal_write(struct terminal *terminal, const char *bytes, size_t count);
/* What the view shows at a place. */
struct terminal_cell terminal_cell_at(const struct terminal *terminal, unsigned row, unsigned column);
/* The cursor's place in the view; false: not to be seen. */
bool terminal_cursor(const struct terminal *terminal, unsigned *row, unsigned *column);
void terminal_look(struct terminal *terminal, int rows); /* > 0: back into the past */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The line editor: bytes from a terminal go in one by one, events and the row to draw come out. Pure: it knows neither
 * the terminal nor the commands.
 *
 * A line stands on one row and scrolls sideways, so that it is right on any terminal width and a log line can be put
 * above it at any time. Keys are Emacs's and the arrows; unknown escape sequences, control characters and malformed
 * UTF-8 change nothing. A line that is too long is swallowed up to its end and reported once.
 * Next to read: history.h, shell.c.
 */
#ifndef HV_SHELL_LINE_EDITOR_H
#define HV_SHELL_LINE_EDITOR_H

#include "hv/lib/types.h"
#include "hv/shell/history.h"

#define LINE_MAX_BYTES 8191   /* without the end */
#define LINE_PROMPT_MAX 128
#define LINE_ROW_MAX 2048     /* a row's bytes: 400 columns of four-byte characters and some marks */
#define LINE_COLUMNS_MAX 400

enum line_event {
	LINE_NONE,      /* nothing to do but draw */
	LINE_DONE,      /* Enter: the line is in text */
	LINE_TOO_LONG,  /* Enter after more than LINE_MAX_BYTES; text is empty */
	LINE_INTERRUPT, /* Ctrl-C */
	LINE_END,       /* Ctrl-D on an empty line */
	LINE_COMPLETE,  /* Tab */
	LINE_CLEAR,     /* Ctrl-L: draw on an empty screen */
};

enum line_escape { /* where in an escape sequence the input is */
	LINE_GROUND,
	LINE_ESCAPE,     /* after ESC */
	LINE_CSI,        /* after ESC [ */
	LINE_CSI_LINUX,  /* after ESC [ [: one more byte belongs to it (the Linux console's function keys) */
	LINE_SS3,        /* after ESC O: one more byte */
	LINE_STRING,     /* after ESC ] P ^ _ X: until BEL, ESC \ or the end of the line */
};

struct line_editor {
	char text[LINE_MAX_BYTES + 1]; /* always terminated */
	size_t length, cursor;         /* bytes; cursor stands on a character's start */
	size_t view;                   /* first byte that the row shows */
	bool too_long;
	bool literal_tabs;             /* Tab is text: while XML is read */
	bool pasting;                  /* between the terminal's paste marks: Tab is text */
	bool after_return;             /* a LF that follows a CR belongs to it */
	enum line_escape escape;
	char parameters[16];           /* of the CSI */
	unsigned parameter_count, escape_bytes;
	char partial[4];               /* a UTF-8 sequence that is coming in */
	unsigned partial_count, partial_length;
	struct line_history *history;  /* NULL: none */
	unsigned history_age;          /* 0: the line of now */
	char draft[LINE_MAX_BYTES + 1]; /* the line of now, while older ones are looked at */
	char prompt[LINE_PROMPT_MAX];
	unsigned columns;
};

struct line_row {
	char text[LINE_ROW_MAX];
	size_t bytes;
	unsigned back_columns; /* from the end of text to the cursor */
};

/* Once for each terminal; history may be shared by nobody else. */
void line_editor_init(struct line_editor *editor, struct line_history *history);
/* Begins an empty line; columns is the terminal's width. */
void line_editor_begin(struct line_editor *editor, const char *prompt, unsigned columns);
enum line_event line_editor_feed(struct line_editor *editor, u8 byte);
/* Puts text in at the cursor, as if typed; false: no room, nothing is changed. */
bool line_editor_insert(struct line_editor *editor, const char *text, size_t bytes);
void line_editor_draw(struct line_editor *editor, struct line_row *row);

#endif

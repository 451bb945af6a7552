/* SPDX-License-Identifier: MIT */
/*
 * The full-screen editor: bytes from a terminal go in, events come out, and each of the screen's rows can be drawn.
 * Pure: edit_screen.c joins it to a shell's terminal.
 *
 *   row 0                 the title: what is edited, where the cursor is
 *   rows 1 … rows - 3     the text; a line that is too long is scrolled sideways, all lines together
 *   the last two rows     a message (two rows at most), or the keys
 */
#ifndef HV_SHELL_TEXT_EDITOR_H
#define HV_SHELL_TEXT_EDITOR_H

#include "hv/shell/text_buffer.h"
#include "hv/shell/text_keys.h"

#define EDITOR_ROW_BYTES 2048
#define EDITOR_ROWS_MIN 6u
#define EDITOR_ROWS_MAX 160u
#define EDITOR_COLUMNS_MIN 20u
#define EDITOR_COLUMNS_MAX 400u
#define EDITOR_MESSAGE_MAX 600

enum editor_event {
	EDITOR_NONE,           /* nothing to do but draw */
	EDITOR_SAVE,
	EDITOR_SAVE_AND_LEAVE, /* if the saving goes well */
	EDITOR_LEAVE,          /* what is not saved is dropped */
	EDITOR_DRAW_ALL,       /* on a screen that may show anything */
};

struct text_editor {
	struct text_buffer text;
	struct text_keys keys;
	const char *title;
	unsigned rows, columns;
	size_t view;            /* start of the first line that is shown */
	unsigned left;          /* columns that are scrolled out */
	unsigned wanted_column; /* where Up and Down try to stay */
	bool changed, asking;
	char message[EDITOR_MESSAGE_MAX];
};

MUST_CHECK int text_editor_init(struct text_editor *editor, const char *title, const char *text, size_t count);
void text_editor_release(struct text_editor *editor);
void text_editor_resize(struct text_editor *editor, unsigned rows, unsigned columns); /* bounded to what is possible */
enum editor_event text_editor_feed(struct text_editor *editor, u8 byte);
void text_editor_saved(struct text_editor *editor, const char *message);
/* The text was refused: the message is shown, the cursor goes to the line (0: stays). */
void text_editor_refused(struct text_editor *editor, const char *message, unsigned line);
/* Scrolls to the cursor; before rows are drawn. */
void text_editor_prepare(struct text_editor *editor);
size_t text_editor_row(const struct text_editor *editor, unsigned row, char bytes[EDITOR_ROW_BYTES]);
void text_editor_cursor(const struct text_editor *editor, unsigned *row, unsigned *column); /* on the screen, from 0 */

#endif

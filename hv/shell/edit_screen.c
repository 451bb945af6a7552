/* SPDX-License-Identifier: MIT */
/*
 * The full-screen editor on a shell's terminal: see edit_screen.h. A serial line does not say how large the terminal at its
 * end is; so the cursor is sent far down and right, and the terminal asked where it came to stand. Until it answers, and on one that never
 * does, 24 rows of 80 columns are used. Only rows that changed are sent: a serial line is slow.
 */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/shell/command.h"
#include "hv/shell/edit_screen.h"
#include "hv/shell/text_editor.h"

#define ASK_SIZE "\x1b[999;999H\x1b[6n"
#define CLEAR "\x1b[m\x1b[H\x1b[2J"

struct edit_screen {
	struct shell *shell;
	const struct edit_saver *saver;
	struct text_editor editor;
	char row[EDITOR_ROW_BYTES];
	u64 shown[EDITOR_ROWS_MAX]; /* a hash of what each row shows; 0: not known */
};

static void send(struct edit_screen *screen, const char *bytes)
{
	shell_write_raw(screen->shell, bytes, strlen(bytes));
}

/* FNV-1a, 64 bits: two rows of one place with the same hash would leave the older one on the screen until Ctrl-L. */
static u64 hash(const char *bytes, size_t count)
{
	u64 value = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < count; i++)
		value = (value ^ (u8)bytes[i]) * 0x100000001b3ull;
	return value ? value : 1;
}

static void draw_row(struct edit_screen *screen, unsigned row)
{
	size_t count = text_editor_row(&screen->editor, row, screen->row);
	bool inverse = row == 0 || row == screen->editor.rows - 1;
	u64 now = hash(screen->row, count);
	char place[32];

	if (screen->shown[row] == now)
		return;
	screen->shown[row] = now;
	format(place, sizeof(place), "\x1b[%u;1H%s", row + 1, inverse ? "\x1b[7m" : "");
	send(screen, place);
	shell_write_raw(screen->shell, screen->row, count);
	send(screen, inverse ? "\x1b[m\x1b[K" : "\x1b[K");
}

static void draw(struct edit_screen *screen)
{
	char place[32];
	unsigned row, column;

	text_editor_prepare(&screen->editor);
	for (row = 0; row < screen->editor.rows; row++)
		draw_row(screen, row);
	text_editor_cursor(&screen->editor, &row, &column);
	format(place, sizeof(place), "\x1b[%u;%uH", row + 1, column + 1);
	send(screen, place);
}

static void draw_all(struct edit_screen *screen)
{
	memset(screen->shown, 0, sizeof(screen->shown));
	send(screen, CLEAR);
}

static bool save(struct edit_screen *screen)
{
	struct text_buffer *text = &screen->editor.text;
	char message[EDIT_MESSAGE_MAX] = "";
	unsigned line = 0;

	if (screen->saver->save(screen->saver->context, text->bytes, text->length, message, &line)) {
		text_editor_saved(&screen->editor, message);
		return true;
	}
	text_editor_refused(&screen->editor, message, line);
	return false;
}

/* True: the person has left. */
static bool key(struct edit_screen *screen, u8 byte)
{
	switch (text_editor_feed(&screen->editor, byte)) {
	case EDITOR_NONE:
		break;
	case EDITOR_DRAW_ALL:
		draw_all(screen);
		break;
	case EDITOR_SAVE:
		(void)save(screen);
		break;
	case EDITOR_SAVE_AND_LEAVE:
		return save(screen);
	case EDITOR_LEAVE:
		return true;
	}
	return false;
}

/* What is typed behind the key that leaves is the prompt's: keys are taken one by one, and drawn when there are no more. */
static void run(struct edit_screen *screen)
{
	char byte;

	send(screen, CLEAR ASK_SIZE);
	for (;;) {
		if (!shell_read_raw(screen->shell, &byte, 1, 0)) {
			draw(screen);
			if (!shell_read_raw(screen->shell, &byte, 1, SHELL_FOREVER))
				continue;
		}
		if (key(screen, (u8)byte))
			return;
	}
}

int edit_on_screen(struct shell *shell, const char *title, const char *text, const struct edit_saver *saver)
{
	struct edit_screen *screen = kzalloc(sizeof(*screen));
	int code;

	if (!screen)
		return ERR_NO_MEMORY;
	screen->shell = shell;
	screen->saver = saver;
	code = text_editor_init(&screen->editor, title, text, strlen(text));
	if (code == OK) {
		shell_raw_begin(shell);
		run(screen);
		send(screen, CLEAR);
		shell_raw_end(shell);
		text_editor_release(&screen->editor);
	}
	kfree(screen);
	return code;
}

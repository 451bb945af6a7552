/* SPDX-License-Identifier: MIT */
/* A text edited on a shell's terminal by the full-screen editor (text_editor.h), with somebody who takes what is saved. */
#ifndef HV_SHELL_EDIT_SCREEN_H
#define HV_SHELL_EDIT_SCREEN_H

#include "hv/lib/types.h"

struct shell;

#define EDIT_MESSAGE_MAX 600

struct edit_saver {
	/* Takes the text. False: refused, with *line (0: none in particular). The message, one line, is shown in either case. */
	bool (*save)(void *context, const char *text, size_t count, char message[EDIT_MESSAGE_MAX], unsigned *line);
	void *context;
};

/* Sleeps until the person leaves. ERR_NO_MEMORY, ERR_FULL (a text of more than 1 MiB): nothing was shown. */
MUST_CHECK int edit_on_screen(struct shell *shell, const char *title, const char *text, const struct edit_saver *saver);

#endif

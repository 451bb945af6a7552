/* SPDX-License-Identifier: MIT */
/*
 * One shell on one terminal: what it keeps, and the terminal that it asks for (hv/console.c provides the host's
 * own; a TCP session can provide another). The shell runs on one thread; only shell_wake() comes from elsewhere.
 * Next to read: shell.c, then command.h.
 */
#ifndef HV_SHELL_SHELL_H
#define HV_SHELL_SHELL_H

#include "hv/shell/arguments.h"
#include "hv/shell/line_editor.h"

struct shell_terminal {
	/* Writes all of it; may sleep. "\n" means a new line at its start: the terminal adds what it needs. */
	void (*write)(void *context, const char *bytes, size_t count);
	void (*write_raw)(void *context, const char *bytes, size_t count); /* without that */
	/* Sleeps until bytes are there, the time is over or wake() was called; returns their count. */
	size_t (*read)(void *context, char *bytes, size_t max, u64 timeout_ns);
	/* Sleeps; true: a Ctrl-C has come, it and what was typed before it are dropped. 0: only asks. */
	bool (*wait_interrupt)(void *context, u64 timeout_ns);
	/* Shows the row that is being edited; log lines go above it. NULL: the row is finished, output goes below it. */
	void (*set_row)(void *context, const struct line_row *row);
	void (*clear)(void *context);                /* the whole screen; the row's place becomes its first line */
	void (*hold_log)(void *context, bool hold);  /* while a guest has the terminal */
	void (*wake)(void *context);                 /* any context */
	unsigned (*columns)(void *context);
};

struct shell {
	const struct shell_terminal *terminal;
	void *context; /* the terminal's */
	struct line_editor editor;
	struct line_history history;
	struct line_row row;
	char input[256]; /* read, not yet fed to the editor */
	unsigned input_at, input_count;
	bool listed; /* the last key was a Tab that found several words: the next Tab lists them */
	struct shell_words words;
	struct shell_arguments arguments;
	char error[SHELL_PARSE_ERROR_MAX];
};

#define SHELL_PROMPT "solera # "

void shell_init(struct shell *shell, const struct shell_terminal *terminal, void *context);
/* Reads and runs lines for ever. */
void shell_run(struct shell *shell) NORETURN;
/* Runs one line (several commands with ';' between them); the last one's verdict. */
int shell_execute(struct shell *shell, const char *line);
enum line_event shell_read_line(struct shell *shell, const char *prompt); /* DONE, TOO_LONG, INTERRUPT or END */

/* complete.c */
struct shell_completions {
	const char *prefix; /* what was typed of the word, without quotes */
	size_t prefix_bytes;
	char common[256]; /* what all that fit have in common */
	size_t common_bytes;
	char list[4096]; /* those that fit, NUL-terminated, one after the other */
	size_t list_bytes;
	unsigned count;
	bool cut; /* the list had no room for all */
};
/* What could stand at the cursor; words is room to work in. */
void shell_find_completions(const char *line, size_t cursor, struct shell_words *words,
			    struct shell_completions *completions);

#endif

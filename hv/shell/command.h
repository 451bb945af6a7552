/* SPDX-License-Identifier: MIT */
/*
 * What a shell command is, and what it may do: one row of a table and the functions below.
 *
 * A command is added by a row in a cmd_ file of hv/shell; the tables are collected in hv/shell/commands.c. Commands
 * get their data from the headers of hv/manage and print it; names, options, columns and error words follow virsh. They run on
 * their shell's own thread, may sleep, and return OK, or a negative error after they have told the person.
 * Next to read: commands.c, then shell.c, which runs them.
 */
#ifndef HV_SHELL_COMMAND_H
#define HV_SHELL_COMMAND_H

#include "hv/lib/error.h"
#include "hv/lib/types.h"

struct shell;
struct shell_arguments;
struct shell_completions;
struct manage_error;

enum shell_group {
	SHELL_GROUP_DOMAIN,      /* Domain Management */
	SHELL_GROUP_MONITOR,     /* Domain Monitoring */
	SHELL_GROUP_DEVICES,     /* Domain Devices: live views of a machine's insides */
	SHELL_GROUP_HOST,        /* Host and Hypervisor */
	SHELL_GROUP_INTERFACE,   /* Interface: the host's cards */
	SHELL_GROUP_NODEDEV,     /* Node Device */
	SHELL_GROUP_NETWORK,     /* Networking */
	SHELL_GROUP_POOL,        /* Storage Pool */
	SHELL_GROUP_VOLUME,      /* Storage Volume */
	SHELL_GROUP_SNAPSHOT,    /* Snapshot */
	SHELL_GROUP_SHELL,       /* the shell itself */
	SHELL_GROUP_COUNT,
};

enum shell_option_kind {
	SHELL_FLAG = 1, /* --all */
	SHELL_TEXT,     /* --file <string>, or by position */
	SHELL_NUMBER,   /* --cpu <number>, or by position */
	SHELL_REST,     /* [<string>]…: the last option only, takes all that is left */
};

struct shell_option {
	const char *name; /* without the dashes */
	const char *help;
	enum shell_option_kind kind;
	bool required;     /* a missing one is refused before the function is called */
	bool only_by_name; /* never taken by position */
	char letter;       /* a short form, -l; 0: none (virsh has few) */
	/* Adds what the word could become (domain names…); NULL: nothing to offer. */
	void (*complete)(struct shell_completions *completions);
};

#define SHELL_OPTIONS_MAX 32 /* a command's options: a bit each */

struct shell_command {
	const char *name;
	const char *help;        /* one line */
	const char *description; /* for help COMMAND; NULL: the help line */
	const struct shell_option *options; /* ends with a row without a name; NULL: none */
	int (*function)(struct shell *shell, const struct shell_arguments *arguments);
	enum shell_group group;
	bool alias; /* works, but help's list leaves it out */
};

/* A file's table of commands; ends with a row without a name. The list of tables is in commands.c. */
extern const struct shell_command *const shell_command_tables[];
const struct shell_command *shell_command_find(const char *name); /* NULL: none */

/* Arguments: by option name, which must be one of the command's. */
bool shell_flag(const struct shell_arguments *arguments, const char *name);
const char *shell_text(const struct shell_arguments *arguments, const char *name); /* NULL: not given */
/* 1: given, in *value; 0: not given; negative: malformed, and the person has been told. */
MUST_CHECK int shell_number(struct shell *shell, const struct shell_arguments *arguments, const char *name, u64 *value);
/* The SHELL_REST option's words. */
unsigned shell_rest_count(const struct shell_arguments *arguments);
const char *shell_rest(const struct shell_arguments *arguments, unsigned index);

/* Output; "\n" becomes what the terminal needs. May sleep while the terminal is busy. */
void shell_print(struct shell *shell, const char *fmt, ...) PRINTF_LIKE(2, 3);
void shell_write(struct shell *shell, const char *bytes, size_t count); /* text of any length, as shell_print */
void shell_write_raw(struct shell *shell, const char *bytes, size_t count); /* a guest's own bytes, untouched */
/* One line, "error: " before it. Returns ERR_INVALID, so that `return shell_error(…)` reads well. */
int shell_error(struct shell *shell, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As virsh reports a failed call: "error: <what failed>", then "error: <the management error's text>". */
int shell_fail(struct shell *shell, const struct manage_error *error, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define SHELL_FOREVER (~(u64)0)

/* Ctrl-C was typed since the command began (asked at each piece of a long work). */
bool shell_interrupted(struct shell *shell);
/* Sleeps; true: Ctrl-C ended it early. */
bool shell_sleep(struct shell *shell, u64 duration_ns);
/*
 * The keys as they come, for a guest's console. Sleeps until there are some, the time is over, or shell_wake() was
 * called; returns their count (0: none). Between begin and end log lines stay off this terminal (dmesg has them).
 */
void shell_raw_begin(struct shell *shell);
size_t shell_read_raw(struct shell *shell, char *bytes, size_t max, u64 timeout_ns);
void shell_raw_end(struct shell *shell);
void shell_wake(struct shell *shell); /* any context: ends a shell_read_raw or shell_sleep of that shell */
#define SHELL_ESCAPE_KEY 0x1d         /* Ctrl-]: leaves a guest's console */

/*
 * Reads lines (pasted or typed) up to and with the first that ends in end_text ("</domain>"), or until Ctrl-D or a
 * line with a single dot. *text is kmalloc'd, the caller frees it. ERR_INTERRUPTED after Ctrl-C, ERR_FULL beyond max
 * bytes, ERR_NO_MEMORY: the person has been told of each.
 */
MUST_CHECK int shell_read_text(struct shell *shell, const char *end_text, size_t max, char **text);
/* Asks a question that is answered with y or n (yes, no); false for no, Ctrl-C and Ctrl-D. */
bool shell_confirm(struct shell *shell, const char *question);

/* Completion: offers a word; those that do not fit what was typed are dropped. */
void shell_complete(struct shell_completions *completions, const char *word);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * From a typed line to a command's arguments: words with quotes as virsh splits them, then options bound by name or
 * position. Pure: errors come back as text.
 */
#ifndef HV_SHELL_ARGUMENTS_H
#define HV_SHELL_ARGUMENTS_H

#include "hv/shell/command.h"

#define SHELL_WORDS_MAX 256
#define SHELL_WORD_BYTES 8192 /* as many as a line has */
#define SHELL_PARSE_ERROR_MAX 256

struct shell_words {
	char storage[SHELL_WORD_BYTES];
	const char *word[SHELL_WORDS_MAX];
	unsigned count;
};

struct shell_arguments {
	const struct shell_command *command;
	u32 given; /* a bit for each option */
	const char *value[SHELL_OPTIONS_MAX];
	const char *rest[SHELL_WORDS_MAX];
	unsigned rest_count;
};

/*
 * Splits one command off *line, which moves behind it (and behind the ';' or newline that ended it). A blank
 * command gives no words. ' and " quote, \ takes the next character as it is (not between ''), # begins a comment.
 */
MUST_CHECK int shell_split(const char **line, struct shell_words *words, char error[SHELL_PARSE_ERROR_MAX]);
/* Finds the command of words[0] and binds the rest; ERR_INVALID with virsh's words. */
MUST_CHECK int shell_bind(const struct shell_words *words, struct shell_arguments *arguments,
			  char error[SHELL_PARSE_ERROR_MAX]);
/* The option of that name (with or without the leading dashes); -1: none. */
int shell_option_index(const struct shell_command *command, const char *name, size_t length);

#endif

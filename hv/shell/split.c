/* SPDX-License-Identifier: MIT */
/* Splits a line into words as virsh does: quotes, backslash, ';', comments. Pure. Next to read: arguments.c. */
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/shell/arguments.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool ends_command(char c)
{
	return c == '\0' || c == ';' || c == '\n';
}

/* Copies one word; returns ERR_INVALID with words when a quote stays open. */
static int copy_word(const char **line, char **to, char error[SHELL_PARSE_ERROR_MAX])
{
	const char *at = *line;
	char *out = *to;
	char quote = '\0';

	for (; *at; at++) {
		if (!quote && (is_blank(*at) || ends_command(*at)))
			break;
		if (quote ? *at == quote : *at == '\'' || *at == '"') {
			quote = quote ? '\0' : *at;
			continue;
		}
		if (*at == '\\' && quote != '\'') {
			if (!at[1]) {
				format(error, SHELL_PARSE_ERROR_MAX, "dangling \\");
				return ERR_INVALID;
			}
			at++;
		}
		*out++ = *at;
	}
	if (quote) {
		format(error, SHELL_PARSE_ERROR_MAX, "missing %c", quote);
		return ERR_INVALID;
	}
	*out++ = '\0';
	*line = at;
	*to = out;
	return OK;
}

int shell_split(const char **line, struct shell_words *words, char error[SHELL_PARSE_ERROR_MAX])
{
	char *out = words->storage;

	words->count = 0;
	/* A word takes at most its own bytes and a terminator, which stands for the blank or end after it. */
	if (strnlen(*line, SHELL_WORD_BYTES) >= SHELL_WORD_BYTES) {
		format(error, SHELL_PARSE_ERROR_MAX, "line longer than %u bytes", SHELL_WORD_BYTES - 1);
		return ERR_INVALID;
	}
	for (;;) {
		while (is_blank(**line))
			++*line;
		if (**line == '#') {
			while (**line && **line != '\n')
				++*line;
		}
		if (ends_command(**line)) {
			*line += **line != '\0';
			return OK;
		}
		if (words->count == SHELL_WORDS_MAX) {
			format(error, SHELL_PARSE_ERROR_MAX, "too many words in a command (at most %u)", SHELL_WORDS_MAX);
			return ERR_INVALID;
		}
		words->word[words->count++] = out;
		if (copy_word(line, &out, error) != OK)
			return ERR_INVALID;
	}
}

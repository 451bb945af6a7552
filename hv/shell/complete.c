/* SPDX-License-Identifier: MIT */
/*
 * Completion: from the line up to the cursor to the words that could stand there. Commands come from the table, options
 * from the command's row, names from the option's own function. Pure but for what those functions ask.
 */
#include "hv/lib/string.h"
#include "hv/shell/shell.h"

void shell_complete(struct shell_completions *completions, const char *word)
{
	size_t bytes = strlen(word), same = 0;

	if (bytes >= sizeof(completions->common) || strncmp(word, completions->prefix, completions->prefix_bytes))
		return;
	if (completions->count == 0) {
		memcpy(completions->common, word, bytes);
		same = bytes;
	}
	while (same < bytes && same < completions->common_bytes && completions->common[same] == word[same])
		same++;
	completions->common_bytes = same;
	completions->count++;
	if (bytes + 1 > sizeof(completions->list) - completions->list_bytes) {
		completions->cut = true;
		return;
	}
	memcpy(completions->list + completions->list_bytes, word, bytes + 1);
	completions->list_bytes += bytes + 1;
}

static void offer_commands(struct shell_completions *completions)
{
	for (const struct shell_command *const *table = shell_command_tables; *table; table++) {
		for (const struct shell_command *command = *table; command->name; command++) {
			if (!command->alias)
				shell_complete(completions, command->name);
		}
	}
}

/* Which options the words before the one in turn have given, and which one waits for its value. */
static const struct shell_option *option_in_turn(const struct shell_command *command, const struct shell_words *words,
						 unsigned before, u32 *given)
{
	const struct shell_option *waiting = NULL, *options = command->options;
	unsigned positions = 0;

	*given = 0;
	for (unsigned i = 1; i < before; i++) {
		const char *word = words->word[i], *equals;
		int index = -1;

		if (waiting) {
			waiting = NULL;
			continue;
		}
		if (string_starts_with(word, "--")) {
			equals = strchr(word, '=');
			index = shell_option_index(command, word + 2,
						   equals ? (size_t)(equals - word - 2) : strlen(word + 2));
			if (index >= 0)
				*given |= BIT32(index);
			if (index >= 0 && options[index].kind != SHELL_FLAG && !equals)
				waiting = &options[index];
		} else {
			positions++;
		}
	}
	if (waiting || !options)
		return waiting;
	for (unsigned i = 0; options[i].name; i++) {
		if (options[i].kind == SHELL_FLAG || options[i].only_by_name || (*given & BIT32(i)))
			continue;
		if (options[i].kind == SHELL_REST || positions-- == 0)
			return &options[i];
	}
	return NULL;
}

static void offer_options(const struct shell_command *command, u32 given, struct shell_completions *completions)
{
	char word[64];

	for (unsigned i = 0; command->options && command->options[i].name; i++) {
		if ((given & BIT32(i)) || command->options[i].kind == SHELL_REST)
			continue;
		word[0] = word[1] = '-';
		string_copy(word + 2, command->options[i].name, sizeof(word) - 2);
		shell_complete(completions, word);
	}
}

/* The start of the command in which the cursor stands: behind the last ';' that no quote hides. */
static size_t command_start(const char *line, size_t cursor)
{
	size_t start = 0;
	char quote = '\0';

	for (size_t i = 0; i < cursor; i++) {
		if (line[i] == '\\' && quote != '\'')
			i++;
		else if (quote ? line[i] == quote : line[i] == '\'' || line[i] == '"')
			quote = quote ? '\0' : line[i];
		else if (line[i] == ';' && !quote)
			start = i + 1;
	}
	return MIN(start, cursor);
}

/* Splits the line up to the cursor into words->storage by hand: an open quote is no error here. Returns the last word. */
static const char *split_to_cursor(const char *line, size_t start, size_t cursor, struct shell_words *words)
{
	char *out = words->storage, quote = '\0';
	bool in_word = false;

	words->count = 0;
	for (size_t i = start; i < cursor && out < words->storage + SHELL_WORD_BYTES - 2; i++) {
		char c = line[i];

		if (!quote && (c == ' ' || c == '\t')) {
			if (in_word)
				*out++ = '\0';
			in_word = false;
			continue;
		}
		if (!in_word) {
			if (words->count == SHELL_WORDS_MAX)
				return NULL;
			words->word[words->count++] = out;
			in_word = true;
		}
		if (quote ? c == quote : c == '\'' || c == '"') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (c == '\\' && quote != '\'' && i + 1 < cursor)
			c = line[++i];
		*out++ = c;
	}
	*out = '\0';
	return in_word ? words->word[words->count - 1] : out;
}

void shell_find_completions(const char *line, size_t cursor, struct shell_words *words,
			    struct shell_completions *completions)
{
	size_t start = command_start(line, cursor);
	const char *last = split_to_cursor(line, start, cursor, words);
	unsigned before;
	const struct shell_command *command;
	const struct shell_option *option;
	u32 given;

	memset(completions, 0, sizeof(*completions));
	if (!last)
		return;
	completions->prefix = last;
	completions->prefix_bytes = strlen(last);
	before = words->count - (words->count && last == words->word[words->count - 1]);
	if (before == 0) {
		offer_commands(completions);
		return;
	}
	command = shell_command_find(words->word[0]);
	if (!command)
		return;
	option = option_in_turn(command, words, before, &given);
	if (option && option->complete && (last[0] != '-' || before > words->count))
		option->complete(completions);
	else if (last[0] == '-' || !option)
		offer_options(command, given, completions);
}

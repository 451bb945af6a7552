/* SPDX-License-Identifier: MIT */
/* Binds a command's words to its options and gives them to the command; error words as virsh's. Pure. */
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/shell/arguments.h"

static unsigned option_count(const struct shell_command *command)
{
	unsigned count = 0;

	while (command->options && command->options[count].name)
		count++;
	BUG_ON(count > SHELL_OPTIONS_MAX);
	return count;
}

int shell_option_index(const struct shell_command *command, const char *name, size_t length)
{
	unsigned count = option_count(command);

	for (unsigned i = 0; i < count; i++) {
		if (strlen(command->options[i].name) == length && !strncmp(command->options[i].name, name, length))
			return (int)i;
	}
	return -1;
}

static int option_by_letter(const struct shell_command *command, const char *word)
{
	unsigned count = option_count(command);

	if (word[0] != '-' || word[1] == '\0' || word[2] != '\0')
		return -1;
	for (unsigned i = 0; i < count; i++) {
		if (command->options[i].letter == word[1])
			return (int)i;
	}
	return -1;
}

struct binding { /* what bind_word needs to know of its surroundings */
	const struct shell_words *words;
	struct shell_arguments *arguments;
	unsigned at; /* the word in turn */
	bool only_positions; /* after "--" */
	char *error;
};

static int refuse(struct binding *binding, const char *fmt, const char *a, const char *b) PRINTF_LIKE(2, 0);
static int refuse(struct binding *binding, const char *fmt, const char *a, const char *b)
{
	format(binding->error, SHELL_PARSE_ERROR_MAX, fmt, a, b);
	return ERR_INVALID;
}

static const char *kind_word(const struct shell_option *option)
{
	return option->kind == SHELL_NUMBER ? "number" : "string";
}

/* An option by name; value: what stood after '=', NULL: nothing. */
static int bind_named(struct binding *binding, unsigned index, const char *value)
{
	struct shell_arguments *arguments = binding->arguments;
	const struct shell_option *option = &arguments->command->options[index];

	if (option->kind == SHELL_REST)
		return refuse(binding, "option --%s%s is taken by position", option->name, "");
	if (arguments->given & BIT32(index))
		return refuse(binding, "option --%s already seen%s", option->name, "");
	if (option->kind == SHELL_FLAG) {
		if (value)
			return refuse(binding, "invalid '=' after option --%s%s", option->name, "");
		arguments->given |= BIT32(index);
		return OK;
	}
	if (!value) {
		if (binding->at + 1 >= binding->words->count)
			return refuse(binding, "expected syntax: --%s <%s>", option->name, kind_word(option));
		value = binding->words->word[++binding->at];
	}
	arguments->given |= BIT32(index);
	arguments->value[index] = value;
	return OK;
}

static int bind_positional(struct binding *binding, const char *word)
{
	struct shell_arguments *arguments = binding->arguments;
	const struct shell_option *options = arguments->command->options;
	unsigned count = option_count(arguments->command);

	for (unsigned i = 0; i < count; i++) {
		if (options[i].kind == SHELL_FLAG || options[i].only_by_name)
			continue;
		if (options[i].kind == SHELL_REST) {
			arguments->given |= BIT32(i);
			arguments->rest[arguments->rest_count++] = word;
			return OK;
		}
		if (!(arguments->given & BIT32(i))) {
			arguments->given |= BIT32(i);
			arguments->value[i] = word;
			return OK;
		}
	}
	return refuse(binding, "unexpected data '%s'%s", word, "");
}

static int bind_word(struct binding *binding)
{
	const struct shell_command *command = binding->arguments->command;
	const char *word = binding->words->word[binding->at], *name = word + 2, *equals;
	int index;

	if (binding->only_positions || word[0] != '-' || !word[1])
		return bind_positional(binding, word);
	if (string_equal(word, "--")) {
		binding->only_positions = true;
		return OK;
	}
	if (word[1] != '-') {
		index = option_by_letter(command, word);
		return index < 0 ? bind_positional(binding, word) : bind_named(binding, (unsigned)index, NULL);
	}
	equals = strchr(name, '=');
	index = shell_option_index(command, name, equals ? (size_t)(equals - name) : strlen(name));
	if (index < 0)
		return refuse(binding, "command '%s' doesn't support option %s", command->name, word);
	return bind_named(binding, (unsigned)index, equals ? equals + 1 : NULL);
}

/* virsh's words for `dominfo ""`. */
static int check_not_empty(struct binding *binding)
{
	const struct shell_command *command = binding->arguments->command;

	for (unsigned i = 0; i < option_count(command); i++) {
		const char *value = binding->arguments->value[i];

		if (command->options[i].kind == SHELL_TEXT && value && !*value)
			return refuse(binding, "Failed to get option '%s': Option argument is empty%s", command->options[i].name, "");
	}
	return OK;
}

static int check_required(struct binding *binding)
{
	const struct shell_command *command = binding->arguments->command;
	unsigned count = option_count(command);

	for (unsigned i = 0; i < count; i++) {
		const struct shell_option *option = &command->options[i];

		if (!option->required || (binding->arguments->given & BIT32(i)))
			continue;
		return refuse(binding, option->only_by_name ? "command '%s' requires --%s option"
							    : "command '%s' requires <%s> option",
			      command->name, option->name);
	}
	return OK;
}

int shell_bind(const struct shell_words *words, struct shell_arguments *arguments, char error[SHELL_PARSE_ERROR_MAX])
{
	struct binding binding = { .words = words, .arguments = arguments, .error = error };
	int code = OK;

	memset(arguments, 0, sizeof(*arguments));
	arguments->command = shell_command_find(words->word[0]);
	if (!arguments->command) {
		format(error, SHELL_PARSE_ERROR_MAX, "unknown command: '%.200s'", words->word[0]);
		return ERR_NOT_FOUND;
	}
	for (binding.at = 1; binding.at < words->count && code == OK; binding.at++)
		code = bind_word(&binding);
	if (code == OK)
		code = check_required(&binding);
	return code == OK ? check_not_empty(&binding) : code;
}

static unsigned index_of(const struct shell_arguments *arguments, const char *name)
{
	int index = shell_option_index(arguments->command, name, strlen(name));

	BUG_ON(index < 0); /* a command asks for an option that its table does not have */
	return (unsigned)index;
}

bool shell_flag(const struct shell_arguments *arguments, const char *name)
{
	return arguments->given & BIT32(index_of(arguments, name));
}

const char *shell_text(const struct shell_arguments *arguments, const char *name)
{
	return arguments->value[index_of(arguments, name)];
}

int shell_number(struct shell *shell, const struct shell_arguments *arguments, const char *name, u64 *value)
{
	const char *text = shell_text(arguments, name);

	if (!text)
		return 0;
	if (string_to_u64(text, value) == OK)
		return 1;
	return shell_error(shell, "Numeric value '%.200s' for <%s> option is malformed or out of range", text, name);
}

unsigned shell_rest_count(const struct shell_arguments *arguments)
{
	return arguments->rest_count;
}

const char *shell_rest(const struct shell_arguments *arguments, unsigned index)
{
	return index < arguments->rest_count ? arguments->rest[index] : NULL;
}

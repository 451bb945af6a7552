/* SPDX-License-Identifier: MIT */
/* LINK: hv/shell/shell.c hv/shell/line_editor.c hv/shell/line_keys.c hv/shell/history.c hv/shell/split.c hv/shell/arguments.c hv/shell/complete.c hv/shell/table.c hv/shell/help.c hv/kstrdup.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c hv/shell/test/fake_terminal.c */
/* The shell as a person sees it: typed bytes in, the screen's text out, on a fake terminal with a few commands. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/lib/test/unit.h"
#include "hv/manage/error.h"
#include "hv/shell/help.h"
#include "hv/shell/shell.h"
#include "hv/shell/table.h"
#include "hv/shell/test/fake_terminal.h"

static struct shell shell;

static int show(struct shell *s, const struct shell_arguments *arguments)
{
	u64 count = 1;
	int given = shell_number(s, arguments, "count", &count);

	if (given < 0)
		return given;
	shell_print(s, "show domain=%s all=%d count=%llu/%d\n", shell_text(arguments, "domain"),
		    shell_flag(arguments, "all"), (unsigned long long)count, given);
	return OK;
}

static int words_command(struct shell *s, const struct shell_arguments *arguments)
{
	for (unsigned i = 0; i < shell_rest_count(arguments); i++)
		shell_print(s, "[%s]", shell_rest(arguments, i));
	shell_print(s, "\n");
	return OK;
}

static int define(struct shell *s, const struct shell_arguments *arguments)
{
	char *text;

	(void)arguments;
	if (shell_read_text(s, "</domain>", 64 * KIB, &text) != OK)
		return ERR_INVALID;
	shell_print(s, "got{%s}\n", text);
	kfree(text);
	return OK;
}

static int ask(struct shell *s, const struct shell_arguments *arguments)
{
	(void)arguments;
	shell_print(s, "%s\n", shell_confirm(s, "Sure?") ? "did it" : "left it");
	return OK;
}

static int help_command(struct shell *s, const struct shell_arguments *arguments)
{
	return shell_help(s, shell_text(arguments, "command"));
}

static int failing(struct shell *s, const struct shell_arguments *arguments)
{
	struct manage_error error = { MANAGE_ERR_NO_DOMAIN, "Domain not found: no domain with matching name 'x'" };

	(void)arguments;
	return shell_fail(s, &error, "failed to get domain '%s'", "x");
}

static void offer_domains(struct shell_completions *completions)
{
	shell_complete(completions, "web");
	shell_complete(completions, "web server");
	shell_complete(completions, "mail");
}

static const struct shell_option show_options[] = {
	{ .name = "domain", .kind = SHELL_TEXT, .required = true, .complete = offer_domains, .help = "domain name" },
	{ .name = "count", .kind = SHELL_NUMBER, .help = "how many" },
	{ .name = "all", .kind = SHELL_FLAG, .letter = 'a', .help = "all of them" },
	{ 0 },
};
static const struct shell_option words_options[] = { { .name = "string", .kind = SHELL_REST, .help = "words" }, { 0 } };
static const struct shell_option help_options[] = { { .name = "command", .kind = SHELL_TEXT, .help = "print help",
						      .complete = shell_complete_help }, { 0 } };

static const struct shell_command commands[] = {
	{ .name = "show", .function = show, .options = show_options, .help = "show a thing", .group = SHELL_GROUP_HOST,
	  .description = "Shows it.\nAll of it." },
	{ .name = "shell-words", .function = words_command, .options = words_options, .help = "w", .group = SHELL_GROUP_HOST },
	{ .name = "define", .function = define, .help = "d", .group = SHELL_GROUP_DOMAIN },
	{ .name = "ask", .function = ask, .help = "a", .group = SHELL_GROUP_HOST },
	{ .name = "fail", .function = failing, .help = "f", .group = SHELL_GROUP_HOST },
	{ .name = "help", .function = help_command, .options = help_options, .help = "h", .group = SHELL_GROUP_SHELL },
	{ 0 },
};
const struct shell_command *const shell_command_tables[] = { commands, NULL };

const struct shell_command *shell_command_find(const char *name)
{
	for (const struct shell_command *command = commands; command->name; command++) {
		if (string_equal(command->name, name))
			return command;
	}
	return NULL;
}

static const char *run(const char *line)
{
	fake_terminal_reset("");
	shell_init(&shell, &fake_terminal, NULL);
	(void)shell_execute(&shell, line);
	return fake_terminal_output();
}

START_TEST(arguments)
{
	static const struct { const char *line, *output; } rows[] = {
		{ "", "" },
		{ "  # nothing", "" },
		{ "nope", "error: unknown command: 'nope'\n" },
		{ "show", "error: command 'show' requires <domain> option\n" },
		{ "show web", "show domain=web all=0 count=1/0\n\n" },
		{ "show --domain web -a", "show domain=web all=1 count=1/0\n\n" },
		{ "show --all web 0x10", "show domain=web all=1 count=16/1\n\n" },
		{ "show --count=3 web", "show domain=web all=0 count=3/1\n\n" },
		{ "show web x", "error: Numeric value 'x' for <count> option is malformed or out of range\n\n" },
		{ "show web 1 2", "error: unexpected data '2'\n" },
		{ "show --foo", "error: command 'show' doesn't support option --foo\n" },
		{ "show --all=1 x", "error: invalid '=' after option --all\n" },
		{ "show --all --all x", "error: option --all already seen\n" },
		{ "show x --count", "error: expected syntax: --count <number>\n" },
		{ "show --domain", "error: expected syntax: --domain <string>\n" },
		{ "show -- --all", "show domain=--all all=0 count=1/0\n\n" },
		{ "show web; show mail", "show domain=web all=0 count=1/0\n\nshow domain=mail all=0 count=1/0\n\n" },
		{ "show web; nope", "error: unknown command: 'nope'\n" }, /* all is checked before any is run */
		{ "shell-words a  'b c' \"d \\\" e\" f\\ g h'i'j ''", "[a][b c][d \" e][f g][hij][]\n\n" },
		{ "shell-words 'a;b' \"#\" c#d # e", "[a;b][#][c#d]\n\n" },
		{ "shell-words \"abc", "error: missing \"\n" },
		{ "shell-words 'abc", "error: missing '\n" },
		{ "shell-words abc\\", "error: dangling \\\n" },
		{ "fail", "error: failed to get domain 'x'\nerror: Domain not found: no domain with matching name 'x'\n\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_str_eq(run(rows[i].line), rows[i].output);
}
END_TEST

START_TEST(too_many_words_are_refused)
{
	char line[3000] = "shell-words";

	for (unsigned i = 0; i < 256; i++)
		string_copy(line + strlen(line), " x", 3);
	ck_assert_str_eq(run(line), "error: too many words in a command (at most 256)\n");
}
END_TEST

/* What is on the fake screen after these keys, from the first command's output on. */
static const char *typed(const char *keys)
{
	fake_terminal_reset(keys);
	shell_init(&shell, &fake_terminal, NULL);
	fake_terminal_run(&shell);
	return fake_terminal_output();
}

START_TEST(lines)
{
	ck_assert_str_eq(typed("show web\r"), "solera # show web\nshow domain=web all=0 count=1/0\n\n");
	ck_assert_str_eq(typed("sho\x1b[D\x1b[Dx\x7f\x05w web\r"),
			 "solera # show web\nshow domain=web all=0 count=1/0\n\n");
	ck_assert_str_eq(typed("show web\x03"), "solera # show web\n");
	ck_assert_str_eq(typed("\x04\x04\r"), "solera # \nsolera # \nsolera # \n");
	ck_assert_str_eq(typed("ask\ry\rask\r\rask\r\x03"),
			 "solera # ask\nSure? [y/N] y\ndid it\n\n"
			 "solera # ask\nSure? [y/N] \nleft it\n\n"
			 "solera # ask\nSure? [y/N] \nleft it\n\n");
	ck_assert_str_eq(typed("define\r<domain>\r\t<a/>\r</domain> \rshow web\r"),
			 "solera # define\n> <domain>\n>  <a/>\n> </domain> \ngot{<domain>\n\t<a/>\n</domain> \n}\n\n"
			 "solera # show web\nshow domain=web all=0 count=1/0\n\n");
	ck_assert_str_eq(typed("define\ra\r\x03"), "solera # define\n> a\n> \nerror: interrupted\n\n");
	ck_assert_str_eq(typed("define\ra\r.\r"), "solera # define\n> a\n> .\ngot{a\n}\n\n");
}
END_TEST

START_TEST(completion)
{
	ck_assert_str_eq(typed("as\t\x03"), "solera # ask \n");
	ck_assert_str_eq(typed("sh\tx\x03"), "solera # shx\n");
	ck_assert_str_eq(typed("sh\t\to\x03"), "solera # sh\nshow         shell-words  \nsolera # sho\n");
	ck_assert_str_eq(typed("show m\t--\t\x03"), "solera # show mail --\n");
	ck_assert_str_eq(typed("show m\t--c\t\x03"), "solera # show mail --count \n");
	ck_assert_str_eq(typed("show w\t\t\x03"), "solera # show web\nweb         web server  \nsolera # show web\n");
	ck_assert_str_eq(typed("show web\\ \t\x03"), "solera # show web\\ server \n");
	ck_assert_str_eq(typed("show 'web \t'\x03"), "solera # show 'web server '\n");
	ck_assert_str_eq(typed("ask; sho\t\x03"), "solera # ask; show \n");
	ck_assert_str_eq(typed("show --domain ma\t\x03"), "solera # show --domain mail \n");
	ck_assert_str_eq(typed("help de\t\x03"), "solera # help define \n");
	ck_assert_str_eq(typed("nope x\t\x03"), "solera # nope x\n");
}
END_TEST

START_TEST(long_lines)
{
	static char keys[70000];

	memset(keys, 'x', 65536);
	string_copy(keys + 65536, "\rshow web\r", sizeof(keys) - 65536);
	ck_assert_str_eq(typed(keys), "solera # \nerror: line longer than 8191 bytes: not run\n"
				      "solera # show web\nshow domain=web all=0 count=1/0\n\n");
}
END_TEST

START_TEST(help_pages)
{
	ck_assert_str_eq(run("help show"), "  NAME\n    show - show a thing\n\n"
					   "  SYNOPSIS\n    show <domain> [--count <number>] [--all]\n\n"
					   "  DESCRIPTION\n    Shows it.\n    All of it.\n\n"
					   "  OPTIONS\n    [--domain] <string>  domain name\n"
					   "    --count <number>  how many\n    -a | --all       all of them\n\n\n");
	ck_assert_str_eq(run("help shell"), " Shell itself (help keyword 'shell'):\n"
					    "    help                           h\n\n\n");
	ck_assert_str_eq(run("help network"), "error: command or command group 'network' doesn't exist\n\n");
	ck_assert(strstr(run("help"), "Grouped commands:\n\n Domain Management (help keyword 'domain'):\n"));
}
END_TEST

START_TEST(tables)
{
	struct shell_table table;

	fake_terminal_reset("");
	shell_init(&shell, &fake_terminal, NULL);
	shell_table_begin(&table, 3, "Id", "Name", "State");
	shell_table_end(&table, &shell);
	shell_table_begin(&table, 3, "Id", "Name", "State");
	shell_table_row(&table, "1", "test", "running");
	shell_table_row(&table, "-", "\xc3\xa1rbol", "shut off");
	shell_table_end(&table, &shell);
	ck_assert_str_eq(fake_terminal_output(), " Id   Name   State\n--------------------\n"
						 " Id   Name    State\n------------------------\n"
						 " 1    test    running\n -    \xc3\xa1rbol   shut off\n");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("shell");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, arguments);
	tcase_add_test(tests, too_many_words_are_refused);
	tcase_add_test(tests, lines);
	tcase_add_test(tests, completion);
	tcase_add_test(tests, long_lines);
	tcase_add_test(tests, help_pages);
	tcase_add_test(tests, tables);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* The fake terminal: see the header. Finished rows and output are gathered; a row still in the making is not. */
#include <assert.h>
#include <setjmp.h>
#include <string.h>
#include "hv/shell/test/fake_terminal.h"

static const char *keys_left;
static char output[1 << 16];
static size_t used;
static struct line_row last_row;
static bool row_shown;
static jmp_buf keys_used_up;

static void put(void *context, const char *bytes, size_t count)
{
	(void)context;
	assert(!row_shown); /* output never runs into the row that is edited */
	assert(used + count < sizeof(output));
	memcpy(output + used, bytes, count);
	used += count;
	output[used] = '\0';
}

static size_t read_keys(void *context, char *bytes, size_t max, u64 timeout_ns)
{
	size_t count = strlen(keys_left);

	(void)context;
	if (count == 0) {
		if (timeout_ns == SHELL_FOREVER)
			longjmp(keys_used_up, 1);
		return 0;
	}
	count = count < max ? count : max;
	memcpy(bytes, keys_left, count);
	keys_left += count;
	return count;
}

static bool wait_interrupt(void *context, u64 timeout_ns)
{
	(void)context;
	(void)timeout_ns;
	return false;
}

static void set_row(void *context, const struct line_row *row)
{
	if (row) {
		last_row = *row;
		row_shown = true;
		return;
	}
	assert(row_shown);
	row_shown = false;
	if (last_row.bytes) {
		put(context, last_row.text, last_row.bytes);
		put(context, "\n", 1);
	}
}

static void nothing(void *context)
{
	(void)context;
}

static void hold_log(void *context, bool hold)
{
	(void)context;
	(void)hold;
}

static unsigned columns(void *context)
{
	(void)context;
	return 40;
}

const struct shell_terminal fake_terminal = {
	.write = put,
	.write_raw = put,
	.read = read_keys,
	.wait_interrupt = wait_interrupt,
	.set_row = set_row,
	.clear = nothing,
	.hold_log = hold_log,
	.wake = nothing,
	.columns = columns,
};

void fake_terminal_reset(const char *keys)
{
	keys_left = keys;
	used = 0;
	output[0] = '\0';
	row_shown = false;
}

void fake_terminal_run(struct shell *shell)
{
	if (setjmp(keys_used_up) == 0)
		shell_run(shell);
}

const char *fake_terminal_output(void)
{
	return output;
}

/* SPDX-License-Identifier: MIT */
/* LINK: drivers/terminal.c drivers/terminal_escape.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* What a guest prints may be anything: the grid's invariants hold. The first two bytes choose the screen's size. */
#include <assert.h>
#include "drivers/terminal.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct terminal terminal;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < 2)
		return 0;
	terminal_init(&terminal, data[0] % 16, data[1] % 8);
	for (size_t i = 2; i < size; i++) {
		terminal_write(&terminal, (const char *)data + i, 1);
		if (data[i] == 0x02)
			terminal_look(&terminal, (int)i);
		assert(terminal.pen.row < terminal.rows && terminal.pen.column < terminal.columns);
		assert(terminal.region_first <= terminal.region_last && terminal.region_last < terminal.rows);
		assert(terminal.past <= TERMINAL_LINES - terminal.rows && terminal.look_back <= terminal.past);
		assert(terminal.top < TERMINAL_LINES);
	}
	return 0;
}

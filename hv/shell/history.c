/* SPDX-License-Identifier: MIT */
/* Command history in a fixed piece of memory: see history.h. Pure. */
#include "hv/lib/string.h"
#include "hv/shell/history.h"

void line_history_init(struct line_history *history)
{
	history->used = 0;
	history->count = 0;
	history->first_number = 1;
}

const char *line_history_get(const struct line_history *history, unsigned age)
{
	const char *line = history->bytes;

	if (age == 0 || age > history->count)
		return NULL;
	for (unsigned i = history->count; i > age; i--)
		line += strlen(line) + 1;
	return line;
}

static void drop_oldest(struct line_history *history)
{
	size_t size = strlen(history->bytes) + 1;

	memmove(history->bytes, history->bytes + size, history->used - size);
	history->used -= size;
	history->count--;
	history->first_number++;
}

void line_history_add(struct line_history *history, const char *line)
{
	size_t size = strlen(line) + 1;
	const char *newest = line_history_get(history, 1);

	if (size == 1 || size > LINE_HISTORY_BYTES / 4 || (newest && string_equal(newest, line)))
		return;
	while (history->used + size > LINE_HISTORY_BYTES)
		drop_oldest(history);
	memcpy(history->bytes + history->used, line, size);
	history->used += size;
	history->count++;
}

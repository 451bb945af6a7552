/* SPDX-License-Identifier: MIT */
/* Columns of text in virsh's layout: see table.h. Widths are in terminal columns, so names in UTF-8 line up. */
#include <stdarg.h>
#include "hv/kmalloc.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/shell/command.h"
#include "hv/shell/table.h"

static bool reserve(struct shell_table *table, size_t more)
{
	size_t capacity = MAX(table->capacity_bytes, (size_t)512);
	char *larger;

	while (capacity < table->size_bytes + more)
		capacity *= 2;
	if (capacity == table->capacity_bytes)
		return true;
	larger = krealloc(table->cells, capacity);
	if (!larger)
		return false;
	table->cells = larger;
	table->capacity_bytes = capacity;
	return true;
}

static void add_row(struct shell_table *table, va_list cells)
{
	for (unsigned i = 0; i < table->columns; i++) {
		const char *cell = va_arg(cells, const char *);
		size_t size = strlen(cell) + 1;

		if (table->no_memory || !reserve(table, size)) {
			table->no_memory = true;
			return;
		}
		memcpy(table->cells + table->size_bytes, cell, size);
		table->size_bytes += size;
		table->width[i] = MAX(table->width[i], (unsigned)utf8_text_columns(cell, size - 1));
	}
	table->rows++;
}

void shell_table_begin(struct shell_table *table, unsigned columns, ...)
{
	va_list headers;

	BUG_ON(columns == 0 || columns > SHELL_TABLE_COLUMNS_MAX);
	*table = (struct shell_table){ .columns = columns };
	va_start(headers, columns);
	add_row(table, headers);
	va_end(headers);
}

void shell_table_row(struct shell_table *table, ...)
{
	va_list cells;

	va_start(cells, table);
	add_row(table, cells);
	va_end(cells);
}

static void print_dashes(const struct shell_table *table, struct shell *shell)
{
	for (unsigned i = 0; i < table->columns; i++) {
		for (unsigned n = 0; n < table->width[i] + 3; n++)
			shell_write(shell, "-", 1);
	}
	shell_print(shell, "\n");
}

static const char *print_row(const struct shell_table *table, struct shell *shell, const char *cell)
{
	for (unsigned i = 0; i < table->columns; i++) {
		size_t length = strlen(cell), columns = utf8_text_columns(cell, length);

		shell_print(shell, " %s", cell);
		if (i + 1 < table->columns)
			shell_print(shell, "%*s", (int)(table->width[i] - columns + 2), "");
		cell += length + 1;
	}
	shell_print(shell, "\n");
	return cell;
}

void shell_table_end(struct shell_table *table, struct shell *shell)
{
	const char *cell = table->cells;

	if (table->no_memory) {
		shell_error(shell, "out of memory");
	} else {
		for (unsigned row = 0; row < table->rows; row++) {
			cell = print_row(table, shell, cell);
			if (row == 0)
				print_dashes(table, shell);
		}
	}
	kfree(table->cells);
	table->cells = NULL;
}

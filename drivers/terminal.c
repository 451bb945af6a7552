/* SPDX-License-Identifier: MIT */
/*
 * The terminal emulator's grid: characters, cursor, scrolling, the view of the past. Escape sequences are understood in
 * terminal_escape.c. Pure.
 */
#include "drivers/terminal_internal.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"

static struct terminal_cell *line_at(struct terminal *terminal, unsigned row)
{
	return terminal->lines[(terminal->top + row) % TERMINAL_LINES];
}

static struct terminal_cell blank(const struct terminal *terminal)
{
	return (struct terminal_cell){ ' ', (u8)(terminal->pen.colours & 0xf0) | (TERMINAL_COLOURS_DEFAULT & 0x0f), 0 };
}

void terminal_erase(struct terminal *terminal, unsigned row, unsigned from, unsigned to)
{
	struct terminal_cell *line = line_at(terminal, row), empty = blank(terminal);

	for (unsigned column = from; column < to && column < terminal->columns; column++)
		line[column] = empty;
}

void terminal_reset(struct terminal *terminal)
{
	terminal->pen = (struct terminal_pen){ .colours = TERMINAL_COLOURS_DEFAULT };
	terminal->saved = terminal->pen;
	terminal->wrap_pending = terminal->application_keys = terminal->insert = false;
	terminal->autowrap = terminal->cursor_visible = true;
	terminal->charset_drawing[0] = terminal->charset_drawing[1] = false;
	terminal->charset = 0;
	terminal->region_first = 0;
	terminal->region_last = terminal->rows - 1;
	terminal->look_back = 0;
	for (unsigned row = 0; row < terminal->rows; row++)
		terminal_erase(terminal, row, 0, terminal->columns);
}

void terminal_init(struct terminal *terminal, unsigned columns, unsigned rows)
{
	void (*reply)(void *context, const char *bytes, size_t count) = terminal->reply;
	void *context = terminal->context;

	memset(terminal, 0, sizeof(*terminal));
	terminal->reply = reply;
	terminal->context = context;
	terminal->columns = MIN(MAX(columns, 1u), (unsigned)TERMINAL_COLUMNS_MAX);
	terminal->rows = MIN(MAX(rows, 1u), (unsigned)TERMINAL_ROWS_MAX);
	terminal_reset(terminal);
}

static void copy_line(struct terminal *terminal, unsigned to, unsigned from)
{
	memcpy(line_at(terminal, to), line_at(terminal, from), sizeof(struct terminal_cell) * terminal->columns);
}

void terminal_scroll_up(struct terminal *terminal, unsigned first, unsigned last, unsigned count)
{
	count = MIN(count, last - first + 1);
	if (first == 0 && last == terminal->rows - 1) {
		terminal->top = (terminal->top + count) % TERMINAL_LINES;
		terminal->past = MIN(terminal->past + count, TERMINAL_LINES - terminal->rows);
		if (terminal->look_back) /* a person who looks at the past keeps seeing the same rows */
			terminal->look_back = MIN(terminal->look_back + count, terminal->past);
	} else {
		for (unsigned row = first; row + count <= last; row++)
			copy_line(terminal, row, row + count);
	}
	for (unsigned row = last + 1 - count; row <= last; row++)
		terminal_erase(terminal, row, 0, terminal->columns);
}

void terminal_scroll_down(struct terminal *terminal, unsigned first, unsigned last, unsigned count)
{
	count = MIN(count, last - first + 1);
	for (unsigned row = last; row >= first + count; row--)
		copy_line(terminal, row, row - count);
	for (unsigned row = first; row < first + count; row++)
		terminal_erase(terminal, row, 0, terminal->columns);
}

void terminal_line_feed(struct terminal *terminal)
{
	if (terminal->pen.row == terminal->region_last)
		terminal_scroll_up(terminal, terminal->region_first, terminal->region_last, 1);
	else if (terminal->pen.row < terminal->rows - 1)
		terminal->pen.row++;
	terminal->wrap_pending = false;
}

void terminal_reverse_line_feed(struct terminal *terminal)
{
	if (terminal->pen.row == terminal->region_first)
		terminal_scroll_down(terminal, terminal->region_first, terminal->region_last, 1);
	else if (terminal->pen.row > 0)
		terminal->pen.row--;
	terminal->wrap_pending = false;
}

void terminal_move(struct terminal *terminal, unsigned row, unsigned column)
{
	terminal->pen.row = MIN(row, terminal->rows - 1);
	terminal->pen.column = MIN(column, terminal->columns - 1);
	terminal->wrap_pending = false;
}

void terminal_insert_cells(struct terminal *terminal, unsigned count)
{
	struct terminal_cell *line = line_at(terminal, terminal->pen.row);
	unsigned column = terminal->pen.column;

	count = MIN(count, terminal->columns - column);
	memmove(line + column + count, line + column, sizeof(*line) * (terminal->columns - column - count));
	terminal_erase(terminal, terminal->pen.row, column, column + count);
}

void terminal_delete_cells(struct terminal *terminal, unsigned count)
{
	struct terminal_cell *line = line_at(terminal, terminal->pen.row);
	unsigned column = terminal->pen.column;

	count = MIN(count, terminal->columns - column);
	memmove(line + column, line + column + count, sizeof(*line) * (terminal->columns - column - count));
	terminal_erase(terminal, terminal->pen.row, terminal->columns - count, terminal->columns);
}

/* The VT100's special graphics, from '`' to '~'. */
static u16 drawing_character(u32 character)
{
	static const u16 table[] = {
		0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b, 0x2518, 0x2510, 0x250c,
		0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502, 0x2264,
		0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
	};

	return character >= '`' && character <= '~' ? table[character - '`'] : (u16)character;
}

void terminal_put(struct terminal *terminal, u32 character)
{
	unsigned width = utf8_columns(character);
	struct terminal_pen *pen = &terminal->pen;
	struct terminal_cell *line;

	if (width == 0) /* a mark: the font has none that could be laid over */
		return;
	if (terminal->autowrap && (terminal->wrap_pending || pen->column + width > terminal->columns)) {
		pen->column = 0;
		terminal_line_feed(terminal);
	}
	if (pen->column + width > terminal->columns)
		pen->column = terminal->columns >= width ? terminal->columns - width : 0;
	if (terminal->insert)
		terminal_insert_cells(terminal, width);
	if (terminal->charset_drawing[terminal->charset])
		character = drawing_character(character);
	line = line_at(terminal, pen->row);
	line[pen->column] = (struct terminal_cell){ character > 0xffff ? 0xfffd : (u16)character, pen->colours, pen->flags };
	if (width == 2 && pen->column + 1 < terminal->columns)
		line[pen->column + 1] = (struct terminal_cell){ ' ', pen->colours, pen->flags | CELL_WIDE_RIGHT };
	pen->column += width;
	terminal->wrap_pending = pen->column >= terminal->columns;
	if (terminal->wrap_pending)
		pen->column = terminal->columns - 1;
}

struct terminal_cell terminal_cell_at(const struct terminal *terminal, unsigned row, unsigned column)
{
	return terminal->lines[(terminal->top + TERMINAL_LINES - terminal->look_back + row) % TERMINAL_LINES][column];
}

bool terminal_cursor(const struct terminal *terminal, unsigned *row, unsigned *column)
{
	*row = terminal->pen.row + terminal->look_back;
	*column = terminal->pen.column;
	return terminal->cursor_visible && *row < terminal->rows;
}

void terminal_look(struct terminal *terminal, int rows)
{
	int place = (int)terminal->look_back + rows;

	terminal->look_back = place < 0 ? 0 : MIN((unsigned)place, terminal->past);
}

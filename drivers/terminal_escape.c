/* SPDX-License-Identifier: MIT */
/*
 * The terminal emulator's parser: UTF-8, control characters, escape sequences. Pure. All numbers from a sequence are cut
 * to the screen by terminal.c or here; an unknown sequence is skipped as a whole.
 */
#include "drivers/terminal_internal.h"
#include "hv/lib/format.h"
#include "hv/lib/utf8.h"

#define PARAMETER_MAX 9999
#define STRING_BYTES_MAX 4096

/* A CSI's parameter; one that is missing or 0 is the given default. */
static unsigned parameter(const struct terminal *terminal, unsigned index, unsigned otherwise)
{
	unsigned value = index < terminal->parameter_count ? terminal->parameters[index] : 0;

	return value ? value : otherwise;
}

static void tab(struct terminal *terminal)
{
	terminal_move(terminal, terminal->pen.row, (terminal->pen.column & ~7u) + 8);
}

static void control(struct terminal *terminal, u8 byte)
{
	switch (byte) {
	case '\b':
		terminal_move(terminal, terminal->pen.row, terminal->pen.column ? terminal->pen.column - 1 : 0);
		break;
	case '\t':
		tab(terminal);
		break;
	case '\n':
	case '\v':
	case '\f':
		terminal_line_feed(terminal);
		break;
	case '\r':
		terminal_move(terminal, terminal->pen.row, 0);
		break;
	case 0x0e:
		terminal->charset = 1;
		break;
	case 0x0f:
		terminal->charset = 0;
		break;
	case 0x18: /* CAN and SUB break a sequence off */
	case 0x1a:
		terminal->state = TERMINAL_GROUND;
		break;
	case 0x1b:
		terminal->state = TERMINAL_ESCAPE;
		break;
	}
}

static void erase_display(struct terminal *terminal, unsigned how)
{
	unsigned row = terminal->pen.row, column = terminal->pen.column;

	if (how > 3)
		return;
	if (how == 3) {
		terminal->past = terminal->look_back = 0;
		return;
	}
	if (how == 0)
		terminal_erase(terminal, row, column, terminal->columns);
	if (how == 1)
		terminal_erase(terminal, row, 0, column + 1);
	for (unsigned r = how == 0 ? row + 1 : 0; r < (how == 1 ? row : terminal->rows); r++)
		terminal_erase(terminal, r, 0, terminal->columns);
}

static void erase_line(struct terminal *terminal, unsigned how)
{
	unsigned column = terminal->pen.column;

	if (how <= 2)
		terminal_erase(terminal, terminal->pen.row, how == 0 ? column : 0,
			       how == 1 ? column + 1 : terminal->columns);
}

/* The nearest of the 16 colours to one of xterm's 256. */
static u8 colour_of_256(unsigned index)
{
	unsigned red, green, blue, bright;

	if (index < 16)
		return (u8)index;
	if (index >= 232)
		return index < 238 ? 0 : index < 244 ? 8 : index < 250 ? 7 : 15;
	index = (index - 16) % 216;
	red = index / 36;
	green = index / 6 % 6;
	blue = index % 6;
	bright = red > 3 || green > 3 || blue > 3 ? 8 : 0;
	return (u8)((red > 1) | (green > 1) << 1 | (blue > 1) << 2 | bright);
}

/* 38;5;n and 38;2;r;g;b (48 likewise); returns how many parameters belong to it. */
static unsigned extended_colour(struct terminal *terminal, unsigned at, bool background)
{
	unsigned kind = parameter(terminal, at + 1, 0);
	u8 colour;

	if (kind == 5) {
		colour = colour_of_256(parameter(terminal, at + 2, 0) & 0xff);
	} else if (kind == 2) {
		unsigned red = parameter(terminal, at + 2, 0), green = parameter(terminal, at + 3, 0);
		unsigned blue = parameter(terminal, at + 4, 0);

		colour = (u8)((red > 85) | (green > 85) << 1 | (blue > 85) << 2 |
			      (red > 190 || green > 190 || blue > 190 ? 8 : 0));
	} else {
		return 1;
	}
	terminal->pen.colours = background ? (u8)((terminal->pen.colours & 0x0f) | colour << 4)
					   : (u8)((terminal->pen.colours & 0xf0) | colour);
	return kind == 5 ? 3 : 5;
}

static void set_attribute(struct terminal *terminal, unsigned value)
{
	struct terminal_pen *pen = &terminal->pen;

	if (value == 0) {
		pen->colours = TERMINAL_COLOURS_DEFAULT;
		pen->flags = 0;
	} else if (value == 1) {
		pen->flags |= CELL_BOLD;
	} else if (value == 4) {
		pen->flags |= CELL_UNDERLINE;
	} else if (value == 7) {
		pen->flags |= CELL_INVERSE;
	} else if (value == 21 || value == 22) {
		pen->flags &= (u8)~CELL_BOLD;
	} else if (value == 24) {
		pen->flags &= (u8)~CELL_UNDERLINE;
	} else if (value == 27) {
		pen->flags &= (u8)~CELL_INVERSE;
	} else if (value >= 30 && value <= 37) {
		pen->colours = (u8)((pen->colours & 0xf0) | (value - 30));
	} else if (value == 39) {
		pen->colours = (u8)((pen->colours & 0xf0) | (TERMINAL_COLOURS_DEFAULT & 0x0f));
	} else if (value >= 40 && value <= 47) {
		pen->colours = (u8)((pen->colours & 0x0f) | (value - 40) << 4);
	} else if (value == 49) {
		pen->colours &= 0x0f;
	} else if (value >= 90 && value <= 97) {
		pen->colours = (u8)((pen->colours & 0xf0) | (value - 90 + 8));
	} else if (value >= 100 && value <= 107) {
		pen->colours = (u8)((pen->colours & 0x0f) | (value - 100 + 8) << 4);
	}
}

static void set_attributes(struct terminal *terminal)
{
	unsigned count = MAX(terminal->parameter_count, 1u);

	for (unsigned i = 0; i < count;) {
		unsigned value = parameter(terminal, i, 0);

		if (value == 38 || value == 48) {
			i += extended_colour(terminal, i, value == 48);
			continue;
		}
		set_attribute(terminal, value);
		i++;
	}
}

static void set_mode(struct terminal *terminal, bool on)
{
	for (unsigned i = 0; i < terminal->parameter_count; i++) {
		unsigned value = terminal->parameters[i];

		if (!terminal->private_csi) {
			if (value == 4)
				terminal->insert = on;
			continue;
		}
		switch (value) {
		case 1:
			terminal->application_keys = on;
			break;
		case 7:
			terminal->autowrap = on;
			break;
		case 25:
			terminal->cursor_visible = on;
			break;
		case 47: /* the second screen: there is one only; a program that leaves it gets an empty one back */
		case 1047:
		case 1049:
			terminal->pen.flags = 0;
			terminal->pen.colours = TERMINAL_COLOURS_DEFAULT;
			erase_display(terminal, 2);
			terminal_move(terminal, 0, 0);
			break;
		}
	}
}

static void report(struct terminal *terminal)
{
	char answer[32];
	size_t length;

	if (!terminal->reply)
		return;
	if (parameter(terminal, 0, 0) == 5)
		length = format(answer, sizeof(answer), "\x1b[0n");
	else if (parameter(terminal, 0, 0) == 6)
		length = format(answer, sizeof(answer), "\x1b[%u;%uR", terminal->pen.row + 1, terminal->pen.column + 1);
	else
		return;
	terminal->reply(terminal->context, answer, length);
}

static void set_region(struct terminal *terminal)
{
	unsigned first = parameter(terminal, 0, 1) - 1, last = parameter(terminal, 1, terminal->rows) - 1;

	last = MIN(last, terminal->rows - 1);
	if (first >= last)
		return;
	terminal->region_first = first;
	terminal->region_last = last;
	terminal_move(terminal, 0, 0);
}

static void insert_or_delete_lines(struct terminal *terminal, bool insert)
{
	unsigned row = terminal->pen.row, count = parameter(terminal, 0, 1);

	if (row < terminal->region_first || row > terminal->region_last)
		return;
	if (insert)
		terminal_scroll_down(terminal, row, terminal->region_last, count);
	else
		terminal_scroll_up(terminal, row, terminal->region_last, count);
}

static unsigned less(unsigned value, unsigned by)
{
	return value > by ? value - by : 0;
}

static void csi_move(struct terminal *terminal, u8 final)
{
	unsigned row = terminal->pen.row, column = terminal->pen.column, count = parameter(terminal, 0, 1);

	switch (final) {
	case 'A':
		terminal_move(terminal, less(row, count), column);
		break;
	case 'B':
	case 'e':
		terminal_move(terminal, row + count, column);
		break;
	case 'C':
	case 'a':
		terminal_move(terminal, row, column + count);
		break;
	case 'D':
		terminal_move(terminal, row, less(column, count));
		break;
	case 'E':
		terminal_move(terminal, row + count, 0);
		break;
	case 'F':
		terminal_move(terminal, less(row, count), 0);
		break;
	case 'G':
	case '`':
		terminal_move(terminal, row, count - 1);
		break;
	case 'd':
		terminal_move(terminal, count - 1, column);
		break;
	case 'H':
	case 'f':
		terminal_move(terminal, count - 1, parameter(terminal, 1, 1) - 1);
		break;
	}
}

static void csi(struct terminal *terminal, u8 final)
{
	unsigned count = parameter(terminal, 0, 1);

	switch (final) {
	case 'J':
		erase_display(terminal, parameter(terminal, 0, 0));
		break;
	case 'K':
		erase_line(terminal, parameter(terminal, 0, 0));
		break;
	case 'L':
	case 'M':
		insert_or_delete_lines(terminal, final == 'L');
		break;
	case '@':
		terminal_insert_cells(terminal, count);
		break;
	case 'P':
		terminal_delete_cells(terminal, count);
		break;
	case 'X':
		terminal_erase(terminal, terminal->pen.row, terminal->pen.column, terminal->pen.column + count);
		break;
	case 'S':
		terminal_scroll_up(terminal, terminal->region_first, terminal->region_last, count);
		break;
	case 'T':
		terminal_scroll_down(terminal, terminal->region_first, terminal->region_last, count);
		break;
	case 'm':
		set_attributes(terminal);
		break;
	case 'h':
	case 'l':
		set_mode(terminal, final == 'h');
		break;
	case 'n':
		report(terminal);
		break;
	case 'r':
		set_region(terminal);
		break;
	case 's':
		terminal->saved = terminal->pen;
		break;
	case 'u':
		terminal->pen = terminal->saved;
		terminal->wrap_pending = false;
		break;
	default:
		csi_move(terminal, final);
		break;
	}
}

static void csi_byte(struct terminal *terminal, u8 byte)
{
	if (byte >= '0' && byte <= '9') {
		u16 *value;

		if (terminal->parameter_count == 0)
			terminal->parameter_count = 1;
		value = &terminal->parameters[terminal->parameter_count - 1];
		*value = (u16)MIN(*value * 10u + (byte - '0'), (unsigned)PARAMETER_MAX);
	} else if (byte == ';' || byte == ':') {
		if (terminal->parameter_count == 0)
			terminal->parameter_count = 1;
		if (terminal->parameter_count < TERMINAL_PARAMETERS_MAX)
			terminal->parameters[terminal->parameter_count++] = 0;
		else
			terminal->bad_csi = true;
	} else if (byte == '?') {
		terminal->private_csi = true;
	} else if (byte < 0x40) {
		terminal->bad_csi = true; /* other kinds of sequences: skipped */
	} else {
		terminal->state = TERMINAL_GROUND;
		if (!terminal->bad_csi && (!terminal->private_csi || byte == 'h' || byte == 'l'))
			csi(terminal, byte);
	}
}

static void begin_csi(struct terminal *terminal)
{
	terminal->state = TERMINAL_CSI;
	terminal->private_csi = terminal->bad_csi = false;
	terminal->parameter_count = 0;
	terminal->parameters[0] = 0;
}

static void escape_byte(struct terminal *terminal, u8 byte)
{
	terminal->state = TERMINAL_GROUND;
	switch (byte) {
	case '[':
		begin_csi(terminal);
		break;
	case ']':
	case 'P':
	case '^':
	case '_':
	case 'X':
		terminal->state = TERMINAL_STRING;
		terminal->string_bytes = 0;
		break;
	case '(':
	case ')':
		terminal->state = TERMINAL_CHARSET;
		terminal->charset_slot = byte == ')';
		break;
	case '7':
		terminal->saved = terminal->pen;
		break;
	case '8':
		terminal->pen = terminal->saved;
		terminal->wrap_pending = false;
		break;
	case 'D':
		terminal_line_feed(terminal);
		break;
	case 'E':
		terminal_line_feed(terminal);
		terminal_move(terminal, terminal->pen.row, 0);
		break;
	case 'M':
		terminal_reverse_line_feed(terminal);
		break;
	case 'c':
		terminal_reset(terminal);
		break;
	}
}

/* Puts UTF-8 together; what is malformed shows as U+FFFD once. */
static void text_byte(struct terminal *terminal, u8 byte)
{
	unsigned length;

	if (terminal->partial_left && (byte & 0xc0) == 0x80) {
		terminal->partial = terminal->partial << 6 | (byte & 0x3f);
		if (--terminal->partial_left)
			return;
		if (terminal->partial < terminal->partial_least || terminal->partial > 0x10ffff ||
		    (terminal->partial >= 0xd800 && terminal->partial <= 0xdfff))
			terminal->partial = 0xfffd;
		if (terminal->partial >= 0xa0)
			terminal_put(terminal, terminal->partial);
		return;
	}
	if (terminal->partial_left)
		terminal_put(terminal, 0xfffd);
	terminal->partial_left = 0;
	length = utf8_sequence_length(byte);
	if (length == 0) {
		terminal_put(terminal, 0xfffd);
	} else if (length == 1) {
		terminal_put(terminal, byte);
	} else {
		terminal->partial = byte & (0x7fu >> length);
		terminal->partial_left = length - 1;
		terminal->partial_least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
	}
}

static void one_byte(struct terminal *terminal, u8 byte)
{
	if (terminal->state == TERMINAL_STRING) { /* a title and the like: up to BEL, ESC \ or what cannot be part of it */
		if (byte == 0x1b)
			terminal->state = TERMINAL_ESCAPE;
		else if (byte == 0x07 || byte == '\n' || ++terminal->string_bytes > STRING_BYTES_MAX)
			terminal->state = TERMINAL_GROUND;
		return;
	}
	if (byte < 0x20) {
		terminal->partial_left = 0;
		control(terminal, byte);
		return;
	}
	switch (terminal->state) {
	case TERMINAL_GROUND:
		if (byte != 0x7f)
			text_byte(terminal, byte);
		break;
	case TERMINAL_ESCAPE:
		escape_byte(terminal, byte);
		break;
	case TERMINAL_CSI:
		csi_byte(terminal, byte);
		break;
	case TERMINAL_CHARSET:
		terminal->charset_drawing[terminal->charset_slot] = byte == '0';
		terminal->state = TERMINAL_GROUND;
		break;
	case TERMINAL_STRING:
		break;
	}
}

void terminal_write(struct terminal *terminal, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		one_byte(terminal, (u8)bytes[i]);
}

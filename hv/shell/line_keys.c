/* SPDX-License-Identifier: MIT */
/*
 * The line editor's keys: UTF-8 and escape sequences are put together here, byte by byte, and each key calls one
 * function of line_editor.c.
 *
 * A sequence may be cut off anywhere by noise: an end of line, Ctrl-C or ESC always ends it, so that no garbage can
 * swallow what a person types next. Sequences: ECMA-48, "Control functions in ASCII"; paste marks and keys as xterm
 * sends them ("XTerm Control Sequences").
 */
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"
#include "hv/shell/line_edit.h"

#define CONTROL(c) ((c) & 0x1f)
#define KEY_ESCAPE 0x1b
#define KEY_DELETE_BACK 0x7f
#define ESCAPE_BYTES_MAX 4096 /* a string sequence longer than this is no sequence */

static void insert_or_overflow(struct line_editor *editor, const char *bytes, size_t count)
{
	if (!editor->too_long && !line_editor_insert(editor, bytes, count))
		editor->too_long = true;
}

static void insert_character(struct line_editor *editor, const char *bytes, unsigned count)
{
	u32 character;

	/* The second control set would be commands to the terminal when it is echoed. */
	if (utf8_decode(bytes, count, &character) != count || character < 0x20 || (character >= 0x7f && character < 0xa0))
		return;
	insert_or_overflow(editor, bytes, count);
}

static enum line_event end_of_line(struct line_editor *editor)
{
	editor->cursor = editor->length;
	if (!editor->too_long)
		return LINE_DONE;
	editor->length = editor->cursor = editor->view = 0;
	editor->text[0] = '\0';
	return LINE_TOO_LONG;
}

static enum line_event control_d(struct line_editor *editor)
{
	if (editor->length == 0)
		return LINE_END;
	line_edit_delete(editor, editor->cursor, utf8_next(editor->text, editor->length, editor->cursor));
	return LINE_NONE;
}

static void backspace(struct line_editor *editor)
{
	line_edit_delete(editor, utf8_previous(editor->text, editor->cursor), editor->cursor);
}

static enum line_event tab(struct line_editor *editor)
{
	if (!editor->literal_tabs && !editor->pasting)
		return LINE_COMPLETE;
	insert_or_overflow(editor, "\t", 1);
	return LINE_NONE;
}

static enum line_event control_key(struct line_editor *editor, u8 byte)
{
	bool after_return = editor->after_return;

	editor->after_return = byte == '\r';
	switch (byte) {
	case '\r':
		return end_of_line(editor);
	case '\n':
		return after_return ? LINE_NONE : end_of_line(editor);
	case '\t':
		return tab(editor);
	case KEY_ESCAPE:
		editor->escape = LINE_ESCAPE;
		editor->escape_bytes = 0;
		break;
	case CONTROL('A'):
		editor->cursor = 0;
		break;
	case CONTROL('B'):
		editor->cursor = utf8_previous(editor->text, editor->cursor);
		break;
	case CONTROL('C'):
		editor->pasting = false; /* also out of a paste whose end mark got lost */
		return LINE_INTERRUPT;
	case CONTROL('D'):
		return control_d(editor);
	case CONTROL('E'):
		editor->cursor = editor->length;
		break;
	case CONTROL('F'):
		editor->cursor = utf8_next(editor->text, editor->length, editor->cursor);
		break;
	case CONTROL('H'):
	case KEY_DELETE_BACK:
		backspace(editor);
		break;
	case CONTROL('K'):
		line_edit_delete(editor, editor->cursor, editor->length);
		break;
	case CONTROL('L'):
		return LINE_CLEAR;
	case CONTROL('N'):
		line_edit_newer(editor);
		break;
	case CONTROL('P'):
		line_edit_older(editor);
		break;
	case CONTROL('U'):
		line_edit_delete(editor, 0, editor->cursor);
		break;
	case CONTROL('W'):
		line_edit_delete(editor, line_edit_blank_left(editor), editor->cursor);
		break;
	}
	return LINE_NONE;
}

/* The CSI's first parameter, 0: none or too long to be one of ours. */
static unsigned first_parameter(const struct line_editor *editor)
{
	unsigned value = 0;

	for (unsigned i = 0; i < editor->parameter_count; i++) {
		char c = editor->parameters[i];

		if (c < '0' || c > '9')
			break;
		value = value * 10 + (unsigned)(c - '0');
		if (value > 999)
			return 0;
	}
	return value;
}

/* The keys that xterm sends as ESC [ number ~. */
static void numbered_key(struct line_editor *editor)
{
	switch (first_parameter(editor)) {
	case 1:
	case 7:
		editor->cursor = 0;
		break;
	case 4:
	case 8:
		editor->cursor = editor->length;
		break;
	case 3:
		line_edit_delete(editor, editor->cursor, utf8_next(editor->text, editor->length, editor->cursor));
		break;
	case 200:
		editor->pasting = true;
		break;
	case 201:
		editor->pasting = false;
		break;
	}
}

static void cursor_key(struct line_editor *editor, u8 final)
{
	/* "1;5" and "1;3": with Ctrl or Alt, by words */
	bool by_word = editor->parameter_count == 3 && (editor->parameters[2] == '5' || editor->parameters[2] == '3');

	switch (final) {
	case 'A':
		line_edit_older(editor);
		break;
	case 'B':
		line_edit_newer(editor);
		break;
	case 'C':
		editor->cursor = by_word ? line_edit_word_right(editor)
					 : utf8_next(editor->text, editor->length, editor->cursor);
		break;
	case 'D':
		editor->cursor = by_word ? line_edit_word_left(editor) : utf8_previous(editor->text, editor->cursor);
		break;
	case 'H':
		editor->cursor = 0;
		break;
	case 'F':
		editor->cursor = editor->length;
		break;
	case '~':
		numbered_key(editor);
		break;
	}
}

static void alt_key(struct line_editor *editor, u8 byte)
{
	switch (byte) {
	case 'b':
		editor->cursor = line_edit_word_left(editor);
		break;
	case 'f':
		editor->cursor = line_edit_word_right(editor);
		break;
	case 'd':
		line_edit_delete(editor, editor->cursor, line_edit_word_right(editor));
		break;
	case KEY_DELETE_BACK:
		line_edit_delete(editor, line_edit_word_left(editor), editor->cursor);
		break;
	}
}

static enum line_escape after_escape(struct line_editor *editor, u8 byte)
{
	editor->parameter_count = 0;
	switch (byte) {
	case '[':
		return LINE_CSI;
	case 'O':
		return LINE_SS3;
	case ']':
	case 'P':
	case '^':
	case '_':
	case 'X':
		return LINE_STRING;
	}
	alt_key(editor, byte);
	return LINE_GROUND;
}

static enum line_escape in_csi(struct line_editor *editor, u8 byte)
{
	if (byte == '[' && editor->parameter_count == 0)
		return LINE_CSI_LINUX;
	if (byte >= 0x20 && byte < 0x40) {
		if (editor->parameter_count < sizeof(editor->parameters))
			editor->parameters[editor->parameter_count++] = (char)byte;
		return LINE_CSI;
	}
	if (byte >= 0x40 && byte < 0x7f)
		cursor_key(editor, byte);
	return LINE_GROUND;
}

static void escape_byte(struct line_editor *editor, u8 byte)
{
	if (++editor->escape_bytes > ESCAPE_BYTES_MAX) {
		editor->escape = LINE_GROUND;
		return;
	}
	switch (editor->escape) {
	case LINE_ESCAPE:
		editor->escape = after_escape(editor, byte);
		break;
	case LINE_CSI:
		editor->escape = in_csi(editor, byte);
		break;
	case LINE_SS3:
		cursor_key(editor, byte);
		editor->escape = LINE_GROUND;
		break;
	case LINE_CSI_LINUX:
		editor->escape = LINE_GROUND;
		break;
	case LINE_STRING: /* its end, BEL or ESC \, is a control character: see line_editor_feed */
	case LINE_GROUND:
		break;
	}
}

/* A byte above 0x7f: puts a UTF-8 sequence together; what does not belong to one is dropped. */
static void utf8_byte(struct line_editor *editor, u8 byte)
{
	if (!editor->partial_count) {
		editor->partial_length = utf8_sequence_length(byte);
		if (!editor->partial_length)
			return;
	} else if ((byte & 0xc0) != 0x80) { /* the last one was cut off; this byte begins anew */
		editor->partial_count = 0;
		utf8_byte(editor, byte);
		return;
	}
	editor->partial[editor->partial_count++] = (char)byte;
	if (editor->partial_count == editor->partial_length) {
		editor->partial_count = 0;
		insert_character(editor, editor->partial, editor->partial_length);
	}
}

enum line_event line_editor_feed(struct line_editor *editor, u8 byte)
{
	char c = (char)byte;

	if (byte < 0x20 || byte == KEY_DELETE_BACK) {
		bool alt_delete = editor->escape == LINE_ESCAPE && byte == KEY_DELETE_BACK;

		editor->escape = LINE_GROUND;
		editor->partial_count = 0;
		if (alt_delete) {
			alt_key(editor, byte);
			return LINE_NONE;
		}
		return control_key(editor, byte);
	}
	editor->after_return = false;
	if (editor->escape != LINE_GROUND)
		escape_byte(editor, byte);
	else if (byte >= 0x80)
		utf8_byte(editor, byte);
	else {
		editor->partial_count = 0;
		insert_or_overflow(editor, &c, 1);
	}
	return LINE_NONE;
}

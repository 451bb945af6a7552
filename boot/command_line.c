/* SPDX-License-Identifier: MIT */
/* Cleaning of \solera\cmdline.txt: people write it with any editor, so anything may stand in it. */
#include "boot/command_line.h"
#include "boot/text.h"

struct line {
	char *to;
	size_t length;
	size_t word;   /* where the word being written starts */
	bool blank;    /* a space is due before the next character */
};

static bool put(struct line *line, const uint8_t *bytes, size_t count)
{
	size_t i;

	if (line->length + (line->blank && line->length) + count + 1 > COMMAND_LINE_MAX) {
		/* Half a word would mean something else: drop it, with the blank before it. */
		if (!line->blank)
			line->length = line->word ? line->word - 1 : 0;
		return false;
	}
	if (line->blank && line->length)
		line->to[line->length++] = ' ';
	if (line->blank)
		line->word = line->length;
	line->blank = false;
	for (i = 0; i < count; i++)
		line->to[line->length++] = (char)bytes[i];
	return true;
}

unsigned int command_line_clean(const uint8_t *from, size_t size, char *to)
{
	struct line line = { .to = to, .blank = true };
	unsigned int faults = COMMAND_LINE_CLEAN;
	bool line_start = true, remark = false;
	size_t i = 0, length;

	to[0] = 0;
	if (size >= 2 && ((from[0] == 0xff && from[1] == 0xfe) || (from[0] == 0xfe && from[1] == 0xff)))
		return COMMAND_LINE_UTF16;
	if (size >= 3 && from[0] == 0xef && from[1] == 0xbb && from[2] == 0xbf)
		i = 3;
	for (; i < size; i += length) {
		uint8_t c = from[i];

		length = utf8_sequence(from + i, size - i);
		if (c == '\n' || c == '\r') {
			line_start = line.blank = true;
			remark = false;
			continue;
		}
		if (remark)
			length = length ? length : 1;
		else if (c == ' ' || c == '\t')
			line.blank = true;
		else if (line_start && c == '#')
			remark = true;
		else if (length == 0 || c < 0x20 || c == 0x7f) {
			faults |= COMMAND_LINE_NOT_TEXT;
			length = 1;
		} else {
			line_start = false;
			if (!put(&line, from + i, length)) {
				faults |= COMMAND_LINE_TOO_LONG;
				break;
			}
		}
	}
	to[line.length] = 0;
	return faults;
}

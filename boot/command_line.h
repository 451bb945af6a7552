/* SPDX-License-Identifier: MIT */
/* Turns the bytes of a command-line file into one clean line. Pure. */
#ifndef BOOT_COMMAND_LINE_H
#define BOOT_COMMAND_LINE_H

#include <stddef.h>
#include <stdint.h>

#define COMMAND_LINE_MAX 4096 /* with its NUL */

/* What was wrong with the file; several bits may be set. */
enum command_line_fault {
	COMMAND_LINE_CLEAN = 0,
	COMMAND_LINE_NOT_TEXT = 1, /* bytes that are no UTF-8 text were dropped */
	COMMAND_LINE_TOO_LONG = 2, /* cut after the last whole word that fits */
	COMMAND_LINE_UTF16 = 4,    /* an editor saved it as UTF-16: nothing was taken */
};

/*
 * Joins lines and runs of blanks by single spaces; drops a byte-order mark, control characters and malformed UTF-8.
 * A line that starts with # is a remark. to has COMMAND_LINE_MAX bytes. Returns a set of enum command_line_fault.
 */
unsigned int command_line_clean(const uint8_t *from, size_t size, char *to);

#endif

/* SPDX-License-Identifier: MIT */
/* Options on the command line: words, "name" or "name=value". Pure. */
#include "hv/boot_record.h"
#include "hv/lib/string.h"

bool boot_option_in(const char *line, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	while (*line) {
		size_t word = 0;

		while (*line == ' ')
			line++;
		while (line[word] && line[word] != ' ')
			word++;
		if (word >= length && strncmp(line, name, length) == 0 && (word == length || line[length] == '=')) {
			if (value && size) {
				size_t n = word > length ? MIN(word - length - 1, size - 1) : 0;

				memcpy(value, line + length + 1, n);
				value[n] = 0;
			}
			return true;
		}
		line += word;
	}
	return false;
}

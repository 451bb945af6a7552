/* SPDX-License-Identifier: MIT */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"

char *kstrdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = kmalloc(size);

	return copy ? memcpy(copy, s, size) : NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * The files that came with the boot: what stood in \solera\ on the ESP, or GRUB's modules. Filled once by hv/main.c
 * before the first thread; read by anyone afterwards. A file's bytes stay where they are until power-off.
 */
#ifndef HV_MODULES_H
#define HV_MODULES_H

#include "hv/lib/types.h"

struct module {
	const char *name; /* without folder */
	const void *data; /* page aligned, the tail of the last page is zero */
	size_t size_bytes;
};

/* ERR_EXISTS: there is one of that name (letter case apart: FAT has none); ERR_NO_MEMORY. The name is copied. */
MUST_CHECK int module_add(const char *name, const void *data, size_t size_bytes);
const struct module *module_find(const char *name); /* NULL: none; letter case does not count */
const struct module *module_at(size_t index);       /* in order of arrival; NULL: no more */

#endif

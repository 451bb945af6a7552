/* SPDX-License-Identifier: MIT */
/* expat's <stdlib.h> in the image: memory comes from the parser's own suite (xml_tree.c), there is no environment. */
#ifndef HV_MANAGE_EXPAT_LIBC_STDLIB_H
#define HV_MANAGE_EXPAT_LIBC_STDLIB_H
#include <stddef.h>
#include "hv/kmalloc.h"
#define malloc kmalloc
#define realloc krealloc
#define free kfree
#define getenv(name) ((char *)NULL)
#define strtoul(text, end, base) (*(end) = (char *)(text), 0ul) /* reached only behind getenv */
#endif

/* SPDX-License-Identifier: MIT */
/* <stdlib.h> of libzstd in the image: contexts that it would allocate by itself are never asked for. */
#ifndef HV_BLOCK_COMPRESSION_LIBC_STDLIB_H
#define HV_BLOCK_COMPRESSION_LIBC_STDLIB_H
#include <stddef.h>
#include "hv/kmalloc.h"
#define malloc kmalloc
#define calloc(count, size) kzalloc((count) * (size))
#define free kfree
#endif

/* SPDX-License-Identifier: MIT */
/* The slab allocator behind kmalloc (hv/kmalloc.c): small objects in pages of one size class; large ones are pages. */
#ifndef HV_SLAB_H
#define HV_SLAB_H

#include "hv/lib/types.h"

void slab_init(void);
void *slab_alloc(size_t size);           /* NULL: no memory */
void slab_free(void *object);
size_t slab_size(const void *object);    /* usable bytes */
u64 slab_objects(void);                  /* live objects: balance checks */

#endif

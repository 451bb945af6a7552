/* SPDX-License-Identifier: MIT */
/*
 * Small objects (slab caches by size class, up to 64 KiB; beyond that whole pages). Any context but the fast exit path
 * and NMIs. The hosted tests map these onto malloc, so that the sanitizers see every object.
 */
#ifndef HV_KMALLOC_H
#define HV_KMALLOC_H

#include "hv/lib/types.h"

#if __STDC_HOSTED__
#include <stdlib.h>
static inline void *kmalloc(size_t size) { return malloc(size ? size : 1); }
static inline void *kzalloc(size_t size) { return calloc(1, size ? size : 1); }
static inline void *krealloc(void *old, size_t size) { return realloc(old, size ? size : 1); }
static inline void kfree(void *object) { free(object); }
#else
void *kmalloc(size_t size);  /* NULL: no memory; aligned to 16, or to the size where it is a power of two */
void *kzalloc(size_t size);  /* zeroed */
void *krealloc(void *old, size_t size);
void kfree(void *object);    /* NULL is fine */
#endif
char *kstrdup(const char *s); /* hv/kstrdup.c */

#endif

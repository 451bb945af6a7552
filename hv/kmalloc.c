/* SPDX-License-Identifier: MIT */
/* kmalloc and its relatives: names and zeroing on top of hv/slab.c. */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/slab.h"

void *kmalloc(size_t size)
{
	return slab_alloc(size);
}

void *kzalloc(size_t size)
{
	void *object = slab_alloc(size);

	return object ? memset(object, 0, size) : NULL;
}

void *krealloc(void *old, size_t size)
{
	size_t have = old ? slab_size(old) : 0;
	void *object;

	if (old && size <= have && size > have / 4)
		return old;
	object = slab_alloc(size);
	if (!object)
		return NULL;
	if (old) {
		memcpy(object, old, MIN(have, size));
		slab_free(old);
	}
	return object;
}

void kfree(void *object)
{
	if (object)
		slab_free(object);
}

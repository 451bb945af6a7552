/* SPDX-License-Identifier: MIT */
/* Memory that a host device reads and writes: rings, tables, bounce pages. Whole pages, zeroed, physically contiguous. */
#ifndef HV_DMA_H
#define HV_DMA_H

#include "hv/pages.h"

static inline unsigned dma_order(u64 size_bytes)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size_bytes)
		order++;
	return order;
}

/* NULL: no memory. *address is what the device is told. below_4g: for devices with 32-bit addresses. Thread context. */
static inline void *dma_alloc(u64 size_bytes, bool below_4g, hpa_t *address)
{
	*address = pages_alloc(dma_order(size_bytes), PAGE_OWNER_DMA, PAGES_ZERO | (below_4g ? PAGES_BELOW_4G : 0));
	return address->value ? direct_map(*address) : NULL;
}

static inline void dma_free(void *memory, u64 size_bytes)
{
	if (memory)
		pages_free(direct_unmap(memory), dma_order(size_bytes));
}

#endif

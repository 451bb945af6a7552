/* SPDX-License-Identifier: MIT */
/*
 * The only way to guest memory. Every address and length that comes here is hostile: checked, overflow-safe, per machine.
 *
 * gmem_read and gmem_write copy (and may sleep to populate a page); the _nofault forms are for the fast exit path and
 * fail with ERR_AGAIN where the page is not there yet. gmem_pin gives physical segments for DMA.
 */
#ifndef HV_GMEM_H
#define HV_GMEM_H

#include "hv/lib/types.h"

struct vm;

enum gmem_access { GMEM_READ = 1, GMEM_WRITE = 2 };

/* ERR_FAULT: some part is not RAM of this machine (nothing was copied then). Thread context. */
MUST_CHECK int gmem_read(struct vm *vm, gpa_t address, void *to, size_t size_bytes);
MUST_CHECK int gmem_write(struct vm *vm, gpa_t address, const void *from, size_t size_bytes);
MUST_CHECK int gmem_zero(struct vm *vm, gpa_t address, size_t size_bytes);
/* Within one page; ERR_AGAIN: take the slow level and try again. Any context. */
MUST_CHECK int gmem_read_nofault(struct vm *vm, gpa_t address, void *to, size_t size_bytes);
MUST_CHECK int gmem_write_nofault(struct vm *vm, gpa_t address, const void *from, size_t size_bytes);

/* Within one page, aligned, 4 or 8 bytes: ERR_BUSY when it is not `old`; else as the _nofault forms. For page-table bits. */
MUST_CHECK int gmem_compare_exchange(struct vm *vm, gpa_t address, unsigned size_bytes, u64 old, u64 new);

struct gmem_segment { hpa_t address; u64 size_bytes; };
/*
 * Pins [address, address + size) and describes it in at most max segments; returns their count or ERR_FAULT / ERR_FULL.
 * A pinned page is never given back; unpin after a write marks it dirty.
 */
MUST_CHECK int gmem_pin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access, struct gmem_segment *segments,
			unsigned max);
void gmem_unpin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access);

/* The machine's nested page table, for the backend's entry. */
hpa_t gmem_nested_root(struct vm *vm);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Bytes that grow: tables under construction. Lack of memory is remembered (failed), so that builders need one check at
 * their end; a failed blob takes no more bytes. Numbers are little-endian. Pure.
 */
#ifndef HV_DEV_BLOB_H
#define HV_DEV_BLOB_H

#include "hv/lib/types.h"

#define BLOB_MAX_BYTES ((u32)(1 * MIB))

struct blob {
	u8 *data; /* kmalloc */
	u32 size_bytes, capacity_bytes;
	bool failed;
};

void blob_init(struct blob *blob);
void blob_release(struct blob *blob);
void blob_append(struct blob *blob, const void *bytes, u32 size_bytes);
void blob_append_zeros(struct blob *blob, u32 size_bytes);
void blob_append_number(struct blob *blob, u64 value, unsigned size_bytes);
void blob_align(struct blob *blob, u32 align);
/* Overwrites at offset what is already there; outside of the blob: nothing (it has failed). */
void blob_set_number(struct blob *blob, u32 offset, u64 value, unsigned size_bytes);
/* Makes room at offset, moving what follows. */
void blob_insert(struct blob *blob, u32 offset, const void *bytes, u32 size_bytes);

#endif

/* SPDX-License-Identifier: MIT */
/* Growing bytes for table builders; see blob.h. */
#include "hv/dev/blob.h"
#include "hv/kmalloc.h"
#include "hv/lib/string.h"

void blob_init(struct blob *blob)
{
	*blob = (struct blob){ 0 };
}

void blob_release(struct blob *blob)
{
	kfree(blob->data);
	blob_init(blob);
}

static bool room(struct blob *blob, u32 size_bytes)
{
	u32 capacity = blob->capacity_bytes ? blob->capacity_bytes : 512;
	u8 *data;

	if (blob->failed || size_bytes > BLOB_MAX_BYTES - blob->size_bytes) {
		blob->failed = true;
		return false;
	}
	if (size_bytes <= blob->capacity_bytes - blob->size_bytes)
		return true;
	while (capacity < blob->size_bytes + size_bytes)
		capacity *= 2;
	data = krealloc(blob->data, capacity);
	if (!data) {
		blob->failed = true;
		return false;
	}
	blob->data = data;
	blob->capacity_bytes = capacity;
	return true;
}

void blob_append(struct blob *blob, const void *bytes, u32 size_bytes)
{
	if (!size_bytes || !room(blob, size_bytes))
		return;
	memcpy(blob->data + blob->size_bytes, bytes, size_bytes);
	blob->size_bytes += size_bytes;
}

void blob_append_zeros(struct blob *blob, u32 size_bytes)
{
	if (!size_bytes || !room(blob, size_bytes))
		return;
	memset(blob->data + blob->size_bytes, 0, size_bytes);
	blob->size_bytes += size_bytes;
}

void blob_append_number(struct blob *blob, u64 value, unsigned size_bytes)
{
	u8 bytes[8];

	for (unsigned i = 0; i < size_bytes; i++)
		bytes[i] = (u8)(value >> (8 * i));
	blob_append(blob, bytes, size_bytes);
}

void blob_align(struct blob *blob, u32 align)
{
	blob_append_zeros(blob, ALIGN_UP(blob->size_bytes, align) - blob->size_bytes);
}

void blob_set_number(struct blob *blob, u32 offset, u64 value, unsigned size_bytes)
{
	if (blob->failed || offset > blob->size_bytes || size_bytes > blob->size_bytes - offset) {
		blob->failed = true;
		return;
	}
	for (unsigned i = 0; i < size_bytes; i++)
		blob->data[offset + i] = (u8)(value >> (8 * i));
}

void blob_insert(struct blob *blob, u32 offset, const void *bytes, u32 size_bytes)
{
	u32 tail;

	if (!size_bytes || offset > blob->size_bytes || !room(blob, size_bytes))
		return;
	tail = blob->size_bytes - offset;
	memmove(blob->data + offset + size_bytes, blob->data + offset, tail);
	memcpy(blob->data + offset, bytes, size_bytes);
	blob->size_bytes += size_bytes;
}

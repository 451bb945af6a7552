/* SPDX-License-Identifier: MIT */
/*
 * A qcow2 image's tables in memory: a bounded number of slices, the longest unused given up first.
 *
 * All four kinds of tables live here, L1 and refcount table too, so a hostile image cannot make it larger. A slice that is not yet
 * written is never given up: the tables are committed before. Next to read: qcow2_commit.c.
 */
#include "hv/block/qcow2_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"

static const char *const kind_names[] = { "refcount block", "refcount table", "L2 table", "L1 table" };

int qcow2_cache_init(struct qcow2 *image)
{
	image->slice_bytes = (u32)MIN(image->cluster_bytes, (u64)QCOW2_SLICE_MAX);
	image->slices = kzalloc(QCOW2_SLICES * sizeof(*image->slices));
	list_init(&image->ages);
	for (u32 i = 0; i < QCOW2_BUCKETS; i++)
		list_init(&image->buckets[i]);
	if (!image->slices)
		return ERR_NO_MEMORY;
	for (u32 i = 0; i < QCOW2_SLICES; i++) {
		image->slices[i].offset = QCOW2_NOWHERE;
		list_init(&image->slices[i].bucket);
		list_push_back(&image->ages, &image->slices[i].age);
	}
	return OK;
}

void qcow2_cache_release(struct qcow2 *image)
{
	for (u32 i = 0; image->slices && i < QCOW2_SLICES; i++)
		kfree(image->slices[i].bytes);
	kfree(image->slices);
}

static struct list_node *bucket_of(struct qcow2 *image, u64 offset)
{
	return &image->buckets[offset / image->slice_bytes % QCOW2_BUCKETS];
}

/* [lock], or the worker, who alone changes the buckets */
static struct qcow2_slice *find(struct qcow2 *image, u64 offset)
{
	LIST_FOR_EACH(node, bucket_of(image, offset)) {
		struct qcow2_slice *slice = LIST_ENTRY(node, struct qcow2_slice, bucket);

		if (slice->offset == offset)
			return slice;
	}
	return NULL;
}

bool qcow2_peek(struct qcow2 *image, u64 at, u64 *value)
{
	struct qcow2_slice *slice = find(image, ALIGN_DOWN(at, (u64)image->slice_bytes));

	if (!slice)
		return false;
	*value = qcow2_get64(slice->bytes + (at & (image->slice_bytes - 1)));
	return true;
}

static void take_out(struct qcow2 *image, struct qcow2_slice *slice)
{
	u64 flags = lock_irqsave(&image->lock);

	list_remove(&slice->bucket);
	slice->offset = QCOW2_NOWHERE;
	unlock_irqrestore(&image->lock, flags);
}

static int write_slice(struct qcow2 *image, struct qcow2_slice *slice)
{
	int code = qcow2_write_below(image, slice->offset, slice->bytes, image->slice_bytes);
	u64 flags;

	if (code)
		return code;
	flags = lock_irqsave(&image->lock);
	slice->dirty = false;
	image->dirty[slice->kind]--;
	unlock_irqrestore(&image->lock, flags);
	return OK;
}

int qcow2_write_slices(struct qcow2 *image, enum qcow2_kind kind)
{
	int code = OK;

	for (u32 i = 0; i < QCOW2_SLICES && image->dirty[kind] && code == OK; i++)
		if (image->slices[i].dirty && image->slices[i].kind == kind)
			code = write_slice(image, &image->slices[i]);
	return code;
}

/*
 * The longest unused slice, empty. Refcounts may be written at any time: what they count is not used yet, or was unlinked
 * durably before they were lowered. Other tables have an order.
 */
static int recycle(struct qcow2 *image, struct qcow2_slice **out)
{
	struct qcow2_slice *slice = LIST_ENTRY(image->ages.next, struct qcow2_slice, age);
	int code = OK;

	if (slice->dirty)
		code = slice->kind == QCOW2_REFCOUNTS ? write_slice(image, slice) : qcow2_commit_tables(image);
	if (code)
		return code;
	if (!slice->bytes)
		slice->bytes = kmalloc(image->slice_bytes);
	if (!slice->bytes)
		return ERR_NO_MEMORY;
	take_out(image, slice);
	*out = slice;
	return OK;
}

static int load(struct qcow2 *image, enum qcow2_kind kind, u64 offset, struct qcow2_slice **out)
{
	struct qcow2_slice *slice;
	int code = recycle(image, &slice);
	u64 flags;

	if (code == OK)
		code = qcow2_read_below(image, offset, slice->bytes, image->slice_bytes);
	if (code)
		return code;
	flags = lock_irqsave(&image->lock);
	slice->offset = offset;
	slice->kind = (u8)kind;
	slice->dirty = false;
	list_push_back(bucket_of(image, offset), &slice->bucket);
	unlock_irqrestore(&image->lock, flags);
	*out = slice;
	return OK;
}

int qcow2_slice(struct qcow2 *image, enum qcow2_kind kind, u64 at, struct qcow2_slice **out)
{
	u64 offset = ALIGN_DOWN(at, (u64)image->slice_bytes), flags;
	struct qcow2_slice *slice = find(image, offset);
	int code = OK;

	if (!slice)
		code = load(image, kind, offset, &slice);
	if (code)
		return code;
	if (slice->kind != kind)
		return qcow2_contradiction(image, "byte %llu is said to be in a %s and in a %s", (unsigned long long)at, kind_names[kind],
					   kind_names[slice->kind]);
	flags = lock_irqsave(&image->lock);
	list_remove(&slice->age);
	list_push_back(&image->ages, &slice->age);
	unlock_irqrestore(&image->lock, flags);
	*out = slice;
	return OK;
}

void qcow2_slice_changed(struct qcow2 *image, struct qcow2_slice *slice)
{
	if (!slice->dirty)
		image->dirty[slice->kind]++;
	slice->dirty = true;
}

int qcow2_word(struct qcow2 *image, enum qcow2_kind kind, u64 at, u64 *value)
{
	struct qcow2_slice *slice;
	int code = qcow2_slice(image, kind, at, &slice);

	if (code == OK)
		*value = qcow2_get64(slice->bytes + (at & (image->slice_bytes - 1)));
	return code;
}

int qcow2_set_word(struct qcow2 *image, enum qcow2_kind kind, u64 at, u64 value)
{
	struct qcow2_slice *slice;
	int code = qcow2_slice(image, kind, at, &slice);
	u64 flags;

	if (code)
		return code;
	flags = lock_irqsave(&image->lock);
	qcow2_put64(slice->bytes + (at & (image->slice_bytes - 1)), value);
	qcow2_slice_changed(image, slice);
	unlock_irqrestore(&image->lock, flags);
	return OK;
}

void qcow2_forget(struct qcow2 *image, u64 offset, u64 size_bytes)
{
	for (u32 i = 0; i < QCOW2_SLICES; i++) {
		struct qcow2_slice *slice = &image->slices[i];

		if (slice->offset != QCOW2_NOWHERE && slice->offset - offset < size_bytes && !slice->dirty)
			take_out(image, slice);
	}
}

static bool overlap(u64 offset, u64 size_bytes, u64 other, u64 other_bytes)
{
	return offset < other + other_bytes && other < offset + size_bytes;
}

bool qcow2_is_metadata(const struct qcow2 *image, u64 offset, u64 size_bytes)
{
	const struct qcow2_header *header = &image->header;

	return offset < image->cluster_bytes || overlap(offset, size_bytes, header->l1_offset, (u64)header->l1_size * 8) ||
	       overlap(offset, size_bytes, header->refcount_table_offset, header->refcount_table_clusters * image->cluster_bytes);
}

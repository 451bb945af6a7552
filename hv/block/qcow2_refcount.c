/* SPDX-License-Identifier: MIT */
/*
 * Which clusters of a qcow2 image are in use: refcounts, looked up, raised and lowered. The worker.
 *
 * A cluster that no block counts yet is free. The first allocation in a block's range makes the block, in the first free cluster of that
 * range, so that it counts itself. Next to read: qcow2_refcount_grow.c.
 */
#include "hv/block/qcow2_internal.h"
#include "hv/lib/error.h"

static u64 clusters_per_block(const struct qcow2 *image)
{
	return image->cluster_bytes * 8 >> image->header.refcount_order;
}

static u64 table_entries(const struct qcow2 *image)
{
	return image->header.refcount_table_clusters * image->cluster_bytes / 8;
}

static u64 table_word(const struct qcow2 *image, u64 cluster)
{
	return image->header.refcount_table_offset + cluster / clusters_per_block(image) * 8;
}

/* Where the block stands that counts cluster; 0: there is none. */
static int find_block(struct qcow2 *image, u64 cluster, u64 *block)
{
	int code;

	*block = 0;
	if (cluster / clusters_per_block(image) >= table_entries(image))
		return OK;
	code = qcow2_word(image, QCOW2_REFCOUNT_TABLE, table_word(image, cluster), block);
	if (code)
		return code;
	*block &= QCOW2_REFCOUNT_OFFSET_MASK;
	if (*block & (image->cluster_bytes - 1) || (*block && (*block >= image->file.size_bytes ||
							      qcow2_is_metadata(image, *block, image->cluster_bytes))))
		return qcow2_contradiction(image, "refcount table entry %llu (at byte %llu) points at byte %llu",
					   (unsigned long long)(cluster / clusters_per_block(image)),
					   (unsigned long long)table_word(image, cluster), (unsigned long long)*block);
	return OK;
}

/* The slice of a block that counts cluster, and where in it. */
static int find_count(struct qcow2 *image, u64 block, u64 cluster, struct qcow2_slice **slice, u64 *index)
{
	u64 per_slice = (u64)image->slice_bytes * 8 >> image->header.refcount_order, in_block = cluster % clusters_per_block(image);

	*index = in_block % per_slice;
	return qcow2_slice(image, QCOW2_REFCOUNTS, block + in_block / per_slice * image->slice_bytes, slice);
}

int qcow2_refcount(struct qcow2 *image, u64 cluster, u64 *count)
{
	struct qcow2_slice *slice;
	u64 block, index;
	int code = find_block(image, cluster, &block);

	*count = 0;
	if (code || !block)
		return code;
	code = find_count(image, block, cluster, &slice, &index);
	if (code == OK)
		*count = qcow2_refcount_unpack(slice->bytes, image->header.refcount_order, index);
	return code;
}

static int set_refcount(struct qcow2 *image, u64 cluster, u64 count)
{
	struct qcow2_slice *slice;
	u64 block, index, flags;
	int code = find_block(image, cluster, &block);

	if (code == OK)
		code = find_count(image, block, cluster, &slice, &index);
	if (code)
		return code;
	flags = lock_irqsave(&image->lock);
	qcow2_refcount_pack(slice->bytes, image->header.refcount_order, index, count);
	qcow2_slice_changed(image, slice);
	unlock_irqrestore(&image->lock, flags);
	return OK;
}

int qcow2_uncount(struct qcow2 *image, u64 offset, u64 clusters)
{
	u64 first = offset >> image->cluster_bits, count;
	int code = OK;

	for (u64 i = 0; i < clusters && code == OK; i++) {
		code = qcow2_refcount(image, first + i, &count);
		if (code == OK && !count)
			code = qcow2_contradiction(image, "the cluster at byte %llu was in use and is counted as free",
						   (unsigned long long)((first + i) << image->cluster_bits));
		if (code == OK)
			code = set_refcount(image, first + i, count - 1);
	}
	image->free_hint = MIN(image->free_hint, first);
	image->full = false;
	return code;
}

/* How far clusters can be had: a file that can grow has no end but the table's. */
static u64 cluster_limit(const struct qcow2 *image)
{
	return image->file.resize ? BIT64(55) >> image->cluster_bits : image->file.size_bytes >> image->cluster_bits;
}

static int find_free(struct qcow2 *image, u64 *cluster)
{
	u64 limit = cluster_limit(image), count;

	for (u64 i = MAX(image->free_hint, 1ull); i < limit; i++) {
		int code = qcow2_refcount(image, i, &count);

		if (code)
			return code;
		if (count)
			continue;
		if (qcow2_is_metadata(image, i << image->cluster_bits, image->cluster_bytes))
			return qcow2_contradiction(image, "the table in the cluster at byte %llu is counted as free",
						   (unsigned long long)(i << image->cluster_bits));
		image->free_hint = i;
		*cluster = i;
		return OK;
	}
	image->free_hint = limit;
	image->full = true;
	return ERR_FULL;
}

/* A block for cluster's range, in cluster itself. It is zero on the medium before the table points at it. */
static int make_block(struct qcow2 *image, u64 cluster)
{
	u64 offset = cluster << image->cluster_bits;
	int code = qcow2_make_room(image, offset + image->cluster_bytes);

	code = code ? code : qcow2_zero_below(image, offset, image->cluster_bytes);
	qcow2_forget(image, offset, image->cluster_bytes);
	code = code ? code : qcow2_set_word(image, QCOW2_REFCOUNT_TABLE, table_word(image, cluster), offset);
	return code ? code : set_refcount(image, cluster, 1);
}

/* Clusters behind the first, up to want, that are free, counted by the same block, and in the file (or it can be made so long). */
static int extend(struct qcow2 *image, u64 first, u64 want, u64 *got)
{
	u64 limit = MIN(cluster_limit(image), ALIGN_DOWN(first, clusters_per_block(image)) + clusters_per_block(image)), count;
	int code;

	for (*got = 1; *got < want && first + *got < limit; ++*got) {
		code = qcow2_refcount(image, first + *got, &count);
		if (code)
			return code;
		if (count || qcow2_is_metadata(image, (first + *got) << image->cluster_bits, image->cluster_bytes))
			break;
	}
	code = qcow2_make_room(image, (first + *got) << image->cluster_bits);
	if (code == ERR_FULL && *got > 1) {
		*got = 1;
		code = qcow2_make_room(image, (first + 1) << image->cluster_bits);
	}
	return code;
}

int qcow2_allocate(struct qcow2 *image, u64 want, u64 *offset, u64 *got)
{
	u64 cluster = 0, block;
	int code;

	if (image->full)
		return ERR_FULL;
	for (;;) {
		code = find_free(image, &cluster);
		if (code)
			return code;
		if (cluster / clusters_per_block(image) >= table_entries(image)) {
			code = qcow2_grow_refcount_table(image, cluster);
			if (code)
				return code;
			continue;
		}
		code = find_block(image, cluster, &block);
		if (code)
			return code;
		if (block)
			break;
		code = make_block(image, cluster);
		if (code)
			return code;
	}
	code = extend(image, cluster, want, got);
	for (u64 i = 0; i < *got && code == OK; i++)
		code = set_refcount(image, cluster + i, 1);
	if (code)
		return code;
	image->free_hint = cluster + *got;
	if (image->used_end < image->free_hint << image->cluster_bits)
		WRITE_ONCE(image->used_end, image->free_hint << image->cluster_bits);
	*offset = cluster << image->cluster_bits;
	return OK;
}

void qcow2_find_used_end(struct qcow2 *image)
{
	u64 per_block = clusters_per_block(image), count = 0, block = 0;

	for (u64 entry = table_entries(image); entry-- && !image->used_end;) {
		u64 first = entry * per_block;

		if (find_block(image, first, &block) != OK)
			return;
		for (u64 i = per_block; block && !image->used_end && i--;) {
			if (qcow2_refcount(image, first + i, &count) != OK)
				return;
			if (count)
				image->used_end = (first + i + 1) << image->cluster_bits;
		}
	}
}

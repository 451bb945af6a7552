/* SPDX-License-Identifier: MIT */
/*
 * A longer refcount table, and a longer file. The worker.
 *
 * The new table stands behind all that the old one can count, together with the blocks that count it and themselves; nothing refers
 * to any of it until one sector, the header's, is written. Before that everything else is committed, so the copy is exact; afterwards the
 * old table's clusters are free.
 */
#include "hv/block/qcow2_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

struct plan {
	u64 base;           /* the first cluster that the old table cannot count */
	u64 blocks, table;  /* clusters */
	u64 per_block;
};

static struct plan make_plan(const struct qcow2 *image)
{
	struct plan plan = { .per_block = image->cluster_bytes * 8 >> image->header.refcount_order, .blocks = 1 };
	u64 old_entries = image->header.refcount_table_clusters * image->cluster_bytes / 8;

	plan.base = old_entries * plan.per_block;
	for (;;) {
		u64 entries = old_entries + old_entries / 2 + plan.blocks;

		plan.table = DIV_ROUND_UP(entries * 8, image->cluster_bytes);
		if (plan.blocks * plan.per_block >= plan.blocks + plan.table)
			return plan;
		plan.blocks++;
	}
}

/* The blocks count themselves and the table; what is behind these is free. */
static int write_blocks(struct qcow2 *image, const struct plan *plan, u8 *cluster)
{
	for (u64 i = 0; i < plan->blocks; i++) {
		int code;

		memset(cluster, 0, image->cluster_bytes);
		for (u64 k = 0; k < plan->per_block && i * plan->per_block + k < plan->blocks + plan->table; k++)
			qcow2_refcount_pack(cluster, image->header.refcount_order, k, 1);
		code = qcow2_write_below(image, (plan->base + i) << image->cluster_bits, cluster, image->cluster_bytes);
		if (code)
			return code;
	}
	return OK;
}

static int write_table(struct qcow2 *image, const struct plan *plan, u8 *cluster)
{
	u64 old_entries = image->header.refcount_table_clusters * image->cluster_bytes / 8, per_cluster = image->cluster_bytes / 8;

	for (u64 i = 0; i < plan->table; i++) {
		int code = OK;

		memset(cluster, 0, image->cluster_bytes);
		if (i < image->header.refcount_table_clusters)
			code = qcow2_read_below(image, image->header.refcount_table_offset + (i << image->cluster_bits), cluster,
						image->cluster_bytes);
		for (u64 k = 0; k < plan->blocks; k++)
			if ((old_entries + k) / per_cluster == i)
				qcow2_put64(cluster + (old_entries + k) % per_cluster * 8, (plan->base + k) << image->cluster_bits);
		code = code ? code : qcow2_write_below(image, (plan->base + plan->blocks + i) << image->cluster_bits, cluster,
						       image->cluster_bytes);
		if (code)
			return code;
	}
	return OK;
}

static int switch_table(struct qcow2 *image, const struct plan *plan, u8 *cluster)
{
	u64 sector = image->device.limits.logical_block_bytes, offset = (plan->base + plan->blocks) << image->cluster_bits;
	u32 clusters = __builtin_bswap32((u32)plan->table);
	int code = qcow2_read_below(image, 0, cluster, sector);

	if (code)
		return code;
	qcow2_put64(cluster + QCOW2_AT_REFCOUNT_TABLE, offset);
	memcpy(cluster + QCOW2_AT_REFCOUNT_TABLE + 8, &clusters, sizeof(clusters));
	code = qcow2_write_below(image, 0, cluster, sector);
	return code ? code : block_flush(image->below);
}

int qcow2_grow_refcount_table(struct qcow2 *image, u64 cluster)
{
	struct plan plan = make_plan(image);
	u64 old = image->header.refcount_table_offset, old_clusters = image->header.refcount_table_clusters, flags;
	u8 *buffer;
	int code;

	if (cluster < plan.base || plan.table * image->cluster_bytes > QCOW2_REFCOUNT_TABLE_BYTES_MAX)
		return ERR_FULL;
	code = qcow2_make_room(image, (plan.base + plan.blocks + plan.table) << image->cluster_bits);
	code = code ? code : qcow2_commit_tables(image);
	if (code)
		return code;
	buffer = kmalloc(image->cluster_bytes);
	if (!buffer)
		return ERR_NO_MEMORY;
	code = write_blocks(image, &plan, buffer);
	code = code ? code : write_table(image, &plan, buffer);
	code = code ? code : block_flush(image->below);
	code = code ? code : switch_table(image, &plan, buffer);
	kfree(buffer);
	if (code)
		return code;
	flags = lock_irqsave(&image->lock);
	image->header.refcount_table_offset = (plan.base + plan.blocks) << image->cluster_bits;
	image->header.refcount_table_clusters = (u32)plan.table;
	unlock_irqrestore(&image->lock, flags);
	qcow2_forget(image, old, old_clusters << image->cluster_bits);
	qcow2_forget(image, plan.base << image->cluster_bits, (plan.blocks + plan.table) << image->cluster_bits);
	return qcow2_free_later(image, old, old_clusters);
}

int qcow2_make_room(struct qcow2 *image, u64 end)
{
	u64 size = image->file.size_bytes;
	int code;

	if (end <= size)
		return OK;
	if (!image->file.resize)
		return ERR_FULL;
	code = image->file.resize(&image->file, MAX(end, ALIGN_DOWN(size + QCOW2_GROW_BYTES, image->cluster_bytes)), IMAGE_FILE_UNDEFINED);
	if (code == ERR_FULL || code == ERR_RANGE)
		code = image->file.resize(&image->file, end, IMAGE_FILE_UNDEFINED);
	return code == ERR_RANGE ? ERR_FULL : code;
}

/* SPDX-License-Identifier: MIT */
/*
 * The order in which a qcow2 image's changes reach its medium (qcow2_internal.h has the picture). The worker.
 *
 * Whatever points at a cluster is written when the cluster's contents and its count are durable; a count is lowered when nothing
 * durable points there any more. So each prefix of this, and each part of the step under way, is a sound image with leaks at worst.
 * A failure leaves what was not written as it is, and the next commit begins at the first step.
 */
#include "hv/block/qcow2_internal.h"
#include "hv/lib/error.h"

bool qcow2_is_clean(const struct qcow2 *image)
{
	for (u32 i = 0; i < QCOW2_KINDS; i++)
		if (image->dirty[i])
			return false;
	return true;
}

int qcow2_commit_tables(struct qcow2 *image)
{
	int code = qcow2_write_slices(image, QCOW2_REFCOUNTS);

	if (code == OK && image->dirty[QCOW2_REFCOUNT_TABLE]) {
		code = block_flush(image->below);
		code = code ? code : qcow2_write_slices(image, QCOW2_REFCOUNT_TABLE);
	}
	if (code == OK && (image->dirty[QCOW2_L2] || image->dirty[QCOW2_L1])) {
		code = block_flush(image->below);
		code = code ? code : qcow2_write_slices(image, QCOW2_L2);
	}
	if (code == OK && image->dirty[QCOW2_L1]) {
		code = block_flush(image->below);
		code = code ? code : qcow2_write_slices(image, QCOW2_L1);
	}
	return code;
}

/*
 * Durable, nothing points at them any more. Requests that were sent below while something did must be over before a cluster
 * gets new contents: a late write would land in somebody's table.
 */
static int apply_frees(struct qcow2 *image)
{
	int code = OK;

	if (image->free_count)
		qcow2_drain(image);
	while (image->free_count && code == OK) {
		const struct qcow2_run *run = &image->frees[image->free_count - 1];

		code = qcow2_uncount(image, run->offset, run->clusters);
		image->free_count--;
	}
	return code;
}

int qcow2_commit(struct qcow2 *image)
{
	int code = qcow2_commit_tables(image);

	code = code ? code : block_flush(image->below);
	return code ? code : apply_frees(image);
}

int qcow2_free_later(struct qcow2 *image, u64 offset, u64 clusters)
{
	struct qcow2_run *last = image->free_count ? &image->frees[image->free_count - 1] : NULL;
	int code = OK;

	if (last && last->offset + last->clusters * image->cluster_bytes == offset) {
		last->clusters += clusters;
		return OK;
	}
	if (image->free_count == QCOW2_FREES)
		code = qcow2_commit(image);
	if (code == OK)
		image->frees[image->free_count++] = (struct qcow2_run){ offset, clusters };
	return code;
}

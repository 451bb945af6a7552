/* SPDX-License-Identifier: MIT */
/*
 * Discard and write-zeroes in a qcow2 image. The worker.
 *
 * Whole clusters lose their place: version 3 marks them as zeroes where an image below would show through, else the entry is
 * emptied. Parts of clusters are written as zeroes, or, for a discard, left alone.
 */
#include "hv/block/qcow2_request.h"
#include "hv/lib/error.h"

static int replace_entry(struct qcow2 *image, u64 guest_cluster, u64 old, u64 entry)
{
	int code = qcow2_set_entry(image, guest_cluster, entry);

	return code ? code : qcow2_release_entry(image, old);
}

/* bytes of one cluster become zeroes that stand on the medium. */
static int write_zeroes(struct qcow2 *image, u64 guest, u64 bytes, const struct qcow2_mapping *mapping)
{
	u64 inside = guest & (image->cluster_bytes - 1), host, got;
	int code;

	if (mapping->state == QCOW2_DATA && mapping->own) {
		code = qcow2_make_room(image, mapping->host + bytes);
		return code ? code : qcow2_zero_below(image, mapping->host, bytes);
	}
	code = qcow2_allocate(image, 1, &host, &got);
	if (code)
		return code;
	code = qcow2_copy_up(image, guest - inside, host, inside);
	code = code ? code : qcow2_zero_below(image, host + inside, bytes);
	code = code ? code : qcow2_copy_up(image, guest + bytes, host + inside + bytes, image->cluster_bytes - inside - bytes);
	code = code ? code : replace_entry(image, guest >> image->cluster_bits, mapping->entry, host | QCOW2_COPIED);
	if (code && qcow2_uncount(image, host, got) != OK)
		code = ERR_IO;
	return code;
}

static int clear_whole(struct qcow2 *image, u64 guest, const struct qcow2_mapping *mapping, bool discard, bool unmap)
{
	u64 cluster = guest >> image->cluster_bits, entry = image->backing ? QCOW2_ZERO : 0;

	if (image->header.version == 2 && image->backing) /* there is no mark that hides what lies below */
		return discard ? OK : write_zeroes(image, guest, image->cluster_bytes, mapping);
	if (mapping->state == QCOW2_DATA && mapping->own && !unmap) {
		if (image->header.version == 2)
			return write_zeroes(image, guest, image->cluster_bytes, mapping);
		return qcow2_set_entry(image, cluster, mapping->entry | QCOW2_ZERO);
	}
	return replace_entry(image, cluster, mapping->entry, entry);
}

static bool is_zero_already(const struct qcow2 *image, const struct qcow2_mapping *mapping)
{
	return (mapping->state == QCOW2_ZEROES && !mapping->host) || (mapping->state == QCOW2_NOTHING && !image->backing);
}

int qcow2_clear(struct qcow2 *image, const struct block_request *request)
{
	u64 guest = request->sector * BLOCK_SECTOR_BYTES, end = guest + request->sector_count * BLOCK_SECTOR_BYTES;
	u64 disk_end = image->device.limits.sector_count * BLOCK_SECTOR_BYTES, bytes;
	bool discard = request->operation == BLOCK_DISCARD, unmap = discard || request->flags & BLOCK_UNMAP;
	struct qcow2_mapping mapping;
	int code = OK;

	qcow2_wait_for_allocations(image, guest, end - guest);
	for (; guest < end && code == OK; guest += bytes) {
		bool whole;

		bytes = MIN(end, ALIGN_DOWN(guest, image->cluster_bytes) + image->cluster_bytes) - guest;
		whole = IS_ALIGNED(guest, image->cluster_bytes) && (bytes == image->cluster_bytes || guest + bytes == disk_end);
		code = qcow2_map(image, guest, bytes, &mapping);
		if (code || is_zero_already(image, &mapping) || (!whole && (discard || mapping.state == QCOW2_ZEROES)))
			continue;
		code = whole ? clear_whole(image, guest, &mapping, discard, unmap) : write_zeroes(image, guest, bytes, &mapping);
	}
	return code ? code : request->flags & BLOCK_FUA ? qcow2_commit(image) : OK;
}

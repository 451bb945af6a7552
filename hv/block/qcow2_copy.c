/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a qcow2 image that pass through memory: tables, copies on write, compressed clusters. The worker, which waits here for the
 * device below (or for the worker of the image below).
 */
#include "hv/block/qcow2_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static u64 sectors_below(const struct qcow2 *image)
{
	return READ_ONCE(image->below->limits.sector_count);
}

int qcow2_read_below(struct qcow2 *image, u64 offset, void *to, u64 size_bytes)
{
	u64 end = sectors_below(image) * BLOCK_SECTOR_BYTES, there = offset < end ? MIN(size_bytes, end - offset) : 0;
	int code = block_read(image->below, offset / BLOCK_SECTOR_BYTES, to, there / BLOCK_SECTOR_BYTES);

	memset((u8 *)to + there, 0, size_bytes - there);
	return code;
}

int qcow2_write_below(struct qcow2 *image, u64 offset, const void *from, u64 size_bytes)
{
	return block_write(image->below, offset / BLOCK_SECTOR_BYTES, from, size_bytes / BLOCK_SECTOR_BYTES, 0);
}

int qcow2_zero_below(struct qcow2 *image, u64 offset, u64 size_bytes)
{
	u64 part = MIN(size_bytes, MIN(image->cluster_bytes, (u64)65536));
	u8 *zeroes = kzalloc(part);
	int code = zeroes ? OK : ERR_NO_MEMORY;

	for (; size_bytes && code == OK; offset += part, size_bytes -= part) {
		part = MIN(part, size_bytes);
		code = qcow2_write_below(image, offset, zeroes, part);
	}
	kfree(zeroes);
	return code;
}

static int make_buffers(struct qcow2 *image)
{
	if (!image->unpacking)
		image->unpacking = kmalloc(image->cluster_bytes);
	if (!image->compressed)
		image->compressed = kmalloc(2 * image->cluster_bytes + 2 * PAGE_SIZE);
	return image->unpacking && image->compressed ? OK : ERR_NO_MEMORY;
}

int qcow2_unpack(struct qcow2 *image, u64 entry, const u8 **bytes)
{
	u64 offset, size, block = image->device.limits.logical_block_bytes, start;
	int code = make_buffers(image);

	*bytes = image->unpacking;
	if (code || image->unpacked == entry)
		return code;
	image->unpacked = 0;
	qcow2_packed_place(image, entry, &offset, &size);
	start = ALIGN_DOWN(offset, block);
	code = qcow2_read_below(image, start, image->compressed, ALIGN_UP(offset + size, block) - start);
	if (code)
		return code;
	code = qcow2_decompress(image->header.compression, &image->decompressor, image->compressed + (offset - start), size,
				image->unpacking, image->cluster_bytes);
	if (code == ERR_INVALID)
		return qcow2_contradiction(image, "the compressed cluster at byte %llu cannot be unpacked", (unsigned long long)offset);
	if (code == OK)
		image->unpacked = entry;
	return code;
}

/* What the images below have there; zeroes behind their end. */
static int read_backing(struct qcow2 *image, u64 guest, u8 *to, u64 size_bytes)
{
	u64 end = image->backing ? image->backing->limits.sector_count * BLOCK_SECTOR_BYTES : 0;
	u64 there = guest < end ? MIN(size_bytes, end - guest) : 0;

	memset(to + there, 0, size_bytes - there);
	return there ? block_read(image->backing, guest / BLOCK_SECTOR_BYTES, to, there / BLOCK_SECTOR_BYTES) : OK;
}

static int read_mapped(struct qcow2 *image, const struct qcow2_mapping *mapping, u64 guest, u8 *to, u64 size_bytes)
{
	const u8 *bytes;
	int code;

	switch (mapping->state) {
	case QCOW2_DATA:
		return qcow2_read_below(image, mapping->host, to, size_bytes);
	case QCOW2_PACKED:
		code = qcow2_unpack(image, mapping->entry, &bytes);
		if (code == OK)
			memcpy(to, bytes + (guest & (image->cluster_bytes - 1)), size_bytes);
		return code;
	case QCOW2_ZEROES:
		memset(to, 0, size_bytes);
		return OK;
	default:
		return read_backing(image, guest, to, size_bytes);
	}
}

int qcow2_read_guest(struct qcow2 *image, u64 guest, u8 *to, u64 size_bytes)
{
	struct qcow2_mapping mapping;
	int code = OK;

	for (u64 part; size_bytes && code == OK; guest += part, to += part, size_bytes -= part) {
		part = 0;
		code = qcow2_map(image, guest, size_bytes, &mapping);
		part = mapping.bytes;
		if (code == OK)
			code = read_mapped(image, &mapping, guest, to, part);
		else
			return code;
	}
	return code;
}

int qcow2_copy_up(struct qcow2 *image, u64 guest, u64 host, u64 size_bytes)
{
	struct qcow2_mapping mapping;
	int code = size_bytes ? qcow2_map(image, guest, size_bytes, &mapping) : OK;

	if (code || !size_bytes)
		return code;
	if (mapping.state == QCOW2_ZEROES || (mapping.state == QCOW2_NOTHING && !image->backing))
		return qcow2_zero_below(image, host, size_bytes);
	if (!image->cluster)
		image->cluster = kmalloc(image->cluster_bytes);
	if (!image->cluster)
		return ERR_NO_MEMORY;
	code = read_mapped(image, &mapping, guest, image->cluster, size_bytes);
	return code ? code : qcow2_write_below(image, host, image->cluster, size_bytes);
}

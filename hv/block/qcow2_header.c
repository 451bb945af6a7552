/* SPDX-License-Identifier: MIT */
/*
 * A qcow2 image's header, judged before anything else of the image is believed. Pure, fuzzed.
 *
 * Lengths and places are bounded by the file and by QEMU's own limits; the tables that it names must not lie over each other.
 * Each refusal says at which byte. Next to read: hv/block/qcow2_open.c.
 */
#include "hv/block/qcow2_format.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

#define HEADER_V2_BYTES 72u
#define HEADER_V3_BYTES 104u
#define EXTENSION_END 0u
#define EXTENSION_BACKING_FORMAT 0xe2792acau
#define EXTENSION_BITMAPS 0x23852875u

struct judge {
	const u8 *bytes;
	u32 size, header_bytes;
	u64 file_bytes;
	char *words;
	size_t words_size;
};

#define REFUSE(judge, code, ...) (format((judge)->words, (judge)->words_size, __VA_ARGS__), (code))

u32 qcow2_header_needs(const u8 first[512])
{
	u32 bits = qcow2_get32(first + 20);

	if (qcow2_get32(first) != QCOW2_MAGIC)
		return 0;
	/* A size that is out of range is refused by the parser, with words. */
	return bits < QCOW2_CLUSTER_BITS_MIN || bits > QCOW2_CLUSTER_BITS_MAX ? 512 : 1u << bits;
}

static int judge_features(const struct judge *judge, struct qcow2_header *header)
{
	u64 known = QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_COMPRESSION_TYPE;

	if (qcow2_get32(judge->bytes + 32))
		return REFUSE(judge, ERR_UNSUPPORTED, "it is encrypted (method %u, header byte 32)", qcow2_get32(judge->bytes + 32));
	if (header->incompatible & QCOW2_DATA_FILE)
		return REFUSE(judge, ERR_UNSUPPORTED, "its data stand in another file (external data file, header byte 72)");
	if (header->incompatible & QCOW2_SUBCLUSTERS)
		return REFUSE(judge, ERR_UNSUPPORTED, "it has subclusters (extended L2 entries, header byte 72)");
	if (header->incompatible & ~known)
		return REFUSE(judge, ERR_UNSUPPORTED, "it needs features that are not known here (%llx, header byte 72)",
			      (unsigned long long)(header->incompatible & ~known));
	if (!(header->incompatible & QCOW2_COMPRESSION_TYPE) != !header->compression)
		return REFUSE(judge, ERR_INVALID, "its compression type (header byte 104) and its feature bit disagree");
	if (header->compression > QCOW2_ZSTD)
		return REFUSE(judge, ERR_UNSUPPORTED, "its compression type %u (header byte 104) is not known here", header->compression);
	return OK;
}

static int read_version_3(struct judge *judge, struct qcow2_header *header)
{
	judge->header_bytes = qcow2_get32(judge->bytes + 100);
	if (judge->header_bytes < HEADER_V3_BYTES || judge->header_bytes % 8 || judge->header_bytes > judge->size)
		return REFUSE(judge, ERR_INVALID, "its header has %u bytes (header byte 100)", judge->header_bytes);
	header->incompatible = qcow2_get64(judge->bytes + 72);
	header->compatible = qcow2_get64(judge->bytes + 80);
	header->autoclear = qcow2_get64(judge->bytes + QCOW2_AT_AUTOCLEAR);
	header->refcount_order = qcow2_get32(judge->bytes + 96);
	if (judge->header_bytes > HEADER_V3_BYTES)
		header->compression = judge->bytes[104];
	if (header->refcount_order > 6)
		return REFUSE(judge, ERR_INVALID, "its refcounts have 2^%u bits (header byte 96)", header->refcount_order);
	return OK;
}

static int judge_extent(const struct judge *judge, const struct qcow2_header *header, const char *what, u32 byte, u64 offset, u64 size)
{
	u64 cluster = BIT64(header->cluster_bits);

	if (!offset || offset & (cluster - 1))
		return REFUSE(judge, ERR_INVALID, "its %s begins at byte %llu (header byte %u), which is no cluster of its own", what,
			      (unsigned long long)offset, byte);
	if (offset > judge->file_bytes || size > judge->file_bytes - offset)
		return REFUSE(judge, ERR_INVALID, "its %s (bytes %llu to %llu, header byte %u) ends behind the image's end at %llu", what,
			      (unsigned long long)offset, (unsigned long long)(offset + size), byte, (unsigned long long)judge->file_bytes);
	return OK;
}

static int judge_tables(const struct judge *judge, const struct qcow2_header *header)
{
	u64 cluster = BIT64(header->cluster_bits), l2_covers = cluster * (cluster / 8);
	u64 needed = header->size_bytes / l2_covers + (header->size_bytes % l2_covers != 0);
	u64 l1_bytes = (u64)header->l1_size * 8, refcount_bytes = header->refcount_table_clusters * cluster;
	int code;

	if (l1_bytes > QCOW2_L1_BYTES_MAX)
		return REFUSE(judge, ERR_INVALID, "its L1 table has %u entries (header byte 36), more than fit", header->l1_size);
	if (header->l1_size < needed)
		return REFUSE(judge, ERR_INVALID, "its L1 table has %u entries (header byte 36), too few for its size of %llu bytes",
			      header->l1_size, (unsigned long long)header->size_bytes);
	if (!header->refcount_table_clusters || refcount_bytes > QCOW2_REFCOUNT_TABLE_BYTES_MAX)
		return REFUSE(judge, ERR_INVALID, "its refcount table has %u clusters (header byte 56)", header->refcount_table_clusters);
	code = header->l1_size ? judge_extent(judge, header, "L1 table", 40, header->l1_offset, l1_bytes) : OK;
	if (code == OK)
		code = judge_extent(judge, header, "refcount table", QCOW2_AT_REFCOUNT_TABLE, header->refcount_table_offset, refcount_bytes);
	if (code == OK && header->l1_size && header->l1_offset < header->refcount_table_offset + refcount_bytes &&
	    header->refcount_table_offset < header->l1_offset + l1_bytes)
		return REFUSE(judge, ERR_INVALID, "its L1 table (byte %llu) and its refcount table (byte %llu) lie over each other",
			      (unsigned long long)header->l1_offset, (unsigned long long)header->refcount_table_offset);
	return code;
}

/* Between the header and the backing file's name; an unknown one is passed over. */
static int read_extensions(const struct judge *judge, struct qcow2_header *header)
{
	u64 backing = qcow2_get64(judge->bytes + 8);
	u32 end = backing && backing < judge->size ? (u32)backing : judge->size, at = judge->header_bytes;

	while (at + 8 <= end) {
		u32 type = qcow2_get32(judge->bytes + at), length = qcow2_get32(judge->bytes + at + 4);

		if (type == EXTENSION_END)
			return OK;
		if (length > end - at - 8)
			return REFUSE(judge, ERR_INVALID, "its header extension %08x at byte %u is longer than the room for it", type, at);
		if (type == EXTENSION_BACKING_FORMAT) {
			if (length >= sizeof(header->backing_format))
				return REFUSE(judge, ERR_UNSUPPORTED, "its backing file's format has a name of %u bytes (byte %u)", length, at);
			memcpy(header->backing_format, judge->bytes + at + 8, length);
		}
		header->bitmaps |= type == EXTENSION_BITMAPS;
		length = ALIGN_UP(length, 8u);
		if (length > end - at - 8)
			return OK; /* the last one's padding may be missing */
		at += 8 + length;
	}
	return OK;
}

static int read_backing(const struct judge *judge, struct qcow2_header *header)
{
	u64 offset = qcow2_get64(judge->bytes + 8);
	u32 length = qcow2_get32(judge->bytes + 16);

	if (!offset)
		return OK;
	if (!length || length > QCOW2_BACKING_MAX || offset < judge->header_bytes || offset > judge->size || length > judge->size - offset)
		return REFUSE(judge, ERR_INVALID, "its backing file's name (byte %llu, %u bytes; header byte 8) is not within its first cluster",
			      (unsigned long long)offset, length);
	memcpy(header->backing, judge->bytes + offset, length);
	if (strlen(header->backing) != length)
		return REFUSE(judge, ERR_INVALID, "its backing file's name (byte %llu) has a zero byte in it", (unsigned long long)offset);
	return OK;
}

int qcow2_header_parse(const u8 *bytes, u32 size, u64 file_bytes, struct qcow2_header *header, char *words, size_t words_size)
{
	struct judge judge = { bytes, size, HEADER_V2_BYTES, file_bytes, words, words_size };
	int code = OK;

	*header = (struct qcow2_header){
		.version = qcow2_get32(bytes + 4), .cluster_bits = qcow2_get32(bytes + 20), .size_bytes = qcow2_get64(bytes + 24),
		.l1_size = qcow2_get32(bytes + 36), .l1_offset = qcow2_get64(bytes + 40),
		.refcount_table_offset = qcow2_get64(bytes + QCOW2_AT_REFCOUNT_TABLE),
		.refcount_table_clusters = qcow2_get32(bytes + QCOW2_AT_REFCOUNT_TABLE + 8),
		.snapshots = qcow2_get32(bytes + 60), .refcount_order = 4,
	};
	if (qcow2_get32(bytes) != QCOW2_MAGIC)
		return REFUSE(&judge, ERR_INVALID, "it does not begin as a qcow2 image");
	if (header->version != 2 && header->version != 3)
		return REFUSE(&judge, ERR_UNSUPPORTED, "it has version %u (header byte 4); 2 and 3 are known here", header->version);
	if (header->cluster_bits < QCOW2_CLUSTER_BITS_MIN || header->cluster_bits > QCOW2_CLUSTER_BITS_MAX)
		return REFUSE(&judge, ERR_INVALID, "its clusters have 2^%u bytes (header byte 20); 2^9 to 2^21 are possible", header->cluster_bits);
	if (size != 1u << header->cluster_bits)
		return REFUSE(&judge, ERR_INVALID, "it is shorter than one cluster of 2^%u bytes", header->cluster_bits);
	if (header->size_bytes > BIT64(56))
		return REFUSE(&judge, ERR_INVALID, "its disk has %llu bytes (header byte 24), more than the format has room for",
			      (unsigned long long)header->size_bytes);
	code = header->version == 3 ? read_version_3(&judge, header) : OK;
	code = code ? code : judge_features(&judge, header);
	code = code ? code : judge_tables(&judge, header);
	code = code ? code : read_extensions(&judge, header);
	return code ? code : read_backing(&judge, header);
}

const char *qcow2_header_read_only(const struct qcow2_header *header)
{
	if (header->incompatible & QCOW2_CORRUPT)
		return "it is marked as corrupt";
	if (header->incompatible & QCOW2_DIRTY)
		return "it is marked as not closed, so its refcounts may be wrong (\"qemu-img check -r all\" mends that)";
	if (header->snapshots)
		return "it has internal snapshots, which are not kept up here";
	if (header->bitmaps)
		return "it has persistent bitmaps, which are not kept up here";
	return NULL;
}

u64 qcow2_refcount_unpack(const u8 *block, u32 order, u64 index)
{
	u64 value = 0;
	u32 bits = 1u << order;

	if (order < 3)
		return (block[index * bits / 8] >> (index * bits % 8)) & (BIT32(bits) - 1);
	for (u32 i = 0; i < bits / 8; i++)
		value = value << 8 | block[index * (bits / 8) + i];
	return value;
}

void qcow2_refcount_pack(u8 *block, u32 order, u64 index, u64 value)
{
	u32 bits = 1u << order, shift = (u32)(index * bits % 8);

	if (order < 3) {
		u8 mask = (u8)((BIT32(bits) - 1) << shift), *byte = &block[index * bits / 8];

		*byte = (u8)((*byte & ~mask) | ((value << shift) & mask));
		return;
	}
	for (u32 i = bits / 8; i--; value >>= 8)
		block[index * (bits / 8) + i] = (u8)value;
}

/* SPDX-License-Identifier: MIT */
/*
 * The qcow2 format: what stands in an image's header and tables. QEMU, "Qcow2 Image File Format" (docs/interop/qcow2).
 *
 *	L1 entry, L2 entry of a standard cluster             L2 entry of a compressed cluster
 *	63     62       61…56  55…9         8…1  0           63  62   61…x               x-1…0
 *	COPIED COMPRESS 0      host offset  0    ZERO (L2)   0   1    sectors behind the  host offset
 *	                                                              first, 512 bytes
 *	x = 62 - (cluster_bits - 8). All numbers are big-endian. COPIED: the refcount is exactly 1.
 *
 * Pure. Next to read: qcow2_header.c, then qcow2_internal.h.
 */
#ifndef HV_BLOCK_QCOW2_FORMAT_H
#define HV_BLOCK_QCOW2_FORMAT_H

#include "hv/lib/types.h"

#define QCOW2_MAGIC 0x514649fbu /* "QFI\xfb" */
#define QCOW2_CLUSTER_BITS_MIN 9u
#define QCOW2_CLUSTER_BITS_MAX 21u /* QEMU's limit */
#define QCOW2_L1_BYTES_MAX (32u << 20)
#define QCOW2_REFCOUNT_TABLE_BYTES_MAX (8u << 20)
#define QCOW2_BACKING_MAX 1023u

#define QCOW2_COPIED BIT64(63)
#define QCOW2_COMPRESSED BIT64(62)
#define QCOW2_ZERO BIT64(0) /* version 3 */
#define QCOW2_OFFSET_MASK MASK64(55, 9)
#define QCOW2_REFCOUNT_OFFSET_MASK MASK64(63, 9)

/* Where in the header what is changed stands. */
#define QCOW2_AT_REFCOUNT_TABLE 48u /* u64 offset, u32 clusters */
#define QCOW2_AT_AUTOCLEAR 88u

enum qcow2_incompatible {
	QCOW2_DIRTY = BIT32(0), QCOW2_CORRUPT = BIT32(1), QCOW2_DATA_FILE = BIT32(2), QCOW2_COMPRESSION_TYPE = BIT32(3),
	QCOW2_SUBCLUSTERS = BIT32(4),
};
enum qcow2_compression { QCOW2_ZLIB, QCOW2_ZSTD };

struct qcow2_header {
	u32 version, cluster_bits, l1_size, refcount_table_clusters, snapshots, refcount_order;
	u64 size_bytes, l1_offset, refcount_table_offset;
	u64 incompatible, compatible, autoclear;
	u8 compression;            /* enum qcow2_compression */
	bool bitmaps;              /* there are persistent dirty bitmaps */
	char backing[QCOW2_BACKING_MAX + 1]; /* "": none */
	char backing_format[16];   /* "": not said */
};

static inline u64 qcow2_get64(const u8 *bytes)
{
	u64 value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap64(value);
}

static inline void qcow2_put64(u8 *bytes, u64 value)
{
	value = __builtin_bswap64(value);
	__builtin_memcpy(bytes, &value, sizeof(value));
}

static inline u32 qcow2_get32(const u8 *bytes)
{
	u32 value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap32(value);
}

/* How many bytes from the image's first 512 must be given to qcow2_header_parse: its first cluster. 0: this is no qcow2. */
u32 qcow2_header_needs(const u8 first[512]);
/*
 * The header, judged: OK; ERR_INVALID (malformed) or ERR_UNSUPPORTED (sound, but more than is understood here), with words that
 * say what and at which byte. bytes: the first size bytes, size as qcow2_header_needs says. file_bytes: of the whole image.
 */
MUST_CHECK int qcow2_header_parse(const u8 *bytes, u32 size, u64 file_bytes, struct qcow2_header *header, char *words, size_t words_size);
/* NULL, or why an image with this (sound) header can only be read. */
const char *qcow2_header_read_only(const struct qcow2_header *header);

/* Refcounts are 2^order bits wide, packed from the low bits of each byte on; wider ones are big-endian. */
u64 qcow2_refcount_unpack(const u8 *block, u32 order, u64 index);
void qcow2_refcount_pack(u8 *block, u32 order, u64 index, u64 value);

#endif

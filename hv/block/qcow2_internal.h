/* SPDX-License-Identifier: MIT */
/*
 * An open qcow2 image: what its files share.
 *
 * One thread per image, the worker, does whatever needs metadata that are not in memory, or changes them: allocation, copying on
 * write, flushes, discards, compressed clusters. A request whose clusters are all there, and known, goes straight to the device
 * below in its submitter's context (qcow2_request.c). So tables are changed by one thread only, one step after the other,
 * while data move beside it.
 *
 * The order of writes (qcow2_commit.c) is such that a power cut between any two sectors leaves at worst clusters that are
 * counted but not used (leaks):
 *	data, zeroed new tables, refcounts  ->  refcount table  ->  L2 entries  ->  L1 entries  ->  refcounts of what was freed
 * with a flush of the device at each arrow that has something on its right.
 */
#ifndef HV_BLOCK_QCOW2_INTERNAL_H
#define HV_BLOCK_QCOW2_INTERNAL_H

#include "hv/block/image_file.h"
#include "hv/block/qcow2.h"
#include "hv/block/qcow2_format.h"
#include "hv/block/transfer.h"
#include "hv/thread.h"

#define QCOW2_SLICE_MAX 4096u       /* metadata are cached in pieces of so many bytes, or of a cluster if that is less */
#define QCOW2_SLICES 256u           /* 1 MiB: the L2 entries of 8 GiB in clusters of 64 KiB */
#define QCOW2_BUCKETS 64u
#define QCOW2_PIECES 48u            /* requests below under way at once */
#define QCOW2_SEGMENTS 128u         /* of one request */
#define QCOW2_TRANSFER (1u << 20)
#define QCOW2_FREES 256u            /* runs of clusters that were given up since the last commit */
#define QCOW2_GROW_BYTES (4u << 20) /* a file grows by at least so much */

enum qcow2_kind { QCOW2_REFCOUNTS, QCOW2_REFCOUNT_TABLE, QCOW2_L2, QCOW2_L1, QCOW2_KINDS };

/* A piece of a table in memory. The worker changes it, under image->lock, and reads it without. */
struct qcow2_slice {
	struct list_node bucket, age; /* [lock] */
	u64 offset;                   /* [lock] in the image; QCOW2_NOWHERE: empty */
	u8 kind;                      /* [lock] */
	bool dirty;                   /* [lock] */
	u8 *bytes;
};
#define QCOW2_NOWHERE (~(u64)0)

struct qcow2_run { u64 offset, clusters; };

/* A request below: a part of a request of ours. Its segments are a copy of the list, never of the payload. */
struct qcow2_piece {
	struct list_node node;        /* [lock] free, or finished */
	struct block_transfer transfer;
	struct block_request *request;
	struct qcow2 *image;
	u8 generation;                /* which of image->under_way counts it */
	bool allocating;              /* the worker ends it: */
	struct list_node allocation;  /* worker: those under way */
	u64 guest_cluster, clusters, host;
	int status;
	struct block_segment segments[QCOW2_SEGMENTS + 1];
};

struct qcow2 {
	struct block_device device;   /* the disk that it holds */
	struct image_file file;
	struct block_device *below;   /* (c) file.device */
	struct qcow2_header header;   /* (c) but for the refcount table's place: worker */
	u32 cluster_bits, l2_bits;    /* (c) log2 of a cluster's bytes, of an L2 table's entries */
	u64 cluster_bytes;            /* (c) */
	bool writable;                /* (c) */
	bool broken;                  /* (a) it contradicted itself: no writes any more */
	char path[256];               /* (c) for words */
	u64 used_end;                 /* (a) the byte behind the last cluster in use, since it was opened */
	u64 unpacked_bytes;           /* (a) how many bytes of payload were bounced: compressed clusters only */
	struct list_node open_node;   /* [open images] */

	/* what it lies on where it has nothing of its own: one of these, or neither */
	struct qcow2 *backing_image;  /* (c) */
	struct image_file *backing_raw; /* (c) */
	struct block_device *backing; /* (c) of either */

	struct spinlock lock;
	struct list_node queue;       /* [lock] requests for the worker */
	struct list_node finished;    /* [lock] allocating pieces whose data are written */
	struct list_node free_pieces; /* [lock] */
	u32 under_way[2];             /* [lock] pieces below, by generation */
	u8 generation;                /* [lock] */
	u32 dirty[QCOW2_KINDS];       /* [lock] slices */
	struct list_node buckets[QCOW2_BUCKETS], ages; /* [lock] ages: the longest unused first */

	struct waitqueue wake;        /* of the worker */
	struct thread *worker;
	bool stop;                    /* (a) */

	/* the worker's alone */
	struct qcow2_slice *slices;
	u32 slice_bytes;
	struct list_node allocations; /* pieces */
	u64 free_hint;                /* no free cluster lies before it */
	bool full;                    /* none was found, and none was freed since */
	struct qcow2_run frees[QCOW2_FREES];
	u32 free_count;
	u8 *cluster;                  /* one cluster's bytes, for copies on write; made at the first */
	u8 *compressed;               /* two clusters' and a sector: the bounce of compressed ones */
	u64 unpacked;                 /* the L2 entry that image->unpacking holds; 0: none */
	u8 *unpacking;
	void *decompressor;

	struct qcow2_piece pieces[QCOW2_PIECES];
};

/* qcow2_cache.c: metadata in memory. The worker, but for peek. */
MUST_CHECK int qcow2_cache_init(struct qcow2 *image);
void qcow2_cache_release(struct qcow2 *image);
/* A big-endian word of a table, at a byte of the image. */
MUST_CHECK int qcow2_word(struct qcow2 *image, enum qcow2_kind kind, u64 at, u64 *value);
MUST_CHECK int qcow2_set_word(struct qcow2 *image, enum qcow2_kind kind, u64 at, u64 value);
/* The slice that holds a byte; good until the next call. */
MUST_CHECK int qcow2_slice(struct qcow2 *image, enum qcow2_kind kind, u64 at, struct qcow2_slice **slice);
void qcow2_slice_changed(struct qcow2 *image, struct qcow2_slice *slice); /* [lock] */
MUST_CHECK int qcow2_write_slices(struct qcow2 *image, enum qcow2_kind kind);
void qcow2_forget(struct qcow2 *image, u64 offset, u64 size_bytes); /* clean ones, of a table that moved */
bool qcow2_peek(struct qcow2 *image, u64 at, u64 *value); /* [lock] any context */
bool qcow2_is_metadata(const struct qcow2 *image, u64 offset, u64 size_bytes); /* of which it is known */

/* qcow2_commit.c */
MUST_CHECK int qcow2_commit_tables(struct qcow2 *image);
MUST_CHECK int qcow2_commit(struct qcow2 *image);   /* everything, durable; then counts what was freed as free */
bool qcow2_is_clean(const struct qcow2 *image);     /* [lock] */
MUST_CHECK int qcow2_free_later(struct qcow2 *image, u64 offset, u64 clusters);

/* qcow2_refcount.c */
MUST_CHECK int qcow2_refcount(struct qcow2 *image, u64 cluster, u64 *count);
MUST_CHECK int qcow2_uncount(struct qcow2 *image, u64 offset, u64 clusters); /* one reference less each */
/* 1 to want free clusters in a row, counted as used. ERR_FULL, ERR_IO. */
MUST_CHECK int qcow2_allocate(struct qcow2 *image, u64 want, u64 *offset, u64 *got);
void qcow2_find_used_end(struct qcow2 *image);      /* at opening */
/* qcow2_refcount_grow.c: a longer refcount table, so that `cluster` can be counted. */
MUST_CHECK int qcow2_grow_refcount_table(struct qcow2 *image, u64 cluster);
MUST_CHECK int qcow2_make_room(struct qcow2 *image, u64 end); /* the file has so many bytes */

/* qcow2_map.c */
enum qcow2_state { QCOW2_NOTHING, QCOW2_ZEROES, QCOW2_DATA, QCOW2_PACKED };
struct qcow2_mapping {
	u8 state;
	bool own;       /* COPIED */
	u64 host;       /* where the first byte asked for stands; ZEROES: the cluster kept for it, or 0 */
	u64 bytes;      /* how far it goes like this */
	u64 entry;      /* the first cluster's */
};
MUST_CHECK int qcow2_map(struct qcow2 *image, u64 guest, u64 bytes, struct qcow2_mapping *mapping);
/* The same from what is in memory, for DATA only; false: ask the worker. [lock] */
bool qcow2_map_quick(struct qcow2 *image, u64 guest, u64 bytes, bool write, u64 *host);
MUST_CHECK int qcow2_entry(struct qcow2 *image, u64 guest_cluster, u64 *entry);
/* So that set_entry of these clusters will not need room. */
MUST_CHECK int qcow2_need_tables(struct qcow2 *image, u64 guest_cluster, u64 clusters);
MUST_CHECK int qcow2_set_entry(struct qcow2 *image, u64 guest_cluster, u64 entry);
/* What entry held is not needed any more: free it later. */
MUST_CHECK int qcow2_release_entry(struct qcow2 *image, u64 entry);

/* qcow2_copy.c: bytes that pass through memory. The worker. */
MUST_CHECK int qcow2_read_below(struct qcow2 *image, u64 offset, void *to, u64 size_bytes); /* zeroes behind the end */
MUST_CHECK int qcow2_write_below(struct qcow2 *image, u64 offset, const void *from, u64 size_bytes);
MUST_CHECK int qcow2_zero_below(struct qcow2 *image, u64 offset, u64 size_bytes);
MUST_CHECK int qcow2_read_guest(struct qcow2 *image, u64 guest, u8 *to, u64 size_bytes);
/* The unpacked cluster that entry stands for, until the next call. */
MUST_CHECK int qcow2_unpack(struct qcow2 *image, u64 entry, const u8 **bytes);
/* The part of [guest, guest + size) is copied to its new place; size at most a cluster, inside of one. */
MUST_CHECK int qcow2_copy_up(struct qcow2 *image, u64 guest, u64 host, u64 size_bytes);
void qcow2_packed_place(const struct qcow2 *image, u64 entry, u64 *offset, u64 *size_bytes);

/* qcow2_decompress.c */
MUST_CHECK int qcow2_decompress(u8 compression, void **state, const u8 *from, size_t size, u8 *to, size_t cluster_bytes);
void qcow2_decompress_release(void **state);

/* qcow2_request.c */
void qcow2_submit(struct block_device *device, struct block_request *request);
bool qcow2_turn(struct qcow2 *image); /* the worker's: does what there is to do; false: there was nothing */
void qcow2_work(void *image);         /* the worker's thread */
void qcow2_drain(struct qcow2 *image); /* the worker: waits until what is below now, is done */

/* The image contradicts itself: says what and where, once, and lets nothing be written any more. ERR_IO. */
int qcow2_contradiction(struct qcow2 *image, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif

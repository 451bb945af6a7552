/* SPDX-License-Identifier: MIT */
/* What file_disk.c (who has it, its size) and file_disk_submit.c (its requests) share. */
#ifndef HV_BLOCK_FILE_DISK_INTERNAL_H
#define HV_BLOCK_FILE_DISK_INTERNAL_H

#include "hv/block/extent_map.h"
#include "hv/block/file_system.h"
#include "hv/lib/lock.h"

#define FILE_DISK_SEGMENTS 64u /* of one request at most: a piece's segments are a copy */
#define FILE_DISK_SPLITS 4u

struct file_disk;

/* A request that lies in several extents, and its pieces, one after the other. */
struct file_split {
	struct list_node node;           /* [lock] among the free ones */
	struct file_disk *disk;          /* (c) */
	struct block_request *request;
	struct block_request piece;
	struct block_segment segments[FILE_DISK_SEGMENTS];
	u64 done_sectors;
	u32 next_segment;                /* of the request's, where the next piece begins */
	u64 segment_bytes_done;          /* of that one */
	int failure;
	u8 turn;                         /* (a) as in transfer.c */
};

struct file_disk {
	struct block_device device;
	struct list_node node;           /* [file_disks_lock] */
	u32 references;                  /* [file_disks_lock] */
	struct file_system *file_system; /* (c) */
	struct fat_file *file;           /* (c) */
	struct block_device *below;      /* (c) */
	struct extent_map map;
	struct spinlock lock;            /* rank BLOCK */
	struct list_node free_splits;    /* [lock] */
	struct list_node waiting;        /* [lock] requests that wait for a split */
	bool serving;                    /* [lock] somebody hands waiting requests out */
	struct file_split splits[FILE_DISK_SPLITS];
};

extern const struct block_device_ops file_disk_ops;
void file_disk_splits_init(struct file_disk *disk);

#endif

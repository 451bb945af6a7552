/* SPDX-License-Identifier: MIT */
/*
 * Partition tables, read: GPT and MBR, from whatever a disk says. Pure, fuzzed.
 *
 * The disk is hostile: each length is bounded, each sum checked, chains are counted. A table that contradicts itself is
 * refused with what is wrong; nothing is repaired. UEFI Specification, "GUID Partition Table (GPT) Disk Layout" (5);
 * for MBR: UEFI, "Legacy Master Boot Record (MBR)" (5.2.1), and the extended partitions of DOS. Next: hv/block/partition.c.
 */
#ifndef HV_BLOCK_PARTITION_TABLE_H
#define HV_BLOCK_PARTITION_TABLE_H

#include "hv/lib/types.h"

#define PARTITIONS_MAX 128u
#define PARTITION_LABEL_MAX 109 /* 36 UTF-16 units as UTF-8, and its end */

enum partition_table_kind { PARTITION_TABLE_NONE, PARTITION_TABLE_MBR, PARTITION_TABLE_GPT };

struct partition {
	u32 number;                /* as Linux counts: GPT entry + 1; MBR 1 to 4, logical ones from 5 */
	u64 sector, sector_count;  /* in 512-byte sectors, inside the disk */
	u8 mbr_type;               /* MBR */
	u8 type[16], id[16];       /* GPT: as they lie on the disk (mixed endian) */
	char label[PARTITION_LABEL_MAX]; /* GPT, UTF-8 */
};

struct partition_table {
	u8 kind;                   /* enum partition_table_kind */
	bool from_backup;          /* GPT: the first header was broken, the last one was used */
	u8 disk_id[16];            /* GPT */
	u32 count;
	struct partition partitions[PARTITIONS_MAX]; /* in the order of their numbers */
	char problem[120];         /* "" or what is wrong, in words; kept also when the backup was used */
};

struct partition_source {
	u64 sector_count;          /* of the disk, in 512-byte sectors */
	u32 block_bytes;           /* the disk's logical blocks: 512 to 4096, a power of two */
	/* Reads sector_count sectors. OK or an error code. */
	int (*read)(void *context, u64 sector, void *to, u32 sector_count);
	void *context;
};

/* OK (kind NONE: the disk has no table), ERR_INVALID (a table that is broken: problem), or what read said. */
MUST_CHECK int partition_table_read(const struct partition_source *source, struct partition_table *table);

/* hv/block/partition_gpt.c and partition_mbr.c, for partition_table.c */
int partition_gpt_read(const struct partition_source *source, struct partition_table *table);
int partition_mbr_read(const struct partition_source *source, const u8 first[512], struct partition_table *table);
/* Adds one, or says in problem why it cannot be: outside of the disk, empty, over another one, too many. */
MUST_CHECK int partition_table_add(const struct partition_source *source, struct partition_table *table,
				   const struct partition *partition);

#endif

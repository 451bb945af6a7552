/* SPDX-License-Identifier: MIT */
/*
 * What the files of hv/block/fat_*.c share. Nobody else includes this. [lock]: the volume's lock is held.
 *
 *   sectors:  boot sector, FSInfo … | FAT 0 | FAT 1 | data: clusters 2, 3, 4 …
 *
 * A file is a chain of clusters: its folder's entry names the first, the table gives each one's successor. A folder is a file
 * of 32-byte slots; a name's entry is some slots of long name, in reverse order, then the slot with everything else.
 */
#ifndef HV_BLOCK_FAT_INTERNAL_H
#define HV_BLOCK_FAT_INTERNAL_H

#include "hv/block/fat.h"
#include "hv/thread.h"

#define FAT_SLOT_BYTES 32u
#define FAT_END 0x0fffffffu        /* what we write; anything from FAT_END_MIN on ends a chain */
#define FAT_END_MIN 0x0ffffff8u
#define FAT_FREE 0u
#define FAT_FIRST_CLUSTER 2u
#define FAT_TABLE_BYTES_MAX (64u << 20)
#define FAT_FOLDER_SLOTS_MAX 65536u
#define FAT_NAME_UNITS_MAX 255u

enum fat_attribute { FAT_READ_ONLY = 1, FAT_HIDDEN = 2, FAT_SYSTEM = 4, FAT_LABEL = 8, FAT_FOLDER = 16, FAT_ARCHIVE = 32,
		     FAT_LONG_NAME = 15 };

struct fat_geometry {
	u32 sector_bytes, cluster_sectors;
	u32 table_start, table_copies, table_sectors; /* of one copy */
	u32 active_copy;
	bool mirrored;
	u64 data_start, total_sectors;
	u32 cluster_count, root_cluster;
	u32 info_sector;           /* 0: none */
	u32 serial;
};

struct fat_volume {
	struct mutex lock;
	struct block_device *device; /* (c) */
	struct fat_geometry geometry; /* (c) */
	bool read_only;            /* (c) */
	bool failed;               /* [lock] a write failed: disk and memory may differ, nothing more is written */
	u8 **table;                /* [lock] the active copy, in pieces of FAT_PIECE_BYTES, as it lies on the disk */
	u32 table_used_sectors;    /* (c) those that hold entries of clusters */
	u64 *dirty;                /* [lock] a bit for each of them */
	u32 dirty_low, dirty_high; /* [lock] the bits set lie in [low, high) */
	u32 free_clusters, next_free; /* [lock] */
	u32 lost_clusters;         /* (c) found at mount */
	char label[12];            /* (c) */
	u8 *sector;                /* [lock] a folder's sector, as on the disk */
	u64 sector_number;         /* [lock] ~0: none */
	struct list_node files;    /* [lock] open ones */
};

struct fat_place { u32 cluster, slot; }; /* a slot of a folder's cluster */

struct fat_cursor { /* walks through a folder */
	struct fat_place at;
	u32 slots_seen;
};

struct fat_entry {
	char name[FAT_NAME_MAX];
	u8 short_name[11], attributes;
	u32 cluster, size_bytes;
	u16 date, time;
	struct fat_place first, place; /* of its first slot and its short one */
	u32 slot_count;
};

struct fat_file {
	struct fat_volume *volume;   /* (c) */
	struct list_node node;       /* [lock] */
	u32 references;              /* [lock] */
	struct fat_place place;      /* (c) of its short slot: while it is open nobody moves it */
	u32 size_bytes;              /* (a) written under lock */
	u32 first_cluster, last_cluster, cluster_count; /* [lock] the whole chain, also what lies behind the size */
	u32 near_index, near_cluster; /* [lock] a place in the chain, so that walks in order are short */
	bool resizing;               /* [lock] */
};

/* fat_geometry.c, pure: reads a boot sector (512 bytes) */
MUST_CHECK int fat_geometry_read(const u8 *boot, struct fat_geometry *geometry, char *problem, size_t problem_size);

/* fat_name.c, pure */
u8 fat_name_checksum(const u8 short_name[11]);
void fat_short_name_read(const u8 short_name[11], u8 lower_case, char name[13 * 3 + 1]);
/* UTF-8 to the units of a new name; ERR_INVALID: FAT cannot have it; ERR_RANGE: longer than max. */
MUST_CHECK int fat_name_to_units(const char *name, u16 *units, unsigned max, unsigned *count);
void fat_name_from_units(const u16 *units, unsigned count, char name[FAT_NAME_MAX]);
bool fat_name_equal(const char *a, const char *b); /* letter case apart */
/* The name is a short one as it is: no long name is needed. */
bool fat_short_name_exact(const char *name, u8 short_name[11]);
/* The attempt'th short name for a long one. */
void fat_short_name_make(const char *name, unsigned attempt, u8 short_name[11]);
void fat_time_write(u64 seconds, u16 *date, u16 *time);
u64 fat_time_read(u16 date, u16 time);

/* fat_table.c [lock] */
MUST_CHECK int fat_table_load(struct fat_volume *volume);
void fat_table_release(struct fat_volume *volume);
u32 fat_table_get(const struct fat_volume *volume, u32 cluster); /* 28 bits */
void fat_table_set(struct fat_volume *volume, u32 cluster, u32 value);
bool fat_cluster_valid(const struct fat_volume *volume, u32 cluster);
/* The successor, 0 behind the last one. ERR_INVALID: the chain leads nowhere. */
MUST_CHECK int fat_chain_next(const struct fat_volume *volume, u32 cluster, u32 *next);
/* count clusters as a chain with its end. ERR_FULL: nothing was taken. In memory until fat_commit. */
MUST_CHECK int fat_chain_allocate(struct fat_volume *volume, u32 count, u32 *first);
void fat_chain_free(struct fat_volume *volume, u32 first);
/* What changed in the table goes to all copies, FSInfo too; then a flush. A failure marks the volume. */
MUST_CHECK int fat_commit(struct fat_volume *volume);

/* fat_volume.c */
u64 fat_cluster_bytes(const struct fat_volume *volume);
u64 fat_cluster_sector(const struct fat_volume *volume, u32 cluster); /* of FAT's sectors */
/* In FAT's sectors; buffer in the direct map. A failed write marks the volume [lock]. */
MUST_CHECK int fat_sectors_read(struct fat_volume *volume, u64 sector, void *buffer, u32 count);
MUST_CHECK int fat_sectors_write(struct fat_volume *volume, u64 sector, const void *buffer, u32 count);
/* May something be changed? OK, ERR_UNSUPPORTED, ERR_IO. [lock] */
MUST_CHECK int fat_may_write(const struct fat_volume *volume);
/* A cluster's bytes become zero. */
MUST_CHECK int fat_cluster_zero(struct fat_volume *volume, u32 cluster);

/* fat_directory.c [lock] */
struct fat_cursor fat_cursor_start(u32 folder_cluster);
/* 1: *slot is the slot (valid until the next call here) and the cursor stands behind it; 0: the folder's end; or an error. */
MUST_CHECK int fat_cursor_slot(struct fat_volume *volume, struct fat_cursor *cursor, struct fat_place *place, const u8 **slot);
/* The next file or folder, dots and labels apart: 1, 0 at the end, or an error. */
MUST_CHECK int fat_cursor_entry(struct fat_volume *volume, struct fat_cursor *cursor, struct fat_entry *entry);
/* OK or ERR_NOT_FOUND… */
MUST_CHECK int fat_folder_find(struct fat_volume *volume, u32 folder, const char *name, struct fat_entry *entry);
/* The slot at place, writable in the volume's buffer; fat_slot_write puts the sector back. */
MUST_CHECK int fat_slot_load(struct fat_volume *volume, struct fat_place place, u8 **slot);
MUST_CHECK int fat_slot_write(struct fat_volume *volume);

/* fat_entry.c [lock]: entries made, changed, taken away; each ends with a flush */
MUST_CHECK int fat_entry_add(struct fat_volume *volume, u32 folder, const char *name, u8 attributes, u32 cluster, u32 size_bytes,
			     struct fat_entry *entry);
MUST_CHECK int fat_entry_remove(struct fat_volume *volume, const struct fat_entry *entry);
/* Cluster, size and time of the one at place, in one write. */
MUST_CHECK int fat_entry_update(struct fat_volume *volume, struct fat_place place, u32 cluster, u32 size_bytes);
MUST_CHECK int fat_entry_rename(struct fat_volume *volume, u32 folder, const struct fat_entry *entry, const char *name);

/* fat_path.c [lock]: finds what a path names; parent: the folder's first cluster, also when the last part is not there. */
MUST_CHECK int fat_path_find(struct fat_volume *volume, const char *path, struct fat_entry *entry, u32 *parent, const char **last);
bool fat_is_open(struct fat_volume *volume, struct fat_place place);

/* fat_data.c: inside of the chain, whatever the size says. Not locked. */
MUST_CHECK int fat_data_move(struct fat_file *file, bool write, u64 offset, u8 *buffer, u64 size_bytes);

/* fat_check.c: chains and folders, each cluster once. Sets lost_clusters. ERR_INVALID with words. */
MUST_CHECK int fat_check(struct fat_volume *volume, char *problem, size_t problem_size);

static inline u32 fat_little16(const u8 *at) { return at[0] | (u32)at[1] << 8; }
static inline u32 fat_little32(const u8 *at) { return fat_little16(at) | fat_little16(at + 2) << 16; }
static inline void fat_put16(u8 *at, u32 value) { at[0] = (u8)value, at[1] = (u8)(value >> 8); }
static inline void fat_put32(u8 *at, u32 value) { fat_put16(at, value), fat_put16(at + 2, value >> 16); }

#endif

/* SPDX-License-Identifier: MIT */
/*
 * FAT32 file systems: mounted, read and written. After Microsoft's "FAT32 File System Specification" (fatgen103, 2000).
 *
 * The disk is hostile: mounting reads the whole allocation table into memory and walks every directory, so that a chain with a loop,
 * two files with a cluster in common or a file shorter than its size is refused before anything is written. Nothing is repaired.
 *
 * What a cut of power leaves: each step that decides is one sector, and is flushed before the next. So what was there stays whole; at
 * worst clusters are lost (used by no file, or behind a file's end), which `fsck.fat` gives back. docs/storage.md has the orders.
 *
 * Paths are "folder/file", below the root, without dots alone; letter case does not count. Everything here is for threads and sleeps;
 * each volume has one lock of its own (docs/locking.md), so any thread may call. Errors: ERR_NOT_FOUND, ERR_EXISTS, ERR_INVALID (a
 * name that FAT cannot have, a folder where a file is meant), ERR_BUSY (open, or a folder that is not empty), ERR_FULL, ERR_RANGE
 * (longer than 4 GiB - 1), ERR_IO (then nothing more is written until it is mounted anew), ERR_UNSUPPORTED (read-only), ERR_NO_MEMORY.
 * Next to read: fat_internal.h, fat_volume.c (mount), fat_table.c, fat_directory.c, fat_file.c.
 */
#ifndef HV_BLOCK_FAT_H
#define HV_BLOCK_FAT_H

#include "hv/block_device.h"

#define FAT_NAME_MAX 766      /* 255 UTF-16 units as UTF-8, and its end */
#define FAT_NEW_NAME_UNITS 195 /* of a name that is made here: its entry fits one sector */
#define FAT_FILE_MAX 0xffffffffull

struct fat_volume;
struct fat_file;

struct fat_info { /* a file or folder */
	char name[FAT_NAME_MAX];
	bool folder, hidden, system, read_only;
	u32 size_bytes;
	u64 allocated_bytes;
	u64 modified_s;    /* since 1970 */
};

struct fat_space {
	u64 total_bytes, free_bytes;
	u64 lost_bytes;    /* found at mount: used by no file */
	u32 cluster_bytes;
	u32 serial;        /* the volume's number */
	char label[12];
	bool read_only;
};

/*
 * device: opened by the caller, who keeps it open until fat_unmount. problem: what is wrong, in words, for ERR_INVALID and
 * ERR_UNSUPPORTED. The table is kept in memory: 4 bytes for each cluster, at most 64 MiB.
 */
MUST_CHECK int fat_mount(struct block_device *device, bool read_only, struct fat_volume **out, char *problem, size_t problem_size);
void fat_unmount(struct fat_volume *volume); /* no file of it open */
void fat_get_space(struct fat_volume *volume, struct fat_space *space);

MUST_CHECK int fat_stat(struct fat_volume *volume, const char *path, struct fat_info *info); /* "" is the root */
/* Calls visit for what lies in the folder until it returns false; visit must not call into the volume. */
MUST_CHECK int fat_list(struct fat_volume *volume, const char *path, bool (*visit)(void *context, const struct fat_info *info),
			void *context);
MUST_CHECK int fat_make_folder(struct fat_volume *volume, const char *path);
MUST_CHECK int fat_delete(struct fat_volume *volume, const char *path); /* a file, or an empty folder */
/*
 * Another name in the same folder. It is one write of one sector; ERR_FULL: the sector has no room for a name so long (copy and
 * delete instead).
 */
MUST_CHECK int fat_rename(struct fat_volume *volume, const char *path, const char *new_name);

/*
 * The whole of a small file, made or replaced: written as a new chain, flushed, then the entry is switched in one sector. After a
 * cut of power the file has either the old bytes or the new ones. data: anywhere.
 */
MUST_CHECK int fat_replace(struct fat_volume *volume, const char *path, const void *data, u32 size_bytes);
/* Reads a whole file of at most max bytes (ERR_RANGE beyond); *data is kmalloc'd, with a zero byte behind. */
MUST_CHECK int fat_read_whole(struct fat_volume *volume, const char *path, u32 max, void **data, u32 *size_bytes);

/* Files opened. The same file opened again gives the same handle, counted; an open file is not deleted, renamed or replaced. */
enum fat_open_flag { FAT_CREATE = BIT32(0), FAT_EXCLUSIVE = BIT32(1) /* with CREATE: must not be there */ };
MUST_CHECK int fat_open(struct fat_volume *volume, const char *path, unsigned flags, struct fat_file **out);
void fat_close(struct fat_file *file);
u32 fat_size(const struct fat_file *file);
/*
 * Longer or shorter, durable when it returns. New bytes are zeroes; undefined: they are whatever lies there (the caller writes
 * them before anyone reads). One at a time for a file; the volume is not locked while zeroes are written.
 */
MUST_CHECK int fat_resize(struct fat_file *file, u64 size_bytes, bool undefined);
/* Inside of the file's size only (ERR_RANGE). buffer: in the direct map, aligned to 4. Data are durable after fat_flush. */
MUST_CHECK int fat_read(struct fat_file *file, u64 offset, void *buffer, u64 size_bytes);
MUST_CHECK int fat_write(struct fat_file *file, u64 offset, const void *buffer, u64 size_bytes);
MUST_CHECK int fat_flush(struct fat_volume *volume);

/* Where a file's sectors lie: [first, first + count) of the file at `disk` of the device. */
struct fat_extent { u64 first, disk, count; };
/* The extents from the file's sector `from` on, whole clusters, in order; stops when visit returns false. */
void fat_extents(struct fat_file *file, u64 from, bool (*visit)(void *context, const struct fat_extent *extent), void *context);

#endif

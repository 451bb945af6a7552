/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a disk image, wherever they lie: what an image format (raw, qcow2) stands on.
 *
 * A path names them: "/dev/NAME" a block device, "/solera/NAME" a file that came with the boot (in memory, gone at power-off),
 * anything else a file of a FAT32 file system ("/nvme0n1p2/images/debian.qcow2", docs/storage.md). Reading and writing goes to
 * the device, as to any other (hv/block_device.h); this adds how many bytes there are, and growing. Thread context.
 * Next to read: image_file.c.
 */
#ifndef HV_BLOCK_IMAGE_FILE_H
#define HV_BLOCK_IMAGE_FILE_H

#include "hv/block/registry.h"

enum image_file_resize_flag {
	/*
	 * New bytes may be anything, also what a deleted file left there: whoever asks for it writes them before it lets anybody
	 * read them. Without it they read as zeroes, and writing those takes as long as the disk needs.
	 */
	IMAGE_FILE_UNDEFINED = BIT32(0),
};

struct image_file {
	struct block_user user;      /* has the device open; user.words: why image_file_open refused */
	struct block_device *device; /* where the bytes are: size_bytes rounded up to whole sectors */
	/*
	 * (a) Of the file, or of the whole device. It moves only by the resize of the one who opened the file to write it; the
	 * device's limits.sector_count follows before resize returns.
	 */
	u64 size_bytes;
	/*
	 * NULL: the size is fixed (a disk, a partition, a boot file). Makes the file longer or shorter; when it returns OK, a cut of
	 * power does not undo it, and when it fails, or power is cut meanwhile, the size is the old one or, cut short, the new one.
	 * Requests may be under way, but none behind the smaller of both sizes. One caller at a time, opened to write; may sleep
	 * long. ERR_FULL: the file system has no room; ERR_RANGE: longer than FAT32 can (4 GiB - 1); ERR_IO.
	 */
	int (*resize)(struct image_file *file, u64 size_bytes, u32 flags);
	/* Everything that was completed before it is durable when it returns: for metadata. Guests' flushes are submitted to device. */
	int (*flush)(struct image_file *file);
	void *context;               /* the implementer's */
};

/*
 * Opens what path names, in one of the registry's ways. who: for words ("domain demo"); holder: as in struct block_user, NULL
 * for the most. A file of a file system is a block device while somebody has it open. The caller owns *file, which stays until
 * image_file_close. ERR_NOT_FOUND, ERR_BUSY, ERR_UNSUPPORTED, ERR_INVALID (no such kind of path), ERR_NO_MEMORY, ERR_IO: each
 * with words in file->user.words.
 */
MUST_CHECK int image_file_open(struct image_file *file, const char *path, enum block_open_mode mode, const char *who,
			       const struct block_device *holder);
void image_file_close(struct image_file *file); /* after the last of the requests was completed */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A file of a FAT32 file system as a block device: "file0", "file1"…, made when the first opens it, gone when the last closes it.
 *
 * Requests go to the disk below where the file's clusters lie, with the same segments: a guest's data are not copied. For
 * hv/block/image_file.c only; everybody else calls image_file_open. Thread context.
 */
#ifndef HV_BLOCK_FILE_DISK_H
#define HV_BLOCK_FILE_DISK_H

#include "hv/block/image_file.h"

/* As image_file_open, for "/DEVICE/path"; user's name and holder are set. */
MUST_CHECK int file_disk_open(struct image_file *file, const char *path, enum block_open_mode mode);
void file_disk_close(struct image_file *file);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Mounted file systems, by the device that they lie on. One is mounted when the first asks for it, and again not when the last let go.
 *
 * A file's full path begins with its device: "/nvme0n1p2/images/debian.qcow2"; "/stick/..." is the file system that holds the store, which
 * is the stick or disk that Solera was written to, whatever its name is this time. While it is mounted, the device is open to write (or
 * to read, where it can only be read): nobody else writes it, and its disk is not opened as a whole. Thread context.
 * Next to read: fat.h, file_disk.h.
 */
#ifndef HV_BLOCK_FILE_SYSTEM_H
#define HV_BLOCK_FILE_SYSTEM_H

#include "hv/block/fat.h"

struct file_system;

/* Mounts it, or counts one more user. words: why not, for people. Errors of block_open and fat_mount. */
MUST_CHECK int file_system_get(const char *device_name, struct file_system **out, char *words, size_t words_size);
void file_system_put(struct file_system *file_system);
struct fat_volume *file_system_volume(struct file_system *file_system);
const char *file_system_device(const struct file_system *file_system); /* its name */
/* What devices of its files have as their parent: so that they count as lying on it. */
struct block_device *file_system_anchor(struct file_system *file_system);
struct block_device *file_system_below(struct file_system *file_system); /* where its sectors are */

#define FILE_SYSTEM_STICK "stick"
/* Once, at start-up, by hv/manage/store.c: what "stick" stands for; "": nothing, and the word is a device's name like another. */
void file_system_set_stick(const char *device_name);

/* "/DEVICE/rest": copies the device's name and returns rest ("" for the root); NULL: it is no such path. */
const char *file_path_split(const char *path, char device_name[BLOCK_NAME_MAX]);

#endif

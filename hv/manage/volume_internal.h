/* SPDX-License-Identifier: MIT */
/* What volume.c and volume_copy.c share. */
#ifndef HV_MANAGE_VOLUME_INTERNAL_H
#define HV_MANAGE_VOLUME_INTERNAL_H

#include "hv/block/file_system.h"
#include "hv/manage/volume.h"

/* A file that becomes a volume: "NAME.part" until volume_new_end. */
struct new_volume {
	struct file_system *file_system;
	struct fat_file *file;
	char name[VOLUME_NAME_MAX];
	char part[VOLUME_PATH_MAX];      /* inside of the file system */
	char part_path[VOLUME_PATH_MAX]; /* as image_file_open takes it */
};

int volume_pool(const char *pool, struct pool_info *info, struct manage_error *error); /* active, or refused */
int volume_new_begin(const char *pool, const char *name, struct new_volume *new, struct manage_error *error);
/* code OK: it gets its name, durable. Else it is deleted, and the code put in words. */
int volume_new_end(struct new_volume *new, int code, struct manage_error *error);
int volume_refuse(int code, const char *what, struct manage_error *error); /* FAT's codes in words */

#endif

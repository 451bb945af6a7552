/* SPDX-License-Identifier: MIT */
/*
 * Volumes of pools, as libvirt knows them: files of a file system, partitions of a disk. Data in and out; threads only, sleeps.
 *
 * What is made or copied stands under "NAME.part" until it is whole, then gets its name in one write: a cut of power leaves the
 * .part file, never half a volume under its name. Next to read: volume.c, volume_copy.c, pool.h.
 */
#ifndef HV_MANAGE_VOLUME_H
#define HV_MANAGE_VOLUME_H

#include "hv/manage/pool.h"

#define VOLUME_NAME_MAX 200
#define VOLUME_PATH_MAX 256 /* as long as a disk's source may be */

struct volume_info {
	char name[VOLUME_NAME_MAX];
	char path[VOLUME_PATH_MAX];
	char pool[POOL_NAME_MAX + 1];
	bool block;                 /* a partition */
	bool qcow2;                 /* by what it begins with */
	u64 capacity_bytes, allocation_bytes;
};

/* Told as work goes on; false gives it up. */
struct volume_progress {
	bool (*tell)(void *context, u64 done_bytes, u64 total_bytes);
	void *context;
};

/* All of an active pool, in the order of the disk; kmalloc. */
MUST_CHECK int volumes_all(const char *pool, struct volume_info **infos, size_t *count, struct manage_error *error);
/* By name in the pool; or by path (pool NULL, or the path's). */
MUST_CHECK int volume_find(const char *pool, const char *name_or_path, struct volume_info *info, struct manage_error *error);
/* A raw one, all zeroes. */
MUST_CHECK int volume_create(const char *pool, const char *name, u64 capacity_bytes, const struct volume_progress *progress,
			     struct manage_error *error);
/* An empty qcow2 image, which holds a disk of capacity_bytes and grows as that is written. */
MUST_CHECK int volume_create_qcow2(const char *pool, const char *name, u64 capacity_bytes, struct manage_error *error);
MUST_CHECK int volume_delete(const struct volume_info *volume, struct manage_error *error);
MUST_CHECK int volume_resize(const struct volume_info *volume, u64 capacity_bytes, bool shrink, struct manage_error *error);
/* A new volume in the same pool with the same bytes. */
MUST_CHECK int volume_clone(const struct volume_info *from, const char *name, const struct volume_progress *progress,
			    struct manage_error *error);
/* The bytes of source ("/solera/NAME", or a volume's path) over the volume's, from its start. */
MUST_CHECK int volume_upload(const struct volume_info *volume, const char *source, const struct volume_progress *progress,
			     struct manage_error *error);
char *volume_dump_xml(const struct volume_info *volume); /* kmalloc; NULL: no memory */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Storage pools, as libvirt knows them: places where volumes are. What the shell and, later, the remote API call.
 *
 *   fs    a FAT32 file system; its volumes are the files of its root. Solera mounts /dev/NAME at /NAME, so that is its target.
 *   dir   a folder of one: target /NAME/folder
 *   disk  a disk with partitions, which are its volumes; they stand in /dev
 *
 * A pool that is started keeps its file system mounted. Data in and out, copies; threads only, sleeps. Functions that can fail
 * return OK or MANAGE_FAILED with words. Pools are named by name or UUID. Next to read: pool.c, pool_xml.c, volume.h.
 */
#ifndef HV_MANAGE_POOL_H
#define HV_MANAGE_POOL_H

#include "hv/block_device.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/error.h"

#define POOL_NAME_MAX 64
#define POOL_PATH_MAX 200

enum pool_type { POOL_DIR, POOL_FS, POOL_DISK };

struct pool_config {
	char name[POOL_NAME_MAX + 1];
	struct domain_uuid uuid;
	bool has_uuid;
	u8 type;                     /* enum pool_type */
	char device[BLOCK_NAME_MAX]; /* "sda1": of fs and disk as given, of dir out of its target */
	char target[POOL_PATH_MAX];  /* "/sda1/images", "/dev" */
};

struct pool_info {
	struct pool_config config;
	bool active, autostart;
	u64 capacity_bytes, allocation_bytes, available_bytes; /* active ones only */
	char kept[256];              /* where its definition is kept, or how long it lives, in a sentence */
};

const char *pool_type_name(u8 type); /* "dir" */

/* Defines what the store has, starts those marked. After store_find. */
void pools_load_store(void);

MUST_CHECK int pool_find(const char *name_or_uuid, struct pool_info *info, struct manage_error *error);
/* Copies of all, in order of definition; kmalloc. */
MUST_CHECK int pools_all(struct pool_info **infos, size_t *count, struct manage_error *error);

/* XML as pool-define takes it: what is not in the subset is refused with its line. The UUID of the same name is kept. */
MUST_CHECK int pool_define_xml(const char *file, const char *xml, size_t size, struct pool_info *info, struct manage_error *error);
MUST_CHECK int pool_define(const struct pool_config *config, struct pool_info *info, struct manage_error *error); /* must be new */
MUST_CHECK int pool_undefine(const char *name, char kept[256], struct manage_error *error);
MUST_CHECK int pool_start(const char *name, struct manage_error *error);
MUST_CHECK int pool_stop(const char *name, struct manage_error *error);
MUST_CHECK int pool_set_autostart(const char *name, bool autostart, struct pool_info *info, struct manage_error *error);
char *pool_dump_xml(const struct pool_info *info); /* kmalloc; NULL: no memory */

/* pool_xml.c */
MUST_CHECK int pool_xml_parse(struct pool_config *config, const char *file, const char *xml, size_t size, struct manage_error *error);
/* Fills device or target from the other where one is enough; refuses what does not fit together. */
MUST_CHECK int pool_config_complete(struct pool_config *config, struct manage_error *error);

#endif

/* SPDX-License-Identifier: MIT */
/* Limits of disks: shown, and changed in the description and in the machine that runs. */
#include "hv/manage/domain_iotune.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"

#define GROUP 3u /* total, read, write */

static struct domain_disk *find(struct domain_config *config, const char *path)
{
	for (u32 i = 0; i < config->disk_count; i++)
		if (domain_disk_is(&config->disks[i], path))
			return &config->disks[i];
	return NULL;
}

static int not_found(const char *path, bool live, struct manage_error *error)
{
	return manage_fail(error, MANAGE_ERR_INVALID_ARG,
			   live ? "disk '%s' was not found in the domain config" : "missing persistent configuration for disk '%s'", path);
}

/* [operation or domains_lock] */
static int impact(struct domain *domain, unsigned flags, bool *live, bool *config, struct manage_error *error)
{
	*live = flags & DOMAIN_TUNE_LIVE || (!(flags & DOMAIN_TUNE_CONFIG) && domain->vm);
	*config = flags & DOMAIN_TUNE_CONFIG || (!(flags & DOMAIN_TUNE_LIVE) && !domain->vm);
	if (*live && !domain->vm)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	if (*config && !domain->persistent)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "transient domains do not have any persistent config");
	return OK;
}

int domain_get_iotune(struct domain *domain, unsigned flags, const char *path, u64 values[DOMAIN_IOTUNE_COUNT], struct manage_error *error)
{
	const struct domain_disk *disk = NULL;
	bool live, config;
	int code;

	mutex_lock(&domains_lock);
	code = impact(domain, flags, &live, &config, error);
	if (!code) {
		disk = find(live ? &domain->running : &domain->config, path);
		if (disk)
			memcpy(values, disk->iotune, sizeof(disk->iotune));
	}
	mutex_unlock(&domains_lock);
	return code || disk ? code : not_found(path, live, error);
}

/* What the disk would have, judged. */
static int merge(const struct domain_disk *disk, u32 which, const u64 *values, u64 *merged, struct manage_error *error)
{
	char words[160];

	if (disk->scsi)
		return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "disk '%s': only disks on bus 'virtio' have limits", disk->target);
	memcpy(merged, disk->iotune, sizeof(disk->iotune));
	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i++) {
		u32 group = i / GROUP * GROUP;

		if (which >> group & (BIT32(GROUP) - 1))
			merged[i] = which >> i & 1 ? values[i] : 0;
		/* A limit that is gone takes its burst with it. */
		if (i >= DISK_LIMITS && !merged[i - DISK_LIMITS] && !(which >> i & 1))
			merged[i] = 0;
	}
	if (domain_iotune_problem(merged, words, sizeof(words)))
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "%s", words);
	return OK;
}

static void store(struct domain_disk *disk, const u64 *merged)
{
	mutex_lock(&domains_lock);
	memcpy(disk->iotune, merged, sizeof(disk->iotune));
	mutex_unlock(&domains_lock);
}

int domain_set_iotune(struct domain *domain, unsigned flags, const char *path, u32 which, const u64 values[DOMAIN_IOTUNE_COUNT],
		      struct manage_error *error)
{
	u64 live_values[DOMAIN_IOTUNE_COUNT], config_values[DOMAIN_IOTUNE_COUNT];
	struct domain_disk *running = NULL, *described = NULL;
	bool live, config;
	int code;

	mutex_lock(&domain->operation);
	code = impact(domain, flags, &live, &config, error);
	if (!code && live) {
		running = find(&domain->running, path);
		code = running ? merge(running, which, values, live_values, error) : not_found(path, true, error);
	}
	if (!code && config) {
		described = find(&domain->config, path);
		code = described ? merge(described, which, values, config_values, error) : not_found(path, false, error);
	}
	if (!code && running) {
		store(running, live_values);
		domain_disks_limit(domain, (u32)(running - domain->running.disks), live_values);
	}
	if (!code && described)
		store(described, config_values);
	mutex_unlock(&domain->operation);
	return code;
}

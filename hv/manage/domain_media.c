/* SPDX-License-Identifier: MIT */
/*
 * See domain_media.h. The new medium is opened before the old one is let go, so what cannot be opened changes nothing. While the guest is
 * asked for a medium that it holds, the domain's lock is free: the machine may end meanwhile.
 */
#include "hv/manage/domain_media.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_tune.h"
#include "hv/manage/domain_xml.h"
#include "hv/thread.h"

#define ANSWER_NS (5 * NS_PER_S) /* as libvirt waits for a tray */
#define LOOK_NS (100 * NS_PER_MS)

static int find_drive(struct domain_config *config, const char *target, struct domain_disk **drive, struct manage_error *error)
{
	for (u32 i = 0; i < config->disk_count; i++) {
		*drive = &config->disks[i];
		if (!string_equal((*drive)->target, target))
			continue;
		if ((*drive)->cdrom)
			return OK;
		return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "disk '%s' is no cdrom: its source does not change", target);
	}
	return manage_fail(error, MANAGE_ERR_INVALID_ARG, "no device found at address or target '%s'", target);
}

/* [operation] *source: kmalloc'd, becomes the drive's. No volume is put into a drive: change-media has no words for it. */
static void replace(struct domain_disk *drive, const struct domain_disk *with, char **source)
{
	char *before = drive->source, *pool = drive->pool;

	mutex_lock(&domains_lock);
	drive->source = *source;
	drive->pool = NULL;
	drive->volume = false;
	drive->block = with->block;
	drive->qcow2 = with->qcow2;
	mutex_unlock(&domains_lock);
	*source = NULL;
	kfree(before);
	kfree(pool);
}

/* [operation] One try. *held: the guest has not let go yet. */
static int update(struct domain *domain, const struct domain_disk *with, bool force, unsigned flags, bool *held, struct manage_error *error)
{
	char *sources[2] = { with->source ? kstrdup(with->source) : NULL, with->source ? kstrdup(with->source) : NULL };
	struct domain_disk *running = NULL, *described = NULL;
	bool live, config;
	int code = domain_impact(domain, flags, &live, &config, error);

	*held = false;
	if (!code && with->source && (!sources[0] || !sources[1]))
		code = manage_fail_no_memory(error);
	if (!code && config)
		code = find_drive(&domain->config, with->target, &described, error);
	if (!code && live)
		code = find_drive(&domain->running, with->target, &running, error);
	if (!code && running)
		code = domain_disk_put_medium(domain, running, with, force, held, error);
	if (!code && running)
		replace(running, with, &sources[0]);
	if (!code && described) {
		replace(described, with, &sources[1]);
		(void)domain_keep(domain);
	}
	kfree(sources[0]);
	kfree(sources[1]);
	return code;
}

int domain_update_medium(struct domain *domain, const char *xml, size_t size, bool force, unsigned flags, struct manage_error *error)
{
	struct domain_config *alone = kzalloc(sizeof(*alone));
	u64 end = clock_ns() + ANSWER_NS;
	bool held = false;
	int code;

	if (!alone)
		return manage_fail_no_memory(error);
	domain_config_init(alone);
	code = domain_xml_parse_disk(alone, false, "(device_definition)", xml, size, error);
	while (!code) {
		mutex_lock(&domain->operation);
		code = update(domain, &alone->disks[0], force, flags, &held, error);
		mutex_unlock(&domain->operation);
		if (!held || clock_ns() >= end)
			break;
		thread_sleep_ns(LOOK_NS);
		code = OK;
	}
	domain_config_release(alone);
	kfree(alone);
	return code;
}

/* SPDX-License-Identifier: MIT */
/*
 * See domain_hotplug.h. To leave, a disk is asked for by the guest's root port; when the guest has let go, the policy thread (or whoever
 * waits here) destroys the device and closes what it stood on. Until then the running description has it.
 */
#include "hv/manage/domain_hotplug.h"
#include "hv/manage/domain_disks.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_tune.h"
#include "hv/manage/domain_xml.h"

#define ANSWER_NS (15 * NS_PER_S) /* Linux waits 5 s for the button to be pressed again, then 1 s for the power */
#define LOOK_NS (20 * NS_PER_MS)

/* By target or source; disk_count: none. */
static u32 find(const struct domain_config *config, const char *path)
{
	u32 i = 0;

	while (i < config->disk_count && !domain_disk_is(&config->disks[i], path))
		i++;
	return i;
}

/* [operation] Takes the disk out of a description; its strings are freed. */
static void take_out(struct domain_config *config, u32 index)
{
	struct domain_disk gone = config->disks[index];

	mutex_lock(&domains_lock);
	config->disk_count--;
	for (u32 i = index; i < config->disk_count; i++)
		config->disks[i] = config->disks[i + 1];
	config->disks[config->disk_count] = (struct domain_disk){ .source = NULL };
	mutex_unlock(&domains_lock);
	domain_disk_release(&gone);
}

/* A copy, kmalloc'd: the structure is too large for a stack. */
static struct domain_config *copy(const struct domain_config *from, struct manage_error *error)
{
	struct domain_config *to = kzalloc(sizeof(*to));

	if (to && domain_config_copy(to, from) == OK)
		return to;
	kfree(to);
	manage_fail_no_memory(error);
	return NULL;
}

static void drop(struct domain_config *config)
{
	if (config)
		domain_config_release(config);
	kfree(config);
}

/* [operation] The copy's last disk becomes the description's: the rest of it stays where it is, a machine borrows from it. */
static void take_over(struct domain_config *config, struct domain_config *with)
{
	mutex_lock(&domains_lock);
	config->disks[config->disk_count++] = with->disks[--with->disk_count];
	if (!config->virtio_scsi && with->virtio_scsi) { /* a controller for it; in a running machine there is one already */
		config->virtio_scsi = true;
		config->virtio_scsi_slot = with->virtio_scsi_slot;
	}
	mutex_unlock(&domains_lock);
	with->disks[with->disk_count] = (struct domain_disk){ .source = NULL };
}

static int choose_port(const struct domain_config *config, struct domain_disk *disk, struct manage_error *error)
{
	u32 used = 0;

	for (u32 i = 0; i < config->disk_count; i++)
		if (&config->disks[i] != disk)
			used |= BIT32(config->disks[i].bus);
	if (disk->slot)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "PCI bus 0 does not support hotplug: a running machine takes devices "
				   "behind root ports (<controller type='pci' model='pcie-root-port'/>)");
	if (disk->bus > config->root_port_count || (disk->bus && (used & BIT32(disk->bus))))
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "there is no free root port of index %u", disk->bus);
	for (u8 port = 1; !disk->bus && port <= config->root_port_count; port++)
		disk->bus = used & BIT32(port) ? 0 : port;
	return disk->bus ? OK : manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "No more available PCI slots");
}

/* [operation] config is a copy of the running one with the disk at its end. */
static int attach_live(struct domain *domain, struct domain_config *config, struct manage_error *error)
{
	struct domain_disk *disk = &config->disks[config->disk_count - 1];
	struct device_spec spec;
	const char *words = NULL;
	int code;

	if (disk->cdrom)
		return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "cdrom/floppy device hotplug isn't supported");
	if (disk->scsi)
		return domain_disk_plug(domain, disk, error);
	code = choose_port(config, disk, error);
	code = code ? code : domain_disk_open(domain, disk, &spec, error);
	if (code)
		return code;
	if (vm_device_attach(domain->vm, &spec, &words) == OK)
		return OK;
	domain_disk_close(domain, disk->place);
	return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': %s", disk->target, words ? words : "it cannot be attached");
}

int domain_attach_device(struct domain *domain, const char *file, const char *xml, size_t size, unsigned flags,
			 struct manage_error *error)
{
	struct domain_config *next = NULL, *now = NULL;
	bool live, config;
	int code;

	mutex_lock(&domain->operation);
	code = domain_impact(domain, flags, &live, &config, error);
	if (!code && config)
		code = (next = copy(&domain->config, error)) ? domain_xml_parse_disk(next, true, file, xml, size, error) : MANAGE_FAILED;
	if (!code && live)
		code = (now = copy(&domain->running, error)) ? domain_xml_parse_disk(now, false, file, xml, size, error) : MANAGE_FAILED;
	if (!code && live)
		code = attach_live(domain, now, error);
	if (!code && live)
		take_over(&domain->running, now);
	if (!code && config) {
		take_over(&domain->config, next);
		(void)domain_keep(domain);
	}
	mutex_unlock(&domain->operation);
	drop(next);
	drop(now);
	return code;
}

void domain_reap_devices(struct domain *domain)
{
	for (u32 i = 0; domain->vm && i < domain->running.disk_count;) {
		const struct domain_disk *disk = &domain->running.disks[i];
		u8 place = disk->place;

		if (!disk->bus || !vm_device_reap(domain->vm, domain_disk_alias(domain, disk))) {
			i++;
			continue;
		}
		take_out(&domain->running, i);
		domain_disk_close(domain, place);
	}
}

/* [operation] */
static int ask(struct domain *domain, const char *path, struct manage_error *error)
{
	u32 index = find(&domain->running, path);
	int code;

	if (index == domain->running.disk_count)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk %s not found", path);
	if (domain->running.disks[index].scsi) { /* nobody is asked: the guest is told that it is gone, as when a cable is pulled */
		domain_disk_unplug(domain, &domain->running.disks[index]);
		take_out(&domain->running, index);
		return OK;
	}
	code = vm_device_ask(domain->vm, domain_disk_alias(domain, &domain->running.disks[index]), true);
	if (code == ERR_UNSUPPORTED)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s' stands on PCI bus 0, which does not support hotplug", path);
	return OK; /* one that has just left is reaped below */
}

/* Without the operation lock, which the policy thread wants. True: the disk is gone. */
static bool wait_until_gone(struct domain *domain, const char *path)
{
	u64 end = clock_ns() + ANSWER_NS;
	bool gone;

	for (;;) {
		mutex_lock(&domain->operation);
		domain_reap_devices(domain);
		gone = !domain->vm || find(&domain->running, path) == domain->running.disk_count;
		mutex_unlock(&domain->operation);
		if (gone || clock_ns() >= end)
			return gone;
		thread_sleep_ns(LOOK_NS);
	}
}

int domain_detach_disk(struct domain *domain, const char *path, unsigned flags, bool *left, struct manage_error *error)
{
	bool live, config;
	int code;

	*left = true;
	mutex_lock(&domain->operation);
	code = domain_impact(domain, flags, &live, &config, error);
	if (!code && config && find(&domain->config, path) == domain->config.disk_count)
		code = manage_fail(error, MANAGE_ERR_INVALID_ARG, "no target device %s", path);
	if (!code && live)
		code = ask(domain, path, error);
	if (!code && config) {
		take_out(&domain->config, find(&domain->config, path));
		(void)domain_keep(domain);
	}
	mutex_unlock(&domain->operation);
	if (!code && live)
		*left = wait_until_gone(domain, path);
	return code;
}

int domain_block_resize(struct domain *domain, const char *path, u64 size_bytes, struct manage_error *error)
{
	u32 index;
	int code;

	mutex_lock(&domain->operation);
	index = find(&domain->running, path);
	if (!domain->vm)
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	else if (index == domain->running.disk_count)
		code = manage_fail(error, MANAGE_ERR_INVALID_ARG, "invalid path: %s", path);
	else
		code = domain_disk_resize(domain, &domain->running.disks[index], ALIGN_UP(size_bytes, 512ull), error);
	mutex_unlock(&domain->operation);
	return code;
}

int domain_detach_device(struct domain *domain, const char *file, const char *xml, size_t size, unsigned flags, bool *left,
			 struct manage_error *error)
{
	struct domain_config *alone = kzalloc(sizeof(*alone));
	char target[sizeof(alone->disks[0].target)];
	int code;

	if (!alone)
		return manage_fail_no_memory(error);
	domain_config_init(alone);
	code = domain_xml_parse_disk(alone, false, file, xml, size, error);
	if (!code)
		string_copy(target, alone->disks[0].target, sizeof(target));
	drop(alone);
	return code ? code : domain_detach_disk(domain, target, flags, left, error);
}

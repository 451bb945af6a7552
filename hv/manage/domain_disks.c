/* SPDX-License-Identifier: MIT */
/*
 * A machine's disks (and its other devices' specifications) between its description and its devices: found, opened at start, closed after its end, and looked at.
 *
 * What a source names, and who has it open, is hv/block's to judge (image_file.h); what it says stands in the error.
 */
#include "hv/manage/domain_disks.h"
#include "hv/block/image_file.h"
#include "hv/block/qcow2.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_iotune.h"
#include "hv/manage/volume.h"
#include "hv/modules.h"

#define RNG_RATE_BYTES (256u * 1024) /* a second */

/* What a machine's disk stands on: a file as it is, or the image in it. */
struct opened_disk {
	struct image_file file;
	struct qcow2 *image;       /* NULL: raw */
	struct block_user user;    /* of the image's device */
	struct block_device *device;
};

struct domain_disks {
	bool used[DOMAIN_DISKS_MAX]; /* places that a disk of domain->running has: disk->place */
	struct opened_disk *opened[DOMAIN_DISKS_MAX]; /* NULL: a drive without a medium */
	struct disk_limits limits[DOMAIN_DISKS_MAX];
	struct device_scsi_unit units[DOMAIN_DISKS_MAX]; /* the controller's from the start */
	struct scsi_bus bus;       /* the controller; shared with the device */
	struct disk_statistics statistics[DOMAIN_DISKS_MAX];
	char aliases[DOMAIN_DISKS_MAX][16];
	struct balloon_state balloon; /* shared with the device */
	struct char_device *ports[DOMAIN_PORTS_MAX]; /* the machine's ends of domain->running.ports */
	struct device_spec specs[DOMAIN_DISKS_MAX + DOMAIN_NICS_MAX + 4]; /* the disks', then the other devices' */
};

static enum block_open_mode open_mode(const struct domain_disk *disk)
{
	return disk->readonly ? BLOCK_OPEN_READ : disk->shareable ? BLOCK_OPEN_SHARED : BLOCK_OPEN_EXCLUSIVE;
}

static int refuse(const struct domain_disk *disk, int code, const struct block_user *user, struct manage_error *error)
{
	switch (code) {
	case ERR_BUSY:
		return manage_fail(error, MANAGE_ERR_RESOURCE_BUSY, "disk '%s': %s: %s", disk->target, disk->source, user->words);
	case ERR_UNSUPPORTED:
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': %s: %s: its description needs <readonly/>",
				   disk->target, disk->source, user->words);
	case ERR_NO_MEMORY:
		return manage_fail_no_memory(error);
	case ERR_NOT_FOUND:
		if (disk->block)
			return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': there is no block device '%s' on this host",
					   disk->target, disk->source);
		if (string_starts_with(disk->source, "/solera/"))
			return manage_fail(error, MANAGE_ERR_OPERATION_FAILED,
					   "disk '%s': there is no file '%s' in \\solera\\ on the boot medium", disk->target,
					   domain_file_name(disk->source));
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': %s", disk->target, user->words);
	default:
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': %s cannot be opened%s%s", disk->target, disk->source,
				   *user->words ? ": " : "", user->words);
	}
}

static int open_qcow2(const struct domain_disk *disk, const char *who, struct opened_disk *opened, struct manage_error *error)
{
	enum manage_error_code kind = MANAGE_ERR_OPERATION_FAILED;
	char words[256];
	int code = qcow2_open(disk->source, !disk->readonly, who, &opened->image, words, sizeof(words));

	if (code == ERR_BUSY)
		kind = MANAGE_ERR_RESOURCE_BUSY;
	if (code)
		return manage_fail(error, kind, "disk '%s': %s", disk->target, words);
	opened->device = qcow2_device(opened->image);
	string_copy(opened->user.name, who, sizeof(opened->user.name));
	code = block_open(opened->device->name, open_mode(disk), &opened->user);
	if (code == OK)
		return OK;
	(void)qcow2_close(opened->image);
	return manage_fail(error, kind, "disk '%s': %s", disk->target, opened->user.words);
}

static int open_raw(const struct domain_disk *disk, const char *who, struct opened_disk *opened, struct manage_error *error)
{
	int code = image_file_open(&opened->file, disk->source, open_mode(disk), who, NULL);

	opened->device = opened->file.device;
	return code == OK ? OK : refuse(disk, code, &opened->file.user, error);
}

static void close_disk(struct opened_disk *opened)
{
	if (!opened)
		return;
	if (opened->image) {
		block_close(&opened->user);
		(void)qcow2_close(opened->image); /* it logs what went wrong */
	} else {
		image_file_close(&opened->file);
	}
	kfree(opened);
}

/* A volume is where its pool has it now. */
static int find_volume(struct domain_disk *disk, struct volume_info *info, struct manage_error *error)
{
	struct manage_error why;

	if (volume_find(disk->pool, disk->source, info, &why))
		return manage_fail(error, why.code, "disk '%s': volume '%.60s' of pool '%.60s': %s", disk->target, disk->source, disk->pool, why.text);
	disk->source = info->path;
	disk->block = info->block;
	return OK;
}

/* *out NULL: there is no medium. */
static int open_disk(const struct domain *domain, const struct domain_disk *described, struct opened_disk **out, struct manage_error *error)
{
	struct domain_disk place = *described, *disk = &place; /* its strings are borrowed */
	struct volume_info volume;
	struct opened_disk *opened;
	char who[64];
	int code;

	*out = NULL;
	if (!disk->source)
		return OK;
	if (disk->volume && find_volume(disk, &volume, error))
		return MANAGE_FAILED;
	opened = kzalloc(sizeof(*opened));
	if (!opened)
		return manage_fail_no_memory(error);
	format(who, sizeof(who), "domain %.50s", domain->running.name);
	code = disk->qcow2 ? open_qcow2(disk, who, opened, error) : open_raw(disk, who, opened, error);
	if (code == OK)
		*out = opened;
	else
		kfree(opened);
	return code;
}

static u8 device_policy(u8 written, u8 usual)
{
	switch (written) {
	case DISK_ON_ERROR_STOP: return DISK_ERRORS_STOP;
	case DISK_ON_ERROR_REPORT: return DISK_ERRORS_REPORT;
	case DISK_ON_ERROR_IGNORE: return DISK_ERRORS_IGNORE;
	case DISK_ON_ERROR_ENOSPACE: return DISK_ERRORS_ENOSPACE;
	default: return usual;
	}
}

/* As libvirt: what is said of all errors holds for reads too, but for enospace, which no read knows. */
static u8 read_policy(const struct domain_disk *disk)
{
	u8 written = disk->rerror_policy ? disk->rerror_policy : disk->error_policy;

	return device_policy(written == DISK_ON_ERROR_ENOSPACE ? (u8)DISK_ON_ERROR_UNSET : written, DISK_ERRORS_REPORT);
}

const char *domain_disk_alias(const struct domain *domain, const struct domain_disk *disk)
{
	return domain->disks->aliases[disk->place];
}

void domain_disk_close(struct domain *domain, u8 place)
{
	struct domain_disks *disks = domain->disks;

	close_disk(disks->opened[place]);
	disks->opened[place] = NULL;
	disks->used[place] = false;
}

/* Opens it and says what its device is to do with it. */
static int open_place(struct domain *domain, struct domain_disk *disk, struct device_disk *out, struct manage_error *error)
{
	struct domain_disks *disks = domain->disks;
	struct opened_disk *opened;
	u8 place = 0;
	int code = open_disk(domain, disk, &opened, error);

	if (code)
		return code;
	while (disks->used[place]) /* one is free: a machine has no more disks than there are places */
		place++;
	domain_iotune_limits(disk->iotune, &disks->limits[place]);
	disk->place = place;
	disks->used[place] = true;
	disks->opened[place] = opened;
	disks->statistics[place] = (struct disk_statistics){ 0 };
	*out = (struct device_disk){
		.device = opened ? opened->device : NULL, .serial = disk->serial, .statistics = &disks->statistics[place],
		.limits = disk->scsi ? NULL : &disks->limits[place], .read_errors = read_policy(disk),
		.write_errors = device_policy(disk->error_policy, DISK_ERRORS_ENOSPACE), .stopped = domain_disk_stopped, .context = domain,
		.queues = domain->running.vcpus, .read_only = disk->readonly, .discard = disk->discard == DISK_DISCARD_UNMAP,
		.writethrough = disk->cache == DISK_CACHE_WRITETHROUGH || disk->cache == DISK_CACHE_DIRECTSYNC,
	};
	return OK;
}

int domain_disk_open(struct domain *domain, struct domain_disk *disk, struct device_spec *spec, struct manage_error *error)
{
	struct device_disk device;
	int code = open_place(domain, disk, &device, error);
	char *alias;

	if (code)
		return code;
	alias = domain->disks->aliases[disk->place];
	format(alias, sizeof(domain->disks->aliases[0]), "virtio-disk%u", disk->place);
	*spec = (struct device_spec){ .model = "virtio-blk", .alias = alias, .slot = disk->slot, .port = disk->bus, .disk = device };
	return OK;
}

/* On the SCSI controller. */

static int open_unit(struct domain *domain, struct domain_disk *disk, struct device_scsi_unit *unit, struct manage_error *error)
{
	*unit = (struct device_scsi_unit){ .target = disk->drive_target, .lun = disk->drive_unit, .cdrom = disk->cdrom };
	return open_place(domain, disk, &unit->disk, error);
}

int domain_disk_plug(struct domain *domain, struct domain_disk *disk, struct manage_error *error)
{
	struct device_scsi_unit unit;
	int code;

	if (!domain->disks || !domain->disks->bus.device)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': the running machine has no SCSI controller "
				   "(<controller type='scsi' model='virtio-scsi'/>)", disk->target);
	code = open_unit(domain, disk, &unit, error);
	if (code)
		return code;
	if (domain->disks->bus.attach(domain->disks->bus.device, &unit) == OK)
		return OK;
	domain_disk_close(domain, disk->place);
	return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': its place on the SCSI controller is taken", disk->target);
}

void domain_disk_unplug(struct domain *domain, const struct domain_disk *disk)
{
	const struct scsi_bus *bus = &domain->disks->bus;

	if (bus->device)
		bus->detach(bus->device, disk->drive_target, disk->drive_unit);
	domain_disk_close(domain, disk->place);
}

int domain_disk_put_medium(struct domain *domain, const struct domain_disk *drive, const struct domain_disk *with, bool force, bool *held,
			   struct manage_error *error)
{
	struct domain_disks *disks = domain->disks;
	struct opened_disk *opened, *before = disks->opened[drive->place];
	int code = open_disk(domain, with, &opened, error);

	*held = false;
	if (code)
		return code;
	code = disks->bus.device ? disks->bus.set_medium(disks->bus.device, drive->drive_target, drive->drive_unit, opened ? opened->device : NULL,
							 force) : ERR_NOT_FOUND;
	if (code == OK) {
		disks->opened[drive->place] = opened;
		close_disk(before);
		return OK;
	}
	close_disk(opened);
	*held = code == ERR_BUSY;
	return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, *held ? "tray of disk '%s' is locked: the guest was asked to let go of the medium, "
			   "and has not (--force takes it away)" : "disk '%s': the drive is not there", drive->target);
}

int domain_disk_resize(struct domain *domain, const struct domain_disk *disk, u64 size_bytes, struct manage_error *error)
{
	struct opened_disk *opened = domain->disks->opened[disk->place];
	int code;

	if (disk->cdrom || !opened)
		return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "disk '%s' is a drive: its medium has its size", disk->target);
	if (opened->image)
		return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "disk '%s': qcow2 images are not resized by this version of Solera",
				   disk->target);
	if (!opened->file.resize)
		return manage_fail(error, MANAGE_ERR_OPERATION_UNSUPPORTED, "disk '%s': %s has a fixed size: only files of a file system that "
				   "one machine has to itself grow", disk->target, disk->source);
	if (size_bytes < opened->file.size_bytes)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "disk '%s' has %llu bytes: a disk in use does not get smaller", disk->target,
				   (unsigned long long)opened->file.size_bytes);
	code = opened->file.resize(&opened->file, size_bytes, 0);
	vm_device_changed(domain->vm, disk->scsi ? "scsi0" : domain_disk_alias(domain, disk)); /* also of a part, where it failed midway */
	if (!code)
		return OK;
	return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "disk '%s': %s: %s", disk->target, disk->source,
			   code == ERR_FULL ? "there is not enough space left in the file system" :
			   code == ERR_RANGE ? "a file of FAT32 has 4 GiB - 1 byte at most" :
			   code == ERR_NO_MEMORY ? "out of memory" : "the disk failed");
}

static struct device_spec scsi_spec(const struct domain *domain, u32 unit_count)
{
	return (struct device_spec){ .model = "virtio-scsi", .alias = "scsi0", .slot = domain->running.virtio_scsi_slot,
				     .scsi = { unit_count, domain->disks->units, domain->running.vcpus, &domain->disks->bus } };
}

/* Without <rate>: enough for any guest's start, and not for a flood. */
static struct device_spec rng_spec(const struct domain_rng *rng)
{
	u64 period_ms = rng->rate_period_ms ? rng->rate_period_ms : 1000;

	return (struct device_spec){
		.model = "virtio-rng", .alias = "rng0", .slot = rng->slot,
		.rng = { rng->rate_bytes ? rng->rate_bytes : RNG_RATE_BYTES, period_ms * NS_PER_MS },
	};
}

static struct device_spec console_spec(const struct domain_config *config, struct char_device **hosts)
{
	struct device_spec spec = { .model = "virtio-console", .alias = "virtio-serial0", .slot = config->virtio_serial_slot,
				    .console = { .port_count = 1 } };

	for (u32 i = 0; i < config->port_count; i++) {
		const struct domain_port *port = &config->ports[i];

		spec.console.ports[port->number] = (struct device_port){ port->name[0] ? port->name : NULL, port->console, &hosts[i] };
		spec.console.port_count = MAX(spec.console.port_count, port->number + 1u);
	}
	return spec;
}

static struct device_spec balloon_spec(const struct domain_config *config, struct balloon_state *state)
{
	const struct domain_balloon *balloon = &config->balloon;

	state->target_bytes = config->current_memory_kib * 1024;
	return (struct device_spec){ .model = "virtio-balloon", .alias = "balloon0", .slot = balloon->slot,
				     .balloon = { state, config->memory_kib * 1024, balloon->autodeflate == 1, balloon->reporting == 1 } };
}

struct balloon_state *domain_balloon_state(const struct domain *domain)
{
	return domain->disks && domain->running.balloon.present ? &domain->disks->balloon : NULL;
}

struct char_device *domain_port_host(const struct domain *domain, u32 i)
{
	return domain->disks ? domain->disks->ports[i] : NULL;
}

int domain_disks_open(struct domain *domain, struct vm_config *config, struct manage_error *error)
{
	struct domain_disks *disks;
	u32 units = 0;
	int code = OK;

	if (!domain->running.disk_count && !domain->running.virtio_scsi && !domain->running.nic_count && !domain->running.rng.present && !domain->running.virtio_serial &&
	    !domain->running.balloon.present && !domain->running.root_port_count)
		return OK;
	disks = kzalloc(sizeof(*disks));
	if (!disks)
		return manage_fail_no_memory(error);
	mutex_lock(&domains_lock);
	domain->disks = disks;
	mutex_unlock(&domains_lock);
	for (u32 i = 0; i < domain->running.disk_count && !code; i++) {
		struct domain_disk *disk = &domain->running.disks[i];

		code = disk->scsi ? open_unit(domain, disk, &disks->units[units++], error)
				  : domain_disk_open(domain, disk, &disks->specs[i - units], error);
	}
	if (code) {
		domain_disks_close(domain);
		return code;
	}
	config->devices = disks->specs;
	config->device_count = domain->running.disk_count - units;
	config->root_ports = domain->running.root_ports;
	config->root_port_count = domain->running.root_port_count;
	config->device_count += domain_nics_specs(domain, disks->specs + config->device_count);
	if (domain->running.virtio_scsi)
		disks->specs[config->device_count++] = scsi_spec(domain, units);
	if (domain->running.rng.present)
		disks->specs[config->device_count++] = rng_spec(&domain->running.rng);
	if (domain->running.balloon.present)
		disks->specs[config->device_count++] = balloon_spec(&domain->running, &disks->balloon);
	if (domain->running.virtio_serial)
		disks->specs[config->device_count++] = console_spec(&domain->running, disks->ports);
	return OK;
}

void domain_disks_close(struct domain *domain)
{
	struct domain_disks *disks = domain->disks;

	if (!disks)
		return;
	for (u8 place = 0; place < DOMAIN_DISKS_MAX; place++)
		if (disks->used[place])
			domain_disk_close(domain, place);
	mutex_lock(&domains_lock);
	domain->disks = NULL;
	mutex_unlock(&domains_lock);
	kfree(disks);
}

void domain_disks_limit(struct domain *domain, u32 index, const u64 *values)
{
	if (domain->disks && index < domain->running.disk_count)
		domain_iotune_limits(values, &domain->disks->limits[domain->running.disks[index].place]);
}

void domain_disks_forget_errors(struct domain *domain)
{
	for (u32 i = 0; domain->disks && i < DOMAIN_DISKS_MAX; i++)
		WRITE_ONCE(domain->disks->statistics[i].last_error, DISK_ERROR_NONE);
}

/* Figures */

struct search {
	const char *name;
	u64 capacity_bytes;
	bool found;
};

static bool compare(void *context, struct block_device *device)
{
	struct search *search = context;

	search->found = string_equal(device->name, search->name);
	if (search->found)
		search->capacity_bytes = device->limits.sector_count * BLOCK_SECTOR_BYTES;
	return !search->found;
}

/* A file of a file system: opened for a moment. */
static void measure_file(struct domain_disk_info *info)
{
	struct image_file file;

	info->found = image_file_open(&file, info->source, BLOCK_OPEN_LOOK, "domblkinfo", NULL) == OK;
	if (!info->found)
		return;
	info->capacity_bytes = ALIGN_UP(file.size_bytes, (u64)BLOCK_SECTOR_BYTES);
	image_file_close(&file);
}

static void measure_raw(struct domain_disk_info *info)
{
	struct search search = { .found = false };
	const struct module *module;

	if (info->block) {
		search.name = info->source + strlen("/dev/");
		block_for_each(compare, &search);
		info->found = search.found;
		info->capacity_bytes = search.capacity_bytes;
		return;
	}
	if (!string_starts_with(info->source, "/solera/")) {
		measure_file(info);
		return;
	}
	module = module_find(domain_file_name(info->source));
	info->found = module != NULL;
	info->capacity_bytes = module ? ALIGN_UP((u64)module->size_bytes, (u64)BLOCK_SECTOR_BYTES) : 0;
}

static void measure_as(struct domain_disk_info *info)
{
	struct qcow2_usage usage;
	char words[256];

	if (!info->qcow2) {
		measure_raw(info);
		info->allocation_bytes = info->physical_bytes = info->capacity_bytes;
	} else if (qcow2_measure(info->source, &usage, words, sizeof(words)) == OK) {
		info->found = true;
		info->capacity_bytes = usage.capacity_bytes;
		info->allocation_bytes = usage.allocation_bytes;
		info->physical_bytes = usage.physical_bytes;
	}
}

/* A volume is measured where it lies, and called by its name. */
static void measure(struct domain_disk_info *info)
{
	struct manage_error error;
	struct volume_info volume;

	if (!info->source[0])
		return;
	if (!info->pool[0]) {
		measure_as(info);
	} else if (volume_find(info->pool, info->source, &volume, &error) == OK) {
		string_copy(info->source, volume.path, sizeof(info->source));
		info->block = volume.block;
		measure_as(info);
		string_copy(info->source, volume.name, sizeof(info->source));
	}
}

/* [domains_lock] */
static void fill(struct domain *domain, const struct domain_config *config, u32 i, struct domain_disk_info *info)
{
	const struct domain_disk *disk = &config->disks[i];

	*info = (struct domain_disk_info){ .block = disk->block, .cdrom = disk->cdrom, .qcow2 = disk->qcow2 };
	string_copy(info->target, disk->target, sizeof(info->target));
	string_copy(info->pool, disk->pool ? disk->pool : "", sizeof(info->pool));
	string_copy(info->source, disk->source ? disk->source : "", sizeof(info->source));
	if (domain->disks && config == &domain->running)
		info->statistics = domain->disks->statistics[disk->place]; /* word by word, while the machine counts: a copy is a moment's */
}

int domain_get_disks(struct domain *domain, bool inactive, struct domain_disk_info *infos, u32 max, u32 *count,
		     struct manage_error *error)
{
	const struct domain_config *config;

	(void)error;
	mutex_lock(&domains_lock);
	config = domain->id && !inactive ? &domain->running : &domain->config;
	*count = MIN(max, config->disk_count);
	for (u32 i = 0; i < *count; i++)
		fill(domain, config, i, &infos[i]);
	mutex_unlock(&domains_lock);
	for (u32 i = 0; i < *count; i++)
		measure(&infos[i]);
	return OK;
}

int domain_get_disk(struct domain *domain, const char *path, bool running, struct domain_disk_info *info, struct manage_error *error)
{
	const struct domain_config *config;
	bool found = false, active;

	mutex_lock(&domains_lock);
	active = domain->id != 0;
	config = active ? &domain->running : &domain->config;
	for (u32 i = 0; i < config->disk_count && !found; i++) {
		found = domain_disk_is(&config->disks[i], path);
		if (found)
			fill(domain, config, i, info);
	}
	mutex_unlock(&domains_lock);
	if (running && !active)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	if (!found)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, running ? "invalid path: %s" : "invalid path %s not assigned to domain",
				   path);
	measure(info);
	return OK;
}

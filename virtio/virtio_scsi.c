/* SPDX-License-Identifier: MIT */
/*
 * The virtio SCSI controller: features, configuration, life, and its units as hv/manage puts them in and takes them out
 * (VIRTIO 1.2, "SCSI Host Device"). Next to read: virtio_scsi_request.c.
 */
#include "virtio/virtio_scsi.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "virtio/spec/virtio.h"

#define CLASS_SCSI_STORAGE 0x010000u
#define SEG_MAX (SCSI_QUEUE_SIZE - 2)

/* Units. [lock] */

struct scsi_slot *scsi_find(struct virtio_scsi *scsi, u8 target, u16 lun)
{
	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++)
		if (scsi->slots[i].present && scsi->slots[i].target == target && scsi->slots[i].unit.lun == lun)
			return &scsi->slots[i];
	return NULL;
}

bool scsi_has_target(const struct virtio_scsi *scsi, u8 target)
{
	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++)
		if (scsi->slots[i].present && scsi->slots[i].target == target)
			return true;
	return false;
}

bool scsi_parse_lun(const u8 *lun, u8 *target, u16 *number)
{
	*target = lun[1];
	*number = (u16)((lun[2] & 0x3f) << 8 | lun[3]);
	return lun[0] == 1 && (lun[2] & 0x80) == 0 && !(lun[4] | lun[5] | lun[6] | lun[7]);
}

static void fill_slot(struct scsi_slot *slot, const struct device_scsi_unit *unit)
{
	const struct device_disk *disk = &unit->disk;

	slot->disk = *disk;
	slot->target = unit->target;
	slot->known_sectors = disk->device ? disk->device->limits.sector_count : 0;
	slot->unit = (struct scsi_unit){
		.cdrom = unit->cdrom, .discard = disk->discard && disk->device && disk->device->limits.max_discard_sectors,
		.write_cache_default = !disk->writethrough, .lun = unit->lun, .read_only = disk->read_only || unit->cdrom,
		.medium = disk->device ? &disk->device->limits : NULL,
	};
	if (disk->serial)
		string_copy(slot->unit.id, disk->serial, sizeof(slot->unit.id));
	else
		format(slot->unit.id, sizeof(slot->unit.id), "scsi0-0-%u-%u", unit->target, unit->lun);
	scsi_unit_init(&slot->unit);
	slot->present = true;
}

/* All other units of the target say that the list of units has changed. */
static void tell_others(struct virtio_scsi *scsi, u8 target)
{
	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++)
		if (scsi->slots[i].present && scsi->slots[i].target == target)
			scsi_unit_attend(&scsi->slots[i].unit, SCSI_ATTENTION_LUNS);
}

static bool is_idle(struct virtio_scsi *scsi, const struct scsi_slot *slot)
{
	u64 flags = lock_irqsave(&scsi->lock);
	bool idle = slot->in_flight == 0;

	unlock_irqrestore(&scsi->lock, flags);
	return idle;
}

static int bus_attach(void *device, const struct device_scsi_unit *unit)
{
	struct virtio_scsi *scsi = device;
	struct scsi_slot *slot = NULL;
	int code = OK;
	u64 flags = lock_irqsave(&scsi->lock);

	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX && !slot; i++)
		slot = scsi->slots[i].present ? NULL : &scsi->slots[i];
	if (scsi_find(scsi, unit->target, unit->lun))
		code = ERR_EXISTS;
	else if (!slot)
		code = ERR_FULL;
	else {
		tell_others(scsi, unit->target);
		fill_slot(slot, unit);
	}
	unlock_irqrestore(&scsi->lock, flags);
	if (code == OK)
		scsi_post_event(scsi, VIRTIO_SCSI_T_TRANSPORT_RESET, unit->target, unit->lun, VIRTIO_SCSI_EVT_RESET_RESCAN);
	return code;
}

/* From now on the place is empty for the guest; what is at the disk comes back. */
static void bus_detach(void *device, u8 target, u16 lun)
{
	struct virtio_scsi *scsi = device;
	struct scsi_slot *slot;
	u64 flags = lock_irqsave(&scsi->lock);

	slot = scsi_find(scsi, target, lun);
	if (slot) {
		slot->present = false;
		tell_others(scsi, target);
	}
	unlock_irqrestore(&scsi->lock, flags);
	if (!slot)
		return;
	waitqueue_wait(&scsi->idle, is_idle(scsi, slot));
	scsi_post_event(scsi, VIRTIO_SCSI_T_TRANSPORT_RESET, target, lun, VIRTIO_SCSI_EVT_RESET_REMOVED);
}

static int bus_set_medium(void *device, u8 target, u16 lun, struct block_device *medium, bool force)
{
	struct virtio_scsi *scsi = device;
	struct scsi_slot *slot;
	u64 flags = lock_irqsave(&scsi->lock);
	int code = OK;

	slot = scsi_find(scsi, target, lun);
	if (!slot || !slot->unit.cdrom) {
		code = ERR_NOT_FOUND;
	} else if (slot->unit.medium && slot->unit.locked && !slot->unit.tray_open && !force) {
		slot->unit.media_event = SCSI_MEDIA_EJECT_REQUEST; /* as if somebody pressed the drive's button */
		code = ERR_BUSY;
	} else {
		scsi_unit_set_medium(&slot->unit, NULL, true);
	}
	unlock_irqrestore(&scsi->lock, flags);
	if (code != OK)
		return code;
	waitqueue_wait(&scsi->idle, is_idle(scsi, slot));
	flags = lock_irqsave(&scsi->lock);
	slot->disk.device = medium;
	scsi_unit_set_medium(&slot->unit, medium ? &medium->limits : NULL, false);
	unlock_irqrestore(&scsi->lock, flags);
	return OK;
}

static bool bus_tray_is_open(void *device, u8 target, u16 lun)
{
	struct virtio_scsi *scsi = device;
	u64 flags = lock_irqsave(&scsi->lock);
	const struct scsi_slot *slot = scsi_find(scsi, target, lun);
	bool open = slot && slot->unit.tray_open;

	unlock_irqrestore(&scsi->lock, flags);
	return open;
}

/* A disk behind us has another size. */
static void disk_changed(void *context)
{
	struct virtio_scsi *scsi = context;

	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++) {
		struct scsi_slot *slot = &scsi->slots[i];
		u64 flags = lock_irqsave(&scsi->lock), sectors = slot->unit.medium ? READ_ONCE(slot->unit.medium->sector_count) : 0;
		bool changed = slot->present && !slot->unit.cdrom && sectors != slot->known_sectors;

		slot->known_sectors = sectors;
		if (changed)
			scsi_unit_attend(&slot->unit, SCSI_ATTENTION_CAPACITY);
		unlock_irqrestore(&scsi->lock, flags);
		if (changed) /* the reason: additional sense code, and its qualifier above it */
			scsi_post_event(scsi, VIRTIO_SCSI_T_PARAM_CHANGE, slot->target, slot->unit.lun,
					SCSI_CAPACITY_DATA_CHANGED >> 8 | (SCSI_CAPACITY_DATA_CHANGED & 0xff) << 8);
	}
}

/* The device */

static void fill_config(struct virtio_scsi *scsi)
{
	struct virtio_scsi_config config = {
		.num_queues = scsi->device.queue_count - VIRTIO_SCSI_Q_REQUEST, .seg_max = SEG_MAX,
		.max_sectors = SCSI_TRANSFER_BYTES_MAX / BLOCK_SECTOR_BYTES, .cmd_per_lun = SCSI_QUEUE_SIZE,
		.event_info_size = SCSI_EVENT_BYTES, .sense_size = VIRTIO_SCSI_SENSE_DEFAULT, .cdb_size = VIRTIO_SCSI_CDB_DEFAULT,
		.max_channel = 0, .max_target = 255, .max_lun = 16383,
	};

	memcpy(scsi->device.config, &config, sizeof(config));
	scsi->device.config_bytes = sizeof(config);
	memset(scsi->device.config_writable + VIRTIO_SCSI_CONFIG_SENSE_SIZE, 0xff, 4);
	memset(scsi->device.config_writable + VIRTIO_SCSI_CONFIG_CDB_SIZE, 0xff, 4);
}

static void scsi_queue_reset(struct virtio_device *device, unsigned queue)
{
	if (queue >= VIRTIO_SCSI_Q_REQUEST)
		scsi_forget_aside(scsi_of(device), queue - VIRTIO_SCSI_Q_REQUEST);
}

static void scsi_reset(struct virtio_device *device)
{
	struct virtio_scsi *scsi = scsi_of(device);
	u64 flags;

	for (unsigned i = VIRTIO_SCSI_Q_REQUEST; i < device->queue_count; i++)
		scsi_forget_aside(scsi, i - VIRTIO_SCSI_Q_REQUEST);
	fill_config(scsi);
	flags = lock_irqsave(&scsi->lock);
	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++)
		scsi_unit_reset(&scsi->slots[i].unit, SCSI_ATTENTION_POWER_ON);
	scsi->event_count = 0;
	scsi->events_missed = false;
	unlock_irqrestore(&scsi->lock, flags);
}

static void scsi_doorbell(struct virtio_device *device, unsigned queue)
{
	virtio_kick(device, queue);
}

static void scsi_work(struct virtio_device *device, unsigned queue)
{
	if (queue == VIRTIO_SCSI_Q_CONTROL)
		scsi_control_work(scsi_of(device));
	else if (queue == VIRTIO_SCSI_Q_EVENT)
		scsi_event_work(scsi_of(device));
	else
		scsi_requests_work(scsi_of(device), queue - VIRTIO_SCSI_Q_REQUEST);
}

/* Saved state: what a driver could have changed of the units, in the order of their places. */
struct saved_unit {
	u32 attentions;
	u16 lun;
	u8 target, present, media_event, write_cache, stopped, tray_open, locked, reserved[3];
};

static void save_units(struct virtio_device *device, struct state_writer *writer)
{
	struct virtio_scsi *scsi = scsi_of(device);
	struct saved_unit saved[DEVICE_SCSI_UNITS_MAX] = { { 0 } };

	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX; i++) {
		const struct scsi_slot *slot = &scsi->slots[i];
		const struct scsi_unit *unit = &slot->unit;

		if (slot->present)
			saved[i] = (struct saved_unit){ unit->attentions, unit->lun, slot->target, 1, unit->media_event, unit->write_cache,
							unit->stopped, unit->tray_open, unit->locked, { 0 } };
	}
	state_save(writer, "virtio-scsi", 1, saved, sizeof(saved));
}

static bool is_sane(const struct saved_unit *saved, const struct scsi_slot *slot)
{
	static const struct saved_unit none;
	const struct scsi_unit *unit = &slot->unit;

	if (!slot->present)
		return memcmp(saved, &none, sizeof(none)) == 0;
	if (saved->reserved[0] | saved->reserved[1] | saved->reserved[2])
		return false;
	if (!unit->cdrom && (saved->tray_open || saved->locked || saved->media_event))
		return false;
	return saved->present == 1 && saved->lun == unit->lun && saved->target == slot->target && saved->media_event <= SCSI_MEDIA_REMOVAL &&
	       !(saved->attentions >> SCSI_ATTENTION_COUNT) && saved->write_cache <= 1 && saved->stopped <= 1 && saved->tray_open <= 1 &&
	       saved->locked <= 1 && !(saved->stopped && unit->cdrom);
}

static int load_units(struct virtio_device *device, struct state_reader *reader)
{
	struct virtio_scsi *scsi = scsi_of(device);
	struct saved_unit saved[DEVICE_SCSI_UNITS_MAX];
	int code = state_load(reader, "virtio-scsi", 1, saved, sizeof(saved));

	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX && code == OK; i++)
		code = is_sane(&saved[i], &scsi->slots[i]) ? OK : ERR_INVALID;
	for (u32 i = 0; i < DEVICE_SCSI_UNITS_MAX && code == OK; i++) {
		struct scsi_unit *unit = &scsi->slots[i].unit;

		unit->attentions = saved[i].attentions;
		unit->media_event = saved[i].media_event;
		unit->write_cache = saved[i].write_cache;
		unit->stopped = saved[i].stopped;
		unit->tray_open = saved[i].tray_open;
		unit->locked = saved[i].locked;
	}
	return code;
}

static const struct virtio_device_ops scsi_ops = {
	.reset = scsi_reset, .doorbell = scsi_doorbell, .work = scsi_work, .queue_reset = scsi_queue_reset, .save = save_units, .load = load_units,
};

static void free_scsi(struct virtio_scsi *scsi)
{
	for (unsigned i = 0; i < SCSI_REQUEST_QUEUES_MAX; i++)
		kfree(scsi->requests[i]);
	kfree(scsi->scratch);
	kfree(scsi->command);
	kfree(scsi->data);
	kfree(scsi);
}

static struct virtio_scsi *allocate(unsigned queues)
{
	struct virtio_scsi *scsi = kzalloc(sizeof(*scsi));
	bool good = scsi != NULL;

	for (unsigned i = 0; good && i < queues; i++) {
		scsi->requests[i] = kzalloc(SCSI_QUEUE_SIZE * sizeof(*scsi->requests[i]));
		good = scsi->requests[i] != NULL;
	}
	if (good) {
		scsi->scratch = kmalloc(VIRTQ_CHAIN_MAX * sizeof(*scsi->scratch));
		scsi->command = kzalloc(sizeof(*scsi->command));
		scsi->data = kzalloc(SCSI_DATA_MAX);
	}
	if (good && scsi->scratch && scsi->command && scsi->data)
		return scsi;
	if (scsi)
		free_scsi(scsi);
	return NULL;
}

static void scsi_destroy(void *context)
{
	struct virtio_scsi *scsi = context;

	*scsi->bus = (struct scsi_bus){ .device = NULL };
	virtio_device_release(&scsi->device);
	scsi_settle(scsi);
	free_scsi(scsi);
}

static void machine_reset(void *context) { virtio_pci_reset(&((struct virtio_scsi *)context)->pci); }
static void quiesce(void *context) { virtio_pause(&((struct virtio_scsi *)context)->device); }
static void save(void *context, struct state_writer *writer) { virtio_pci_save(&((struct virtio_scsi *)context)->pci, writer); }
static int load(void *context, struct state_reader *reader) { return virtio_pci_load(&((struct virtio_scsi *)context)->pci, reader); }

static void resume(void *context)
{
	struct virtio_scsi *scsi = context;

	scsi_allow_again(scsi);
	virtio_resume(&scsi->device);
}

static const struct device_ops device_ops = {
	.name = "virtio-scsi", .reset = machine_reset, .quiesce = quiesce, .resume = resume, .save = save, .load = load,
	.destroy = scsi_destroy, .changed = disk_changed,
};

static void fill(struct virtio_scsi *scsi, struct vm *vm, const struct device_spec *spec, u32 queues)
{
	spinlock_init(&scsi->lock, "SCSI units", LOCK_RANK_DEVICE);
	waitqueue_init(&scsi->idle, "SCSI commands");
	waitqueue_init(&scsi->bounce_wait, "bounce");
	scsi->command->data = scsi->data;
	scsi->bus = spec->scsi.bus;
	scsi->device.name = spec->alias;
	scsi->device.vm = vm;
	scsi->device.ops = &scsi_ops;
	scsi->device.transport = &virtio_pci_transport;
	scsi->device.type = VIRTIO_ID_SCSI;
	scsi->device.queue_count = (u16)(VIRTIO_SCSI_Q_REQUEST + queues);
	scsi->device.offered = BIT64(VIRTIO_SCSI_F_HOTPLUG) | BIT64(VIRTIO_SCSI_F_CHANGE);
	for (u32 i = 0; i < MIN(spec->scsi.unit_count, DEVICE_SCSI_UNITS_MAX); i++)
		fill_slot(&scsi->slots[i], &spec->scsi.units[i]);
	for (u32 i = 0; i < queues; i++)
		scsi_requests_init(scsi, i);
	fill_config(scsi);
}

static int scsi_create(struct vm *vm, struct vpci_bus *bus, const struct device_spec *spec, struct device_instance *out, const char **error)
{
	u32 queues = MIN(MAX(spec->scsi.queues, 1u), SCSI_REQUEST_QUEUES_MAX);
	u16 sizes[VIRTIO_SCSI_Q_REQUEST + SCSI_REQUEST_QUEUES_MAX];
	struct virtio_scsi *scsi = allocate(queues);
	int code;

	*error = "not enough memory for a SCSI controller's queues";
	if (!scsi)
		return ERR_NO_MEMORY;
	fill(scsi, vm, spec, queues);
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		sizes[i] = SCSI_QUEUE_SIZE;
	code = virtio_device_init(&scsi->device, sizes);
	if (code == OK)
		code = virtio_pci_attach(&scsi->pci, &scsi->device, bus, spec->slot, CLASS_SCSI_STORAGE, error);
	if (code != OK) {
		scsi_destroy(scsi);
		return code;
	}
	*spec->scsi.bus = (struct scsi_bus){ scsi, bus_attach, bus_detach, bus_set_medium, bus_tray_is_open };
	*out = (struct device_instance){ &device_ops, scsi };
	*error = NULL;
	return OK;
}

const struct device_model virtio_scsi_model = { "virtio-scsi", scsi_create };

/* SPDX-License-Identifier: MIT */
/*
 * The virtio disk: features, configuration, life (VIRTIO 1.2, "Block Device"). Next to read: virtio_blk_request.c.
 */
#include "virtio/virtio_blk.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "virtio/spec/virtio.h"

#define CLASS_SCSI_STORAGE 0x010000u

static struct virtio_blk *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_blk, device);
}

static u8 log2_of(u32 value)
{
	return (u8)(31 - __builtin_clz(value));
}

/* Everything but the write cache's state, which is the driver's. */
static void fill_config(struct virtio_blk *blk)
{
	const struct block_limits *limits = &blk->disk.device->limits;
	u32 logical = limits->logical_block_bytes, physical = MAX(limits->physical_block_bytes, logical);
	struct virtio_blk_config config = {
		.capacity = limits->sector_count, .size_max = BLK_SIZE_MAX, .seg_max = BLK_SEG_MAX, .blk_size = logical,
		.physical_block_exp = log2_of(physical / logical), .min_io_size = (u16)(physical / logical),
		.opt_io_size = limits->optimal_io_bytes / logical, .writeback = !blk->disk.writethrough,
		.num_queues = blk->device.queue_count,
		.max_discard_sectors = (u32)MIN(limits->max_discard_sectors, 0xffffffffu), .max_discard_seg = BLK_LIST_MAX,
		.discard_sector_alignment = logical / BLOCK_SECTOR_BYTES,
		.max_write_zeroes_sectors = (u32)MIN(limits->max_write_zeroes_sectors, 0xffffffffu),
		.max_write_zeroes_seg = BLK_LIST_MAX, .write_zeroes_may_unmap = blk->disk.discard,
	};

	memcpy(blk->device.config, &config, sizeof(config));
	blk->device.config_bytes = sizeof(config);
	blk->device.config_writable[VIRTIO_BLK_CONFIG_WRITEBACK] = 1;
}

static u64 offered_features(const struct virtio_blk *blk)
{
	const struct block_limits *limits = &blk->disk.device->limits;
	u64 features = BIT64(VIRTIO_BLK_F_SIZE_MAX) | BIT64(VIRTIO_BLK_F_SEG_MAX) | BIT64(VIRTIO_BLK_F_BLK_SIZE) |
		       BIT64(VIRTIO_BLK_F_FLUSH) | BIT64(VIRTIO_BLK_F_TOPOLOGY) | BIT64(VIRTIO_BLK_F_CONFIG_WCE);

	if (blk->disk.read_only)
		features |= BIT64(VIRTIO_BLK_F_RO);
	if (blk->device.queue_count > 1)
		features |= BIT64(VIRTIO_BLK_F_MQ);
	if (!blk->disk.read_only && blk->disk.discard && limits->max_discard_sectors)
		features |= BIT64(VIRTIO_BLK_F_DISCARD);
	if (!blk->disk.read_only && limits->max_write_zeroes_sectors)
		features |= BIT64(VIRTIO_BLK_F_WRITE_ZEROES);
	return features;
}

static void blk_queue_reset(struct virtio_device *device, unsigned queue)
{
	blk_forget_aside(of(device), queue);
}

static void blk_reset(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		blk_forget_aside(of(device), i);
	fill_config(of(device));
}

/* "If CONFIG_WCE was negotiated but FLUSH was not, the device MUST initialize writeback to 0". */
static bool blk_features_ok(struct virtio_device *device, u64 features)
{
	if ((features & BIT64(VIRTIO_BLK_F_CONFIG_WCE)) && !(features & BIT64(VIRTIO_BLK_F_FLUSH)))
		device->config[VIRTIO_BLK_CONFIG_WRITEBACK] = 0;
	return true;
}

static const struct virtio_device_ops blk_ops = {
	.reset = blk_reset, .features_ok = blk_features_ok, .doorbell = blk_doorbell, .work = blk_work,
	.queue_reset = blk_queue_reset,
};

static void free_blk(struct virtio_blk *blk)
{
	for (unsigned i = 0; i < BLK_QUEUES_MAX; i++)
		kfree(blk->requests[i]);
	kfree(blk->scratch);
	kfree(blk);
}

static struct virtio_blk *allocate(unsigned queues)
{
	struct virtio_blk *blk = kzalloc(sizeof(*blk));
	bool good = blk != NULL;

	for (unsigned i = 0; good && i < queues; i++) {
		blk->requests[i] = kzalloc(BLK_QUEUE_SIZE * sizeof(*blk->requests[i]));
		good = blk->requests[i] != NULL;
	}
	if (good)
		blk->scratch = kmalloc(VIRTQ_CHAIN_MAX * sizeof(*blk->scratch));
	if (good && blk->scratch)
		return blk;
	if (blk)
		free_blk(blk);
	return NULL;
}

static void set_serial(struct virtio_blk *blk, const char *serial)
{
	size_t length = serial ? strnlen(serial, sizeof(blk->serial)) : 0;

	memcpy(blk->serial, serial ? serial : "", length);
}

static void blk_destroy(void *context)
{
	struct virtio_blk *blk = context;

	virtio_device_release(&blk->device);
	blk_limits_end(blk);
	free_blk(blk);
}

static void machine_reset(void *context) { virtio_pci_reset(&((struct virtio_blk *)context)->pci); }
static void quiesce(void *context) { virtio_pause(&((struct virtio_blk *)context)->device); }
static void save(void *context, struct state_writer *writer) { virtio_pci_save(&((struct virtio_blk *)context)->pci, writer); }
static int load(void *context, struct state_reader *reader) { return virtio_pci_load(&((struct virtio_blk *)context)->pci, reader); }

static void resume(void *context)
{
	struct virtio_blk *blk = context;

	blk_allow_again(blk);
	virtio_resume(&blk->device);
}

static void disk_changed(void *context)
{
	struct virtio_blk *blk = context;
	u64 capacity = blk->disk.device->limits.sector_count;

	virtio_config_changed(&blk->device, 0, &capacity, sizeof(capacity));
}

static const struct device_ops device_ops = {
	.name = "virtio-blk", .reset = machine_reset, .quiesce = quiesce, .resume = resume, .save = save, .load = load,
	.destroy = blk_destroy, .changed = disk_changed,
};

static int blk_create(struct vm *vm, struct vpci_bus *bus, const struct device_spec *spec, struct device_instance *out,
		      const char **error)
{
	u32 queues = MIN(MAX(spec->disk.queues, 1u), BLK_QUEUES_MAX);
	u16 sizes[BLK_QUEUES_MAX];
	struct virtio_blk *blk = allocate(queues);
	int code;

	*error = "not enough memory for a disk's queues";
	if (!blk)
		return ERR_NO_MEMORY;
	blk->disk = spec->disk;
	set_serial(blk, spec->disk.serial);
	waitqueue_init(&blk->bounce_wait, "bounce");
	blk_limits_init(blk);
	blk->device.name = spec->alias;
	blk->device.vm = vm;
	blk->device.ops = &blk_ops;
	blk->device.transport = &virtio_pci_transport;
	blk->device.type = VIRTIO_ID_BLOCK;
	blk->device.queue_count = (u16)queues;
	blk->device.offered = offered_features(blk);
	fill_config(blk);
	for (unsigned i = 0; i < queues; i++) {
		sizes[i] = BLK_QUEUE_SIZE;
		blk_requests_init(blk, i);
	}
	code = virtio_device_init(&blk->device, sizes);
	if (code == OK)
		code = virtio_pci_attach(&blk->pci, &blk->device, bus, spec->slot, CLASS_SCSI_STORAGE, error);
	if (code != OK) {
		blk_destroy(blk);
		return code;
	}
	*out = (struct device_instance){ &device_ops, blk };
	*error = NULL;
	return OK;
}

const struct device_model virtio_blk_model = { "virtio-blk", blk_create };

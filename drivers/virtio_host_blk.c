/* SPDX-License-Identifier: MIT */
/*
 * A virtio disk of the host, from reset to its registration, its size when that changes, and what happens when it hangs.
 *
 * A request that takes longer than 30 s, or a device that says nonsense, makes the keeper, a thread of each disk, reset it: what was
 * under way ends with an error then, what waited too, and later requests go to the device as it is after the reset.
 */
#include "drivers/virtio_host_blk.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "virtio/spec/virtio_pci.h"

#define FEATURES_WANTED (BIT64(VIRTIO_BLK_F_SIZE_MAX) | BIT64(VIRTIO_BLK_F_SEG_MAX) | BIT64(VIRTIO_BLK_F_RO) | BIT64(VIRTIO_BLK_F_BLK_SIZE) | \
			 BIT64(VIRTIO_BLK_F_FLUSH) | BIT64(VIRTIO_BLK_F_TOPOLOGY) | BIT64(VIRTIO_BLK_F_DISCARD) | BIT64(VIRTIO_BLK_F_WRITE_ZEROES))
#define TRANSFER_MAX_BYTES (1024u * 1024u)
#define CONFIG(field) offsetof(struct virtio_blk_config, field)

static u32 disks_found; /* boot thread only */

static void queues_asked(void *context)
{
	virtio_host_blk_look(context);
}

static void config_asked(void *context)
{
	struct virtio_host_blk *blk = context;

	__atomic_store_n(&blk->config_asked, 1, __ATOMIC_SEQ_CST);
	waitqueue_wake_all(&blk->attention);
}

/* Is not cancelled when the queue runs empty: that would cost every request, this costs one interrupt in 30 s. */
static void watch(struct timer *timer)
{
	struct virtio_host_blk *blk = timer->context;
	u64 oldest = virtio_host_blk_oldest(blk);

	if (oldest == ~(u64)0)
		return;
	if (clock_ns() - oldest >= VIRTIO_HOST_BLK_TIMEOUT_NS) {
		WRITE_ONCE(blk->failed, true);
		waitqueue_wake_all(&blk->attention);
	} else {
		timer_arm(timer, oldest + VIRTIO_HOST_BLK_TIMEOUT_NS);
	}
}

/* The queue is empty. */
static int bring_up(struct virtio_host_blk *blk)
{
	int error = virtio_host_negotiate(&blk->device, FEATURES_WANTED);
	u64 flags;

	if (!error)
		error = virtio_host_queue_start(&blk->device, &blk->queue, 0, true);
	if (!error)
		error = virtio_host_ready(&blk->device);
	if (error)
		return error;
	flags = lock_irqsave(&blk->lock);
	blk->live = true;
	unlock_irqrestore(&blk->lock, flags);
	return OK;
}

static void reset(struct virtio_host_blk *blk)
{
	u64 flags = lock_irqsave(&blk->lock);
	int error;

	blk->live = false;
	unlock_irqrestore(&blk->lock, flags);
	log_error("%s: the disk hangs, or says what makes no sense: it is reset", blk->disk.name);
	error = virtio_host_reset(&blk->device); /* if it does not answer, it is off the bus: its requests may end either way */
	virtio_host_blk_fail(blk, ERR_TIMEOUT);
	flags = lock_irqsave(&blk->lock);
	if (!error)
		virtio_host_queue_empty(&blk->queue);
	unlock_irqrestore(&blk->lock, flags);
	if (!error)
		error = bring_up(blk);
	if (!error) {
		WRITE_ONCE(blk->failed, false);
		log_notice("%s: it works again", blk->disk.name);
		virtio_host_blk_look(blk); /* what came meanwhile waits */
		return;
	}
	flags = lock_irqsave(&blk->lock);
	blk->dead = true;
	unlock_irqrestore(&blk->lock, flags);
	(void)virtio_host_reset(&blk->device);
	virtio_host_blk_fail(blk, ERR_IO);
	log_error("%s: it does not come back (error %d): it gives errors from now on", blk->disk.name, error);
}

/* A size that would not fit into bytes is none. */
static u64 read_size(const struct virtio_host_blk *blk)
{
	u64 sectors = virtio_host_config64(&blk->device, CONFIG(capacity));

	return sectors >> (64 - 10) ? 0 : sectors;
}

static void keep(void *context)
{
	struct virtio_host_blk *blk = context;

	while (!blk->dead) {
		waitqueue_wait(&blk->attention, READ_ONCE(blk->failed) || READ_ONCE(blk->config_asked));
		if (__atomic_exchange_n(&blk->config_asked, 0, __ATOMIC_SEQ_CST)) {
			if (virtio_host_failed(&blk->device)) {
				WRITE_ONCE(blk->failed, true);
			} else if (read_size(blk) != blk->disk.limits.sector_count) {
				WRITE_ONCE(blk->disk.limits.sector_count, read_size(blk));
				log_notice("%s: it has %llu MiB now", blk->disk.name,
					   (unsigned long long)(blk->disk.limits.sector_count / 2048));
				block_device_changed(&blk->disk);
			}
		}
		if (READ_ONCE(blk->failed))
			reset(blk);
	}
}

/* A limit of the device's in sectors, where it has the feature and both ranges and their number make sense. */
static u64 range_limit(const struct virtio_host_blk *blk, unsigned feature, u32 sectors_at, u32 ranges_at)
{
	if (!virtio_host_has(&blk->device, feature) || !virtio_host_config32(&blk->device, ranges_at))
		return 0;
	return virtio_host_config32(&blk->device, sectors_at);
}

/* False: the device's words make no sense. */
static bool describe(struct virtio_host_blk *blk)
{
	const struct virtio_host *device = &blk->device;
	u32 block = virtio_host_has(device, VIRTIO_BLK_F_BLK_SIZE) ? virtio_host_config32(device, CONFIG(blk_size)) : BLOCK_SECTOR_BYTES;
	u32 largest = virtio_host_has(device, VIRTIO_BLK_F_SIZE_MAX) ? virtio_host_config32(device, CONFIG(size_max)) : TRANSFER_MAX_BYTES;
	u32 segments = virtio_host_has(device, VIRTIO_BLK_F_SEG_MAX) ? virtio_host_config32(device, CONFIG(seg_max)) : 1;
	u32 exponent = virtio_host_has(device, VIRTIO_BLK_F_TOPOLOGY) ? virtio_host_config8(device, CONFIG(physical_block_exp)) : 0;

	blk->segments_max = MIN(segments, MIN(VIRTIO_HOST_BLK_SEGMENTS, blk->queue.size / 2u - 2));
	if (block < BLOCK_SECTOR_BYTES || block > PAGE_SIZE || (block & (block - 1)) || largest < TRANSFER_MAX_BYTES || blk->segments_max < 2)
		return false;
	blk->disk.limits = (struct block_limits){
		.sector_count = read_size(blk),
		.logical_block_bytes = block,
		.physical_block_bytes = exponent <= 12 && block << exponent <= 64 * KIB ? block << exponent : block,
		.max_transfer_bytes = TRANSFER_MAX_BYTES,
		.max_segments = blk->segments_max,
		.segment_boundary_mask = ~(u64)0,
		.max_discard_sectors = range_limit(blk, VIRTIO_BLK_F_DISCARD, CONFIG(max_discard_sectors), CONFIG(max_discard_seg)),
		.max_write_zeroes_sectors = range_limit(blk, VIRTIO_BLK_F_WRITE_ZEROES, CONFIG(max_write_zeroes_sectors),
							CONFIG(max_write_zeroes_seg)),
		.read_only = virtio_host_has(device, VIRTIO_BLK_F_RO),
		.volatile_cache = virtio_host_has(device, VIRTIO_BLK_F_FLUSH),
	};
	blk->may_unmap = virtio_host_config8(device, CONFIG(write_zeroes_may_unmap)) != 0;
	return true;
}

static const struct block_device_ops disk_ops = { .submit = virtio_host_blk_submit };

static int start(struct virtio_host_blk *blk)
{
	int error = virtio_host_find(&blk->device, blk->device.pci);
	u16 size;

	if (!error)
		error = virtio_host_negotiate(&blk->device, FEATURES_WANTED);
	if (error)
		return error;
	size = virtio_host_queue_size(&blk->device, 0);
	error = size < 16 ? ERR_UNSUPPORTED : virtio_host_queue_create(&blk->queue, size);
	if (error)
		return error;
	blk->words = dma_alloc(size * sizeof(*blk->words), false, &blk->words_address);
	if (!blk->words)
		return ERR_NO_MEMORY;
	if (!describe(blk))
		return ERR_UNSUPPORTED;
	error = virtio_host_interrupts(&blk->device, virtio_host_blk_driver.name);
	if (!error)
		error = bring_up(blk);
	if (!error && !thread_create(blk->disk.name, keep, blk))
		error = ERR_NO_MEMORY;
	return error;
}

/* After an error at the start: the device is off before its memory is given back; one that does not go off keeps it. */
static void give_up(struct virtio_host_blk *blk)
{
	bool off = !blk->device.common.registers || virtio_host_reset(&blk->device) == OK;

	if (blk->device.interrupt.count)
		pci_interrupt_close(&blk->device.interrupt);
	if (!off)
		return;
	dma_free(blk->words, blk->queue.size * sizeof(*blk->words));
	virtio_host_queue_free(&blk->queue);
	kfree(blk);
}

static int probe(struct pci_device *device)
{
	struct virtio_host_blk *blk = kzalloc(sizeof(*blk));
	int error;

	if (!blk)
		return ERR_NO_MEMORY;
	if (disks_found == 26) {
		kfree(blk);
		return ERR_FULL;
	}
	blk->device.pci = device;
	blk->device.queues_asked = queues_asked;
	blk->device.config_asked = config_asked;
	blk->device.context = blk;
	spinlock_init(&blk->lock, "virtio disk", LOCK_RANK_DRIVER);
	list_init(&blk->waiting);
	timer_init(&blk->watchdog, watch, blk);
	waitqueue_init(&blk->attention, "virtio disk's keeper");
	blk->disk.kind = "virtio";
	blk->disk.ops = &disk_ops;
	blk->disk.context = blk;
	format(blk->disk.name, sizeof(blk->disk.name), "vd%c", 'a' + disks_found);
	string_copy(blk->disk.model, "virtio disk", sizeof(blk->disk.model));
	error = start(blk);
	if (error) {
		give_up(blk);
		return error;
	}
	disks_found++;
	error = block_register(&blk->disk);
	if (error)
		return error;
	log_info("%s: %s, %llu MiB%s", blk->disk.name, blk->disk.model, (unsigned long long)(blk->disk.limits.sector_count / 2048),
		 blk->disk.limits.read_only ? ", read-only" : "");
	return OK;
}

static const struct pci_match matches[] = {
	{ VIRTIO_PCI_VENDOR, VIRTIO_PCI_DEVICE(VIRTIO_ID_BLOCK), 0, 0 },
	{ VIRTIO_PCI_VENDOR, 0x1001, 0, 0 }, /* transitional */
	{ 0 },
};
const struct pci_driver virtio_host_blk_driver = { "virtio-blk", matches, probe };

/* SPDX-License-Identifier: MIT */
/*
 * The RAM disk: requests are copies, done when submit returns.
 *
 * The medium is a table of pieces of 2 MiB, whether it is a boot module's memory or pages of its own. Two requests for the same
 * sectors at once may mix, as on any disk. Nothing here sleeps, so short requests may come from the fast exit path.
 */
#include "hv/block/ramdisk.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/modules.h"
#include "hv/pages.h"
#include "hv/thread.h"

#define PIECE_SHIFT 21
#define PIECE_BYTES BIT64(PIECE_SHIFT)
#define PIECE_ORDER (PIECE_SHIFT - PAGE_SHIFT)
#define FAST_BYTES (16u * 1024) /* 2,048 moves of 8 bytes with interrupts off */
#define MAX_TRANSFER (1u << 20)
#define SIZE_MAX_BYTES BIT64(44)

struct ramdisk {
	struct block_device device;
	const struct module *module; /* (c) NULL: the pieces are pages of its own */
	u64 piece_count;             /* (c) */
	u8 **pieces;                 /* (c) */
	struct ramdisk *next;        /* [disks_lock] of those from modules */
};

static struct mutex disks_lock = {
	NULL, { SPINLOCK_INIT("RAM disks", LOCK_RANK_WAITQUEUE), LIST_INIT(disks_lock.queue.waiters) }
};
static struct ramdisk *of_modules; /* [disks_lock] */
static u32 last_number;            /* (a) */

/* size_bytes is a multiple of 8: sectors, or parts of segments that are. */
static void copy_words(void *to, const void *from, u64 size_bytes)
{
#if __STDC_HOSTED__
	memcpy(to, from, size_bytes);
#else
	u64 words = size_bytes / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
#endif
}

/* Where the byte at offset is; *part is cut to what lies there in one piece. */
static u8 *at(const struct ramdisk *disk, u64 offset, u64 *part)
{
	*part = MIN(*part, PIECE_BYTES - (offset & (PIECE_BYTES - 1)));
	return disk->pieces[index_nospec(offset >> PIECE_SHIFT, disk->piece_count)] + (offset & (PIECE_BYTES - 1));
}

static void move_segment(const struct ramdisk *disk, bool write, u64 offset, const struct block_segment *segment)
{
	u8 *memory = direct_map(segment->address);

	for (u64 left = segment->size_bytes, part; left; left -= part) {
		u8 *medium;

		part = left;
		medium = at(disk, offset, &part);
		if (write)
			copy_words(medium, memory, part);
		else
			copy_words(memory, medium, part);
		memory += part;
		offset += part;
	}
}

static void zero(const struct ramdisk *disk, u64 offset, u64 size_bytes)
{
	for (u64 part; size_bytes; size_bytes -= part, offset += part) {
		u8 *medium;

		part = size_bytes;
		medium = at(disk, offset, &part);
		memset(medium, 0, part);
	}
}

static void submit(struct block_device *device, struct block_request *request)
{
	const struct ramdisk *disk = device->context;
	u64 offset = request->sector * BLOCK_SECTOR_BYTES;
	int status = block_check(device, request);

	if (status == OK && request->operation <= BLOCK_WRITE) {
		for (u32 i = 0; i < request->segment_count; i++) {
			move_segment(disk, request->operation == BLOCK_WRITE, offset, &request->segments[i]);
			offset += request->segments[i].size_bytes;
		}
	} else if (status == OK && request->operation != BLOCK_FLUSH) {
		zero(disk, offset, request->sector_count * BLOCK_SECTOR_BYTES); /* a discard, too: what was there is gone */
	}
	block_complete(device, request, status);
}

static const struct block_device_ops ramdisk_ops = { .submit = submit };

static void free_disk(struct ramdisk *disk)
{
	if (!disk)
		return;
	for (u64 i = 0; disk->pieces && !disk->module && i < disk->piece_count && disk->pieces[i]; i++)
		pages_free(direct_unmap(disk->pieces[i]), PIECE_ORDER);
	kfree(disk->pieces);
	kfree(disk);
}

static bool fill_pieces(struct ramdisk *disk)
{
	for (u64 i = 0; i < disk->piece_count; i++) {
		if (disk->module) {
			disk->pieces[i] = (u8 *)(uintptr_t)disk->module->data + (i << PIECE_SHIFT);
			continue;
		}
		hpa_t piece = pages_alloc(PIECE_ORDER, PAGE_OWNER_HOST, PAGES_ZERO);

		if (!piece.value)
			return false;
		disk->pieces[i] = direct_map(piece);
	}
	return true;
}

static int make(u64 size_bytes, const struct module *module, struct ramdisk **out)
{
	struct ramdisk *disk;

	if (size_bytes < BLOCK_SECTOR_BYTES || size_bytes > SIZE_MAX_BYTES)
		return ERR_RANGE;
	disk = kzalloc(sizeof(*disk));
	if (!disk)
		return ERR_NO_MEMORY;
	disk->module = module;
	disk->piece_count = DIV_ROUND_UP(size_bytes, PIECE_BYTES);
	disk->pieces = kzalloc(disk->piece_count * sizeof(*disk->pieces));
	if (!disk->pieces || !fill_pieces(disk)) {
		free_disk(disk);
		return ERR_NO_MEMORY;
	}
	format(disk->device.name, sizeof(disk->device.name), "ram%u", __atomic_fetch_add(&last_number, 1, __ATOMIC_RELAXED));
	string_copy(disk->device.model, module ? module->name : "RAM disk", sizeof(disk->device.model));
	disk->device.kind = "ram";
	disk->device.ops = &ramdisk_ops;
	disk->device.context = disk;
	disk->device.fast_bytes = FAST_BYTES;
	disk->device.limits = (struct block_limits){
		.sector_count = size_bytes / BLOCK_SECTOR_BYTES, .logical_block_bytes = BLOCK_SECTOR_BYTES,
		.physical_block_bytes = PAGE_SIZE, .max_transfer_bytes = MAX_TRANSFER, .max_segments = 256,
		.segment_boundary_mask = ~(u64)0, .max_discard_sectors = MAX_TRANSFER / BLOCK_SECTOR_BYTES,
		.max_write_zeroes_sectors = MAX_TRANSFER / BLOCK_SECTOR_BYTES, .volatile_medium = true,
	};
	if (block_register(&disk->device)) { /* names are counted: only a stranger's can be in the way */
		free_disk(disk);
		return ERR_EXISTS;
	}
	*out = disk;
	return OK;
}

int ramdisk_create(u64 size_bytes, struct block_device **out)
{
	struct ramdisk *disk;
	int result = make(ALIGN_DOWN(size_bytes, (u64)BLOCK_SECTOR_BYTES), NULL, &disk);

	if (result == OK)
		*out = &disk->device;
	return result;
}

void ramdisk_destroy(struct block_device *device)
{
	block_unregister(device);
	free_disk(device->context);
}

/* The module's last page is zero behind its end, so a last piece of a sector belongs to the disk. */
int ramdisk_of_module(const struct module *module, struct block_device **out)
{
	struct ramdisk *disk;
	int result = OK;

	mutex_lock(&disks_lock);
	for (disk = of_modules; disk && disk->module != module; disk = disk->next)
		;
	if (!disk) {
		result = make(ALIGN_UP((u64)module->size_bytes, (u64)BLOCK_SECTOR_BYTES), module, &disk);
		if (result == OK) {
			disk->next = of_modules;
			of_modules = disk;
		}
	}
	mutex_unlock(&disks_lock);
	if (result == OK)
		*out = &disk->device;
	return result;
}

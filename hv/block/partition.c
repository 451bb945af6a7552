/* SPDX-License-Identifier: MIT */
/*
 * A partition: a window onto a disk. A request is checked against the window, moved by its start, and handed down as it is; so it
 * costs no memory, and is counted on its way down (errors are the disk's to count).
 */
#include "hv/block/partition.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

struct partition_device {
	struct block_device device;
	struct partition entry;    /* (c) */
};

/*
 * Only what needs no words of the request is done here: the disk below has device_words. The submitter finds `sector` as the
 * disk saw it.
 */
static void submit(struct block_device *device, struct block_request *request)
{
	const struct partition_device *partition = device->context;
	int error = block_check(device, request);

	if (error) {
		block_complete(device, request, error);
		return;
	}
	__atomic_fetch_add(&device->statistics.requests[request->operation], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&device->statistics.bytes[request->operation], request->sector_count * BLOCK_SECTOR_BYTES, __ATOMIC_RELAXED);
	if (request->operation != BLOCK_FLUSH)
		request->sector += partition->entry.sector;
	block_submit(device->parent, request);
}

static const struct block_device_ops partition_ops = { .submit = submit };

const struct partition *partition_of(const struct block_device *device)
{
	return device->ops == &partition_ops ? &((const struct partition_device *)device->context)->entry : NULL;
}

static int add(struct block_device *disk, const struct partition *entry)
{
	struct partition_device *partition = kzalloc(sizeof(*partition));
	size_t length = strlen(disk->name);
	bool digit = disk->name[length - 1] >= '0' && disk->name[length - 1] <= '9';
	int error;

	if (!partition)
		return ERR_NO_MEMORY;
	partition->entry = *entry;
	partition->device.kind = "partition";
	partition->device.ops = &partition_ops;
	partition->device.context = partition;
	partition->device.parent = disk;
	partition->device.fast_bytes = disk->fast_bytes;
	partition->device.limits = disk->limits;
	partition->device.limits.sector_count = entry->sector_count;
	string_copy(partition->device.model, disk->model, sizeof(partition->device.model));
	format(partition->device.name, sizeof(partition->device.name), "%s%s%u", disk->name, digit ? "p" : "", entry->number);
	error = block_register(&partition->device);
	if (error)
		kfree(partition);
	return error;
}

/* The parsers' buffers stand on the stack, which is not in the direct map. */
static int read_sectors(void *context, u64 sector, void *to, u32 sector_count)
{
	size_t bytes = (size_t)sector_count * BLOCK_SECTOR_BYTES;
	void *buffer = kmalloc(bytes);
	int error = buffer ? block_read(context, sector, buffer, sector_count) : ERR_NO_MEMORY;

	if (!error)
		memcpy(to, buffer, bytes);
	kfree(buffer);
	return error;
}

int partitions_scan(struct block_device *disk)
{
	struct partition_source source = { disk->limits.sector_count, disk->limits.logical_block_bytes, read_sectors, disk };
	struct partition_table *table = kzalloc(sizeof(*table));
	int error;

	if (!table)
		return ERR_NO_MEMORY;
	__atomic_store_n(&disk->partitions_known, true, __ATOMIC_RELEASE);
	error = partition_table_read(&source, table);
	if (table->problem[0])
		log_warning("%s: its partition table is %s: %s", disk->name, error ? "not used" : "read from its copy at the disk's end",
			    table->problem);
	else if (error)
		log_warning("%s: its partition table cannot be read (error %d)", disk->name, error);
	if (table->count)
		log_info("%s: %s with %u partitions", disk->name, table->kind == PARTITION_TABLE_GPT ? "GPT" : "MBR", table->count);
	for (u32 i = 0; i < table->count; i++) {
		int failed = add(disk, &table->partitions[i]);

		if (failed)
			log_warning("%s: partition %u is left out (error %d)", disk->name, table->partitions[i].number, failed);
	}
	kfree(table);
	return error;
}

struct disk_list { struct block_device *disks[64]; u32 count; };

static bool collect(void *context, struct block_device *device)
{
	struct disk_list *list = context;

	if (!device->parent && !device->partitions_known && device->limits.sector_count && list->count < ARRAY_SIZE(list->disks))
		list->disks[list->count++] = device;
	return true;
}

void partitions_scan_all(void)
{
	struct disk_list *list = kzalloc(sizeof(*list));

	if (!list)
		return;
	block_for_each(collect, list);
	for (u32 i = 0; i < list->count; i++)
		(void)partitions_scan(list->disks[i]);
	kfree(list);
}

int block_disk_register(struct block_device *disk)
{
	int error = block_register(disk);

	if (!error && disk->limits.sector_count)
		(void)partitions_scan(disk); /* what is wrong with its table is told there; the disk itself is fine */
	return error;
}

struct part_search { const struct block_device *disk; struct block_device *found; };

static bool is_part_of(void *context, struct block_device *device)
{
	struct part_search *search = context;

	if (device->parent == search->disk && device->ops == &partition_ops)
		search->found = device;
	return !search->found;
}

/* Partitions go first: what lies on them is told, and lets go; then nobody comes to the disk through them any more. */
void block_disk_unregister(struct block_device *disk)
{
	__atomic_store_n(&disk->gone, true, __ATOMIC_RELEASE);
	for (;;) {
		struct part_search search = { disk, NULL };

		block_for_each(is_part_of, &search);
		if (!search.found)
			break;
		block_unregister(search.found);
		kfree(search.found->context);
	}
	block_unregister(disk);
}

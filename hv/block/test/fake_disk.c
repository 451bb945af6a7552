/* SPDX-License-Identifier: MIT */
/* See fake_disk.h. */
#include "hv/block/test/fake_disk.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "hv/pages.h"

u64 direct_map_base;

/* What a real controller would refuse or get wrong. */
static void check_segments(const struct block_device *device, const struct block_request *request)
{
	u64 sum = 0;

	assert(request->segment_count <= device->limits.max_segments);
	for (u32 i = 0; i < request->segment_count; i++) {
		const struct block_segment *segment = &request->segments[i];
		u64 mask = device->limits.segment_boundary_mask;

		assert(segment->size_bytes && segment->size_bytes % BLOCK_SECTOR_BYTES == 0 && segment->address.value % 4 == 0);
		assert((segment->address.value & ~mask) == ((segment->address.value + segment->size_bytes - 1) & ~mask));
		sum += segment->size_bytes;
	}
	if (request->operation <= BLOCK_WRITE) {
		assert(sum == request->sector_count * BLOCK_SECTOR_BYTES);
		assert(sum <= device->limits.max_transfer_bytes);
	}
}

static void carry_out(struct fake_disk *disk, const struct block_request *request)
{
	u8 *at = disk->medium + request->sector * BLOCK_SECTOR_BYTES;

	if (request->operation == BLOCK_FLUSH) {
		disk->flushes++;
		disk->writes_since_flush = 0;
	} else if (request->operation == BLOCK_DISCARD || request->operation == BLOCK_WRITE_ZEROES) {
		memset(at, 0, request->sector_count * BLOCK_SECTOR_BYTES);
	}
	for (u32 i = 0; request->operation <= BLOCK_WRITE && i < request->segment_count; i++) {
		void *memory = direct_map(request->segments[i].address);

		if (request->operation == BLOCK_WRITE)
			memcpy(at, memory, request->segments[i].size_bytes);
		else
			memcpy(memory, at, request->segments[i].size_bytes);
		at += request->segments[i].size_bytes;
	}
	disk->writes_since_flush += request->operation == BLOCK_WRITE;
}

static void finish(struct fake_disk *disk, struct block_request *request)
{
	int status = block_check(&disk->device, request);

	if (status == OK)
		status = disk->fail_with;
	if (status == OK) {
		check_segments(&disk->device, request);
		carry_out(disk, request);
	}
	block_complete(&disk->device, request, status);
}

static void submit(struct block_device *device, struct block_request *request)
{
	struct fake_disk *disk = device->context;

	disk->submitted++;
	if (disk->deferred)
		list_push_back(&disk->waiting, &request->node);
	else
		finish(disk, request);
}

unsigned fake_disk_complete(struct fake_disk *disk, unsigned max)
{
	unsigned count = 0;

	for (; count < max && !list_empty(&disk->waiting); count++) {
		struct block_request *request = LIST_ENTRY(disk->waiting.next, struct block_request, node);

		list_remove(&request->node);
		finish(disk, request);
	}
	return count;
}

static const struct block_device_ops fake_ops = { .submit = submit };

void fake_disk_init(struct fake_disk *disk, const char *name, u64 sector_count)
{
	*disk = (struct fake_disk){ .medium = calloc(sector_count, BLOCK_SECTOR_BYTES) };
	list_init(&disk->waiting);
	strncpy(disk->device.name, name, sizeof(disk->device.name) - 1);
	disk->device.kind = "fake";
	disk->device.ops = &fake_ops;
	disk->device.context = disk;
	disk->device.fast_bytes = ~0u;
	disk->device.limits = (struct block_limits){
		.sector_count = sector_count, .logical_block_bytes = 512, .physical_block_bytes = 512,
		.max_transfer_bytes = 1u << 20, .max_segments = 256, .segment_boundary_mask = ~(u64)0,
		.max_discard_sectors = 1u << 20, .max_write_zeroes_sectors = 1u << 20, .volatile_cache = true,
	};
}

void fake_disk_release(struct fake_disk *disk)
{
	assert(list_empty(&disk->waiting));
	free(disk->medium);
}

/* SPDX-License-Identifier: MIT */
/*
 * What every implementer of a block device does with a request: check it against the limits, and give it back.
 * Any context, the fast exit path included. Next to read: hv/block/ramdisk.c, the simplest implementer.
 */
#include "hv/block_device.h"
#include "hv/lib/error.h"

static bool is_aligned(const struct block_device *device, const struct block_request *request)
{
	u64 block_sectors = device->limits.logical_block_bytes / BLOCK_SECTOR_BYTES;

	return !((request->sector | request->sector_count) & (block_sectors - 1));
}

static int check_operation(const struct block_limits *limits, const struct block_request *request)
{
	switch (request->operation) {
	case BLOCK_READ:
		return OK;
	case BLOCK_WRITE:
		return limits->read_only ? ERR_UNSUPPORTED : OK;
	case BLOCK_DISCARD:
		if (limits->read_only || !limits->max_discard_sectors)
			return ERR_UNSUPPORTED;
		return request->sector_count <= limits->max_discard_sectors ? OK : ERR_RANGE;
	case BLOCK_WRITE_ZEROES:
		if (limits->read_only || !limits->max_write_zeroes_sectors)
			return ERR_UNSUPPORTED;
		return request->sector_count <= limits->max_write_zeroes_sectors ? OK : ERR_RANGE;
	default:
		return ERR_UNSUPPORTED;
	}
}

int block_check(const struct block_device *device, const struct block_request *request)
{
	u64 total = READ_ONCE(device->limits.sector_count);

	if (__atomic_load_n(&device->gone, __ATOMIC_ACQUIRE))
		return ERR_NOT_FOUND;
	if (request->operation == BLOCK_FLUSH)
		return OK;
	if (request->sector > total || request->sector_count > total - request->sector || !is_aligned(device, request))
		return ERR_RANGE;
	return check_operation(&device->limits, request);
}

void block_complete(struct block_device *device, struct block_request *request, int status)
{
	struct block_statistics *statistics = &device->statistics;

	if (status == OK) {
		__atomic_fetch_add(&statistics->requests[request->operation], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&statistics->bytes[request->operation], request->sector_count * BLOCK_SECTOR_BYTES,
				   __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&statistics->errors, 1, __ATOMIC_RELAXED);
	}
	request->complete(request, status);
}

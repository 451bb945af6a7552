/* SPDX-License-Identifier: MIT */
/* Reading and writing that waits, for partition tables, file systems and metadata (hv/block/registry.h). */
#include "hv/block/registry.h"
#include "hv/block/transfer.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/pages.h"
#include "hv/thread.h"

struct waiting { /* on the waiting thread's stack */
	bool done; /* (a) */
	int status;
};

/* One for all: a queue on the waiter's stack could be gone while its waker still holds the queue's lock. */
static struct waitqueue finished = { SPINLOCK_INIT("block request", LOCK_RANK_WAITQUEUE), LIST_INIT(finished.waiters) };

static void wake(struct block_transfer *transfer, int status)
{
	struct waiting *waiting = transfer->owner;

	waiting->status = status;
	__atomic_store_n(&waiting->done, true, __ATOMIC_RELEASE); /* from here on it may be gone, the transfer too */
	waitqueue_wake_all(&finished);
}

static int transfer_and_wait(struct block_transfer *transfer)
{
	struct waiting waiting = { .done = false };

	transfer->complete = wake;
	transfer->owner = &waiting;
	block_transfer_start(transfer);
	waitqueue_wait(&finished, __atomic_load_n(&waiting.done, __ATOMIC_ACQUIRE));
	return waiting.status;
}

static int move(struct block_device *device, u8 operation, u64 sector, const void *buffer, u64 sector_count, u32 flags)
{
	struct block_segment segment = { direct_unmap(buffer), sector_count * BLOCK_SECTOR_BYTES };
	struct block_transfer transfer = { .device = device, .operation = operation, .flags = (u8)flags, .segments = &segment,
					   .segment_count = 1, .sector = sector, .sector_count = sector_count };

	return sector_count ? transfer_and_wait(&transfer) : OK;
}

int block_read(struct block_device *device, u64 sector, void *buffer, u64 sector_count)
{
	return move(device, BLOCK_READ, sector, buffer, sector_count, 0);
}

int block_write(struct block_device *device, u64 sector, const void *buffer, u64 sector_count, u32 flags)
{
	return move(device, BLOCK_WRITE, sector, buffer, sector_count, flags);
}

int block_flush(struct block_device *device)
{
	struct block_transfer transfer = { .device = device, .operation = BLOCK_FLUSH };

	return transfer_and_wait(&transfer);
}

#define ZEROES_BYTES 65536u

static int write_zeroes_by_hand(struct block_device *device, u64 sector, u64 sector_count)
{
	void *zeroes = kzalloc(ZEROES_BYTES);
	int error = zeroes ? OK : ERR_NO_MEMORY;

	while (sector_count && !error) {
		u64 part = MIN(sector_count, (u64)ZEROES_BYTES / BLOCK_SECTOR_BYTES);

		error = block_write(device, sector, zeroes, part, 0);
		sector += part;
		sector_count -= part;
	}
	kfree(zeroes);
	return error;
}

int block_write_zeroes(struct block_device *device, u64 sector, u64 sector_count)
{
	struct block_transfer transfer = { .device = device, .operation = BLOCK_WRITE_ZEROES, .sector = sector,
					   .sector_count = sector_count };
	int error;

	if (!sector_count)
		return OK;
	if (!device->limits.max_write_zeroes_sectors)
		return write_zeroes_by_hand(device, sector, sector_count);
	error = transfer_and_wait(&transfer);
	return error == ERR_UNSUPPORTED ? write_zeroes_by_hand(device, sector, sector_count) : error;
}

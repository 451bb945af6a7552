/* SPDX-License-Identifier: MIT */
/*
 * What a failing medium does to a machine (hv/device_model.h's policies): the error is reported or ignored, or the request is set aside
 * and the machine paused; when it goes on, the request is taken from the ring anew, header and buffers too, and tried again.
 *
 * What is set aside is not in flight: its buffers are not pinned, so pausing, resetting and ending a machine do not wait for it.
 */
#include "hv/lib/error.h"
#include "virtio/virtio_blk.h"

/* A guest that asks for what cannot be is told so, whatever the policy. */
static bool is_medium_failure(int status)
{
	return status == ERR_IO || status == ERR_FULL || status == ERR_NOT_FOUND || status == ERR_TIMEOUT;
}

int blk_judge_failure(const struct blk_request *request, int status)
{
	const struct device_disk *disk = &request->blk->disk;
	u8 policy = request->type == VIRTIO_BLK_T_IN ? disk->read_errors : disk->write_errors;

	if (!is_medium_failure(status))
		return status;
	if (policy == DISK_ERRORS_IGNORE)
		return OK;
	if (disk->stopped && (policy == DISK_ERRORS_STOP || (policy == DISK_ERRORS_ENOSPACE && status == ERR_FULL)))
		return ERR_AGAIN;
	return status;
}

void blk_set_aside(struct blk_request *request)
{
	struct virtio_blk *blk = request->blk;

	__atomic_store_n(&request->aside, BLK_ASIDE, __ATOMIC_RELEASE);
	blk->disk.stopped(blk->disk.context); /* while it is in flight, the device is there */
	virtio_drop(&blk->device, request->queue);
}

void blk_forget_aside(struct virtio_blk *blk, unsigned queue)
{
	for (u32 i = 0; i < BLK_QUEUE_SIZE; i++) {
		struct blk_request *request = &blk->requests[queue][i];

		if (__atomic_exchange_n(&request->aside, BLK_NOT_ASIDE, __ATOMIC_ACQ_REL) != BLK_NOT_ASIDE)
			WRITE_ONCE(request->busy, false);
	}
}

void blk_allow_again(struct virtio_blk *blk)
{
	for (u32 i = 0; i < blk->device.queue_count * BLK_QUEUE_SIZE; i++) {
		struct blk_request *request = &blk->requests[i / BLK_QUEUE_SIZE][i % BLK_QUEUE_SIZE];

		if (READ_ONCE(request->aside) == BLK_ASIDE)
			WRITE_ONCE(request->aside, BLK_ASIDE_AGAIN);
	}
}

struct blk_request *blk_next_again(struct virtio_blk *blk, unsigned queue)
{
	for (u32 i = 0; i < BLK_QUEUE_SIZE; i++)
		if (__atomic_load_n(&blk->requests[queue][i].aside, __ATOMIC_ACQUIRE) == BLK_ASIDE_AGAIN)
			return &blk->requests[queue][i];
	return NULL;
}

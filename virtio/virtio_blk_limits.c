/* SPDX-License-Identifier: MIT */
/*
 * A disk's limits (<iotune>): a request is taken from the ring when none of the limits that it falls under is in debt, and then paid.
 *
 * So what is too much stays in the guest's own ring and costs nothing here, and the guest sees its queue fill. Requests keep their order:
 * behind one that has to wait, all of that queue wait. A timer looks again when the debt is paid, or somewhat earlier, in case that somebody
 * has changed the limits. Next to read: hv/lib/token_bucket.h.
 */
#include "hv/clock.h"
#include "hv/lib/token_bucket.h"
#include "virtio/virtio_blk.h"

#define HEADER_BYTES ((u32)sizeof(struct virtio_blk_header))
#define LOOK_AGAIN_NS (100 * NS_PER_MS)

static void look_again(struct timer *timer)
{
	struct virtio_blk *blk = timer->context;

	for (unsigned i = 0; i < blk->device.queue_count; i++)
		virtio_kick(&blk->device, i);
}

void blk_limits_init(struct virtio_blk *blk)
{
	spinlock_init(&blk->limiter.lock, "disk limits", LOCK_RANK_DEVICE);
	timer_init(&blk->limiter.timer, look_again, blk);
}

void blk_limits_end(struct virtio_blk *blk)
{
	(void)timer_cancel(&blk->limiter.timer);
}

/* [lock] Until when it has to wait for one of its limits; at most now: it need not. */
static u64 debt_until(const struct blk_limiter *limiter, const struct disk_limits *limits, const u64 *cost)
{
	u64 until = 0;

	for (unsigned i = 0; i < DISK_LIMITS; i++)
		if (cost[i] && READ_ONCE(limits->rates[i]))
			until = MAX(until, limiter->paid_until_ns[i]);
	return until;
}

static void pay(struct blk_limiter *limiter, const struct disk_limits *limits, const u64 *cost, u64 now)
{
	for (unsigned i = 0; i < DISK_LIMITS; i++) {
		u64 rate = READ_ONCE(limits->rates[i]);

		if (cost[i] && rate)
			limiter->paid_until_ns[i] = token_bucket_pay(limiter->paid_until_ns[i], now, cost[i], rate,
								     READ_ONCE(limits->bursts[i]));
	}
}

/* What it costs of each limit. A flush moves nothing and is free. */
static bool measure(const struct virtq_chain *chain, u64 *cost)
{
	bool read = chain->writable_bytes > 1, write = chain->readable_bytes > HEADER_BYTES;
	u64 bytes = read ? chain->writable_bytes - 1 : write ? chain->readable_bytes - HEADER_BYTES : 0;

	cost[DISK_LIMIT_TOTAL_BYTES] = bytes;
	cost[DISK_LIMIT_READ_BYTES] = read ? bytes : 0;
	cost[DISK_LIMIT_WRITE_BYTES] = read ? 0 : bytes;
	cost[DISK_LIMIT_TOTAL_IOPS] = read || write;
	cost[DISK_LIMIT_READ_IOPS] = read;
	cost[DISK_LIMIT_WRITE_IOPS] = !read && write;
	return bytes;
}

bool blk_admit(struct virtio_blk *blk, const struct virtq_chain *chain)
{
	const struct disk_limits *limits = blk->disk.limits;
	struct blk_limiter *limiter = &blk->limiter;
	u64 cost[DISK_LIMITS], now, until, flags;

	if (!limits || !READ_ONCE(limits->active) || !measure(chain, cost))
		return true;
	now = clock_ns();
	flags = lock_irqsave(&limiter->lock);
	if (limiter->changes != READ_ONCE(limits->changes)) { /* debts of other limits */
		limiter->changes = READ_ONCE(limits->changes);
		for (unsigned i = 0; i < DISK_LIMITS; i++)
			limiter->paid_until_ns[i] = 0;
	}
	until = debt_until(limiter, limits, cost);
	if (until <= now)
		pay(limiter, limits, cost, now);
	unlock_irqrestore(&limiter->lock, flags);
	if (until > now)
		timer_arm(&limiter->timer, MIN(until, now + LOOK_AGAIN_NS));
	return until <= now;
}

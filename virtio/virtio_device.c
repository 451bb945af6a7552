/* SPDX-License-Identifier: MIT */
/*
 * The life of a virtio device (virtio_device.h), after "Device Initialization" and "Basic Facilities of a Virtio Device".
 *
 * Stopping, in one order everywhere: `live` off, so that no doorbell is heeded; each queue marked stopped under its lock, so that
 * whoever is between two chains ends; then wait until in_flight is 0. After that nothing of the device touches guest memory.
 */
#include "virtio/virtio_device.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/vm_helper.h"
#include "virtio/spec/virtio.h"

#define COMMON_FEATURES (BIT64(VIRTIO_F_INDIRECT_DESC) | BIT64(VIRTIO_F_EVENT_IDX) | BIT64(VIRTIO_F_VERSION_1) | \
			 BIT64(VIRTIO_F_RING_RESET))
#define STATUS_WRITABLE (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | \
			 VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)

static bool is_live(const struct virtio_device *device)
{
	return __atomic_load_n(&device->live, __ATOMIC_ACQUIRE);
}

static void add_status(struct virtio_device *device, u8 bits)
{
	__atomic_fetch_or(&device->status, bits, __ATOMIC_SEQ_CST);
}

/* The thread */

/* While the thread looks at the queue anyway, doorbells only cost; virtio_take asks for them again when it is empty. */
static void decline_doorbells(struct virtio_queue *queue)
{
	u64 flags = lock_irqsave(&queue->lock);

	if (queue->ring.enabled && !queue->stopped)
		virtq_decline_doorbells(&queue->ring);
	unlock_irqrestore(&queue->lock, flags);
}

static void work(struct virtio_device *device, unsigned queue)
{
	decline_doorbells(&device->queues[queue]);
	device->ops->work(device, queue);
}

void virtio_run_kicks(struct virtio_device *device)
{
	u32 kicks = __atomic_exchange_n(&device->kicks, 0, __ATOMIC_ACQ_REL);

	for (unsigned i = 0; i < device->queue_count; i++)
		if (kicks >> i & 1)
			work(device, i);
}

static void thread_main(void *argument)
{
	struct virtio_device *device = argument;

	while (!READ_ONCE(device->ending)) {
		waitqueue_wait(&device->thread_wait, READ_ONCE(device->kicks) || READ_ONCE(device->ending));
		virtio_run_kicks(device);
	}
}

void virtio_kick(struct virtio_device *device, unsigned queue)
{
	if (!(__atomic_fetch_or(&device->kicks, BIT32(queue), __ATOMIC_ACQ_REL) & BIT32(queue)))
		waitqueue_wake_all(&device->thread_wait);
}

/* Taking and giving */

void virtio_driver_error(struct virtio_device *device, const char *why)
{
	(void)why; /* device->queues[].ring.broken keeps it for whoever looks; the log is not for guests to fill */
	__atomic_store_n(&device->live, false, __ATOMIC_SEQ_CST);
	if (__atomic_fetch_or(&device->status, VIRTIO_STATUS_NEEDS_RESET, __ATOMIC_SEQ_CST) & VIRTIO_STATUS_NEEDS_RESET)
		return;
	if (READ_ONCE(device->status) & VIRTIO_STATUS_DRIVER_OK)
		device->transport->config_interrupt(device);
}

/* [queue->lock] */
static int take_locked(struct virtio_queue *queue, struct virtq_chain *chain)
{
	int code = virtq_pop(&queue->ring, chain);

	while (code == ERR_NOT_FOUND && virtq_ask_doorbell(&queue->ring))
		code = virtq_pop(&queue->ring, chain); /* twice at most: then there was one, or the ring is broken */
	return code;
}

int virtio_take(struct virtio_device *device, unsigned index, struct virtq_chain *chain,
		int (*prepare)(struct virtio_device *device, struct virtq_chain *chain, void *context), void *context)
{
	struct virtio_queue *queue = &device->queues[index];
	u64 flags = lock_irqsave(&queue->lock);
	int code = ERR_BUSY;

	if (is_live(device) && !queue->stopped && queue->ring.enabled) {
		code = take_locked(queue, chain);
		if (code == OK && prepare) {
			code = prepare(device, chain, context);
			if (code != OK)
				virtq_unpop(&queue->ring);
		}
		queue->in_flight += code == OK;
	}
	unlock_irqrestore(&queue->lock, flags);
	if (UNLIKELY(code == ERR_INVALID))
		virtio_driver_error(device, queue->ring.broken);
	return code;
}

int virtio_take_again(struct virtio_device *device, unsigned index, u16 head, struct virtq_chain *chain)
{
	struct virtio_queue *queue = &device->queues[index];
	u64 flags = lock_irqsave(&queue->lock);
	int code = ERR_BUSY;

	if (is_live(device) && !queue->stopped && queue->ring.enabled) {
		code = virtq_again(&queue->ring, head, chain);
		queue->in_flight += code == OK;
	}
	unlock_irqrestore(&queue->lock, flags);
	if (UNLIKELY(code == ERR_INVALID))
		virtio_driver_error(device, queue->ring.broken);
	return code;
}

/* [queue->lock], which who waits takes once more before the device may go. */
static void count_out(struct virtio_device *device, struct virtio_queue *queue, u32 count)
{
	queue->in_flight -= count;
	if (UNLIKELY(queue->in_flight == 0 && queue->stopped))
		waitqueue_wake_all(&device->drained);
}

void virtio_give(struct virtio_device *device, unsigned index, u16 head, u32 written)
{
	struct virtio_queue *queue = &device->queues[index];
	u64 flags = lock_irqsave(&queue->lock);

	virtq_push(&queue->ring, head, written);
	if (virtq_wants_interrupt(&queue->ring))
		device->transport->queue_interrupt(device, index);
	count_out(device, queue, 1);
	unlock_irqrestore(&queue->lock, flags);
}

void virtio_give_many(struct virtio_device *device, unsigned index, const struct virtq_used_element *elements, u32 count)
{
	struct virtio_queue *queue = &device->queues[index];
	u64 flags = lock_irqsave(&queue->lock);

	for (u32 i = 0; i < count; i++)
		virtq_fill(&queue->ring, (u16)i, (u16)elements[i].id, elements[i].length);
	virtq_publish(&queue->ring, (u16)count);
	if (virtq_wants_interrupt(&queue->ring))
		device->transport->queue_interrupt(device, index);
	count_out(device, queue, count);
	unlock_irqrestore(&queue->lock, flags);
}

void virtio_untake(struct virtio_device *device, unsigned index, u32 count)
{
	struct virtio_queue *queue = &device->queues[index];
	u64 flags = lock_irqsave(&queue->lock);

	for (u32 i = 0; i < count; i++)
		virtq_unpop(&queue->ring);
	if (count)
		count_out(device, queue, count);
	unlock_irqrestore(&queue->lock, flags);
}

void virtio_drop(struct virtio_device *device, unsigned index)
{
	struct virtio_queue *queue = &device->queues[index];
	u64 flags = lock_irqsave(&queue->lock);

	count_out(device, queue, 1);
	unlock_irqrestore(&queue->lock, flags);
}

/* Stopping */

static bool is_drained(struct virtio_queue *queue)
{
	u64 flags = lock_irqsave(&queue->lock);
	bool drained = queue->in_flight == 0;

	unlock_irqrestore(&queue->lock, flags);
	return drained;
}

static void set_stopped(struct virtio_queue *queue, bool stopped)
{
	u64 flags = lock_irqsave(&queue->lock);

	queue->stopped = stopped;
	unlock_irqrestore(&queue->lock, flags);
}

static void stop_queue(struct virtio_device *device, struct virtio_queue *queue)
{
	set_stopped(queue, true);
	waitqueue_wait(&device->drained, is_drained(queue));
}

static void stop(struct virtio_device *device)
{
	__atomic_store_n(&device->live, false, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < device->queue_count; i++)
		stop_queue(device, &device->queues[i]);
}

/* [config_mutex] Live again if status and pause let it; whatever waits in the rings is looked at. */
static void start(struct virtio_device *device)
{
	if ((READ_ONCE(device->status) & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED)) !=
	    VIRTIO_STATUS_DRIVER_OK || device->paused)
		return;
	for (unsigned i = 0; i < device->queue_count; i++)
		set_stopped(&device->queues[i], false);
	__atomic_store_n(&device->live, true, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < device->queue_count; i++)
		if (device->queues[i].ring.enabled)
			virtio_kick(device, i);
}

static void disable_queue(struct virtio_queue *queue)
{
	virtq_disable(&queue->ring);
	WRITE_ONCE(queue->vector, 0xffff);
}

/* [config_mutex] */
static void reset_locked(struct virtio_device *device)
{
	stop(device);
	for (unsigned i = 0; i < device->queue_count; i++)
		disable_queue(&device->queues[i]);
	device->features = 0;
	device->ops->reset(device);
	__atomic_store_n(&device->status, 0, __ATOMIC_SEQ_CST); /* last: the driver waits for it */
}

void virtio_reset(struct virtio_device *device)
{
	mutex_lock(&device->config_mutex);
	reset_locked(device);
	mutex_unlock(&device->config_mutex);
}

/* What a driver sets up; [config_mutex] held by the transport for all of these */

u32 virtio_offered(const struct virtio_device *device, unsigned select)
{
	return select < 2 ? (u32)(device->offered >> (32 * select)) : 0;
}

void virtio_set_features(struct virtio_device *device, unsigned select, u32 value)
{
	if (select > 1 || (device->status & (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK)))
		return;
	device->features = select ? (device->features & MASK64(31, 0)) | (u64)value << 32
				  : (device->features & MASK64(63, 32)) | value;
}

static bool features_are_good(struct virtio_device *device)
{
	return !(device->features & ~device->offered) && virtio_has(device, VIRTIO_F_VERSION_1) &&
	       (!device->ops->features_ok || device->ops->features_ok(device, device->features));
}

static void set_ring_features(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++) {
		device->queues[i].ring.event_idx = virtio_has(device, VIRTIO_F_EVENT_IDX);
		device->queues[i].ring.indirect = virtio_has(device, VIRTIO_F_INDIRECT_DESC);
	}
}

void virtio_set_status(struct virtio_device *device, u8 value)
{
	u8 fresh = (u8)(value & ~READ_ONCE(device->status) & STATUS_WRITABLE);

	if (!value) {
		reset_locked(device);
		return;
	}
	/* "Device Status Field": the driver must not clear a bit, so what it leaves out stays. */
	if ((fresh & VIRTIO_STATUS_FEATURES_OK) && !features_are_good(device))
		fresh &= (u8)~VIRTIO_STATUS_FEATURES_OK;
	add_status(device, fresh);
	if (fresh & VIRTIO_STATUS_FAILED)
		stop(device);
	if (!(fresh & VIRTIO_STATUS_DRIVER_OK))
		return;
	if (!(READ_ONCE(device->status) & VIRTIO_STATUS_FEATURES_OK)) {
		virtio_driver_error(device, "DRIVER_OK without FEATURES_OK");
		return;
	}
	start(device);
}

void virtio_enable_queue(struct virtio_device *device, unsigned index)
{
	struct virtio_queue *queue = &device->queues[index];

	if (queue->ring.enabled)
		return;
	if (!(READ_ONCE(device->status) & VIRTIO_STATUS_FEATURES_OK)) {
		virtio_driver_error(device, "a queue enabled before FEATURES_OK");
		return;
	}
	set_stopped(queue, true); /* on a live device a doorbell must not find it half made; start() lets it go */
	set_ring_features(device);
	if (virtq_enable(&queue->ring) != OK) {
		virtio_driver_error(device, "a queue of a wrong size or alignment, or outside of RAM");
		return;
	}
	start(device); /* after a reset of this queue the device may be live already */
}

void virtio_reset_queue(struct virtio_device *device, unsigned index)
{
	if (!virtio_has(device, VIRTIO_F_RING_RESET) || !(READ_ONCE(device->status) & VIRTIO_STATUS_FEATURES_OK))
		return;
	stop_queue(device, &device->queues[index]);
	disable_queue(&device->queues[index]);
	if (device->ops->queue_reset)
		device->ops->queue_reset(device, index);
}

u32 virtio_config_read(struct virtio_device *device, u64 offset, unsigned size_bytes)
{
	u32 value = 0;

	for (unsigned i = 0; i < size_bytes && i < 4; i++)
		if (offset + i < device->config_bytes)
			value |= (u32)READ_ONCE(device->config[index_nospec(offset + i, VIRTIO_CONFIG_MAX)]) << (8 * i);
	return value;
}

void virtio_config_write(struct virtio_device *device, u64 offset, unsigned size_bytes, u64 value)
{
	for (unsigned i = 0; i < size_bytes; i++) {
		u8 mask, byte = (u8)(value >> (8 * i));
		u64 at = index_nospec(offset + i, VIRTIO_CONFIG_MAX);

		if (offset + i >= device->config_bytes)
			return;
		mask = device->config_writable[at];
		WRITE_ONCE(device->config[at], (u8)((device->config[at] & ~mask) | (byte & mask)));
	}
	if (device->ops->config_written)
		device->ops->config_written(device, (unsigned)offset, size_bytes);
}

void virtio_config_changed(struct virtio_device *device, unsigned offset, const void *from, unsigned size_bytes)
{
	const u8 *bytes = from;

	mutex_lock(&device->config_mutex);
	for (unsigned i = 0; i < size_bytes; i++)
		WRITE_ONCE(device->config[offset + i], bytes[i]);
	__atomic_fetch_add(&device->generation, 1, __ATOMIC_SEQ_CST);
	if (READ_ONCE(device->status) & VIRTIO_STATUS_DRIVER_OK)
		device->transport->config_interrupt(device);
	mutex_unlock(&device->config_mutex);
}

void virtio_doorbell(struct virtio_device *device, u64 queue)
{
	if (queue < device->queue_count && is_live(device))
		device->ops->doorbell(device, (unsigned)index_nospec(queue, device->queue_count));
}

/* The machine's side */

int virtio_device_init(struct virtio_device *device, const u16 *sizes)
{
	device->offered |= COMMON_FEATURES;
	mutex_init(&device->config_mutex, "virtio configuration");
	waitqueue_init(&device->drained, "virtio drained");
	waitqueue_init(&device->thread_wait, "virtio work");
	for (unsigned i = 0; i < device->queue_count; i++) {
		spinlock_init(&device->queues[i].lock, "virtqueue", LOCK_RANK_VIRTQUEUE);
		virtq_init(&device->queues[i].ring, device->vm, sizes[i]);
		device->queues[i].stopped = true;
		device->queues[i].vector = 0xffff;
	}
	device->thread = vm_helper_create(device->vm, device->name, thread_main, device);
	return device->thread ? OK : ERR_NO_MEMORY;
}

void virtio_device_release(struct virtio_device *device)
{
	stop(device);
	for (unsigned i = 0; i < device->queue_count; i++)
		virtq_disable(&device->queues[i].ring);
	__atomic_store_n(&device->ending, true, __ATOMIC_SEQ_CST);
	waitqueue_wake_all(&device->thread_wait);
	if (device->thread)
		vm_helper_join(device->vm, device->thread);
}

void virtio_pause(struct virtio_device *device)
{
	mutex_lock(&device->config_mutex);
	device->paused = true;
	stop(device);
	mutex_unlock(&device->config_mutex);
}

void virtio_resume(struct virtio_device *device)
{
	mutex_lock(&device->config_mutex);
	device->paused = false;
	start(device);
	mutex_unlock(&device->config_mutex);
}

/* Saved state. The rings themselves are guest memory; here is where they are and how far they were followed. */
struct saved_queue {
	u64 desc, avail, used;
	u16 size, vector, next_avail, next_used, signalled;
	u8 enabled, signalled_valid, reserved[4];
};

struct saved_device {
	u64 features;
	u8 config[VIRTIO_CONFIG_MAX];
	u8 status, generation, reserved[6];
	struct saved_queue queues[VIRTIO_QUEUES_MAX];
};

void virtio_save(struct virtio_device *device, struct state_writer *writer)
{
	struct saved_device *state = kzalloc(sizeof(*state));

	if (!state) {
		writer->failed = true;
		return;
	}
	state->features = device->features;
	state->status = device->status;
	state->generation = device->generation;
	memcpy(state->config, device->config, sizeof(state->config));
	for (unsigned i = 0; i < device->queue_count; i++) {
		const struct virtio_queue *queue = &device->queues[i];
		const struct virtq *ring = &queue->ring;

		state->queues[i] = (struct saved_queue){
			ring->desc, ring->avail, ring->used, ring->size, queue->vector, ring->next_avail, ring->next_used,
			ring->signalled, ring->enabled, ring->signalled_valid, { 0 }
		};
	}
	state_save(writer, "virtio", 1, state, sizeof(*state));
	kfree(state);
	if (device->ops->save)
		device->ops->save(device, writer);
}

static bool queue_is_sane(const struct saved_queue *saved, const struct virtq *ring)
{
	for (unsigned i = 0; i < sizeof(saved->reserved); i++)
		if (saved->reserved[i])
			return false;
	return saved->size && saved->size <= ring->size_max && !(saved->size & (saved->size - 1)) && saved->enabled <= 1 &&
	       saved->signalled_valid <= 1 && (saved->vector < VPCI_MSIX_MAX || saved->vector == 0xffff);
}

static bool state_is_sane(const struct virtio_device *device, const struct saved_device *state)
{
	static const struct saved_queue none;

	if ((state->features & ~device->offered) && (state->status & VIRTIO_STATUS_FEATURES_OK))
		return false;
	if (state->status & ~(STATUS_WRITABLE | VIRTIO_STATUS_NEEDS_RESET))
		return false;
	for (unsigned i = 0; i < sizeof(state->reserved); i++)
		if (state->reserved[i])
			return false;
	for (unsigned i = device->config_bytes; i < VIRTIO_CONFIG_MAX; i++)
		if (state->config[i])
			return false;
	for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++) {
		if (i >= device->queue_count ? memcmp(&state->queues[i], &none, sizeof(none)) != 0
					     : !queue_is_sane(&state->queues[i], &device->queues[i].ring))
			return false;
	}
	return true;
}

static void take_queue(struct virtio_queue *queue, const struct saved_queue *saved)
{
	struct virtq *ring = &queue->ring;

	virtq_disable(ring);
	queue->vector = saved->vector;
	ring->desc = saved->desc;
	ring->avail = saved->avail;
	ring->used = saved->used;
	ring->size = saved->size;
	ring->next_avail = saved->next_avail;
	ring->next_used = saved->next_used;
	ring->signalled = saved->signalled;
	ring->signalled_valid = saved->signalled_valid;
}

/* Are all rings where this machine has RAM? Mapping on a copy changes nothing. */
static bool rings_map(const struct virtio_device *device, const struct saved_device *state)
{
	bool good = true;

	for (unsigned i = 0; i < device->queue_count && good; i++) {
		const struct saved_queue *saved = &state->queues[i];
		struct virtq ring;

		if (!saved->enabled)
			continue;
		virtq_init(&ring, device->vm, device->queues[i].ring.size_max);
		ring.desc = saved->desc;
		ring.avail = saved->avail;
		ring.used = saved->used;
		ring.size = saved->size;
		good = virtq_enable(&ring) == OK;
		virtq_disable(&ring);
	}
	return good;
}

static int take_state(struct virtio_device *device, const struct saved_device *state)
{
	int code = OK;

	device->features = state->features;
	device->generation = state->generation;
	__atomic_store_n(&device->status, state->status, __ATOMIC_SEQ_CST);
	/* What is not the driver's to change is this device's, not the record's. */
	for (unsigned i = 0; i < device->config_bytes; i++)
		device->config[i] = (u8)((device->config[i] & ~device->config_writable[i]) |
					 (state->config[i] & device->config_writable[i]));
	for (unsigned i = 0; i < device->queue_count && code == OK; i++) {
		take_queue(&device->queues[i], &state->queues[i]);
		if (state->queues[i].enabled)
			code = virtq_enable(&device->queues[i].ring); /* rings_map saw that it can be */
	}
	set_ring_features(device);
	return code;
}

int virtio_load(struct virtio_device *device, struct state_reader *reader)
{
	struct saved_device *state = kzalloc(sizeof(*state));
	int code = state ? state_load(reader, "virtio", 1, state, sizeof(*state)) : ERR_NO_MEMORY;

	if (code == OK && (!state_is_sane(device, state) || !rings_map(device, state)))
		code = ERR_INVALID;
	if (code == OK && device->ops->load)
		code = device->ops->load(device, reader);
	if (code == OK) {
		mutex_lock(&device->config_mutex);
		code = take_state(device, state);
		mutex_unlock(&device->config_mutex);
	}
	kfree(state);
	return code;
}

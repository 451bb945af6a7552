/* SPDX-License-Identifier: MIT */
/*
 * The virtio balloon (VIRTIO 1.2, "Traditional Memory Balloon Device"): what the guest puts into it goes back to the host.
 *
 * A page number is the guest's word and no more: gmem_batch_add leaves out what is no RAM, is back already or is in a device's hands.
 * A chain of pages is given back only when every vCPU has left the guest and forgotten its translations (gmem_batch_settle), for the
 * driver may use the pages again from then on. A vCPU that waits for this device to stop would never leave: so that wait ends when
 * the device is no longer live, and the pages are freed after the chain was given back.
 * Statistics: the driver's buffer stays in the ring, read in place; giving it back asks for fresh ones.
 */
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "virtio/models.h"
#include "virtio/spec/virtio.h"
#include "virtio/spec/virtio_balloon.h"
#include "virtio/virtio_pci.h"

#define QUEUE_SIZE 128u
#define QUEUES 5u
#define PIECE_PAGES 256u         /* of a chain, at once */
#define TURN_CHAINS 16u          /* then the other queues have their turn */
#define STATISTICS_MAX 32u       /* entries of one buffer that are looked at */
#define CLASS_OTHER 0x00ff00u

struct virtio_balloon {
	struct virtio_device device;
	struct virtio_pci pci;
	struct balloon_state *state;     /* (c) hv/manage's */
	u64 memory_bytes;                /* (c) */
	u32 polls_answered;              /* (o) the device's thread */
	struct gmem_batch *batch;        /* (o) the device's thread; empty between two turns */
	struct virtq_range *scratch;     /* (o) the device's thread */
	u32 statistics_bytes;            /* (o) the device's thread: of: */
	struct virtio_balloon_stat statistics[STATISTICS_MAX];
};

static struct virtio_balloon *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_balloon, device);
}

static int take(struct virtio_balloon *balloon, unsigned queue, struct virtq_chain *chain,
		int (*prepare)(struct virtio_device *device, struct virtq_chain *chain, void *context))
{
	int code;
	u8 byte;

	*chain = (struct virtq_chain){ .ranges = balloon->scratch, .capacity = VIRTQ_CHAIN_MAX };
	do
		code = virtio_take(&balloon->device, queue, chain, prepare, NULL);
	while (code == ERR_AGAIN && gmem_read(balloon->device.vm, GPA(chain->ranges[0].address), &byte, 1) == OK);
	return code;
}

static void fail(struct virtio_balloon *balloon, unsigned queue, const char *why)
{
	virtio_driver_error(&balloon->device, why);
	virtio_drop(&balloon->device, queue);
}

static bool is_stopping(void *context)
{
	const struct virtio_device *device = context;

	return !__atomic_load_n(&device->live, __ATOMIC_ACQUIRE);
}

/* True: what the batch holds is free, go on. False: the device is to stop; the batch is to be finished after the chain is out. */
static bool settle(struct virtio_balloon *balloon)
{
	if (!gmem_batch_settle(balloon->batch, is_stopping, &balloon->device))
		return false;
	gmem_batch_finish(balloon->batch);
	return true;
}

/* [address, + size): whole pages. False: as settle. */
static bool give_range(struct virtio_balloon *balloon, u64 address, u64 size_bytes)
{
	while (size_bytes) {
		u64 done = gmem_batch_add(balloon->batch, GPA(address), size_bytes);

		address += done;
		size_bytes -= done;
		if (!size_bytes)
			break;
		if (!settle(balloon))
			return false;
		if (!done && !gmem_batch_add(balloon->batch, GPA(address), size_bytes))
			return true; /* the host has no memory to split a block: these pages stay */
	}
	return true;
}

/* A chain of page numbers. False: they are not in RAM. */
static bool inflate(struct virtio_balloon *balloon, const struct virtq_chain *chain)
{
	u32 numbers[PIECE_PAGES], part;

	for (u32 offset = 0; offset + sizeof(u32) <= chain->readable_bytes; offset += part) {
		part = (u32)MIN(ALIGN_DOWN(chain->readable_bytes - offset, (u32)sizeof(u32)), sizeof(numbers));
		if (virtq_chain_read(balloon->device.vm, chain, offset, numbers, part, true) != OK)
			return false;
		for (u32 i = 0; i < part / sizeof(u32); i++)
			if (!give_range(balloon, (u64)numbers[i] << VIRTIO_BALLOON_PAGE_SHIFT, PAGE_SIZE))
				return true;
		if (!settle(balloon))
			return true;
	}
	return true;
}

/* "Free Page Reporting": the buffers are the free pages themselves. */
static bool report(struct virtio_balloon *balloon, const struct virtq_chain *chain)
{
	for (u32 i = 0; i < chain->writable_count; i++) {
		const struct virtq_range *range = &chain->ranges[chain->readable_count + i];
		u64 start = ALIGN_UP(range->address, PAGE_SIZE), end = ALIGN_DOWN(range->address + range->size_bytes, PAGE_SIZE);

		if (start >= range->address && end > start && !give_range(balloon, start, end - start))
			return true;
	}
	(void)settle(balloon);
	return true;
}

/* "Deflation" needs nothing done: a page comes back when it is touched. */
static bool deflate(struct virtio_balloon *balloon, const struct virtq_chain *chain)
{
	(void)balloon;
	(void)chain;
	return true;
}

static void pages_work(struct virtio_balloon *balloon, unsigned queue,
		       bool (*heed)(struct virtio_balloon *balloon, const struct virtq_chain *chain))
{
	struct virtq_chain chain;

	for (unsigned n = 0; n < TURN_CHAINS; n++) {
		if (take(balloon, queue, &chain, NULL) != OK)
			return;
		if (heed(balloon, &chain))
			virtio_give(&balloon->device, queue, chain.head, 0);
		else
			fail(balloon, queue, "page numbers that are not in RAM");
		gmem_batch_finish(balloon->batch); /* holds pages only if the device is to stop */
	}
	virtio_kick(&balloon->device, queue);
}

/* Statistics */

/* [the queue's lock] Reads the buffer and leaves it where it is. */
static int look(struct virtio_device *device, struct virtq_chain *chain, void *context)
{
	struct virtio_balloon *balloon = of(device);
	u32 bytes = (u32)MIN(chain->readable_bytes, sizeof(balloon->statistics));
	int code = virtq_chain_read(device->vm, chain, 0, balloon->statistics, bytes, false);

	(void)context;
	balloon->statistics_bytes = code == OK ? bytes : 0;
	return code == OK ? ERR_EXISTS : code;
}

static void note_statistics(struct virtio_balloon *balloon)
{
	u32 count = balloon->statistics_bytes / (u32)sizeof(balloon->statistics[0]);

	for (u32 i = 0; i < count; i++) {
		const struct virtio_balloon_stat *stat = &balloon->statistics[i];

		if (stat->tag >= BALLOON_STATISTICS) /* "unknown tags are ignored" */
			continue;
		WRITE_ONCE(balloon->state->statistics[index_nospec(stat->tag, BALLOON_STATISTICS)], stat->value);
		__atomic_fetch_or(&balloon->state->known, BIT32(stat->tag), __ATOMIC_RELEASE);
	}
	if (count)
		__atomic_store_n(&balloon->state->updated_ns, clock_ns(), __ATOMIC_RELEASE);
}

static void statistics_work(struct virtio_balloon *balloon)
{
	u32 polls = __atomic_load_n(&balloon->state->polls, __ATOMIC_ACQUIRE);
	struct virtq_chain chain;
	u8 byte;
	int code;

	if (polls != balloon->polls_answered && take(balloon, VIRTIO_BALLOON_STATS, &chain, NULL) == OK) {
		balloon->polls_answered = polls;
		virtio_give(&balloon->device, VIRTIO_BALLOON_STATS, chain.head, 0);
	}
	for (unsigned tries = 0; tries < 2; tries++) {
		code = take(balloon, VIRTIO_BALLOON_STATS, &chain, look);
		if (code == ERR_EXISTS)
			note_statistics(balloon);
		if (code != ERR_AGAIN)
			break;
		for (u32 i = 0; i < chain.readable_count; i++) /* some page of it is not there yet */
			if (gmem_read(balloon->device.vm, GPA(chain.ranges[i].address), &byte, 1) != OK)
				return;
	}
	if (code == ERR_FAULT)
		virtio_driver_error(&balloon->device, "statistics that are not in RAM");
}

/* The device */

static void balloon_doorbell(struct virtio_device *device, unsigned queue)
{
	virtio_kick(device, queue);
}

static void balloon_work(struct virtio_device *device, unsigned queue)
{
	struct virtio_balloon *balloon = of(device);

	switch (queue) {
	case VIRTIO_BALLOON_INFLATE: pages_work(balloon, queue, inflate); break;
	case VIRTIO_BALLOON_DEFLATE: pages_work(balloon, queue, deflate); break;
	case VIRTIO_BALLOON_STATS: statistics_work(balloon); break;
	default: pages_work(balloon, queue, virtio_has(device, VIRTIO_BALLOON_F_PAGE_REPORTING) ? report : deflate); break;
	}
}

static u32 wanted_pages(const struct virtio_balloon *balloon)
{
	u64 target = READ_ONCE(balloon->state->target_bytes);

	return (u32)MIN((balloon->memory_bytes - MIN(target, balloon->memory_bytes)) >> VIRTIO_BALLOON_PAGE_SHIFT, 0xffffffffu);
}

static void balloon_reset(struct virtio_device *device)
{
	struct virtio_balloon *balloon = of(device);
	struct virtio_balloon_config config = { wanted_pages(balloon), 0 };

	memcpy(device->config, &config, sizeof(config));
	WRITE_ONCE(balloon->state->actual_pages, 0);
	__atomic_store_n(&balloon->state->known, 0, __ATOMIC_RELEASE);
}

static void note_actual(struct virtio_balloon *balloon)
{
	struct virtio_balloon_config config;

	memcpy(&config, balloon->device.config, sizeof(config));
	WRITE_ONCE(balloon->state->actual_pages, config.actual);
}

static void balloon_config_written(struct virtio_device *device, unsigned offset, unsigned size_bytes)
{
	(void)offset;
	(void)size_bytes;
	note_actual(of(device));
}

static const struct virtio_device_ops balloon_ops = {
	.reset = balloon_reset, .doorbell = balloon_doorbell, .work = balloon_work, .config_written = balloon_config_written,
};

static void balloon_destroy(void *context)
{
	struct virtio_balloon *balloon = context;

	virtio_device_release(&balloon->device);
	gmem_batch_destroy(balloon->batch);
	kfree(balloon->scratch);
	kfree(balloon);
}

static struct virtio_balloon *of_instance(void *context) { return context; }

/* The next guest starts with an empty balloon: it will touch all its memory before it hears of the device. */
static void machine_reset(void *context)
{
	virtio_pci_reset(&of_instance(context)->pci);
	gmem_take_back(of_instance(context)->device.vm);
}

static void quiesce(void *context) { virtio_pause(&of_instance(context)->device); }
static void resume(void *context) { virtio_resume(&of_instance(context)->device); }
static void save(void *context, struct state_writer *writer) { virtio_pci_save(&of_instance(context)->pci, writer); }

static int load(void *context, struct state_reader *reader)
{
	int code = virtio_pci_load(&of_instance(context)->pci, reader);

	if (code == OK)
		note_actual(context);
	return code;
}

/* hv/manage changed the target, or wants statistics. */
static void changed(void *context)
{
	struct virtio_balloon *balloon = context;
	u32 pages = wanted_pages(balloon), told;

	memcpy(&told, balloon->device.config, sizeof(told));
	if (pages != told)
		virtio_config_changed(&balloon->device, 0, &pages, sizeof(pages));
	virtio_kick(&balloon->device, VIRTIO_BALLOON_STATS);
}

static const struct device_ops device_ops = {
	.name = "virtio-balloon", .reset = machine_reset, .quiesce = quiesce, .resume = resume, .save = save, .load = load,
	.destroy = balloon_destroy, .changed = changed,
};

static void init_device(struct virtio_balloon *balloon, struct vm *vm, const struct device_spec *spec)
{
	struct virtio_device *device = &balloon->device;

	balloon->state = spec->balloon.state;
	balloon->memory_bytes = spec->balloon.memory_bytes;
	device->name = spec->alias;
	device->vm = vm;
	device->ops = &balloon_ops;
	device->transport = &virtio_pci_transport;
	device->type = VIRTIO_ID_BALLOON;
	device->queue_count = spec->balloon.reporting ? QUEUES : VIRTIO_BALLOON_STATS + 1;
	device->offered = BIT64(VIRTIO_BALLOON_F_STATS_VQ) |
			  (spec->balloon.deflate_on_oom ? BIT64(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) : 0) |
			  (spec->balloon.reporting ? BIT64(VIRTIO_BALLOON_F_PAGE_REPORTING) : 0);
	device->config_bytes = sizeof(struct virtio_balloon_config);
	memset(device->config_writable + VIRTIO_BALLOON_CONFIG_ACTUAL, 0xff, sizeof(u32));
	balloon_reset(device);
}

static int create(struct vm *vm, struct vpci_bus *bus, const struct device_spec *spec, struct device_instance *out,
		  const char **error)
{
	struct virtio_balloon *balloon = kzalloc(sizeof(*balloon));
	u16 sizes[QUEUES];
	int code;

	*error = "not enough memory for a balloon";
	if (!balloon)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < QUEUES; i++)
		sizes[i] = QUEUE_SIZE;
	init_device(balloon, vm, spec);
	balloon->scratch = kmalloc(VIRTQ_CHAIN_MAX * sizeof(*balloon->scratch));
	balloon->batch = gmem_batch_create(vm);
	code = virtio_device_init(&balloon->device, sizes);
	if (code == OK && (!balloon->scratch || !balloon->batch))
		code = ERR_NO_MEMORY;
	if (code == OK)
		code = virtio_pci_attach(&balloon->pci, &balloon->device, bus, spec->slot, CLASS_OTHER, error);
	if (code != OK) {
		balloon_destroy(balloon);
		return code;
	}
	*out = (struct device_instance){ &device_ops, balloon };
	*error = NULL;
	return OK;
}

const struct device_model virtio_balloon_model = { "virtio-balloon", create };

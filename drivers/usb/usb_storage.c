/* SPDX-License-Identifier: MIT */
/*
 * USB sticks and disks by bulk-only transport: each is a block device sdX.
 *
 * Two threads: one serves requests, one command at a time, which is all that the transport can; the other, the keeper, asks the device
 * what it is, registers it with its partitions, and waits for its end. When the device is pulled out, everything ends with errors;
 * the object lives until its last user let go. Bulk-Only Transport 1.0, "Command/Data/Status Protocol" (5), "Error Handling" (5.3.3,
 * 6.6), "Reset Recovery" (5.3.4).
 */
#include "drivers/disk_name.h"
#include "drivers/usb/bulk_only.h"
#include "drivers/usb/usb_core.h"
#include "drivers/usb/xhci.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define COMMAND_NS (10 * NS_PER_S)
#define DATA_NS (30 * NS_PER_S)
#define READY_NS (10 * NS_PER_S) /* a disk spins up, a stick counts its blocks */
#define READY_POLL_NS (100 * NS_PER_MS)
#define TRANSFER_MAX (30u * 4096u) /* what every stick takes */
#define SEGMENTS_MAX 32u
#define ATTEMPTS 3u
#define STATUS_AT 64u              /* in the page: wrapper, status, small answers */
#define ANSWER_AT 128u
#define NARROW_BLOCKS (1ull << 32)

struct usb_storage {
	struct block_device device;
	struct usb_device *usb;        /* (c) held */
	struct usb_endpoint *in, *out; /* (c) */
	u8 interface_number;           /* (c) */
	u8 *page;                      /* (o) who speaks to the device: keeper, then server. DMA */
	hpa_t page_address;            /* (c) */
	u32 tag;                       /* (o) as page */
	u32 block_bytes;               /* (c) once registered */
	bool no_flush;                 /* (o) server: it does not know SYNCHRONIZE CACHE */
	u32 name_number;               /* (c) */
	struct spinlock lock;          /* rank LOCK_RANK_DRIVER */
	struct list_node waiting;      /* [lock] */
	bool gone;                     /* [lock] */
	struct waitqueue work;         /* both threads' */
	u64 recoveries;                /* (o) server */
};

static u32 looking; /* (a) keepers that did not come to a result yet */

bool usb_storage_looks(void) { return __atomic_load_n(&looking, __ATOMIC_ACQUIRE) != 0; }

static bool is_gone(const struct usb_storage *storage) { return READ_ONCE(storage->gone); }

/* The transport */

static int move(struct usb_storage *storage, struct usb_endpoint *endpoint, const struct block_segment *segments, u32 count, u32 bytes,
		u64 timeout_ns, u32 *done)
{
	struct usb_transfer transfer = { .endpoint = endpoint, .segments = segments, .segment_count = count, .size_bytes = bytes };
	int error = usb_run(&transfer, timeout_ns);

	*done = transfer.done_bytes;
	/* A stall is an answer: the endpoint is set free on both sides, and the protocol goes on. */
	if (error == ERR_UNSUPPORTED && usb_clear_halt(endpoint))
		error = ERR_IO;
	return is_gone(storage) ? ERR_NOT_FOUND : error;
}

static int move_page(struct usb_storage *storage, struct usb_endpoint *endpoint, u32 offset, u32 bytes, u32 *done)
{
	struct block_segment segment = { HPA(storage->page_address.value + offset), bytes };

	return move(storage, endpoint, &segment, 1, bytes, COMMAND_NS, done);
}

static void recover(struct usb_storage *storage)
{
	if (is_gone(storage))
		return;
	storage->recoveries++;
	log_debug("USB %s: its storage is reset", storage->usb->path);
	(void)!usb_control(storage->usb, USB_OUT | USB_CLASS | USB_TO_INTERFACE, BULK_ONLY_RESET, 0, storage->interface_number, NULL, 0);
	(void)!usb_clear_halt(storage->in);
	(void)!usb_clear_halt(storage->out);
}

/* The status; a stall in its place is asked past once (6.7.2). */
static enum bulk_status take_status(struct usb_storage *storage, u32 data_bytes, u32 *residue)
{
	u32 done = 0;
	int error = ERR_UNSUPPORTED;

	for (u32 attempt = 0; attempt < 2 && error == ERR_UNSUPPORTED; attempt++)
		error = move_page(storage, storage->in, STATUS_AT, BULK_STATUS_BYTES, &done);
	return error ? BULK_NO_STATUS : bulk_status_read(storage->page + STATUS_AT, done, storage->tag, data_bytes, residue);
}

/*
 * One command. *done: bytes moved. OK; ERR_BUSY: the device says that it failed, sense tells why; ERR_IO: the transport failed and was
 * reset; ERR_NOT_FOUND: the device is gone.
 */
static int command(struct usb_storage *storage, const struct bulk_command *scsi, const struct block_segment *segments, u32 count, u32 *done)
{
	u32 ignored, residue = 0, moved = 0;
	enum bulk_status status = BULK_NO_STATUS;
	int error;

	bulk_command_wrap(storage->page, ++storage->tag, 0, scsi);
	error = move_page(storage, storage->out, 0, BULK_COMMAND_BYTES, &ignored);
	if (!error && scsi->data_bytes) {
		error = move(storage, scsi->in ? storage->in : storage->out, segments, count, scsi->data_bytes, DATA_NS, &moved);
		error = error == ERR_UNSUPPORTED ? OK : error; /* it has no more, or wants no more: its status says so */
	}
	if (!error)
		status = take_status(storage, scsi->data_bytes, &residue);
	*done = MIN(moved, scsi->data_bytes - residue);
	if (is_gone(storage))
		return ERR_NOT_FOUND;
	if (status == BULK_PASSED)
		return OK;
	if (status == BULK_FAILED)
		return ERR_BUSY;
	recover(storage);
	return ERR_IO;
}

/* A command with a small answer, at ANSWER_AT. */
static int ask(struct usb_storage *storage, const struct bulk_command *scsi, u32 *done)
{
	struct block_segment segment = { HPA(storage->page_address.value + ANSWER_AT), scsi->data_bytes };

	memset(storage->page + ANSWER_AT, 0, 256);
	return command(storage, scsi, &segment, 1, done);
}

static enum bulk_sense sense(struct usb_storage *storage)
{
	struct bulk_command scsi;
	u32 done;

	bulk_request_sense(&scsi);
	return ask(storage, &scsi, &done) ? SENSE_ERROR : bulk_sense_read(storage->page + ANSWER_AT, done);
}

/* Requests */

static void fill(const struct usb_storage *storage, const struct block_request *request, struct bulk_command *scsi)
{
	u32 sectors = storage->block_bytes / BLOCK_SECTOR_BYTES;
	u64 block = request->sector / sectors;
	bool wide = storage->device.limits.sector_count / sectors > NARROW_BLOCKS;

	if (request->operation == BLOCK_FLUSH)
		bulk_synchronize_cache(scsi);
	else
		bulk_transfer(scsi, request->operation == BLOCK_WRITE, wide, block, (u32)(request->sector_count / sectors), storage->block_bytes);
}

static int error_of(enum bulk_sense why)
{
	switch (why) {
	case SENSE_NONE: return OK;
	case SENSE_PROTECTED: return ERR_UNSUPPORTED;
	case SENSE_NO_MEDIUM: return ERR_NOT_FOUND;
	default: return ERR_IO;
	}
}

static int carry_out(struct usb_storage *storage, const struct block_request *request)
{
	struct bulk_command scsi;
	enum bulk_sense why;
	int error = OK;
	u32 done;

	fill(storage, request, &scsi);
	for (u32 attempt = 0; attempt < ATTEMPTS; attempt++) {
		error = command(storage, &scsi, request->segments, request->segment_count, &done);
		if (error == ERR_NOT_FOUND)
			return error;
		if (!error && done == scsi.data_bytes)
			return OK;
		if (error != ERR_BUSY) {
			error = ERR_IO;
			continue;
		}
		why = sense(storage);
		if (why == SENSE_UNSUPPORTED && request->operation == BLOCK_FLUSH) {
			storage->no_flush = true; /* it keeps nothing back, then */
			return OK;
		}
		error = why == SENSE_NONE ? ERR_IO : error_of(why);
		if (why != SENSE_ATTENTION && why != SENSE_NOT_READY)
			return error;
		thread_sleep_ns(READY_POLL_NS);
	}
	return error;
}

static struct block_request *next_request(struct usb_storage *storage)
{
	u64 flags = lock_irqsave(&storage->lock);
	struct block_request *request = NULL;

	if (!list_empty(&storage->waiting)) {
		request = LIST_ENTRY(storage->waiting.next, struct block_request, node);
		list_remove(&request->node);
	}
	unlock_irqrestore(&storage->lock, flags);
	return request;
}

/* A write with FUA is followed by a flush: not every stick understands the bit. */
static int serve(struct usb_storage *storage, const struct block_request *request)
{
	const struct block_request flush = { .operation = BLOCK_FLUSH };
	int error = is_gone(storage) ? ERR_NOT_FOUND : OK;

	if (!error && !(request->operation == BLOCK_FLUSH && storage->no_flush))
		error = carry_out(storage, request);
	if (!error && request->operation == BLOCK_WRITE && (request->flags & BLOCK_FUA) && !storage->no_flush)
		error = carry_out(storage, &flush);
	return error;
}

static bool has_work(struct usb_storage *storage)
{
	return !list_empty(&storage->waiting) || is_gone(storage); /* looked at without the lock: what comes later wakes again */
}

static void server(void *context)
{
	struct usb_storage *storage = context;
	struct block_request *request;

	for (;;) {
		waitqueue_wait(&storage->work, has_work(storage));
		request = next_request(storage);
		if (request)
			block_complete(&storage->device, request, serve(storage, request));
		else if (is_gone(storage))
			return;
	}
}

static void submit(struct block_device *device, struct block_request *request)
{
	struct usb_storage *storage = device->context;
	int error = block_check(device, request);
	u64 flags;

	if (error || (request->sector_count == 0 && request->operation != BLOCK_FLUSH)) {
		block_complete(device, request, error);
		return;
	}
	flags = lock_irqsave(&storage->lock);
	if (storage->gone)
		error = ERR_NOT_FOUND;
	else
		list_push_back(&storage->waiting, &request->node);
	unlock_irqrestore(&storage->lock, flags);
	if (error)
		block_complete(device, request, error);
	else
		waitqueue_wake_all(&storage->work);
}

/* What it is */

/* Right after it is plugged in a stick's first answers are that something changed, or that it is not ready. */
static const char *wait_ready(struct usb_storage *storage)
{
	u64 deadline = clock_ns() + READY_NS;
	struct bulk_command scsi;
	u32 done;

	bulk_test_unit_ready(&scsi);
	for (;;) {
		int error = ask(storage, &scsi, &done);
		enum bulk_sense why = error == ERR_BUSY ? sense(storage) : SENSE_ERROR;

		if (!error)
			return NULL;
		if (error == ERR_NOT_FOUND)
			return "it is gone";
		if (why == SENSE_NO_MEDIUM)
			return "there is no medium in it";
		if (clock_ns() > deadline)
			return "it does not become ready";
		thread_sleep_ns(READY_POLL_NS);
	}
}

static const char *read_capacity(struct usb_storage *storage, u64 *blocks)
{
	bool wide = false, wide_needed = false;
	struct bulk_command scsi;
	u32 done, attempt = 0;
	int error;

	do {
		bulk_read_capacity(&scsi, wide);
		error = ask(storage, &scsi, &done);
		if (error == ERR_BUSY)
			(void)sense(storage);
		if (!error)
			error = bulk_capacity_read(storage->page + ANSWER_AT, done, wide, blocks, &storage->block_bytes, &wide_needed);
		wide = wide || wide_needed;
	} while ((error || wide_needed) && ++attempt < ATTEMPTS);
	return error || wide_needed ? "it does not say how large it is" : NULL;
}

static const char *identify(struct usb_storage *storage, struct bulk_identity *identity, u64 *blocks)
{
	struct bulk_command scsi;
	const char *why;
	u32 done, attempt = 0;
	int error;

	bulk_inquiry(&scsi);
	do {
		error = ask(storage, &scsi, &done);
		if (error == ERR_BUSY)
			(void)sense(storage);
	} while (error && error != ERR_NOT_FOUND && ++attempt < ATTEMPTS);
	if (error || bulk_identity_read(storage->page + ANSWER_AT, done, identity))
		return "it does not say what it is";
	if (identity->type != 0)
		return "it is no disk";
	why = wait_ready(storage);
	if (!why)
		why = read_capacity(storage, blocks);
	if (why)
		return why;
	bulk_mode_sense(&scsi);
	error = ask(storage, &scsi, &done);
	if (error == ERR_BUSY)
		(void)sense(storage);
	storage->device.limits.read_only = !error && bulk_is_write_protected(storage->page + ANSWER_AT, done);
	return NULL;
}

static const struct block_device_ops storage_ops = { .submit = submit };

static void describe(struct usb_storage *storage, const struct bulk_identity *identity, u64 blocks)
{
	struct block_device *device = &storage->device;

	device->kind = "usb";
	device->ops = &storage_ops;
	device->context = storage;
	string_copy(device->model, identity->text, sizeof(device->model));
	string_copy(device->serial, storage->usb->serial_text, sizeof(device->serial));
	device->limits = (struct block_limits){
		.sector_count = blocks * (storage->block_bytes / BLOCK_SECTOR_BYTES),
		.logical_block_bytes = storage->block_bytes, .physical_block_bytes = storage->block_bytes,
		.max_transfer_bytes = TRANSFER_MAX, .max_segments = SEGMENTS_MAX, .segment_boundary_mask = ~(u64)0,
		.volatile_cache = true, .removable = identity->removable, .read_only = device->limits.read_only,
	};
}

static int bring_up(struct usb_storage *storage, struct thread **thread)
{
	struct bulk_identity identity = { 0 };
	u64 blocks = 0;
	const char *why = identify(storage, &identity, &blocks);
	int error;

	if (why) {
		if (!is_gone(storage))
			log_warning("USB %s: this storage is left out: %s", storage->usb->path, why);
		return ERR_IO;
	}
	describe(storage, &identity, blocks);
	error = disk_name_take(storage->device.name, &storage->name_number);
	if (error)
		return error;
	*thread = thread_create(storage->device.name, server, storage);
	if (!*thread) {
		disk_name_release(storage->name_number);
		return ERR_NO_MEMORY;
	}
	log_info("%s: %s, %llu MiB%s", storage->device.name, identity.text, (unsigned long long)(storage->device.limits.sector_count / 2048),
		 storage->device.limits.read_only ? ", can only be read" : "");
	return block_disk_register(&storage->device);
}

static void destroy(struct usb_storage *storage)
{
	dma_free(storage->page, PAGE_SIZE);
	usb_release(storage->usb);
	kfree(storage);
}

static void mark_gone(struct usb_storage *storage)
{
	u64 flags = lock_irqsave(&storage->lock);

	storage->gone = true;
	unlock_irqrestore(&storage->lock, flags);
	__atomic_store_n(&storage->device.gone, true, __ATOMIC_RELEASE);
	waitqueue_wake_all(&storage->work);
}

/* The object is the keeper's: it dies with it. */
static void keeper(void *context)
{
	struct usb_storage *storage = context;
	struct thread *thread = NULL;
	int error = bring_up(storage, &thread);

	__atomic_sub_fetch(&looking, 1, __ATOMIC_ACQ_REL);
	waitqueue_wait(&storage->work, is_gone(storage));
	if (thread) {
		thread_join(thread);
		if (!error) {
			log_warning("%s: it was pulled out", storage->device.name);
			block_disk_unregister(&storage->device);
		}
		disk_name_release(storage->name_number);
	}
	destroy(storage);
}

static bool matches(const struct usb_interface_words *interface)
{
	return interface->class_code == USB_CLASS_STORAGE && interface->subclass == STORAGE_SCSI && interface->protocol == STORAGE_BULK_ONLY &&
	       usb_find_endpoint(interface, USB_BULK, true) && usb_find_endpoint(interface, USB_BULK, false);
}

static int start(struct usb_binding *binding)
{
	struct usb_storage *storage = kzalloc(sizeof(*storage));
	struct thread *thread = NULL;

	if (!storage)
		return ERR_NO_MEMORY;
	*storage = (struct usb_storage){ .usb = binding->device, .interface_number = binding->interface->number,
					 .in = usb_endpoint_of(binding, USB_BULK, true), .out = usb_endpoint_of(binding, USB_BULK, false) };
	storage->page = dma_alloc(PAGE_SIZE, false, &storage->page_address);
	spinlock_init(&storage->lock, "USB storage", LOCK_RANK_DRIVER);
	list_init(&storage->waiting);
	waitqueue_init(&storage->work, "USB storage");
	usb_hold(storage->usb);
	__atomic_add_fetch(&looking, 1, __ATOMIC_ACQ_REL);
	if (storage->page)
		thread = thread_create("usb storage", keeper, storage);
	if (!thread) {
		__atomic_sub_fetch(&looking, 1, __ATOMIC_ACQ_REL);
		destroy(storage);
		return ERR_NO_MEMORY;
	}
	thread_detach(thread);
	binding->data = storage;
	return OK;
}

static void gone(struct usb_binding *binding)
{
	mark_gone(binding->data);
}

const struct usb_driver usb_storage_driver = { "usb-storage", matches, start, NULL, gone, NULL };

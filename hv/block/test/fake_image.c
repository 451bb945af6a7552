/* SPDX-License-Identifier: MIT */
/* See fake_image.h. */
#include "hv/block/test/fake_image.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/block/qcow2_internal.h"
#include "hv/lib/error.h"
#include "hv/pages.h"

#define IMAGES_MAX 24
#define WORKERS_MAX 24

u64 direct_map_base;
unsigned fake_images_errors;

static struct fake_image *images[IMAGES_MAX];

/* Threads: a worker runs when somebody waits. */

struct thread { struct qcow2 *image; bool busy; };
static struct thread workers[WORKERS_MAX];

static bool run_workers(void)
{
	bool any = false;

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (!workers[i].image || workers[i].busy)
			continue;
		workers[i].busy = true;
		while (qcow2_turn(workers[i].image))
			any = true;
		workers[i].busy = false;
	}
	return any;
}

struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
{
	(void)name;
	assert(function == qcow2_work);
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (!workers[i].image) {
			workers[i] = (struct thread){ argument, false };
			return &workers[i];
		}
	}
	abort();
}

void thread_join(struct thread *thread)
{
	assert(!thread->busy);
	thread->busy = true;
	do {
		while (qcow2_turn(thread->image))
			;
		fake_images_run();
	} while (!list_empty(&thread->image->allocations) || !list_empty(&thread->image->queue) || !list_empty(&thread->image->finished));
	thread->image = NULL;
}

void waitqueue_init(struct waitqueue *queue, const char *name)
{
	spinlock_init(&queue->lock, name, LOCK_RANK_WAITQUEUE);
	list_init(&queue->waiters);
}

void waitqueue_wake_one(struct waitqueue *queue) { (void)queue; }
void waitqueue_wake_all(struct waitqueue *queue) { (void)queue; }
void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }

bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	(void)queue;
	(void)waiter;
	(void)deadline_ns;
	fake_images_run();
	(void)run_workers();
	return true;
}

void mutex_lock(struct mutex *mutex) { (void)mutex; }
void mutex_unlock(struct mutex *mutex) { (void)mutex; }

/* Devices */

static void note_write(struct fake_image *image, u64 sector, const u8 *bytes)
{
	if (image->write_count == image->write_room) {
		image->write_room = image->write_room ? image->write_room * 2 : 1024;
		image->writes = realloc(image->writes, image->write_room * sizeof(*image->writes));
	}
	image->writes[image->write_count].sector = sector;
	memcpy(image->writes[image->write_count++].bytes, bytes, 512);
}

static void write_sector(struct fake_image *image, u64 sector, const u8 *bytes)
{
	if (image->stop_in && !--image->stop_in)
		image->stopped = true;
	memcpy(image->bytes + sector * 512, bytes, 512);
	if (!image->stopped)
		note_write(image, sector, bytes);
}

static void carry_out(struct fake_image *image, const struct block_request *request)
{
	u64 sector = request->sector;

	if (request->operation == BLOCK_FLUSH && !image->stopped) {
		for (u64 i = 0; i < image->write_count; i++)
			memcpy(image->durable + image->writes[i].sector * 512, image->writes[i].bytes, 512);
		image->write_count = 0;
	}
	image->reads += request->operation == BLOCK_READ;
	for (u32 i = 0; request->operation <= BLOCK_WRITE && i < request->segment_count; i++) {
		u8 *memory = direct_map(request->segments[i].address);

		for (u64 k = 0; k < request->segments[i].size_bytes; k += 512, sector++) {
			if (request->operation == BLOCK_WRITE)
				write_sector(image, sector, memory + k);
			else
				memcpy(memory + k, image->bytes + sector * 512, 512);
		}
	}
}

static void finish(struct fake_image *image, struct block_request *request)
{
	int status = block_check(&image->device, request);

	if (status != OK)
		fake_images_errors++;
	if (image->fail_in && !--image->fail_in)
		status = ERR_IO;
	if (status == OK)
		carry_out(image, request);
	block_complete(&image->device, request, status);
}

static void submit(struct block_device *device, struct block_request *request)
{
	struct fake_image *image = device->context;

	image->requests++;
	if (image->deferred)
		list_push_back(&image->waiting, &request->node);
	else
		finish(image, request);
}

void fake_images_run(void)
{
	for (unsigned i = 0; i < IMAGES_MAX; i++) {
		struct fake_image *image = images[i];
		unsigned count = 0, chosen;
		struct list_node *node;

		if (!image || list_empty(&image->waiting))
			continue;
		LIST_FOR_EACH(at, &image->waiting)
			count++;
		chosen = (unsigned)rand() % count;
		for (node = image->waiting.next; chosen; chosen--)
			node = node->next;
		list_remove(node);
		finish(image, LIST_ENTRY(node, struct block_request, node));
	}
}

static const struct block_device_ops fake_ops = { .submit = submit };

static void limit(struct fake_image *image)
{
	image->device.limits.sector_count = DIV_ROUND_UP(image->size_bytes, 512ull);
}

void fake_image_make(struct fake_image *image, const char *path, const u8 *bytes, u64 size_bytes, u64 most_bytes)
{
	unsigned i = 0;

	most_bytes = MAX(most_bytes, ALIGN_UP(size_bytes, 512ull));
	*image = (struct fake_image){ .bytes = calloc(1, most_bytes), .durable = calloc(1, most_bytes), .size_bytes = size_bytes,
				      .most_bytes = most_bytes };
	strcpy(image->path, path);
	memset(image->bytes, 0xa5, most_bytes); /* what a file grows by is anything */
	if (size_bytes % 512)
		memset(image->bytes + size_bytes, 0, 512 - size_bytes % 512);
	memcpy(image->bytes, bytes, size_bytes);
	memcpy(image->durable, image->bytes, most_bytes);
	list_init(&image->waiting);
	strcpy(image->device.name, "fake");
	image->device.kind = "fake";
	image->device.ops = &fake_ops;
	image->device.context = image;
	image->device.limits = (struct block_limits){
		.logical_block_bytes = 512, .physical_block_bytes = 512, .max_transfer_bytes = 64u << 10, .max_segments = 16,
		.segment_boundary_mask = ~(u64)0, .volatile_cache = true,
	};
	limit(image);
	while (images[i])
		i++;
	images[i] = image;
}

void fake_image_load(struct fake_image *image, const char *path, const char *host_file, u64 most_bytes)
{
	FILE *file = fopen(host_file, "rb");
	long size;
	u8 *bytes;

	assert(file && !fseek(file, 0, SEEK_END));
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t)size + 1);
	assert(fread(bytes, 1, (size_t)size, file) == (size_t)size);
	fclose(file);
	fake_image_make(image, path, bytes, (u64)size, most_bytes);
	free(bytes);
}

static void save(const u8 *bytes, u64 size_bytes, const char *host_file)
{
	FILE *file = fopen(host_file, "wb");

	assert(file && fwrite(bytes, 1, size_bytes, file) == size_bytes);
	fclose(file);
}

void fake_image_save(const struct fake_image *image, const char *host_file)
{
	save(image->bytes, image->size_bytes, host_file);
}

void fake_image_cut(struct fake_image *image, const char *host_file)
{
	u8 *bytes = malloc(image->most_bytes);
	unsigned keep = (unsigned)rand() % 5; /* in quarters, so that all and nothing are tried, too */

	memcpy(bytes, image->durable, image->most_bytes);
	for (u64 i = 0; i < image->write_count; i++)
		if ((unsigned)rand() % 4 < keep)
			memcpy(bytes + image->writes[i].sector * 512, image->writes[i].bytes, 512);
	save(bytes, image->size_bytes, host_file);
	free(bytes);
}

void fake_image_release(struct fake_image *image)
{
	assert(list_empty(&image->waiting) && !image->users);
	for (unsigned i = 0; i < IMAGES_MAX; i++)
		if (images[i] == image)
			images[i] = NULL;
	free(image->bytes);
	free(image->durable);
	free(image->writes);
}

/* hv/block/image_file.h */

static int resize(struct image_file *file, u64 size_bytes, u32 flags)
{
	struct fake_image *image = file->context;

	(void)flags;
	if (size_bytes > image->most_bytes)
		return ERR_FULL;
	image->size_bytes = file->size_bytes = size_bytes;
	limit(image);
	return OK;
}

static int flush(struct image_file *file)
{
	return block_flush(file->device);
}

int image_file_open(struct image_file *file, const char *path, enum block_open_mode mode, const char *who, const struct block_device *holder)
{
	(void)mode;
	(void)who;
	for (unsigned i = 0; i < IMAGES_MAX; i++) {
		struct fake_image *image = images[i];

		if (!image || strcmp(image->path, path))
			continue;
		*file = (struct image_file){ .device = &image->device, .size_bytes = image->size_bytes, .flush = flush,
					     .resize = image->fixed ? NULL : resize, .context = image };
		(void)holder;
		image->users++;
		return OK;
	}
	snprintf(file->user.words, sizeof(file->user.words), "there is no file '%.100s'", path);
	return ERR_NOT_FOUND;
}

void image_file_close(struct image_file *file)
{
	((struct fake_image *)file->context)->users--;
}

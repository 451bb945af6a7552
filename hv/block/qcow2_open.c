/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing of qcow2 images, and of what they lie on.
 *
 * The header is judged, then the chain behind it is opened to be read: at most QCOW2_CHAIN_MAX images, none of them twice. A backing file
 * must say its format: guessing it would let a guest that writes a header into a raw disk name any file of the host.
 * Nothing is repaired: what is wrong is said. Next to read: qcow2_map.c.
 */
#include "hv/block/qcow2_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define FIRST_BYTES 4096u

struct opening {
	const char *who;
	char *words;
	size_t words_size;
};
#define REFUSE(opening, code, ...) (format((opening)->words, (opening)->words_size, __VA_ARGS__), (code))

static struct mutex open_lock = {
	NULL, { SPINLOCK_INIT("qcow2 images", LOCK_RANK_WAITQUEUE), LIST_INIT(open_lock.queue.waiters) }
};
static struct list_node open_images = LIST_INIT(open_images); /* [open_lock] */
static u32 last_number;                                       /* (a) */

static const struct block_device_ops qcow2_ops = { .submit = qcow2_submit };

int qcow2_contradiction(struct qcow2 *image, const char *fmt, ...)
{
	char words[200];
	va_list args;

	if (__atomic_exchange_n(&image->broken, true, __ATOMIC_ACQ_REL))
		return ERR_IO;
	va_start(args, fmt);
	vformat(words, sizeof(words), fmt, args);
	va_end(args);
	log_error("%s: this qcow2 image contradicts itself: %s; it is not written any more", image->path, words);
	return ERR_IO;
}

static void init_lists(struct qcow2 *image)
{
	spinlock_init(&image->lock, "qcow2 image", LOCK_RANK_BLOCK);
	waitqueue_init(&image->wake, "qcow2 image");
	list_init(&image->queue);
	list_init(&image->finished);
	list_init(&image->free_pieces);
	list_init(&image->allocations);
	list_init(&image->open_node);
	for (u32 i = 0; i < QCOW2_PIECES; i++) {
		image->pieces[i].image = image;
		list_init(&image->pieces[i].allocation);
		list_push_back(&image->free_pieces, &image->pieces[i].node);
	}
}

static void fill_device(struct qcow2 *image)
{
	const struct block_limits *below = &image->below->limits;
	struct block_device *device = &image->device;
	u64 clusters_at_once = 4096;

	device->kind = "qcow2";
	device->ops = &qcow2_ops;
	device->context = image;
	device->parent = image->below;
	string_copy(device->model, image->path, sizeof(device->model));
	device->limits = (struct block_limits){
		.sector_count = DIV_ROUND_UP(image->header.size_bytes, (u64)BLOCK_SECTOR_BYTES),
		.logical_block_bytes = below->logical_block_bytes,
		.physical_block_bytes = MAX(below->physical_block_bytes, (u32)PAGE_SIZE),
		.optimal_io_bytes = (u32)image->cluster_bytes, .max_transfer_bytes = QCOW2_TRANSFER, .max_segments = QCOW2_SEGMENTS,
		.segment_boundary_mask = ~(u64)0,
		.max_discard_sectors = clusters_at_once * image->cluster_bytes / BLOCK_SECTOR_BYTES,
		.max_write_zeroes_sectors = clusters_at_once * image->cluster_bytes / BLOCK_SECTOR_BYTES,
		.read_only = !image->writable, .volatile_cache = true, .rotational = below->rotational,
		.volatile_medium = below->volatile_medium,
	};
}

static int read_header(struct qcow2 *image, const struct opening *opening)
{
	u8 *bytes = kzalloc(FIRST_BYTES);
	u32 needs = 0;
	int code = bytes ? OK : ERR_NO_MEMORY;

	if (code == OK && image->file.size_bytes >= FIRST_BYTES / 8)
		code = qcow2_read_below(image, 0, bytes, FIRST_BYTES);
	if (code == OK)
		needs = qcow2_header_needs(bytes);
	kfree(bytes);
	if (code)
		return REFUSE(opening, code, "%s cannot be read (error %d)", image->path, code);
	if (!needs)
		return REFUSE(opening, ERR_INVALID, "%s does not begin as a qcow2 image", image->path);
	if (image->file.size_bytes < needs)
		return REFUSE(opening, ERR_INVALID, "%s: this qcow2 image ends within its first cluster", image->path);
	bytes = kmalloc(ALIGN_UP(needs, FIRST_BYTES));
	code = bytes ? qcow2_read_below(image, 0, bytes, ALIGN_UP(needs, FIRST_BYTES)) : ERR_NO_MEMORY;
	if (code) {
		format(opening->words, opening->words_size, "%s cannot be read (error %d)", image->path, code);
	} else {
		char words[192];

		code = qcow2_header_parse(bytes, needs, image->file.size_bytes, &image->header, words, sizeof(words));
		if (code)
			format(opening->words, opening->words_size, "%s: this qcow2 image %s: %s", image->path,
			       code == ERR_UNSUPPORTED ? "is refused" : "is damaged", words);
	}
	kfree(bytes);
	return code;
}

static void fill_geometry(struct qcow2 *image)
{
	image->cluster_bits = image->header.cluster_bits;
	image->cluster_bytes = BIT64(image->cluster_bits);
	image->l2_bits = image->cluster_bits - 3;
}

static int judge_use(const struct qcow2 *image, const struct opening *opening)
{
	const char *why = image->writable ? qcow2_header_read_only(&image->header) : NULL;

	if (why)
		return REFUSE(opening, ERR_UNSUPPORTED, "%s: this qcow2 image can only be read: %s", image->path, why);
	if (image->cluster_bytes < image->below->limits.logical_block_bytes)
		return REFUSE(opening, ERR_UNSUPPORTED, "%s: its clusters of %llu bytes are smaller than the blocks of %s", image->path,
			      (unsigned long long)image->cluster_bytes, image->below->name);
	return OK;
}

/* The name in the header: a path, or a name in the image's own folder. */
static int backing_path(const struct qcow2 *image, char *path, size_t size, const struct opening *opening)
{
	const char *name = image->header.backing, *slash = strrchr(image->path, '/');
	size_t folder = slash && name[0] != '/' ? (size_t)(slash - image->path) + 1 : 0;

	if (strchr(name, ':'))
		return REFUSE(opening, ERR_UNSUPPORTED, "%s: its backing file '%.100s' is not a path", image->path, name);
	if (folder + strlen(name) >= size)
		return REFUSE(opening, ERR_UNSUPPORTED, "%s: its backing file's path is longer than %zu bytes", image->path, size - 1);
	memcpy(path, image->path, folder);
	string_copy(path + folder, name, size - folder);
	return OK;
}

static int open_image(const char *path, bool writable, const struct qcow2 *const *above, u32 depth, const struct opening *opening,
		      struct qcow2 **out);

static int open_raw(struct qcow2 *image, const char *path, const struct opening *opening)
{
	int code;

	image->backing_raw = kzalloc(sizeof(*image->backing_raw));
	if (!image->backing_raw)
		return ERR_NO_MEMORY;
	code = image_file_open(image->backing_raw, path, BLOCK_OPEN_READ, opening->who, NULL);
	if (code) {
		format(opening->words, opening->words_size, "%s: its backing file %.100s: %s", image->path, path,
		       image->backing_raw->user.words);
		kfree(image->backing_raw);
		image->backing_raw = NULL;
		return code;
	}
	image->backing = image->backing_raw->device;
	return OK;
}

static int open_backing(struct qcow2 *image, const struct qcow2 *const *above, u32 depth, const struct opening *opening)
{
	const struct qcow2 *chain[QCOW2_CHAIN_MAX];
	const char *kind = image->header.backing_format;
	char path[sizeof(image->path)];
	int code;

	if (!image->header.backing[0])
		return OK;
	code = backing_path(image, path, sizeof(path), opening);
	if (code)
		return code;
	if (!kind[0])
		return REFUSE(opening, ERR_UNSUPPORTED, "%s does not say which format its backing file has (\"qemu-img rebase -u -b %.60s "
			      "-F FORMAT\" writes it in)", image->path, image->header.backing);
	if (string_equal(kind, "raw"))
		return open_raw(image, path, opening);
	if (!string_equal(kind, "qcow2"))
		return REFUSE(opening, ERR_UNSUPPORTED, "%s: its backing file has the format '%s'; raw and qcow2 are known here",
			      image->path, kind);
	if (depth + 1 == QCOW2_CHAIN_MAX)
		return REFUSE(opening, ERR_UNSUPPORTED, "%s: its chain of backing files is longer than %u", path, QCOW2_CHAIN_MAX);
	for (u32 i = 0; i < depth; i++)
		chain[i] = above[i];
	chain[depth] = image;
	for (u32 i = 0; i <= depth; i++)
		if (string_equal(chain[i]->path, path))
			return REFUSE(opening, ERR_INVALID, "%s: its chain of backing files comes back to %.100s", image->path, path);
	code = open_image(path, false, chain, depth + 1, opening, &image->backing_image);
	if (code == OK)
		image->backing = &image->backing_image->device;
	return code;
}

/* What is kept beside the tables, and is not known here, is not right any more once something is written. */
static int clear_autoclear(struct qcow2 *image)
{
	u64 block = image->device.limits.logical_block_bytes;
	u8 *bytes;
	int code;

	if (!image->writable || image->header.version < 3 || !image->header.autoclear)
		return OK;
	bytes = kmalloc(block);
	code = bytes ? qcow2_read_below(image, 0, bytes, block) : ERR_NO_MEMORY;
	if (code == OK) {
		qcow2_put64(bytes + QCOW2_AT_AUTOCLEAR, 0);
		code = qcow2_write_below(image, 0, bytes, block);
	}
	kfree(bytes);
	return code ? code : block_flush(image->below);
}

static void release(struct qcow2 *image)
{
	if (image->backing_image)
		(void)qcow2_close(image->backing_image);
	if (image->backing_raw)
		image_file_close(image->backing_raw);
	kfree(image->backing_raw);
	qcow2_cache_release(image);
	qcow2_decompress_release(&image->decompressor);
	kfree(image->cluster);
	kfree(image->compressed);
	kfree(image->unpacking);
	if (image->below)
		image_file_close(&image->file);
	kfree(image);
}

static int prepare(struct qcow2 *image, const struct qcow2 *const *above, u32 depth, const struct opening *opening)
{
	int code = read_header(image, opening);

	if (code)
		return code;
	fill_geometry(image);
	fill_device(image);
	code = judge_use(image, opening);
	code = code ? code : open_backing(image, above, depth, opening);
	if (code)
		return code;
	code = qcow2_cache_init(image);
	code = code ? code : clear_autoclear(image);
	if (code)
		return REFUSE(opening, code, "%s cannot be opened (error %d)", image->path, code);
	qcow2_find_used_end(image);
	if (READ_ONCE(image->broken))
		return REFUSE(opening, ERR_INVALID, "%s: this qcow2 image is damaged; the log says where", image->path);
	/* The last cluster whole, if there is room: else writing behind its end will say so. */
	code = image->writable ? qcow2_make_room(image, ALIGN_UP(image->file.size_bytes, image->cluster_bytes)) : OK;
	if (code && code != ERR_FULL)
		return REFUSE(opening, code, "%s cannot be made longer (error %d)", image->path, code);
	return OK;
}

static int open_image(const char *path, bool writable, const struct qcow2 *const *above, u32 depth, const struct opening *opening,
		      struct qcow2 **out)
{
	struct qcow2 *image = kzalloc(sizeof(*image));
	int code;

	if (!image)
		return REFUSE(opening, ERR_NO_MEMORY, "there is not enough memory");
	init_lists(image);
	image->writable = writable;
	string_copy(image->path, path, sizeof(image->path));
	code = image_file_open(&image->file, path, writable ? BLOCK_OPEN_EXCLUSIVE : BLOCK_OPEN_READ, opening->who, &image->device);
	if (code) {
		format(opening->words, opening->words_size, "%s", image->file.user.words);
		kfree(image);
		return code;
	}
	image->below = image->file.device;
	code = prepare(image, above, depth, opening);
	if (code == OK) {
		image->worker = thread_create("qcow2", qcow2_work, image);
		code = image->worker ? OK : REFUSE(opening, ERR_NO_MEMORY, "there is not enough memory");
	}
	if (code)
		release(image);
	else
		*out = image;
	return code;
}

int qcow2_open(const char *path, bool writable, const char *who, struct qcow2 **out, char *words, size_t words_size)
{
	struct opening opening = { who, words, words_size };
	int code;

	words[0] = 0;
	if (strlen(path) >= sizeof((*out)->path))
		return REFUSE(&opening, ERR_INVALID, "the path has more than %zu bytes", sizeof((*out)->path) - 1);
	code = open_image(path, writable, NULL, 0, &opening, out);
	if (code)
		return code;
	format((*out)->device.name, sizeof((*out)->device.name), "image%u", __atomic_fetch_add(&last_number, 1, __ATOMIC_RELAXED));
	code = block_register(&(*out)->device);
	if (code) {
		(void)qcow2_close(*out);
		return REFUSE(&opening, code, "%s cannot be registered", path);
	}
	mutex_lock(&open_lock);
	list_push_back(&open_images, &(*out)->open_node);
	mutex_unlock(&open_lock);
	return OK;
}

int qcow2_close(struct qcow2 *image)
{
	int code = OK;

	if (!list_empty(&image->open_node)) {
		mutex_lock(&open_lock);
		list_remove(&image->open_node);
		mutex_unlock(&open_lock);
		block_unregister(&image->device);
	}
	__atomic_store_n(&image->stop, true, __ATOMIC_RELEASE);
	waitqueue_wake_all(&image->wake);
	thread_join(image->worker);
	if (image->writable) {
		code = qcow2_commit(image);
		code = code ? code : qcow2_commit(image); /* the refcounts of what the first one freed */
		if (code)
			log_error("%s: closed with an error (%d): what was flushed before is there; clusters may be lost until "
				  "\"qemu-img check -r leaks\"", image->path, code);
	}
	release(image);
	return code;
}

struct block_device *qcow2_device(struct qcow2 *image)
{
	return &image->device;
}

/* Measuring */

static void fill_usage(const struct qcow2 *image, struct qcow2_usage *usage)
{
	usage->capacity_bytes = image->device.limits.sector_count * BLOCK_SECTOR_BYTES;
	usage->allocation_bytes = READ_ONCE(image->used_end);
	usage->physical_bytes = READ_ONCE(image->file.size_bytes);
}

static bool measure_open(const char *path, struct qcow2_usage *usage)
{
	bool found = false;

	mutex_lock(&open_lock);
	LIST_FOR_EACH(node, &open_images) {
		const struct qcow2 *image = LIST_ENTRY(node, const struct qcow2, open_node);

		if (!found && string_equal(image->path, path)) {
			fill_usage(image, usage);
			found = true;
		}
	}
	mutex_unlock(&open_lock);
	return found;
}

int qcow2_measure(const char *path, struct qcow2_usage *usage, char *words, size_t words_size)
{
	struct opening opening = { "measuring", words, words_size };
	struct qcow2 *image;
	int code;

	if (measure_open(path, usage))
		return OK;
	image = kzalloc(sizeof(*image));
	if (!image || strlen(path) >= sizeof(image->path)) {
		kfree(image);
		return REFUSE(&opening, ERR_NO_MEMORY, "%s cannot be looked at", path);
	}
	init_lists(image);
	string_copy(image->path, path, sizeof(image->path));
	code = image_file_open(&image->file, path, BLOCK_OPEN_LOOK, "measuring", NULL);
	if (code) {
		format(words, words_size, "%s", image->file.user.words);
		kfree(image);
		return code;
	}
	image->below = image->file.device;
	code = read_header(image, &opening);
	if (code == OK) {
		fill_geometry(image);
		fill_device(image);
		code = qcow2_cache_init(image);
	}
	if (code == OK) {
		qcow2_find_used_end(image);
		fill_usage(image, usage);
	}
	release(image);
	return code;
}

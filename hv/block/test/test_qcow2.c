/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/qcow2_open.c hv/block/qcow2_header.c hv/block/qcow2_cache.c hv/block/qcow2_commit.c hv/block/qcow2_refcount.c hv/block/qcow2_refcount_grow.c hv/block/qcow2_map.c hv/block/qcow2_copy.c hv/block/qcow2_decompress.c hv/block/qcow2_request.c hv/block/qcow2_zeroes.c hv/block/registry.c hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/test/fake_image.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -DZ_SOLO -isystem build/deps/zlib -isystem build/deps/libzstd/lib */
/* LIBS: build/compression/unit/libcompression.a */
/*
 * qcow2 images beside qemu-img: random operations on images that it made, judged by its check and its conversion; cuts of power at
 * any write; damaged and refused images.
 */
#include "hv/lib/test/unit.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hv/block/qcow2_internal.h"
#include "hv/block/test/fake_image.h"
#include "hv/lib/error.h"
#include "hv/pages.h"

#define DISK_BYTES (6u << 20)
#define SECTORS (DISK_BYTES / 512)
#define FILE_BYTES (24u << 20)

static char folder[64];
static char words[256];

static void make_folder(void)
{
	if (folder[0])
		return;
	strcpy(folder, "/tmp/qcow2-test-XXXXXX");
	ck_assert(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
	folder[0] = 0;
}

/* The exit status of a program of the build machine, in the folder. */
static int run(const char *fmt, ...)
{
	char command[600];
	va_list args;
	int length, status;

	length = snprintf(command, sizeof(command), "cd %s && ", folder);
	va_start(args, fmt);
	vsnprintf(command + length, sizeof(command) - (size_t)length, fmt, args);
	va_end(args);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *host(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_pattern(const char *name, u32 bytes, u32 seed)
{
	FILE *file = fopen(host(name), "wb");

	for (u32 i = 0; i < bytes / 4; i++) {
		u32 word = i / 1000 % 3 ? (i / 128) * 2654435761u + seed : 0;

		fwrite(&word, 4, 1, file);
	}
	fclose(file);
}

static u8 *read_whole(const char *name, size_t *size)
{
	FILE *file = fopen(host(name), "rb");
	struct stat status;
	u8 *bytes;

	ck_assert(file && !fstat(fileno(file), &status));
	*size = (size_t)status.st_size;
	bytes = malloc(*size + 1);
	ck_assert(fread(bytes, 1, *size, file) == *size);
	fclose(file);
	return bytes;
}

/* One request, in one to three segments. */
struct asked { struct block_request request; struct block_segment segments[3]; bool done; int status; };

static void asked_done(struct block_request *request, int status)
{
	struct asked *asked = request->owner;

	ck_assert(!asked->done);
	asked->done = true;
	asked->status = status;
}

static void ask(struct asked *asked, struct block_device *device, u8 operation, u8 flags, u64 sector, u64 count, u8 *bytes)
{
	u64 left = count * 512;

	*asked = (struct asked){ .request = { .operation = operation, .flags = flags, .sector = sector, .sector_count = count,
					      .segments = asked->segments, .complete = asked_done, .owner = asked } };
	for (u32 i = 0; operation <= BLOCK_WRITE && left; i++) {
		u64 part = i == 2 ? left : MIN(left, ((u64)rand() % count + 1) * 512);

		asked->segments[i] = (struct block_segment){ direct_unmap(bytes), part };
		bytes += part;
		left -= part;
		asked->request.segment_count++;
	}
	block_submit(device, &asked->request);
}

static void wait_for(struct asked *asked)
{
	static struct waitqueue queue;

	for (unsigned i = 0; !asked->done; i++) {
		ck_assert_uint_lt(i, 100000);
		(void)waitqueue_sleep(&queue, NULL, 0);
	}
}

static int do_request(struct block_device *device, u8 operation, u8 flags, u64 sector, u64 count, u8 *bytes)
{
	struct asked asked;

	ask(&asked, device, operation, flags, sector, count, bytes);
	wait_for(&asked);
	return asked.status;
}

/* Random operations beside a model */

struct model {
	u8 bytes[DISK_BYTES];
};
static struct model model;
static u8 buffer[1u << 20];

static void random_range(u64 *sector, u64 *count)
{
	static const u32 sizes[] = { 1, 8, 8, 16, 128, 130, 500, 2048 };

	*count = (u64)rand() % sizes[(unsigned)rand() % ARRAY_SIZE(sizes)] + 1;
	*sector = (u64)rand() % (SECTORS - *count + 1);
	if (rand() % 3 == 0)
		*sector &= ~(u64)127;
}

static void read_and_compare(struct block_device *device, u64 sector, u64 count)
{
	memset(buffer, 0x5a, count * 512);
	ck_assert_int_eq(do_request(device, BLOCK_READ, 0, sector, count, buffer), OK);
	for (u64 i = 0; i < count; i++)
		if (memcmp(buffer + i * 512, model.bytes + (sector + i) * 512, 512))
			ck_abort_msg("sector %llu differs", (unsigned long long)(sector + i));
}

/* After a discard a sector is what it was, or zeroes. */
static void learn_discarded(struct block_device *device, u64 sector, u64 count)
{
	static const u8 zeroes[512];

	ck_assert_int_eq(do_request(device, BLOCK_READ, 0, sector, count, buffer), OK);
	for (u64 i = 0; i < count; i++)
		if (memcmp(buffer + i * 512, model.bytes + (sector + i) * 512, 512) && memcmp(buffer + i * 512, zeroes, 512))
			ck_abort_msg("sector %llu is neither what it was nor zero", (unsigned long long)(sector + i));
	memcpy(model.bytes + sector * 512, buffer, count * 512);
}

static void fill(u8 *bytes, u64 count, u64 sector)
{
	static u64 stamp;

	stamp++;
	for (u64 i = 0; i < count * 64; i++)
		((u64 *)(void *)bytes)[i] = stamp << 32 | (sector + i / 64);
}

static void random_operation(struct block_device *device)
{
	u64 sector, count;

	random_range(&sector, &count);
	switch (rand() % 12) {
	case 0: case 1: case 2: case 3: case 4:
		fill(model.bytes + sector * 512, count, sector);
		memcpy(buffer, model.bytes + sector * 512, count * 512);
		ck_assert_int_eq(do_request(device, BLOCK_WRITE, rand() % 8 ? 0 : BLOCK_FUA, sector, count, buffer), OK);
		break;
	case 5:
		ck_assert_int_eq(do_request(device, BLOCK_FLUSH, 0, 0, 0, NULL), OK);
		break;
	case 6:
		ck_assert_int_eq(do_request(device, BLOCK_DISCARD, 0, sector, count, NULL), OK);
		learn_discarded(device, sector, count);
		break;
	case 7: case 8:
		memset(model.bytes + sector * 512, 0, count * 512);
		ck_assert_int_eq(do_request(device, BLOCK_WRITE_ZEROES, rand() % 2 ? BLOCK_UNMAP : 0, sector, count, NULL), OK);
		break;
	default:
		read_and_compare(device, sector, count);
	}
}

/* Eight requests at once, each in an eighth of its own, completed in any order. */
static void random_crowd(struct fake_image *image, struct block_device *device)
{
	static struct asked asked[8];
	static u8 bytes[8][32 * 512];

	image->deferred = true;
	for (unsigned i = 0; i < 8; i++) {
		u64 count = (u64)rand() % 32 + 1, sector = i * (SECTORS / 8) + (u64)rand() % (SECTORS / 8 - count);
		u8 operation = rand() % 3 ? BLOCK_WRITE : BLOCK_WRITE_ZEROES;

		if (operation == BLOCK_WRITE) {
			fill(bytes[i], count, sector);
			memcpy(model.bytes + sector * 512, bytes[i], count * 512);
		} else {
			memset(model.bytes + sector * 512, 0, count * 512);
		}
		ask(&asked[i], device, operation, 0, sector, count, bytes[i]);
	}
	for (unsigned i = 0; i < 8; i++) {
		wait_for(&asked[i]);
		ck_assert_int_eq(asked[i].status, OK);
	}
	image->deferred = false;
}

static void load_model(const char *raw)
{
	size_t size;
	u8 *bytes = read_whole(raw, &size);

	memset(model.bytes, 0, sizeof(model.bytes));
	memcpy(model.bytes, bytes, MIN(size, sizeof(model.bytes)));
	free(bytes);
}

static void compare_with_qemu(const char *name)
{
	size_t size;
	u8 *bytes;

	ck_assert_int_eq(run("qemu-img convert -f qcow2 -O raw %s out.raw", name), 0);
	bytes = read_whole("out.raw", &size);
	ck_assert_uint_eq(size, DISK_BYTES);
	for (u64 i = 0; i < SECTORS; i++)
		if (memcmp(bytes + i * 512, model.bytes + i * 512, 512))
			ck_abort_msg("%s: sector %llu differs for qemu-img", name, (unsigned long long)i);
	free(bytes);
}

struct shape {
	const char *options;    /* of qemu-img create, or of convert */
	const char *base;       /* format of a base image, or NULL */
	bool compressed;        /* converted from the pattern, compressed */
};

static const struct shape shapes[] = {
	{ "compat=1.1,cluster_size=64k", NULL, false },
	{ "compat=0.10,cluster_size=64k", NULL, false },
	{ "compat=1.1,cluster_size=512", NULL, false },
	{ "compat=0.10,cluster_size=1k", "raw", false },
	{ "compat=1.1,cluster_size=4k,lazy_refcounts=on", "qcow2", false },
	{ "compat=1.1,cluster_size=64k", "qcow2", false },
	{ "compat=1.1,cluster_size=2M", "raw", false },
	{ "compat=1.1,cluster_size=4k,refcount_bits=1", NULL, false },
	{ "compat=1.1,cluster_size=512,refcount_bits=2", "qcow2", false },
	{ "compat=1.1,cluster_size=1k,refcount_bits=64", NULL, false },
	{ "compat=1.1,cluster_size=4k,refcount_bits=8", NULL, true },
	{ "compat=1.1,cluster_size=64k", NULL, true },
	{ "compat=1.1,cluster_size=64k,compression_type=zstd", NULL, true },
	{ "compat=1.1,cluster_size=4k,refcount_bits=32,compression_type=zstd", NULL, true },
	{ "compat=1.1,cluster_size=64k,preallocation=metadata", NULL, false },
};

/* Makes the image, its base, the raw contents; loads them as "/f/top.qcow2" and so on. */
static void make_image(const struct shape *shape, struct fake_image *top, struct fake_image *base)
{
	u32 base_bytes = DISK_BYTES - (2u << 20) + 512 * 5;

	memset(base, 0, sizeof(*base));
	write_pattern("pattern.raw", shape->base ? base_bytes : DISK_BYTES, (u32)rand());
	if (shape->compressed) {
		ck_assert_int_eq(run("qemu-img convert -f raw -O qcow2 -c -o %s pattern.raw top.qcow2", shape->options), 0);
		load_model("pattern.raw");
	} else if (shape->base) {
		ck_assert_int_eq(run("qemu-img convert -f raw -O %s pattern.raw base.img", shape->base), 0);
		ck_assert_int_eq(run("qemu-img create -q -f qcow2 -o %s -b base.img -F %s top.qcow2 %u >/dev/null", shape->options, shape->base,
				     DISK_BYTES), 0);
		fake_image_load(base, "/f/base.img", host("base.img"), 0);
		load_model("pattern.raw");
	} else {
		ck_assert_int_eq(run("qemu-img create -q -f qcow2 -o %s top.qcow2 %u", shape->options, DISK_BYTES), 0);
		memset(model.bytes, 0, sizeof(model.bytes));
	}
	fake_image_load(top, "/f/top.qcow2", host("top.qcow2"), FILE_BYTES);
}

static void open_top(struct qcow2 **image)
{
	int code = qcow2_open("/f/top.qcow2", true, "test", image, words, sizeof(words));

	if (code)
		ck_abort_msg("open: %d, %s", code, words);
}

START_TEST(random_operations)
{
	const struct shape *shape = &shapes[_i];
	struct fake_image top, base;
	struct qcow2_usage usage;
	struct qcow2 *image;

	make_folder();
	srand(4711 + (unsigned)_i);
	make_image(shape, &top, &base);
	for (unsigned round = 0; round < 2; round++) {
		open_top(&image);
		for (unsigned i = 0; i < 60; i++) {
			random_operation(&image->device);
			if (i % 20 == 7)
				random_crowd(&top, &image->device);
		}
		read_and_compare(&image->device, 0, 2048);
		ck_assert_int_eq(qcow2_measure("/f/top.qcow2", &usage, words, sizeof(words)), OK);
		ck_assert_uint_eq(usage.capacity_bytes, DISK_BYTES);
		ck_assert(usage.allocation_bytes && usage.allocation_bytes <= usage.physical_bytes);
		ck_assert_int_eq(qcow2_close(image), OK);
		fake_image_save(&top, host("now.qcow2"));
		ck_assert_msg(run("qemu-img check -q -f qcow2 now.qcow2") == 0, "check of %s, round %u", shape->options, round);
	}
	compare_with_qemu("now.qcow2");
	ck_assert_uint_eq(fake_images_errors, 0);
	fake_image_release(&top);
	if (shape->base)
		fake_image_release(&base);
	remove_folder();
}
END_TEST

/* Cuts of power */

#define CUT_STAMPS 24
/* Per sector: what it was at the last flush, and what was written since. 0: zeroes. */
static struct { u64 stamps[CUT_STAMPS]; u8 count; } history[SECTORS];

static void note(u64 sector, u64 count, u64 stamp)
{
	for (u64 i = sector; i < sector + count; i++) {
		if (history[i].count == CUT_STAMPS)
			ck_abort_msg("more writes of a sector without a flush than there is room for");
		history[i].stamps[history[i].count++] = stamp;
	}
}

static void note_flush(void)
{
	for (u64 i = 0; i < SECTORS; i++) {
		history[i].stamps[0] = history[i].stamps[history[i].count - 1];
		history[i].count = 1;
	}
}

static void cut_operation(struct fake_image *top, struct block_device *device)
{
	static u64 stamp = 1;
	u64 sector, count;
	bool before;

	random_range(&sector, &count);
	switch (rand() % 8) {
	case 0: case 1:
		before = !top->stopped;
		if (do_request(device, BLOCK_FLUSH, 0, 0, 0, NULL) == OK && before && !top->stopped)
			note_flush();
		break;
	case 2:
	case 3:
		note(sector, count, 0);
		ck_assert_int_eq(do_request(device, BLOCK_WRITE_ZEROES, BLOCK_UNMAP, sector, count, NULL), OK);
		break;
	default:
		stamp++;
		for (u64 i = 0; i < count * 64; i++)
			((u64 *)(void *)buffer)[i] = stamp;
		note(sector, count, stamp);
		ck_assert_int_eq(do_request(device, BLOCK_WRITE, 0, sector, count, buffer), OK);
	}
}

static void check_sectors(void)
{
	size_t size;
	u8 *bytes = read_whole("out.raw", &size);

	ck_assert_uint_eq(size, DISK_BYTES);
	for (u64 i = 0; i < SECTORS; i++) {
		const u64 *at = (const u64 *)(const void *)(bytes + i * 512);
		bool known = false;

		for (u64 k = 1; k < 64; k++) /* plain: each assertion of Check costs a system call */
			if (at[k] != at[0])
				ck_abort_msg("sector %llu is torn", (unsigned long long)i);
		for (u64 k = 0; k < history[i].count; k++)
			known |= history[i].stamps[k] == at[0];
		if (!known)
			ck_abort_msg("sector %llu lost what was flushed", (unsigned long long)i);
	}
	free(bytes);
}

START_TEST(power_cuts)
{
	static const char *const options[] = {
		"compat=1.1,cluster_size=64k", "compat=1.1,cluster_size=512", "compat=0.10,cluster_size=1k", "compat=1.1,cluster_size=4k",
	};
	struct fake_image top;
	struct qcow2 *image;

	make_folder();
	srand(99 + (unsigned)_i);
	ck_assert_int_eq(run("qemu-img create -q -f qcow2 -o %s top.qcow2 %u", options[_i], DISK_BYTES), 0);
	for (unsigned round = 0; round < 5; round++) {
		int checked;

		fake_image_load(&top, "/f/top.qcow2", host("top.qcow2"), FILE_BYTES);
		for (u64 i = 0; i < SECTORS; i++)
			history[i].count = 1, history[i].stamps[0] = 0;
		open_top(&image);
		top.stop_in = 1 + (u64)rand() % 12000;
		for (unsigned i = 0; i < 40 && !top.stopped; i++)
			cut_operation(&top, &image->device);
		fake_image_cut(&top, host("cut.qcow2"));
		ck_assert_int_eq(qcow2_close(image), OK);
		checked = run("qemu-img check -q -f qcow2 cut.qcow2 >/dev/null 2>&1");
		ck_assert_msg(checked == 0 || checked == 3, "check says %d, round %u of %s", checked, round, options[_i]);
		ck_assert_int_eq(run("qemu-img convert -f qcow2 -O raw cut.qcow2 out.raw"), 0);
		check_sectors();
		fake_image_release(&top);
	}
	remove_folder();
}
END_TEST

/* A medium that fails at some request: the request fails, what follows works, and the image is sound with leaks at worst. */
START_TEST(failing_medium)
{
	struct fake_image top;
	struct qcow2 *image;

	make_folder();
	srand(7);
	for (unsigned round = 0; round < 8; round++) {
		unsigned failures = 0;
		int checked;

		ck_assert_int_eq(run("qemu-img create -q -f qcow2 -o cluster_size=4k top.qcow2 %u", DISK_BYTES), 0);
		fake_image_load(&top, "/f/top.qcow2", host("top.qcow2"), FILE_BYTES);
		open_top(&image);
		top.fail_in = 1 + (u64)rand() % 150;
		for (unsigned i = 0; i < 30; i++) {
			u64 sector, count;

			random_range(&sector, &count);
			failures += do_request(&image->device, (u8)(rand() % 5), 0, sector, count, buffer) != OK;
		}
		ck_assert_uint_le(failures, 1);
		(void)qcow2_close(image);
		fake_image_save(&top, host("now.qcow2"));
		checked = run("qemu-img check -q -f qcow2 now.qcow2 >/dev/null 2>&1");
		ck_assert_msg(checked == 0 || checked == 3, "check says %d, round %u", checked, round);
		fake_image_release(&top);
	}
	remove_folder();
}
END_TEST

/* Without room: what is there can be written, what is not there cannot, and freed clusters are room again. */
START_TEST(no_room)
{
	struct fake_image top;
	struct qcow2 *image;
	u64 at;
	int code = OK;

	make_folder();
	ck_assert_int_eq(run("qemu-img create -q -f qcow2 top.qcow2 %u", DISK_BYTES), 0);
	fake_image_load(&top, "/f/top.qcow2", host("top.qcow2"), 1u << 20);
	top.fixed = _i;
	if (top.fixed)
		top.size_bytes = 1u << 20, top.device.limits.sector_count = 2048;
	open_top(&image);
	for (at = 0; at < SECTORS && code == OK; at += 128)
		code = do_request(&image->device, BLOCK_WRITE, 0, at, 128, buffer);
	ck_assert_int_eq(code, ERR_FULL);
	ck_assert_uint_gt(at, 8 * 128);
	ck_assert_int_eq(do_request(&image->device, BLOCK_WRITE, 0, 0, 128, buffer), OK);
	ck_assert_int_eq(do_request(&image->device, BLOCK_DISCARD, 0, 0, 256, NULL), OK);
	ck_assert_int_eq(do_request(&image->device, BLOCK_FLUSH, 0, 0, 0, NULL), OK);
	ck_assert_int_eq(do_request(&image->device, BLOCK_WRITE, 0, 4096, 128, buffer), OK);
	ck_assert_int_eq(qcow2_close(image), OK);
	fake_image_save(&top, host("now.qcow2"));
	ck_assert_int_eq(run("qemu-img check -q -f qcow2 now.qcow2"), 0);
	fake_image_release(&top);
	remove_folder();
}
END_TEST

/* Payload goes by its own address; tables are read once. */
START_TEST(straight_through)
{
	struct fake_image top;
	struct qcow2 *image;
	u64 before, reads;

	make_folder();
	ck_assert_int_eq(run("qemu-img create -q -f qcow2 -o preallocation=metadata top.qcow2 %u", DISK_BYTES), 0);
	fake_image_load(&top, "/f/top.qcow2", host("top.qcow2"), FILE_BYTES);
	open_top(&image);
	ck_assert_int_eq(do_request(&image->device, BLOCK_READ, 0, 0, 8, buffer), OK);
	before = top.requests;
	reads = top.reads;
	for (u64 i = 0; i < 64; i++)
		ck_assert_int_eq(do_request(&image->device, i % 2 ? BLOCK_READ : BLOCK_WRITE, 0, i * 8, 8, buffer), OK);
	ck_assert_int_eq(do_request(&image->device, BLOCK_FLUSH, 0, 0, 0, NULL), OK);
	ck_assert_uint_eq(top.requests - before, 65);
	ck_assert_uint_eq(top.reads - reads, 32);
	ck_assert_uint_eq(image->unpacked_bytes, 0);
	ck_assert_int_eq(qcow2_close(image), OK);
	fake_image_release(&top);
	remove_folder();
}
END_TEST

/* Refusals */

struct change { u32 at, size; u64 value; const char *words; };

static const struct change changes[] = {
	{ 0, 4, 0x51464900, "does not begin as a qcow2 image" },
	{ 4, 4, 1, "it has version 1 (header byte 4)" },
	{ 4, 4, 4, "it has version 4 (header byte 4)" },
	{ 20, 4, 8, "clusters have 2^8 bytes (header byte 20)" },
	{ 20, 4, 40, "clusters have 2^40 bytes (header byte 20)" },
	{ 20, 4, 21, "ends within its first cluster" },
	{ 24, 8, ~0ull, "more than the format has room for" },
	{ 24, 8, 1ull << 40, "too few for its size of 1099511627776 bytes" },
	{ 32, 4, 1, "it is encrypted (method 1, header byte 32)" },
	{ 32, 4, 2, "it is encrypted (method 2, header byte 32)" },
	{ 36, 4, 0x7fffffff, "more than fit" },
	{ 40, 8, 0x30200, "which is no cluster of its own" },
	{ 40, 8, 1ull << 40, "ends behind the image's end" },
	{ 40, 8, 0x10000, "lie over each other" },
	{ 48, 8, 0, "which is no cluster of its own" },
	{ 48, 8, ~0xffffull, "ends behind the image's end" },
	{ 56, 4, 0, "its refcount table has 0 clusters (header byte 56)" },
	{ 56, 4, ~0u, "its refcount table has 4294967295 clusters (header byte 56)" },
	{ 60, 4, 2, "can only be read: it has internal snapshots" },
	{ 72, 8, 1, "can only be read: it is marked as not closed" },
	{ 72, 8, 2, "can only be read: it is marked as corrupt" },
	{ 72, 8, 4, "external data file" },
	{ 72, 8, 8, "compression type" },
	{ 72, 8, 16, "it has subclusters" },
	{ 72, 8, 1ull << 40, "features that are not known here (10000000000" },
	{ 96, 4, 7, "its refcounts have 2^7 bits (header byte 96)" },
	{ 100, 4, 96, "its header has 96 bytes (header byte 100)" },
	{ 100, 4, 1u << 30, "its header has 1073741824 bytes" },
	{ 104, 1, 1, "its compression type (header byte 104) and its feature bit disagree" },
	{ 8, 8, 1ull << 30, "is not within its first cluster" },
	{ 8, 8, 8, "is not within its first cluster" },
};

START_TEST(refusals)
{
	size_t size;
	u8 *bytes;

	make_folder();
	ck_assert_int_eq(run("qemu-img create -q -f qcow2 top.qcow2 %u", DISK_BYTES), 0);
	bytes = read_whole("top.qcow2", &size);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		struct fake_image top;
		struct qcow2 *image;
		u64 value = changes[i].value;
		int code;

		fake_image_make(&top, "/f/top.qcow2", bytes, size, 0);
		for (u32 k = changes[i].size; k--; value >>= 8)
			top.bytes[changes[i].at + k] = (u8)value;
		code = qcow2_open("/f/top.qcow2", true, "test", &image, words, sizeof(words));
		ck_assert_msg(code == ERR_INVALID || code == ERR_UNSUPPORTED, "change %u gives %d", i, code);
		ck_assert_msg(strstr(words, changes[i].words) != NULL, "change %u: '%s'", i, words);
		if (strstr(words, "can only be read")) {
			ck_assert_int_eq(qcow2_open("/f/top.qcow2", false, "test", &image, words, sizeof(words)), OK);
			ck_assert_int_eq(do_request(&image->device, BLOCK_READ, 0, 0, 8, buffer), OK);
			ck_assert_int_eq(do_request(&image->device, BLOCK_WRITE, 0, 0, 8, buffer), ERR_UNSUPPORTED);
			ck_assert_int_eq(qcow2_close(image), OK);
		}
		ck_assert_uint_eq(top.write_count, 0);
		fake_image_release(&top);
	}
	free(bytes);
	remove_folder();
}
END_TEST

/* An L2 entry that is wrong: the request fails, nothing is written any more, and nothing is mended. */
START_TEST(contradictions)
{
	static const u64 entries[] = {
		0x8000000000000000ull | 0x123456789a0000ull, /* behind the end */
		0x8000000000000000ull | 0x50200,             /* inside of a cluster */
		0x8000000000000000ull | 0x10000,             /* the refcount table */
		0x4000000000000000ull | 0x3fffffffffff00ull, /* packed behind the end */
		0x4000000000000000ull | 0x50000,             /* packed, but it is not */
	};
	struct fake_image top;
	struct qcow2 *image;

	make_folder();
	ck_assert_int_eq(run("qemu-img create -q -f qcow2 -o preallocation=metadata top.qcow2 %u", DISK_BYTES), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
		u64 l2;

		fake_image_load(&top, "/f/top.qcow2", host("top.qcow2"), FILE_BYTES);
		l2 = qcow2_get64(top.bytes + qcow2_get64(top.bytes + 40)) & QCOW2_OFFSET_MASK;
		qcow2_put64(top.bytes + l2 + 8, entries[i]);
		open_top(&image);
		ck_assert_int_eq(do_request(&image->device, BLOCK_READ, 0, 0, 8, buffer), OK);
		ck_assert_int_eq(do_request(&image->device, BLOCK_READ, 0, 128, 8, buffer), ERR_IO);
		ck_assert_int_eq(do_request(&image->device, BLOCK_WRITE, 0, 0, 8, buffer), ERR_IO);
		ck_assert_int_eq(do_request(&image->device, BLOCK_READ, 0, 0, 8, buffer), OK);
		(void)qcow2_close(image);
		ck_assert_uint_eq(top.write_count, 0);
		fake_image_release(&top);
	}
	remove_folder();
}
END_TEST

START_TEST(chains)
{
	static const struct { const char *command, *words; } rows[] = {
		{ "qemu-img create -q -f qcow2 top.qcow2 1M; qemu-img rebase -u -F qcow2 -b top.qcow2 top.qcow2", "comes back to /f/top.qcow2" },
		{ "qemu-img create -q -u -f qcow2 -b base.img -F vmdk top.qcow2 1M", "has the format 'vmdk'" },
		{ "qemu-img create -q -u -f qcow2 -b gone.img -F raw top.qcow2 1M", "there is no file '/f/gone.img'" },
		{ "qemu-img create -q -u -f qcow2 -b nbd://x/y -F raw top.qcow2 1M", "is not a path" },
	};
	struct fake_image top, links[QCOW2_CHAIN_MAX];
	struct qcow2 *image;

	make_folder();
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(run("%s", rows[i].command), 0);
		fake_image_load(&top, "/f/top.qcow2", host("top.qcow2"), 0);
		ck_assert_int_ne(qcow2_open("/f/top.qcow2", true, "test", &image, words, sizeof(words)), OK);
		ck_assert_msg(strstr(words, rows[i].words) != NULL, "'%s'", words);
		fake_image_release(&top);
	}
	/* One more than may be, and exactly as many. */
	write_pattern("0.img", 1u << 20, 5);
	ck_assert_int_eq(run("qemu-img convert -f raw -O qcow2 0.img 1.img"), 0);
	for (unsigned i = 2; i <= QCOW2_CHAIN_MAX; i++)
		ck_assert_int_eq(run("qemu-img create -q -f qcow2 -b %u.img -F qcow2 %u.img", i - 1, i), 0);
	ck_assert_int_eq(run("qemu-img create -q -f qcow2 -b %u.img -F qcow2 top.qcow2", QCOW2_CHAIN_MAX), 0);
	for (unsigned i = 0; i < QCOW2_CHAIN_MAX; i++) {
		char name[16], path[32];

		snprintf(name, sizeof(name), "%u.img", i + 1);
		snprintf(path, sizeof(path), "/f/%u.img", i + 1);
		fake_image_load(&links[i], path, host(name), 0);
	}
	fake_image_load(&top, "/f/top.qcow2", host("top.qcow2"), 0);
	ck_assert_int_eq(qcow2_open("/f/top.qcow2", true, "test", &image, words, sizeof(words)), ERR_UNSUPPORTED);
	ck_assert_msg(strstr(words, "chain of backing files is longer than 16") != NULL, "'%s'", words);
	ck_assert_int_eq(qcow2_open("/f/16.img", true, "test", &image, words, sizeof(words)), OK);
	load_model("0.img");
	read_and_compare(&image->device, 0, 2048);
	ck_assert_int_eq(qcow2_close(image), OK);
	fake_image_release(&top);
	for (unsigned i = 0; i < QCOW2_CHAIN_MAX; i++)
		fake_image_release(&links[i]);
	remove_folder();
}
END_TEST

START_TEST(refcount_widths)
{
	u8 block[64], expected[64];

	for (u32 order = 0; order <= 6; order++) {
		u64 mask = order == 6 ? ~0ull : BIT64(1u << order) - 1;

		memset(block, 0, sizeof(block));
		for (u64 i = 0; i < 512u >> order; i++)
			qcow2_refcount_pack(block, order, i, (i * 0x9e3779b97f4a7c15ull) & mask);
		for (u64 i = 0; i < 512u >> order; i++)
			ck_assert_uint_eq(qcow2_refcount_unpack(block, order, i), (i * 0x9e3779b97f4a7c15ull) & mask);
	}
	memset(expected, 0, sizeof(expected));
	memset(block, 0, sizeof(block));
	qcow2_refcount_pack(block, 4, 1, 0x1234);
	expected[2] = 0x12;
	expected[3] = 0x34;
	ck_assert_mem_eq(block, expected, sizeof(block));
	memset(block, 0, sizeof(block));
	qcow2_refcount_pack(block, 1, 2, 3);
	ck_assert_uint_eq(block[0], 0x30);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("qcow2");
	TCase *small = tcase_create("small"), *operations = tcase_create("operations"), *cuts = tcase_create("cuts");

	tcase_add_test(small, refcount_widths);
	tcase_add_test(small, refusals);
	tcase_add_test(small, contradictions);
	tcase_add_test(small, chains);
	tcase_add_test(small, straight_through);
	tcase_add_loop_test(small, no_room, 0, 2);
	tcase_add_test(small, failing_medium);
	tcase_add_loop_test(operations, random_operations, 0, ARRAY_SIZE(shapes));
	tcase_add_loop_test(cuts, power_cuts, 0, 4);
	suite_add_tcase(suite, small);
	suite_add_tcase(suite, operations);
	suite_add_tcase(suite, cuts);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/qcow2_open.c hv/block/qcow2_header.c hv/block/qcow2_cache.c hv/block/qcow2_commit.c hv/block/qcow2_refcount.c hv/block/qcow2_refcount_grow.c hv/block/qcow2_map.c hv/block/qcow2_copy.c hv/block/qcow2_decompress.c hv/block/qcow2_request.c hv/block/qcow2_zeroes.c hv/block/registry.c hv/block/request.c hv/block/transfer.c hv/block/sync.c hv/block/test/fake_image.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_quiet.c */
/* CFLAGS: -DZ_SOLO -isystem build/deps/zlib -isystem build/deps/libzstd/lib */
/* LIBS: build/compression/fuzz/libcompression.a */
/*
 * A hostile qcow2 image. The first bytes are requests; behind them stands the image's first cluster, table by table: the harness puts
 * them where a fresh image of 4 KiB clusters has them, so that the fuzzer need not find a header first. Nothing may go outside of
 * the file, hang, or leak.
 */
#include <stdlib.h>
#include <string.h>
#include "hv/block/qcow2_internal.h"
#include "hv/block/test/fake_image.h"
#include "hv/lib/error.h"
#include "hv/pages.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define REQUESTS 8u
#define REQUEST_BYTES 4u
#define FILE_BYTES (64u << 10)
#define MOST_BYTES (256u << 10)

static u8 buffer[128u << 10];

static void completed(struct block_request *request, int status)
{
	(void)status;
	*(volatile bool *)request->owner = true;
}

static void one_request(struct block_device *device, const u8 *words)
{
	static struct waitqueue queue;
	struct block_segment segment = { direct_unmap(buffer), 0 };
	volatile bool done = false;
	struct block_request request = { .operation = words[0] % BLOCK_OPERATION_COUNT, .flags = words[0] >> 6, .segments = &segment,
					 .segment_count = 1, .complete = completed, .owner = (void *)(uintptr_t)&done };

	request.sector_count = request.operation == BLOCK_FLUSH ? 0 : words[1];
	request.sector = device->limits.sector_count ? ((u64)words[2] << 8 | words[3]) % device->limits.sector_count : 0;
	segment.size_bytes = request.sector_count * 512;
	if (!segment.size_bytes || request.operation > BLOCK_WRITE)
		request.segment_count = 0;
	block_submit(device, &request);
	for (u32 i = 0; !done; i++) {
		if (i == 100000)
			abort();
		(void)waitqueue_sleep(&queue, NULL, 0);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 file[FILE_BYTES];
	struct fake_image fake;
	struct qcow2 *image;
	char words[256];

	if (size < REQUESTS * REQUEST_BYTES + 1 || size > REQUESTS * REQUEST_BYTES + FILE_BYTES)
		return 0;
	memset(file, 0, sizeof(file));
	memcpy(file, data + REQUESTS * REQUEST_BYTES, size - REQUESTS * REQUEST_BYTES);
	fake_image_make(&fake, "/f/fuzz", file, FILE_BYTES, MOST_BYTES);
	if (qcow2_open("/f/fuzz", data[0] & 32, "fuzz", &image, words, sizeof(words)) == OK) {
		for (u32 i = 0; i < REQUESTS; i++)
			one_request(&image->device, data + i * REQUEST_BYTES);
		(void)qcow2_close(image);
	} else if (!words[0]) {
		abort();
	}
	fake_image_release(&fake);
	return 0;
}

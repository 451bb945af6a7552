/* SPDX-License-Identifier: MIT */
/*
 * Compressed clusters of qcow2 images, unpacked with zlib and libzstd (mk/compression.mk builds them from Debian's source packages).
 *
 * zlib: a raw deflate stream with a window of 4 KiB. zstd: one or more frames. What stands behind the stream, up to the end of its last
 * sector, is ignored. The state is made at the first cluster, in one piece, and used again: the libraries allocate nothing else.
 */
#include "hv/block/qcow2_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#define WINDOW_BITS 12
#define ARENA_BYTES (64u * 1024)

struct arena { u32 used; u8 bytes[ARENA_BYTES]; };

static void *take(void *context, unsigned count, unsigned size)
{
	struct arena *arena = context;
	u32 bytes = ALIGN_UP(count * size, 16u);

	if (size && count > ARENA_BYTES / size)
		return NULL;
	if (bytes > ARENA_BYTES - arena->used)
		return NULL;
	arena->used += bytes;
	return arena->bytes + arena->used - bytes;
}

static void give_back(void *context, void *memory)
{
	(void)context;
	(void)memory; /* the whole arena is used anew for each cluster */
}

static int inflate_cluster(struct arena *arena, const u8 *from, size_t size, u8 *to, size_t cluster_bytes)
{
	z_stream stream = { .zalloc = take, .zfree = give_back, .opaque = arena };
	int result;

	arena->used = 0;
	stream.next_in = (Bytef *)(uintptr_t)from;
	stream.avail_in = (uInt)size;
	stream.next_out = to;
	stream.avail_out = (uInt)cluster_bytes;
	if (inflateInit2(&stream, -WINDOW_BITS) != Z_OK)
		return ERR_NO_MEMORY;
	result = inflate(&stream, Z_FINISH);
	/* Z_BUF_ERROR with all bytes there: the end mark was not read, as there was no room left to go on for. */
	return (result == Z_STREAM_END || result == Z_BUF_ERROR) && !stream.avail_out ? OK : ERR_INVALID;
}

static int unpack_frames(void *context, const u8 *from, size_t size, u8 *to, size_t cluster_bytes)
{
	ZSTD_DCtx *state = ZSTD_initStaticDCtx(context, ZSTD_estimateDCtxSize());
	size_t done = 0;

	if (!state)
		return ERR_NO_MEMORY;
	while (done < cluster_bytes) {
		size_t frame = ZSTD_findFrameCompressedSize(from, size), written;

		if (ZSTD_isError(frame))
			return ERR_INVALID;
		written = ZSTD_decompressDCtx(state, to + done, cluster_bytes - done, from, frame);
		if (ZSTD_isError(written) || (!written && !frame))
			return ERR_INVALID;
		done += written;
		from += frame;
		size -= frame;
	}
	return OK;
}

int qcow2_decompress(u8 compression, void **state, const u8 *from, size_t size, u8 *to, size_t cluster_bytes)
{
	if (!*state)
		*state = kmalloc(compression == QCOW2_ZSTD ? ZSTD_estimateDCtxSize() : sizeof(struct arena));
	if (!*state)
		return ERR_NO_MEMORY;
	return compression == QCOW2_ZSTD ? unpack_frames(*state, from, size, to, cluster_bytes)
					 : inflate_cluster(*state, from, size, to, cluster_bytes);
}

void qcow2_decompress_release(void **state)
{
	kfree(*state);
	*state = NULL;
}

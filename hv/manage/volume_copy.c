/* SPDX-License-Identifier: MIT */
/* Copies between volumes, and from boot files into volumes. Pieces of 256 KiB, one after the other; Ctrl-C between them. */
#include "hv/block/image_file.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/volume_internal.h"

#define PIECE_BYTES (256 * KIB)
#define PIECES_A_GROWTH 64u /* of a file that is made: 16 MiB */

struct copy {
	struct image_file from, to;
	bool grow;                     /* the file is made as long as what has been copied */
	const struct volume_progress *progress;
};

static int copy_piece(struct copy *copy, u64 offset, u64 bytes, void *buffer)
{
	u64 block = MAX(copy->from.device->limits.logical_block_bytes, copy->to.device->limits.logical_block_bytes);
	u64 sectors = ALIGN_UP(bytes, block) / BLOCK_SECTOR_BYTES;
	int code = block_read(copy->from.device, offset / BLOCK_SECTOR_BYTES, buffer, sectors);

	memset((u8 *)buffer + bytes, 0, sectors * BLOCK_SECTOR_BYTES - bytes); /* what follows the end is not the source's */
	return code ? code : block_write(copy->to.device, offset / BLOCK_SECTOR_BYTES, buffer, sectors, 0);
}

static int copy_all(struct copy *copy)
{
	u64 total = copy->from.size_bytes;
	void *buffer = kmalloc(PIECE_BYTES);
	int code = buffer ? OK : ERR_NO_MEMORY;

	for (u64 done = 0; done < total && !code;) {
		u64 part = MIN(total - done, PIECE_BYTES);

		if (copy->grow && done % (PIECES_A_GROWTH * PIECE_BYTES) == 0)
			code = copy->to.resize(&copy->to, MIN(total, done + PIECES_A_GROWTH * PIECE_BYTES), IMAGE_FILE_UNDEFINED);
		code = code ? code : copy_piece(copy, done, part, buffer);
		done += part;
		if (!code && copy->progress && !copy->progress->tell(copy->progress->context, done, total))
			code = ERR_INTERRUPTED;
	}
	kfree(buffer);
	return code ? code : copy->to.flush(&copy->to);
}

static int open_source(struct copy *copy, const char *path, struct manage_error *error)
{
	if (image_file_open(&copy->from, path, BLOCK_OPEN_READ, "a copy", NULL))
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s", copy->from.user.words);
	return OK;
}

/* From the source into a file under its .part name. The source is closed here. */
static int copy_into_new(struct copy *copy, const char *pool, const char *name, struct manage_error *error)
{
	struct new_volume new;
	int code = volume_new_begin(pool, name, &new, error), copied;

	if (code)
		return code;
	copied = copy->from.size_bytes > FAT_FILE_MAX ? ERR_RANGE : OK;
	copied = copied ? copied : image_file_open(&copy->to, new.part_path, BLOCK_OPEN_EXCLUSIVE, "a copy", NULL);
	if (!copied) {
		copied = copy_all(copy);
		image_file_close(&copy->to);
	}
	return volume_new_end(&new, copied, error);
}

int volume_clone(const struct volume_info *from, const char *name, const struct volume_progress *progress,
		 struct manage_error *error)
{
	struct copy *copy = kzalloc(sizeof(*copy));
	int code = copy ? open_source(copy, from->path, error) : manage_fail_no_memory(error);

	if (!code) {
		copy->grow = true;
		copy->progress = progress;
		code = copy_into_new(copy, from->pool, name, error);
		image_file_close(&copy->from);
	}
	kfree(copy);
	return code;
}

static int upload(struct copy *copy, const struct volume_info *volume, struct manage_error *error)
{
	int code;

	if (image_file_open(&copy->to, volume->path, BLOCK_OPEN_EXCLUSIVE, "vol-upload", NULL))
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s", copy->to.user.words);
	code = OK;
	if (copy->from.size_bytes > copy->to.size_bytes) {
		code = manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s has %llu bytes, the volume %llu: vol-resize it first",
				   copy->from.user.device->model, (unsigned long long)copy->from.size_bytes,
				   (unsigned long long)copy->to.size_bytes);
	} else {
		code = copy_all(copy);
		if (code)
			code = volume_refuse(code, volume->name, error);
	}
	image_file_close(&copy->to);
	return code;
}

int volume_upload(const struct volume_info *volume, const char *source, const struct volume_progress *progress,
		  struct manage_error *error)
{
	struct copy *copy = kzalloc(sizeof(*copy));
	int code = copy ? open_source(copy, source, error) : manage_fail_no_memory(error);

	if (!code) {
		copy->progress = progress;
		code = upload(copy, volume, error);
		image_file_close(&copy->from);
	}
	kfree(copy);
	return code;
}

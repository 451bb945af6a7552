/* SPDX-License-Identifier: MIT */
/*
 * Image files for hosted tests: named arrays behind image_file_open that remember which writes no flush has made durable, so that
 * a power cut can keep any of them. One thread: what waits runs the images' workers (fake_image.c has thread_create too).
 */
#ifndef HV_BLOCK_TEST_FAKE_IMAGE_H
#define HV_BLOCK_TEST_FAKE_IMAGE_H

#include "hv/block/image_file.h"

struct fake_write { u64 sector; u8 bytes[512]; };

struct fake_image {
	struct block_device device;
	char path[64];
	u8 *bytes, *durable;       /* of most_bytes */
	u64 size_bytes, most_bytes; /* now, and at most */
	bool fixed, deferred;      /* it cannot grow; requests wait until somebody does */
	u64 fail_in;               /* 0: never; else the request (counted down) that fails, with ERR_IO */
	u64 stop_in;               /* 0: never; else so many writes reach the medium, later ones are lost with the power */
	bool stopped;
	struct list_node waiting;
	struct fake_write *writes; /* since the last flush */
	u64 write_count, write_room, requests, reads;
	u32 users;
};

/* Under path, with these bytes (from a file of the build machine), growing up to most_bytes. */
void fake_image_load(struct fake_image *image, const char *path, const char *host_file, u64 most_bytes);
/* With these bytes. */
void fake_image_make(struct fake_image *image, const char *path, const u8 *bytes, u64 size_bytes, u64 most_bytes);
void fake_image_save(const struct fake_image *image, const char *host_file);
/* What a cut of power may leave, into a file: durable, and any of the later writes. */
void fake_image_cut(struct fake_image *image, const char *host_file);
void fake_image_release(struct fake_image *image);
/* Completes what waits, in any order. */
void fake_images_run(void);
extern unsigned fake_images_errors; /* requests that were out of range: a bug, or a hostile image */

#endif

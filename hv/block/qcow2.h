/* SPDX-License-Identifier: MIT */
/*
 * qcow2 images as block devices: sparse, on top of other images if they say so. Versions 2 and 3, read and write.
 *
 * What is understood, and what is refused in words: docs/qcow2.md. Thread context. Next to read: qcow2_open.c for how one comes
 * to be, qcow2_internal.h for the rest.
 */
#ifndef HV_BLOCK_QCOW2_H
#define HV_BLOCK_QCOW2_H

#include "hv/block/registry.h"

struct qcow2;

#define QCOW2_CHAIN_MAX 16u /* an image and what it lies on */

/*
 * Opens the image that path names (hv/block/image_file.h), and the chain behind it, read-only; what lies below is opened for
 * `who`. The device is registered: "imageN", kind "qcow2". On failure words says what is wrong and where.
 * ERR_INVALID: it contradicts itself or is no qcow2; ERR_UNSUPPORTED: more than is understood, or it can only be read; and what
 * image_file_open says.
 */
MUST_CHECK int qcow2_open(const char *path, bool writable, const char *who, struct qcow2 **out, char *words, size_t words_size);
/* Writes down what is not yet, and ends it. Nobody has its device open any more. OK, or what the last write said. */
int qcow2_close(struct qcow2 *image);
struct block_device *qcow2_device(struct qcow2 *image);

struct qcow2_usage {
	u64 capacity_bytes;   /* what the guest sees */
	u64 allocation_bytes; /* up to the last cluster in use */
	u64 physical_bytes;   /* of what it lies in */
};
/* Of an image that may be open by a machine: looks for itself. Errors and words as qcow2_open. */
MUST_CHECK int qcow2_measure(const char *path, struct qcow2_usage *usage, char *words, size_t words_size);

#endif

/* SPDX-License-Identifier: MIT */
/* No qcow2 image is there: for tests of the management that link no image formats. */
#include "hv/block/qcow2.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"

int qcow2_open(const char *path, bool writable, const char *who, struct qcow2 **out, char *words, size_t words_size)
{
	(void)writable;
	(void)who;
	(void)out;
	format(words, words_size, "%s does not begin as a qcow2 image", path);
	return ERR_INVALID;
}

int qcow2_close(struct qcow2 *image)
{
	(void)image;
	return OK;
}

struct block_device *qcow2_device(struct qcow2 *image)
{
	(void)image;
	return NULL;
}

int qcow2_measure(const char *path, struct qcow2_usage *usage, char *words, size_t words_size)
{
	(void)usage;
	format(words, words_size, "%s does not begin as a qcow2 image", path);
	return ERR_INVALID;
}

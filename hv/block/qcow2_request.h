/* SPDX-License-Identifier: MIT */
/* What qcow2_request.c and qcow2_zeroes.c need of each other. The worker. */
#ifndef HV_BLOCK_QCOW2_REQUEST_H
#define HV_BLOCK_QCOW2_REQUEST_H

#include "hv/block/qcow2_internal.h"

/* Until no write into new clusters is under way for these bytes. */
void qcow2_wait_for_allocations(struct qcow2 *image, u64 guest, u64 bytes);
/* BLOCK_DISCARD, BLOCK_WRITE_ZEROES. */
MUST_CHECK int qcow2_clear(struct qcow2 *image, const struct block_request *request);

#endif

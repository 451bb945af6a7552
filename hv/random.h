/* SPDX-License-Identifier: MIT */
/*
 * Random bytes for UUIDs, hash salts and MAC addresses. Not for keys: see random.c for what stands behind them.
 * Thread context or interrupts off, any CPU; no sleep. The hosted tests link hv/test/random_hosted.c.
 */
#ifndef HV_RANDOM_H
#define HV_RANDOM_H

#include "hv/lib/types.h"

void random_bytes(void *bytes, size_t size);

#endif

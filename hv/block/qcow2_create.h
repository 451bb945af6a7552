/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an empty qcow2 image, for whoever makes one. Pure: clusters one after the other, in any order of calls.
 * Next to read: qcow2_format.h.
 */
#ifndef HV_BLOCK_QCOW2_CREATE_H
#define HV_BLOCK_QCOW2_CREATE_H

#include "hv/lib/types.h"

#define QCOW2_CREATE_CLUSTER_BYTES 65536u /* qemu-img's own choice */
#define QCOW2_CREATE_BYTES_MAX BIT64(46)  /* 64 TiB: its table is a MiB */

/* How many clusters the file of an empty image has; 0: a guest's disk of so many bytes is too large. */
u32 qcow2_create_clusters(u64 capacity_bytes);
/* Fills the index-th of them. capacity_bytes: whole sectors. */
void qcow2_create_cluster(u64 capacity_bytes, u32 index, u8 cluster[QCOW2_CREATE_CLUSTER_BYTES]);

#endif

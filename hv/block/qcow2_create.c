/* SPDX-License-Identifier: MIT */
/*
 * An empty qcow2 image of version 3: header, refcount table, one refcount block, and an L1 table without entries. Every cluster of
 * the file is counted once (hv/block/qcow2_create.h).
 */
#include "hv/block/qcow2_create.h"
#include "hv/block/qcow2_format.h"
#include "hv/lib/string.h"

#define CLUSTER QCOW2_CREATE_CLUSTER_BYTES
#define L2_COVERS ((u64)CLUSTER * (CLUSTER / 8)) /* by one L1 entry: 512 MiB */
#define AT_REFCOUNT_TABLE 1u /* clusters */
#define AT_REFCOUNT_BLOCK 2u
#define AT_L1 3u
#define REFCOUNT_ORDER 4u    /* 16 bits */
#define HEADER_BYTES 104u

static u64 l1_entries(u64 capacity_bytes)
{
	return MAX((capacity_bytes + L2_COVERS - 1) / L2_COVERS, 1u);
}

u32 qcow2_create_clusters(u64 capacity_bytes)
{
	if (capacity_bytes > QCOW2_CREATE_BYTES_MAX)
		return 0;
	return AT_L1 + (u32)((l1_entries(capacity_bytes) * 8 + CLUSTER - 1) / CLUSTER);
}

static void put32(u8 *to, u32 value)
{
	value = __builtin_bswap32(value);
	memcpy(to, &value, sizeof(value));
}

static void fill_header(u64 capacity_bytes, u8 *to)
{
	put32(to, QCOW2_MAGIC);
	put32(to + 4, 3);
	put32(to + 20, 16); /* log2 of a cluster */
	qcow2_put64(to + 24, capacity_bytes);
	put32(to + 36, (u32)l1_entries(capacity_bytes));
	qcow2_put64(to + 40, (u64)AT_L1 * CLUSTER);
	qcow2_put64(to + QCOW2_AT_REFCOUNT_TABLE, (u64)AT_REFCOUNT_TABLE * CLUSTER);
	put32(to + QCOW2_AT_REFCOUNT_TABLE + 8, 1);
	put32(to + 96, REFCOUNT_ORDER);
	put32(to + 100, HEADER_BYTES); /* no extension: the words behind it are 0 */
}

void qcow2_create_cluster(u64 capacity_bytes, u32 index, u8 cluster[QCOW2_CREATE_CLUSTER_BYTES])
{
	memset(cluster, 0, CLUSTER);
	if (index == 0)
		fill_header(capacity_bytes, cluster);
	else if (index == AT_REFCOUNT_TABLE)
		qcow2_put64(cluster, (u64)AT_REFCOUNT_BLOCK * CLUSTER);
	else if (index == AT_REFCOUNT_BLOCK)
		for (u32 i = 0; i < qcow2_create_clusters(capacity_bytes); i++)
			qcow2_refcount_pack(cluster, REFCOUNT_ORDER, i, 1);
}

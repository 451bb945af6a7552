/* SPDX-License-Identifier: MIT */
/* Which kind of table a disk has, and what every partition must satisfy. */
#include "hv/block/partition_table.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

#define MBR_ENTRIES 446
#define MBR_ENTRY_BYTES 16
#define MBR_TYPE_PROTECTIVE 0xee /* "this disk has a GPT" */

static bool overlaps(const struct partition *a, const struct partition *b)
{
	return a->sector < b->sector + b->sector_count && b->sector < a->sector + a->sector_count;
}

int partition_table_add(const struct partition_source *source, struct partition_table *table,
			const struct partition *partition)
{
	if (table->count == PARTITIONS_MAX) {
		format(table->problem, sizeof(table->problem), "it has more than %u partitions", PARTITIONS_MAX);
		return ERR_FULL;
	}
	if (partition->sector_count == 0 || partition->sector >= source->sector_count ||
	    partition->sector_count > source->sector_count - partition->sector) {
		format(table->problem, sizeof(table->problem), "partition %u does not lie inside the disk's %llu sectors",
		       partition->number, (unsigned long long)source->sector_count);
		return ERR_INVALID;
	}
	for (u32 i = 0; i < table->count; i++) {
		if (!overlaps(&table->partitions[i], partition))
			continue;
		format(table->problem, sizeof(table->problem), "partitions %u and %u overlap", table->partitions[i].number,
		       partition->number);
		return ERR_INVALID;
	}
	table->partitions[table->count++] = *partition;
	return OK;
}

/* A GPT disk has an MBR whose one entry covers it; hybrids have others beside it, and the GPT counts. */
static bool is_protective(const u8 first[512])
{
	for (unsigned i = 0; i < 4; i++)
		if (first[MBR_ENTRIES + i * MBR_ENTRY_BYTES + 4] == MBR_TYPE_PROTECTIVE)
			return true;
	return false;
}

int partition_table_read(const struct partition_source *source, struct partition_table *table)
{
	u8 first[4096];
	int error;

	memset(table, 0, sizeof(*table));
	if (source->sector_count < source->block_bytes / 512)
		return OK;
	error = source->read(source->context, 0, first, source->block_bytes / 512);
	if (error)
		return error;
	if (first[510] != 0x55 || first[511] != 0xaa)
		return OK;
	error = is_protective(first) ? partition_gpt_read(source, table) : partition_mbr_read(source, first, table);
	if (error)
		table->count = 0;
	return error == ERR_FULL ? ERR_INVALID : error;
}

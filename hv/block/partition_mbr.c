/* SPDX-License-Identifier: MIT */
/*
 * The MBR: four entries in the first sector, and a chain of further ones in an extended partition.
 *
 *  entry:  0 status   1..3 CHS   4 type   5..7 CHS   8..11 first block   12..15 count of blocks    (CHS is ignored)
 *
 * Each link of the chain is a sector of the same form: its first entry is a logical partition (relative to the link), its
 * second the next link (relative to the extended partition). Blocks are the disk's logical blocks.
 */
#include "hv/block/partition_table.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

#define ENTRIES 446
#define ENTRY_BYTES 16

struct entry {
	u8 status, type;
	u64 first, count; /* in 512-byte sectors */
};

static u32 little32(const u8 *at)
{
	return (u32)at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}

static struct entry entry_at(const struct partition_source *source, const u8 *sector, unsigned index)
{
	const u8 *at = sector + ENTRIES + index * ENTRY_BYTES;
	u64 scale = source->block_bytes / 512;

	return (struct entry){ at[0], at[4], little32(at + 8) * scale, little32(at + 12) * scale };
}

static bool is_extended(u8 type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static int add(const struct partition_source *source, struct partition_table *table, u32 number, u64 base,
	       const struct entry *entry)
{
	struct partition partition = { .number = number, .sector = base + entry->first, .sector_count = entry->count,
				       .mbr_type = entry->type };

	return partition_table_add(source, table, &partition);
}

/* A link must lie behind the one before it, so the walk ends. */
static int read_chain(const struct partition_source *source, struct partition_table *table, const struct entry *extended)
{
	u64 link = extended->first, next;
	u8 sector[4096];
	struct entry logical, following;
	u32 number = 5;
	int error;

	for (;;) {
		if (link < extended->first || link - extended->first >= extended->count ||
		    link > source->sector_count - source->block_bytes / 512)
			break;
		error = source->read(source->context, link, sector, source->block_bytes / 512);
		if (error)
			return error;
		if (sector[510] != 0x55 || sector[511] != 0xaa)
			break;
		logical = entry_at(source, sector, 0);
		following = entry_at(source, sector, 1);
		if (logical.type != 0 && logical.count != 0) {
			error = add(source, table, number++, link, &logical);
			if (error)
				return error;
		}
		if (!is_extended(following.type) || following.count == 0)
			return OK;
		next = extended->first + following.first;
		if (next <= link)
			break;
		link = next;
	}
	format(table->problem, sizeof(table->problem), "the chain of its extended partition is broken at sector %llu",
	       (unsigned long long)link);
	return ERR_INVALID;
}

/* A file system without a table ends its first sector with 55 AA too: its entries are no table when a status is odd. */
static bool looks_like_table(const struct partition_source *source, const u8 *sector)
{
	unsigned used = 0;

	for (unsigned i = 0; i < 4; i++) {
		struct entry entry = entry_at(source, sector, i);

		if (entry.status & 0x7f)
			return false;
		used += entry.type != 0;
	}
	return used != 0;
}

int partition_mbr_read(const struct partition_source *source, const u8 first[512], struct partition_table *table)
{
	struct entry extended = { 0 };
	int error;

	if (!looks_like_table(source, first))
		return OK;
	table->kind = PARTITION_TABLE_MBR;
	for (unsigned i = 0; i < 4; i++) {
		struct entry entry = entry_at(source, first, i);

		if (entry.type == 0 || entry.count == 0)
			continue;
		if (is_extended(entry.type)) {
			if (extended.count) {
				string_copy(table->problem, "it has two extended partitions", sizeof(table->problem));
				return ERR_INVALID;
			}
			extended = entry;
			continue;
		}
		error = add(source, table, i + 1, 0, &entry);
		if (error)
			return error;
	}
	return extended.count ? read_chain(source, table, &extended) : OK;
}

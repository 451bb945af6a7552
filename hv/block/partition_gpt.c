/* SPDX-License-Identifier: MIT */
/*
 * The GPT: a header in the second block, an array of entries, and copies of both at the disk's end.
 *
 *  header:   0 "EFI PART"   8 revision  12 size  16 CRC of the header (as 0)  24 own block  32 the other header's
 *           40 first usable block  48 last usable  56 disk GUID  72 entries' block  80 count  84 entry size  88 CRC of entries
 *  entry:    0 type GUID (0: unused)  16 own GUID  32 first block  40 last block  48 attributes  56 label, UTF-16
 *
 * UEFI Specification, "GPT Header" (5.3.2) and "GPT Partition Entry Array" (5.3.3): a header counts only if signature,
 * CRC, its own block's number and the CRC of its entries are right; else the copy in the last block is tried.
 */
#include "hv/block/partition_table.h"
#include "hv/lib/crc32.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"

#define HEADER_BYTES_MIN 92u
#define ENTRY_BYTES_MIN 128u
#define ENTRY_BYTES_MAX 4096u
#define ENTRIES_MAX 1024u /* the specification demands room for 128; no tool makes more than a few hundred */

struct header {
	u64 own, first_usable, last_usable, entries;
	u32 count, entry_bytes, entries_crc;
	u8 disk_id[16];
};

static u32 little32(const u8 *at)
{
	return (u32)at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}

static u64 little64(const u8 *at)
{
	return little32(at) | (u64)little32(at + 4) << 32;
}

static int broken(struct partition_table *table, const char *which, const char *what)
{
	format(table->problem, sizeof(table->problem), "its %s GPT header %s", which, what);
	return ERR_INVALID;
}

static u64 block_count(const struct partition_source *source)
{
	return source->sector_count / (source->block_bytes / 512);
}

static int read_block(const struct partition_source *source, u64 block, u8 *to)
{
	u32 scale = source->block_bytes / 512;

	return source->read(source->context, block * scale, to, scale);
}

static int read_header(const struct partition_source *source, u64 block, const char *which, struct header *header,
		       struct partition_table *table)
{
	u8 bytes[4096];
	u32 size, crc;
	int error = read_block(source, block, bytes);

	if (error)
		return error;
	if (memcmp(bytes, "EFI PART", 8) != 0)
		return broken(table, which, "has no signature");
	size = little32(bytes + 12);
	if (size < HEADER_BYTES_MIN || size > source->block_bytes)
		return broken(table, which, "has an impossible size");
	crc = little32(bytes + 16);
	memset(bytes + 16, 0, 4);
	if (crc32_update(0, bytes, size) != crc)
		return broken(table, which, "has a wrong checksum");
	*header = (struct header){ little64(bytes + 24), little64(bytes + 40), little64(bytes + 48), little64(bytes + 72),
				   little32(bytes + 80), little32(bytes + 84), little32(bytes + 88), { 0 } };
	memcpy(header->disk_id, bytes + 56, 16);
	if (header->own != block)
		return broken(table, which, "says that it lies elsewhere");
	if (header->first_usable > header->last_usable || header->last_usable >= block_count(source))
		return broken(table, which, "names usable blocks that the disk does not have");
	if (header->entry_bytes < ENTRY_BYTES_MIN || header->entry_bytes > ENTRY_BYTES_MAX ||
	    (header->entry_bytes & (header->entry_bytes - 1)) || header->count == 0 || header->count > ENTRIES_MAX)
		return broken(table, which, "has an impossible number or size of entries");
	return OK;
}

/* Inside of the disk, and not where partitions may lie. */
static bool entries_place_is_right(const struct partition_source *source, const struct header *header)
{
	u64 blocks = DIV_ROUND_UP((u64)header->count * header->entry_bytes, source->block_bytes);

	if (header->entries < 2 || header->entries >= block_count(source) || blocks > block_count(source) - header->entries)
		return false;
	return header->entries + blocks <= header->first_usable || header->entries > header->last_usable;
}

static void read_label(const u8 *units, char label[PARTITION_LABEL_MAX])
{
	size_t length = 0;

	for (unsigned i = 0; i < 36; i++) {
		u32 character = units[2 * i] | (u32)units[2 * i + 1] << 8;

		if (character == 0)
			break;
		if (character >= 0xd800 && character < 0xdc00 && i + 1 < 36 && (units[2 * i + 3] & 0xfc) == 0xdc) {
			character = 0x10000 + ((character & 0x3ff) << 10) + (units[2 * i + 2] | (u32)(units[2 * i + 3] & 3) << 8);
			i++;
		}
		if (character < 0x20 || character == 0x7f)
			character = 0xfffd; /* a label is shown on terminals */
		length += utf8_encode(character, label + length);
	}
	label[length] = 0;
}

static int add_entry(const struct partition_source *source, struct partition_table *table, const struct header *header,
		     const u8 *entry, u32 number)
{
	static const u8 unused[16];
	u64 first = little64(entry + 32), last = little64(entry + 40), scale = source->block_bytes / 512;
	struct partition partition = { .number = number };

	if (memcmp(entry, unused, 16) == 0)
		return OK;
	if (first < header->first_usable || last > header->last_usable || last < first) {
		format(table->problem, sizeof(table->problem), "partition %u lies outside of the usable blocks %llu to %llu", number,
		       (unsigned long long)header->first_usable, (unsigned long long)header->last_usable);
		return ERR_INVALID;
	}
	partition.sector = first * scale;
	partition.sector_count = (last - first + 1) * scale;
	memcpy(partition.type, entry, 16);
	memcpy(partition.id, entry + 16, 16);
	read_label(entry + 56, partition.label);
	return partition_table_add(source, table, &partition);
}

/* The entries are read once, block by block, and used only if their CRC was right: so partitions are collected, then kept. */
static int read_entries(const struct partition_source *source, const struct header *header, const char *which,
			struct partition_table *table)
{
	u8 block[4096];
	u32 crc = 0, number = 1, per_block = source->block_bytes / header->entry_bytes;
	int error, entry_error = OK;

	if (!entries_place_is_right(source, header))
		return broken(table, which, "names entries that lie in impossible blocks");
	if (per_block == 0)
		return broken(table, which, "has entries larger than a block");
	for (u64 at = header->entries; number <= header->count; at++) {
		u32 here = MIN(per_block, header->count - number + 1);

		error = read_block(source, at, block);
		if (error)
			return error;
		crc = crc32_update(crc, block, (size_t)here * header->entry_bytes);
		for (u32 i = 0; i < here; i++, number++)
			if (!entry_error)
				entry_error = add_entry(source, table, header, block + (size_t)i * header->entry_bytes, number);
	}
	if (crc != header->entries_crc)
		return broken(table, which, "has entries with a wrong checksum");
	return entry_error;
}

static int read_copy(const struct partition_source *source, u64 block, const char *which, struct partition_table *table)
{
	struct header header;
	int error = read_header(source, block, which, &header, table);

	table->count = 0;
	if (!error)
		error = read_entries(source, &header, which, table);
	if (!error)
		memcpy(table->disk_id, header.disk_id, 16);
	return error;
}

int partition_gpt_read(const struct partition_source *source, struct partition_table *table)
{
	char problem[sizeof(table->problem)];
	int error;

	table->kind = PARTITION_TABLE_GPT;
	if (block_count(source) < 6)
		return broken(table, "first", "has no room on so small a disk");
	error = read_copy(source, 1, "first", table);
	if (error != ERR_INVALID)
		return error;
	string_copy(problem, table->problem, sizeof(problem));
	table->from_backup = true;
	error = read_copy(source, block_count(source) - 1, "last", table);
	string_copy(table->problem, problem, sizeof(table->problem));
	return error;
}

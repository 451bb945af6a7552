/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/partition_table.c hv/block/partition_gpt.c hv/block/partition_mbr.c hv/lib/crc32.c hv/lib/format.c hv/lib/string.c hv/lib/utf8.c */
/*
 * A hostile disk: the first byte says the block size and whether sums are made right; the rest is the disk. Whatever is
 * accepted lies inside the disk and does not overlap.
 */
#include <stdlib.h>
#include <string.h>
#include "hv/block/partition_table.h"
#include "hv/lib/crc32.h"
#include "hv/lib/error.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct hostile_disk {
	u8 *bytes;
	u64 sectors;
	u32 block_bytes;
	bool mend; /* a fuzzer does not find checksums by itself */
};

static int read_disk(void *context, u64 sector, void *to, u32 sector_count)
{
	struct hostile_disk *disk = context;

	if (sector >= disk->sectors || sector_count > disk->sectors - sector)
		abort();
	memcpy(to, disk->bytes + sector * 512, sector_count * 512);
	return OK;
}

static void mend_header(struct hostile_disk *disk, u64 block)
{
	u8 *header = disk->bytes + block * disk->block_bytes;
	u64 entries, end = disk->sectors * 512;
	u32 count, entry_bytes, size, crc;

	memcpy(&size, header + 12, 4);
	memcpy(&entries, header + 72, 8);
	memcpy(&count, header + 80, 4);
	memcpy(&entry_bytes, header + 84, 4);
	if (entry_bytes >= 128 && entry_bytes <= disk->block_bytes && count <= 1024 && entries < end / disk->block_bytes &&
	    (u64)count * entry_bytes <= end - entries * disk->block_bytes) {
		crc = crc32_update(0, disk->bytes + entries * disk->block_bytes, (size_t)count * entry_bytes);
		memcpy(header + 88, &crc, 4);
	}
	if (size > disk->block_bytes)
		return;
	memset(header + 16, 0, 4);
	crc = crc32_update(0, header, size);
	memcpy(header + 16, &crc, 4);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct hostile_disk disk = { 0 };
	struct partition_source source = { .read = read_disk, .context = &disk };
	static struct partition_table table;

	if (size < 513)
		return 0;
	disk.block_bytes = data[0] & 1 ? 4096 : 512;
	disk.mend = data[0] & 2;
	disk.sectors = (size - 1) / disk.block_bytes * (disk.block_bytes / 512);
	if (disk.sectors == 0)
		return 0;
	disk.bytes = malloc(disk.sectors * 512);
	memcpy(disk.bytes, data + 1, disk.sectors * 512);
	if (disk.mend && disk.sectors * 512 >= 3 * disk.block_bytes) {
		mend_header(&disk, 1);
		mend_header(&disk, disk.sectors * 512 / disk.block_bytes - 1);
	}
	source.sector_count = disk.sectors;
	source.block_bytes = disk.block_bytes;
	if (partition_table_read(&source, &table) == OK) {
		for (u32 i = 0; i < table.count; i++) {
			const struct partition *at = &table.partitions[i];

			if (at->sector_count == 0 || at->sector >= disk.sectors || at->sector_count > disk.sectors - at->sector)
				abort();
			for (u32 k = 0; k < i; k++)
				if (at->sector < table.partitions[k].sector + table.partitions[k].sector_count &&
				    table.partitions[k].sector < at->sector + at->sector_count)
					abort();
		}
	} else if (table.count || memchr(table.problem, 0, sizeof(table.problem)) == NULL) {
		abort();
	}
	free(disk.bytes);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The boot sector of a FAT32 file system: where everything lies. Pure, fuzzed; each number is bounded before it is used.
 *
 *  11 bytes a sector   13 sectors a cluster  14 reserved sectors  16 copies of the table  17 root entries (0 here)
 *  19 sectors (16 bit) 22 table sectors (16 bit, 0 here)  32 sectors  36 table sectors  40 flags: active copy
 *  42 version (0)      44 root's first cluster  48 FSInfo's sector  67 serial number  82 "FAT32   "  510 55 aa
 *
 * FAT32 is told by the 16-bit size of the table being 0, as every system does that mounts small ones, too.
 */
#include "hv/block/fat_internal.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"

static int wrong(char *problem, size_t size, const char *what)
{
	format(problem, size, "%s", what);
	return ERR_INVALID;
}

static bool is_power_of_two(u32 n)
{
	return n && !(n & (n - 1));
}

static const char *find_fault(const u8 *boot, struct fat_geometry *g)
{
	u32 reserved = fat_little16(boot + 14), flags = fat_little16(boot + 40);
	u64 tables, clusters;

	if (boot[510] != 0x55 || boot[511] != 0xaa)
		return "it has no boot sector";
	g->sector_bytes = fat_little16(boot + 11);
	g->cluster_sectors = boot[13];
	g->table_copies = boot[16];
	g->table_sectors = fat_little32(boot + 36);
	g->total_sectors = fat_little16(boot + 19) ? fat_little16(boot + 19) : fat_little32(boot + 32);
	if (!is_power_of_two(g->sector_bytes) || g->sector_bytes < 512 || g->sector_bytes > 4096 ||
	    !is_power_of_two(g->cluster_sectors))
		return "it has no FAT file system";
	if (fat_little16(boot + 22) || fat_little16(boot + 17))
		return "its file system is FAT12 or FAT16; only FAT32 is supported";
	if (g->cluster_sectors * g->sector_bytes > 65536)
		return "its clusters are larger than 64 KiB";
	if (!reserved || !g->table_copies || g->table_copies > 4 || !g->table_sectors || fat_little16(boot + 42))
		return "its boot sector names no FAT32 file system that makes sense";
	g->table_start = reserved;
	g->mirrored = !(flags & 0x80);
	g->active_copy = g->mirrored ? 0 : flags & 15;
	tables = (u64)g->table_copies * g->table_sectors;
	g->data_start = reserved + tables;
	if (g->active_copy >= g->table_copies)
		return "its active allocation table is none of those it has";
	if (g->data_start >= g->total_sectors)
		return "its allocation tables leave no room for data";
	clusters = (g->total_sectors - g->data_start) / g->cluster_sectors;
	if (!clusters || clusters > 0x0ffffff4)
		return "it has no possible number of clusters";
	g->cluster_count = (u32)clusters;
	if ((clusters + 2) * 4 > (u64)g->table_sectors * g->sector_bytes)
		return "its allocation table is too short for its clusters";
	g->root_cluster = fat_little32(boot + 44);
	if (g->root_cluster < FAT_FIRST_CLUSTER || g->root_cluster - FAT_FIRST_CLUSTER >= g->cluster_count)
		return "its root folder lies outside";
	g->info_sector = fat_little16(boot + 48);
	if (g->info_sector == 0xffff || g->info_sector >= reserved)
		g->info_sector = 0;
	g->serial = boot[66] == 0x29 ? fat_little32(boot + 67) : 0;
	return NULL;
}

int fat_geometry_read(const u8 *boot, struct fat_geometry *geometry, char *problem, size_t problem_size)
{
	const char *fault;

	*geometry = (struct fat_geometry){ 0 };
	fault = find_fault(boot, geometry);
	return fault ? wrong(problem, problem_size, fault) : OK;
}

/* SPDX-License-Identifier: MIT */
/*
 * What a FAT32 file system must be before Solera trusts it: each cluster in one chain at most, each chain with an end, each file as long
 * as its size says, each folder readable. Every cluster is marked once, so a loop and a cross link show as the same thing, and the
 * walk ends. Nothing is repaired: `fsck.fat` does that, on another machine. Clusters that no chain reaches are counted as lost.
 */
#include "hv/block/fat_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

#define ENTRIES_MAX (1u << 20)

struct folder { /* still to be walked */
	struct folder *next;
	u32 cluster;
	char name[64];
};

struct check {
	struct fat_volume *volume;
	u64 *seen;                 /* a bit for each cluster */
	u32 seen_count, entry_count;
	struct folder *folders, **tail;
	char *problem;
	size_t problem_size;
};

static int fail(struct check *check, const char *what, const char *name, const char *folder)
{
	format(check->problem, check->problem_size, "'%.60s'%s%.60s%s %s", name, *folder ? " in '" : "", folder, *folder ? "'" : "",
	       what);
	return ERR_INVALID;
}

static bool mark(struct check *check, u32 cluster)
{
	u32 bit = cluster - FAT_FIRST_CLUSTER;

	if (check->seen[bit / 64] >> (bit % 64) & 1)
		return false;
	check->seen[bit / 64] |= BIT64(bit % 64);
	check->seen_count++;
	return true;
}

static int check_chain(struct check *check, u32 first, u32 *count, const char *name, const char *folder)
{
	*count = 0;
	for (u32 cluster = first; cluster; ++*count) {
		u32 next;

		if (!fat_cluster_valid(check->volume, cluster))
			return fail(check, "begins outside of the file system", name, folder);
		if (!mark(check, cluster))
			return fail(check, "has a cluster twice, or one that is another file's, too", name, folder);
		if (fat_chain_next(check->volume, cluster, &next))
			return fail(check, "has a chain of clusters that leads nowhere", name, folder);
		cluster = next;
	}
	return OK;
}

static int add_folder(struct check *check, u32 cluster, const char *name)
{
	struct folder *folder = kzalloc(sizeof(*folder));

	if (!folder)
		return ERR_NO_MEMORY;
	folder->cluster = cluster;
	string_copy(folder->name, name, sizeof(folder->name));
	*check->tail = folder;
	check->tail = &folder->next;
	return OK;
}

static int check_entry(struct check *check, const struct fat_entry *entry, const char *folder)
{
	u64 cluster_bytes = fat_cluster_bytes(check->volume);
	u32 count;
	int error = check_chain(check, entry->cluster, &count, entry->name, folder);

	if (error)
		return error;
	if (entry->attributes & FAT_FOLDER)
		return entry->cluster ? add_folder(check, entry->cluster, entry->name)
				      : fail(check, "is a folder without a place", entry->name, folder);
	if (count < DIV_ROUND_UP(entry->size_bytes, cluster_bytes))
		return fail(check, "is shorter than its size says", entry->name, folder);
	return OK;
}

static int check_folder(struct check *check, const struct folder *folder, struct fat_entry *entry)
{
	struct fat_cursor cursor = fat_cursor_start(folder->cluster);
	int result;

	while ((result = fat_cursor_entry(check->volume, &cursor, entry)) == 1) {
		if (++check->entry_count > ENTRIES_MAX)
			return fail(check, "stands behind more than a million others: there are too many files", entry->name, folder->name);
		result = check_entry(check, entry, folder->name);
		if (result)
			return result;
	}
	return result == ERR_INVALID ? fail(check, "is a folder that is too long", folder->name, "") : result;
}

static int check_all(struct check *check)
{
	u32 root = check->volume->geometry.root_cluster, count;
	struct fat_entry *entry = kmalloc(sizeof(*entry));
	int error = entry ? check_chain(check, root, &count, "the root folder", "") : ERR_NO_MEMORY;

	error = error ? error : add_folder(check, root, "/");
	while (check->folders) {
		struct folder *folder = check->folders;

		if (!error)
			error = check_folder(check, folder, entry);
		check->folders = folder->next;
		if (!check->folders)
			check->tail = &check->folders;
		kfree(folder);
	}
	kfree(entry);
	return error;
}

static u32 bad_clusters(const struct fat_volume *volume)
{
	u32 count = 0;

	for (u32 i = 0; i < volume->geometry.cluster_count; i++)
		count += fat_table_get(volume, FAT_FIRST_CLUSTER + i) == 0x0ffffff7;
	return count;
}

int fat_check(struct fat_volume *volume, char *problem, size_t problem_size)
{
	struct check check = { .volume = volume, .problem = problem, .problem_size = problem_size };
	int error;

	check.tail = &check.folders;
	check.seen = kzalloc(DIV_ROUND_UP(volume->geometry.cluster_count, 64) * sizeof(*check.seen));
	if (!check.seen)
		return ERR_NO_MEMORY;
	error = check_all(&check);
	kfree(check.seen);
	if (!error)
		volume->lost_clusters = volume->geometry.cluster_count - volume->free_clusters - check.seen_count -
					bad_clusters(volume);
	return error;
}

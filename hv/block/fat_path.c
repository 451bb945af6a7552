/* SPDX-License-Identifier: MIT */
/* From a path to the entry that it names, folder by folder. */
#include "hv/block/fat_internal.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static void root_entry(const struct fat_volume *volume, struct fat_entry *entry)
{
	*entry = (struct fat_entry){ .attributes = FAT_FOLDER, .cluster = volume->geometry.root_cluster };
}

/* The part before the next '/'; NULL: it is empty, dots, or too long. *rest: behind it, at its end or at the next part. */
static const char *take_part(const char *path, char part[FAT_NAME_MAX], const char **rest)
{
	const char *slash = strchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : strlen(path);

	if (!length || length >= FAT_NAME_MAX || (path[0] == '.' && (length == 1 || (length == 2 && path[1] == '.'))))
		return NULL;
	memcpy(part, path, length);
	part[length] = 0;
	*rest = slash ? slash + 1 : path + length;
	return part;
}

int fat_path_find(struct fat_volume *volume, const char *path, struct fat_entry *entry, u32 *parent, const char **last)
{
	char part[FAT_NAME_MAX];
	int error = OK;

	*last = NULL;
	*parent = 0;
	root_entry(volume, entry);
	path += *path == '/';
	while (*path) {
		const char *here = path;

		if (!take_part(path, part, &path))
			return ERR_INVALID;
		if (error)
			return ERR_NOT_FOUND; /* a folder on the way is not there */
		if (!(entry->attributes & FAT_FOLDER) || !fat_cluster_valid(volume, entry->cluster))
			return ERR_INVALID;
		*parent = entry->cluster;
		error = fat_folder_find(volume, *parent, part, entry);
		if (error && error != ERR_NOT_FOUND)
			return error;
		*last = *path ? NULL : here;
	}
	return error;
}

bool fat_is_open(struct fat_volume *volume, struct fat_place place)
{
	LIST_FOR_EACH(node, &volume->files) {
		const struct fat_file *file = LIST_ENTRY(node, struct fat_file, node);

		if (file->place.cluster == place.cluster && file->place.slot == place.slot)
			return true;
	}
	return false;
}

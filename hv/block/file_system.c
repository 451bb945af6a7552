/* SPDX-License-Identifier: MIT */
/* The list of mounted file systems (hv/block/file_system.h). Mounting reads a whole allocation table; who asks meanwhile waits. */
#include "hv/block/file_system.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/thread.h"

struct file_system {
	struct list_node node;       /* [mounts_lock] */
	u32 references;              /* [mounts_lock] */
	struct block_user user;
	struct fat_volume *volume;   /* (c) */
	/*
	 * No device that anybody can open: it stands between the partition and the files' devices, so that the file system is one
	 * holder of the partition for all of them.
	 */
	struct block_device anchor;
};

static struct mutex mounts_lock = {
	NULL, { SPINLOCK_INIT("mounts", LOCK_RANK_WAITQUEUE), LIST_INIT(mounts_lock.queue.waiters) }
};
static struct list_node mounts = LIST_INIT(mounts); /* [mounts_lock] */

static char stick[BLOCK_NAME_MAX]; /* (c) once the store is found; "": there is none */

void file_system_set_stick(const char *device_name)
{
	string_copy(stick, device_name, sizeof(stick));
}

const char *file_path_split(const char *path, char device_name[BLOCK_NAME_MAX])
{
	const char *end;
	size_t length;

	if (path[0] != '/')
		return NULL;
	end = strchr(path + 1, '/');
	length = end ? (size_t)(end - path - 1) : strlen(path + 1);
	if (!length || length >= BLOCK_NAME_MAX)
		return NULL;
	memcpy(device_name, path + 1, length);
	device_name[length] = 0;
	if (string_equal(device_name, FILE_SYSTEM_STICK) && stick[0])
		string_copy(device_name, stick, BLOCK_NAME_MAX);
	return end ? end + 1 : path + 1 + length;
}

static int open_device(struct file_system *file_system, const char *name, bool *read_only)
{
	struct block_user *user = &file_system->user;
	int error;

	string_copy(user->name, "its mounted file system", sizeof(user->name));
	user->holder = &file_system->anchor;
	*read_only = false;
	error = block_open(name, BLOCK_OPEN_EXCLUSIVE, user);
	if (error == ERR_UNSUPPORTED) {
		*read_only = true;
		error = block_open(name, BLOCK_OPEN_READ, user);
	}
	return error;
}

static int mount(struct file_system *file_system, const char *name, char *words, size_t words_size)
{
	char problem[160];
	bool read_only;
	int error = open_device(file_system, name, &read_only);

	if (error) {
		string_copy(words, file_system->user.words, words_size);
		return error;
	}
	string_copy(file_system->anchor.name, name, sizeof(file_system->anchor.name));
	file_system->anchor.kind = "file system";
	file_system->anchor.parent = file_system->user.device;
	error = fat_mount(file_system->user.device, read_only, &file_system->volume, problem, sizeof(problem));
	if (error) {
		format(words, words_size, "%s cannot be mounted: %s", name,
		       *problem ? problem : error == ERR_NO_MEMORY ? "no memory" : "it cannot be read");
		block_close(&file_system->user);
	}
	return error;
}

/* [mounts_lock] Once for each that is not the last one again: the store's is mounted for every change. */
static void tell(const struct file_system *file_system)
{
	static char told[BLOCK_NAME_MAX];
	struct fat_space space;

	if (string_equal(told, file_system->anchor.name))
		return;
	string_copy(told, file_system->anchor.name, sizeof(told));
	fat_get_space(file_system->volume, &space);
	log_info("%s: FAT32 mounted%s, %llu MiB free of %llu", file_system->anchor.name, space.read_only ? " read-only" : "",
		 (unsigned long long)(space.free_bytes / MIB), (unsigned long long)(space.total_bytes / MIB));
	if (space.lost_bytes)
		log_info("%s: %llu KiB are lost, used by no file (a cut of power): fsck.fat gives them back",
			   file_system->anchor.name, (unsigned long long)(space.lost_bytes / KIB));
}

/* [mounts_lock] */
static struct file_system *find(const char *name)
{
	LIST_FOR_EACH(node, &mounts) {
		struct file_system *file_system = LIST_ENTRY(node, struct file_system, node);

		if (string_equal(file_system->anchor.name, name) && !file_system->user.device->gone)
			return file_system;
	}
	return NULL;
}

int file_system_get(const char *device_name, struct file_system **out, char *words, size_t words_size)
{
	struct file_system *file_system;
	int error = OK;

	mutex_lock(&mounts_lock);
	file_system = find(device_name);
	if (!file_system) {
		file_system = kzalloc(sizeof(*file_system));
		error = file_system ? mount(file_system, device_name, words, words_size) : ERR_NO_MEMORY;
		if (error) {
			kfree(file_system);
			file_system = NULL;
		} else {
			list_push_back(&mounts, &file_system->node);
			tell(file_system);
		}
	}
	if (file_system)
		file_system->references++;
	mutex_unlock(&mounts_lock);
	*out = file_system;
	return error;
}

void file_system_put(struct file_system *file_system)
{
	mutex_lock(&mounts_lock);
	if (--file_system->references == 0) {
		list_remove(&file_system->node);
		fat_unmount(file_system->volume);
		block_close(&file_system->user);
		kfree(file_system);
	}
	mutex_unlock(&mounts_lock);
}

struct fat_volume *file_system_volume(struct file_system *file_system)
{
	return file_system->volume;
}

const char *file_system_device(const struct file_system *file_system)
{
	return file_system->anchor.name;
}

struct block_device *file_system_anchor(struct file_system *file_system)
{
	return &file_system->anchor;
}

struct block_device *file_system_below(struct file_system *file_system)
{
	return file_system->user.device;
}

/* SPDX-License-Identifier: MIT */
/* The store's place and its files (hv/manage/store.h). */
#include "hv/manage/store.h"
#include "hv/block/file_system.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/thread.h"

#define FOLDER "solera/store"
#define DEVICES_MAX 64u
#define FILES_MAX 1024u

static struct mutex store_lock = { /* one change at a time, so that what is written last is what was defined last */
	NULL, { SPINLOCK_INIT("store", LOCK_RANK_WAITQUEUE), LIST_INIT(store_lock.queue.waiters) }
};
static char place[BLOCK_NAME_MAX]; /* (c) after store_find; "": none */

struct names { char names[DEVICES_MAX][BLOCK_NAME_MAX]; u32 count; };

static bool collect_device(void *context, struct block_device *device)
{
	struct names *list = context;

	if (list->count < DEVICES_MAX && device->limits.sector_count && !device->limits.volatile_medium)
		string_copy(list->names[list->count++], device->name, BLOCK_NAME_MAX);
	return true;
}

/* 2: it has \solera\store; 1: it has \solera; 0: neither, or no file system. */
static unsigned judge(const char *device)
{
	struct file_system *file_system;
	struct fat_info info;
	char words[STORE_WORDS_MAX];
	unsigned result = 0;

	if (file_system_get(device, &file_system, words, sizeof(words)))
		return 0;
	if (fat_stat(file_system_volume(file_system), FOLDER, &info) == OK && info.folder)
		result = 2;
	else if (fat_stat(file_system_volume(file_system), "solera", &info) == OK && info.folder)
		result = 1;
	file_system_put(file_system);
	return result;
}

void store_find(void)
{
	struct names *list = kzalloc(sizeof(*list));
	unsigned best = 0;

	if (!list)
		return;
	block_for_each(collect_device, list);
	for (u32 i = 0; i < list->count; i++) {
		unsigned rank = judge(list->names[i]);

		if (rank == 2 && best == 2)
			log_warning("store: %s has a folder \\solera\\store, too; that of %s counts", list->names[i], place);
		if (rank > best) {
			string_copy(place, list->names[i], sizeof(place));
			best = rank;
		}
	}
	kfree(list);
	file_system_set_stick(place);
	if (best)
		log_info("store: what is defined is kept in %s:\\solera\\store", place);
	else
		log_info("store: no disk has a FAT32 file system with a folder \\solera: what is defined lives until power-off");
}

bool store_place(char *text, size_t size)
{
	format(text, size, "%s:\\solera\\store", place);
	return place[0];
}

static int explain(int error, char words[STORE_WORDS_MAX])
{
	const char *what = "it cannot be written";

	switch (error) {
	case OK: return OK;
	case ERR_FULL: what = "its file system is full"; break;
	case ERR_UNSUPPORTED: what = "it can only be read"; break;
	case ERR_NO_MEMORY: what = "there is no memory"; break;
	case ERR_EXISTS: case ERR_INVALID: what = "something that is no folder is in the way of \\solera\\store"; break;
	default: break;
	}
	format(words, STORE_WORDS_MAX, "%s: %s", place, what);
	return error;
}

static int open_place(struct file_system **file_system, char words[STORE_WORDS_MAX])
{
	if (!place[0]) {
		string_copy(words, "no disk of this host has a FAT32 file system with a folder \\solera", STORE_WORDS_MAX);
		return ERR_NOT_FOUND;
	}
	return file_system_get(place, file_system, words, STORE_WORDS_MAX);
}

static int make_folders(struct fat_volume *volume, const char *folder)
{
	char path[64];
	int error = fat_make_folder(volume, FOLDER);

	if (error && error != ERR_EXISTS)
		return error;
	format(path, sizeof(path), FOLDER "/%s", folder);
	error = fat_make_folder(volume, path);
	return error == ERR_EXISTS ? OK : error;
}

int store_write(const char *folder, const char *name, const void *data, u32 size_bytes, char words[STORE_WORDS_MAX])
{
	struct file_system *file_system;
	char path[300];
	int error;

	mutex_lock(&store_lock);
	error = open_place(&file_system, words);
	if (!error) {
		format(path, sizeof(path), FOLDER "/%s/%s", folder, name);
		error = make_folders(file_system_volume(file_system), folder);
		error = error ? error : fat_replace(file_system_volume(file_system), path, data, size_bytes);
		file_system_put(file_system);
		error = explain(error, words);
	}
	mutex_unlock(&store_lock);
	return error;
}

int store_remove(const char *folder, const char *name, char words[STORE_WORDS_MAX])
{
	struct file_system *file_system;
	char path[300];
	int error;

	mutex_lock(&store_lock);
	error = place[0] ? open_place(&file_system, words) : OK;
	if (!error && place[0]) {
		format(path, sizeof(path), FOLDER "/%s/%s", folder, name);
		error = fat_delete(file_system_volume(file_system), path);
		file_system_put(file_system);
		error = explain(error == ERR_NOT_FOUND ? OK : error, words);
	}
	mutex_unlock(&store_lock);
	return error;
}

struct file_list { char *names[FILES_MAX]; u32 count; bool more; };

static bool collect_file(void *context, const struct fat_info *info)
{
	struct file_list *list = context;

	if (info->folder)
		return true;
	list->more = list->count == FILES_MAX;
	if (!list->more)
		list->names[list->count] = kstrdup(info->name);
	if (!list->more && list->names[list->count])
		list->count++;
	return !list->more;
}

static int read_file(const char *folder, const char *name, void **data, u32 *size_bytes)
{
	struct file_system *file_system;
	char path[FAT_NAME_MAX + 64], words[STORE_WORDS_MAX];
	int error = open_place(&file_system, words);

	if (error)
		return error;
	format(path, sizeof(path), FOLDER "/%s/%s", folder, name);
	error = fat_read_whole(file_system_volume(file_system), path, STORE_FILE_MAX, data, size_bytes);
	file_system_put(file_system);
	return error;
}

static void visit_files(const char *folder, struct file_list *list,
			void (*visit)(void *context, const char *name, const char *data, u32 size_bytes), void *context)
{
	for (u32 i = 0; i < list->count; i++) {
		void *data;
		u32 size_bytes;

		if (read_file(folder, list->names[i], &data, &size_bytes)) {
			log_error("store: %s:\\solera\\store\\%s\\%s cannot be read", place, folder, list->names[i]);
		} else {
			visit(context, list->names[i], data, size_bytes);
			kfree(data);
		}
		kfree(list->names[i]);
	}
}

void store_for_each(const char *folder, void (*visit)(void *context, const char *name, const char *data, u32 size_bytes),
		    void *context)
{
	struct file_system *file_system;
	struct file_list *list = place[0] ? kzalloc(sizeof(*list)) : NULL;
	char path[64], words[STORE_WORDS_MAX];

	if (!list)
		return;
	format(path, sizeof(path), FOLDER "/%s", folder);
	if (open_place(&file_system, words) == OK) { /* mounted all the while, so that each file is not a mount */
		(void)!fat_list(file_system_volume(file_system), path, collect_file, list);
		visit_files(folder, list, visit, context);
		file_system_put(file_system);
	}
	if (list->more)
		log_error("store: %s:\\solera\\store\\%s has more than %u files: the others are left out", place, folder, FILES_MAX);
	kfree(list);
}

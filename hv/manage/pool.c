/* SPDX-License-Identifier: MIT */
/*
 * The list of pools, their life, and their place in the store: "pools/UUID.xml", and "UUID.autostart" for those marked. The lock is
 * held while a pool starts (its file system is mounted then), so a start is seen whole; volumes are used without it.
 */
#include "hv/manage/pool.h"
#include "hv/block/file_system.h"
#include "hv/block/partition.h"
#include "hv/block/registry.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/manage/store.h"
#include "hv/random.h"
#include "hv/thread.h"

struct pool {
	struct list_node node;           /* all of it [pools_lock] */
	struct pool_config config;
	bool active, autostart;
	struct file_system *mounted;     /* of an active dir or fs */
	char kept[256];
};

static struct mutex pools_lock = {
	NULL, { SPINLOCK_INIT("pools", LOCK_RANK_WAITQUEUE), LIST_INIT(pools_lock.queue.waiters) }
};
static struct list_node pools = LIST_INIT(pools); /* [pools_lock] */

/* [pools_lock] */
static struct pool *find(const char *name)
{
	struct domain_uuid uuid;
	bool is_uuid = domain_uuid_parse(&uuid, name) == OK;

	LIST_FOR_EACH(node, &pools) {
		struct pool *pool = LIST_ENTRY(node, struct pool, node);

		if (string_equal(pool->config.name, name) || (is_uuid && domain_uuid_equal(&pool->config.uuid, &uuid)))
			return pool;
	}
	return NULL;
}

static int not_found(const char *name, struct manage_error *error)
{
	return manage_fail(error, MANAGE_ERR_NO_STORAGE_POOL, "no storage pool with matching name '%s'", name);
}

struct disk_use { const struct block_device *disk; const char *name; u64 capacity, used; };

static bool measure_disk(void *context, struct block_device *device)
{
	struct disk_use *use = context;

	if (string_equal(device->name, use->name)) {
		use->disk = device;
		use->capacity = device->limits.sector_count * BLOCK_SECTOR_BYTES;
	} else if (device->parent && device->parent == use->disk && partition_of(device)) {
		use->used += device->limits.sector_count * BLOCK_SECTOR_BYTES;
	}
	return true;
}

/* [pools_lock] */
static void fill(const struct pool *pool, struct pool_info *info)
{
	struct disk_use use = { .name = pool->config.device };
	struct fat_space space;

	*info = (struct pool_info){ .config = pool->config, .active = pool->active, .autostart = pool->autostart };
	string_copy(info->kept, pool->kept, sizeof(info->kept));
	if (pool->mounted) {
		fat_get_space(file_system_volume(pool->mounted), &space);
		info->capacity_bytes = space.total_bytes;
		info->available_bytes = space.free_bytes;
	} else if (pool->active) {
		block_for_each(measure_disk, &use);
		info->capacity_bytes = use.capacity;
		info->available_bytes = use.capacity - MIN(use.used, use.capacity);
	}
	info->allocation_bytes = info->capacity_bytes - info->available_bytes;
}

int pool_find(const char *name, struct pool_info *info, struct manage_error *error)
{
	struct pool *pool;

	mutex_lock(&pools_lock);
	pool = find(name);
	if (pool)
		fill(pool, info);
	mutex_unlock(&pools_lock);
	return pool ? OK : not_found(name, error);
}

int pools_all(struct pool_info **infos, size_t *count, struct manage_error *error)
{
	size_t total = 0;

	*count = 0;
	mutex_lock(&pools_lock);
	LIST_FOR_EACH(node, &pools)
		total++;
	*infos = kzalloc((total ? total : 1) * sizeof(**infos));
	if (*infos)
		LIST_FOR_EACH(node, &pools)
			fill(LIST_ENTRY(node, struct pool, node), &(*infos)[(*count)++]);
	mutex_unlock(&pools_lock);
	return *infos ? OK : manage_fail_no_memory(error);
}

/* [pools_lock] */
static void file_name(const struct pool *pool, const char *ending, char name[DOMAIN_UUID_TEXT_SIZE + 16])
{
	domain_uuid_format(name, &pool->config.uuid);
	format(name + strlen(name), 16, "%s", ending);
}

/* [pools_lock] The definition, and the mark when there is one. */
static void keep(struct pool *pool)
{
	char name[DOMAIN_UUID_TEXT_SIZE + 16], words[STORE_WORDS_MAX], *xml = pool_dump_xml(&(struct pool_info){ .config = pool->config });
	int error = ERR_NO_MEMORY;

	string_copy(words, "there is no memory", sizeof(words));
	file_name(pool, ".xml", name);
	if (xml)
		error = store_write("pools", name, xml, (u32)strlen(xml), words);
	file_name(pool, ".autostart", name);
	if (!error)
		error = pool->autostart ? store_write("pools", name, "", 0, words) : store_remove("pools", name, words);
	kfree(xml);
	if (error) {
		format(pool->kept, sizeof(pool->kept), "It lives until power-off: %s.", words);
	} else {
		(void)store_place(words, sizeof(words));
		format(pool->kept, sizeof(pool->kept), "It is kept in %s.", words);
	}
}

static void make_uuid(struct domain_uuid *uuid)
{
	random_bytes(uuid->bytes, sizeof(uuid->bytes));
	uuid->bytes[6] = (u8)((uuid->bytes[6] & 0x0f) | 0x40); /* RFC 4122: version 4, variant 10 */
	uuid->bytes[8] = (u8)((uuid->bytes[8] & 0x3f) | 0x80);
}

static int exists(const struct pool *other, bool same_uuid, struct manage_error *error)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];

	domain_uuid_format(uuid, &other->config.uuid);
	return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, same_uuid ? "pool '%s' is already defined with uuid %s"
			   : "pool '%s' already exists with uuid %s", other->config.name, uuid);
}

/* [pools_lock] The pool that has the same place. */
static struct pool *neighbour(const struct pool_config *config)
{
	LIST_FOR_EACH(node, &pools) {
		struct pool *pool = LIST_ENTRY(node, struct pool, node);

		if (pool->config.type == config->type && string_equal(pool->config.target, config->target) &&
		    string_equal(pool->config.device, config->device))
			return pool;
	}
	return NULL;
}

/* [pools_lock] New in the list, or what was inactive of that name and UUID with a new description. */
static int put(const struct pool_config *config, struct pool **out, struct manage_error *error)
{
	struct pool *pool = find(config->name), *other = NULL;
	char uuid[DOMAIN_UUID_TEXT_SIZE];

	if (config->has_uuid) {
		domain_uuid_format(uuid, &config->uuid);
		other = find(uuid);
	}
	if (pool && other != pool)
		return exists(pool, false, error);
	if (other && !pool)
		return exists(other, true, error);
	if (pool && pool->active && (pool->config.type != config->type || !string_equal(pool->config.target, config->target) ||
				     !string_equal(pool->config.device, config->device)))
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "storage pool '%s' is active", config->name);
	other = neighbour(config);
	if (other && other != pool)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "Storage source conflict with pool: '%s'", other->config.name);
	if (!pool) {
		pool = kzalloc(sizeof(*pool));
		if (!pool)
			return manage_fail_no_memory(error);
		list_push_back(&pools, &pool->node);
	}
	pool->config = *config;
	if (!config->has_uuid)
		make_uuid(&pool->config.uuid);
	pool->config.has_uuid = true;
	*out = pool;
	return OK;
}

int pool_define(const struct pool_config *config, struct pool_info *info, struct manage_error *error)
{
	struct pool *pool;
	int code;

	mutex_lock(&pools_lock);
	code = put(config, &pool, error);
	if (!code) {
		keep(pool);
		fill(pool, info);
	}
	mutex_unlock(&pools_lock);
	return code;
}

int pool_define_xml(const char *file, const char *xml, size_t size, struct pool_info *info, struct manage_error *error)
{
	struct pool_config config;
	int code = pool_xml_parse(&config, file, xml, size, error);

	return code ? code : pool_define(&config, info, error);
}

static int is_active(const struct pool *pool, struct manage_error *error)
{
	return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "storage pool '%s' is %sactive", pool->config.name,
			   pool->active ? "" : "not ");
}

int pool_undefine(const char *name, char kept[256], struct manage_error *error)
{
	char file[DOMAIN_UUID_TEXT_SIZE + 16], words[STORE_WORDS_MAX];
	struct pool *pool;
	int code = OK;

	kept[0] = 0;
	mutex_lock(&pools_lock);
	pool = find(name);
	if (!pool || pool->active) {
		code = pool ? is_active(pool, error) : not_found(name, error);
	} else {
		file_name(pool, ".xml", file); /* first: without it the mark means nothing */
		if (store_remove("pools", file, words))
			format(kept, 256, "It will be there again at the next boot: %s.", words);
		file_name(pool, ".autostart", file);
		(void)!store_remove("pools", file, words);
		list_remove(&pool->node);
		kfree(pool);
	}
	mutex_unlock(&pools_lock);
	return code;
}

/* [pools_lock] */
static int start_mounted(struct pool *pool, struct manage_error *error)
{
	char words[200] = "no memory", device[BLOCK_NAME_MAX];
	const char *inside = file_path_split(pool->config.target, device);
	struct fat_info folder;
	int code = file_system_get(pool->config.device, &pool->mounted, words, sizeof(words));

	if (code)
		return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "%s", words);
	code = fat_stat(file_system_volume(pool->mounted), inside, &folder);
	if (code == OK && folder.folder)
		return OK;
	file_system_put(pool->mounted);
	pool->mounted = NULL;
	return manage_fail(error, MANAGE_ERR_SYSTEM_ERROR, code ? "cannot open directory '%s': No such file or directory"
			   : "cannot open directory '%s': Not a directory", pool->config.target);
}

static int start_disk(const struct pool *pool, struct manage_error *error)
{
	struct disk_use use = { .name = pool->config.device };

	block_for_each(measure_disk, &use);
	if (!use.disk)
		return manage_fail(error, MANAGE_ERR_SYSTEM_ERROR, "device path '/dev/%s' doesn't exist", pool->config.device);
	return OK;
}

/* [pools_lock] */
static int start(struct pool *pool, struct manage_error *error)
{
	int code;

	if (pool->active)
		return is_active(pool, error);
	code = pool->config.type == POOL_DISK ? start_disk(pool, error) : start_mounted(pool, error);
	pool->active = code == OK;
	return code;
}

int pool_start(const char *name, struct manage_error *error)
{
	struct pool *pool;
	int code;

	mutex_lock(&pools_lock);
	pool = find(name);
	code = pool ? start(pool, error) : not_found(name, error);
	mutex_unlock(&pools_lock);
	return code;
}

int pool_stop(const char *name, struct manage_error *error)
{
	struct pool *pool;
	int code = OK;

	mutex_lock(&pools_lock);
	pool = find(name);
	if (!pool || !pool->active) {
		code = pool ? is_active(pool, error) : not_found(name, error);
	} else {
		if (pool->mounted)
			file_system_put(pool->mounted); /* its files that machines have open keep it mounted */
		pool->mounted = NULL;
		pool->active = false;
	}
	mutex_unlock(&pools_lock);
	return code;
}

int pool_set_autostart(const char *name, bool autostart, struct pool_info *info, struct manage_error *error)
{
	struct pool *pool;

	mutex_lock(&pools_lock);
	pool = find(name);
	if (pool) {
		pool->autostart = autostart;
		keep(pool);
		fill(pool, info);
	}
	mutex_unlock(&pools_lock);
	return pool ? OK : not_found(name, error);
}

static bool ends_with(const char *name, const char *ending)
{
	size_t length = strlen(name);

	return length > strlen(ending) && string_equal(name + length - strlen(ending), ending);
}

static void load(void *context, const char *name, const char *data, u32 size_bytes)
{
	struct pool_config config;
	struct manage_error error;
	struct pool *pool;
	int code;

	(void)context;
	if (!ends_with(name, ".xml"))
		return;
	code = pool_xml_parse(&config, name, data, size_bytes, &error);
	mutex_lock(&pools_lock);
	code = code ? code : put(&config, &pool, &error);
	if (!code)
		string_copy(pool->kept, "It is kept in the store.", sizeof(pool->kept));
	mutex_unlock(&pools_lock);
	if (code)
		log_error("store: pools: %s", error.text);
}

static void mark(void *context, const char *name, const char *data, u32 size_bytes)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct manage_error error;
	struct pool *pool;

	(void)context, (void)data, (void)size_bytes;
	if (!ends_with(name, ".autostart"))
		return;
	string_copy(uuid, name, sizeof(uuid));
	mutex_lock(&pools_lock);
	pool = find(uuid);
	if (pool) {
		pool->autostart = true;
		if (start(pool, &error))
			log_error("pool '%s' was to start by itself: %s", pool->config.name, error.text);
	}
	mutex_unlock(&pools_lock);
}

void pools_load_store(void)
{
	store_for_each("pools", load, NULL);
	store_for_each("pools", mark, NULL);
}

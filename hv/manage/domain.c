/* SPDX-License-Identifier: MIT */
/* Domains as objects: the list, references, lookups, and copies of what they are. Their life is domain_life.c. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/console.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_xml.h"

struct mutex domains_lock;
struct list_node domains = LIST_INIT(domains);

void domains_init(void)
{
	mutex_init(&domains_lock, "domains");
	domain_events_init();
	domain_life_init();
	domain_policy_init();
}

const char *domain_state_name(enum domain_state state)
{
	switch (state) {
	case DOMAIN_RUNNING: return "running";
	case DOMAIN_PAUSED: return "paused";
	case DOMAIN_SHUTDOWN: return "in shutdown";
	case DOMAIN_SHUTOFF: return "shut off";
	case DOMAIN_CRASHED: return "crashed";
	}
	return "no state";
}

const char *domain_reason_name(enum domain_state state, unsigned reason)
{
	static const struct { enum domain_state state; unsigned reason; const char *name; } names[] = {
		{ DOMAIN_RUNNING, DOMAIN_RUNNING_BOOTED, "booted" },
		{ DOMAIN_RUNNING, DOMAIN_RUNNING_UNPAUSED, "unpaused" },
		{ DOMAIN_RUNNING, DOMAIN_RUNNING_CRASHED, "crashed" },
		{ DOMAIN_PAUSED, DOMAIN_PAUSED_USER, "user" },
		{ DOMAIN_PAUSED, DOMAIN_PAUSED_IOERROR, "I/O error" },
		{ DOMAIN_PAUSED, DOMAIN_PAUSED_STARTING_UP, "starting up" },
		{ DOMAIN_SHUTDOWN, DOMAIN_SHUTDOWN_USER, "user" },
		{ DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_SHUTDOWN, "shutdown" },
		{ DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_DESTROYED, "destroyed" },
		{ DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_FAILED, "failed" },
		{ DOMAIN_CRASHED, DOMAIN_CRASHED_PANICKED, "panicked" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].state == state && names[i].reason == reason)
			return names[i].name;
	}
	return "unknown";
}

void domain_ref(struct domain *domain)
{
	domain->references++;
}

static void free_domain(struct domain *domain)
{
	for (size_t i = 0; i < DOMAIN_CONSOLES; i++)
		domain_console_free(domain->consoles[i]);
	domain_config_release(&domain->config);
	domain_config_release(&domain->running);
	kfree(domain->last_registers);
	kfree(domain);
}

void domain_put(struct domain *domain)
{
	bool last;

	if (!domain)
		return;
	mutex_lock(&domains_lock);
	last = --domain->references == 0;
	mutex_unlock(&domains_lock);
	if (last)
		free_domain(domain);
}

void domain_drop_if_gone(struct domain *domain)
{
	bool drop;

	mutex_lock(&domains_lock);
	drop = !domain->vm && !domain->persistent && !list_empty(&domain->node);
	if (drop)
		list_remove(&domain->node);
	mutex_unlock(&domains_lock);
	if (drop)
		domain_put(domain); /* the list's; the caller has one of its own */
}

void domain_set_state(struct domain *domain, enum domain_state state, unsigned reason)
{
	mutex_lock(&domains_lock);
	domain->state = state;
	domain->reason = reason;
	mutex_unlock(&domains_lock);
}

int domain_not_running(struct domain *domain, struct manage_error *error)
{
	return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "domain '%s' not running", domain->config.name);
}

typedef bool (*matcher)(const struct domain *domain, const void *key);

static bool has_id(const struct domain *domain, const void *key)
{
	return domain->id == *(const u32 *)key;
}

static bool has_name(const struct domain *domain, const void *key)
{
	return string_equal(domain->config.name, key);
}

static bool has_uuid(const struct domain *domain, const void *key)
{
	return domain_uuid_equal(&domain->config.uuid, key);
}

static struct domain *find(matcher matches, const void *key)
{
	struct domain *found = NULL;

	mutex_lock(&domains_lock);
	LIST_FOR_EACH(node, &domains) {
		struct domain *domain = LIST_ENTRY(node, struct domain, node);

		if (matches(domain, key)) {
			found = domain;
			domain_ref(found);
			break;
		}
	}
	mutex_unlock(&domains_lock);
	return found;
}

struct domain *domain_lookup_by_id(u32 id)
{
	return id ? find(has_id, &id) : NULL;
}

struct domain *domain_lookup_by_name(const char *name)
{
	return find(has_name, name);
}

struct domain *domain_lookup_by_uuid(const struct domain_uuid *uuid)
{
	return find(has_uuid, uuid);
}

struct domain *domain_lookup(const char *key, struct manage_error *error)
{
	struct domain *domain = NULL;
	struct domain_uuid uuid;
	u64 id;

	if (!string_to_u64(key, &id) && id <= ~(u32)0)
		domain = domain_lookup_by_id((u32)id);
	if (!domain && strlen(key) == DOMAIN_UUID_TEXT_SIZE - 1 && !domain_uuid_parse(&uuid, key))
		domain = domain_lookup_by_uuid(&uuid);
	if (!domain)
		domain = domain_lookup_by_name(key);
	if (!domain)
		manage_fail_at(error, MANAGE_ERR_NO_DOMAIN, "failed to get domain '%s'", key);
	return domain;
}

int domains_all(struct domain ***out, size_t *count, struct manage_error *error)
{
	struct domain **array;
	size_t n = 0;

	mutex_lock(&domains_lock);
	LIST_FOR_EACH(node, &domains)
		n++;
	array = kmalloc((n + 1) * sizeof(*array));
	n = 0;
	if (array) {
		LIST_FOR_EACH(node, &domains) {
			array[n] = LIST_ENTRY(node, struct domain, node);
			domain_ref(array[n++]);
		}
	}
	mutex_unlock(&domains_lock);
	*out = array;
	*count = n;
	return array ? OK : manage_fail_no_memory(error);
}

void domains_free(struct domain **array, size_t count)
{
	for (size_t i = 0; i < count; i++)
		domain_put(array[i]);
	kfree(array);
}

/* [domains_lock] What the running machine has beside its balloon: the guest's word, so cut to what can be. */
static u64 domain_balloon_kib(const struct domain *domain)
{
	const struct balloon_state *state = domain_balloon_state(domain);
	u64 inside_kib = state ? (u64)READ_ONCE(state->actual_pages) * (PAGE_SIZE / 1024) : 0;

	return domain->running.memory_kib - MIN(inside_kib, domain->running.memory_kib);
}

void domain_get_info(struct domain *domain, struct domain_info *info)
{
	const struct domain_config *config;

	mutex_lock(&domains_lock);
	config = domain->id ? &domain->running : &domain->config;
	string_copy(info->name, domain->config.name, sizeof(info->name));
	info->uuid = domain->config.uuid;
	info->id = domain->id;
	info->state = domain->state;
	info->reason = domain->reason;
	string_copy(info->why, domain->why, sizeof(info->why));
	info->persistent = domain->persistent;
	string_copy(info->kept, domain->kept, sizeof(info->kept));
	info->autostart = domain->config.autostart;
	info->vcpus = config->vcpus;
	info->memory_kib = config->memory_kib;
	info->current_memory_kib = domain->id ? domain_balloon_kib(domain) : config->current_memory_kib;
	info->cpu_time_ns = domain->vm ? vm_cpu_time_ns(domain->vm) : domain->cpu_time_ns;
	mutex_unlock(&domains_lock);
}

int domain_get_config(struct domain *domain, bool inactive, struct domain_config *config, struct manage_error *error)
{
	int code;

	mutex_lock(&domains_lock);
	code = domain_config_copy(config, domain->id && !inactive ? &domain->running : &domain->config);
	if (!code)
		config->autostart = domain->config.autostart;
	mutex_unlock(&domains_lock);
	return code ? manage_fail_no_memory(error) : OK;
}

char *domain_dump_xml(struct domain *domain, bool inactive, struct manage_error *error)
{
	struct domain_xml_options options = { .inactive = inactive };
	struct domain_config *config = kzalloc(sizeof(*config));
	struct domain_info info;
	char *xml = NULL;

	domain_get_info(domain, &info);
	options.id = info.id;
	if (!config) {
		manage_fail_no_memory(error);
	} else if (!domain_get_config(domain, inactive, config, error)) {
		xml = domain_xml_format(config, &options);
		domain_config_release(config);
		if (!xml)
			manage_fail_no_memory(error);
	}
	kfree(config);
	return xml;
}

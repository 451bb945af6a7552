/* SPDX-License-Identifier: MIT */
/* Domains come and go: define, undefine, create, and the files that came with the boot. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/manage/console.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_xml.h"
#include "hv/modules.h"
#include "hv/random.h"

/* RFC 4122, "Algorithms for Creating a UUID from Truly Random or Pseudo-Random Numbers" (4.4): version 4, variant 10. */
static void make_uuid(struct domain_uuid *uuid)
{
	random_bytes(uuid->bytes, sizeof(uuid->bytes));
	uuid->bytes[6] = (u8)((uuid->bytes[6] & 0x0f) | 0x40);
	uuid->bytes[8] = (u8)((uuid->bytes[8] & 0x3f) | 0x80);
}

static struct domain *new_domain(void)
{
	struct domain *domain = kzalloc(sizeof(*domain));

	if (!domain)
		return NULL;
	list_init(&domain->node);
	mutex_init(&domain->operation, "domain");
	domain_config_init(&domain->config);
	domain_config_init(&domain->running);
	domain->references = 1;
	domain->state = DOMAIN_SHUTOFF;
	for (size_t i = 0; i < DOMAIN_CONSOLES; i++) {
		domain->consoles[i] = domain_console_create();
		if (!domain->consoles[i]) {
			domain_put(domain);
			return NULL;
		}
	}
	return domain;
}

static int conflict(const struct domain *other, bool same_uuid, struct manage_error *error)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];

	domain_uuid_format(uuid, &other->config.uuid);
	return manage_fail(error, MANAGE_ERR_OPERATION_FAILED,
			   same_uuid ? "domain '%s' is already defined with uuid %s" : "domain '%s' already exists with uuid %s",
			   other->config.name, uuid);
}

/*
 * [l] Who has the name or the UUID: the domain itself, when both are the same one's; NULL: nobody. Somebody who has only
 * one of the two is a conflict.
 */
static int find_same(const struct domain_config *config, struct domain **same, struct manage_error *error)
{
	*same = NULL;
	LIST_FOR_EACH(node, &domains) {
		struct domain *other = LIST_ENTRY(node, struct domain, node);
		bool same_name = string_equal(other->config.name, config->name);
		bool same_uuid = domain_uuid_equal(&other->config.uuid, &config->uuid);

		if (same_name != same_uuid)
			return conflict(other, same_uuid, error);
		if (same_name)
			*same = other;
	}
	return OK;
}

static int parse(struct domain_config *config, const char *file, const char *xml, size_t size,
		 struct manage_error *error)
{
	int code = domain_xml_parse(config, file, xml, size, error);

	if (!code && !config->has_uuid) {
		make_uuid(&config->uuid);
		config->has_uuid = true;
	}
	return code;
}

/*
 * The domain of that name and UUID, from the list or new in the list: a reference. *config is taken over when it is new
 * (and then empty). *added tells which.
 */
static int find_or_add(struct domain_config *config, bool persistent, struct domain **out, bool *added,
		       struct manage_error *error)
{
	struct domain *fresh = new_domain(), *same;
	int code;

	if (!fresh)
		return manage_fail_no_memory(error);
	mutex_lock(&domains_lock);
	code = find_same(config, &same, error);
	*added = !code && !same;
	if (*added) {
		fresh->config = *config;
		fresh->persistent = persistent;
		domain_config_init(config);
		list_push_back(&domains, &fresh->node);
		domain_ref(fresh);
		same = fresh;
	} else if (!code) {
		domain_ref(same);
	}
	mutex_unlock(&domains_lock);
	if (!*added)
		domain_put(fresh);
	*out = code ? NULL : same;
	return code;
}

/* In place: a configuration is a fifth of a stack. */
static void swap_configs(struct domain_config *a, struct domain_config *b)
{
	u8 *x = (u8 *)a, *y = (u8 *)b;

	for (size_t i = 0; i < sizeof(*a); i++) {
		u8 byte = x[i];

		x[i] = y[i];
		y[i] = byte;
	}
}

static void replace_config(struct domain *domain, struct domain_config *config)
{
	mutex_lock(&domain->operation);
	mutex_lock(&domains_lock);
	swap_configs(&domain->config, config);
	domain->persistent = true;
	mutex_unlock(&domains_lock);
	mutex_unlock(&domain->operation);
}

int domain_define_unkept(const char *file, const char *xml, size_t size, struct domain **out, struct manage_error *error)
{
	struct domain_config *config = kzalloc(sizeof(*config));
	struct domain *domain;
	bool added;
	int code = config ? parse(config, file, xml, size, error) : manage_fail_no_memory(error);

	if (code) {
		kfree(config);
		return code;
	}
	code = find_or_add(config, true, &domain, &added, error);
	if (!code && !added)
		replace_config(domain, config);
	domain_config_release(config); /* what it was, or what was not taken */
	kfree(config);
	if (code)
		return code;
	domain_emit(domain, DOMAIN_EVENT_DEFINED, added ? "Added" : "Updated");
	if (out)
		*out = domain;
	else
		domain_put(domain);
	return OK;
}

/* The text is a boot file itself, not something that was made of it and has its name. */
static bool is_boot_file(const char *name, const char *xml)
{
	const void *data;
	size_t size;

	return domain_boot_file(name, &data, &size) && data == xml;
}

int domain_define(const char *file, const char *xml, size_t size, struct domain **out, struct manage_error *error)
{
	struct domain *domain;
	int code = domain_define_unkept(file, xml, size, &domain, error);

	if (code)
		return code;
	mutex_lock(&domain->operation);
	if (!domain_keep(domain) && is_boot_file(file, xml)) {
		domain->from_boot = true;
		domain_set_kept(domain, "%s", ""); /* it is there at each boot as it is */
	}
	mutex_unlock(&domain->operation);
	if (out)
		*out = domain;
	else
		domain_put(domain);
	return OK;
}

int domain_undefine(struct domain *domain, struct manage_error *error)
{
	bool was;

	mutex_lock(&domain->operation);
	mutex_lock(&domains_lock);
	was = domain->persistent;
	domain->persistent = false;
	mutex_unlock(&domains_lock);
	if (was) {
		domain_forget(domain);
		domain_emit(domain, DOMAIN_EVENT_UNDEFINED, "Removed");
	}
	domain_drop_if_gone(domain);
	mutex_unlock(&domain->operation);
	return was ? OK : manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "cannot undefine transient domain");
}

int domain_set_autostart(struct domain *domain, bool autostart, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domain->operation);
	mutex_lock(&domains_lock);
	if (domain->persistent)
		domain->config.autostart = autostart;
	else
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "cannot set autostart for transient domain");
	mutex_unlock(&domains_lock);
	if (!code)
		domain_keep(domain);
	mutex_unlock(&domain->operation);
	return code;
}

/* NULL leaves the field, "" empties it. False: no memory. */
static bool set_text(char **field, const char *text)
{
	char *copy = text && *text ? kstrdup(text) : NULL;

	if (!text)
		return true;
	if (*text && !copy)
		return false;
	kfree(*field);
	*field = copy;
	return true;
}

int domain_set_title(struct domain *domain, const char *title, const char *description, struct manage_error *error)
{
	bool done;

	mutex_lock(&domain->operation);
	mutex_lock(&domains_lock);
	done = set_text(&domain->config.title, title) && set_text(&domain->config.description, description);
	if (done && domain->id)
		done = set_text(&domain->running.title, title) && set_text(&domain->running.description, description);
	mutex_unlock(&domains_lock);
	if (done && domain->persistent)
		domain_keep(domain);
	mutex_unlock(&domain->operation);
	return done ? OK : manage_fail_no_memory(error);
}

/* Starts what was parsed. config is still the caller's to release. */
static int create_parsed(struct domain_config *config, unsigned flags, struct domain **out, struct manage_error *error)
{
	struct domain *domain;
	bool added;
	int code = find_or_add(config, false, &domain, &added, error);

	if (code)
		return code;
	mutex_lock(&domain->operation);
	if (domain->vm)
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain '%s' is already active", domain->config.name);
	else
		code = domain_boot(domain, added ? &domain->config : config, flags & DOMAIN_START_PAUSED, error);
	domain_drop_if_gone(domain);
	mutex_unlock(&domain->operation);
	if (code || !out)
		domain_put(domain);
	else
		*out = domain;
	return code;
}

int domain_create(const char *file, const char *xml, size_t size, unsigned flags, struct domain **out,
		  struct manage_error *error)
{
	struct domain_config *config = kzalloc(sizeof(*config));
	int code = config ? parse(config, file, xml, size, error) : manage_fail_no_memory(error);

	if (!code) {
		code = create_parsed(config, flags, out, error);
		domain_config_release(config);
	}
	kfree(config);
	return code;
}

bool domain_boot_file(const char *name, const void **data, size_t *size)
{
	const struct module *module;

	if (string_starts_with(name, "\\solera\\"))
		name += strlen("\\solera\\");
	module = module_find(domain_file_name(name));
	if (module) {
		*data = module->data;
		*size = module->size_bytes;
	}
	return module;
}

static bool is_xml(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && string_equal_ignore_case(name + length - 4, ".xml");
}

/* Of the name that the file describes; NULL: there is none, or the file describes nothing. */
static struct domain *stored_namesake(const struct module *module)
{
	struct domain_config *config = kzalloc(sizeof(*config));
	struct manage_error error;
	struct domain *domain = NULL;

	if (config && parse(config, module->name, module->data, module->size_bytes, &error) == OK) {
		domain = domain_lookup_by_name(config->name);
		domain_config_release(config);
	}
	kfree(config);
	return domain;
}

static void define_module(const struct module *module)
{
	struct manage_error error;
	struct domain *domain = stored_namesake(module);

	if (domain && !domain->from_boot) {
		log_info("%s: domain '%s' is in the store; that description counts", module->name, domain->config.name);
		domain->from_boot = true;
		domain_put(domain);
		return;
	}
	if (domain)
		domain_put(domain);
	if (domain_define_unkept(module->name, module->data, module->size_bytes, &domain, &error)) {
		log_error("%s%s%s", string_starts_with(error.text, module->name) ? "" : module->name,
			  string_starts_with(error.text, module->name) ? "" : ": ", error.text);
		return;
	}
	domain->from_boot = true;
	log_info("domain '%s' defined from %s", domain->config.name, module->name);
	domain_put(domain);
}

static void start_marked(struct domain *domain)
{
	struct manage_error error;
	struct domain_info info;

	domain_get_info(domain, &info);
	if (!info.autostart)
		return;
	if (domain_start(domain, 0, &error))
		log_error("domain '%s' was to start by itself: %s", info.name, error.text);
	else
		log_notice("domain '%s' started by itself; `console %s` shows it", info.name, info.name);
}

void domains_load_modules(void)
{
	struct domain **all;
	struct manage_error error;
	const struct module *module;
	size_t count;

	domains_load_store();
	for (size_t i = 0; (module = module_at(i)); i++) {
		if (is_xml(module->name))
			define_module(module);
	}
	if (domains_all(&all, &count, &error)) {
		log_error("no domain was started: %s", error.text);
		return;
	}
	for (size_t i = 0; i < count; i++)
		start_marked(all[i]);
	domains_free(all, count);
}

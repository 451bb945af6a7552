/* SPDX-License-Identifier: MIT */
/*
 * Domains in the store: each is a file "UUID.xml" in \solera\store\domains, its description as `dumpxml --inactive` shows it (the
 * autostart mark is in it). Written after each change; read at boot, before the boot medium's own files.
 */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_xml.h"
#include "hv/manage/store.h"

static void file_name(struct domain *domain, char name[DOMAIN_UUID_TEXT_SIZE + 4])
{
	mutex_lock(&domains_lock);
	domain_uuid_format(name, &domain->config.uuid);
	mutex_unlock(&domains_lock);
	format(name + strlen(name), 5, ".xml");
}

void domain_set_kept(struct domain *domain, const char *fmt, const char *what)
{
	mutex_lock(&domains_lock);
	format(domain->kept, sizeof(domain->kept), fmt, what);
	mutex_unlock(&domains_lock);
}

static void say_stored(struct domain *domain)
{
	char where[64];

	(void)store_place(where, sizeof(where));
	domain_set_kept(domain, "It is kept in %s.", where);
}

bool domain_keep(struct domain *domain)
{
	bool stored;
	char name[DOMAIN_UUID_TEXT_SIZE + 4], words[STORE_WORDS_MAX], *xml;

	mutex_lock(&domains_lock);
	xml = domain_xml_format(&domain->config, &(struct domain_xml_options){ .inactive = true });
	mutex_unlock(&domains_lock);
	file_name(domain, name);
	if (!xml)
		string_copy(words, "there is no memory", sizeof(words));
	stored = xml && store_write("domains", name, xml, (u32)strlen(xml), words) == OK;
	if (stored)
		say_stored(domain);
	else
		domain_set_kept(domain, "It lives until power-off: %s.", words);
	kfree(xml);
	return stored;
}

void domain_forget(struct domain *domain)
{
	char name[DOMAIN_UUID_TEXT_SIZE + 4], words[STORE_WORDS_MAX];

	file_name(domain, name);
	if (store_remove("domains", name, words))
		domain_set_kept(domain, "It will be there again at the next boot: %s.", words);
	else if (domain->from_boot)
		domain_set_kept(domain, "%sIt will be there again at the next boot: the boot medium has its file.", "");
	else
		domain_set_kept(domain, "%s", "");
}

static void load(void *context, const char *name, const char *data, u32 size_bytes)
{
	struct manage_error error;
	struct domain *domain;
	char place[64];

	(void)context;
	(void)store_place(place, sizeof(place));
	if (domain_define_unkept(name, data, size_bytes, &domain, &error)) {
		log_error("%s\\domains: %s%s%s", place, string_starts_with(error.text, name) ? "" : name,
			  string_starts_with(error.text, name) ? "" : ": ", error.text);
		return;
	}
	log_info("domain '%s' defined from %s", domain->config.name, place);
	say_stored(domain);
	domain_put(domain);
}

void domains_load_store(void)
{
	store_for_each("domains", load, NULL);
}

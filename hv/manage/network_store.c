/* SPDX-License-Identifier: MIT */
/*
 * Networks in the store: each is a file "UUID.xml" in \solera\store\networks, beside it "UUID.auto" when it starts by itself (its XML
 * has no place for that). "default.gone" says that the network `default` was undefined: it is not made again.
 */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/manage/network.h"
#include "hv/manage/store.h"

#define FOLDER "networks"
#define DEFAULT_GONE "default.gone"
static const char mark[] = "This file says it by being here.\n";

static void file_name(char name[DOMAIN_UUID_TEXT_SIZE + 5], const struct network_info *info, const char *ending)
{
	domain_uuid_format(name, &info->uuid);
	format(name + strlen(name), 6, "%s", ending);
}

static int write_all(const struct network_info *info, char words[STORE_WORDS_MAX])
{
	char name[DOMAIN_UUID_TEXT_SIZE + 5];
	struct manage_error error;
	char *xml;
	int code;

	file_name(name, info, ".xml");
	name[strlen(name) - strlen(".xml")] = '\0';
	xml = network_dump_xml(name, true, &error);
	if (!xml) {
		string_copy(words, "there is no memory", STORE_WORDS_MAX);
		return ERR_NO_MEMORY;
	}
	file_name(name, info, ".xml");
	code = store_write(FOLDER, name, xml, (u32)strlen(xml), words);
	kfree(xml);
	file_name(name, info, ".auto");
	if (!code)
		code = info->autostart ? store_write(FOLDER, name, mark, sizeof(mark) - 1, words) : store_remove(FOLDER, name, words);
	return code;
}

void network_keep(struct network_info *info)
{
	char words[STORE_WORDS_MAX], where[64];

	if (write_all(info, words)) {
		format(info->kept, sizeof(info->kept), "It lives until power-off: %s.", words);
		return;
	}
	(void)store_place(where, sizeof(where));
	format(info->kept, sizeof(info->kept), "It is kept in %s.", where);
}

void network_forget(struct network_info *info)
{
	char name[DOMAIN_UUID_TEXT_SIZE + 5], words[STORE_WORDS_MAX], where[64];
	int code;

	file_name(name, info, ".xml");
	code = store_remove(FOLDER, name, words);
	file_name(name, info, ".auto");
	if (!code)
		code = store_remove(FOLDER, name, words);
	if (!code && string_equal(info->name, "default") && store_place(where, sizeof(where)))
		code = store_write(FOLDER, DEFAULT_GONE, mark, sizeof(mark) - 1, words);
	if (code)
		format(info->kept, sizeof(info->kept), "It will be there again at the next boot: %s.", words);
}

static bool ends_with(const char *name, const char *ending)
{
	size_t length = strlen(name), tail = strlen(ending);

	return length > tail && string_equal(name + length - tail, ending);
}

static void load_description(void *context, const char *name, const char *data, u32 size_bytes)
{
	bool *default_gone = context;
	struct network_info info;
	struct manage_error error;

	if (string_equal_ignore_case(name, DEFAULT_GONE))
		*default_gone = true;
	if (!ends_with(name, ".xml"))
		return;
	if (network_define_unkept(name, data, size_bytes, &info, &error))
		log_error("the store's networks: %s", error.text);
	else
		log_info("network '%s' defined from the store", info.name);
}

static void load_mark(void *context, const char *name, const char *data, u32 size_bytes)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct network_info info;
	struct manage_error error;

	(void)context;
	(void)data;
	(void)size_bytes;
	if (!ends_with(name, ".auto"))
		return;
	string_copy(uuid, name, sizeof(uuid)); /* cut behind the UUID */
	if (network_mark_autostart(uuid, true, &info, &error))
		log_error("the store's networks: %s: %s", name, error.text);
}

bool networks_load_store(void)
{
	bool default_gone = false;

	store_for_each(FOLDER, load_description, &default_gone);
	store_for_each(FOLDER, load_mark, NULL);
	return default_gone;
}

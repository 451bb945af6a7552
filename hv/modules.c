/* SPDX-License-Identifier: MIT */
/* See modules.h. */
#include "hv/modules.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static struct module *modules;
static size_t count;

int module_add(const char *name, const void *data, size_t size_bytes)
{
	struct module *grown;
	char *copy;

	if (module_find(name))
		return ERR_EXISTS;
	grown = krealloc(modules, (count + 1) * sizeof(*modules));
	if (!grown)
		return ERR_NO_MEMORY;
	modules = grown;
	copy = kstrdup(name);
	if (!copy)
		return ERR_NO_MEMORY;
	modules[count++] = (struct module){ copy, data, size_bytes };
	return OK;
}

const struct module *module_find(const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (string_equal_ignore_case(modules[i].name, name))
			return &modules[i];
	}
	return NULL;
}

const struct module *module_at(size_t index)
{
	return index < count ? &modules[index] : NULL;
}

/* SPDX-License-Identifier: MIT */
/* Taking over the hand-over record. Counts and lengths are bounded: a broken front door must not fill our memory. */
#include "hv/boot_record.h"
#include "hv/kmalloc.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/memory.h"
#include "hv/pages.h"

#define MODULES_MAX 4096u
#define CPUS_MAX 4096u
#define TEXT_MAX (64 * 1024u)

struct boot_record boot_record;

static void *copy(u64 address, u64 size)
{
	void *to;

	if (address == 0 || size == 0)
		return NULL;
	to = kmalloc(size);
	if (!to)
		panic("no memory for the boot record");
	return memcpy(to, direct_map(HPA(address)), size);
}

static const char *copy_text(u64 address)
{
	size_t length;
	char *text;

	if (address == 0)
		return "";
	length = strnlen(direct_map(HPA(address)), TEXT_MAX);
	text = kzalloc(length + 1);
	if (!text)
		panic("no memory for the boot record");
	return memcpy(text, direct_map(HPA(address)), length);
}

void boot_record_take(const struct bootinfo *info)
{
	struct boot_record *record = &boot_record;

	record->info = *info;
	record->info.module_count = MIN(info->module_count, MODULES_MAX);
	record->info.cpu_count = MIN(info->cpu_count, CPUS_MAX);
	record->modules = copy(info->modules, record->info.module_count * sizeof(struct boot_module));
	record->cpus = copy(info->cpus, record->info.cpu_count * sizeof(struct boot_cpu));
	if (!record->modules)
		record->info.module_count = 0;
	if (!record->cpus)
		record->info.cpu_count = 0;
	for (u32 i = 0; i < record->info.module_count; i++)
		record->modules[i].name[BOOT_MODULE_NAME_MAX - 1] = 0;
	record->command_line = copy_text(info->command_line);
	record->messages = copy_text(info->boot_messages);
	string_copy(record->firmware, info->firmware, sizeof(record->firmware));
	/* From here on *info is gone. */
	pages_release(HPA(0), PAGES_ADDRESS_LIMIT, BOOT_MEMORY_BOOT);
}

const void *boot_module_find(const char *name, u64 *size_bytes)
{
	for (u32 i = 0; i < boot_record.info.module_count; i++) {
		const struct boot_module *module = &boot_record.modules[i];

		if (string_equal(module->name, name)) {
			*size_bytes = module->size_bytes;
			return direct_map(HPA(module->base));
		}
	}
	return NULL;
}

bool boot_option(const char *name, char *value, size_t size)
{
	return boot_option_in(boot_record.command_line, name, value, size);
}

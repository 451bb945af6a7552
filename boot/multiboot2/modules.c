/* SPDX-License-Identifier: MIT */
/*
 * GRUB's modules, as ours: page aligned, named, the last page's tail zeroed; and the command line.
 *
 * A module that would leave less than a quarter of memory free is given back with a message. One named cmdline.txt is
 * the command line; what stands behind the program's name in grub.cfg is appended to it. Next to read: boot/efi/files.c,
 * which does the same for UEFI.
 */
#include "boot/command_line.h"
#include "boot/multiboot2/multiboot2.h"

static struct boot_module modules[MODULES_MAX];
static char line[2 * COMMAND_LINE_MAX];
static char clean[COMMAND_LINE_MAX];

/* The last part of a path; GRUB puts a text with blanks into double quotes. */
static void name_of(const struct tag_module *module, uint32_t number, char *name)
{
	const char *text = tag_text(&module->tag, sizeof(*module)), *from = text, *s;
	char digits[DECIMAL_MAX];
	struct text out;
	uint32_t i = 0;

	for (s = text; *s; s++) {
		if (*s == '/')
			from = s + 1;
	}
	if (*from == '"')
		from++;
	while (from[i] && from[i] != '"' && i + 1 < BOOT_MODULE_NAME_MAX) {
		name[i] = from[i];
		i++;
	}
	name[i] = 0;
	if (i)
		return;
	text_init(&out, name, BOOT_MODULE_NAME_MAX);
	text_append(&out, "module-");
	text_append(&out, decimal(number, digits));
}

static const struct tag_module *next_module(const struct front *front, const struct tag_module *previous)
{
	return (const void *)tag_find(front->record, previous ? &previous->tag : NULL, TAG_MODULE,
				      sizeof(struct tag_module));
}

/* Whether anything else lies on the module's last page: then its tail may not be zeroed. */
static bool tail_is_shared(const struct front *front, const struct tag_module *module)
{
	uint64_t tail_end = (module->end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	uint64_t record = (uint64_t)(uintptr_t)front->record;
	const struct tag_module *other = NULL;

	if (record < tail_end && record + record_size(front->record) > module->end)
		return true;
	while ((other = next_module(front, other))) {
		if (other != module && other->start < tail_end && other->end > module->end)
			return true;
	}
	return false;
}

static uint64_t memory_of(const struct front *front, bool unused_only)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < front->ranges.count; i++) {
		uint32_t type = front->ranges.at[i].type;

		if (type == BOOT_MEMORY_FREE || (!unused_only && type != BOOT_MEMORY_RESERVED && type != BOOT_MEMORY_MMIO))
			sum += front->ranges.at[i].size_bytes;
	}
	return sum;
}

static void add_module(struct front *front, const struct tag_module *module, const char *name)
{
	uint64_t size = module->end - module->start;
	uint64_t room = (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	struct boot_module *out = &modules[front->info->module_count];
	uint8_t *at = (uint8_t *)(uintptr_t)module->start;

	if (size == 0 || module->start % PAGE_BYTES || tail_is_shared(front, module)) {
		at = take(front, room ? room : PAGE_BYTES, PAGE_BYTES, BOOT_MEMORY_MODULE);
		__builtin_memcpy(at, (const void *)(uintptr_t)module->start, size);
	} else {
		__builtin_memset(at + size, 0, room - size);
		ranges_set(&front->ranges, module->start, room, BOOT_MEMORY_MODULE, 0);
	}
	out->base = (uint64_t)(uintptr_t)at;
	out->size_bytes = size;
	__builtin_memcpy(out->name, name, BOOT_MODULE_NAME_MAX);
	front->info->module_count++;
}

static void clean_command_line(struct front *front, const struct tag_module *file)
{
	const struct tag *tag = tag_find(front->record, NULL, TAG_COMMAND_LINE, sizeof(*tag) + 1);
	uint32_t size = file ? file->end - file->start : 0;
	unsigned int faults = 0;
	struct text both;

	text_init(&both, line, sizeof(line));
	if (file) {
		faults = command_line_clean((const uint8_t *)(uintptr_t)file->start, size, clean);
		text_append(&both, clean);
		text_append(&both, " ");
	}
	if (faults & COMMAND_LINE_UTF16)
		message(front, "cmdline.txt: is UTF-16 text; save it as UTF-8. It was ignored", NULL);
	if (tag)
		text_append(&both, tag_text(tag, sizeof(*tag)));
	faults |= command_line_clean((const uint8_t *)line, both.length, clean);
	if (faults & COMMAND_LINE_NOT_TEXT)
		message(front, "command line: bytes that are no UTF-8 text were dropped", NULL);
	if (faults & COMMAND_LINE_TOO_LONG)
		message(front, "command line: longer than 4095 bytes, cut there", NULL);
	front->info->command_line = (uint64_t)(uintptr_t)clean;
}

void describe_modules(struct front *front)
{
	uint64_t quarter = memory_of(front, false) / 4, unused = memory_of(front, true);
	const struct tag_module *module = NULL, *command_line_file = NULL;
	char name[BOOT_MODULE_NAME_MAX], mib[DECIMAL_MAX];
	uint32_t number = 0;

	/* As if none were loaded yet; then each takes its part, in order. */
	while ((module = next_module(front, module)))
		unused += module->end > module->start ? module->end - module->start : 0;
	while ((module = next_module(front, module))) {
		uint64_t size = module->end - module->start;

		__builtin_memset(name, 0, sizeof(name));
		name_of(module, number++, name);
		if (module->end < module->start) {
			message(front, "skipped ", name, ": GRUB gave a module that ends before it starts", NULL);
		} else if (text_equal_ignore_case(name, "cmdline.txt")) {
			command_line_file = module;
		} else if (name[0] == '.') {
			continue;
		} else if (front->info->module_count == MODULES_MAX) {
			message(front, "skipped ", name, ": more than 1024 files", NULL);
		} else if (unused < size || unused - size < quarter) {
			ranges_convert(&front->ranges, module->start, size, BOOT_MEMORY_BOOT, BOOT_MEMORY_FREE);
			message(front, "skipped ", name, ": ", decimal(size / MIB_BYTES, mib),
				" MiB would leave less than a quarter of memory free", NULL);
		} else {
			unused -= size;
			add_module(front, module, name);
		}
	}
	clean_command_line(front, command_line_file);
	front->info->modules = (uint64_t)(uintptr_t)modules;
}

/* SPDX-License-Identifier: MIT */
/*
 * The host's SMBIOS data as libvirt's <sysinfo type='smbios'>: the same elements and entry names, in the same order;
 * an entry that the firmware left empty is left out. Words for codes are the specification's own
 * (SMBIOS Reference Specification, "Processor Information (Type 4)" (7.5), "Memory Device (Type 17)" (7.18)).
 */
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/nodedev.h"
#include "hv/manage/nodedev_internal.h"
#include "hv/manage/text.h"
#include "hv/smbios.h"

struct word {
	u8 code;
	const char *text;
};

static const struct word form_factors[] = {
	{ 1, "Other" }, { 2, "Unknown" }, { 3, "SIMM" }, { 4, "SIP" }, { 5, "Chip" }, { 6, "DIP" }, { 7, "ZIP" },
	{ 8, "Proprietary Card" }, { 9, "DIMM" }, { 10, "TSOP" }, { 11, "Row Of Chips" }, { 12, "RIMM" }, { 13, "SODIMM" },
	{ 14, "SRIMM" }, { 15, "FB-DIMM" }, { 16, "Die" },
};

static const struct word memory_types[] = {
	{ 1, "Other" }, { 2, "Unknown" }, { 3, "DRAM" }, { 7, "RAM" }, { 0x0f, "SDRAM" }, { 0x12, "DDR" }, { 0x13, "DDR2" },
	{ 0x18, "DDR3" }, { 0x1a, "DDR4" }, { 0x1b, "LPDDR" }, { 0x1c, "LPDDR2" }, { 0x1d, "LPDDR3" }, { 0x1e, "LPDDR4" },
	{ 0x20, "HBM" }, { 0x21, "HBM2" }, { 0x22, "DDR5" }, { 0x23, "LPDDR5" },
};

static const struct word processor_types[] = {
	{ 1, "Other" }, { 2, "Unknown" }, { 3, "Central Processor" }, { 4, "Math Processor" }, { 5, "DSP Processor" },
	{ 6, "Video Processor" },
};

static const char *word_of(const struct word *words, size_t count, u8 code)
{
	for (size_t i = 0; i < count; i++)
		if (words[i].code == code)
			return words[i].text;
	return "";
}
#define WORD_OF(words, code) word_of(words, ARRAY_SIZE(words), code)

static void entry(struct text *text, const char *name, const char *value)
{
	if (!value[0])
		return;
	text_append(text, "    <entry name='%s'>", name);
	text_append_xml(text, value, false);
	text_append(text, "</entry>\n");
}

static void entry_number(struct text *text, const char *name, u64 value, const char *unit)
{
	if (value)
		text_append(text, "    <entry name='%s'>%llu %s</entry>\n", name, (unsigned long long)value, unit);
}

static void bios_xml(struct text *text, const struct smbios_info *info)
{
	if (!info->has_bios)
		return;
	text_append(text, "  <bios>\n");
	entry(text, "vendor", info->bios.vendor);
	entry(text, "version", info->bios.version);
	entry(text, "date", info->bios.date);
	if (info->has_release)
		text_append(text, "    <entry name='release'>%u.%u</entry>\n", info->bios.release_major,
			    info->bios.release_minor);
	text_append(text, "  </bios>\n");
}

static void system_xml(struct text *text, const struct smbios_info *info)
{
	const u8 *u = info->system.uuid;

	if (!info->has_system)
		return;
	text_append(text, "  <system>\n");
	entry(text, "manufacturer", info->system.manufacturer);
	entry(text, "product", info->system.product);
	entry(text, "version", info->system.version);
	entry(text, "serial", info->system.serial);
	if (info->has_uuid)
		text_append(text,
			    "    <entry name='uuid'>%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x"
			    "</entry>\n",
			    u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
			    u[15]);
	entry(text, "sku", info->system.sku);
	entry(text, "family", info->system.family);
	text_append(text, "  </system>\n");
}

static void board_xml(struct text *text, const struct smbios_board *board)
{
	text_append(text, "  <baseBoard>\n");
	entry(text, "manufacturer", board->manufacturer);
	entry(text, "product", board->product);
	entry(text, "version", board->version);
	entry(text, "serial", board->serial);
	entry(text, "asset", board->asset);
	entry(text, "location", board->location);
	text_append(text, "  </baseBoard>\n");
}

static void chassis_xml(struct text *text, const struct smbios_info *info)
{
	if (!info->has_chassis)
		return;
	text_append(text, "  <chassis>\n");
	entry(text, "manufacturer", info->chassis.manufacturer);
	entry(text, "version", info->chassis.version);
	entry(text, "serial", info->chassis.serial);
	entry(text, "asset", info->chassis.asset);
	entry(text, "sku", info->chassis.sku);
	text_append(text, "  </chassis>\n");
}

static const char *processor_status(u8 status)
{
	static const char *const words[8] = { "Unknown", "Enabled", "Disabled By User", "Disabled By BIOS", "Idle", "", "",
					      "Other" };

	return status & 0x40 ? words[status & 7] : NULL;
}

static void processor_xml(struct text *text, const struct smbios_processor *processor)
{
	const char *status = processor_status(processor->status);

	text_append(text, "  <processor>\n");
	entry(text, "socket_destination", processor->socket);
	entry(text, "type", WORD_OF(processor_types, processor->type));
	entry(text, "manufacturer", processor->manufacturer);
	entry(text, "version", processor->version);
	entry_number(text, "external_clock", processor->external_clock_mhz, "MHz");
	entry_number(text, "max_speed", processor->max_speed_mhz, "MHz");
	if (status)
		text_append(text, "    <entry name='status'>Populated, %s</entry>\n", status);
	else
		entry(text, "status", "Unpopulated");
	entry(text, "serial_number", processor->serial);
	entry(text, "part_number", processor->part);
	text_append(text, "  </processor>\n");
}

static void memory_xml(struct text *text, const struct smbios_memory *memory)
{
	if (!memory->size_kib) /* an empty socket */
		return;
	text_append(text, "  <memory_device>\n");
	if (memory->size_kib % MIB == 0)
		entry_number(text, "size", memory->size_kib / MIB, "GB");
	else if (memory->size_kib % 1024 == 0)
		entry_number(text, "size", memory->size_kib / 1024, "MB");
	else
		entry_number(text, "size", memory->size_kib, "kB");
	entry(text, "form_factor", WORD_OF(form_factors, memory->form_factor));
	entry(text, "locator", memory->locator);
	entry(text, "bank_locator", memory->bank_locator);
	entry(text, "type", WORD_OF(memory_types, memory->type));
	entry_number(text, "speed", memory->speed_mts, "MT/s");
	entry(text, "manufacturer", memory->manufacturer);
	entry(text, "serial_number", memory->serial);
	entry(text, "part_number", memory->part);
	text_append(text, "  </memory_device>\n");
}

static void oem_xml(struct text *text, const struct smbios_info *info)
{
	if (!info->oem_count)
		return;
	text_append(text, "  <oemStrings>\n");
	for (u32 i = 0; i < info->oem_count; i++) {
		text_append(text, "    <entry>");
		text_append_xml(text, info->oem[i], false);
		text_append(text, "</entry>\n");
	}
	text_append(text, "  </oemStrings>\n");
}

int nodedev_sysinfo_xml(char **xml, struct manage_error *error)
{
	const struct smbios_info *info = nodedev_host.smbios;
	struct text text;

	if (!info || !info->present)
		return manage_fail(error, MANAGE_ERR_CONFIG_UNSUPPORTED, "Host SMBIOS information is not available");
	text_init(&text);
	text_append(&text, "<sysinfo type='smbios'>\n");
	bios_xml(&text, info);
	system_xml(&text, info);
	for (u32 i = 0; i < info->board_count; i++)
		board_xml(&text, &info->boards[i]);
	chassis_xml(&text, info);
	for (u32 i = 0; i < info->processor_count; i++)
		processor_xml(&text, &info->processors[i]);
	for (u32 i = 0; i < info->memory_count; i++)
		memory_xml(&text, &info->memory[i]);
	oem_xml(&text, info);
	text_append(&text, "</sysinfo>\n");
	*xml = text_take(&text);
	return *xml ? OK : manage_fail_no_memory(error);
}

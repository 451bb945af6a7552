/* SPDX-License-Identifier: MIT */
/* Reads the host's SMBIOS tables; see smbios.h. A structure is its formatted part, then its strings, then a NUL. */
#include "hv/smbios.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define TABLE_MAX_BYTES (1024u * 1024u)
#define STRUCTURES_MAX 4096u

struct table {
	u64 address;
	u32 length;
	u32 structures; /* at most so many */
};

/* One structure: data[0, formatted) are fields, data[formatted, whole) strings. */
struct structure {
	const u8 *data;
	u32 formatted, whole;
};

static u64 field(const struct structure *s, u32 offset, unsigned size_bytes)
{
	u64 value = 0;

	if (offset + size_bytes > s->formatted)
		return 0;
	for (unsigned i = size_bytes; i-- > 0;)
		value = value << 8 | s->data[offset + i];
	return value;
}

/* Copies string number `index` (from 1), as printable ASCII, trimmed. */
static void string_by_index(const struct structure *s, u32 index, smbios_string to)
{
	u32 at = s->formatted;
	size_t length = 0;

	to[0] = '\0';
	if (!index)
		return;
	while (--index && at < s->whole)
		at += (u32)strnlen((const char *)s->data + at, s->whole - at) + 1;
	while (at < s->whole && s->data[at] == ' ')
		at++;
	for (; at < s->whole && s->data[at] && length < SMBIOS_STRING_MAX - 1; at++)
		to[length++] = s->data[at] >= 0x20 && s->data[at] < 0x7f ? (char)s->data[at] : '?';
	while (length && to[length - 1] == ' ')
		length--;
	to[length] = '\0';
}

static void string_field(const struct structure *s, u32 offset, smbios_string to)
{
	string_by_index(s, (u32)field(s, offset, 1), to);
}

static void bios_read(struct smbios_info *info, const struct structure *s)
{
	if (info->has_bios)
		return;
	info->has_bios = true;
	string_field(s, 4, info->bios.vendor);
	string_field(s, 5, info->bios.version);
	string_field(s, 8, info->bios.date);
	if (s->formatted < 0x16)
		return;
	info->bios.release_major = (u8)field(s, 0x14, 1);
	info->bios.release_minor = (u8)field(s, 0x15, 1);
	info->has_release = info->bios.release_major != 0xff && info->bios.release_minor != 0xff;
}

/* From version 2.6 on the first three parts are little-endian; the text form is not ("System — UUID", 7.2.1). */
static void uuid_read(struct smbios_info *info, const struct structure *s)
{
	static const u8 swapped[8] = { 3, 2, 1, 0, 5, 4, 7, 6 };
	bool swap = info->major > 2 || info->minor >= 6;
	u8 all_and = 0xff, all_or = 0;

	if (s->formatted < 24)
		return;
	for (unsigned i = 0; i < 16; i++) {
		u8 byte = s->data[8 + (swap && i < 8 ? swapped[i] : i)];

		info->system.uuid[i] = byte;
		all_and &= byte;
		all_or |= byte;
	}
	info->has_uuid = all_and != 0xff && all_or != 0;
}

static void system_read(struct smbios_info *info, const struct structure *s)
{
	if (info->has_system)
		return;
	info->has_system = true;
	string_field(s, 4, info->system.manufacturer);
	string_field(s, 5, info->system.product);
	string_field(s, 6, info->system.version);
	string_field(s, 7, info->system.serial);
	string_field(s, 0x19, info->system.sku);
	string_field(s, 0x1a, info->system.family);
	uuid_read(info, s);
}

static void board_read(struct smbios_info *info, const struct structure *s)
{
	struct smbios_board *board;

	if (info->board_count == SMBIOS_MAX_BOARDS)
		return;
	board = &info->boards[info->board_count++];
	string_field(s, 4, board->manufacturer);
	string_field(s, 5, board->product);
	string_field(s, 6, board->version);
	string_field(s, 7, board->serial);
	string_field(s, 8, board->asset);
	string_field(s, 10, board->location);
}

static void chassis_read(struct smbios_info *info, const struct structure *s)
{
	if (info->has_chassis)
		return;
	info->has_chassis = true;
	string_field(s, 4, info->chassis.manufacturer);
	string_field(s, 6, info->chassis.version);
	string_field(s, 7, info->chassis.serial);
	string_field(s, 8, info->chassis.asset);
	string_field(s, 0x15 + (u32)field(s, 0x13, 1) * (u32)field(s, 0x14, 1), info->chassis.sku);
}

static void processor_read(struct smbios_info *info, const struct structure *s)
{
	struct smbios_processor *processor;

	if (info->processor_count == SMBIOS_MAX_PROCESSORS)
		return;
	processor = &info->processors[info->processor_count++];
	string_field(s, 4, processor->socket);
	processor->type = (u8)field(s, 5, 1);
	processor->family = (u8)field(s, 6, 1);
	string_field(s, 7, processor->manufacturer);
	string_field(s, 0x10, processor->version);
	processor->external_clock_mhz = (u16)field(s, 0x12, 2);
	processor->max_speed_mhz = (u16)field(s, 0x14, 2);
	processor->status = (u8)field(s, 0x18, 1);
	string_field(s, 0x20, processor->serial);
	string_field(s, 0x22, processor->part);
}

static u64 memory_size_kib(const struct structure *s)
{
	u64 size = field(s, 0x0c, 2);

	if (size == 0xffff)
		return 0;
	if (size == 0x7fff)
		return (field(s, 0x1c, 4) & 0x7fffffff) * 1024;
	return size & 0x8000 ? size & 0x7fff : size * 1024;
}

static void memory_read(struct smbios_info *info, const struct structure *s)
{
	struct smbios_memory *memory;

	if (info->memory_count == SMBIOS_MAX_MEMORY)
		return;
	memory = &info->memory[info->memory_count++];
	memory->size_kib = memory_size_kib(s);
	memory->form_factor = (u8)field(s, 0x0e, 1);
	string_field(s, 0x10, memory->locator);
	string_field(s, 0x11, memory->bank_locator);
	memory->type = (u8)field(s, 0x12, 1);
	memory->speed_mts = (u16)field(s, 0x15, 2);
	string_field(s, 0x17, memory->manufacturer);
	string_field(s, 0x18, memory->serial);
	string_field(s, 0x1a, memory->part);
}

static void oem_read(struct smbios_info *info, const struct structure *s)
{
	u32 count = (u32)field(s, 4, 1);

	for (u32 i = 1; i <= count && info->oem_count < SMBIOS_MAX_OEM; i++)
		string_by_index(s, i, info->oem[info->oem_count++]);
}

static void structure_read(struct smbios_info *info, const struct structure *s)
{
	static void (*const readers[])(struct smbios_info *, const struct structure *) = {
		[0] = bios_read, [1] = system_read, [2] = board_read, [3] = chassis_read, [4] = processor_read,
		[11] = oem_read, [17] = memory_read,
	};

	if (s->data[0] < ARRAY_SIZE(readers) && readers[s->data[0]])
		readers[s->data[0]](info, s);
}

/* The length of a structure with its strings and their two NULs; 0: it does not end inside the table. */
static u32 whole_length(const u8 *data, u32 left, u32 formatted)
{
	for (u32 at = formatted; at + 1 < left; at++)
		if (!data[at] && !data[at + 1])
			return at + 2;
	return 0;
}

static void table_walk(struct smbios_info *info, const u8 *data, const struct table *table)
{
	u32 offset = 0;

	for (u32 i = 0; i < table->structures && table->length - offset >= 4; i++) {
		struct structure s = { data + offset, data[offset + 1], 0 };

		if (s.data[0] == 127) /* end of table */
			return;
		if (s.formatted >= 4 && s.formatted <= table->length - offset)
			s.whole = whole_length(s.data, table->length - offset, s.formatted);
		if (!s.whole) {
			log_warning("SMBIOS: structure %u (type %u, length %u) does not fit the table: the rest is not read", i,
				    s.data[0], s.formatted);
			return;
		}
		structure_read(info, &s);
		offset += s.whole;
	}
}

static bool sum_is_zero(const u8 *data, u32 length)
{
	u8 sum = 0;

	for (u32 i = 0; i < length; i++)
		sum = (u8)(sum + data[i]);
	return sum == 0;
}

/* Both forms of entry point; false when neither is there and whole. */
static bool entry_read(struct smbios_info *info, const struct physical_reader *reader, u64 address, struct table *table)
{
	u8 bytes[32] = { 0 };
	struct structure entry = { bytes, sizeof(bytes), sizeof(bytes) };

	if (!reader->read(reader->context, address, bytes, 24))
		return false;
	if (memcmp(bytes, "_SM3_", 5) == 0 && bytes[6] == 24 && sum_is_zero(bytes, 24)) {
		info->major = bytes[7];
		info->minor = bytes[8];
		*table = (struct table){ field(&entry, 16, 8), (u32)field(&entry, 12, 4), STRUCTURES_MAX };
		return true;
	}
	if (memcmp(bytes, "_SM_", 4) != 0 || !reader->read(reader->context, address, bytes, 31))
		return false;
	/* Version 2.1 wrote the length as 1Eh by mistake. */
	if ((bytes[5] != 0x1f && bytes[5] != 0x1e) || !sum_is_zero(bytes, bytes[5]) || memcmp(bytes + 16, "_DMI_", 5) != 0)
		return false;
	info->major = bytes[6];
	info->minor = bytes[7];
	*table = (struct table){ field(&entry, 0x18, 4), (u32)field(&entry, 0x16, 2), (u32)field(&entry, 0x1c, 2) };
	return true;
}

int smbios_parse(struct smbios_info *info, const struct physical_reader *reader, u64 entry)
{
	struct table table;
	u8 *copy;

	memset(info, 0, sizeof(*info));
	if (!entry)
		return ERR_NOT_FOUND;
	if (!entry_read(info, reader, entry, &table) || !table.address || !table.length || table.length > TABLE_MAX_BYTES) {
		log_warning("SMBIOS: the entry point at %#llx is not whole: not used", (unsigned long long)entry);
		return ERR_NOT_FOUND;
	}
	copy = kmalloc(table.length);
	if (!copy || !reader->read(reader->context, table.address, copy, table.length)) {
		log_warning("SMBIOS: the table at %#llx (%u bytes) cannot be read: not used", (unsigned long long)table.address,
			    table.length);
		kfree(copy);
		return ERR_NOT_FOUND;
	}
	table_walk(info, copy, &table);
	kfree(copy);
	info->present = true;
	return OK;
}

/* SPDX-License-Identifier: MIT */
/*
 * Folders of FAT32, read: slots one after the other, and the entries that they make.
 *
 *   slot of a long name:  0 order (40: the last part, which comes first)  1, 14, 28: 5 + 6 + 2 units  11 attributes 0f  13 checksum
 *   short slot:           0 name  11 attributes  12 case  20, 26 first cluster  22 time  24 date  28 size
 *
 * A long name counts only if its parts are whole, in order and carry the checksum of the short name behind them; else the short
 * name alone stands. Next to read: fat_entry.c, which writes.
 */
#include "hv/block/fat_internal.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static u32 slots_per_sector(const struct fat_volume *volume)
{
	return volume->geometry.sector_bytes / FAT_SLOT_BYTES;
}

static u32 slots_per_cluster(const struct fat_volume *volume)
{
	return slots_per_sector(volume) * volume->geometry.cluster_sectors;
}

int fat_slot_load(struct fat_volume *volume, struct fat_place place, u8 **slot)
{
	u64 sector = fat_cluster_sector(volume, place.cluster) + place.slot / slots_per_sector(volume);
	int error;

	if (sector != volume->sector_number) {
		volume->sector_number = ~(u64)0;
		error = fat_sectors_read(volume, sector, volume->sector, 1);
		if (error)
			return error;
		volume->sector_number = sector;
	}
	*slot = volume->sector + (size_t)(place.slot % slots_per_sector(volume)) * FAT_SLOT_BYTES;
	return OK;
}

int fat_slot_write(struct fat_volume *volume)
{
	u64 sector = volume->sector_number;
	int error = fat_sectors_write(volume, sector, volume->sector, 1);

	if (error)
		volume->sector_number = ~(u64)0;
	return error;
}

struct fat_cursor fat_cursor_start(u32 folder_cluster)
{
	return (struct fat_cursor){ { folder_cluster, 0 }, 0 };
}

int fat_cursor_slot(struct fat_volume *volume, struct fat_cursor *cursor, struct fat_place *place, const u8 **slot)
{
	u8 *found;
	int error;

	if (cursor->at.slot == slots_per_cluster(volume)) {
		u32 next;

		error = fat_chain_next(volume, cursor->at.cluster, &next);
		if (error || !next)
			return error;
		cursor->at = (struct fat_place){ next, 0 };
	}
	if (cursor->slots_seen++ == FAT_FOLDER_SLOTS_MAX)
		return ERR_INVALID;
	error = fat_slot_load(volume, cursor->at, &found);
	if (error)
		return error;
	*place = cursor->at;
	*slot = found;
	cursor->at.slot++;
	return 1;
}

struct long_name { /* gathered from its parts */
	u16 units[20 * 13];
	unsigned parts, left; /* left: parts still to come; 0 with parts: complete */
	u8 checksum;
	struct fat_place first;
};

static void add_part(struct long_name *name, const u8 *slot, struct fat_place place)
{
	static const u8 places[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
	unsigned order = slot[0] & 0x3f;

	if (slot[0] & 0x40) {
		name->parts = name->left = order <= 20 ? order : 0;
		name->checksum = slot[13];
		name->first = place;
	}
	if (!name->left || order != name->left || slot[13] != name->checksum) {
		name->parts = name->left = 0;
		return;
	}
	name->left--;
	for (unsigned i = 0; i < 13; i++)
		name->units[name->left * 13 + i] = (u16)fat_little16(slot + places[i]);
}

static void fill_name(struct fat_entry *entry, const struct long_name *name, const u8 *slot)
{
	unsigned count = 0;

	if (name->parts && !name->left && name->checksum == fat_name_checksum(slot)) {
		while (count < name->parts * 13 && name->units[count])
			count++;
		entry->first = name->first;
		entry->slot_count = name->parts + 1;
		fat_name_from_units(name->units, MIN(count, FAT_NAME_UNITS_MAX), entry->name);
	} else {
		entry->first = entry->place;
		entry->slot_count = 1;
		fat_short_name_read(slot, slot[12], entry->name);
	}
}

static void fill(struct fat_entry *entry, const struct long_name *name, const u8 *slot, struct fat_place place)
{
	entry->place = place;
	memcpy(entry->short_name, slot, 11);
	entry->attributes = slot[11];
	entry->cluster = (fat_little16(slot + 26) | fat_little16(slot + 20) << 16) & FAT_END;
	entry->size_bytes = fat_little32(slot + 28);
	entry->time = (u16)fat_little16(slot + 22);
	entry->date = (u16)fat_little16(slot + 24);
	fill_name(entry, name, slot);
}

static bool is_dots(const u8 *slot)
{
	return memcmp(slot, ".          ", 11) == 0 || memcmp(slot, "..         ", 11) == 0;
}

int fat_cursor_entry(struct fat_volume *volume, struct fat_cursor *cursor, struct fat_entry *entry)
{
	struct long_name name;
	struct fat_place place = { 0, 0 };
	const u8 *slot = NULL;
	int result;

	name.parts = name.left = 0;
	while ((result = fat_cursor_slot(volume, cursor, &place, &slot)) == 1) {
		if (slot[0] == 0)
			return 0;
		if (slot[0] != 0xe5 && (slot[11] & 0x3f) == FAT_LONG_NAME) {
			add_part(&name, slot, place);
			continue;
		}
		if (slot[0] != 0xe5 && !(slot[11] & FAT_LABEL) && !is_dots(slot)) {
			fill(entry, &name, slot, place);
			return 1;
		}
		name.parts = name.left = 0;
	}
	return result;
}

int fat_folder_find(struct fat_volume *volume, u32 folder, const char *name, struct fat_entry *entry)
{
	struct fat_cursor cursor = fat_cursor_start(folder);
	char short_name[13 * 3 + 1];
	int result;

	while ((result = fat_cursor_entry(volume, &cursor, entry)) == 1) {
		if (fat_name_equal(entry->name, name))
			return OK;
		fat_short_name_read(entry->short_name, 0, short_name);
		if (entry->slot_count > 1 && fat_name_equal(short_name, name))
			return OK;
	}
	return result ? result : ERR_NOT_FOUND;
}

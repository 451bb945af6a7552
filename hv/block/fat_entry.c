/* SPDX-License-Identifier: MIT */
/*
 * Entries of folders made, changed and taken away, so that a cut of power never leaves half of one.
 *
 * All slots of an entry that is made here lie in one sector (names of up to 195 units fit), which is written once: before it, the
 * entry is not there, after it, it is. Where the folder's end moves into a new sector, that sector is written before the old end is
 * filled, so readers meet either end. Next to read: fat_resize.c, where entries are switched to new chains.
 */
#include "hv/block/fat_internal.h"
#include "hv/block/registry.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define SHORT_NAME_ATTEMPTS 40u

struct new_entry {
	u16 units[FAT_NAME_UNITS_MAX];
	unsigned unit_count, slot_count;
	u8 short_name[11];
};

struct room { /* where an entry can stand */
	struct fat_place first;
	bool at_end;               /* it reaches the folder's end: what follows must be an end */
	bool fill;                 /* the end stood in an earlier sector: its slots from `end` on must not end the folder */
	struct fat_place end;
};

static u32 slots_per_sector(const struct fat_volume *volume)
{
	return volume->geometry.sector_bytes / FAT_SLOT_BYTES;
}

static u32 slot_in_sector(const struct fat_volume *volume, struct fat_place place)
{
	return place.slot % slots_per_sector(volume);
}

static bool same_sector(const struct fat_volume *volume, struct fat_place a, struct fat_place b)
{
	return a.cluster == b.cluster && a.slot / slots_per_sector(volume) == b.slot / slots_per_sector(volume);
}

static int short_name_is_taken(struct fat_volume *volume, u32 folder, const u8 short_name[11])
{
	struct fat_cursor cursor = fat_cursor_start(folder);
	struct fat_place place = { 0, 0 };
	const u8 *slot = NULL;
	int result;

	while ((result = fat_cursor_slot(volume, &cursor, &place, &slot)) == 1 && slot[0])
		if (slot[0] != 0xe5 && (slot[11] & 0x3f) != FAT_LONG_NAME && memcmp(slot, short_name, 11) == 0)
			return 1;
	return result < 0 ? result : 0;
}

static int prepare_name(struct fat_volume *volume, u32 folder, const char *name, struct new_entry *new)
{
	int taken = fat_name_to_units(name, new->units, FAT_NEW_NAME_UNITS, &new->unit_count);

	if (taken)
		return taken == ERR_RANGE ? ERR_INVALID : taken;
	new->slot_count = 1;
	if (fat_short_name_exact(name, new->short_name)) {
		taken = short_name_is_taken(volume, folder, new->short_name);
		if (taken <= 0)
			return taken;
	}
	new->slot_count = 1 + DIV_ROUND_UP(new->unit_count, 13);
	for (unsigned attempt = 0; attempt < SHORT_NAME_ATTEMPTS; attempt++) {
		fat_short_name_make(name, attempt, new->short_name);
		taken = short_name_is_taken(volume, folder, new->short_name);
		if (taken <= 0)
			return taken;
	}
	return ERR_FULL;
}

/* One more cluster for the folder, empty, behind `last`. */
static int grow_folder(struct fat_volume *volume, u32 last, u32 *cluster)
{
	int error = fat_chain_allocate(volume, 1, cluster);

	if (error)
		return error;
	error = fat_cluster_zero(volume, *cluster);
	error = error ? error : fat_commit(volume);
	if (error)
		return error;
	fat_table_set(volume, last, *cluster);
	return fat_commit(volume);
}

/* A run of count free slots inside of a sector; the folder grows when there is none. */
static int find_room(struct fat_volume *volume, u32 folder, unsigned count, struct room *room)
{
	struct fat_cursor cursor = fat_cursor_start(folder);
	struct fat_place place = { 0, 0 };
	const u8 *slot = NULL;
	unsigned run = 0;
	bool ended = false;
	int result;

	*room = (struct room){ .at_end = false };
	while ((result = fat_cursor_slot(volume, &cursor, &place, &slot)) == 1) {
		if (!ended && slot[0] == 0) {
			ended = true;
			room->end = place;
		}
		if (slot_in_sector(volume, place) == 0)
			run = 0;
		run = ended || slot[0] == 0xe5 ? run + 1 : 0;
		if (run < count)
			continue;
		room->first = (struct fat_place){ place.cluster, place.slot - (count - 1) };
		room->at_end = ended;
		room->fill = ended && !same_sector(volume, room->end, place);
		return OK;
	}
	if (result < 0)
		return result;
	if (cursor.slots_seen >= FAT_FOLDER_SLOTS_MAX)
		return ERR_FULL;
	room->first.slot = 0;
	room->at_end = true;
	room->fill = ended;
	return grow_folder(volume, cursor.at.cluster, &room->first.cluster);
}

static int write_and_flush(struct fat_volume *volume)
{
	int error = fat_slot_write(volume);

	return error ? error : fat_commit(volume);
}

/* The entry ends where the sector does: whatever follows in the folder must begin with an end. */
static int end_behind(struct fat_volume *volume, struct fat_place last)
{
	struct fat_cursor cursor = { { last.cluster, last.slot + 1 }, 0 };
	struct fat_place place = { 0, 0 };
	const u8 *slot = NULL;
	int result = fat_cursor_slot(volume, &cursor, &place, &slot);

	if (result <= 0 || slot[0] == 0)
		return result < 0 ? result : OK;
	memset(volume->sector, 0, volume->geometry.sector_bytes);
	return write_and_flush(volume);
}

/* The old end and what is behind it in its sector become free slots, so that readers go on. */
static int fill_old_end(struct fat_volume *volume, struct fat_place end)
{
	u8 *slot;
	int error = fat_slot_load(volume, end, &slot);

	if (error)
		return error;
	for (u32 i = slot_in_sector(volume, end); i < slots_per_sector(volume); i++, slot += FAT_SLOT_BYTES) {
		memset(slot, 0, FAT_SLOT_BYTES);
		slot[0] = 0xe5;
	}
	return write_and_flush(volume);
}

static void put_long_slot(u8 *slot, const struct new_entry *new, unsigned order, bool last)
{
	static const u8 places[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };

	memset(slot, 0, FAT_SLOT_BYTES);
	slot[0] = (u8)(order | (last ? 0x40 : 0));
	slot[11] = FAT_LONG_NAME;
	slot[13] = fat_name_checksum(new->short_name);
	for (unsigned i = 0; i < 13; i++) {
		unsigned at = (order - 1) * 13 + i;

		fat_put16(slot + places[i], at < new->unit_count ? new->units[at] : at == new->unit_count ? 0 : 0xffff);
	}
}

/* Slots of the entry from *slot on in the volume's buffer; returns the short one, whose other fields are zero. */
static u8 *put_slots(u8 *slot, const struct new_entry *new)
{
	for (unsigned order = new->slot_count - 1; order; order--, slot += FAT_SLOT_BYTES)
		put_long_slot(slot, new, order, order == new->slot_count - 1);
	memset(slot, 0, FAT_SLOT_BYTES);
	memcpy(slot, new->short_name, 11);
	return slot;
}

static void put_times(u8 *slot, bool created)
{
	u16 date, time;

	fat_time_write(clock_wall_ns() / NS_PER_S, &date, &time);
	if (created) {
		fat_put16(slot + 14, time);
		fat_put16(slot + 16, date);
	}
	fat_put16(slot + 18, date);
	fat_put16(slot + 22, time);
	fat_put16(slot + 24, date);
}

static void put_cluster(u8 *slot, u32 cluster, u32 size_bytes)
{
	fat_put16(slot + 20, cluster >> 16);
	fat_put16(slot + 26, cluster);
	fat_put32(slot + 28, size_bytes);
}

int fat_entry_add(struct fat_volume *volume, u32 folder, const char *name, u8 attributes, u32 cluster, u32 size_bytes,
		  struct fat_entry *entry)
{
	struct new_entry new;
	struct fat_place last;
	struct room room;
	u8 *slot;
	int error = prepare_name(volume, folder, name, &new);

	error = error ? error : find_room(volume, folder, new.slot_count, &room);
	if (error)
		return error;
	last = (struct fat_place){ room.first.cluster, room.first.slot + new.slot_count - 1 };
	if (room.at_end && slot_in_sector(volume, last) + 1 == slots_per_sector(volume))
		error = end_behind(volume, last);
	error = error ? error : fat_slot_load(volume, room.first, &slot);
	if (error)
		return error;
	slot = put_slots(slot, &new);
	slot[11] = attributes;
	put_cluster(slot, cluster, size_bytes);
	put_times(slot, true);
	if (room.at_end)
		memset(slot + FAT_SLOT_BYTES, 0, (slots_per_sector(volume) - slot_in_sector(volume, last) - 1) * FAT_SLOT_BYTES);
	error = write_and_flush(volume);
	if (!error && room.fill)
		error = fill_old_end(volume, room.end);
	*entry = (struct fat_entry){ .attributes = attributes, .cluster = cluster, .size_bytes = size_bytes, .first = room.first,
				     .place = last, .slot_count = new.slot_count };
	string_copy(entry->name, name, sizeof(entry->name));
	return error;
}

/* One write in the usual case; a longer entry loses its short slot first, with which it is gone. */
int fat_entry_remove(struct fat_volume *volume, const struct fat_entry *entry)
{
	u32 here = MIN(entry->slot_count, slot_in_sector(volume, entry->place) + 1);
	struct fat_cursor cursor = { entry->first, 0 };
	struct fat_place place = { 0, 0 };
	const u8 *found;
	u8 *slot;
	int error = fat_slot_load(volume, entry->place, &slot);

	if (error)
		return error;
	for (u32 i = 0; i < here; i++, slot -= FAT_SLOT_BYTES)
		*slot = 0xe5;
	error = fat_slot_write(volume);
	for (u32 i = here; i < entry->slot_count && !error; i++) {
		error = fat_cursor_slot(volume, &cursor, &place, &found) == 1 ? OK : ERR_IO;
		error = error ? error : fat_slot_load(volume, place, &slot);
		if (!error) {
			*slot = 0xe5;
			error = fat_slot_write(volume);
		}
	}
	return error ? error : fat_commit(volume);
}

int fat_entry_update(struct fat_volume *volume, struct fat_place place, u32 cluster, u32 size_bytes)
{
	u8 *slot;
	int error = fat_slot_load(volume, place, &slot);

	if (error)
		return error;
	put_cluster(slot, cluster, size_bytes);
	put_times(slot, false);
	slot[11] |= FAT_ARCHIVE;
	return write_and_flush(volume);
}

/* A run of free slots in the entry's own sector, its own slots taken as free; *end: the folder's end is there. false: none. */
static bool find_room_near(const struct fat_volume *volume, const struct fat_entry *entry, unsigned count, u32 *first, bool *end)
{
	u32 own_first = slot_in_sector(volume, entry->first), own_last = slot_in_sector(volume, entry->place);
	unsigned run = 0;

	*end = false;
	for (u32 i = 0; i < slots_per_sector(volume); i++) {
		u8 byte = volume->sector[i * FAT_SLOT_BYTES];

		*end = *end || byte == 0;
		run = *end || byte == 0xe5 || (i >= own_first && i <= own_last) ? run + 1 : 0;
		if (run == count) {
			*first = i + 1 - count;
			return true;
		}
	}
	return false;
}

int fat_entry_rename(struct fat_volume *volume, u32 folder, const struct fat_entry *entry, const char *name)
{
	struct new_entry new;
	struct fat_place last = entry->place;
	u8 kept[FAT_SLOT_BYTES], *slot;
	u32 first;
	bool end;
	int error = prepare_name(volume, folder, name, &new);

	error = error ? error : fat_slot_load(volume, entry->place, &slot);
	if (error)
		return error;
	if (!same_sector(volume, entry->first, entry->place) || !find_room_near(volume, entry, new.slot_count, &first, &end))
		return ERR_FULL;
	last.slot += first + new.slot_count - 1 - slot_in_sector(volume, last);
	if (end && slot_in_sector(volume, last) + 1 == slots_per_sector(volume))
		error = end_behind(volume, last);
	error = error ? error : fat_slot_load(volume, entry->place, &slot);
	if (error)
		return error;
	memcpy(kept, slot, sizeof(kept));
	for (u32 i = 0; i < entry->slot_count; i++, slot -= FAT_SLOT_BYTES)
		*slot = 0xe5;
	slot = put_slots(volume->sector + first * FAT_SLOT_BYTES, &new);
	memcpy(slot + 11, kept + 11, FAT_SLOT_BYTES - 11);
	slot[12] = 0; /* the case bits were of the old short name */
	if (end)
		memset(slot + FAT_SLOT_BYTES, 0, (slots_per_sector(volume) - slot_in_sector(volume, last) - 1) * FAT_SLOT_BYTES);
	return write_and_flush(volume);
}

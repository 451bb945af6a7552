/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator. One word a frame in tables of 128 MiB sections, which are set up when memory of that section is
 * first needed: start-up neither touches free memory nor grows with it. Until then a section's memory is "untouched":
 * counted as free, and in no list. Free blocks carry their list links in their own first bytes.
 *
 *   31..16  15..11  10    9     8..4   3..0
 *   –       –       FREE  HEAD  order  owner       only at a block's first frame; other frames: 0, or NOT_OURS
 */
#include "hv/pages.h"
#include "hv/lib/error.h"
#include "hv/lib/list.h"
#include "hv/lib/lock.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/memory_map.h"

#define SECTION_SHIFT 15 /* frames: 128 MiB */
#define SECTION_FRAMES (1u << SECTION_SHIFT)
#define TABLE_ORDER 5    /* SECTION_FRAMES words */
#define TABLE_PAGES (1u << TABLE_ORDER)
#define ORDERS (PAGES_MAX_ORDER + 1)
#define ZONE_LIMIT_FRAME (4 * GIB >> PAGE_SHIFT)

#define FRAME_HEAD BIT32(9)
#define FRAME_FREE BIT32(10)
#define FRAME_NOT_OURS 15u
#define FRAME_ORDER(word) ((word) >> 4 & 31u)
#define FRAME_OWNER(word) ((word) & 15u)

enum { ZONE_LOW, ZONE_HIGH, ZONES }; /* below 4 GiB, above */

struct zone {
	struct list_node free[ORDERS];
	u32 nonempty;                 /* bit n: free[n] has a block */
	u64 free_pages;               /* in the lists */
	u64 untouched_pages;          /* in sections without a table, less what the table will cost */
	u32 next_section, end_section;
};

static struct spinlock pages_lock = SPINLOCK_INIT("pages", LOCK_RANK_PAGES);
/* All [pages_lock]. */
static struct memory_map *memory;
static u32 **sections;
static u32 section_count;
static struct zone zones[ZONES];
static u64 total_pages, reserved_pages, owned_pages[16];

static u32 *frame_word(u64 frame)
{
	u64 section = frame >> SECTION_SHIFT;

	if (section >= section_count || !sections[section])
		return NULL;
	return &sections[section][frame & (SECTION_FRAMES - 1)];
}

static struct list_node *frame_node(u64 frame)
{
	return direct_map(HPA(frame << PAGE_SHIFT));
}

static u64 node_frame(const struct list_node *node)
{
	return direct_unmap(node).value >> PAGE_SHIFT;
}

static struct zone *zone_of(u64 frame)
{
	return &zones[frame < ZONE_LIMIT_FRAME ? ZONE_LOW : ZONE_HIGH];
}

/* Lists */

static void list_block(struct zone *zone, u64 frame, unsigned order)
{
	*frame_word(frame) = FRAME_HEAD | FRAME_FREE | order << 4;
	list_push_front(&zone->free[order], frame_node(frame));
	zone->nonempty |= BIT32(order);
	zone->free_pages += BIT64(order);
}

static void unlist_block(struct zone *zone, u64 frame, unsigned order)
{
	*frame_word(frame) = 0;
	list_remove(frame_node(frame));
	if (list_empty(&zone->free[order]))
		zone->nonempty &= ~BIT32(order);
	zone->free_pages -= BIT64(order);
}

static void free_block(u64 frame, unsigned order)
{
	struct zone *zone = zone_of(frame);

	*frame_word(frame) = 0;
	for (; order < PAGES_MAX_ORDER; order++) {
		u64 buddy = frame ^ BIT64(order);
		u32 *word = frame_word(buddy);

		if (!word || *word != (FRAME_HEAD | FRAME_FREE | order << 4))
			break;
		unlist_block(zone, buddy, order);
		frame &= ~BIT64(order);
	}
	list_block(zone, frame, order);
}

static void free_range(u64 frame, u64 end)
{
	while (frame < end) {
		unsigned order = frame ? MIN((unsigned)__builtin_ctzll(frame), PAGES_MAX_ORDER) : PAGES_MAX_ORDER;

		while (frame + BIT64(order) > end)
			order--;
		free_block(frame, order);
		frame += BIT64(order);
	}
}

/* Sections */

/* Calls back for each free range of the section. */
#define FOR_EACH_FREE_PART(section, first, last)                                                                  \
	for (u32 part_ = memory_map_find(memory, (u64)(section) << (SECTION_SHIFT + PAGE_SHIFT));                 \
	     part_ < memory->count && memory->ranges[part_].base < ((u64)(section) + 1) << (SECTION_SHIFT + PAGE_SHIFT); \
	     part_++)                                                                                             \
		for (u64 first = MAX(memory->ranges[part_].base >> PAGE_SHIFT, (u64)(section) << SECTION_SHIFT),  \
			 last = MIN(memory->ranges[part_].end >> PAGE_SHIFT, ((u64)(section) + 1) << SECTION_SHIFT), once_ = 1; \
		     once_ && memory->ranges[part_].type == BOOT_MEMORY_FREE; once_ = 0)

/* What an untouched section is worth: its free pages less its table; 0 where not even the table fits in one piece. */
static u64 section_worth(u32 section)
{
	u64 pages = 0;
	bool fits = false;

	FOR_EACH_FREE_PART(section, first, last) {
		pages += last - first;
		fits |= last - first > TABLE_PAGES;
	}
	return fits ? pages - TABLE_PAGES : 0;
}

static u64 take_block(struct zone *zone, unsigned order)
{
	u32 fitting = zone->nonempty & ~(BIT32(order) - 1);
	unsigned have;
	u64 frame;

	if (!fitting)
		return 0;
	have = (unsigned)__builtin_ctz(fitting);
	frame = node_frame(zone->free[have].next);
	unlist_block(zone, frame, have);
	while (have > order) {
		have--;
		list_block(zone, frame + BIT64(have), have);
	}
	return frame;
}

static void own_block(u64 frame, unsigned order, enum page_owner owner)
{
	*frame_word(frame) = FRAME_HEAD | order << 4 | owner;
	owned_pages[owner] += BIT64(order);
}

/* The table comes from memory in use already, so that the section stays whole, or else from the section itself. */
static u64 table_place(u32 section, bool *inside)
{
	u64 frame = take_block(&zones[ZONE_LOW], TABLE_ORDER);

	*inside = false;
	if (!frame)
		frame = take_block(&zones[ZONE_HIGH], TABLE_ORDER);
	if (frame) {
		own_block(frame, TABLE_ORDER, PAGE_OWNER_HOST);
		return frame;
	}
	*inside = true;
	FOR_EACH_FREE_PART(section, first, last)
		if (last - first > TABLE_PAGES)
			frame = last - TABLE_PAGES;
	return frame;
}

static void set_up_section(u32 section)
{
	struct zone *zone = zone_of((u64)section << SECTION_SHIFT);
	u64 worth = section_worth(section), table;
	bool inside;

	if (worth == 0 || sections[section])
		return;
	table = table_place(section, &inside);
	sections[section] = direct_map(HPA(table << PAGE_SHIFT));
	for (u32 i = 0; i < SECTION_FRAMES; i++)
		sections[section][i] = FRAME_NOT_OURS;
	zone->untouched_pages -= worth;
	FOR_EACH_FREE_PART(section, first, last) {
		if (inside && table >= first && table < last) {
			free_range(first, table);
			free_range(table + TABLE_PAGES, last);
		} else {
			free_range(first, last);
		}
	}
	if (inside) {
		for (u64 i = 0; i < TABLE_PAGES; i++)
			own_block(table + i, 0, PAGE_OWNER_HOST);
	}
}

static bool set_up_next_section(struct zone *zone)
{
	while (zone->next_section < zone->end_section) {
		u32 section = zone->next_section++;

		if (sections[section] || section_worth(section) == 0)
			continue;
		set_up_section(section);
		return true;
	}
	return false;
}

u64 pages_directory_bytes(const struct memory_map *map)
{
	u64 end = 0;

	for (u32 i = 0; i < map->count; i++)
		if (memory_type_is_ram(map->ranges[i].type) && map->ranges[i].end <= PAGES_ADDRESS_LIMIT)
			end = map->ranges[i].end;
	return DIV_ROUND_UP(end, (u64)SECTION_FRAMES << PAGE_SHIFT) * sizeof(sections[0]);
}

void pages_init(struct memory_map *map, void *directory)
{
	u32 limit = ZONE_LIMIT_FRAME >> SECTION_SHIFT;

	memory = map;
	sections = directory;
	section_count = (u32)(pages_directory_bytes(map) / sizeof(sections[0]));
	total_pages = reserved_pages = 0;
	memset(owned_pages, 0, sizeof(owned_pages));
	for (unsigned z = 0; z < ZONES; z++) {
		zones[z] = (struct zone){ .next_section = z == ZONE_LOW ? 0 : limit };
		zones[z].end_section = z == ZONE_LOW ? MIN(limit, section_count) : section_count;
		for (unsigned order = 0; order < ORDERS; order++)
			list_init(&zones[z].free[order]);
		for (u32 s = zones[z].next_section; s < zones[z].end_section; s++) {
			u64 worth = section_worth(s);

			zones[z].untouched_pages += worth;
			total_pages += worth ? worth + TABLE_PAGES : 0;
		}
	}
}

/* Allocation */

static u64 all_free_pages(void)
{
	u64 free = 0;

	for (unsigned z = 0; z < ZONES; z++)
		free += zones[z].free_pages + zones[z].untouched_pages;
	return free;
}

static u64 take_from_zone(struct zone *zone, unsigned order)
{
	u64 frame;

	/* In time, so that the next section's table need not be cut out of that section. */
	if (zone->free_pages < BIT64(order) + 2 * TABLE_PAGES)
		set_up_next_section(zone);
	do
		frame = take_block(zone, order);
	while (!frame && set_up_next_section(zone));
	return frame;
}

hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags)
{
	u64 count = BIT64(order), frame = 0, saved, kept;

	BUG_ON(order > PAGES_MAX_ORDER);
	saved = lock_irqsave(&pages_lock);
	kept = flags & PAGES_RESERVED ? 0 : reserved_pages;
	BUG_ON((flags & PAGES_RESERVED) && reserved_pages < count);
	if (all_free_pages() >= kept + count) {
		if (!(flags & PAGES_BELOW_4G))
			frame = take_from_zone(&zones[ZONE_HIGH], order);
		if (!frame)
			frame = take_from_zone(&zones[ZONE_LOW], order);
	}
	if (frame) {
		own_block(frame, order, owner);
		if (flags & PAGES_RESERVED)
			reserved_pages -= count;
	}
	unlock_irqrestore(&pages_lock, saved);
	if (frame && (flags & PAGES_ZERO))
		memset(direct_map(HPA(frame << PAGE_SHIFT)), 0, count << PAGE_SHIFT);
	return HPA(frame << PAGE_SHIFT);
}

void pages_free(hpa_t base, unsigned order)
{
	u64 frame = base.value >> PAGE_SHIFT, saved = lock_irqsave(&pages_lock);
	u32 *word = frame_word(frame);

	if (!word || (*word & (FRAME_HEAD | FRAME_FREE)) != FRAME_HEAD || FRAME_ORDER(*word) != order)
		panic("pages_free: %llx order %u is no such block (word %x)", (unsigned long long)base.value, order,
		      word ? *word : 0);
	owned_pages[FRAME_OWNER(*word)] -= BIT64(order);
	free_block(frame, order);
	unlock_irqrestore(&pages_lock, saved);
}

void pages_split(hpa_t base, unsigned order, unsigned new_order)
{
	u64 frame = base.value >> PAGE_SHIFT, saved = lock_irqsave(&pages_lock);
	u32 *word = frame_word(frame);

	BUG_ON(!word || (*word & (FRAME_HEAD | FRAME_FREE)) != FRAME_HEAD || FRAME_ORDER(*word) != order);
	BUG_ON(new_order > order);
	for (u64 i = 0; i < BIT64(order); i += BIT64(new_order))
		*frame_word(frame + i) = FRAME_HEAD | new_order << 4 | FRAME_OWNER(*word);
	unlock_irqrestore(&pages_lock, saved);
}

bool pages_find(hpa_t address, hpa_t *base, unsigned *order, enum page_owner *owner)
{
	u64 frame = address.value >> PAGE_SHIFT;

	for (unsigned o = 0; o <= PAGES_MAX_ORDER; o++) {
		u64 head = frame & ~(BIT64(o) - 1);
		u32 *place = frame_word(head), word = place ? READ_ONCE(*place) : 0;

		if (!(word & FRAME_HEAD))
			continue;
		if (FRAME_ORDER(word) < o)
			return false;
		*base = HPA(head << PAGE_SHIFT);
		*order = FRAME_ORDER(word);
		*owner = (enum page_owner)FRAME_OWNER(word);
		return true;
	}
	return false;
}

int pages_reserve(u64 count)
{
	u64 saved = lock_irqsave(&pages_lock);
	bool enough = all_free_pages() - MIN(all_free_pages(), reserved_pages) >= count;

	if (enough)
		reserved_pages += count;
	unlock_irqrestore(&pages_lock, saved);
	return enough ? OK : ERR_NO_MEMORY;
}

void pages_unreserve(u64 count)
{
	u64 saved = lock_irqsave(&pages_lock);

	BUG_ON(count > reserved_pages);
	reserved_pages -= count;
	unlock_irqrestore(&pages_lock, saved);
}

static void release_in_section(u32 section, u64 base, u64 end, u32 type)
{
	struct zone *zone = zone_of(base >> PAGE_SHIFT);
	u64 worth = section_worth(section), now;

	if (sections[section]) {
		for (u32 i = memory_map_find(memory, base); i < memory->count && memory->ranges[i].base < end; i++) {
			u64 first = MAX(memory->ranges[i].base, base) >> PAGE_SHIFT;
			u64 last = MIN(memory->ranges[i].end, end) >> PAGE_SHIFT;

			if (memory->ranges[i].type != type)
				continue;
			free_range(first, last);
			total_pages += last - first;
		}
		memory_map_retype(memory, base, end, type, BOOT_MEMORY_FREE);
		return;
	}
	memory_map_retype(memory, base, end, type, BOOT_MEMORY_FREE);
	now = section_worth(section);
	zone->untouched_pages += now - worth;
	total_pages += now - worth + (now && !worth ? TABLE_PAGES : 0);
	/* An earlier pass over the sections may have left it out. */
	if (now && section < zone->next_section)
		set_up_section(section);
}

void pages_release(hpa_t base, u64 size_bytes, u32 boot_memory_type)
{
	u64 saved = lock_irqsave(&pages_lock), end = MIN(base.value + size_bytes, PAGES_ADDRESS_LIMIT);

	for (u64 place = base.value; place < end;) {
		u32 section = (u32)(place >> (SECTION_SHIFT + PAGE_SHIFT));
		u64 next = MIN(((u64)section + 1) << (SECTION_SHIFT + PAGE_SHIFT), end);

		if (section < section_count)
			release_in_section(section, place, next, boot_memory_type);
		place = next;
	}
	unlock_irqrestore(&pages_lock, saved);
}

void pages_stats(struct pages_stats *stats)
{
	u64 saved = lock_irqsave(&pages_lock);

	stats->total_pages = total_pages;
	stats->free_pages = all_free_pages();
	stats->reserved_pages = reserved_pages;
	memcpy(stats->by_owner, owned_pages, sizeof(owned_pages));
	unlock_irqrestore(&pages_lock, saved);
}

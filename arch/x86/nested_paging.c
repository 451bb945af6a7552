/* SPDX-License-Identifier: MIT */
/*
 * The nested-page-table walker (nested_paging.h). Pure: tables come through struct nested_memory.
 *
 * Every operation on a range is one recursion, visit(): at each entry it either acts on the whole entry, or makes sure
 * that there is a table below (splitting a large page where the range covers a part of it) and goes down.
 * AMD64 APM vol. 2, "Nested Paging" (15.25); Intel SDM vol. 3, "The Extended Page Table Mechanism (EPT)" (29.3).
 */
#include "arch/x86/nested_paging.h"
#include "hv/lib/error.h"

#define LEVELS 4
#define ENTRIES 512u
#define ADDRESS_MASK MASK64(51, 12)
#define GPA_LIMIT BIT64(48)

/* NPT entries are long-mode entries; a guest's access counts as user. A and D are set by the CPU. */
const struct nested_format nested_format_npt = {
	.name = "NPT", .table = BIT64(0) | BIT64(1) | BIT64(2), .read = BIT64(0) | BIT64(2), .write = BIT64(1),
	.no_execute = BIT64(63), .large = BIT64(7), .uncached = BIT64(4) | BIT64(3), .accessed = BIT64(5), .dirty = BIT64(6),
};

/* EPT: read, write, execute; memory type in 5:3 (6: write-back, 0: uncached); A and D where EPTP asks for them. */
const struct nested_format nested_format_ept = {
	.name = "EPT", .table = BIT64(0) | BIT64(1) | BIT64(2), .read = BIT64(0), .write = BIT64(1), .execute = BIT64(2),
	.large = BIT64(7), .write_back = 6ull << 3, .accessed = BIT64(8), .dirty = BIT64(9),
};

/* Level 0 is the 4 KiB level, 1: 2 MiB, 2: 1 GiB, 3: the root's entries, 512 GiB. */
static u64 level_bytes(unsigned level)
{
	return PAGE_SIZE << (9 * level);
}

static unsigned entry_index(u64 gpa, unsigned level)
{
	return (unsigned)(gpa >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

static bool is_present(const struct nested_format *format, u64 entry)
{
	return (entry & format->read) != 0;
}

static bool is_leaf(const struct nested_format *format, u64 entry, unsigned level)
{
	return level == 0 || (entry & format->large) != 0;
}

static u64 access_bits(const struct nested_format *format, unsigned access)
{
	return format->read | (access & NESTED_WRITE ? format->write : 0) |
	       (access & NESTED_EXECUTE ? format->execute : format->no_execute) |
	       (access & NESTED_UNCACHED ? format->uncached : format->write_back);
}

static u64 leaf_address(u64 entry, unsigned level)
{
	return entry & ADDRESS_MASK & ~(level_bytes(level) - 1);
}

static u64 *table_at(const struct nested_root *root, u64 entry)
{
	return root->memory.map(HPA(entry & ADDRESS_MASK));
}

int nested_init(struct nested_root *root, const struct nested_format *format, const struct nested_memory *memory)
{
	root->format = format;
	root->memory = *memory;
	root->root = memory->alloc(memory->context);
	root->table_pages = 1;
	return root->root.value ? OK : ERR_NO_MEMORY;
}

static void free_table(struct nested_root *root, hpa_t table)
{
	root->memory.free(root->memory.context, table);
	root->table_pages--;
}

static void free_below(struct nested_root *root, hpa_t table, unsigned level)
{
	u64 *entries = root->memory.map(table);

	for (unsigned i = 0; level > 0 && i < ENTRIES; i++)
		if (is_present(root->format, entries[i]) && !is_leaf(root->format, entries[i], level))
			free_below(root, HPA(entries[i] & ADDRESS_MASK), level - 1);
	free_table(root, table);
}

void nested_release(struct nested_root *root)
{
	if (root->root.value)
		free_below(root, root->root, LEVELS - 1);
	root->root = HPA(0);
}

/* Makes an entry point to a table: an empty one, or one that says what the large page said. */
static int make_table(struct nested_root *root, u64 *entry, unsigned level)
{
	const struct nested_format *format = root->format;
	u64 old = *entry;
	hpa_t table = root->memory.alloc(root->memory.context);
	u64 *entries;

	if (!table.value)
		return ERR_NO_MEMORY;
	root->table_pages++;
	if (is_present(format, old)) {
		u64 bits = old & ~(ADDRESS_MASK | (level == 1 ? format->large : 0));

		entries = root->memory.map(table);
		for (unsigned i = 0; i < ENTRIES; i++)
			entries[i] = (leaf_address(old, level) + i * level_bytes(level - 1)) | bits;
	}
	WRITE_ONCE(*entry, table.value | format->table);
	return OK;
}

enum visit_kind { VISIT_MAP, VISIT_UNMAP, VISIT_PROTECT, VISIT_SPLIT };

struct visit {
	enum visit_kind kind;
	unsigned access;
	u64 page_bytes; /* map: the largest page; split: the page wanted */
	u64 to_host;    /* map: hpa - gpa */
};

static bool table_is_empty(const u64 *entries)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i])
			return false;
	return true;
}

/* Acts on an entry as a whole; false: go down instead. */
static bool act(struct nested_root *root, const struct visit *visit, u64 *entry, unsigned level, u64 gpa, bool whole)
{
	const struct nested_format *format = root->format;
	bool present = is_present(format, *entry), leaf = is_leaf(format, *entry, level);
	u64 old = *entry;

	switch (visit->kind) {
	case VISIT_MAP:
		if (!whole || level > 2 || level_bytes(level) > visit->page_bytes ||
		    ((gpa + visit->to_host) & (level_bytes(level) - 1)))
			return false;
		WRITE_ONCE(*entry, (gpa + visit->to_host) | access_bits(format, visit->access) | (level ? format->large : 0));
		if (present && !leaf)
			free_below(root, HPA(old & ADDRESS_MASK), level - 1);
		return true;
	case VISIT_UNMAP:
		if (!present)
			return true;
		if (!whole)
			return false;
		WRITE_ONCE(*entry, 0);
		if (!leaf)
			free_below(root, HPA(old & ADDRESS_MASK), level - 1);
		return true;
	case VISIT_PROTECT:
		if (!present)
			return true;
		if (!leaf || !whole)
			return false;
		__atomic_store_n(entry, (old & (ADDRESS_MASK | format->accessed | format->dirty | (level ? format->large : 0))) |
				 access_bits(format, visit->access), __ATOMIC_RELEASE);
		return true;
	case VISIT_SPLIT:
		return !present || (leaf && level_bytes(level) <= visit->page_bytes);
	}
	return true;
}

static int visit_range(struct nested_root *root, const struct visit *visit, u64 *table, unsigned level, u64 gpa, u64 end)
{
	const struct nested_format *format = root->format;

	while (gpa < end) {
		u64 start = ALIGN_DOWN(gpa, level_bytes(level)), next = MIN(start + level_bytes(level), end);
		u64 *entry = &table[entry_index(gpa, level)], *below;
		bool whole = gpa == start && next == start + level_bytes(level);

		if (!act(root, visit, entry, level, gpa, whole)) {
			if (!is_present(format, *entry) || is_leaf(format, *entry, level)) {
				int result = make_table(root, entry, level);

				if (result)
					return result;
			}
			below = table_at(root, *entry);
			int result = visit_range(root, visit, below, level - 1, gpa, next);

			if (result)
				return result;
			if (visit->kind == VISIT_UNMAP && table_is_empty(below)) {
				u64 old = *entry;

				WRITE_ONCE(*entry, 0);
				free_table(root, HPA(old & ADDRESS_MASK));
			}
		}
		gpa = next;
	}
	return OK;
}

static int visit_all(struct nested_root *root, const struct visit *visit, u64 gpa, u64 size_bytes)
{
	if (!size_bytes || ((gpa | size_bytes) & PAGE_MASK) || gpa >= GPA_LIMIT || size_bytes > GPA_LIMIT - gpa)
		return ERR_INVALID;
	return visit_range(root, visit, root->memory.map(root->root), LEVELS - 1, gpa, gpa + size_bytes);
}

int nested_map(struct nested_root *root, gpa_t gpa, hpa_t hpa, u64 size_bytes, unsigned access, u64 max_page_bytes)
{
	struct visit visit = { VISIT_MAP, access, max_page_bytes, hpa.value - gpa.value };

	if (hpa.value & PAGE_MASK || max_page_bytes < PAGE_SIZE)
		return ERR_INVALID;
	return visit_all(root, &visit, gpa.value, size_bytes);
}

int nested_unmap(struct nested_root *root, gpa_t gpa, u64 size_bytes)
{
	struct visit visit = { .kind = VISIT_UNMAP };

	return visit_all(root, &visit, gpa.value, size_bytes);
}

int nested_protect(struct nested_root *root, gpa_t gpa, u64 size_bytes, unsigned access)
{
	struct visit visit = { .kind = VISIT_PROTECT, .access = access };

	return visit_all(root, &visit, gpa.value, size_bytes);
}

int nested_split(struct nested_root *root, gpa_t gpa, u64 page_bytes)
{
	struct visit visit = { .kind = VISIT_SPLIT, .page_bytes = page_bytes };

	return visit_all(root, &visit, ALIGN_DOWN(gpa.value, PAGE_SIZE), PAGE_SIZE);
}

/* The entry for gpa at a level, or NULL when the way there ends earlier. */
static u64 *entry_at(const struct nested_root *root, u64 gpa, unsigned level)
{
	u64 *table = root->memory.map(root->root);

	if (gpa >= GPA_LIMIT)
		return NULL;
	for (unsigned at = LEVELS - 1; at > level; at--) {
		u64 entry = READ_ONCE(table[entry_index(gpa, at)]);

		if (!is_present(root->format, entry) || is_leaf(root->format, entry, at))
			return NULL;
		table = table_at(root, entry);
	}
	return &table[entry_index(gpa, level)];
}

int nested_clear(struct nested_root *root, gpa_t gpa, u64 page_bytes)
{
	unsigned level = page_bytes == PAGE_SIZE ? 0 : 1;
	int result = nested_split(root, gpa, page_bytes);
	u64 *entry = result == OK ? entry_at(root, gpa.value, level) : NULL;

	if (!entry || !is_present(root->format, *entry))
		return result;
	if (!is_leaf(root->format, *entry, level))
		return ERR_BUSY;
	WRITE_ONCE(*entry, 0);
	return OK;
}

bool nested_merge(struct nested_root *root, gpa_t gpa, u64 page_bytes)
{
	const struct nested_format *format = root->format;
	unsigned level = page_bytes == GIB ? 2 : 1;
	u64 *entry = entry_at(root, gpa.value, level), *below, first, all = 0, history = format->accessed | format->dirty;

	if (!entry || !is_present(format, *entry) || is_leaf(format, *entry, level))
		return false;
	below = table_at(root, *entry);
	first = below[0] & ~history;
	if (!is_present(format, first) || !is_leaf(format, first, level - 1) ||
	    (first & ADDRESS_MASK & (level_bytes(level) - 1) & ~(level_bytes(level - 1) - 1)))
		return false;
	for (unsigned i = 0; i < ENTRIES; i++) {
		if ((below[i] & ~history) != first + i * level_bytes(level - 1))
			return false;
		all |= below[i] & history;
	}
	first = *entry;
	WRITE_ONCE(*entry, (below[0] & ~history) | all | format->large);
	free_table(root, HPA(first & ADDRESS_MASK));
	return true;
}

bool nested_lookup(const struct nested_root *root, gpa_t gpa, struct nested_leaf *leaf)
{
	const struct nested_format *format = root->format;
	u64 *table = root->memory.map(root->root);

	for (unsigned level = LEVELS - 1; gpa.value < GPA_LIMIT; level--) {
		u64 entry = READ_ONCE(table[entry_index(gpa.value, level)]);

		if (!is_present(format, entry))
			return false;
		if (is_leaf(format, entry, level)) {
			leaf->size_bytes = level_bytes(level);
			leaf->hpa = HPA(leaf_address(entry, level) + (gpa.value & (leaf->size_bytes - 1)));
			leaf->access = NESTED_READ | (entry & format->write ? NESTED_WRITE : 0);
			if ((entry & format->execute) == format->execute && !(entry & format->no_execute))
				leaf->access |= NESTED_EXECUTE;
			leaf->accessed = (entry & format->accessed) != 0;
			leaf->dirty = (entry & format->dirty) != 0;
			return true;
		}
		table = table_at(root, entry);
	}
	return false;
}

void nested_collect_dirty(struct nested_root *root, gpa_t gpa, u64 size_bytes,
			  void (*report)(void *context, gpa_t gpa, u64 size_bytes), void *context)
{
	const struct nested_format *format = root->format;
	u64 at = ALIGN_DOWN(gpa.value, PAGE_SIZE), end = gpa.value + size_bytes;

	while (at < end && at < GPA_LIMIT) {
		unsigned level = LEVELS;
		u64 *table = root->memory.map(root->root), *entry;

		do {
			entry = &table[entry_index(at, --level)];
			if (!is_present(format, *entry) || is_leaf(format, *entry, level))
				break;
			table = table_at(root, *entry);
		} while (level);
		if (is_present(format, *entry) &&
		    (__atomic_fetch_and(entry, ~format->dirty, __ATOMIC_ACQ_REL) & format->dirty))
			report(context, GPA(ALIGN_DOWN(at, level_bytes(level))), level_bytes(level));
		at = ALIGN_DOWN(at, level_bytes(level)) + level_bytes(level);
	}
}

unsigned nested_walk_entries(const struct nested_root *root, gpa_t gpa, u64 entries[4])
{
	u64 *table = root->memory.map(root->root);
	unsigned count = 0;

	for (unsigned level = LEVELS - 1; gpa.value < GPA_LIMIT; level--) {
		u64 entry = READ_ONCE(table[entry_index(gpa.value, level)]);

		entries[count++] = entry;
		if (!is_present(root->format, entry) || is_leaf(root->format, entry, level))
			break;
		table = table_at(root, entry);
	}
	return count;
}

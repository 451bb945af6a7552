/* SPDX-License-Identifier: MIT */
/*
 * The memory map's list: firmware maps come unsorted, overlapping, unaligned; this makes what handoff.h promises.
 *
 * Every change first splits the ranges that cross its borders, then overwrites whole pieces and fills the gaps.
 */
#include "boot/ranges.h"
#include "boot/text.h"

#define ADDRESS_END (~(uint64_t)0 - (PAGE_BYTES - 1))

/* Which type wins where two sources disagree. */
static int carefulness(uint32_t type)
{
	switch (type) {
	case BOOT_MEMORY_FREE: return 0;
	case BOOT_MEMORY_MODULE: return 1;
	case BOOT_MEMORY_BOOT: return 2;
	case BOOT_MEMORY_IMAGE: return 3;
	case BOOT_MEMORY_ACPI_TABLES: return 4;
	case BOOT_MEMORY_ACPI_NVS: return 5;
	case BOOT_MEMORY_MMIO: return 6;
	case BOOT_MEMORY_RUNTIME_DATA: return 7;
	case BOOT_MEMORY_RUNTIME_CODE: return 8;
	default: return 9;
	}
}

static uint64_t end_of(const struct boot_memory_range *range)
{
	return range->base + range->size_bytes;
}

static bool insert(struct range_list *list, uint32_t index, struct boot_memory_range range)
{
	uint32_t i;

	if (list->count == list->capacity) {
		list->full = true;
		return false;
	}
	for (i = list->count++; i > index; i--)
		list->at[i] = list->at[i - 1];
	list->at[index] = range;
	return true;
}

/* Makes address a border, if it lies inside a range. */
static bool split(struct range_list *list, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		struct boot_memory_range right = list->at[i];

		if (address <= right.base || address >= end_of(&right))
			continue;
		right.size_bytes = end_of(&right) - address;
		right.base = address;
		if (!insert(list, i + 1, right))
			return false;
		list->at[i].size_bytes = address - list->at[i].base;
		return true;
	}
	return true;
}

enum put_rule { PUT_ALWAYS, PUT_CAREFUL, PUT_ONLY_OLD };

static void put(struct range_list *list, uint64_t base, uint64_t end, struct boot_memory_range what,
		enum put_rule rule, uint32_t old)
{
	uint32_t i;

	if (base >= end || !split(list, base) || !split(list, end))
		return;
	for (i = 0; i < list->count && end_of(&list->at[i]) <= base; i++)
		;
	while (base < end) {
		struct boot_memory_range *here = &list->at[i];

		if (i < list->count && here->base == base) {
			base = end_of(here);
			if (rule == PUT_ALWAYS || (rule == PUT_ONLY_OLD && here->type == old) ||
			    (rule == PUT_CAREFUL && carefulness(what.type) > carefulness(here->type))) {
				here->type = what.type;
				here->attributes = what.attributes;
			}
		} else {
			uint64_t gap_end = i < list->count && here->base < end ? here->base : end;

			what.base = base;
			what.size_bytes = gap_end - base;
			base = gap_end;
			if (rule == PUT_ONLY_OLD)
				continue;
			if (!insert(list, i, what))
				return;
		}
		i++;
	}
}

static void put_pages(struct range_list *list, uint64_t base, uint64_t size_bytes, struct boot_memory_range what,
		      enum put_rule rule, uint32_t old)
{
	uint64_t end = base + size_bytes;

	if (end < base || end > ADDRESS_END)
		end = ADDRESS_END;
	if (what.type == BOOT_MEMORY_FREE) {
		base = base > ADDRESS_END ? ADDRESS_END : (base + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
		end &= ~(PAGE_BYTES - 1);
	} else {
		base &= ~(PAGE_BYTES - 1);
		end = (end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	}
	put(list, base, end, what, rule, old);
}

void ranges_add(struct range_list *list, uint64_t base, uint64_t size_bytes, uint32_t type, uint64_t attributes)
{
	struct boot_memory_range what = { .type = type, .attributes = attributes };

	put_pages(list, base, size_bytes, what, PUT_CAREFUL, 0);
}

void ranges_set(struct range_list *list, uint64_t base, uint64_t size_bytes, uint32_t type, uint64_t attributes)
{
	struct boot_memory_range what = { .type = type, .attributes = attributes };

	put_pages(list, base, size_bytes, what, PUT_ALWAYS, 0);
}

void ranges_convert(struct range_list *list, uint64_t base, uint64_t size_bytes, uint32_t old, uint32_t type)
{
	struct boot_memory_range what = { .type = type };

	put_pages(list, base, size_bytes, what, PUT_ONLY_OLD, old);
}

uint32_t ranges_type(const struct range_list *list, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		if (address >= list->at[i].base && address < end_of(&list->at[i]))
			return list->at[i].type;
	}
	return 0;
}

void ranges_merge(struct range_list *list)
{
	uint32_t i, kept = 0;

	for (i = 1; i < list->count; i++) {
		struct boot_memory_range *last = &list->at[kept];
		const struct boot_memory_range *next = &list->at[i];

		if (end_of(last) == next->base && last->type == next->type && last->attributes == next->attributes)
			last->size_bytes += next->size_bytes;
		else
			list->at[++kept] = *next;
	}
	if (list->count)
		list->count = kept + 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * Room in the guest's RAM: what is taken so far, exact claims, and searches from either end. The lists are short
 * (KERNEL_MAP_MAX ranges, PLACE_TAKEN_MAX claims), so every question walks them.
 */
#include "hv/loader_place.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

int place_error(struct placement *placement, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vformat(placement->error, KERNEL_ERROR_MAX, fmt, args);
	va_end(args);
	return code;
}

/* The claim that overlaps [start, end), or NULL. */
static const void *overlap(const struct placement *placement, u64 start, u64 end, u64 *taken_start, u64 *taken_end)
{
	for (unsigned i = 0; i < placement->taken_count; i++) {
		if (start < placement->taken[i].end && end > placement->taken[i].start) {
			*taken_start = placement->taken[i].start;
			*taken_end = placement->taken[i].end;
			return &placement->taken[i];
		}
	}
	return NULL;
}

static bool inside_ram(const struct placement *placement, u64 start, u64 end)
{
	for (unsigned i = 0; i < placement->request->map_count; i++) {
		const struct memory_range *range = &placement->request->map[i];

		if (range->kind == MEMORY_RAM && start >= range->base && end <= range->base + range->size_bytes)
			return true;
	}
	return false;
}

bool place_is_free(const struct placement *placement, u64 address, u64 size_bytes)
{
	u64 end, a, b;

	return !__builtin_add_overflow(address, size_bytes, &end) && inside_ram(placement, address, end) &&
	       !overlap(placement, address, end, &a, &b);
}

static int claim(struct placement *placement, u64 start, u64 end, const char *what)
{
	if (placement->taken_count == PLACE_TAKEN_MAX)
		return place_error(placement, ERR_RANGE, "%s: the kernel has more parts than Solera loads (%u)", what, PLACE_TAKEN_MAX);
	placement->taken[placement->taken_count].start = start;
	placement->taken[placement->taken_count++].end = end;
	return OK;
}

int place_at(struct placement *placement, u64 address, u64 size_bytes, const char *what)
{
	u64 end, a, b;

	if (__builtin_add_overflow(address, size_bytes, &end))
		return place_error(placement, ERR_RANGE, "%s at 0x%llx, 0x%llx bytes: beyond the address space", what,
				   (unsigned long long)address, (unsigned long long)size_bytes);
	if (size_bytes == 0)
		return OK;
	if (!inside_ram(placement, address, end))
		return place_error(placement, ERR_RANGE, "%s at 0x%llx, 0x%llx bytes: the machine has no RAM there", what,
				   (unsigned long long)address, (unsigned long long)size_bytes);
	if (overlap(placement, address, end, &a, &b))
		return place_error(placement, ERR_RANGE, "%s at 0x%llx, 0x%llx bytes overlaps what is at 0x%llx", what,
				   (unsigned long long)address, (unsigned long long)size_bytes, (unsigned long long)a);
	return claim(placement, address, end, what);
}

/* The best start in one range, stepping over claims; false: no room. Each step leaves one claim behind, so it ends. */
static bool search_range(const struct placement *placement, u64 low, u64 high, u64 size_bytes, u64 align,
			 enum place_direction direction, u64 *address)
{
	u64 a, b;

	for (unsigned steps = 0; steps <= placement->taken_count; steps++) {
		if (high < low || high - low < size_bytes)
			return false;
		u64 start = direction == PLACE_HIGHEST ? ALIGN_DOWN(high - size_bytes, align) : ALIGN_UP(low, align);
		if (start < low || start > high - size_bytes)
			return false;
		if (!overlap(placement, start, start + size_bytes, &a, &b)) {
			*address = start;
			return true;
		}
		if (direction == PLACE_HIGHEST)
			high = a;
		else
			low = b;
	}
	return false;
}

int place_find(struct placement *placement, u64 size_bytes, u64 align, u64 from, u64 below, enum place_direction direction,
	       u64 *address)
{
	bool found = false;

	size_bytes = MAX(size_bytes, 1u);
	for (unsigned i = 0; i < placement->request->map_count; i++) {
		const struct memory_range *range = &placement->request->map[i];
		u64 low = MAX(range->base, from), high = MIN(range->base + range->size_bytes, below), start;

		if (range->kind != MEMORY_RAM || low >= high || (found && direction == PLACE_LOWEST))
			continue;
		if (search_range(placement, low, high, size_bytes, align, direction, &start)) {
			*address = start;
			found = true;
		}
	}
	return found ? claim(placement, *address, *address + size_bytes, "a part") : ERR_FULL;
}

int place_low(struct placement *placement, u64 size_bytes, u64 align, const char *what, u64 *address)
{
	int result = place_find(placement, size_bytes, align, PLACE_LOW_START, PLACE_LOW_END, PLACE_LOWEST, address);

	if (result == ERR_FULL)
		return place_error(placement, ERR_RANGE, "%s: no room for %llu bytes below 640 KiB beside the kernel", what,
				   (unsigned long long)size_bytes);
	return result;
}

int place_command_line(struct placement *placement, u64 *address)
{
	size_t size = strlen(placement->request->command_line) + 1;
	int result = place_low(placement, size, 16, "command line", address);

	return result == OK ? place_write(placement, *address, placement->request->command_line, size) : result;
}

int place_modules(struct placement *placement, u64 below, u64 addresses[KERNEL_MODULES_MAX])
{
	const struct kernel_request *request = placement->request;

	if (request->module_count > KERNEL_MODULES_MAX)
		return place_error(placement, ERR_RANGE, "%u modules, at most %u are possible", request->module_count, KERNEL_MODULES_MAX);
	for (unsigned i = 0; i < request->module_count; i++) {
		const struct kernel_module *module = &request->modules[i];
		int result = place_find(placement, module->size_bytes, PAGE_SIZE, MIB, below, PLACE_LOWEST, &addresses[i]);

		if (result == ERR_FULL)
			return place_error(placement, ERR_RANGE, "module %u (%llu KiB) does not fit into the machine's memory beside the kernel",
					   i + 1, (unsigned long long)(module->size_bytes / KIB));
		if (result == OK)
			result = place_write(placement, addresses[i], module->data, module->size_bytes);
		if (result != OK)
			return result;
	}
	return OK;
}

int place_gdt(struct placement *placement, struct kernel_entry *entry)
{
	/* SDM vol. 3, "Segment Descriptors": null, unused, flat code (64- or 32-bit), flat data, a busy TSS's room. */
	u64 gdt[4] = { 0, 0, entry->mode == KERNEL_LONG_64 ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull, 0x00cf93000000ffffull };
	int result = place_low(placement, sizeof(gdt), 16, "segment table", &entry->gdt_base);

	entry->gdt_limit = sizeof(gdt) - 1;
	entry->code_selector = 0x10;
	entry->data_selector = 0x18;
	return result == OK ? place_write(placement, entry->gdt_base, gdt, sizeof(gdt)) : result;
}

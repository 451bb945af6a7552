/* SPDX-License-Identifier: MIT */
/*
 * A machine's RAM: reserved at creation, allocated, zeroed and mapped on first touch, given back at the end (or, by a
 * balloon, before it: hv/gmem_back.c).
 *
 * The first touch of a 2 MiB chunk allocates a whole block where the chunk is all RAM and the host has one, else a single
 * page. Copies go page by page through gmem_pointer. Addresses and lengths are the guest's: a range is checked as a whole
 * before anything is copied. Next to read: gmem_internal.h, hv/exit_memory.c.
 */
#include "arch/x86/msr.h"
#include "hv/gmem_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

static hpa_t table_alloc(void *context)
{
	(void)context;
	return pages_alloc(0, PAGE_OWNER_NESTED, PAGES_ZERO);
}

static void table_free(void *context, hpa_t page)
{
	(void)context;
	pages_free(page, 0);
}

static u64 *table_map(hpa_t page)
{
	return direct_map(page);
}

static const struct nested_memory nested_memory = { table_alloc, table_free, table_map, NULL };

int gmem_create(struct vm *vm)
{
	struct gmem *gmem = kzalloc(sizeof(*gmem));
	int result = ERR_NO_MEMORY;

	if (!gmem)
		return ERR_NO_MEMORY;
	gmem->low_bytes = vm->low_ram_bytes;
	gmem->high_bytes = vm->high_ram_bytes;
	gmem->low_chunks = DIV_ROUND_UP(gmem->low_bytes, CHUNK_BYTES);
	gmem->chunk_count = gmem->low_chunks + DIV_ROUND_UP(gmem->high_bytes, CHUNK_BYTES);
	mutex_init(&gmem->populate, "gmem");
	spinlock_init(&gmem->nested_lock, "nested", LOCK_RANK_NESTED);
	gmem->reserved_pages = gmem->target_pages = (gmem->low_bytes + gmem->high_bytes) / PAGE_SIZE;
	if (pages_reserve(gmem->reserved_pages))
		goto no_reservation;
	gmem->chunks = kzalloc(gmem->chunk_count * sizeof(*gmem->chunks));
	gmem->pins = kzalloc(gmem->chunk_count * sizeof(*gmem->pins));
	if (!gmem->chunks || !gmem->pins || nested_init(&gmem->nested, virt_ops->nested_format, &nested_memory))
		goto no_tables;
	vm->gmem = gmem;
	return OK;
no_tables:
	kfree(gmem->chunks);
	kfree(gmem->pins);
	pages_unreserve(gmem->reserved_pages);
no_reservation:
	kfree(gmem);
	return result;
}

static void free_chunk(u64 *word)
{
	u64 *pages = (u64 *)(*word & ~CHUNK_PAGES);

	if (*word & CHUNK_BLOCK) {
		pages_free(direct_unmap((void *)(*word - CHUNK_BLOCK)), CHUNK_ORDER);
	} else if (*word > CHUNK_GIVEN_BACK) {
		for (unsigned i = 0; i < CHUNK_PAGES_COUNT; i++)
			if (pages[i] > PAGE_GIVEN_BACK)
				pages_free(direct_unmap((void *)pages[i]), 0);
		kfree(pages);
	}
	*word = 0;
}

void gmem_destroy(struct vm *vm)
{
	struct gmem *gmem = vm->gmem;

	if (!gmem)
		return;
	for (u64 i = 0; i < gmem->chunk_count; i++) {
		for (unsigned page = 0; gmem->pins[i] && page < CHUNK_PAGES_COUNT; page++)
			BUG_ON(gmem->pins[i][page]); /* the board was destroyed before: its devices have let go */
		kfree(gmem->pins[i]);
		free_chunk(&gmem->chunks[i]);
	}
	nested_release(&gmem->nested);
	pages_unreserve(gmem->reserved_pages + gmem->advance_pages);
	kfree(gmem->chunks);
	kfree(gmem->pins);
	kfree(gmem->dirty);
	kfree(gmem);
	vm->gmem = NULL;
}

static void zero(struct gmem *gmem, void *at, u64 size_bytes)
{
	u64 start = rdtsc(), count = size_bytes / 8;

	__asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(0ull) : "memory");
	gmem->zeroed_bytes += size_bytes;
	gmem->zeroing_tsc += rdtsc() - start;
}

static int map_nested(struct gmem *gmem, u64 gpa, hpa_t hpa, u64 size_bytes)
{
	u64 flags = lock_irqsave(&gmem->nested_lock);
	int result = nested_map(&gmem->nested, GPA(gpa), hpa, size_bytes, NESTED_ALL, size_bytes);

	unlock_irqrestore(&gmem->nested_lock, flags);
	return result;
}

/* Allocates, zeroes and maps a block or a page at gpa, which is reserved; NULL: no memory. */
static void *bring(struct gmem *gmem, u64 gpa, unsigned order)
{
	u64 size_bytes = PAGE_SIZE << order;
	hpa_t hpa = pages_alloc(order, PAGE_OWNER_GUEST, PAGES_RESERVED);

	if (!hpa.value)
		return NULL;
	zero(gmem, direct_map(hpa), size_bytes);
	if (map_nested(gmem, gpa, hpa, size_bytes)) {
		pages_free(hpa, order);
		if (pages_reserve(BIT64(order)))
			gmem->reserved_pages -= MIN(gmem->reserved_pages, BIT64(order));
		return NULL;
	}
	gmem->reserved_pages -= BIT64(order);
	gmem->populated_pages += BIT64(order);
	return direct_map(hpa);
}

bool gmem_chunk_is_whole(const struct gmem *gmem, u64 start)
{
	if (start < gmem->low_bytes)
		return gmem->low_bytes - start >= CHUNK_BYTES;
	return gmem->high_bytes - (start - VM_HIGH_RAM_BASE) >= CHUNK_BYTES;
}

/* The chunk's table, made of a chunk that holds nothing; NULL: no memory. */
static u64 *chunk_table(u64 *word)
{
	u64 *pages = (u64 *)(*word & ~CHUNK_PAGES);

	if (*word > CHUNK_GIVEN_BACK)
		return pages;
	pages = kzalloc(CHUNK_PAGES_COUNT * sizeof(*pages));
	if (!pages)
		return NULL;
	for (unsigned i = 0; *word == CHUNK_GIVEN_BACK && i < CHUNK_PAGES_COUNT; i++)
		pages[i] = PAGE_GIVEN_BACK;
	__atomic_store_n(word, (u64)pages | CHUNK_PAGES, __ATOMIC_RELEASE);
	return pages;
}

static int populate_page(struct gmem *gmem, u64 *word, u64 gpa)
{
	u64 *pages = chunk_table(word), *page;
	void *block;

	if (!pages)
		return ERR_NO_MEMORY;
	page = &pages[(gpa >> PAGE_SHIFT) & (CHUNK_PAGES_COUNT - 1)];
	if (*page > PAGE_GIVEN_BACK)
		return OK;
	if (*page == PAGE_GIVEN_BACK && gmem_promise_again(gmem, 1) != OK)
		return ERR_NO_MEMORY;
	*page = 0; /* reserved from here on, like one that was never touched */
	block = bring(gmem, ALIGN_DOWN(gpa, PAGE_SIZE), 0);
	if (!block)
		return ERR_NO_MEMORY;
	__atomic_store_n(page, (u64)block, __ATOMIC_RELEASE);
	return OK;
}

/* A chunk of which nothing is there, as one block if that can be had. */
static void populate_chunk(struct gmem *gmem, u64 *word, u64 start)
{
	void *block;

	if (*word == CHUNK_GIVEN_BACK) {
		if (gmem_promise_again(gmem, CHUNK_PAGES_COUNT) != OK)
			return;
		*word = 0;
	}
	block = bring(gmem, start, CHUNK_ORDER);
	if (block)
		__atomic_store_n(word, (u64)block | CHUNK_BLOCK, __ATOMIC_RELEASE);
}

int gmem_populate(struct vm *vm, gpa_t gpa)
{
	struct gmem *gmem = vm->gmem;
	u64 index = gmem_chunk_index(gmem, gpa.value), *word, start = ALIGN_DOWN(gpa.value, CHUNK_BYTES);
	int result = OK;

	if (index >= gmem->chunk_count)
		return ERR_FAULT;
	word = &gmem->chunks[index_nospec(index, gmem->chunk_count)];
	mutex_lock(&gmem->populate);
	if (*word <= CHUNK_GIVEN_BACK && gmem_chunk_is_whole(gmem, start))
		populate_chunk(gmem, word, start);
	if (!(*word & CHUNK_BLOCK))
		result = populate_page(gmem, word, gpa.value);
	mutex_unlock(&gmem->populate);
	return result;
}

static void mark_dirty(struct gmem *gmem, u64 gpa, u64 size_bytes)
{
	u64 *dirty = __atomic_load_n(&gmem->dirty, __ATOMIC_ACQUIRE);

	if (LIKELY(!dirty))
		return;
	for (u64 at = ALIGN_DOWN(gpa, PAGE_SIZE); at < gpa + size_bytes; at += PAGE_SIZE) {
		u64 page = gmem_chunk_index(gmem, at) * CHUNK_PAGES_COUNT + ((at >> PAGE_SHIFT) & (CHUNK_PAGES_COUNT - 1));

		__atomic_fetch_or(&dirty[page / 64], BIT64(page % 64), __ATOMIC_RELAXED);
	}
}

/* [gpa, gpa + size) is all RAM, in one piece: low or high. */
static bool range_is_ram(const struct gmem *gmem, u64 gpa, u64 size_bytes)
{
	if (gpa < gmem->low_bytes)
		return size_bytes <= gmem->low_bytes - gpa;
	gpa -= VM_HIGH_RAM_BASE;
	return gpa < gmem->high_bytes && size_bytes <= gmem->high_bytes - gpa;
}

u32 *gmem_pin_count(struct gmem *gmem, u64 gpa, bool may_sleep)
{
	u64 index = index_nospec(gmem_chunk_index(gmem, gpa), gmem->chunk_count);
	u32 *pins = __atomic_load_n(&gmem->pins[index], __ATOMIC_ACQUIRE);

	if (UNLIKELY(!pins)) {
		if (!may_sleep)
			return NULL;
		mutex_lock(&gmem->populate);
		pins = gmem->pins[index];
		if (!pins) {
			pins = kzalloc(CHUNK_PAGES_COUNT * sizeof(*pins));
			__atomic_store_n(&gmem->pins[index], pins, __ATOMIC_RELEASE);
		}
		mutex_unlock(&gmem->populate);
		if (!pins)
			return NULL;
	}
	return &pins[(gpa >> PAGE_SHIFT) & (CHUNK_PAGES_COUNT - 1)];
}

static void unpin_page(struct gmem *gmem, u64 gpa)
{
	__atomic_fetch_sub(gmem_pin_count(gmem, gpa, false), 1, __ATOMIC_ACQ_REL);
}

/*
 * Pins one page of RAM and says where it is. The count goes up before the pointer is read: gmem_back.c takes the pointer away
 * before it reads the count, so one of the two sees the other. NULL: no memory; without may_sleep: not there yet.
 */
static u8 *pin_page(struct vm *vm, u64 gpa, bool may_sleep)
{
	u32 *count = gmem_pin_count(vm->gmem, gpa, may_sleep);
	u8 *at;

	if (UNLIKELY(!count))
		return NULL;
	__atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
	at = gmem_pointer(vm->gmem, gpa);
	if (!at && may_sleep && gmem_populate(vm, GPA(gpa)) == OK)
		at = gmem_pointer(vm->gmem, gpa);
	if (UNLIKELY(!at))
		__atomic_fetch_sub(count, 1, __ATOMIC_ACQ_REL);
	return at;
}

enum copy { COPY_READ, COPY_WRITE, COPY_ZERO };

static int copy_range(struct vm *vm, gpa_t address, void *buffer, size_t size_bytes, enum copy direction)
{
	u64 gpa = address.value;

	if (!range_is_ram(vm->gmem, gpa, size_bytes))
		return ERR_FAULT;
	while (size_bytes) {
		size_t part = MIN(size_bytes, PAGE_SIZE - (gpa & PAGE_MASK));
		u8 *at = pin_page(vm, gpa, true);

		if (!at)
			return ERR_NO_MEMORY;
		if (direction == COPY_READ)
			memcpy(buffer, at, part);
		else if (direction == COPY_WRITE)
			memcpy(at, buffer, part);
		else
			memset(at, 0, part);
		if (direction != COPY_READ)
			mark_dirty(vm->gmem, gpa, part);
		unpin_page(vm->gmem, gpa);
		buffer = (u8 *)buffer + (direction == COPY_ZERO ? 0 : part);
		gpa += part;
		size_bytes -= part;
	}
	return OK;
}

int gmem_read(struct vm *vm, gpa_t address, void *to, size_t size_bytes)
{
	return copy_range(vm, address, to, size_bytes, COPY_READ);
}

int gmem_write(struct vm *vm, gpa_t address, const void *from, size_t size_bytes)
{
	return copy_range(vm, address, (void *)(uintptr_t)from, size_bytes, COPY_WRITE);
}

int gmem_zero(struct vm *vm, gpa_t address, size_t size_bytes)
{
	return copy_range(vm, address, NULL, size_bytes, COPY_ZERO);
}

int gmem_read_nofault(struct vm *vm, gpa_t address, void *to, size_t size_bytes)
{
	const u8 *from = gmem_pointer(vm->gmem, address.value);

	if (UNLIKELY(!from))
		return gmem_is_ram(vm->gmem, address.value) ? ERR_AGAIN : ERR_FAULT;
	if (size_bytes > PAGE_SIZE - (address.value & PAGE_MASK))
		return ERR_FAULT;
	memcpy(to, from, size_bytes);
	return OK;
}

int gmem_write_nofault(struct vm *vm, gpa_t address, const void *from, size_t size_bytes)
{
	u8 *to = gmem_pointer(vm->gmem, address.value);

	if (UNLIKELY(!to))
		return gmem_is_ram(vm->gmem, address.value) ? ERR_AGAIN : ERR_FAULT;
	if (size_bytes > PAGE_SIZE - (address.value & PAGE_MASK))
		return ERR_FAULT;
	memcpy(to, from, size_bytes);
	mark_dirty(vm->gmem, address.value, size_bytes);
	return OK;
}

int gmem_compare_exchange(struct vm *vm, gpa_t address, unsigned size_bytes, u64 old, u64 new)
{
	u8 *at = gmem_pointer(vm->gmem, address.value);
	bool done;

	if (!at)
		return gmem_is_ram(vm->gmem, address.value) ? ERR_AGAIN : ERR_FAULT;
	if (!IS_ALIGNED(address.value, size_bytes))
		return ERR_INVALID;
	if (size_bytes == 8) {
		done = __atomic_compare_exchange_n((u64 *)at, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	} else {
		u32 old32 = (u32)old;

		done = __atomic_compare_exchange_n((u32 *)at, &old32, (u32)new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	}
	if (done)
		mark_dirty(vm->gmem, address.value, size_bytes);
	return done ? OK : ERR_BUSY;
}

/* Pins page by page; adjacent pages of the host become one segment. Unwinds when it cannot be done. */
static int pin_range(struct vm *vm, gpa_t address, u64 size_bytes, bool may_sleep, struct gmem_segment *segments, unsigned max)
{
	struct gmem *gmem = vm->gmem;
	u64 gpa = address.value, end = gpa + size_bytes;
	unsigned count = 0;
	int result = ERR_FAULT;

	if (!size_bytes || !range_is_ram(gmem, gpa, size_bytes))
		return ERR_FAULT;
	while (gpa < end) {
		u64 part = MIN(end - gpa, PAGE_SIZE - (gpa & PAGE_MASK));
		u8 *at = pin_page(vm, gpa, may_sleep);
		hpa_t hpa;

		if (!at) {
			result = may_sleep ? ERR_NO_MEMORY : ERR_AGAIN;
			goto unwind;
		}
		hpa = direct_unmap(at);
		if (count && segments[count - 1].address.value + segments[count - 1].size_bytes == hpa.value) {
			segments[count - 1].size_bytes += part;
		} else if (count == max) {
			unpin_page(gmem, gpa);
			result = ERR_FULL;
			goto unwind;
		} else {
			segments[count++] = (struct gmem_segment){ hpa, part };
		}
		gpa += part;
	}
	return (int)count;
unwind:
	while (gpa > address.value) {
		gpa = MAX(ALIGN_DOWN(gpa - 1, PAGE_SIZE), address.value);
		unpin_page(gmem, gpa);
	}
	return result;
}

int gmem_pin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access, struct gmem_segment *segments, unsigned max)
{
	(void)access;
	return pin_range(vm, address, size_bytes, true, segments, max);
}

int gmem_pin_nofault(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access, struct gmem_segment *segments, unsigned max)
{
	(void)access;
	return pin_range(vm, address, size_bytes, false, segments, max);
}

void gmem_unpin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access)
{
	u64 gpa = address.value, end = gpa + size_bytes;

	if (access & GMEM_WRITE)
		mark_dirty(vm->gmem, gpa, size_bytes);
	while (gpa < end) {
		unpin_page(vm->gmem, gpa);
		gpa = ALIGN_DOWN(gpa, PAGE_SIZE) + PAGE_SIZE;
	}
}

int gmem_map(struct vm *vm, gpa_t address, u32 size_bytes, unsigned access, struct gmem_window *window)
{
	struct gmem_segment segments[GMEM_WINDOW_PAGES];
	u64 first = address.value & PAGE_MASK;
	int result;

	*window = (struct gmem_window){ .address = address, .access = access };
	if (DIV_ROUND_UP(first + size_bytes, PAGE_SIZE) > GMEM_WINDOW_PAGES)
		return ERR_RANGE;
	result = gmem_pin(vm, address, size_bytes, access, segments, ARRAY_SIZE(segments));
	if (result < 0)
		return result;
	for (u64 page = 0; page << PAGE_SHIFT < first + size_bytes; page++)
		window->pages[page] = gmem_pointer(vm->gmem, ALIGN_DOWN(address.value, PAGE_SIZE) + (page << PAGE_SHIFT));
	window->size_bytes = size_bytes;
	return OK;
}

void gmem_unmap(struct vm *vm, struct gmem_window *window)
{
	if (window->size_bytes)
		gmem_unpin(vm, window->address, window->size_bytes, window->access);
	window->size_bytes = 0;
}

void gmem_window_written(struct vm *vm, const struct gmem_window *window, u32 offset, u32 size_bytes)
{
	mark_dirty(vm->gmem, window->address.value + offset, size_bytes);
}

void gmem_get_stats(const struct vm *vm, struct gmem_stats *stats)
{
	const struct gmem *gmem = vm->gmem;

	stats->populated_bytes = READ_ONCE(gmem->populated_pages) * PAGE_SIZE;
	stats->nested_table_bytes = READ_ONCE(gmem->nested.table_pages) * PAGE_SIZE;
	stats->zeroed_bytes = READ_ONCE(gmem->zeroed_bytes);
	stats->given_back_bytes = READ_ONCE(gmem->given_back_pages) * PAGE_SIZE;
	stats->zeroing_ticks = READ_ONCE(gmem->zeroing_tsc);
}

hpa_t gmem_nested_root(struct vm *vm)
{
	return vm->gmem->nested.root;
}

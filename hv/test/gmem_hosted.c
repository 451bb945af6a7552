/* SPDX-License-Identifier: MIT */
/* See gmem_hosted.h. */
#include "hv/test/gmem_hosted.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"

u8 *fake_ram;
bool fake_missing[FAKE_RAM_PAGES], fake_given[FAKE_RAM_PAGES];
void (*fake_while_settling)(void);
static u32 pins[FAKE_RAM_PAGES];

void fake_ram_create(void)
{
	fake_ram = aligned_alloc(PAGE_SIZE, FAKE_RAM_BYTES);
	memset(fake_ram, 0, FAKE_RAM_BYTES);
	memset(fake_missing, 0, sizeof(fake_missing));
	memset(pins, 0, sizeof(pins));
	memset(fake_given, 0, sizeof(fake_given));
	fake_while_settling = NULL;
}

u64 fake_pins(void)
{
	u64 sum = 0;

	for (unsigned i = 0; i < FAKE_RAM_PAGES; i++)
		sum += pins[i];
	return sum;
}

void fake_ram_destroy(void)
{
	assert(fake_pins() == 0);
	free(fake_ram);
}

static bool in_ram(u64 address, u64 size_bytes)
{
	return address < FAKE_RAM_BYTES && size_bytes <= FAKE_RAM_BYTES - address;
}

static void bring(u64 address, u64 size_bytes)
{
	for (u64 page = address >> PAGE_SHIFT; page <= (address + size_bytes - 1) >> PAGE_SHIFT && size_bytes; page++)
		fake_missing[page] = false;
}

int gmem_read(struct vm *vm, gpa_t address, void *to, size_t size_bytes)
{
	(void)vm;
	if (!in_ram(address.value, size_bytes))
		return ERR_FAULT;
	bring(address.value, size_bytes);
	memcpy(to, fake_ram + address.value, size_bytes);
	return OK;
}

int gmem_write(struct vm *vm, gpa_t address, const void *from, size_t size_bytes)
{
	(void)vm;
	if (!in_ram(address.value, size_bytes))
		return ERR_FAULT;
	bring(address.value, size_bytes);
	memcpy(fake_ram + address.value, from, size_bytes);
	return OK;
}

static int check_nofault(u64 address, size_t size_bytes)
{
	if (!in_ram(address, 1))
		return ERR_FAULT;
	if (fake_missing[address >> PAGE_SHIFT])
		return ERR_AGAIN;
	return size_bytes > PAGE_SIZE - (address & PAGE_MASK) ? ERR_FAULT : OK;
}

int gmem_read_nofault(struct vm *vm, gpa_t address, void *to, size_t size_bytes)
{
	int code = check_nofault(address.value, size_bytes);

	(void)vm;
	if (code == OK)
		memcpy(to, fake_ram + address.value, size_bytes);
	return code;
}

int gmem_write_nofault(struct vm *vm, gpa_t address, const void *from, size_t size_bytes)
{
	int code = check_nofault(address.value, size_bytes);

	(void)vm;
	if (code == OK)
		memcpy(fake_ram + address.value, from, size_bytes);
	return code;
}

/* Each page is a segment of its own where its number is odd, so that users see more than one. */
static int pin(u64 address, u64 size_bytes, struct gmem_segment *segments, unsigned max)
{
	u64 end = address + size_bytes, at;
	unsigned count = 0;

	for (at = address; at < end;) {
		u64 part = MIN(end - at, PAGE_SIZE - (at & PAGE_MASK));

		if (!count || (at >> PAGE_SHIFT) % 2) {
			if (count == max)
				goto full;
			segments[count++] = (struct gmem_segment){ HPA((u64)(fake_ram + at)), part };
		} else {
			segments[count - 1].size_bytes += part;
		}
		pins[at >> PAGE_SHIFT]++;
		at += part;
	}
	return (int)count;
full:
	while (at > address) {
		at = MAX(ALIGN_DOWN(at - 1, PAGE_SIZE), address);
		pins[at >> PAGE_SHIFT]--;
	}
	return ERR_FULL;
}

int gmem_pin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access, struct gmem_segment *segments, unsigned max)
{
	(void)vm;
	(void)access;
	if (!size_bytes || !in_ram(address.value, size_bytes))
		return ERR_FAULT;
	bring(address.value, size_bytes);
	return pin(address.value, size_bytes, segments, max);
}

int gmem_pin_nofault(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access, struct gmem_segment *segments, unsigned max)
{
	(void)vm;
	(void)access;
	if (!size_bytes || !in_ram(address.value, size_bytes))
		return ERR_FAULT;
	for (u64 page = address.value >> PAGE_SHIFT; page <= (address.value + size_bytes - 1) >> PAGE_SHIFT; page++)
		if (fake_missing[page])
			return ERR_AGAIN;
	return pin(address.value, size_bytes, segments, max);
}

void gmem_unpin(struct vm *vm, gpa_t address, u64 size_bytes, unsigned access)
{
	(void)vm;
	(void)access;
	for (u64 page = address.value >> PAGE_SHIFT; page <= (address.value + size_bytes - 1) >> PAGE_SHIFT; page++) {
		assert(pins[page]);
		pins[page]--;
	}
}

int gmem_map(struct vm *vm, gpa_t address, u32 size_bytes, unsigned access, struct gmem_window *window)
{
	struct gmem_segment segments[GMEM_WINDOW_PAGES];
	u64 first = address.value & PAGE_MASK;
	int code;

	*window = (struct gmem_window){ .address = address, .access = access };
	if (DIV_ROUND_UP(first + size_bytes, PAGE_SIZE) > GMEM_WINDOW_PAGES)
		return ERR_RANGE;
	code = gmem_pin(vm, address, size_bytes, access, segments, GMEM_WINDOW_PAGES);
	if (code < 0)
		return code;
	for (u64 page = 0; page << PAGE_SHIFT < first + size_bytes; page++)
		window->pages[page] = fake_ram + ALIGN_DOWN(address.value, PAGE_SIZE) + (page << PAGE_SHIFT);
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
	(void)vm;
	assert(offset + size_bytes <= window->size_bytes);
}

struct gmem_batch {
	u32 count;
};
#define BATCH_PAGES 512u

struct gmem_batch *gmem_batch_create(struct vm *vm)
{
	(void)vm;
	return calloc(1, sizeof(struct gmem_batch));
}

void gmem_batch_destroy(struct gmem_batch *batch)
{
	assert(!batch || !batch->count);
	free(batch);
}

u64 gmem_batch_add(struct gmem_batch *batch, gpa_t address, u64 size_bytes)
{
	u64 done = 0;

	assert(!((address.value | size_bytes) & PAGE_MASK));
	for (; done < size_bytes && batch->count < BATCH_PAGES; done += PAGE_SIZE) {
		u64 page = (address.value + done) >> PAGE_SHIFT;

		if (page >= FAKE_RAM_PAGES || pins[page])
			continue;
		batch->count += !fake_missing[page];
		fake_given[page] = fake_missing[page] = true;
		memset(fake_ram + page * PAGE_SIZE, 0, PAGE_SIZE);
	}
	return done;
}

bool gmem_batch_settle(struct gmem_batch *batch, bool (*hurry)(void *context), void *context)
{
	(void)batch;
	if (fake_while_settling)
		fake_while_settling();
	return !(hurry && hurry(context));
}

void gmem_batch_finish(struct gmem_batch *batch)
{
	batch->count = 0;
}

void gmem_take_back(struct vm *vm)
{
	(void)vm;
}

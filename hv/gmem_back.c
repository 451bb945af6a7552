/* SPDX-License-Identifier: MIT */
/*
 * Giving a machine's memory back to the host while it runs (hv/gmem.h, struct gmem_batch).
 *
 * Who may still use a page that was taken out, and how each is waited for:
 *   the guest itself, by its TLBs        VCPU_REQUEST_TLB_FLUSH, served before the next entry
 *   a vCPU's thread, in an exit          it comes by the head of its run loop (VCPU_REQUEST_PASS), or stands
 *   its code-page cache                  emptied with the TLB
 *   anybody with interrupts off          each CPU answers a call
 *   devices and threads that have pinned the page: it is put back, since its pin was seen
 * Promises: a page that was given back is not reserved any more. To have it again the machine needs one of the host's free
 * pages, or one that gmem_set_target has reserved in advance.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "hv/clock.h"
#include "hv/gmem_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/run.h"

#define BATCH_PAGES 512u
#define LOOK_NS NS_PER_MS /* how often a wait looks at whether it is to hurry */

struct gmem_batch {
	struct vm *vm;               /* (c) */
	u32 count;
	bool sent, settled;
	u32 seen[VM_VCPUS_MAX];      /* each vCPU's passes when it was sent out */
	u64 pages[BATCH_PAGES];      /* kernel addresses; with CHUNK_BLOCK a whole block */
};

struct gmem_batch *gmem_batch_create(struct vm *vm)
{
	struct gmem_batch *batch = kzalloc(sizeof(*batch));

	if (batch)
		batch->vm = vm;
	return batch;
}

void gmem_batch_destroy(struct gmem_batch *batch)
{
	BUG_ON(batch && batch->count);
	kfree(batch);
}

int gmem_promise_again(struct gmem *gmem, u64 count)
{
	u64 in_advance = MIN(count, gmem->advance_pages);

	if (pages_reserve(count - in_advance))
		return ERR_NO_MEMORY;
	gmem->advance_pages -= in_advance;
	gmem->reserved_pages += count;
	gmem->given_back_pages -= count;
	return OK;
}

/* [populate] What was given back beyond what the target says is to be: so much must be reserved in advance. */
static u64 wanted_advance(const struct gmem *gmem, u64 target_pages)
{
	u64 total = (gmem->low_bytes + gmem->high_bytes) / PAGE_SIZE;

	return gmem->given_back_pages - MIN(gmem->given_back_pages, total - MIN(total, target_pages));
}

/* [populate] count pages were given back; `there` of them had been populated, the others only promised. */
static void count_given_back(struct gmem *gmem, u64 count, bool there)
{
	u64 wanted;

	gmem->given_back_pages += count;
	if (there) {
		gmem->populated_pages -= count;
	} else {
		gmem->reserved_pages -= MIN(count, gmem->reserved_pages);
		pages_unreserve(count);
	}
	wanted = wanted_advance(gmem, gmem->target_pages);
	if (gmem->advance_pages > wanted) { /* the guest of before a reset gave less; this one is where it should be */
		pages_unreserve(gmem->advance_pages - wanted);
		gmem->advance_pages = wanted;
	}
}

static int clear_nested(struct gmem *gmem, u64 gpa, u64 page_bytes)
{
	u64 flags = lock_irqsave(&gmem->nested_lock);
	int code = nested_clear(&gmem->nested, GPA(gpa), page_bytes);

	unlock_irqrestore(&gmem->nested_lock, flags);
	return code;
}

static void restore_nested(struct gmem *gmem, u64 gpa, u64 page)
{
	u64 flags = lock_irqsave(&gmem->nested_lock);
	int code = nested_map(&gmem->nested, GPA(gpa), direct_unmap((void *)page), PAGE_SIZE, NESTED_ALL, PAGE_SIZE);

	BUG_ON(code != OK); /* its table is there: nested_clear frees none */
	unlock_irqrestore(&gmem->nested_lock, flags);
}

static bool is_pinned(struct gmem *gmem, u64 gpa)
{
	const u32 *count = gmem_pin_count(gmem, gpa, false);

	return count && __atomic_load_n(count, __ATOMIC_SEQ_CST);
}

/* [populate] A block becomes 512 pages of the same memory; who reads the word before or after finds the same bytes. */
static int split_block(u64 *word)
{
	u64 *pages = kmalloc(CHUNK_PAGES_COUNT * sizeof(*pages)), base = *word - CHUNK_BLOCK;

	if (!pages)
		return ERR_NO_MEMORY;
	pages_split(direct_unmap((void *)base), CHUNK_ORDER, 0);
	for (unsigned i = 0; i < CHUNK_PAGES_COUNT; i++)
		pages[i] = base + i * PAGE_SIZE;
	__atomic_store_n(word, (u64)pages | CHUNK_PAGES, __ATOMIC_RELEASE);
	return OK;
}

/* [populate] The word of the page in its chunk's table, which is made if need be; NULL: no memory, or (given back) nothing to do. */
static u64 *page_word(u64 *word, u64 gpa, bool *nothing)
{
	u64 *pages;

	*nothing = *word == CHUNK_GIVEN_BACK;
	if (*nothing)
		return NULL;
	if (!*word) {
		pages = kzalloc(CHUNK_PAGES_COUNT * sizeof(*pages));
		if (!pages)
			return NULL;
		__atomic_store_n(word, (u64)pages | CHUNK_PAGES, __ATOMIC_RELEASE);
	} else if ((*word & CHUNK_BLOCK) && split_block(word) != OK) {
		return NULL;
	}
	return &((u64 *)(*word & ~CHUNK_PAGES))[(gpa >> PAGE_SHIFT) & (CHUNK_PAGES_COUNT - 1)];
}

/* [populate] False: no memory for that. */
static bool take_out_page(struct gmem_batch *batch, u64 *word, u64 gpa)
{
	struct gmem *gmem = batch->vm->gmem;
	bool nothing;
	u64 *place, page;

	if (is_pinned(gmem, gpa))
		return true;
	place = page_word(word, gpa, &nothing);
	if (!place)
		return nothing;
	page = *place;
	if (page == PAGE_GIVEN_BACK)
		return true;
	if (page && clear_nested(gmem, gpa, PAGE_SIZE) != OK)
		return false;
	__atomic_store_n(place, PAGE_GIVEN_BACK, __ATOMIC_SEQ_CST);
	if (page && is_pinned(gmem, gpa)) { /* just now: see pin_page in gmem.c */
		__atomic_store_n(place, page, __ATOMIC_RELEASE);
		restore_nested(gmem, gpa, page);
		return true;
	}
	if (page)
		batch->pages[batch->count++] = page;
	count_given_back(gmem, 1, page != 0);
	return true;
}

/* [populate] A whole chunk of which nothing is there: nobody can have a pointer into it. */
static void take_out_empty_chunk(struct gmem *gmem, u64 *word)
{
	__atomic_store_n(word, CHUNK_GIVEN_BACK, __ATOMIC_RELEASE);
	count_given_back(gmem, CHUNK_PAGES_COUNT, false);
}

static bool any_pinned(struct gmem *gmem, u64 start)
{
	for (u64 gpa = start; gpa < start + CHUNK_BYTES; gpa += PAGE_SIZE)
		if (is_pinned(gmem, gpa))
			return true;
	return false;
}

static void put_block_back(struct gmem *gmem, u64 *word, u64 start, u64 block)
{
	u64 flags;

	__atomic_store_n(word, block, __ATOMIC_RELEASE);
	flags = lock_irqsave(&gmem->nested_lock);
	BUG_ON(nested_map(&gmem->nested, GPA(start), direct_unmap((void *)(block - CHUNK_BLOCK)), CHUNK_BYTES, NESTED_ALL,
			  CHUNK_BYTES) != OK);
	unlock_irqrestore(&gmem->nested_lock, flags);
}

/* [populate] A whole block; false: not so, it goes page by page. */
static bool take_out_block(struct gmem_batch *batch, u64 *word, u64 start)
{
	struct gmem *gmem = batch->vm->gmem;
	u64 block = *word;

	if (any_pinned(gmem, start) || clear_nested(gmem, start, CHUNK_BYTES) != OK)
		return false;
	__atomic_store_n(word, CHUNK_GIVEN_BACK, __ATOMIC_SEQ_CST);
	if (any_pinned(gmem, start)) { /* just now: see pin_page in gmem.c */
		put_block_back(gmem, word, start, block);
		return false;
	}
	batch->pages[batch->count++] = block;
	count_given_back(gmem, CHUNK_PAGES_COUNT, true);
	return true;
}

/* [populate] Deals with what begins at gpa, a page or a chunk; returns how many bytes, 0: no memory. */
static u64 take_out(struct gmem_batch *batch, u64 gpa, u64 size_bytes)
{
	struct gmem *gmem = batch->vm->gmem;
	u64 index = gmem_chunk_index(gmem, gpa), *word;

	if (index >= gmem->chunk_count)
		return PAGE_SIZE; /* no RAM: nothing to give back */
	word = &gmem->chunks[index_nospec(index, gmem->chunk_count)];
	if (IS_ALIGNED(gpa, CHUNK_BYTES) && size_bytes >= CHUNK_BYTES && gmem_chunk_is_whole(gmem, gpa)) {
		if (!*word)
			take_out_empty_chunk(gmem, word);
		if (*word == CHUNK_GIVEN_BACK || ((*word & CHUNK_BLOCK) && take_out_block(batch, word, gpa)))
			return CHUNK_BYTES;
	}
	return take_out_page(batch, word, gpa) ? PAGE_SIZE : 0;
}

u64 gmem_batch_add(struct gmem_batch *batch, gpa_t address, u64 size_bytes)
{
	struct gmem *gmem = batch->vm->gmem;
	u64 done = 0, part = PAGE_SIZE;

	BUG_ON(batch->sent);
	mutex_lock(&gmem->populate);
	for (; done < size_bytes && batch->count < BATCH_PAGES && part; done += part)
		part = take_out(batch, address.value + done, size_bytes - done);
	mutex_unlock(&gmem->populate);
	return done;
}

static void answer(void *argument)
{
	(void)argument;
}

static void send(struct gmem_batch *batch)
{
	struct vm *vm = batch->vm;

	for (u32 i = 0; i < vm->vcpu_count; i++) {
		batch->seen[i] = __atomic_load_n(&vm->vcpus[i]->passes, __ATOMIC_SEQ_CST);
		vcpu_request(vm->vcpus[i], VCPU_REQUEST_TLB_FLUSH | VCPU_REQUEST_PASS);
	}
	cpu_call_mask(&cpus_online, answer, NULL);
	batch->sent = true;
}

static bool all_came_by(const struct gmem_batch *batch)
{
	const struct vm *vm = batch->vm;

	for (u32 i = 0; i < vm->vcpu_count; i++)
		if (!vcpu_came_by(vm->vcpus[i], batch->seen[i]))
			return false;
	return true;
}

bool gmem_batch_settle(struct gmem_batch *batch, bool (*hurry)(void *context), void *context)
{
	if (batch->settled || !batch->count)
		return true;
	if (!batch->sent)
		send(batch);
	while (!(batch->settled = all_came_by(batch)) && !(hurry && hurry(context)))
		(void)waitqueue_wait_until(&batch->vm->stopped, all_came_by(batch), clock_ns() + LOOK_NS);
	return batch->settled;
}

void gmem_batch_finish(struct gmem_batch *batch)
{
	(void)gmem_batch_settle(batch, NULL, NULL);
	for (u32 i = 0; i < batch->count; i++) {
		bool block = batch->pages[i] & CHUNK_BLOCK;

		pages_free(direct_unmap((void *)(batch->pages[i] & ~CHUNK_BLOCK)), block ? CHUNK_ORDER : 0);
	}
	batch->count = 0;
	batch->sent = batch->settled = false;
}

int gmem_set_target(struct vm *vm, u64 size_bytes, u64 *short_bytes)
{
	struct gmem *gmem = vm->gmem;
	struct pages_stats stats;
	int code = OK;
	u64 wanted;

	mutex_lock(&gmem->populate);
	wanted = wanted_advance(gmem, size_bytes / PAGE_SIZE);
	*short_bytes = 0;
	if (wanted <= gmem->advance_pages) {
		pages_unreserve(gmem->advance_pages - wanted);
	} else if (pages_reserve(wanted - gmem->advance_pages)) {
		pages_stats(&stats);
		*short_bytes = (wanted - gmem->advance_pages) * PAGE_SIZE;
		*short_bytes -= MIN(*short_bytes, (stats.free_pages - MIN(stats.free_pages, stats.reserved_pages)) * PAGE_SIZE);
		code = ERR_NO_MEMORY;
	}
	if (code == OK) {
		gmem->advance_pages = wanted;
		gmem->target_pages = size_bytes / PAGE_SIZE;
	}
	mutex_unlock(&gmem->populate);
	return code;
}

void gmem_take_back(struct vm *vm)
{
	struct gmem *gmem = vm->gmem;
	u64 missing;

	mutex_lock(&gmem->populate);
	missing = gmem->given_back_pages - gmem->advance_pages;
	for (; missing && pages_reserve(missing); missing /= 2)
		;
	gmem->advance_pages += missing;
	mutex_unlock(&gmem->populate);
}

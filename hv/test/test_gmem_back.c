/* SPDX-License-Identifier: MIT */
/* LINK: hv/gmem.c hv/gmem_back.c arch/x86/nested_paging.c hv/lib/test/log_stderr.c */
/* FORK: its machine and the host's pages are made anew for each test */
/* Memory that comes and goes: given back, touched again, pinned meanwhile, promised; nothing of the host's is lost. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "hv/clock.h"
#include "hv/gmem_internal.h"
#include "hv/lib/error.h"
#include "hv/run.h"

#define HOST_PAGES 8192u
#define RAM_BYTES (8 * MIB)

u64 direct_map_base;
struct cpu_mask cpus_online;
static struct vm vm;
static struct vcpu vcpu;
static u64 free_pages, reserved, allocated[4]; /* by kind: 4 KiB, 2 MiB */
static unsigned requests, calls;
static bool stays_away;
static const struct virt_ops ops = { .name = "test", .nested_format = &nested_format_npt };
const struct virt_ops *virt_ops = &ops;

/* The host's pages: counted, each block an allocation of its own so that a use after the end is seen. */
hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags)
{
	u64 count = BIT64(order);
	void *block;

	(void)owner;
	if (free_pages < count + (flags & PAGES_RESERVED ? 0 : reserved))
		return HPA(0);
	if (flags & PAGES_RESERVED) {
		ck_assert_uint_ge(reserved, count);
		reserved -= count;
	}
	free_pages -= count;
	allocated[order != 0]++;
	block = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
	memset(block, flags & PAGES_ZERO ? 0 : 0xcc, PAGE_SIZE << order);
	return HPA((u64)block);
}

static struct { u64 base; u32 left; } splits[64];

void pages_split(hpa_t base, unsigned order, unsigned new_order)
{
	unsigned i = 0;

	ck_assert(order == CHUNK_ORDER && new_order == 0);
	while (splits[i].left)
		i++;
	splits[i].base = base.value;
	splits[i].left = CHUNK_PAGES_COUNT;
	allocated[1]--;
	allocated[0] += CHUNK_PAGES_COUNT;
}

void pages_free(hpa_t base, unsigned order)
{
	free_pages += BIT64(order);
	allocated[order != 0]--;
	for (unsigned i = 0; i < ARRAY_SIZE(splits); i++) {
		if (splits[i].left && base.value - splits[i].base < CHUNK_BYTES) {
			memset((void *)base.value, 0xdd, PAGE_SIZE);
			if (--splits[i].left == 0)
				free((void *)splits[i].base);
			return;
		}
	}
	free((void *)base.value);
}

int pages_reserve(u64 count)
{
	if (free_pages - MIN(free_pages, reserved) < count)
		return ERR_NO_MEMORY;
	reserved += count;
	return OK;
}

void pages_unreserve(u64 count) { ck_assert_uint_ge(reserved, count); reserved -= count; }
void pages_stats(struct pages_stats *stats) { *stats = (struct pages_stats){ HOST_PAGES, free_pages, reserved, { 0 } }; }
void mutex_init(struct mutex *mutex, const char *name) { (void)name; mutex->owner = NULL; }
void mutex_lock(struct mutex *mutex) { ck_assert_ptr_null(mutex->owner); mutex->owner = (struct thread *)1; }
void mutex_unlock(struct mutex *mutex) { mutex->owner = NULL; }
void vcpu_request(struct vcpu *target, u32 bits)
{
	ck_assert(target == &vcpu && bits == (VCPU_REQUEST_TLB_FLUSH | VCPU_REQUEST_PASS));
	requests++;
	vcpu.passes += !stays_away;
}
bool vcpu_came_by(const struct vcpu *target, u32 seen) { return target->passes != seen; }
void cpu_call_mask(const struct cpu_mask *mask, void (*function)(void *argument), void *argument)
{
	(void)mask;
	function(argument);
	calls++;
}
void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	(void)queue;
	(void)waiter;
	(void)deadline_ns;
	return false;
}
u64 clock_ns(void) { static u64 now; return now += 1000; }

static void start(void)
{
	free_pages = HOST_PAGES;
	reserved = 0;
	memset(&vm, 0, sizeof(vm));
	vm.low_ram_bytes = RAM_BYTES;
	vm.vcpu_count = 1;
	vm.vcpus[0] = &vcpu;
	vcpu.vm = &vm;
	ck_assert_int_eq(gmem_create(&vm), OK);
	ck_assert_uint_eq(reserved, RAM_BYTES / PAGE_SIZE);
}

static void stop(void)
{
	gmem_destroy(&vm);
	ck_assert(free_pages == HOST_PAGES && reserved == 0);
}

static u8 byte_at(u64 gpa)
{
	u8 byte;

	ck_assert_int_eq(gmem_read(&vm, GPA(gpa), &byte, 1), OK);
	return byte;
}

static void write_byte(u64 gpa, u8 byte)
{
	ck_assert_int_eq(gmem_write(&vm, GPA(gpa), &byte, 1), OK);
}

static bool is_mapped(u64 gpa)
{
	struct nested_leaf leaf;

	return nested_lookup(&vm.gmem->nested, GPA(gpa), &leaf);
}

static u64 given_back(void)
{
	struct gmem_stats stats;

	gmem_get_stats(&vm, &stats);
	return stats.given_back_bytes / PAGE_SIZE;
}

static void give(u64 gpa, u64 size_bytes)
{
	struct gmem_batch *batch = gmem_batch_create(&vm);

	while (size_bytes) {
		u64 done = gmem_batch_add(batch, GPA(gpa), size_bytes);

		ck_assert_uint_gt(done, 0);
		gmem_batch_finish(batch);
		gpa += done;
		size_bytes -= done;
	}
	gmem_batch_destroy(batch);
}

START_TEST(a_page_goes_and_comes_back_empty)
{
	u64 free_before;

	start();
	write_byte(0x5123, 0x77);
	write_byte(0x6123, 0x66);
	free_before = free_pages;
	give(0x5000, PAGE_SIZE);
	ck_assert(free_pages == free_before + 1 - 1); /* less a page for the split block's table of mappings */
	ck_assert(!is_mapped(0x5000) && is_mapped(0x6000) && is_mapped(0x4000));
	ck_assert_uint_eq(given_back(), 1);
	ck_assert(requests && calls);
	ck_assert_uint_eq(byte_at(0x6123), 0x66); /* its neighbour in the same block stayed */
	ck_assert_uint_eq(byte_at(0x5123), 0);
	ck_assert(is_mapped(0x5000));
	ck_assert_uint_eq(given_back(), 0);
	stop();
}
END_TEST

START_TEST(the_same_page_twice_and_no_ram)
{
	start();
	write_byte(0x5000, 1);
	give(0x5000, PAGE_SIZE);
	give(0x5000, PAGE_SIZE);
	give(RAM_BYTES, PAGE_SIZE);
	give(0xfee00000, PAGE_SIZE);
	give(BIT64(43), PAGE_SIZE);
	ck_assert_uint_eq(given_back(), 1);
	stop();
}
END_TEST

START_TEST(what_was_never_touched_is_no_longer_promised)
{
	start();
	give(0x10000, PAGE_SIZE);
	ck_assert_uint_eq(reserved, RAM_BYTES / PAGE_SIZE - 1);
	give(CHUNK_BYTES, CHUNK_BYTES);
	give(CHUNK_BYTES, CHUNK_BYTES);
	ck_assert_uint_eq(reserved, RAM_BYTES / PAGE_SIZE - 513);
	ck_assert_uint_eq(byte_at(CHUNK_BYTES + 5), 0); /* as a whole block again */
	ck_assert_uint_eq(given_back(), 1);
	stop();
}
END_TEST

START_TEST(a_whole_block_goes_at_once)
{
	start();
	write_byte(CHUNK_BYTES + 5, 1);
	ck_assert_uint_eq(allocated[1], 1);
	give(CHUNK_BYTES, CHUNK_BYTES);
	ck_assert_uint_eq(allocated[1], 0);
	ck_assert(!is_mapped(CHUNK_BYTES));
	ck_assert_uint_eq(given_back(), 512);
	ck_assert_uint_eq(byte_at(CHUNK_BYTES + 5), 0);
	stop();
}
END_TEST

START_TEST(pinned_pages_stay)
{
	struct gmem_segment segments[2];

	start();
	write_byte(0x5000, 0x55);
	ck_assert_int_eq(gmem_pin_nofault(&vm, GPA(CHUNK_BYTES), 8, GMEM_READ, segments, 2), ERR_AGAIN);
	ck_assert_int_eq(gmem_pin(&vm, GPA(0x5ff0), 32, GMEM_WRITE, segments, 2), 1);
	give(0x4000, 4 * PAGE_SIZE);
	ck_assert_uint_eq(given_back(), 2);
	ck_assert(is_mapped(0x5000) && is_mapped(0x6000) && !is_mapped(0x4000));
	give(0, CHUNK_BYTES); /* nor does the block around it go as a whole */
	ck_assert_uint_eq(given_back(), 510);
	ck_assert_int_eq(gmem_pin_nofault(&vm, GPA(0x5ff0), 8, GMEM_READ, segments, 2), 1);
	ck_assert_int_eq(gmem_pin_nofault(&vm, GPA(0x4ff0), 8, GMEM_READ, segments, 2), ERR_AGAIN);
	gmem_unpin(&vm, GPA(0x5ff0), 8, GMEM_READ);
	gmem_unpin(&vm, GPA(0x5ff0), 32, GMEM_WRITE);
	ck_assert_uint_eq(byte_at(0x5000), 0x55);
	give(0x5000, PAGE_SIZE);
	ck_assert_uint_eq(byte_at(0x5000), 0);
	stop();
}
END_TEST

static bool yes(void *context)
{
	++*(unsigned *)context;
	return true;
}

START_TEST(nothing_is_freed_before_all_came_by)
{
	struct gmem_batch *batch;
	unsigned asked = 0;
	u64 before;

	start();
	write_byte(0x5000, 1);
	batch = gmem_batch_create(&vm);
	before = free_pages;
	stays_away = true;
	ck_assert_uint_eq(gmem_batch_add(batch, GPA(0x5000), PAGE_SIZE), PAGE_SIZE);
	before = free_pages;
	ck_assert(!gmem_batch_settle(batch, yes, &asked));
	ck_assert(asked == 1 && free_pages == before);
	vcpu.passes++;
	ck_assert(gmem_batch_settle(batch, yes, &asked));
	gmem_batch_finish(batch);
	ck_assert_uint_eq(free_pages, before + 1);
	stays_away = false;
	gmem_batch_destroy(batch);
	stop();
}
END_TEST

START_TEST(promises)
{
	u64 missing;

	start();
	give(0, RAM_BYTES / 2);
	ck_assert_uint_eq(reserved, RAM_BYTES / PAGE_SIZE / 2);
	ck_assert_int_eq(gmem_set_target(&vm, RAM_BYTES / 2, &missing), OK); /* as it is */
	ck_assert_uint_eq(reserved, RAM_BYTES / PAGE_SIZE / 2);
	free_pages = reserved + 100; /* somebody else has the rest */
	ck_assert_int_eq(gmem_set_target(&vm, RAM_BYTES, &missing), ERR_NO_MEMORY);
	ck_assert_uint_eq(missing, (RAM_BYTES / PAGE_SIZE / 2 - 100) * PAGE_SIZE);
	ck_assert_int_eq(gmem_set_target(&vm, RAM_BYTES / 2 + 64 * PAGE_SIZE, &missing), OK);
	ck_assert_uint_eq(reserved, RAM_BYTES / PAGE_SIZE / 2 + 64);
	free_pages = reserved + 3; /* and now no page is left but for tables: what was reserved is there */
	ck_assert_uint_eq(byte_at(0), 0);
	ck_assert_int_eq(gmem_set_target(&vm, RAM_BYTES / 2, &missing), OK);
	free_pages = HOST_PAGES - allocated[0] - allocated[1] * 512;
	stop();
}
END_TEST

START_TEST(a_guest_that_takes_more_than_the_host_has)
{
	u8 byte;

	start();
	give(0, RAM_BYTES);
	ck_assert_uint_eq(reserved, 0);
	free_pages = 0;
	ck_assert_int_eq(gmem_read(&vm, GPA(0x1000), &byte, 1), ERR_NO_MEMORY);
	ck_assert_uint_eq(given_back(), RAM_BYTES / PAGE_SIZE);
	free_pages = HOST_PAGES - allocated[0] - allocated[1] * 512;
	gmem_take_back(&vm);
	ck_assert_uint_eq(reserved, RAM_BYTES / PAGE_SIZE);
	ck_assert_uint_eq(byte_at(0x1000), 0);
	stop();
}
END_TEST

/* Every kind of step in any order; the sums hold after each one. */
START_TEST(any_order)
{
	unsigned seed = 7;
	u64 missing;

	start();
	for (unsigned i = 0; i < 5000; i++) {
		u64 gpa = (u64)(rand_r(&seed) % (RAM_BYTES / PAGE_SIZE)) * PAGE_SIZE;
		struct gmem_stats stats;

		switch (rand_r(&seed) % 8) {
		case 0: give(ALIGN_DOWN(gpa, CHUNK_BYTES), CHUNK_BYTES); break;
		case 1: case 2: give(gpa, PAGE_SIZE); break;
		case 3: (void)!gmem_set_target(&vm, gpa, &missing); break;
		case 4: gmem_take_back(&vm); break;
		default: write_byte(gpa, 0x11); ck_assert_uint_eq(byte_at(gpa), 0x11); break;
		}
		gmem_get_stats(&vm, &stats);
		ck_assert_uint_eq(stats.populated_bytes / PAGE_SIZE + given_back() + vm.gmem->reserved_pages, RAM_BYTES / PAGE_SIZE);
		ck_assert_uint_eq(reserved, vm.gmem->reserved_pages + vm.gmem->advance_pages);
		ck_assert_uint_le(vm.gmem->advance_pages, given_back());
	}
	stop();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("gmem_back");
	TCase *t = tcase_create("gmem_back");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_page_goes_and_comes_back_empty);
	tcase_add_test(t, the_same_page_twice_and_no_ram);
	tcase_add_test(t, what_was_never_touched_is_no_longer_promised);
	tcase_add_test(t, a_whole_block_goes_at_once);
	tcase_add_test(t, pinned_pages_stay);
	tcase_add_test(t, nothing_is_freed_before_all_came_by);
	tcase_add_test(t, promises);
	tcase_add_test(t, a_guest_that_takes_more_than_the_host_has);
	tcase_add_test(t, any_order);
	suite_add_tcase(suite, t);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: virtio/virtqueue.c hv/test/gmem_hosted.c */
/* Split rings: chains of all forms, each rule that a driver can break, notifications, wrap-around, a second vCPU that scribbles. */
#include "hv/lib/test/unit.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "hv/test/gmem_hosted.h"
#include "virtio/spec/virtio.h"
#include "virtio/virtqueue.h"

#define SIZE 8u
#define DESC 0x10000u
#define AVAIL 0x20ffeu /* the ring's entries cross a page */
#define USED 0x30ff4u  /* and so does an element of the used ring */
#define TABLE 0x40ff8u /* an indirect table whose first entry crosses a page */
#define DATA 0x50000u

static struct virtq queue;
static struct virtq_range ranges[16];
static struct virtq_chain chain;

static struct virtq_desc *desc_at(u64 base, u32 index)
{
	return (struct virtq_desc *)(void *)(fake_ram + base + index * sizeof(struct virtq_desc));
}

static void put_desc(u64 base, u32 index, u64 address, u32 length, u16 flags, u16 next)
{
	struct virtq_desc desc = { address, length, flags, next };

	memcpy(desc_at(base, index), &desc, sizeof(desc));
}

static u16 *word(u64 address)
{
	return (u16 *)(void *)(fake_ram + address);
}

static void offer(u16 head)
{
	u16 *index = word(AVAIL + VIRTQ_AVAIL_IDX);

	*word(AVAIL + VIRTQ_AVAIL_RING(*index % SIZE)) = head;
	(*index)++;
}

static void setup(void)
{
	fake_ram_create();
	virtq_init(&queue, NULL, 64);
	queue.size = SIZE;
	queue.desc = DESC;
	queue.avail = AVAIL;
	queue.used = USED;
	ck_assert_int_eq(virtq_enable(&queue), OK);
	queue.indirect = true;
	chain = (struct virtq_chain){ .ranges = ranges, .capacity = ARRAY_SIZE(ranges) };
}

static void teardown(void)
{
	virtq_disable(&queue);
	fake_ram_destroy();
}

START_TEST(enabling)
{
	static const struct {
		u16 size;
		u64 desc, avail, used;
		int code;
	} rows[] = {
		{ 8, 0x1000, 0x2000, 0x3000, OK },         { 64, 0x1000, 0x2000, 0x3000, OK },
		{ 1, 0x1000, 0x2000, 0x3000, OK },         { 0, 0x1000, 0x2000, 0x3000, ERR_INVALID },
		{ 7, 0x1000, 0x2000, 0x3000, ERR_INVALID }, { 128, 0x1000, 0x2000, 0x3000, ERR_INVALID },
		{ 8, 0x1008, 0x2000, 0x3000, ERR_INVALID }, { 8, 0x1000, 0x2001, 0x3000, ERR_INVALID },
		{ 8, 0x1000, 0x2000, 0x3002, ERR_INVALID }, { 8, FAKE_RAM_BYTES, 0x2000, 0x3000, ERR_FAULT },
		{ 8, FAKE_RAM_BYTES - 64, 0x2000, 0x3000, ERR_FAULT }, { 8, 0x1000, FAKE_RAM_BYTES - 2, 0x3000, ERR_FAULT },
		{ 8, 0x1000, 0x2000, ~15ull, ERR_FAULT },  { 8, 0xfffffff0, 0x2000, 0x3000, ERR_FAULT },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct virtq other;

		virtq_init(&other, NULL, 64);
		other.size = rows[i].size;
		other.desc = rows[i].desc;
		other.avail = rows[i].avail;
		other.used = rows[i].used;
		ck_assert_msg(virtq_enable(&other) == rows[i].code, "row %u", i);
		ck_assert_int_eq(other.enabled, rows[i].code == OK);
		virtq_disable(&other);
		ck_assert_uint_eq(other.size, 64);
	}
}
END_TEST

START_TEST(plain_chain)
{
	struct virtq_range part[2];
	u8 bytes[8];

	ck_assert_int_eq(virtq_pop(&queue, &chain), ERR_NOT_FOUND);
	put_desc(DESC, 3, DATA, 4, VIRTQ_DESC_F_NEXT, 7);
	put_desc(DESC, 7, DATA + 0x100, 12, VIRTQ_DESC_F_NEXT, 0);
	put_desc(DESC, 0, DATA + 0x200, 16, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 1);
	put_desc(DESC, 1, DATA + 0x300, 1, VIRTQ_DESC_F_WRITE, 1);
	memcpy(fake_ram + DATA, "abcd", 4);
	memcpy(fake_ram + DATA + 0x100, "efgh", 4);
	offer(3);
	ck_assert_int_eq(virtq_pop(&queue, &chain), OK);
	ck_assert(chain.head == 3 && chain.readable_count == 2 && chain.writable_count == 2);
	ck_assert(chain.readable_bytes == 16 && chain.writable_bytes == 17);
	ck_assert_int_eq(virtq_chain_read(NULL, &chain, 1, bytes, 7, false), OK);
	ck_assert(memcmp(bytes, "bcdefgh", 7) == 0);
	ck_assert_int_eq(virtq_chain_read(NULL, &chain, 1, bytes, 7, true), OK);
	ck_assert_int_eq(virtq_chain_read(NULL, &chain, 12, bytes, 5, true), ERR_FAULT);
	ck_assert_int_eq(virtq_chain_write(NULL, &chain, 15, "xy", 2), OK);
	ck_assert(fake_ram[DATA + 0x20f] == 'x' && fake_ram[DATA + 0x300] == 'y');
	ck_assert_int_eq(virtq_chain_slice(&chain, true, 15, 2, part, 2), 2);
	ck_assert(part[1].address == DATA + 0x300 && part[1].size_bytes == 1);
	ck_assert_int_eq(virtq_chain_slice(&chain, true, 15, 2, part, 1), ERR_FULL);
	ck_assert_int_eq(virtq_chain_slice(&chain, false, 16, 1, part, 2), 0);
	virtq_unpop(&queue);
	chain.capacity = 3;
	ck_assert_int_eq(virtq_pop(&queue, &chain), ERR_FULL);
	chain.capacity = 4;
	ck_assert_int_eq(virtq_pop(&queue, &chain), OK);
	ck_assert_int_eq(virtq_pop(&queue, &chain), ERR_NOT_FOUND);
	virtq_push(&queue, 3, 17);
	ck_assert_uint_eq(*word(USED + VIRTQ_USED_IDX), 1);
	ck_assert_uint_eq(*word(USED + VIRTQ_USED_RING(0)), 3);
	ck_assert_uint_eq(*word(USED + VIRTQ_USED_RING(0) + 4), 17);
}
END_TEST

START_TEST(indirect_chain)
{
	put_desc(DESC, 0, DATA, 16, VIRTQ_DESC_F_NEXT, 1);
	put_desc(DESC, 1, TABLE, 3 * 16, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE, 99); /* WRITE and next mean nothing there */
	put_desc(TABLE, 0, DATA + 0x100, 5, VIRTQ_DESC_F_NEXT, 2);
	put_desc(TABLE, 2, DATA + 0x200, 6, VIRTQ_DESC_F_WRITE, 0);
	offer(0);
	fake_missing[(TABLE >> PAGE_SHIFT) + 1] = true;
	ck_assert_int_eq(virtq_pop(&queue, &chain), ERR_AGAIN);
	ck_assert_uint_eq(chain.ranges[0].address, (TABLE | PAGE_MASK) + 1);
	fake_missing[(TABLE >> PAGE_SHIFT) + 1] = false;
	ck_assert_int_eq(virtq_pop(&queue, &chain), OK);
	ck_assert(chain.readable_bytes == 21 && chain.writable_bytes == 6);
}
END_TEST

/* HOSTILE: each row breaks one rule; all end in ERR_INVALID with words, and nothing is read outside of RAM. */
static const struct {
	const char *rule;
	u16 head, jump;
	struct virtq_desc first, second, table[2];
	bool no_indirect;
} hostile[] = {
	{ "an available index beyond the ring", 0, SIZE + 1, .first = { DATA, 1, 0, 0 } },
	{ "a head outside of the descriptor table", SIZE, 1, .first = { DATA, 1, 0, 0 } },
	{ "a head outside of the descriptor table", 0xffff, 1, .first = { DATA, 1, 0, 0 } },
	{ "a next index outside of the descriptor table", 0, 1, .first = { DATA, 1, VIRTQ_DESC_F_NEXT, SIZE } },
	{ "a chain that runs in a circle", 0, 1, .first = { DATA, 1, VIRTQ_DESC_F_NEXT, 0 } },
	{ "a chain that runs in a circle", 0, 1, .first = { DATA, 1, VIRTQ_DESC_F_NEXT, 1 }, .second = { DATA, 1, VIRTQ_DESC_F_NEXT, 0 } },
	{ "a descriptor of no length", 0, 1, .first = { DATA, 0, 0, 0 } },
	{ "a buffer that wraps the address space", 0, 1, .first = { ~0ull - 3, 8, 0, 0 } },
	{ "a chain of 4 GiB or more", 0, 1, .first = { DATA, 0xfffffff0, VIRTQ_DESC_F_NEXT, 1 }, .second = { DATA, 16, 0, 0 } },
	{ "a buffer to read behind one to write", 0, 1, .first = { DATA, 1, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 1 },
	  .second = { DATA, 1, 0, 0 } },
	{ "an indirect descriptor without the feature", 0, 1, .first = { TABLE, 16, VIRTQ_DESC_F_INDIRECT, 0 }, .no_indirect = true },
	{ "an indirect descriptor with a next one", 0, 1, .first = { TABLE, 16, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT, 1 } },
	{ "an indirect table of a wrong length", 0, 1, .first = { TABLE, 0, VIRTQ_DESC_F_INDIRECT, 0 } },
	{ "an indirect table of a wrong length", 0, 1, .first = { TABLE, 24, VIRTQ_DESC_F_INDIRECT, 0 } },
	{ "an indirect table of a wrong length", 0, 1, .first = { TABLE, 16 * (VIRTQ_CHAIN_MAX + 1), VIRTQ_DESC_F_INDIRECT, 0 } },
	{ "an indirect table of a wrong length", 0, 1, .first = { ~0ull - 15, 32, VIRTQ_DESC_F_INDIRECT, 0 } },
	{ "an indirect table outside of RAM", 0, 1, .first = { FAKE_RAM_BYTES, 16, VIRTQ_DESC_F_INDIRECT, 0 } },
	{ "an indirect table outside of RAM", 0, 1, .first = { FAKE_RAM_BYTES - 8, 16, VIRTQ_DESC_F_INDIRECT, 0 } },
	{ "an indirect table inside of another", 0, 1, .first = { TABLE, 16, VIRTQ_DESC_F_INDIRECT, 0 },
	  .table = { { TABLE, 16, VIRTQ_DESC_F_INDIRECT, 0 } } },
	{ "a next index outside of the indirect table", 0, 1, .first = { TABLE, 32, VIRTQ_DESC_F_INDIRECT, 0 },
	  .table = { { DATA, 1, VIRTQ_DESC_F_NEXT, 2 } } },
	{ "an indirect table that runs in a circle", 0, 1, .first = { TABLE, 32, VIRTQ_DESC_F_INDIRECT, 0 },
	  .table = { { DATA, 1, VIRTQ_DESC_F_NEXT, 1 }, { DATA, 1, VIRTQ_DESC_F_NEXT, 0 } } },
};

START_TEST(broken_rules)
{
	offer(hostile[_i].head);
	*word(AVAIL + VIRTQ_AVAIL_IDX) = hostile[_i].jump;
	queue.indirect = !hostile[_i].no_indirect;
	memcpy(desc_at(DESC, 0), &hostile[_i].first, 16);
	memcpy(desc_at(DESC, 1), &hostile[_i].second, 16);
	memcpy(desc_at(TABLE, 0), hostile[_i].table, 32);
	ck_assert_int_eq(virtq_pop(&queue, &chain), ERR_INVALID);
	ck_assert_str_eq(queue.broken, hostile[_i].rule);
	ck_assert_uint_eq(queue.next_avail, 0);
}
END_TEST

/* The rings lie over each other and over the table: it is the guest's memory, and only its own business. */
START_TEST(rings_over_each_other)
{
	virtq_disable(&queue);
	queue.size = SIZE;
	queue.desc = queue.avail = queue.used = DESC;
	ck_assert_int_eq(virtq_enable(&queue), OK);
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned k = 0; k < 64; k++)
			*word(DESC + 2 * k) = (u16)random();
		if (virtq_pop(&queue, &chain) == OK)
			virtq_push(&queue, chain.head, 1);
		(void)virtq_ask_doorbell(&queue);
		(void)virtq_wants_interrupt(&queue);
	}
}
END_TEST

START_TEST(interrupts_by_flag)
{
	virtq_push(&queue, 0, 0);
	ck_assert(virtq_wants_interrupt(&queue));
	*word(AVAIL + VIRTQ_AVAIL_FLAGS) = VIRTQ_AVAIL_F_NO_INTERRUPT;
	ck_assert(!virtq_wants_interrupt(&queue));
	virtq_decline_doorbells(&queue);
	ck_assert_uint_eq(*word(USED + VIRTQ_USED_FLAGS), VIRTQ_USED_F_NO_NOTIFY);
	ck_assert(!virtq_ask_doorbell(&queue));
	ck_assert_uint_eq(*word(USED + VIRTQ_USED_FLAGS), 0);
}
END_TEST

/* Every index of 16 bits is passed, by steps of all sizes: an interrupt exactly when used_event is passed; the flag says nothing. */
START_TEST(interrupts_by_event)
{
	u16 *event = word(AVAIL + VIRTQ_AVAIL_RING(SIZE));

	queue.event_idx = true;
	*word(AVAIL + VIRTQ_AVAIL_FLAGS) = VIRTQ_AVAIL_F_NO_INTERRUPT;
	virtq_push(&queue, 0, 0);
	ck_assert(virtq_wants_interrupt(&queue)); /* the first one always */
	for (u32 i = 0; i < 70000; i++) {
		u16 before = queue.next_used, step = (u16)(1 + i % 5), distance = (u16)(i % 11);

		*event = (u16)(before + distance);
		for (u16 k = 0; k < step; k++)
			virtq_push(&queue, 0, 0);
		ck_assert_int_eq(virtq_wants_interrupt(&queue), distance < step);
	}
}
END_TEST

START_TEST(doorbells_by_event)
{
	queue.event_idx = true;
	put_desc(DESC, 0, DATA, 1, 0, 0);
	for (u32 i = 0; i < 70000; i++) {
		ck_assert(!virtq_ask_doorbell(&queue));
		ck_assert_uint_eq(*word(USED + VIRTQ_USED_RING(SIZE)), queue.next_avail);
		offer(0);
		ck_assert(virtq_ask_doorbell(&queue)); /* it came before the wish was seen */
		ck_assert_int_eq(virtq_pop(&queue, &chain), OK);
	}
	*word(AVAIL + VIRTQ_AVAIL_IDX) = (u16)(queue.next_avail + SIZE + 1);
	ck_assert(virtq_ask_doorbell(&queue));
	ck_assert_int_eq(virtq_pop(&queue, &chain), ERR_INVALID);
}
END_TEST

static bool scribbling;

/* The second vCPU: changes descriptors, table and available ring as fast as it can. */
static void *scribble(void *unused)
{
	unsigned seed = 7;

	(void)unused;
	while (__atomic_load_n(&scribbling, __ATOMIC_RELAXED)) {
		u32 r = (u32)rand_r(&seed);

		__atomic_store_n(word(DESC + r % (SIZE * 16 / 2) * 2), (u16)(r >> 8), __ATOMIC_RELAXED);
		__atomic_store_n(word(TABLE + r % 64 * 2), (u16)(r >> 4), __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(second_vcpu)
{
	pthread_t other;

	scribbling = true;
	pthread_create(&other, NULL, scribble, NULL);
	for (unsigned i = 0; i < 200000; i++) {
		if (virtq_pop(&queue, &chain) == ERR_NOT_FOUND) {
			put_desc(DESC, 0, TABLE, 64, VIRTQ_DESC_F_INDIRECT, 0);
			offer((u16)(i % SIZE));
			continue;
		}
		/* Whatever came out is within what was promised. */
		ck_assert_uint_le(chain.readable_count + chain.writable_count, chain.capacity);
		ck_assert_uint_lt(chain.head, SIZE);
		*word(AVAIL + VIRTQ_AVAIL_IDX) = queue.next_avail;
	}
	__atomic_store_n(&scribbling, false, __ATOMIC_RELAXED);
	pthread_join(other, NULL);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtqueue");
	TCase *t = tcase_create("virtqueue");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, enabling);
	tcase_add_test(t, plain_chain);
	tcase_add_test(t, indirect_chain);
	tcase_add_loop_test(t, broken_rules, 0, ARRAY_SIZE(hostile));
	tcase_add_test(t, rings_over_each_other);
	tcase_add_test(t, interrupts_by_flag);
	tcase_add_test(t, interrupts_by_event);
	tcase_add_test(t, doorbells_by_event);
	tcase_add_test(t, second_vcpu);
	suite_add_tcase(suite, t);
	return suite;
}

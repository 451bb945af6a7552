/* SPDX-License-Identifier: MIT */
/* LINK: drivers/usb/xhci_ring.c hv/lib/string.c */
/* Rings, with a consumer that reads them as a controller does: each block once, in order, over many turns; never a part of a transfer. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "drivers/usb/xhci_ring.h"

#define ADDRESS 0x7000000u

static struct xhci_trb trbs[XHCI_RING_TRBS];
static struct xhci_ring ring;
static u32 reader, reader_cycle;

static void begin(void)
{
	xhci_ring_init(&ring, trbs, HPA(ADDRESS));
	reader = 0;
	reader_cycle = 1;
}

/* The next block that the controller sees; NULL: none. Links are followed. */
static const struct xhci_trb *read_block(void)
{
	const struct xhci_trb *trb = &trbs[reader];

	if ((trb->control & TRB_CYCLE) != reader_cycle)
		return NULL;
	if (TRB_TYPE_OF(trb->control) == TRB_LINK) {
		ck_assert_uint_eq(trb->parameter, ADDRESS);
		ck_assert(trb->control & TRB_TOGGLE);
		reader = 0;
		reader_cycle ^= 1;
		return read_block();
	}
	reader++;
	return trb;
}

START_TEST(many_turns)
{
	u64 number = 0;

	begin();
	for (u32 round = 0; round < 2000; round++) {
		u32 count = 1 + round * 7 % XHCI_TRANSFER_TRBS, first = ring.next, before, own;
		bool wrapped = false;

		xhci_ring_begin(&ring);
		for (u32 i = 0; i < count; i++) {
			xhci_ring_put(&ring, number + i, 100, TRB_TYPE(TRB_NORMAL) | (i + 1 < count ? TRB_CHAIN : TRB_DONE_EVENT));
			wrapped = wrapped || ring.next == 0;
			ck_assert_ptr_null(read_block()); /* nothing is seen before the commit */
		}
		if (wrapped && ring.next != 0)
			ck_assert(trbs[XHCI_RING_TRBS - 1].control & TRB_CHAIN);
		xhci_ring_commit(&ring);
		for (u32 i = 0; i < count; i++) {
			const struct xhci_trb *trb = read_block();

			ck_assert_ptr_nonnull(trb);
			ck_assert_uint_eq(trb->parameter, number + i);
			ck_assert(xhci_ring_locate(&ring, first, ring.next, ADDRESS + (u64)(trb - trbs) * 16, &before, &own));
			ck_assert_uint_eq(before, 100 * i);
			ck_assert_uint_eq(own, 100);
		}
		ck_assert_ptr_null(read_block());
		ck_assert_uint_eq(xhci_ring_position(&ring) & 1, ring.cycle);
		number += count;
	}
}
END_TEST

START_TEST(addresses_that_are_none)
{
	u32 before, own;

	begin();
	xhci_ring_begin(&ring);
	xhci_ring_put(&ring, 1, 8, TRB_TYPE(TRB_SETUP) | TRB_IMMEDIATE);
	xhci_ring_put(&ring, 2, 18, TRB_TYPE(TRB_DATA));
	xhci_ring_commit(&ring);
	ck_assert(xhci_ring_locate(&ring, 0, 2, ADDRESS + 16, &before, &own) && before == 0 && own == 18);
	ck_assert(!xhci_ring_locate(&ring, 0, 2, ADDRESS + 32, &before, &own));
	ck_assert(!xhci_ring_locate(&ring, 0, 2, ADDRESS + 8, &before, &own));
	ck_assert(!xhci_ring_locate(&ring, 0, 2, ADDRESS - 16, &before, &own));
	ck_assert(!xhci_ring_locate(&ring, 0, 2, 0, &before, &own));
	ck_assert(!xhci_ring_locate(&ring, 0, 2, ~0ull, &before, &own));
	ck_assert(!xhci_ring_locate(&ring, 0, 2, ADDRESS + 16ull * (XHCI_RING_TRBS - 1), &before, &own));
}
END_TEST

START_TEST(event_turns)
{
	static struct xhci_trb memory[XHCI_RING_TRBS];
	struct xhci_event_ring events = { .trbs = memory, .address = HPA(ADDRESS), .cycle = 1 };
	struct xhci_trb event;
	u32 cycle = 1, at = 0;

	ck_assert(!xhci_event_next(&events, &event));
	for (u32 i = 0; i < 3 * XHCI_RING_TRBS; i++) {
		memory[at] = (struct xhci_trb){ i, i, TRB_TYPE(TRB_PORT_EVENT) | cycle };
		if (++at == XHCI_RING_TRBS) {
			at = 0;
			cycle ^= 1;
		}
		ck_assert(xhci_event_next(&events, &event));
		ck_assert_uint_eq(event.parameter, i);
		ck_assert(!xhci_event_next(&events, &event));
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("xhci ring");
	TCase *tcase = tcase_create("xhci ring");

	tcase_add_test(tcase, many_turns);
	tcase_add_test(tcase, addresses_that_are_none);
	tcase_add_test(tcase, event_turns);
	suite_add_tcase(suite, tcase);
	return suite;
}

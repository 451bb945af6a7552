/* SPDX-License-Identifier: MIT */
/* LINK: drivers/e1000.c drivers/e1000_ring.c drivers/e1000_models.c drivers/pci_function.c drivers/test/fake_bus.c drivers/test/fake_e1000.c */
/* LINK: hv/host_card.c hv/host_card_thread.c hv/net_port.c hv/test/host_card_hosted.c hv/lib/format.c hv/lib/string.c */
/* FORK: a card stays registered for ever */
/* Intel's gigabit cards over a fake one: set-up, both rings round and round, links, hangs, a card that is pulled. */
#include "hv/lib/test/unit.h"
#include <sanitizer/lsan_interface.h>
#include "drivers/e1000_internal.h"
#include "drivers/test/fake_e1000.h"
#include "hv/clock.h"
#include "hv/test/host_card_hosted.h"

#define WHOLE (E1000_RXD_DD | E1000_RXD_EOP)

static struct host_card *card;
static struct hosted_user user;
static u8 bytes[4096], seen[4096];

static void card_of(u16 device, u8 kind, const struct pci_driver *driver)
{
	fake_e1000_init(device, kind);
	ck_assert_int_eq(driver->probe(&fake_bus.function), OK);
	card = host_card_at(0);
	hosted_user_init(&user, "a test");
	ck_assert_int_eq(host_card_attach(card, &user.user, HOST_CARD_OWN, NULL), OK);
	hosted_turns(card);
	for (u32 i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)(i * 11 + i / 256);
}

static void usual_card(void)
{
	card_of(0x100e, PCI_INTERRUPT_WIRE, &e1000_driver);
}

static void turn(void)
{
	host_card_interrupt(card);
	hosted_turns(card);
}

static void tick(u32 times)
{
	while (times--) {
		hosted_now_ns += NS_PER_S;
		card->ops->tick(card);
		hosted_turns(card);
	}
}

static int transmit(u32 size_bytes)
{
	struct net_segment segment = { HPA((u64)bytes + 60), size_bytes - 60 };
	struct net_frame frame = { .header = bytes, .header_bytes = 60, .segments = &segment, .segment_count = size_bytes > 60,
				   .size_bytes = size_bytes };

	return host_card_send(card, &frame);
}

START_TEST(a_card_is_set_up)
{
	static const struct { u16 device; u8 kind; const struct pci_driver *driver; const char *model; } cards[] = {
		{ 0x100e, PCI_INTERRUPT_WIRE, &e1000_driver, "Intel 82540EM" },
		{ 0x100f, PCI_INTERRUPT_MSI, &e1000_driver, "Intel 82545EM" },
		{ 0x10d3, PCI_INTERRUPT_MSIX, &e1000e_driver, "Intel 82574L" },
		{ 0x1502, PCI_INTERRUPT_MSI, &e1000e_driver, "Intel 82579LM" },
	};
	bool express = cards[_i].driver == &e1000e_driver, vectors = cards[_i].kind == PCI_INTERRUPT_MSIX;

	card_of(cards[_i].device, cards[_i].kind, cards[_i].driver);
	ck_assert_str_eq(card->model, cards[_i].model);
	ck_assert_str_eq(card->driver, cards[_i].driver->name);
	ck_assert_int_eq(memcmp(card->port.mac, "\x52\x54\0\0\0\x9", 6), 0);
	ck_assert(card->port.link_up && card->speed_mbps == 1000 && !card->half_duplex);
	ck_assert_uint_eq(fake_e1000.resets, 1);
	ck_assert_uint_eq(fake_e1000_register(E1000_RDT), 255);
	ck_assert_uint_eq(fake_e1000_register(E1000_CTRL) & (E1000_CTRL_SLU | E1000_CTRL_ASDE), E1000_CTRL_SLU | E1000_CTRL_ASDE);
	ck_assert_uint_eq(fake_e1000_register(E1000_IVAR_82574), vectors ? E1000_IVAR_82574_ALL_TO_0 : 0);
	ck_assert_uint_eq(fake_e1000_register(E1000_TXDCTL), express ? E1000_TXDCTL_COUNT_DESC : 0);
	ck_assert_uint_eq(fake_e1000_register(E1000_IMS) & E1000_INT_RXQ0_82574, vectors ? E1000_INT_RXQ0_82574 : 0);
	ck_assert(fake_e1000_register(E1000_IMS) & E1000_INT_LSC);
	fake_e1000_arrive(bytes, 60, WHOLE, 0);
	fake_e1000_cause(vectors ? E1000_INT_RXQ0_82574 : E1000_INT_RXT0);
	ck_assert_uint_eq(fake_e1000_register(E1000_IMS), 0); /* quiet until the thread has looked */
	hosted_turns(card);
	ck_assert_uint_eq(user.frames, 1);
	ck_assert_uint_ne(fake_e1000_register(E1000_IMS), 0);
	ck_assert_uint_eq(fake_e1000_register(E1000_ICR), 0);
}
END_TEST

START_TEST(no_card_has_two_names)
{
	for (const struct pci_match *a = e1000_matches; a->vendor; a++)
		for (const struct pci_match *b = e1000e_matches; b->vendor; b++)
			ck_assert_uint_ne(a->device, b->device);
	ck_assert_str_eq(e1000_model_name(0x10d3), "Intel 82574L");
}
END_TEST

START_TEST(what_is_no_such_card_is_refused)
{
	fake_e1000_init(0x100e, PCI_INTERRUPT_WIRE);
	fake_e1000.mac_low = 0x01; /* a group's address */
	ck_assert_int_ne(e1000_driver.probe(&fake_bus.function), OK);
	fake_e1000_init(0x100e, PCI_INTERRUPT_NONE);
	ck_assert_int_ne(e1000_driver.probe(&fake_bus.function), OK);
	ck_assert_uint_eq(fake_bus.blocks, 0);
	fake_e1000_init(0x100e, PCI_INTERRUPT_WIRE);
	fake_bus.function.bars[0].size_bytes = 0x1000;
	ck_assert_int_ne(e1000_driver.probe(&fake_bus.function), OK);
	fake_e1000_init(0x100e, PCI_INTERRUPT_WIRE);
	fake_e1000.never_resets = true;
	__lsan_disable(); /* what it may still write to is not given back */
	ck_assert_int_ne(e1000_driver.probe(&fake_bus.function), OK);
	__lsan_enable();
	ck_assert(!fake_bus_may_master());
	ck_assert_ptr_null(host_card_at(0));
}
END_TEST

START_TEST(an_address_that_is_in_the_eeprom_only)
{
	fake_e1000_init(0x100e, PCI_INTERRUPT_WIRE);
	fake_e1000.mac_low = fake_e1000.mac_high = 0;
	memcpy(fake_e1000.eeprom, "\x52\x54\0\1\2\3", 6);
	ck_assert_int_eq(e1000_driver.probe(&fake_bus.function), OK);
	ck_assert_int_eq(memcmp(host_card_at(0)->port.mac, "\x52\x54\0\1\2\3", 6), 0);
	ck_assert_uint_eq(fake_e1000_register(E1000_RAL0), 0x01005452);
}
END_TEST

START_TEST(frames_come)
{
	static const u16 sizes[] = { 14, 60, 128, 129, 1514, 1518 };
	u32 frames = 0;

	usual_card();
	for (u32 round = 0; round < 1000; round++) {
		u16 size = sizes[round % ARRAY_SIZE(sizes)];

		ck_assert(fake_e1000_arrive(bytes, size, WHOLE | E1000_RXD_TCPCS, 0));
		turn();
		ck_assert(user.frames == ++frames && user.size_bytes == size && user.offload == NET_CSUM_VALID);
		ck_assert_int_eq(memcmp(user.bytes, bytes, size), 0);
	}
	/* As many as the ring holds at once, three times. */
	for (u32 round = 0; round < 3; round++) {
		u32 arrived = 0;

		while (fake_e1000_arrive(bytes, 60, WHOLE, 0))
			arrived++;
		ck_assert_uint_eq(arrived, 255);
		turn();
		frames += arrived;
		ck_assert_uint_eq(user.frames, frames);
	}
	ck_assert_uint_eq(user.offload, 0);
}
END_TEST

START_TEST(frames_that_are_none)
{
	usual_card();
	fake_e1000_arrive(bytes, 2049, WHOLE, 0);         /* longer than a buffer */
	fake_e1000_arrive(bytes, 0xffff, WHOLE, 0);
	fake_e1000_arrive(bytes, 2048, E1000_RXD_DD, 0);  /* in pieces */
	fake_e1000_arrive(bytes, 2048, E1000_RXD_DD, 0);
	fake_e1000_arrive(bytes, 100, WHOLE, 0);
	turn();
	ck_assert(user.frames == 0 && card->counters.bad_device == 5);
	fake_e1000_arrive(bytes, 0, WHOLE, 0);
	fake_e1000_arrive(bytes, 13, WHOLE, 0);
	fake_e1000_arrive(bytes, 1519, WHOLE, 0);
	fake_e1000_arrive(bytes, 60, WHOLE, 0x01);        /* CRC */
	fake_e1000_arrive(bytes, 60, WHOLE, 0x80);
	turn();
	ck_assert(user.frames == 0 && card->wire.rx_errors == 5);
	fake_e1000_arrive(bytes, 60, WHOLE | E1000_RXD_TCPCS, E1000_RXD_TCPE);
	turn();
	ck_assert(user.frames == 1 && user.offload == 0); /* whoever gets it looks at its sum */
}
END_TEST

START_TEST(frames_go_out)
{
	static const u32 sizes[] = { 60, 61, 1514, 1518 };
	u32 sent = 0;

	usual_card();
	for (u32 round = 0; round < 1000; round++) {
		u32 size = sizes[round % ARRAY_SIZE(sizes)];

		ck_assert_int_eq(transmit(size), OK);
		ck_assert_uint_eq(fake_e1000_send(seen), size);
		ck_assert_int_eq(memcmp(seen, bytes, size), 0);
	}
	while (transmit(60) == OK)
		sent++;
	ck_assert_uint_eq(sent, 255);
	ck_assert_int_eq(transmit(60), ERR_FULL);
	ck_assert_uint_eq(card->wire.tx_dropped, 2);
	ck_assert_uint_eq(fake_e1000_send(seen), 60);
	ck_assert_int_eq(transmit(1514), OK);
	ck_assert_int_eq(transmit(1519), ERR_INVALID);
	ck_assert_uint_eq(card->wire.tx_frames, 1256);
}
END_TEST

START_TEST(what_it_receives)
{
	u32 filters = E1000_RCTL_BAM | E1000_RCTL_MPE | E1000_RCTL_UPE;

	usual_card();
	ck_assert_uint_eq(fake_e1000_register(E1000_RCTL) & filters, E1000_RCTL_BAM | E1000_RCTL_MPE);
	host_card_detach(card);
	ck_assert_uint_eq(fake_e1000_register(E1000_RCTL) & filters, 0);
	ck_assert_int_eq(host_card_attach(card, &user.user, HOST_CARD_ALL, NULL), OK);
	ck_assert_uint_eq(fake_e1000_register(E1000_RCTL) & filters, filters);
	ck_assert_uint_eq(fake_e1000_register(E1000_RAL0), 0x00005452);
	ck_assert_uint_eq(fake_e1000_register(E1000_RAH0), E1000_RAH_AV | 0x0900);
}
END_TEST

START_TEST(the_link)
{
	usual_card();
	fake_e1000.registers[E1000_STATUS / 4] = 0;
	fake_e1000_cause(E1000_INT_LSC);
	hosted_turns(card);
	ck_assert(!card->port.link_up && !user.up);
	hosted_now_ns += NS_PER_S;
	fake_e1000.registers[E1000_STATUS / 4] = E1000_STATUS_LU | 1u << 6;
	fake_e1000_cause(E1000_INT_LSC);
	hosted_turns(card);
	ck_assert(card->port.link_up && user.up && card->speed_mbps == 100 && card->half_duplex);
	ck_assert_str_eq(hosted_log_last, "eth0: 52:54:00:00:00:09, link up 100 Mb/s half duplex");
	fake_e1000.registers[E1000_STATUS / 4] = 0; /* an interrupt that was lost: the next second finds it */
	hosted_now_ns += NS_PER_S;
	tick(1);
	ck_assert(!user.up);
}
END_TEST

START_TEST(a_card_that_hangs_is_reset)
{
	usual_card();
	for (u32 i = 0; i < 10; i++)
		ck_assert_int_eq(transmit(60), OK);
	tick(4);
	ck_assert_uint_eq(fake_e1000_send(seen), 60); /* slow, not hung */
	tick(5);
	ck_assert_uint_eq(card->counters.resets, 0);
	tick(2);
	ck_assert_uint_eq(card->counters.resets, 1);
	ck_assert_uint_eq(fake_e1000_send(seen), 0);
	ck_assert_int_eq(transmit(100), OK);
	ck_assert_uint_eq(fake_e1000_send(seen), 100);
	ck_assert(fake_e1000_arrive(bytes, 60, WHOLE, 0));
	turn();
	ck_assert_uint_eq(user.frames, 1);
	ck_assert_uint_eq(fake_e1000_register(E1000_RCTL) & E1000_RCTL_BAM, E1000_RCTL_BAM);
	(void)!transmit(60);
	fake_e1000.never_resets = true;
	tick(8);
	ck_assert(!fake_bus_may_master() && !card->port.link_up);
	tick(8);
	ck_assert_uint_eq(card->counters.resets, 2);
}
END_TEST

START_TEST(a_card_that_is_pulled)
{
	usual_card();
	fake_e1000.gone = true;
	fake_bus_interrupt(0);
	hosted_turns(card);
	ck_assert(!card->port.link_up && !user.up);
	tick(10);
	ck_assert_int_eq(transmit(60), ERR_NOT_FOUND);
	ck_assert_uint_eq(card->counters.resets, 0);
}
END_TEST

START_TEST(its_own_counters_are_read)
{
	usual_card();
	fake_e1000.registers[E1000_CRCERRS / 4] = 3;
	fake_e1000.registers[E1000_MPC / 4] = 7;
	tick(2);
	ck_assert(card->wire.rx_errors == 3 && card->counters.no_buffer == 7);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("e1000");
	TCase *tests = tcase_create("e1000");

	tcase_add_loop_test(tests, a_card_is_set_up, 0, 4);
	tcase_add_test(tests, no_card_has_two_names);
	tcase_add_test(tests, what_is_no_such_card_is_refused);
	tcase_add_test(tests, an_address_that_is_in_the_eeprom_only);
	tcase_add_test(tests, frames_come);
	tcase_add_test(tests, frames_that_are_none);
	tcase_add_test(tests, frames_go_out);
	tcase_add_test(tests, what_it_receives);
	tcase_add_test(tests, the_link);
	tcase_add_test(tests, a_card_that_hangs_is_reset);
	tcase_add_test(tests, a_card_that_is_pulled);
	tcase_add_test(tests, its_own_counters_are_read);
	suite_add_tcase(suite, tests);
	return suite;
}

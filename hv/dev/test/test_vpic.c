/* SPDX-License-Identifier: MIT */
/* LINK: hv/dev/vpic.c hv/io_region.c hv/state.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* The 8259 pair against its data sheet: initialisation, priorities, EOI forms, special modes, spurious requests. */
#include "hv/lib/test/unit.h"
#include "hv/dev/vpic.h"
#include "hv/lib/error.h"

static struct vpic pic;
static struct io_map ports;

static void out(u16 port, u8 value) { io_map_write(&ports, port, 1, value); }
static u8 in(u16 port) { return (u8)io_map_read(&ports, port, 1); }

static void initialise(u8 icw4)
{
	const u8 bytes[][2] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 0x04 }, { 0x21, icw4 },
				{ 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 0x02 }, { 0xa1, icw4 } };

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		out(bytes[i][0], bytes[i][1]);
}

static void setup(void)
{
	const struct irq_line none = { 0 };

	vpic_init(&pic, &none);
	io_map_init(&ports);
	ck_assert_int_eq(vpic_claim(&pic, &ports), OK);
	initialise(0x01);
}

static void teardown(void) { io_map_release(&ports); }

static void pulse(unsigned irq)
{
	vpic_set_irq(&pic, irq, false);
	vpic_set_irq(&pic, irq, true);
}

static int take(void) { return vpic_output(&pic) ? vpic_acknowledge(&pic, -1) : -1; }

START_TEST(vectors_and_cascade)
{
	pulse(0);
	pulse(8);
	ck_assert_int_eq(vpic_peek(&pic), 0x20);
	ck_assert_int_eq(take(), 0x20);
	ck_assert_int_eq(take(), -1); /* IRQ 8 comes in as input 2, below input 0 in service */
	out(0x20, 0x20);
	ck_assert_int_eq(take(), 0x28);
	out(0x20, 0x0b);
	ck_assert_uint_eq(in(0x20), 0x04);
	out(0xa0, 0x0b);
	ck_assert_uint_eq(in(0xa0), 0x01);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	ck_assert_uint_eq(in(0x20), 0);
	ck_assert_uint_eq(in(0xa0), 0);
}
END_TEST

START_TEST(masks_and_priorities)
{
	out(0x21, 0x02);
	pulse(1);
	pulse(3);
	pulse(5);
	ck_assert_uint_eq(in(0x21), 0x02);
	out(0x20, 0x0a);
	ck_assert_uint_eq(in(0x20), 0x2a);
	ck_assert_int_eq(take(), 0x23);
	ck_assert_int_eq(take(), -1);
	out(0x21, 0x00);
	ck_assert_int_eq(take(), 0x21); /* higher than 3: nests */
	out(0x20, 0x63);                /* specific EOI of 3, while 1 is still in service */
	ck_assert_int_eq(take(), -1);
	out(0x20, 0x20);
	ck_assert_int_eq(take(), 0x25);
}
END_TEST

START_TEST(rotation)
{
	pulse(2 + 1);
	pulse(4);
	ck_assert_int_eq(take(), 0x23);
	out(0x20, 0xa0); /* rotate on non-specific EOI: 3 becomes the lowest */
	pulse(3);
	ck_assert_int_eq(take(), 0x24);
	out(0x20, 0x20);
	ck_assert_int_eq(take(), 0x23);
	out(0x20, 0xc0 | 6); /* set priority: 6 lowest, 7 highest */
	out(0x20, 0x20);
	pulse(7);
	pulse(0);
	ck_assert_int_eq(take(), 0x27);
}
END_TEST

START_TEST(automatic_eoi)
{
	initialise(0x03);
	pulse(6);
	ck_assert_int_eq(take(), 0x26);
	out(0x20, 0x0b);
	ck_assert_uint_eq(in(0x20), 0);
	out(0x20, 0x80); /* rotate in AEOI */
	pulse(1);
	ck_assert_int_eq(take(), 0x21);
	pulse(1);
	pulse(2 + 3);
	ck_assert_int_eq(take(), 0x25); /* 1 is the lowest now */
}
END_TEST

START_TEST(special_mask_and_fully_nested)
{
	pulse(1);
	ck_assert_int_eq(take(), 0x21);
	pulse(5);
	ck_assert_int_eq(take(), -1);
	out(0x20, 0x68); /* special mask */
	out(0x21, 0x02); /* and 1 masked: everything else gets through */
	ck_assert_int_eq(take(), 0x25);
	initialise(0x11);
	pulse(12);
	ck_assert_int_eq(take(), 0x2c);
	pulse(9); /* higher on the slave: gets through only in special fully nested mode */
	ck_assert_int_eq(take(), 0x29);
}
END_TEST

START_TEST(edges_levels_and_spurious)
{
	pulse(3);
	vpic_set_irq(&pic, 3, true); /* no further edge */
	ck_assert_int_eq(take(), 0x23);
	out(0x20, 0x20);
	ck_assert_int_eq(take(), -1);
	vpic_set_irq(&pic, 3, false);
	pulse(4);
	vpic_set_irq(&pic, 4, false); /* gone before INTA */
	ck_assert_int_eq(vpic_output(&pic), 0);
	ck_assert_int_eq(vpic_acknowledge(&pic, -1), 0x27);
	out(0x20, 0x0b);
	ck_assert_uint_eq(in(0x20), 0); /* a spurious one is not in service */
	out(0x4d0, 0xff);
	ck_assert_uint_eq(in(0x4d0), 0xf8);
	out(0x4d1, 0xff);
	ck_assert_uint_eq(in(0x4d1), 0xde);
	vpic_set_irq(&pic, 11, true);
	ck_assert_int_eq(take(), 0x2b);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	ck_assert_int_eq(take(), 0x2b); /* still high */
	vpic_set_irq(&pic, 11, false);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	ck_assert_int_eq(take(), -1);
}
END_TEST

START_TEST(what_was_taken_is_served_although_a_better_one_came)
{
	int vector;

	pulse(5);
	vector = vpic_peek(&pic);
	pulse(0);
	ck_assert_int_eq(vpic_acknowledge(&pic, vector), 0x25);
	out(0x20, 0x0b);
	ck_assert_uint_eq(in(0x20), 0x20);
	ck_assert_int_eq(take(), 0x20); /* and the better one nests */
	out(0x20, 0x20);
	out(0x20, 0x20);
	pulse(14);
	vector = vpic_peek(&pic);
	pulse(8);
	ck_assert_int_eq(vpic_acknowledge(&pic, vector), 0x2e);
	out(0xa0, 0x0b);
	ck_assert_uint_eq(in(0xa0), 0x40);
	ck_assert_uint_eq(in(0x20), 0x04);
}
END_TEST

START_TEST(polling)
{
	pulse(6);
	out(0x20, 0x0c);
	ck_assert_uint_eq(in(0x20), 0x86);
	out(0x20, 0x0c);
	ck_assert_uint_eq(in(0x20) & 0x80, 0);
	out(0x20, 0x0b);
	ck_assert_uint_eq(in(0x20), 0x40);
}
END_TEST

START_TEST(saves_and_refuses)
{
	struct state_writer writer;
	struct state_reader reader = { 0 };
	struct vpic_state before;

	pulse(1);
	pulse(9);
	ck_assert_int_eq(take(), 0x21);
	state_writer_init(&writer);
	vpic_save(&pic, &writer);
	before = pic.state;
	vpic_reset(&pic);
	reader.data = writer.data, reader.size_bytes = writer.size_bytes;
	ck_assert_int_eq(vpic_load(&pic, &reader), OK);
	ck_assert_mem_eq(&before, &pic.state, sizeof(before));
	out(0x20, 0x20);
	ck_assert_int_eq(take(), 0x29);
	state_writer_release(&writer);
	before.chip[1].lowest_priority = 8;
	state_writer_init(&writer);
	state_save(&writer, "vpic", 1, &before, sizeof(before));
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(vpic_load(&pic, &reader), ERR_INVALID);
	state_writer_release(&writer);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vpic");
	TCase *tcase = tcase_create("vpic");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, vectors_and_cascade);
	tcase_add_test(tcase, masks_and_priorities);
	tcase_add_test(tcase, rotation);
	tcase_add_test(tcase, automatic_eoi);
	tcase_add_test(tcase, special_mask_and_fully_nested);
	tcase_add_test(tcase, edges_levels_and_spurious);
	tcase_add_test(tcase, what_was_taken_is_served_although_a_better_one_came);
	tcase_add_test(tcase, polling);
	tcase_add_test(tcase, saves_and_refuses);
	suite_add_tcase(suite, tcase);
	return suite;
}

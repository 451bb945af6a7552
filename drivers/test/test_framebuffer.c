/* SPDX-License-Identifier: MIT */
/* LINK: drivers/framebuffer.c drivers/terminal.c drivers/terminal_escape.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* Pixels in memory, with a font of three glyphs. */
#include <stdlib.h>
#include <string.h>
#include "drivers/framebuffer.h"
#include "hv/lib/error.h"
#include "hv/lib/test/unit.h"

const u32 font_glyph_count = 3;
const struct font_glyph font_glyphs[] = {
	{ ' ', { 0 } },
	{ 'A', { 0x80, 0x40 } },
	{ 0xfffd, { 0xff, [15] = 0xff } },
};

static struct framebuffer framebuffer;
static struct terminal terminal;

static struct framebuffer_mode mode(u32 width, u32 height)
{
	struct framebuffer_mode m = { .size_bytes = (u64)width * height * 4, .width = width, .height = height,
				      .stride_bytes = width * 4, .red_mask = 0xff0000, .green_mask = 0xff00,
				      .blue_mask = 0xff };

	m.pixels = malloc(m.size_bytes);
	memset(m.pixels, 0x11, m.size_bytes);
	return m;
}

static void draw(const char *text)
{
	struct terminal_cell cells[TERMINAL_COLUMNS_MAX];

	terminal_write(&terminal, text, strlen(text));
	for (unsigned row = 0; row < framebuffer.rows; row++) {
		framebuffer_take_row(&framebuffer, &terminal, row, cells);
		framebuffer_draw_row(&framebuffer, row, cells);
	}
}

static u32 pixel(unsigned x, unsigned y)
{
	return ((u32 *)framebuffer.mode.pixels)[y * framebuffer.mode.stride_bytes / 4 + x];
}

START_TEST(glyphs_scale_and_colours)
{
	struct framebuffer_mode m = mode(1920, 1080);

	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), OK);
	ck_assert_uint_eq(framebuffer.scale, 2);
	ck_assert_uint_eq(framebuffer.columns, 120);
	ck_assert_uint_eq(framebuffer.rows, 33);
	terminal_init(&terminal, framebuffer.columns, framebuffer.rows);
	draw("A\x1b[31;44mA\x1b[0mB");
	ck_assert_uint_eq(pixel(0, 0), 0xaaaaaa);
	ck_assert_uint_eq(pixel(1, 1), 0xaaaaaa);
	ck_assert_uint_eq(pixel(2, 0), 0);
	ck_assert_uint_eq(pixel(2, 2), 0xaaaaaa);
	ck_assert_uint_eq(pixel(16, 0), 0xaa0000);
	ck_assert_uint_eq(pixel(31, 31), 0x0000aa);
	ck_assert_uint_eq(pixel(32, 0), 0xaaaaaa);   /* 'B' is not in the font: the replacement's bar */
	ck_assert_uint_eq(pixel(48, 20), 0xaaaaaa);  /* the cursor */
	draw("\r");
	ck_assert_uint_eq(pixel(48, 20), 0);
	ck_assert_uint_eq(pixel(0, 0), 0);           /* now it stands on the A */
	ck_assert_uint_eq(pixel(1919, 1079), 0);     /* what no text reaches was cleared */
	free(m.pixels);
}
END_TEST

START_TEST(only_changes_are_drawn)
{
	struct framebuffer_mode m = mode(640, 480);

	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), OK);
	ck_assert_uint_eq(framebuffer.columns, 80);
	ck_assert_uint_eq(framebuffer.rows, 30);
	terminal_init(&terminal, 80, 30);
	draw("A A");
	memset(m.pixels, 0x77, m.size_bytes);
	draw("\x1b[1;2HA");
	ck_assert_uint_eq(pixel(0, 0), 0x77777777);
	ck_assert_uint_eq(pixel(8, 0), 0xaaaaaa);
	free(m.pixels);
}
END_TEST

START_TEST(odd_masks)
{
	struct framebuffer_mode m = mode(640, 480);

	m.red_mask = 0x3ff00000;
	m.green_mask = 0x7c00;
	m.blue_mask = 0x1f;
	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), OK);
	ck_assert_uint_eq(framebuffer.palette[1], 0x2a800000);
	ck_assert_uint_eq(framebuffer.palette[2], 21 << 10);
	ck_assert_uint_eq(framebuffer.palette[15], 0x3fc07c1f);
	free(m.pixels);
}
END_TEST

START_TEST(senseless_modes_are_refused)
{
	struct framebuffer_mode good = mode(640, 480), m = good;

	m.width = 0;
	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), ERR_INVALID);
	m = good;
	m.stride_bytes = 639 * 4;
	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), ERR_INVALID);
	m = good;
	m.size_bytes--;
	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), ERR_INVALID);
	m = good;
	m.width = m.height = 0xffffffff;
	m.stride_bytes = 0xfffffffc;
	m.size_bytes = ~(u64)0;
	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), ERR_INVALID);
	m = good;
	m.pixels = NULL;
	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), ERR_INVALID);
	m = good;
	m.red_mask = m.green_mask = m.blue_mask = 0;
	ck_assert_int_eq(framebuffer_init(&framebuffer, &m), ERR_INVALID);
	free(good.pixels);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("framebuffer");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, glyphs_scale_and_colours);
	tcase_add_test(tests, only_changes_are_drawn);
	tcase_add_test(tests, odd_masks);
	tcase_add_test(tests, senseless_modes_are_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

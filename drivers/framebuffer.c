/* SPDX-License-Identifier: MIT */
/* Glyphs to pixels: see framebuffer.h. Pure. */
#include "drivers/framebuffer.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define TEXT_WIDTH_WANTED 800u /* pixels at scale 1: 100 columns, 30 rows; each multiple makes the letters larger */
#define TEXT_HEIGHT_WANTED 480u

static const u8 colours[16][3] = { /* red, green, blue: the VGA's */
	{ 0x00, 0x00, 0x00 }, { 0xaa, 0x00, 0x00 }, { 0x00, 0xaa, 0x00 }, { 0xaa, 0x55, 0x00 },
	{ 0x00, 0x00, 0xaa }, { 0xaa, 0x00, 0xaa }, { 0x00, 0xaa, 0xaa }, { 0xaa, 0xaa, 0xaa },
	{ 0x55, 0x55, 0x55 }, { 0xff, 0x55, 0x55 }, { 0x55, 0xff, 0x55 }, { 0xff, 0xff, 0x55 },
	{ 0x55, 0x55, 0xff }, { 0xff, 0x55, 0xff }, { 0x55, 0xff, 0xff }, { 0xff, 0xff, 0xff },
};

/* Puts the upper bits of an 8-bit intensity where the mask has its ones (which are one run of bits). */
static u32 channel(u8 value, u32 mask)
{
	unsigned shift, bits;

	if (!mask)
		return 0;
	shift = (unsigned)__builtin_ctz(mask);
	bits = 32 - (unsigned)__builtin_clz(mask) - shift;
	return (bits >= 8 ? (u32)value << (bits - 8) : (u32)value >> (8 - bits)) << shift & mask;
}

static const struct font_glyph *find_glyph(u16 character)
{
	u32 low = 0, high = font_glyph_count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (font_glyphs[middle].character == character)
			return &font_glyphs[middle];
		if (font_glyphs[middle].character < character)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct font_glyph *glyph_of(const struct framebuffer *framebuffer, u16 character)
{
	const struct font_glyph *glyph = character < 256 ? framebuffer->latin1[character] : find_glyph(character);

	return glyph ? glyph : framebuffer->unknown;
}

static bool mode_is_sound(const struct framebuffer_mode *mode)
{
	u32 masks = mode->red_mask | mode->green_mask | mode->blue_mask;

	return mode->pixels && mode->width >= FONT_WIDTH && mode->height >= FONT_HEIGHT && mode->width <= 0x10000 &&
	       mode->height <= 0x10000 && mode->stride_bytes >= mode->width * 4 && mode->stride_bytes % 4 == 0 && masks &&
	       (u64)mode->stride_bytes * mode->height <= mode->size_bytes;
}

int framebuffer_init(struct framebuffer *framebuffer, const struct framebuffer_mode *mode)
{
	unsigned scale;

	if (!mode_is_sound(mode))
		return ERR_INVALID;
	framebuffer->mode = *mode;
	scale = MIN(mode->width / TEXT_WIDTH_WANTED, mode->height / TEXT_HEIGHT_WANTED);
	framebuffer->scale = MIN(MAX(scale, 1u), FRAMEBUFFER_SCALE_MAX);
	framebuffer->columns = MIN(mode->width / (FONT_WIDTH * framebuffer->scale), (unsigned)TERMINAL_COLUMNS_MAX);
	framebuffer->rows = MIN(mode->height / (FONT_HEIGHT * framebuffer->scale), (unsigned)TERMINAL_ROWS_MAX);
	for (unsigned i = 0; i < 16; i++)
		framebuffer->palette[i] = channel(colours[i][0], mode->red_mask) |
					  channel(colours[i][1], mode->green_mask) |
					  channel(colours[i][2], mode->blue_mask);
	for (unsigned i = 0; i < 256; i++)
		framebuffer->latin1[i] = find_glyph((u16)i);
	framebuffer->unknown = find_glyph(0xfffd);
	if (!framebuffer->unknown)
		framebuffer->unknown = &font_glyphs[0];
	memset(framebuffer->drawn, 0xff, sizeof(framebuffer->drawn)); /* no cell is so: all will be drawn */
	for (u32 y = 0; y < mode->height; y++)
		memset((char *)mode->pixels + (u64)y * mode->stride_bytes, 0, mode->width * 4);
	return OK;
}

void framebuffer_take_row(const struct framebuffer *framebuffer, const struct terminal *terminal, unsigned row,
			  struct terminal_cell cells[TERMINAL_COLUMNS_MAX])
{
	unsigned cursor_row, cursor_column;

	for (unsigned column = 0; column < framebuffer->columns; column++)
		cells[column] = terminal_cell_at(terminal, row, column);
	if (terminal_cursor(terminal, &cursor_row, &cursor_column) && cursor_row == row)
		cells[cursor_column].flags ^= CELL_INVERSE;
}

static void draw_cell(const struct framebuffer *framebuffer, unsigned row, unsigned column, struct terminal_cell cell)
{
	const struct font_glyph *glyph = glyph_of(framebuffer, cell.flags & CELL_WIDE_RIGHT ? ' ' : cell.character);
	unsigned scale = framebuffer->scale, first = cell.colours & 0x0f, second = cell.colours >> 4;
	u32 ink = framebuffer->palette[cell.flags & CELL_BOLD ? first | 8 : first], paper = framebuffer->palette[second];
	u8 *line = (u8 *)framebuffer->mode.pixels + (u64)row * FONT_HEIGHT * scale * framebuffer->mode.stride_bytes +
		   (u64)column * FONT_WIDTH * scale * 4;

	if (cell.flags & CELL_INVERSE) {
		u32 swap = ink;

		ink = paper;
		paper = swap;
	}
	for (unsigned y = 0; y < FONT_HEIGHT * scale; y++) {
		u32 *pixel = (u32 *)(void *)line;
		u8 bits = glyph->rows[y / scale];

		if ((cell.flags & CELL_UNDERLINE) && y / scale == FONT_HEIGHT - 2)
			bits = 0xff;
		for (unsigned x = 0; x < FONT_WIDTH; x++, bits = (u8)(bits << 1)) {
			u32 value = bits & 0x80 ? ink : paper;

			for (unsigned i = 0; i < scale; i++)
				*pixel++ = value;
		}
		line += framebuffer->mode.stride_bytes;
	}
}

void framebuffer_draw_row(struct framebuffer *framebuffer, unsigned row,
			  const struct terminal_cell cells[TERMINAL_COLUMNS_MAX])
{
	for (unsigned column = 0; column < framebuffer->columns; column++) {
		struct terminal_cell *drawn = &framebuffer->drawn[row][column];

		if (!memcmp(drawn, &cells[column], sizeof(*drawn)))
			continue;
		draw_cell(framebuffer, row, column, cells[column]);
		*drawn = cells[column];
	}
}

/* SPDX-License-Identifier: MIT */
/* LINK: drivers/ata_identify.c hv/lib/string.c */
/* What ATA disks say of themselves: usual ones, odd ones, and nonsense. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "drivers/ata_identify.h"
#include "hv/lib/error.h"

static u8 data[512];
static struct ata_identity identity;
static const char *why;

static void put(unsigned word, u32 value)
{
	data[2 * word] = (u8)value;
	data[2 * word + 1] = (u8)(value >> 8);
}

static void put_text(unsigned word, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		data[2 * word + (i ^ 1)] = i < strlen(text) ? (u8)text[i] : ' ';
}

/* A disk of 1 TiB with 4 KiB physical blocks, 32 commands deep, TRIM, a write cache. */
static void usual_disk(void)
{
	memset(data, 0, sizeof(data));
	put_text(10, "S1234", 20);
	put_text(27, "A usual disk", 40);
	put(75, 31);
	put(76, BIT32(8));
	put(83, 0x4400);
	put(84, 0x4040);
	put(85, BIT32(5));
	put(102, 0x8000 >> 16);
	put(101, 0x8000);
	put(105, 8);
	put(106, 0x6003);
	put(169, 1);
	put(217, 1);
}

START_TEST(a_usual_disk)
{
	usual_disk();
	ck_assert_int_eq(ata_identify_read(data, &identity, &why), OK);
	ck_assert_str_eq(identity.model, "A usual disk");
	ck_assert_str_eq(identity.serial, "S1234");
	ck_assert_uint_eq(identity.sector_count, 0x80000000u);
	ck_assert_uint_eq(identity.logical_block_bytes, 512);
	ck_assert_uint_eq(identity.physical_block_bytes, 4096);
	ck_assert_uint_eq(identity.queue_depth, 32);
	ck_assert_uint_eq(identity.trim_blocks, 8);
	ck_assert(identity.write_cache && identity.fua && !identity.rotational);
}
END_TEST

START_TEST(a_disk_with_4k_blocks)
{
	usual_disk();
	put(106, 0x5000);
	put(117, 2048);
	ck_assert_int_eq(ata_identify_read(data, &identity, &why), OK);
	ck_assert_uint_eq(identity.logical_block_bytes, 4096);
	ck_assert_uint_eq(identity.sector_count, 0x80000000ull * 8);
}
END_TEST

START_TEST(refused_with_a_reason)
{
	static const struct { unsigned word; u32 value; const char *words; } rows[] = {
		{ 83, 0x4000, "48-bit" }, { 83, 0x8400, "48-bit" }, { 83, 0xffff, "48-bit" },
		{ 106, 0x5000, "blocks are neither" }, { 101, 0, "size" }, { 103, 0xffff, "size" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		usual_disk();
		put(117, 1000);
		put(rows[i].word, rows[i].value);
		ck_assert_int_eq(ata_identify_read(data, &identity, &why), ERR_UNSUPPORTED);
		ck_assert_msg(strstr(why, rows[i].words), "row %u: %s", i, why);
	}
}
END_TEST

START_TEST(noise_ends_well)
{
	srand(3);
	for (unsigned round = 0; round < 5000; round++) {
		for (unsigned i = 0; i < sizeof(data); i++)
			data[i] = (u8)rand();
		if (ata_identify_read(data, &identity, &why) == OK)
			ck_assert(identity.sector_count && identity.queue_depth <= 32);
		for (const char *c = identity.model; *c; c++)
			if (*c < ' ' || *c > '~')
				ck_abort_msg("a control character");
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ATA identities");
	TCase *tests = tcase_create("identify");

	tcase_add_test(tests, a_usual_disk);
	tcase_add_test(tests, a_disk_with_4k_blocks);
	tcase_add_test(tests, refused_with_a_reason);
	tcase_add_test(tests, noise_ends_well);
	suite_add_tcase(suite, tests);
	return suite;
}

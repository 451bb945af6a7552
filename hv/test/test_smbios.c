/* SPDX-License-Identifier: MIT */
/* LINK: hv/smbios.c hv/lib/test/log_stderr.c */
/* SMBIOS tables built in a fake memory: both entry points, strings, and tables that lie. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/lib/error.h"
#include "hv/smbios.h"
#include "hv/test/fake_memory.h"

#define BASE 0xf0000u
#define TABLE 64u
static u8 bytes[8192];
static u32 used;
static struct smbios_info info;

static void structure(u8 type, u8 length, const u8 *fields, const char *strings, u32 strings_size)
{
	bytes[used] = type;
	bytes[used + 1] = length;
	memcpy(bytes + used + 4, fields, length - 4u);
	used += length;
	memcpy(bytes + used, strings, strings_size);
	used += strings_size;
	if (!strings_size)
		bytes[used++] = 0;
	bytes[used++] = 0;
}
#define STRUCTURE(type, length, fields, strings) structure(type, length, fields, strings, sizeof(strings) - 1)

static void sum(u32 at, u32 length, u32 where)
{
	u8 total = 0;

	bytes[at + where] = 0;
	for (u32 i = 0; i < length; i++)
		total = (u8)(total + bytes[at + i]);
	bytes[at + where] = (u8)-total;
}

static void entry_3(void)
{
	u32 length = used - TABLE, address = BASE + TABLE;

	memcpy(bytes, "_SM3_", 5);
	bytes[6] = 24, bytes[7] = 3, bytes[8] = 2;
	memcpy(bytes + 12, &length, 4);
	memcpy(bytes + 16, &address, 4);
	sum(0, 24, 5);
}

static void entry_2(u16 count)
{
	u16 length = (u16)(used - TABLE);
	u32 address = BASE + TABLE;

	memcpy(bytes, "_SM_", 4);
	bytes[5] = 31, bytes[6] = 2, bytes[7] = 4;
	memcpy(bytes + 16, "_DMI_", 5);
	memcpy(bytes + 0x16, &length, 2);
	memcpy(bytes + 0x18, &address, 4);
	memcpy(bytes + 0x1c, &count, 2);
	sum(16, 15, 5);
	sum(0, 31, 4);
}

static void tables_new(void)
{
	static const u8 bios[20] = { 1, 2, 0, 0xe8, 3, [0x14 - 4] = 4, [0x15 - 4] = 17 };
	static const u8 system[23] = { 1, 2, 0, 3, 0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const u8 memory[30] = { [0x0c - 4] = 0xff, [0x0d - 4] = 0x7f, [0x0e - 4] = 9, [0x10 - 4] = 1, [0x12 - 4] = 0x1a,
				       [0x1d - 4] = 0x80 };

	memset(bytes, 0, sizeof(bytes));
	used = TABLE;
	STRUCTURE(0, 24, bios, "Maker\0  1.2 \xff \0" "01/02/2026\0");
	STRUCTURE(1, 27, system, "Some\0Thing\0S-1\0");
	STRUCTURE(200, 6, bios, "");
	STRUCTURE(17, 34, memory, "DIMM 0\0");
	STRUCTURE(127, 4, bios, "");
}

static int parse(void)
{
	struct fake_memory memory = { BASE, bytes, sizeof(bytes) };

	return smbios_parse(&info, &(struct physical_reader){ fake_memory_read, &memory }, BASE);
}

START_TEST(both_entry_points)
{
	static const u8 text_order[16] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 8, 9, 10, 11, 12, 13, 14, 15 };

	tables_new();
	entry_3();
	ck_assert_int_eq(parse(), OK);
	ck_assert_str_eq(info.bios.vendor, "Maker");
	ck_assert_str_eq(info.bios.version, "1.2 ?");
	ck_assert_str_eq(info.bios.date, "01/02/2026");
	ck_assert(info.has_release && info.bios.release_major == 4 && info.bios.release_minor == 17);
	ck_assert_str_eq(info.system.product, "Thing");
	ck_assert_str_eq(info.system.version, "");
	ck_assert_str_eq(info.system.serial, "S-1");
	ck_assert_mem_eq(info.system.uuid, text_order, 16);
	ck_assert_uint_eq(info.memory_count, 1);
	ck_assert_uint_eq(info.memory[0].size_kib, 32 * MIB);
	ck_assert_str_eq(info.memory[0].locator, "DIMM 0");

	memset(bytes, 0, TABLE);
	entry_2(2); /* only two structures counted; version 2.4 stores the UUID as it is written */
	ck_assert_int_eq(parse(), OK);
	ck_assert_uint_eq(info.memory_count, 0);
	ck_assert_uint_eq(info.system.uuid[0], 0x33);
}
END_TEST

START_TEST(wrong_entry_points)
{
	ck_assert_int_eq(smbios_parse(&info, &(struct physical_reader){ fake_memory_read, NULL }, 0), ERR_NOT_FOUND);
	tables_new();
	entry_3();
	bytes[5]++;
	ck_assert_int_eq(parse(), ERR_NOT_FOUND);
	entry_3();
	bytes[15] = 0x7f; /* 2 GiB of table */
	sum(0, 24, 5);
	ck_assert_int_eq(parse(), ERR_NOT_FOUND);
	entry_3();
	bytes[12] = 0, bytes[13] = 0x40; /* more than there is memory */
	sum(0, 24, 5);
	ck_assert_int_eq(parse(), ERR_NOT_FOUND);
	memset(bytes, 0, TABLE);
	entry_2(5);
	bytes[16] = 'X';
	sum(0, 31, 4);
	ck_assert_int_eq(parse(), ERR_NOT_FOUND);
}
END_TEST

START_TEST(structures_that_lie)
{
	tables_new();
	bytes[TABLE + 5] = 99; /* a string number beyond the strings */
	entry_3();
	ck_assert_int_eq(parse(), OK);
	ck_assert_str_eq(info.bios.version, "");
	ck_assert(info.has_system);

	tables_new();
	bytes[TABLE + 1] = 2; /* a structure shorter than its header */
	entry_3();
	ck_assert_int_eq(parse(), OK);
	ck_assert(!info.has_bios && !info.has_system);

	tables_new();
	used = TABLE + 30; /* ends within the strings */
	entry_3();
	ck_assert_int_eq(parse(), OK);
	ck_assert(!info.has_bios);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("smbios");
	TCase *tcase = tcase_create("smbios");

	tcase_add_test(tcase, both_entry_points);
	tcase_add_test(tcase, wrong_entry_points);
	tcase_add_test(tcase, structures_that_lie);
	suite_add_tcase(suite, tcase);
	return suite;
}

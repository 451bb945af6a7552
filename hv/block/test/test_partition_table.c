/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/partition_table.c hv/block/partition_gpt.c hv/block/partition_mbr.c hv/lib/crc32.c hv/lib/format.c hv/lib/string.c hv/lib/utf8.c */
/* Partition tables: what sgdisk writes is read as sgdisk says; what is broken is refused with the reason. */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "hv/block/partition_table.h"
#include "hv/lib/crc32.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define DISK_SECTORS 8192u

static u8 disk[DISK_SECTORS * 512];

static int read_disk(void *context, u64 sector, void *to, u32 sector_count)
{
	(void)context;
	ck_assert(sector + sector_count <= DISK_SECTORS);
	memcpy(to, disk + sector * 512, sector_count * 512);
	return OK;
}

static const struct partition_source source = { DISK_SECTORS, 512, read_disk, NULL };
static const struct partition_source source_4k = { DISK_SECTORS, 4096, read_disk, NULL };
static struct partition_table table;

static void put32(u8 *at, u32 value) { memcpy(at, &value, 4); }
static void put64(u8 *at, u64 value) { memcpy(at, &value, 8); }

static void mbr_entry(u64 sector, unsigned index, u8 type, u32 first, u32 count)
{
	u8 *at = disk + sector * 512 + 446 + index * 16;

	at[4] = type;
	put32(at + 8, first);
	put32(at + 12, count);
	disk[sector * 512 + 510] = 0x55;
	disk[sector * 512 + 511] = 0xaa;
}

/* A header and entries with right sums; bytes_per_block as the source says. */
static void gpt_seal(u32 block_bytes, u64 own, u64 other, u64 entries, u64 blocks)
{
	u8 *header = disk + own * block_bytes;

	memset(header, 0, 92);
	memcpy(header, "EFI PART", 8);
	put32(header + 8, 0x10000);
	put32(header + 12, 92);
	put64(header + 24, own);
	put64(header + 32, other);
	put64(header + 40, 34);
	put64(header + 48, blocks - 34);
	memset(header + 56, 0x77, 16);
	put64(header + 72, entries);
	put32(header + 80, 128);
	put32(header + 84, 128);
	put32(header + 88, crc32_update(0, disk + entries * block_bytes, 128 * 128));
	put32(header + 16, crc32_update(0, header, 92));
}

static void gpt_entry(u8 *entries, u32 index, u64 first, u64 last, const char *label)
{
	u8 *at = entries + index * 128;

	memset(at, 0x11, 16);
	memset(at + 16, (int)index + 1, 16);
	put64(at + 32, first);
	put64(at + 40, last);
	for (size_t i = 0; label[i]; i++)
		at[56 + 2 * i] = (u8)label[i];
}

static void gpt_disk(u32 block_bytes)
{
	u64 blocks = sizeof(disk) / block_bytes;
	u64 backup_entries = blocks - 1 - DIV_ROUND_UP(128 * 128, block_bytes);

	memset(disk, 0, sizeof(disk));
	mbr_entry(0, 0, 0xee, 1, 0xffffffff);
	gpt_entry(disk + 2 * block_bytes, 0, 34, 99, "root");
	gpt_entry(disk + 2 * block_bytes, 4, 100, blocks - 34, "data");
	memcpy(disk + backup_entries * block_bytes, disk + 2 * block_bytes, 128 * 128);
	gpt_seal(block_bytes, 1, blocks - 1, 2, blocks);
	gpt_seal(block_bytes, blocks - 1, 1, backup_entries, blocks);
}

START_TEST(crc_is_the_usual_one)
{
	ck_assert_uint_eq(crc32_update(0, "123456789", 9), 0xcbf43926u);
	ck_assert_uint_eq(crc32_update(crc32_update(0, "1234", 4), "56789", 5), 0xcbf43926u);
}
END_TEST

START_TEST(no_table)
{
	memset(disk, 0, sizeof(disk));
	ck_assert_int_eq(partition_table_read(&source, &table), OK);
	ck_assert_uint_eq(table.kind, PARTITION_TABLE_NONE);
	/* A FAT file system: 55 AA, and code where entries would be. */
	memset(disk + 446, 0x66, 64);
	disk[510] = 0x55, disk[511] = 0xaa;
	ck_assert_int_eq(partition_table_read(&source, &table), OK);
	ck_assert_uint_eq(table.kind, PARTITION_TABLE_NONE);
}
END_TEST

START_TEST(gpt_both_block_sizes)
{
	const struct partition_source *sources[] = { &source, &source_4k };

	for (unsigned i = 0; i < 2; i++) {
		u64 scale = sources[i]->block_bytes / 512;

		gpt_disk(sources[i]->block_bytes);
		ck_assert_int_eq(partition_table_read(sources[i], &table), OK);
		ck_assert_str_eq(table.problem, "");
		ck_assert_uint_eq(table.kind, PARTITION_TABLE_GPT);
		ck_assert_uint_eq(table.count, 2);
		ck_assert_uint_eq(table.partitions[0].number, 1);
		ck_assert_uint_eq(table.partitions[0].sector, 34 * scale);
		ck_assert_uint_eq(table.partitions[0].sector_count, 66 * scale);
		ck_assert_str_eq(table.partitions[0].label, "root");
		ck_assert_uint_eq(table.partitions[1].number, 5);
		ck_assert_str_eq(table.partitions[1].label, "data");
	}
}
END_TEST

START_TEST(gpt_backup_is_used_and_said)
{
	gpt_disk(512);
	disk[512 + 60] ^= 1;
	ck_assert_int_eq(partition_table_read(&source, &table), OK);
	ck_assert(table.from_backup);
	ck_assert_str_eq(table.problem, "its first GPT header has a wrong checksum");
	ck_assert_uint_eq(table.count, 2);
	disk[sizeof(disk) - 512 + 60] ^= 1;
	ck_assert_int_eq(partition_table_read(&source, &table), ERR_INVALID);
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

/* Each row breaks one thing of both copies, with right sums, and names the words that must come. */
START_TEST(gpt_contradictions)
{
	static const struct { unsigned offset, bytes; u64 value; const char *words; } header_rows[] = {
		{ 0, 1, 'e', "signature" },          { 12, 4, 91, "impossible size" },     { 12, 4, 513, "impossible size" },
		{ 24, 8, 7, "lies elsewhere" },      { 40, 8, DISK_SECTORS, "usable" },    { 48, 8, DISK_SECTORS, "usable" },
		{ 72, 8, 0, "entries" },             { 72, 8, 50, "entries" },             { 72, 8, ~(u64)0, "entries" },
		{ 80, 4, 0, "entries" },             { 80, 4, 0xffffffff, "entries" },     { 84, 4, 127, "entries" },
		{ 84, 4, 0x80000000, "entries" },    { 84, 4, 1024, "entries" }, { 88, 4, 1, "wrong checksum" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(header_rows); i++) {
		gpt_disk(512);
		for (unsigned copy = 0; copy < 2; copy++) {
			u8 *header = disk + (copy ? sizeof(disk) - 512 : 512);

			memcpy(header + header_rows[i].offset, &header_rows[i].value, header_rows[i].bytes);
			put32(header + 16, 0);
			if (header_rows[i].offset != 12)
				put32(header + 16, crc32_update(0, header, 92));
		}
		ck_assert_int_eq(partition_table_read(&source, &table), ERR_INVALID);
		ck_assert_msg(strstr(table.problem, header_rows[i].words), "row %u: %s", i, table.problem);
	}
}
END_TEST

START_TEST(gpt_partitions_in_each_others_way)
{
	static const struct { u64 first, last; const char *words; } rows[] = {
		{ 99, 200, "partitions 1 and 2 overlap" }, { 33, 40, "outside of the usable" },
		{ 200, DISK_SECTORS, "outside of the usable" }, { 300, 200, "outside of the usable" },
		{ 200, ~(u64)0, "outside of the usable" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		gpt_disk(512);
		gpt_entry(disk + 1024, 1, rows[i].first, rows[i].last, "bad");
		gpt_seal(512, 1, DISK_SECTORS - 1, 2, DISK_SECTORS);
		memset(disk + sizeof(disk) - 512, 0, 512);
		ck_assert_int_eq(partition_table_read(&source, &table), ERR_INVALID);
		ck_assert_msg(strstr(table.problem, rows[i].words), "row %u: %s", i, table.problem);
	}
}
END_TEST

START_TEST(labels_are_fit_for_a_terminal)
{
	static const u8 units[] = { 'a', 0, 0x1b, 0, 0xe9, 0, 0x3d, 0xd8, 0x00, 0xde, 0x00, 0xd8 };

	gpt_disk(512);
	memcpy(disk + 1024 + 56, units, sizeof(units));
	gpt_seal(512, 1, DISK_SECTORS - 1, 2, DISK_SECTORS);
	ck_assert_int_eq(partition_table_read(&source, &table), OK);
	ck_assert_str_eq(table.partitions[0].label, "a\xef\xbf\xbd\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd");
}
END_TEST

START_TEST(mbr_with_logical_partitions)
{
	memset(disk, 0, sizeof(disk));
	mbr_entry(0, 0, 0x83, 63, 937);
	mbr_entry(0, 2, 0x0f, 2000, 3000);
	mbr_entry(2000, 0, 0x83, 10, 490);
	mbr_entry(2000, 1, 0x05, 1000, 500);
	mbr_entry(3000, 0, 0x82, 10, 400);
	ck_assert_int_eq(partition_table_read(&source, &table), OK);
	ck_assert_uint_eq(table.kind, PARTITION_TABLE_MBR);
	ck_assert_uint_eq(table.count, 3);
	ck_assert_uint_eq(table.partitions[0].number, 1);
	ck_assert_uint_eq(table.partitions[1].number, 5);
	ck_assert_uint_eq(table.partitions[1].sector, 2010);
	ck_assert_uint_eq(table.partitions[2].number, 6);
	ck_assert_uint_eq(table.partitions[2].sector, 3010);
	ck_assert_uint_eq(table.partitions[2].mbr_type, 0x82);
}
END_TEST

START_TEST(mbr_chains_end)
{
	static const u32 next[] = { 0, 1000, 500, 0xffffffff, 6000 };

	for (unsigned i = 0; i < ARRAY_SIZE(next); i++) {
		memset(disk, 0, sizeof(disk));
		mbr_entry(0, 0, 0x05, 2000, 3000);
		mbr_entry(2000, 0, 0x83, 10, 40);
		mbr_entry(2000, 1, 0x05, 1000, 500);
		mbr_entry(3000, 0, 0x83, 10, 40);
		mbr_entry(3000, 1, 0x05, next[i], 500);
		ck_assert_int_eq(partition_table_read(&source, &table), ERR_INVALID);
		ck_assert_msg(strstr(table.problem, "chain of its extended"), "row %u: %s", i, table.problem);
	}
}
END_TEST

static int read_nothing(void *context, u64 sector, void *to, u32 sector_count)
{
	(void)context, (void)sector, (void)to, (void)sector_count;
	return ERR_IO;
}

START_TEST(read_errors_are_passed_on)
{
	struct partition_source failing = { DISK_SECTORS, 512, read_nothing, NULL };

	ck_assert_int_eq(partition_table_read(&failing, &table), ERR_IO);
}
END_TEST

/* The judge that is not us: a disk that sgdisk partitioned. */
START_TEST(what_sgdisk_writes)
{
	char path[] = "/tmp/solera-gpt-XXXXXX", command[300];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, sizeof(disk)), 0);
	snprintf(command, sizeof(command),
		 "sgdisk -a 1 -n 1:64:1000 -c 1:'EFI System' -t 1:ef00 -n 3:2000:+1000 -c 3:'Ra\xc3\xadz' %s >/dev/null 2>&1", path);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(pread(fd, disk, sizeof(disk), 0), sizeof(disk));
	close(fd);
	unlink(path);
	ck_assert_int_eq(partition_table_read(&source, &table), OK);
	ck_assert_str_eq(table.problem, "");
	ck_assert_uint_eq(table.count, 2);
	ck_assert_uint_eq(table.partitions[0].sector, 64);
	ck_assert_uint_eq(table.partitions[0].sector_count, 937);
	ck_assert_str_eq(table.partitions[0].label, "EFI System");
	ck_assert_uint_eq(table.partitions[1].number, 3);
	ck_assert_str_eq(table.partitions[1].label, "Ra\xc3\xadz");
	ck_assert_mem_eq(table.partitions[0].type, "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b", 16);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("partition tables");
	TCase *tests = tcase_create("tables");

	tcase_add_test(tests, crc_is_the_usual_one);
	tcase_add_test(tests, no_table);
	tcase_add_test(tests, gpt_both_block_sizes);
	tcase_add_test(tests, gpt_backup_is_used_and_said);
	tcase_add_test(tests, gpt_contradictions);
	tcase_add_test(tests, gpt_partitions_in_each_others_way);
	tcase_add_test(tests, labels_are_fit_for_a_terminal);
	tcase_add_test(tests, mbr_with_logical_partitions);
	tcase_add_test(tests, mbr_chains_end);
	tcase_add_test(tests, read_errors_are_passed_on);
	tcase_add_test(tests, what_sgdisk_writes);
	suite_add_tcase(suite, tests);
	return suite;
}

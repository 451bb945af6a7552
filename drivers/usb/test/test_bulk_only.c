/* SPDX-License-Identifier: MIT */
/* LINK: drivers/usb/bulk_only.c hv/lib/string.c */
/* Wrappers and SCSI commands byte by byte; statuses and answers that lie. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "drivers/usb/bulk_only.h"
#include "hv/lib/error.h"

START_TEST(wrapper)
{
	static const u8 expected[BULK_COMMAND_BYTES] = { 'U', 'S', 'B', 'C', 0x44, 0x33, 0x22, 0x11, 0, 0x10, 0, 0, 0x80, 0, 10,
							 0x28, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 8, 0 };
	u8 bytes[BULK_COMMAND_BYTES];
	struct bulk_command command;

	bulk_transfer(&command, false, false, 0x12345678, 8, 512);
	bulk_command_wrap(bytes, 0x11223344, 0, &command);
	ck_assert_mem_eq(bytes, expected, sizeof(bytes));
	bulk_transfer(&command, true, true, 0x123456789aull, 1, 4096);
	ck_assert_mem_eq(command.bytes, ((u8[16]){ 0x8a, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0, 0, 0, 1 }), 16);
	ck_assert(!command.in && command.data_bytes == 4096 && command.count == 16);
	bulk_synchronize_cache(&command);
	ck_assert(command.bytes[0] == 0x35 && !command.data_bytes && !command.in);
}
END_TEST

START_TEST(statuses)
{
	static const struct { u8 size, bytes[14]; u8 result; u32 residue; } rows[] = {
		{ 13, { 'U', 'S', 'B', 'S', 7, 0, 0, 0, 0, 0, 0, 0, 0 }, BULK_PASSED, 0 },
		{ 13, { 'U', 'S', 'B', 'S', 7, 0, 0, 0, 0, 2, 0, 0, 1 }, BULK_FAILED, 512 },
		{ 13, { 'U', 'S', 'B', 'S', 7, 0, 0, 0, 1, 2, 0, 0, 0 }, BULK_NO_STATUS, 0 },   /* more than was asked for */
		{ 13, { 'U', 'S', 'B', 'S', 7, 0, 0, 0, 9, 9, 9, 9, 2 }, BULK_PHASE_ERROR, 0 }, /* its residue means nothing */
		{ 13, { 'U', 'S', 'B', 'S', 7, 0, 0, 0, 0, 0, 0, 0, 3 }, BULK_NO_STATUS, 0 },
		{ 13, { 'U', 'S', 'B', 'S', 8, 0, 0, 0, 0, 0, 0, 0, 0 }, BULK_NO_STATUS, 0 },   /* another command's */
		{ 13, { 'U', 'S', 'B', 'C', 7, 0, 0, 0, 0, 0, 0, 0, 0 }, BULK_NO_STATUS, 0 },
		{ 12, { 'U', 'S', 'B', 'S', 7, 0, 0, 0, 0, 0, 0, 0, 0 }, BULK_NO_STATUS, 0 },
		{ 14, { 'U', 'S', 'B', 'S', 7, 0, 0, 0, 0, 0, 0, 0, 0 }, BULK_NO_STATUS, 0 },
		{ 0, { 0 }, BULK_NO_STATUS, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 residue = 99;

		ck_assert_msg(bulk_status_read(rows[i].bytes, rows[i].size, 7, 512, &residue) == rows[i].result, "row %zu", i);
		ck_assert_uint_eq(residue, rows[i].residue);
	}
}
END_TEST

START_TEST(capacities)
{
	static const struct { bool wide; u8 size, bytes[16]; int error; u64 blocks; u32 block_bytes; bool wide_needed; } rows[] = {
		{ false, 8, { 0, 0, 0, 9, 0, 0, 2, 0 }, OK, 10, 512, false },
		{ false, 7, { 0, 0, 0, 9, 0, 0, 2, 0 }, ERR_INVALID, 0, 0, false },
		{ false, 8, { 0, 0, 0, 9, 0, 0, 0, 0 }, ERR_INVALID, 0, 0, false },
		{ false, 8, { 0, 0, 0, 9, 0, 0, 3, 0 }, ERR_INVALID, 0, 0, false },
		{ false, 8, { 0, 0, 0, 9, 0, 1, 0, 0 }, ERR_INVALID, 0, 0, false },
		{ false, 8, { 255, 255, 255, 255, 0, 0, 2, 0 }, OK, 1ull << 32, 512, true },
		{ true, 12, { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 16, 0 }, OK, (1ull << 32) + 1, 4096, false },
		{ true, 12, { 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 2, 0 }, ERR_INVALID, 0, 0, false },
		{ true, 8, { 0 }, ERR_INVALID, 0, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool wide_needed;
		u64 blocks = 0;
		u32 block_bytes;
		int error = bulk_capacity_read(rows[i].bytes, rows[i].size, rows[i].wide, &blocks, &block_bytes, &wide_needed);

		ck_assert_msg(error == rows[i].error, "row %zu", i);
		ck_assert(wide_needed == rows[i].wide_needed);
		if (!error)
			ck_assert(blocks == rows[i].blocks && block_bytes == rows[i].block_bytes);
	}
}
END_TEST

START_TEST(identities_and_senses)
{
	static const struct { u8 key, code; enum bulk_sense sense; } rows[] = {
		{ 0, 0, SENSE_NONE }, { 1, 0, SENSE_NONE }, { 2, 4, SENSE_NOT_READY }, { 2, 0x3a, SENSE_NO_MEDIUM }, { 3, 0x11, SENSE_ERROR },
		{ 5, 0x20, SENSE_UNSUPPORTED }, { 5, 0x24, SENSE_UNSUPPORTED }, { 5, 0x21, SENSE_ERROR }, { 6, 0x28, SENSE_ATTENTION },
		{ 7, 0x27, SENSE_PROTECTED }, { 15, 0, SENSE_ERROR },
	};
	u8 data[36] = { 0, 0x80, 6, 2, 31 };
	struct bulk_identity identity;

	memcpy(data + 8, "Maker   Thing\x1b[2J        1.0 ", 28);
	ck_assert_int_eq(bulk_identity_read(data, 36, &identity), OK);
	ck_assert_str_eq(identity.text, "Maker Thing?[2J");
	ck_assert(identity.removable && identity.type == 0);
	memset(data + 8, ' ', 24);
	ck_assert_int_eq(bulk_identity_read(data, 36, &identity), OK);
	ck_assert_str_eq(identity.text, "");
	memset(data + 8, 'W', 24);
	ck_assert_int_eq(bulk_identity_read(data, 36, &identity), OK);
	ck_assert_str_eq(identity.text, "WWWWWWWW WWWWWWWWWWWWWWWW");
	ck_assert_int_eq(bulk_identity_read(data, 35, &identity), ERR_INVALID);
	data[0] = 0x7f; /* no such unit */
	ck_assert_int_eq(bulk_identity_read(data, 36, &identity), ERR_INVALID);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u8 sense[18] = { 0x70, 0, rows[i].key, [12] = rows[i].code };

		ck_assert_msg(bulk_sense_read(sense, 18) == rows[i].sense, "row %zu", i);
		ck_assert(bulk_sense_read(sense, 13) == SENSE_ERROR);
		sense[0] = 0x72;
		ck_assert(bulk_sense_read(sense, 18) == SENSE_ERROR);
	}
	ck_assert(bulk_is_write_protected((u8[]){ 3, 0, 0x80, 0 }, 4));
	ck_assert(!bulk_is_write_protected((u8[]){ 3, 0, 0x80 }, 3));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("bulk only");
	TCase *tcase = tcase_create("bulk only");

	tcase_add_test(tcase, wrapper);
	tcase_add_test(tcase, statuses);
	tcase_add_test(tcase, capacities);
	tcase_add_test(tcase, identities_and_senses);
	suite_add_tcase(suite, tcase);
	return suite;
}

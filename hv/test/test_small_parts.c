/* SPDX-License-Identifier: MIT */
/* LINK: hv/rtc_time.c hv/symbols.c hv/log_ring.c hv/boot_option.c */
/* Clock formats, symbol lookup, the log's ring, command-line options. */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "hv/boot_record.h"
#include "hv/lib/error.h"
#include "hv/lib/muldiv.h"
#include "hv/log_ring.h"
#include "hv/rtc_time.h"
#include "hv/symbols.h"

START_TEST(rtc_formats)
{
	static const struct { struct rtc_registers r; bool century; int code; struct calendar c; } rows[] = {
		{ { 0x59, 0x58, 0x23, 0x31, 0x12, 0x26, 0x20, 2 }, true, OK, { 2026, 12, 31, 23, 58, 59 } }, /* BCD, 24 h */
		{ { 59, 58, 23, 31, 12, 26, 20, 6 }, true, OK, { 2026, 12, 31, 23, 58, 59 } },            /* binary */
		{ { 0, 0, 0x92, 1, 1, 0x00, 0, 0 }, false, OK, { 2000, 1, 1, 12, 0, 0 } },                 /* 12 h: 12 pm */
		{ { 0, 0, 0x12, 1, 1, 0x99, 0, 0 }, false, OK, { 1999, 1, 1, 0, 0, 0 } },                  /* 12 am */
		{ { 0, 0, 0x81, 1, 1, 0x70, 0, 0 }, false, OK, { 1970, 1, 1, 13, 0, 0 } },
		{ { 0, 0, 0, 0x29, 2, 0x24, 0x20, 2 }, true, OK, { 2024, 2, 29, 0, 0, 0 } },
		{ { 0, 0, 0, 0x29, 2, 0x23, 0x20, 2 }, true, ERR_INVALID, { 0 } },  /* no leap year */
		{ { 0x60, 0, 0, 1, 1, 0x23, 0x20, 2 }, true, ERR_INVALID, { 0 } },
		{ { 0x5a, 0, 0, 1, 1, 0x23, 0x20, 2 }, true, ERR_INVALID, { 0 } },  /* no BCD */
		{ { 0, 0, 0, 0, 1, 0x23, 0x20, 2 }, true, ERR_INVALID, { 0 } },
		{ { 0, 0, 0, 1, 0x13, 0x23, 0x20, 2 }, true, ERR_INVALID, { 0 } },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, true, ERR_INVALID, { 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct calendar c = { 0 };

		ck_assert_msg(rtc_decode(&rows[i].r, rows[i].century, &c) == rows[i].code, "row %zu", i);
		if (rows[i].code == OK)
			ck_assert_msg(memcmp(&c, &rows[i].c, sizeof(c)) == 0, "row %zu", i);
	}
}
END_TEST

START_TEST(calendar_agrees_with_the_c_library)
{
	for (u64 t = 0; t < 253402300799ull; t += 86400ull * 293 + 7919) {
		struct calendar c;
		time_t seconds = (time_t)t;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		calendar_from_unix(t, &c);
		ck_assert_uint_eq(c.year, (u32)tm.tm_year + 1900);
		ck_assert_uint_eq(c.month, (u32)tm.tm_mon + 1);
		ck_assert_uint_eq(c.day, (u32)tm.tm_mday);
		ck_assert_uint_eq(c.hour * 3600 + c.minute * 60 + c.second, (u32)(tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec));
		ck_assert_uint_eq(calendar_to_unix(&c), t);
	}
}
END_TEST

START_TEST(symbols)
{
	static const u32 addresses[] = { 0x100, 0x180, 0x400 }, names[] = { 0, 4, 8 };
	static const struct symbol_table table = { 0x1000, 0x1800, 3, addresses, names, "one\0two\0three" };
	static const struct { u64 address; const char *name; u64 offset; } rows[] = {
		{ 0x1100, "one", 0 }, { 0x117f, "one", 0x7f }, { 0x1180, "two", 0 }, { 0x17ff, "three", 0x3ff },
		{ 0x10ff, NULL, 0 }, { 0xfff, NULL, 0 }, { 0x1800, NULL, 0 }, { 0, NULL, 0 }, { ~(u64)0, NULL, 0 },
	};
	struct symbol_table empty = table;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 offset = 0;
		const char *name = symbol_find(&table, rows[i].address, &offset);

		if (rows[i].name) {
			ck_assert_str_eq(name, rows[i].name);
			ck_assert_uint_eq(offset, rows[i].offset);
		} else {
			ck_assert_ptr_null(name);
		}
	}
	empty.count = 0;
	ck_assert_ptr_null(symbol_find(&empty, 0x1100, &(u64){ 0 }));
}
END_TEST

START_TEST(log_ring_keeps_the_newest)
{
	static u8 data[1024];
	struct log_ring ring;
	struct log_ring_entry entry;
	char text[64];
	u64 position = 0, slow = 0;
	int last = -1;

	log_ring_init(&ring, data, sizeof(data));
	ck_assert(!log_ring_read(&ring, &position, &entry, text, sizeof(text)));
	for (int i = 0; i < 500; i++) {
		char line[64];
		int length = snprintf(line, sizeof(line), "line %d %.*s", i, i % 30, "------------------------------");

		log_ring_write(&ring, &(struct log_ring_entry){ .tsc = (u64)i, .length = (u32)length }, line);
		ck_assert(log_ring_read(&ring, &position, &entry, text, sizeof(text)));
		ck_assert_str_eq(text, line);
		ck_assert(!log_ring_read(&ring, &position, &entry, text, sizeof(text)));
	}
	while (log_ring_read(&ring, &slow, &entry, text, 9)) {
		ck_assert(last < 0 || (int)entry.tsc == last + 1);
		ck_assert_uint_lt(strlen(text), 9);
		last = (int)entry.tsc;
	}
	ck_assert_int_eq(last, 499);
}
END_TEST

START_TEST(options)
{
	char value[6];

	ck_assert(boot_option_in("quiet console=com2 no_fast", "quiet", NULL, 0));
	ck_assert(boot_option_in("  quiet  console=com2345", "console", value, sizeof(value)));
	ck_assert_str_eq(value, "com23");
	ck_assert(boot_option_in("a b c", "c", value, sizeof(value)));
	ck_assert_str_eq(value, "");
	ck_assert(boot_option_in("x=", "x", value, sizeof(value)));
	ck_assert_str_eq(value, "");
	ck_assert(!boot_option_in("quieter", "quiet", NULL, 0));
	ck_assert(!boot_option_in("", "quiet", NULL, 0));
	ck_assert(!boot_option_in("   ", "quiet", NULL, 0));
}
END_TEST

START_TEST(multiply_divide_in_128_bits)
{
	ck_assert_uint_eq(multiply_divide(~(u64)0, ~(u64)0, ~(u64)0), ~(u64)0);
	ck_assert_uint_eq(multiply_divide(1000000000, BIT64(32), 3000000000ull), 1431655765);
	ck_assert_uint_eq(multiply_divide(BIT64(63), 4, 1), ~(u64)0); /* does not fit */
	ck_assert_uint_eq(multiply_divide(5, 5, 0), ~(u64)0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("small parts of the core");
	TCase *tcase = tcase_create("parts");

	tcase_add_test(tcase, rtc_formats);
	tcase_add_test(tcase, calendar_agrees_with_the_c_library);
	tcase_add_test(tcase, symbols);
	tcase_add_test(tcase, log_ring_keeps_the_newest);
	tcase_add_test(tcase, options);
	tcase_add_test(tcase, multiply_divide_in_128_bits);
	suite_add_tcase(suite, tcase);
	return suite;
}

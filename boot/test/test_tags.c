/* SPDX-License-Identifier: MIT */
/* LINK: boot/multiboot2/tags.c boot/efi_map.c boot/ranges.c */
/* CFLAGS: -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -fshort-wchar */
#include <string.h>
#include "boot/efi_map.h"
#include "boot/multiboot2/tags.h"
#include "boot/text.h"
#include "hv/lib/test/unit.h"

static uint32_t record[64] __attribute__((aligned(8)));

static void put(uint32_t at, uint32_t type, uint32_t size)
{
	record[at] = type;
	record[at + 1] = size;
}

static void setup(void)
{
	memset(record, 0, sizeof(record));
	record[0] = 64;
	put(2, TAG_COMMAND_LINE, 11);
	memcpy(&record[4], "ab", 3);
	put(6, TAG_MODULE, 20);
	memcpy(&record[10], "mod", 4);
	put(12, TAG_MODULE, 16);
	put(16 - 2 + 2, TAG_END, 8); /* at word 16 = byte 64: outside, the size ends it */
}

START_TEST(tags_are_found_in_order)
{
	const struct tag *first, *second;

	setup();
	first = tag_find(record, NULL, TAG_MODULE, 16);
	ck_assert_ptr_eq(first, &record[6]);
	second = tag_find(record, first, TAG_MODULE, 16);
	ck_assert_ptr_eq(second, &record[12]);
	ck_assert_ptr_null(tag_find(record, second, TAG_MODULE, 16));
	ck_assert_ptr_eq(tag_find(record, NULL, TAG_MODULE, 20), &record[6]);
	ck_assert_ptr_null(tag_find(record, NULL, TAG_MODULE, 21));
	ck_assert_str_eq(tag_text(tag_find(record, NULL, TAG_COMMAND_LINE, 8), 8), "ab");
	ck_assert_str_eq(tag_text(first, 16), "mod");
}
END_TEST

START_TEST(broken_tags_end_the_search)
{
	setup();
	record[3] = 7; /* smaller than its own header */
	ck_assert_ptr_null(tag_find(record, NULL, TAG_MODULE, 8));
	setup();
	record[7] = 1000; /* past the record */
	ck_assert_ptr_null(tag_find(record, NULL, TAG_MODULE, 8));
	record[7] = ~0u;
	ck_assert_ptr_null(tag_find(record, NULL, TAG_MODULE, 8));
	setup();
	record[0] = ~0u; /* the record itself */
	ck_assert_ptr_null(tag_find(record, NULL, TAG_COMMAND_LINE, 8));
	setup();
	memset(&record[10], 'x', 4); /* text without an end */
	ck_assert_str_eq(tag_text(tag_find(record, NULL, TAG_MODULE, 8), 16), "");
}
END_TEST

static struct boot_memory_range storage[64];

START_TEST(efi_map_becomes_ours)
{
	EFI_MEMORY_DESCRIPTOR map[] = {
		{ .Type = EfiConventionalMemory, .PhysicalStart = 0, .NumberOfPages = 16, .Attribute = EFI_MEMORY_WB },
		{ .Type = EfiLoaderData, .PhysicalStart = 0x10000, .NumberOfPages = 1, .Attribute = EFI_MEMORY_WB },
		{ .Type = EfiConventionalMemory, .PhysicalStart = 0x11000, .NumberOfPages = 1, .Attribute = 0 },
		{ .Type = EfiRuntimeServicesCode, .PhysicalStart = 0x12000, .NumberOfPages = 4,
		  .Attribute = EFI_MEMORY_WB | EFI_MEMORY_RUNTIME },
		{ .Type = 0x80000001, .PhysicalStart = 0x16000, .NumberOfPages = ~0ull, .Attribute = 0 },
	};
	struct { struct efi_attributes_table table; EFI_MEMORY_DESCRIPTOR entry[2]; } attributes = {
		.table = { .version = 1, .count = 2, .descriptor_bytes = sizeof(EFI_MEMORY_DESCRIPTOR) },
		.entry = { { .Type = EfiRuntimeServicesCode, .PhysicalStart = 0x12000, .NumberOfPages = 2, .Attribute = EFI_MEMORY_XP },
			   /* must not turn free memory into anything */
			   { .Type = EfiRuntimeServicesData, .PhysicalStart = 0x1000, .NumberOfPages = 1, .Attribute = 0 } },
	};
	struct range_list list = { .at = storage, .capacity = 64 };

	efi_map_add(&list, (const uint8_t *)map, sizeof(map), sizeof(map[0]), BOOT_MEMORY_BOOT);
	efi_map_refine(&list, &attributes.table);
	ck_assert_uint_eq(ranges_type(&list, 0), BOOT_MEMORY_RESERVED);
	ck_assert_uint_eq(ranges_type(&list, 0x1000), BOOT_MEMORY_FREE);
	ck_assert_uint_eq(ranges_type(&list, 0x10000), BOOT_MEMORY_BOOT);
	ck_assert_uint_eq(ranges_type(&list, 0x11000), BOOT_MEMORY_RESERVED);
	ck_assert_uint_eq(ranges_type(&list, 0x16000), BOOT_MEMORY_RESERVED);
	for (uint32_t i = 0; i < list.count; i++) {
		if (list.at[i].base == 0x12000)
			ck_assert_uint_eq(list.at[i].attributes, EFI_MEMORY_XP | EFI_MEMORY_WB | EFI_MEMORY_RUNTIME);
		if (list.at[i].base == 0x14000)
			ck_assert_uint_eq(list.at[i].attributes, EFI_MEMORY_WB | EFI_MEMORY_RUNTIME);
	}
	attributes.table.count = ~0u;
	ck_assert_uint_eq(efi_attributes_bytes(&attributes.table), 0);
	attributes.table.count = 1;
	attributes.table.descriptor_bytes = 8;
	ck_assert_uint_eq(efi_attributes_bytes(&attributes.table), 0);
	list.count = 0;
	efi_map_add(&list, (const uint8_t *)map, sizeof(map), 0, BOOT_MEMORY_BOOT); /* would never end */
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("multiboot2 tags");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, tags_are_found_in_order);
	tcase_add_test(tests, broken_tags_end_the_search);
	tcase_add_test(tests, efi_map_becomes_ours);
	suite_add_tcase(suite, tests);
	return suite;
}

/* SPDX-License-Identifier: MIT */
/* LINK: boot/image.c boot/identity.c */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "boot/identity.h"
#include "boot/image.h"
#include "boot/text.h"
#include "hv/lib/test/unit.h"

#define FILE_BYTES 0x400

static struct {
	Elf64_Ehdr header;
	Elf64_Phdr load[3];
	uint8_t rest[FILE_BYTES - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
} file;

static const char *check(struct image *image)
{
	return image_check(image, (const uint8_t *)&file, sizeof(file));
}

static void setup(void)
{
	memset(&file, 0, sizeof(file));
	memcpy(file.header.e_ident, "\x7f" "ELF\2\1\1", 7);
	file.header.e_type = ET_EXEC;
	file.header.e_machine = EM_X86_64;
	file.header.e_entry = IMAGE_LINK_BASE + 0x10;
	file.header.e_phoff = sizeof(Elf64_Ehdr);
	file.header.e_phentsize = sizeof(Elf64_Phdr);
	file.header.e_phnum = 3;
	file.load[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x200, .p_vaddr = IMAGE_LINK_BASE,
				     .p_filesz = 0x100, .p_memsz = 0x100 };
	file.load[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x300,
				     .p_vaddr = IMAGE_LINK_BASE + 0x1000, .p_filesz = 0x40, .p_memsz = 0x1040 };
	file.load[2] = (Elf64_Phdr){ .p_type = PT_GNU_STACK };
	memset((uint8_t *)&file + 0x200, 0xaa, 0x100);
	memset((uint8_t *)&file + 0x300, 0xbb, 0x40);
}

START_TEST(segments_land_where_they_were_linked)
{
	struct image image;
	uint8_t *memory = malloc(0x3000);

	setup();
	ck_assert_ptr_null(check(&image));
	ck_assert_uint_eq(image.size_bytes, 0x3000);
	ck_assert_uint_eq(image.entry_offset, 0x10);
	memset(memory, 0xcc, 0x3000);
	image_load(&image, memory);
	for (int i = 0; i < 0x3000; i++) {
		if (memory[i] != (i < 0x100 ? 0xaa : i >= 0x1000 && i < 0x1040 ? 0xbb : 0))
			ck_abort_msg("byte %x is %x", i, memory[i]);
	}
	free(memory);
}
END_TEST

#define REFUSED(change) do { setup(); change; ck_assert_ptr_nonnull(check(&image)); } while (0) /* has `image` at hand */

START_TEST(forged_files_are_refused)
{
	struct image image;

	setup();
	ck_assert_ptr_nonnull(image_check(&image, (const uint8_t *)&file, 0));
	ck_assert_ptr_nonnull(image_check(&image, (const uint8_t *)&file, sizeof(Elf64_Ehdr) - 1));
	ck_assert_ptr_nonnull(image_check(&image, (const uint8_t *)&file, sizeof(Elf64_Ehdr) + 60));
	ck_assert_ptr_nonnull(image_check(&image, (const uint8_t *)&file, 0x33f));
	REFUSED(file.header.e_ident[0] = 0);
	REFUSED(file.header.e_ident[4] = ELFCLASS32);
	REFUSED(file.header.e_type = ET_DYN);
	REFUSED(file.header.e_machine = EM_386);
	REFUSED(file.header.e_phentsize = 55);
	REFUSED(file.header.e_phoff = ~0ull - 7);
	REFUSED(file.header.e_phoff = FILE_BYTES - 8);
	REFUSED(file.header.e_phoff = 65);
	REFUSED(file.header.e_phnum = 0xffff);
	REFUSED(file.header.e_phnum = 0);
	REFUSED(file.load[0].p_offset = ~0ull);
	REFUSED(file.load[0].p_offset = FILE_BYTES - 0xff);
	REFUSED(file.load[0].p_filesz = 0x101);
	REFUSED(file.load[0].p_filesz = ~0ull; file.load[0].p_memsz = ~0ull);
	REFUSED(file.load[1].p_memsz = ~0ull);
	REFUSED(file.load[1].p_vaddr = IMAGE_LINK_BASE - 0x1000);
	REFUSED(file.load[1].p_vaddr = ~0ull);
	REFUSED(file.load[1].p_memsz = IMAGE_SIZE_MAX);
	REFUSED(file.header.e_entry = IMAGE_LINK_BASE + 0x100);
	REFUSED(file.header.e_entry = IMAGE_LINK_BASE + 0x1010); /* not executable */
	REFUSED(file.header.e_entry = 0);
}
END_TEST

/* Walks the tables as the CPU would; ~0 for what is not mapped. */
static uint64_t translate(const uint64_t *pml4, uint64_t address)
{
	const uint64_t *table = pml4;

	for (int shift = 39; shift >= 21; shift -= 9) {
		uint64_t entry = table[address >> shift & 511];

		if (!(entry & 1))
			return ~0ull;
		if (shift < 39 && (entry & 0x80))
			return (entry & 0xffffffffff000ull & ~((1ull << shift) - 1)) | (address & ((1ull << shift) - 1));
		table = (const uint64_t *)(entry & 0xffffffffff000ull);
	}
	return ~0ull;
}

START_TEST(identity_maps_all_and_fits)
{
	static const uint64_t ends[] = { 0x100000000, 0x100000001, 0x1080000000, 0x8000000000, 0x8000001000 };

	for (int gib = 0; gib < 2; gib++) {
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			uint64_t pages = identity_table_pages(ends[i], gib);
			uint64_t *tables = aligned_alloc(4096, pages * 4096);

			memset(tables, 0, pages * 4096);
			identity_build(tables, ends[i], gib); /* ASan sees a page too few */
			for (uint64_t at = 0; at < ends[i]; at += 0x1234567) {
				if (translate(tables, at) != at)
					ck_abort_msg("%#lx is not mapped to itself", at);
			}
			ck_assert_uint_eq(translate(tables, ends[i] - 1), ends[i] - 1);
			ck_assert_uint_eq(translate(tables, ends[i] + GIB_BYTES), ~0ull);
			free(tables);
		}
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("boot image");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, segments_land_where_they_were_linked);
	tcase_add_test(tests, forged_files_are_refused);
	tcase_add_test(tests, identity_maps_all_and_fits);
	suite_add_tcase(suite, tests);
	return suite;
}

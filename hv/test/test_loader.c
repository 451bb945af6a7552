/* SPDX-License-Identifier: MIT */
/* LINK: hv/loader_image.c hv/loader_place.c hv/loader_linux.c hv/loader_elf.c hv/loader_pvh.c hv/loader_multiboot.c hv/lib/format.c hv/lib/string.c */
/* Kernels made here, good and forged, loaded into a small memory. */
#include <stdlib.h>
#include <string.h>
#include "hv/loader_image.h"
#include "hv/lib/test/unit.h"

#define MEMORY (48u * 1024 * 1024)
#define HIGH_BASE (4 * GIB)
#define HIGH_BYTES (8u * 1024 * 1024)
static u8 *memory, *high;

static u8 *at(u64 address, size_t size)
{
	if (address >= HIGH_BASE) {
		ck_assert_uint_le(address + size, HIGH_BASE + HIGH_BYTES);
		return high + (address - HIGH_BASE);
	}
	ck_assert_uint_le(address + size, MEMORY);
	return memory + address;
}

static int write_memory(void *context, u64 address, const void *from, size_t size)
{
	(void)context;
	memcpy(at(address, size), from, size);
	return OK;
}

static int zero_memory(void *context, u64 address, size_t size)
{
	(void)context;
	memset(at(address, size), 0, size);
	return OK;
}

static const struct kernel_memory_ops ops = { write_memory, zero_memory };
static struct memory_range map[] = {
	{ 0, 0x9fc00, MEMORY_RAM }, { 0x9fc00, 0x400, MEMORY_RESERVED }, { MIB, MEMORY - MIB - 0x10000, MEMORY_RAM },
	{ MEMORY - 0x10000, 0x10000, MEMORY_ACPI }, { HIGH_BASE, HIGH_BYTES, MEMORY_RAM },
};
static u8 file[3u * 1024 * 1024];
static size_t file_bytes;
static struct kernel_request request;
static struct kernel_entry entry;
static char error[KERNEL_ERROR_MAX];

static void put16(size_t offset, u16 value) { memcpy(file + offset, &value, 2); }
static void put32(size_t offset, u32 value) { memcpy(file + offset, &value, 4); }
static void put64(size_t offset, u64 value) { memcpy(file + offset, &value, 8); }
static u32 get32(u64 address) { u32 value; memcpy(&value, at(address, 4), 4); return value; }
static u64 get64(u64 address) { u64 value; memcpy(&value, at(address, 8), 8); return value; }

static void setup(void)
{
	memory = malloc(MEMORY);
	high = malloc(HIGH_BYTES);
	memset(memory, 0xcc, MEMORY);
	memset(high, 0xcc, HIGH_BYTES);
	memset(file, 0, sizeof(file));
	request = (struct kernel_request){ .image = file, .command_line = "console=ttyS0", .map = map, .map_count = ARRAY_SIZE(map),
					   .rsdp = 0xf1230, .memory = &ops };
}

static void teardown(void)
{
	free(memory);
	free(high);
}

static int load(void)
{
	/* an exact copy, so that ASan sees a read beyond the file */
	u8 *copy = malloc(file_bytes ? file_bytes : 1);
	memcpy(copy, file, file_bytes);
	request.image = copy;
	request.image_bytes = file_bytes;
	int result = kernel_load(&request, &entry, error);
	free(copy);
	ck_assert_msg((result == OK) == (error[0] == '\0'), "%d: '%s'", result, error);
	return result;
}

#define expect_error(code, words)                                                                                 \
	do {                                                                                                      \
		ck_assert_int_eq(load(), code);                                                                   \
		ck_assert_msg(strstr(error, words) != NULL, "'%s' does not say '%s'", error, words);              \
	} while (0)

/* As Debian's 6.1 kernel has it, but for the sizes. */
static void make_linux(void)
{
	file[0x1f1] = 3;
	put32(0x1f4, 0x20000 / 16);
	put16(0x1fe, 0xaa55);
	file[0x200] = 0xeb, file[0x201] = 0x6a;
	memcpy(file + 0x202, "HdrS", 4);
	put16(0x206, 0x20f);
	file[0x211] = 1;
	put32(0x22c, 0x7fffffff);
	put32(0x230, 0x200000);
	file[0x234] = 1, file[0x235] = 21;
	put16(0x236, 0x7f);
	put32(0x238, 2047);
	put64(0x250, 0xdeadbeef);
	put64(0x258, 0x1000000);
	put32(0x260, 0x400000);
	for (unsigned i = 0; i < 0x20000; i++)
		file[2048 + i] = (u8)(i * 7 + i / 256);
	file_bytes = 2048 + 0x20000;
}

static u64 walk(u64 linear)
{
	u64 table = entry.cr3, pml4e = get64(table + 8 * (linear >> 39)), pdpte, pde;

	ck_assert_uint_eq(pml4e & 1, 1);
	pdpte = get64((pml4e & ~0xfffull) + 8 * (linear >> 30 & 511));
	ck_assert_uint_eq(pdpte & 0x81, 1);
	pde = get64((pdpte & ~0xfffull) + 8 * (linear >> 21 & 511));
	ck_assert_uint_eq(pde & 0x81, 0x81);
	return (pde & ~0x1fffffull) | (linear & 0x1fffff);
}

START_TEST(linux_at_its_preferred_address)
{
	make_linux();
	ck_assert_int_eq(load(), OK);
	ck_assert_uint_eq(entry.format, KERNEL_LINUX);
	ck_assert_uint_eq(entry.mode, KERNEL_LONG_64);
	ck_assert_uint_eq(entry.rip, 0x1000200);
	ck_assert_mem_eq(memory + 0x1000000, file + 2048, 0x20000);
	ck_assert_str_eq((char *)memory + get32(entry.rsi + 0x228), "console=ttyS0");
	ck_assert_uint_eq(get64(entry.rsi + 0x70), 0xf1230);
	ck_assert_uint_eq(memory[entry.rsi + 0x1e8], ARRAY_SIZE(map));
	ck_assert_uint_eq(get64(entry.rsi + 0x2d0 + 20 * 3), MEMORY - 0x10000);
	ck_assert_uint_eq(get32(entry.rsi + 0x2d0 + 20 * 3 + 16), MEMORY_ACPI);
	ck_assert_uint_eq(get64(entry.rsi + 0x250), 0); /* the file's setup_data is not passed on */
	ck_assert_uint_eq(memory[entry.rsi + 0x210], 0xff);
	ck_assert_uint_eq(get32(entry.rsi + 0x202), 0x53726448);
	ck_assert_uint_eq(get32(entry.rsi + 0x218), 0);
	for (u64 linear = 0; linear < 4 * GIB; linear += 0x12345678)
		ck_assert_uint_eq(walk(linear), linear);
	ck_assert_uint_eq(entry.gdt_limit, 31);
	ck_assert_uint_eq(get64(entry.gdt_base + 0x10), 0x00af9b000000ffff);
	ck_assert_uint_eq(get64(entry.gdt_base + 0x18), 0x00cf93000000ffff);
}
END_TEST

START_TEST(linux_initrd_low_and_high)
{
	static u8 initrd[20u * 1024 * 1024];
	struct kernel_module module = { initrd, 0x123456, "initrd" };

	memset(initrd, 0x5a, sizeof(initrd));
	make_linux();
	request.modules = &module;
	request.module_count = 1;
	ck_assert_int_eq(load(), OK);
	u64 place = get32(entry.rsi + 0x218);
	ck_assert_uint_eq(place, ALIGN_DOWN(MEMORY - 0x10000 - 0x123456, PAGE_SIZE)); /* below the tables */
	ck_assert_uint_eq(get32(entry.rsi + 0x21c), 0x123456);
	ck_assert_mem_eq(memory + place, initrd, 0x123456);
	put32(0x22c, 0x1ffffff); /* the kernel's limit counts only without XLF_CAN_BE_LOADED_ABOVE_4G */
	put16(0x236, 1);
	ck_assert_int_eq(load(), OK);
	ck_assert_uint_eq(get32(entry.rsi + 0x218), ALIGN_DOWN(0x2000000 - 0x123456, PAGE_SIZE));
	put16(0x236, 3);
	put32(0x260, 46 * 1024 * 1024 - 0x1000000 + MIB); /* leaves no room low, but above 1 MiB and 4 GiB there is */
	module.size_bytes = 0x700000;
	put64(0x258, 2 * MIB);
	put32(0x260, 44 * 1024 * 1024);
	ck_assert_int_eq(load(), OK);
	ck_assert_uint_eq(get32(entry.rsi + 0xc0), 1);
	ck_assert_uint_eq(get32(entry.rsi + 0x218), 0);
	module.size_bytes = 0x900000;
	expect_error(ERR_RANGE, "initrd (9216 KiB) does not fit");
	put16(0x236, 1);
	expect_error(ERR_RANGE, "below this kernel's limit");
	request.module_count = 2;
	expect_error(ERR_UNSUPPORTED, "one initrd, not 2");
}
END_TEST

START_TEST(linux_places)
{
	make_linux();
	put64(0x258, 0x1100000); /* not aligned: the next aligned place above */
	ck_assert_int_eq(load(), OK);
	ck_assert_uint_eq(entry.rip, 0x1200200);
	file[0x234] = 0; /* not relocatable: exactly there */
	ck_assert_int_eq(load(), OK);
	ck_assert_uint_eq(entry.rip, 0x1100200);
	put64(0x258, 0x100000); /* memtest86+ */
	put32(0x238, 255);
	ck_assert_int_eq(load(), OK);
	ck_assert_uint_eq(entry.rip, 0x100200);
	put64(0x258, MEMORY - 0x20000);
	expect_error(ERR_RANGE, "no RAM there");
	put64(0x258, ~0ull - 0x1000);
	expect_error(ERR_RANGE, "beyond 4 GiB");
	file[0x234] = 1;
	put64(0x258, 0x1000000);
	put32(0x260, 0xffffffff);
	expect_error(ERR_RANGE, "more than the machine has");
	put32(0x230, 3);
	expect_error(ERR_INVALID, "kernel_alignment 0x3");
}
END_TEST

START_TEST(linux_refusals)
{
	static char line[400];

	make_linux();
	memset(line, 'x', sizeof(line) - 1);
	request.command_line = line;
	put32(0x238, 398);
	expect_error(ERR_RANGE, "399 bytes, this kernel takes at most 398");
	put32(0x238, 399);
	ck_assert_int_eq(load(), OK);
	file_bytes -= 16;
	expect_error(ERR_INVALID, "truncated: the file has 133104 bytes, its header says 133120");
	file_bytes = 0x250;
	expect_error(ERR_INVALID, "ends inside its setup header");
	make_linux();
	put16(0x236, 0);
	expect_error(ERR_UNSUPPORTED, "32-bit kernel");
	put16(0x206, 0x204);
	expect_error(ERR_UNSUPPORTED, "boot protocol 2.04");
	make_linux();
	file[0x211] = 0;
	expect_error(ERR_UNSUPPORTED, "zImage");
	memset(file, 0, 0x300);
	expect_error(ERR_INVALID, "no Linux bzImage, no PVH ELF and no Multiboot");
	file_bytes = 0;
	expect_error(ERR_INVALID, "no Linux bzImage");
}
END_TEST

struct part { u32 type; u64 offset, virtual, physical, file_bytes, memory_bytes; };

static void make_elf(bool is_64, u64 start, const struct part *parts, unsigned count)
{
	unsigned header = is_64 ? 64 : 52, size = is_64 ? 56 : 32;

	memset(file, 0, sizeof(file));
	memcpy(file, "\x7f" "ELF", 4);
	file[4] = is_64 ? 2 : 1, file[5] = 1, file[6] = 1;
	put16(16, 2);
	put16(18, is_64 ? 62 : 3);
	if (is_64)
		put64(24, start), put64(32, header), put16(54, (u16)size), put16(56, (u16)count);
	else
		put32(24, (u32)start), put32(28, header), put16(42, (u16)size), put16(44, (u16)count);
	for (unsigned i = 0; i < count; i++) {
		size_t to = header + i * size;

		put32(to, parts[i].type);
		if (is_64)
			put64(to + 8, parts[i].offset), put64(to + 16, parts[i].virtual), put64(to + 24, parts[i].physical),
				put64(to + 32, parts[i].file_bytes), put64(to + 40, parts[i].memory_bytes);
		else
			put32(to + 4, (u32)parts[i].offset), put32(to + 8, (u32)parts[i].virtual), put32(to + 12, (u32)parts[i].physical),
				put32(to + 16, (u32)parts[i].file_bytes), put32(to + 20, (u32)parts[i].memory_bytes);
	}
	for (unsigned i = 0; i < 0x3000; i++)
		file[0x1000 + i] = (u8)(i * 3 + 1);
	file_bytes = 0x4000;
}

static void put_note(size_t to, u32 entry_address)
{
	put32(to, 4), put32(to + 4, 4), put32(to + 8, 18);
	memcpy(file + to + 12, "Xen", 4);
	put32(to + 16, entry_address);
}

START_TEST(pvh)
{
	static const struct part parts[] = { { 4, 0x800, 0, 0, 60, 60 }, { 1, 0x1000, 0xffffffff81000000, 0x1000000, 0x2000, 0x8000 } };
	struct kernel_module modules[] = { { "abc", 3, "one" }, { "defg", 4, "two" } };

	for (int is_64 = 0; is_64 < 2; is_64++) {
		make_elf(is_64, 0, parts, 2);
		put32(0x800, 4), put32(0x804, 17), put32(0x808, 18); /* another owner's note of that type */
		memcpy(file + 0x80c, "Foo", 4);
		put_note(0x800 + 36, 0x1000040);
		request.modules = modules, request.module_count = 2;
		ck_assert_int_eq(load(), OK);
		ck_assert_uint_eq(entry.format, KERNEL_PVH);
		ck_assert_uint_eq(entry.mode, KERNEL_PROTECTED_32);
		ck_assert_uint_eq(entry.rip, 0x1000040);
		ck_assert_mem_eq(memory + 0x1000000, file + 0x1000, 0x2000);
		for (unsigned i = 0x2000; i < 0x8000; i++)
			ck_assert_uint_eq(memory[0x1000000 + i], 0);
		ck_assert_uint_eq(memory[0x1008000], 0xcc);
		ck_assert_uint_eq(get32(entry.rbx), 0x336ec578);
		ck_assert_uint_eq(get32(entry.rbx + 12), 2);
		u64 list = get64(entry.rbx + 16);
		ck_assert_mem_eq(memory + get64(list + 32), "defg", 4);
		ck_assert_uint_eq(get64(list + 40), 4);
		ck_assert_str_eq((char *)memory + get64(entry.rbx + 24), "console=ttyS0");
		ck_assert_uint_eq(get64(entry.rbx + 32), 0xf1230);
		ck_assert_uint_eq(get32(entry.rbx + 48), ARRAY_SIZE(map));
		ck_assert_uint_eq(get64(get64(entry.rbx + 40) + 24 * 4), HIGH_BASE);
	}
}
END_TEST

START_TEST(forged_elf)
{
	struct part parts[3] = { { 4, 0x800, 0, 0, 20, 20 }, { 1, 0x1000, 0, 0x1000000, 0x2000, 0x8000 }, { 1, 0x1000, 0, 0x2000000, 1, 1 } };

	for (int is_64 = 0; is_64 < 2; is_64++) {
#define MAKE() (make_elf(is_64, 0, parts, 3), put_note(0x800, 0x1000000))
		struct part good = parts[1];
		MAKE();
		ck_assert_int_eq(load(), OK);
		parts[1].offset = is_64 ? ~0ull - 0xfff : 0xfffff000, MAKE();
		expect_error(ERR_INVALID, "truncated: segment 1");
		parts[1] = good, parts[1].file_bytes = 0x3001, MAKE();
		expect_error(ERR_INVALID, "truncated: segment 1");
		parts[1] = good, parts[1].memory_bytes = 0x1fff, MAKE();
		expect_error(ERR_INVALID, "more bytes in the file");
		parts[1] = good, parts[1].physical = 0xfffff000, MAKE();
		expect_error(ERR_RANGE, "not below 4 GiB");
		if (is_64) {
			parts[1] = good, parts[1].memory_bytes = ~0ull, MAKE();
			expect_error(ERR_RANGE, "not below 4 GiB");
		}
		parts[1] = good, parts[1].physical = 0x9f000, MAKE();
		expect_error(ERR_RANGE, "no RAM there");
		parts[1] = good, parts[1].physical = 0x2000000 - 0x7fff, MAKE();
		expect_error(ERR_RANGE, "overlaps");
		parts[1] = good, MAKE();
		if (is_64)
			put64(32, ~0ull - 10);
		else
			put32(28, 0xfffffff0);
		ck_assert_int_eq(load(), ERR_INVALID);
		MAKE();
		put16(is_64 ? 56 : 44, 0xffff);
		ck_assert_int_eq(load(), ERR_INVALID);
		MAKE();
		put32(0x800, 0xfffffffd); /* sizes that wrap: the note is not found */
		expect_error(ERR_INVALID, "neither a PVH entry note");
		MAKE();
		put32(0x800, 0), put32(0x804, 0xfffffff4);
		expect_error(ERR_INVALID, "neither a PVH entry note");
		MAKE();
		put16(18, 40);
		ck_assert_int_eq(load(), ERR_INVALID);
		/* every truncation gives words, never a read beyond the file */
		MAKE();
		for (file_bytes = 0; file_bytes < 0x3000; file_bytes += file_bytes < 0x900 ? 1 : 97)
			ck_assert_int_ne(load(), OK);
	}
}
END_TEST

static void put_multiboot(size_t to, u32 flags)
{
	put32(to, 0x1badb002), put32(to + 4, flags), put32(to + 8, 0u - 0x1badb002u - flags);
}

START_TEST(multiboot)
{
	static const struct part parts[] = { { 1, 0x1000, 0xc0100000, 0x100000, 0x2000, 0x3000 } };
	struct kernel_module modules[] = { { "abc", 3, "one a b" } };

	request.modules = modules, request.module_count = 1;
	for (int is_64 = 0; is_64 < 2; is_64++) {
		make_elf(is_64, 0xc0100123, parts, 1);
		put_multiboot(0x1000, 3);
		ck_assert_int_eq(load(), OK);
		ck_assert_uint_eq(entry.format, KERNEL_MULTIBOOT);
		ck_assert_uint_eq(entry.mode, KERNEL_PROTECTED_32);
		ck_assert_uint_eq(entry.rip, 0x100123);
		ck_assert_uint_eq(entry.rax, 0x2badb002);
		ck_assert_mem_eq(memory + 0x100000, file + 0x1000, 0x2000);
		u64 info = entry.rbx;
		ck_assert_uint_eq(get32(info), 1 | 4 | 8 | 64 | 512);
		ck_assert_uint_eq(get32(info + 4), 0x9fc00 / 1024);
		ck_assert_uint_eq(get32(info + 8), (MEMORY - MIB - 0x10000) / 1024);
		ck_assert_str_eq((char *)memory + get32(info + 16), "console=ttyS0");
		ck_assert_uint_eq(get32(info + 20), 1);
		u32 list = get32(info + 24);
		ck_assert_uint_eq(get32(list) % 4096, 0);
		ck_assert_mem_eq(memory + get32(list), "abc", 3);
		ck_assert_uint_eq(get32(list + 4) - get32(list), 3);
		ck_assert_str_eq((char *)memory + get32(list + 8), "one a b");
		ck_assert_uint_eq(get32(info + 44), 24 * ARRAY_SIZE(map));
		u32 e = get32(info + 48) + 24 * 2;
		ck_assert_uint_eq(get32(e), 20);
		ck_assert_uint_eq(get64(e + 4), MIB);
		ck_assert_str_eq((char *)memory + get32(info + 64), "Solera");
		put_multiboot(0x1000, 3 | 1u << 9);
		expect_error(ERR_UNSUPPORTED, "demands features");
	}
}
END_TEST

static void put_addresses(u32 header, u32 load_address, u32 load_end, u32 bss_end, u32 start)
{
	put32(0x100 + 12, header), put32(0x100 + 16, load_address), put32(0x100 + 20, load_end), put32(0x100 + 24, bss_end),
		put32(0x100 + 28, start);
}

START_TEST(multiboot_by_addresses)
{
	file_bytes = 0x2000;
	for (unsigned i = 0x200; i < file_bytes; i++)
		file[i] = (u8)i;
	put_multiboot(0x100, 1u << 16);
	put_addresses(0x200100, 0x200080, 0x201000, 0x204000, 0x200234);
	ck_assert_int_eq(load(), OK);
	ck_assert_uint_eq(entry.rip, 0x200234);
	ck_assert_mem_eq(memory + 0x200080, file + 0x80, 0xf80);
	ck_assert_uint_eq(memory[0x201000], 0);
	ck_assert_uint_eq(memory[0x203fff], 0);
	ck_assert_uint_eq(memory[0x204000], 0xcc);
	put_addresses(0x200100, 0x200000, 0, 0, 0x200234); /* zeroes: to the file's end, no bss */
	ck_assert_int_eq(load(), OK);
	ck_assert_mem_eq(memory + 0x200000, file, 0x2000);
	put_addresses(0x200100, 0x1fff00, 0, 0, 0);
	expect_error(ERR_INVALID, "do not fit the header's place");
	put_addresses(0x200100, 0x200101, 0, 0, 0);
	expect_error(ERR_INVALID, "do not fit the header's place");
	put_addresses(0x200100, 0x200000, 0x202001, 0, 0);
	expect_error(ERR_INVALID, "truncated");
	put_addresses(0x200100, 0x200000, 0x1000, 0, 0);
	expect_error(ERR_INVALID, "truncated");
	put_addresses(0x200100, 0x200000, 0, 0x1000, 0);
	expect_error(ERR_INVALID, "bss_end_addr");
	put_addresses(0x200100, 0x200000, 0, 0xfffffff0, 0);
	expect_error(ERR_RANGE, "no RAM there");
	file_bytes = 0x100 + 20;
	expect_error(ERR_INVALID, "ends inside its header");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("loader");
	TCase *tcase = tcase_create("loader");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, linux_at_its_preferred_address);
	tcase_add_test(tcase, linux_initrd_low_and_high);
	tcase_add_test(tcase, linux_places);
	tcase_add_test(tcase, linux_refusals);
	tcase_add_test(tcase, pvh);
	tcase_add_test(tcase, forged_elf);
	tcase_add_test(tcase, multiboot);
	tcase_add_test(tcase, multiboot_by_addresses);
	suite_add_tcase(suite, tcase);
	return suite;
}

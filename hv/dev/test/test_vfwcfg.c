/* SPDX-License-Identifier: MIT */
/* LINK: hv/dev/vfwcfg.c hv/dev/blob.c hv/io_region.c hv/state.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* The firmware configuration device as a guest uses it, and as a hostile one does. Guest memory is 64 KiB at 0. */
#include "hv/lib/test/unit.h"
#include "hv/dev/vfwcfg.h"
#include <stdlib.h>
#include <string.h>
#include "hv/gmem.h"
#include "hv/lib/error.h"

static u8 ram[65536];
static struct vfwcfg fw;
static struct io_map ports;
static unsigned locked;

void mutex_init(struct mutex *mutex, const char *name) { (void)mutex; (void)name; }
void mutex_lock(struct mutex *mutex) { (void)mutex; ck_assert_uint_eq(locked++, 0); }
void mutex_unlock(struct mutex *mutex) { (void)mutex; ck_assert_uint_eq(--locked, 0); }

static bool inside(gpa_t address, size_t size)
{
	return address.value <= sizeof(ram) && size <= sizeof(ram) - address.value;
}

int gmem_read(struct vm *vm, gpa_t address, void *to, size_t size)
{
	(void)vm;
	if (!inside(address, size))
		return ERR_FAULT;
	memcpy(to, ram + address.value, size);
	return OK;
}

int gmem_write(struct vm *vm, gpa_t address, const void *from, size_t size)
{
	(void)vm;
	if (!inside(address, size))
		return ERR_FAULT;
	memcpy(ram + address.value, from, size);
	return OK;
}

int gmem_zero(struct vm *vm, gpa_t address, size_t size)
{
	(void)vm;
	if (!inside(address, size))
		return ERR_FAULT;
	memset(ram + address.value, 0, size);
	return OK;
}

static void device_new(void)
{
	static const u8 cpus[2] = { 4, 0 };

	memset(ram, 0xcc, sizeof(ram));
	io_map_init(&ports);
	vfwcfg_init(&fw, NULL);
	vfwcfg_add(&fw, VFWCFG_NB_CPUS, cpus, 2);
	vfwcfg_add_file(&fw, "etc/table-loader", "script", 6);
	vfwcfg_add_file(&fw, "etc/acpi/rsdp", "rsdp", 4);
	vfwcfg_add_file(&fw, "etc/e820", "0123456789", 10);
	ck_assert_int_eq(vfwcfg_finish(&fw, &ports), OK);
}

static void device_gone(void)
{
	vfwcfg_release(&fw);
	io_map_release(&ports);
}

static void select_key(u16 key) { io_map_write(&ports, 0x510, 2, key); }
static u8 in(void) { return (u8)io_map_read(&ports, 0x511, 1); }

static void big_endian(u32 at, u64 value, unsigned size)
{
	while (size-- > 0)
		ram[at++] = (u8)(value >> (8 * size));
}

static u32 swap(u32 v) { return __builtin_bswap32(v); }

/* Makes a request at `at`, starts it, and returns the control word afterwards. */
static u32 dma(u64 at, u32 control, u32 length, u64 address)
{
	u32 answer;

	if (at <= sizeof(ram) - 16) {
		big_endian((u32)at, control, 4);
		big_endian((u32)at + 4, length, 4);
		big_endian((u32)at + 8, address, 8);
	}
	io_map_write(&ports, 0x514, 4, swap((u32)(at >> 32)));
	io_map_write(&ports, 0x518, 4, swap((u32)at));
	if (at > sizeof(ram) - 16)
		return 0;
	memcpy(&answer, ram + at, 4);
	return swap(answer);
}

START_TEST(signature_and_items)
{
	device_new();
	select_key(0);
	ck_assert(in() == 'Q' && in() == 'E' && in() == 'M' && in() == 'U' && in() == 0 && in() == 0);
	select_key(1);
	ck_assert_uint_eq(in(), 3);
	ck_assert_uint_eq(swap((u32)io_map_read(&ports, 0x514, 4)), 0x51454d55);
	ck_assert_uint_eq(swap((u32)io_map_read(&ports, 0x518, 4)), 0x20434647);
	select_key(VFWCFG_NB_CPUS);
	ck_assert_uint_eq(in(), 4);
	select_key(0x7777);
	ck_assert_uint_eq(in(), 0);
	select_key(VFWCFG_NB_CPUS);
	io_map_write(&ports, 0x511, 1, 99); /* read-only */
	ck_assert_uint_eq(in(), 4);
	device_gone();
}
END_TEST

START_TEST(directory_is_sorted)
{
	static const char *const names[] = { "etc/acpi/rsdp", "etc/e820", "etc/table-loader" };
	static const u8 sizes[] = { 4, 10, 6 };
	u8 bytes[4 + 3 * 64];

	device_new();
	select_key(VFWCFG_FILE_DIR);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = in();
	ck_assert_uint_eq(bytes[3], 3);
	for (unsigned i = 0; i < 3; i++) {
		const u8 *entry = bytes + 4 + 64 * i;

		ck_assert_uint_eq(entry[3], sizes[i]);
		ck_assert_uint_eq(entry[5], VFWCFG_FILE_FIRST + i);
		ck_assert_str_eq((const char *)entry + 8, names[i]);
	}
	select_key(VFWCFG_FILE_FIRST + 1);
	ck_assert(in() == '0' && in() == '1');
	device_gone();
}
END_TEST

START_TEST(dma_reads_and_skips)
{
	device_new();
	ck_assert_uint_eq(dma(0x100, (VFWCFG_FILE_FIRST + 1) << 16 | 8 | 2, 4, 0x200), 0);
	ck_assert_mem_eq(ram + 0x200, "0123\xcc", 5);
	ck_assert_uint_eq(dma(0x100, 4, 2, 0), 0);
	ck_assert_uint_eq(dma(0x100, 2, 8, 0x300), 0); /* four bytes are left; zeros follow */
	ck_assert_mem_eq(ram + 0x300, "6789\0\0\0\0\xcc", 9);
	ck_assert_uint_eq(dma(0x100, 8 | 0x4444u << 16, 0, 0), 0);
	ck_assert_uint_eq(in(), 0);
	device_gone();
}
END_TEST

START_TEST(dma_hostile)
{
	static const struct { u32 control, length; u64 address; } rows[] = {
		{ 2 | 8 | 0x21 << 16, 4, 0xfffe }, { 2 | 8 | 0x21 << 16, 4, ~0ull }, { 2 | 8 | 0x21 << 16, 20, 0xfffa },
		{ 2 | 8 | 0x21 << 16, 0xffffffff, 0 }, { 2 | 8 | 0x21 << 16, 64 * MIB + 1, 0 }, { 16, 4, 0x200 },
		{ 16 | 2, 4, 0x200 }, { 2, 20, 0xfffffffffffffff8ull },
	};

	device_new();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(dma(0x100, rows[i].control, rows[i].length, rows[i].address) == 1, "row %zu", i);
	(void)dma(0xfff8, 2, 4, 0x200); /* the request itself is cut off */
	(void)dma(0xfffffffffffffff8ull, 2, 4, 0x200);
	(void)dma(0x100000000ull, 2, 4, 0x200);
	io_map_write(&ports, 0x514, 2, 0x1234); /* parts of registers */
	io_map_write(&ports, 0x516, 4, 0x1234);
	io_map_write(&ports, 0x518, 1, 0x12);
	(void)io_map_read(&ports, 0x510, 4);
	/* The request overwrites itself with what it reads: it was copied before. */
	ck_assert_uint_eq(dma(0x100, 2 | 8 | 0x21 << 16, 10, 0x104), 0);
	ck_assert_mem_eq(ram + 0x104, "0123456789", 10);
	device_gone();
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer writer;
	struct state_reader reader;
	struct vfwcfg_state wrong = { .reserved = 1 };

	device_new();
	select_key(VFWCFG_FILE_FIRST + 1);
	(void)in();
	state_writer_init(&writer);
	vfwcfg_save(&fw, &writer);
	vfwcfg_reset(&fw);
	ck_assert_uint_eq(in(), 'Q');
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(vfwcfg_load(&fw, &reader), OK);
	ck_assert_uint_eq(in(), '1');
	state_writer_release(&writer);
	state_writer_init(&writer);
	state_save(&writer, "fw_cfg", 1, &wrong, sizeof(wrong));
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(vfwcfg_load(&fw, &reader), ERR_INVALID);
	ck_assert_uint_eq(in(), '2'); /* a refused load changed nothing */
	wrong = (struct vfwcfg_state){ .selector = 0x21, .offset = 0xffffffff };
	state_writer_release(&writer);
	state_writer_init(&writer);
	state_save(&writer, "fw_cfg", 1, &wrong, sizeof(wrong));
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(vfwcfg_load(&fw, &reader), OK);
	ck_assert_uint_eq(in(), 0);
	ck_assert_uint_eq(dma(0x100, 2, 4, 0x200), 0);
	state_writer_release(&writer);
	device_gone();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vfwcfg");
	TCase *tcase = tcase_create("vfwcfg");

	tcase_add_test(tcase, signature_and_items);
	tcase_add_test(tcase, directory_is_sorted);
	tcase_add_test(tcase, dma_reads_and_skips);
	tcase_add_test(tcase, dma_hostile);
	tcase_add_test(tcase, saved_state);
	suite_add_tcase(suite, tcase);
	return suite;
}

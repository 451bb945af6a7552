/* SPDX-License-Identifier: MIT */
/* LINK: hv/acpi.c hv/acpi_tables.c hv/acpi_aml.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* Tables that a test builds in a fake memory: whole ones are read, wrong ones are left out, nothing hangs. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/acpi.h"
#include "hv/lib/error.h"
#include "hv/test/fake_memory.h"

#define BASE 0x1000u
static u8 bytes[65536];
static u32 used;
static u32 root;
static struct acpi_info info;

static void put(u32 at, u64 value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		bytes[at + i] = (u8)(value >> (8 * i));
}

static void sum(u32 at, u32 length, u32 where)
{
	u8 total = 0;

	bytes[at + where] = 0;
	for (u32 i = 0; i < length; i++)
		total = (u8)(total + bytes[at + i]);
	bytes[at + where] = (u8)-total;
}

/* Starts with an RSDP at offset 0 and an XSDT with room for 32 entries; table_new adds to it. */
static void memory_new(void)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "RSD PTR ", 8);
	memcpy(bytes + 9, "TESTER", 6);
	bytes[15] = 2;
	put(20, 36, 4);
	root = 0x100;
	put(24, BASE + root, 8);
	sum(0, 20, 8);
	sum(0, 36, 32);
	memcpy(bytes + root, "XSDT", 4);
	put(root + 4, 36, 4);
	sum(root, 36, 9);
	used = 0x1000;
}

static void root_add(u64 address)
{
	u32 length = bytes[root + 4] | (u32)bytes[root + 5] << 8;

	put(root + length, address, 8);
	put(root + 4, length + 8, 4);
	sum(root, length + 8, 9);
}

static u32 table_new(const char *signature, const void *body, u32 length)
{
	u32 at = used;

	memcpy(bytes + at, signature, 4);
	put(at + 4, 36 + length, 4);
	bytes[at + 8] = 4;
	memcpy(bytes + at + 36, body, length);
	sum(at, 36 + length, 9);
	used += (36 + length + 15) & ~15u;
	return at;
}

static int parse(void)
{
	struct fake_memory memory = { BASE, bytes, sizeof(bytes) };

	return acpi_parse(&info, &(struct physical_reader){ fake_memory_read, &memory }, BASE);
}

static const u8 madt_body[] = {
	0, 0, 0xe0, 0xfe, 1, 0, 0, 0,                                 /* local APIC address, flags */
	0, 8, 0, 0, 1, 0, 0, 0,   0, 8, 1, 2, 1, 0, 0, 0,             /* two CPUs */
	0, 8, 2, 4, 0, 0, 0, 0,                                       /* disabled */
	9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0,              /* x2APIC 0x100 */
	9, 16, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,              /* APIC 2 again */
	1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,                    /* I/O APIC */
	1, 12, 8, 0, 0, 0x10, 0xc0, 0xfe, 24, 0, 0, 0,
	2, 10, 0, 0, 2, 0, 0, 0, 0, 0,                                /* timer on input 2 */
	2, 10, 0, 9, 9, 0, 0, 0, 13, 0,                               /* SCI, level, high */
	4, 6, 0xff, 5, 0, 1,                                          /* NMI on LINT1 of all */
	0x7f, 4, 1, 2,                                                /* unknown */
};

START_TEST(madt_is_read)
{
	u16 flags;

	memory_new();
	root_add(BASE + table_new("APIC", madt_body, sizeof(madt_body)));
	ck_assert_int_eq(parse(), OK);
	ck_assert(info.present && info.madt && info.pcat_compatible);
	ck_assert_str_eq(info.oem_id, "TESTER");
	ck_assert_uint_eq(info.cpu_count, 3);
	ck_assert_uint_eq(info.cpus[2].apic_id, 0x100);
	ck_assert_uint_eq(info.cpu_disabled_count, 1);
	ck_assert_uint_eq(info.ioapic_count, 2);
	ck_assert_uint_eq(info.lapic_address, 0xfee00000);
	ck_assert_uint_eq(acpi_isa_gsi(&info, 0, &flags), 2);
	ck_assert_uint_eq(flags, ACPI_INTI_ACTIVE_HIGH | ACPI_INTI_EDGE);
	ck_assert_uint_eq(acpi_isa_gsi(&info, 9, &flags), 9);
	ck_assert_uint_eq(flags, ACPI_INTI_ACTIVE_HIGH | ACPI_INTI_LEVEL);
	ck_assert_uint_eq(acpi_isa_gsi(&info, 4, &flags), 4);
	ck_assert_uint_eq(acpi_ioapic_of_gsi(&info, 23)->id, 7);
	ck_assert_uint_eq(acpi_ioapic_of_gsi(&info, 24)->id, 8);
	ck_assert_uint_eq(info.nmis[0].uid, ACPI_UID_ALL);
	ck_assert_uint_eq(info.complaints, 0);
}
END_TEST

START_TEST(madt_with_a_wrong_entry_keeps_what_stands_before)
{
	u8 body[sizeof(madt_body)];

	memory_new();
	memcpy(body, madt_body, sizeof(body));
	body[8 + 16 + 1] = 0; /* the third entry has length 0 */
	root_add(BASE + table_new("APIC", body, sizeof(body)));
	ck_assert_int_eq(parse(), OK);
	ck_assert_uint_eq(info.cpu_count, 2);
	ck_assert_uint_eq(info.ioapic_count, 0);
	ck_assert_uint_eq(info.complaints, 1);
}
END_TEST

START_TEST(wrong_checksum_leaves_one_table_out)
{
	u32 at;

	memory_new();
	at = table_new("APIC", madt_body, sizeof(madt_body));
	root_add(BASE + at);
	bytes[at + 50]++;
	root_add(BASE + table_new("HPET", "\0\0\0\0\0\100\0\0\0\0\320\376\0\0\0\0\1\200\0\0", 20));
	ck_assert_int_eq(parse(), OK);
	ck_assert(!info.madt);
	ck_assert_uint_eq(info.complaints, 1);
	ck_assert(info.hpet.present);
	ck_assert_uint_eq(info.hpet.address, 0xfed00000);
	ck_assert_uint_eq(info.hpet.minimum_tick, 0x80);
	ck_assert_uint_eq(info.hpet.number, 1);
}
END_TEST

START_TEST(roots_that_loop_or_lie)
{
	u32 at;

	memory_new(); /* the XSDT names itself, one table three times, nothing, and unmapped memory */
	root_add(BASE + root);
	at = table_new("APIC", madt_body, sizeof(madt_body));
	for (int i = 0; i < 3; i++)
		root_add(BASE + at);
	root_add(0);
	root_add(0xfffffffffffffff0ull);
	ck_assert_int_eq(parse(), OK);
	ck_assert_uint_eq(info.cpu_count, 3);
	ck_assert_uint_eq(info.complaints, 3);

	memory_new(); /* impossible lengths */
	at = table_new("APIC", madt_body, sizeof(madt_body));
	put(at + 4, 35, 4);
	root_add(BASE + at);
	at = table_new("HPET", madt_body, 20);
	put(at + 4, 0xffffffff, 4);
	root_add(BASE + at);
	at = table_new("MCFG", madt_body, 20);
	put(at + 4, 0x100000, 4); /* reaches out of memory */
	root_add(BASE + at);
	ck_assert_int_eq(parse(), OK);
	ck_assert_uint_eq(info.complaints, 3);
	ck_assert_uint_eq(info.table_count, 1);
}
END_TEST

START_TEST(rsdp_forms)
{
	u32 at;

	ck_assert_int_eq(acpi_parse(&info, &(struct physical_reader){ fake_memory_read, NULL }, 0), ERR_NOT_FOUND);
	ck_assert(info.pm.has_8042);
	memory_new();
	bytes[0] = 'X';
	ck_assert_int_eq(parse(), ERR_NOT_FOUND);

	memory_new(); /* revision 0, RSDT */
	at = table_new("APIC", madt_body, sizeof(madt_body));
	bytes[15] = 0;
	put(16, BASE + 0x800, 4);
	memcpy(bytes + 0x800, "RSDT", 4);
	put(0x804, 40, 4);
	put(0x824, BASE + at, 4);
	sum(0x800, 40, 9);
	sum(0, 20, 8);
	ck_assert_int_eq(parse(), OK);
	ck_assert(info.madt);

	bytes[15] = 2; /* a wrong extended checksum falls back to the RSDT */
	sum(0, 20, 8);
	bytes[32]++;
	ck_assert_int_eq(parse(), OK);
	ck_assert(info.madt);
	ck_assert_uint_eq(info.complaints, 1);
}
END_TEST

static u32 fadt_new(const u8 *dsdt, u32 length)
{
	u8 body[268 - 36] = { 0 };
	u32 at = table_new("DSDT", dsdt, length);

	body[40 - 36] = (u8)(BASE + at);
	body[41 - 36] = (u8)((BASE + at) >> 8);
	body[46 - 36] = 9;
	body[64 - 36] = 0x04, body[65 - 36] = 0x06;      /* PM1a control 0x604 */
	body[76 - 36] = 0x08, body[77 - 36] = 0x06;      /* timer 0x608 */
	body[109 - 36] = 2;                              /* 8042 */
	body[113 - 36] = 0x05;                           /* 32-bit timer, reset register */
	body[116 - 36] = 1, body[117 - 36] = 8;
	body[120 - 36] = 0xf9, body[121 - 36] = 0x0c, body[128 - 36] = 0x0f;
	at = table_new("FACP", body, sizeof(body));
	root_add(BASE + at);
	return at;
}

START_TEST(fadt_and_s5)
{
	static const struct {
		u8 aml[16];
		u32 length;
		bool found;
		u8 a, b;
	} rows[] = {
		{ { 0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 7, 0, 0 }, 14, true, 5, 7 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0 }, 12, true, 0, 0 },
		{ { 0x08, '\\', '_', 'S', '5', '_', 0x12, 6, 2, 1, 0x0a, 3, 0 }, 13, true, 1, 3 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 5, 1, 0x0b, 5, 6 }, 11, true, 5, 6 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0x47, 0, 2, 0x0a, 5, 0x0a, 5 }, 13, true, 5, 5 }, /* two length bytes */
		{ { 0x08, '_', 'S', '5', '_', 0x12, 60, 4, 0x0a, 5, 0x0a, 7, 0, 0 }, 14, false, 0, 0 }, /* too long */
		{ { 0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 9, 0x0a, 7, 0, 0 }, 14, false, 0, 0 }, /* 9 > 7 */
		{ { 0x70, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 7, 0, 0 }, 14, false, 0, 0 }, /* no Name */
		{ { 0x08, '_', 'S', '5', '_' }, 5, false, 0, 0 },
		{ { 0x08, '_', 'S', '5', '_', 0x12 }, 6, false, 0, 0 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 0xff }, 7, false, 0, 0 },
		{ { 0x08, '_', 'S', '5', '_', 0x12, 3, 2, 0x0a }, 9, false, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memory_new();
		fadt_new(rows[i].aml, rows[i].length);
		ck_assert_int_eq(parse(), OK);
		ck_assert_msg(info.s5.present == rows[i].found, "row %zu", i);
		ck_assert_uint_eq(info.s5.slp_typ_a, rows[i].a);
		ck_assert_uint_eq(info.s5.slp_typ_b, rows[i].b);
		ck_assert(info.pm.present && info.pm.timer_32bit && info.pm.has_8042);
		ck_assert_uint_eq(info.pm.pm1a_control.address, 0x604);
		ck_assert_uint_eq(info.pm.pm1a_control.space, ACPI_SPACE_IO);
		ck_assert_uint_eq(info.pm.timer.address, 0x608);
		ck_assert_uint_eq(info.pm.pm1b_control.address, 0);
		ck_assert(info.reset.present);
		ck_assert_uint_eq(info.reset.address.address, 0xcf9);
		ck_assert_uint_eq(info.reset.value, 0xf);
		ck_assert_uint_eq(info.complaints, 0);
	}
}
END_TEST

START_TEST(mcfg_spcr_dmar)
{
	static const u8 mcfg[] = {
		0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0,
		0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 16, 31, 0, 0, 0, 0,  /* overlaps */
		0, 0, 0, 0xc0, 0, 0, 0, 0, 1, 0, 31, 16, 0, 0, 0, 0,  /* backwards */
		1, 0, 0, 0xc0, 0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0,   /* not aligned */
		0, 0, 0, 0xd0, 0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0,
	};
	static const u8 spcr[44] = { [4] = 1, [5] = 8, [8] = 0xf8, [9] = 2, [16] = 3, [17] = 3, [18] = 19, [22] = 7,
				     [28] = 0xff, [29] = 0xff, [30] = 0xff, [31] = 0xff };
	static const u8 dmar[] = { 38, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 4, 0, 0, 0, 3, 0 };

	memory_new();
	root_add(BASE + table_new("MCFG", mcfg, sizeof(mcfg)));
	root_add(BASE + table_new("SPCR", spcr, sizeof(spcr)));
	root_add(BASE + table_new("DMAR", dmar, sizeof(dmar)));
	ck_assert_int_eq(parse(), OK);
	ck_assert_uint_eq(info.mcfg_count, 2);
	ck_assert_uint_eq(info.mcfg[0].base, 0xb0000000);
	ck_assert_uint_eq(info.mcfg[1].segment, 1);
	ck_assert(info.spcr.present && info.spcr.is_16550);
	ck_assert_uint_eq(info.spcr.address.address, 0x2f8);
	ck_assert_uint_eq(info.spcr.gsi, 19);
	ck_assert_uint_eq(info.spcr.baud, 115200);
	ck_assert(info.iommu.dmar && info.iommu.interrupt_remapping);
	ck_assert_uint_eq(info.iommu.units, 1);
	ck_assert_uint_eq(info.complaints, 4); /* three MCFG entries, one DMAR length */
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("acpi");
	TCase *tcase = tcase_create("acpi");

	tcase_add_test(tcase, madt_is_read);
	tcase_add_test(tcase, madt_with_a_wrong_entry_keeps_what_stands_before);
	tcase_add_test(tcase, wrong_checksum_leaves_one_table_out);
	tcase_add_test(tcase, roots_that_loop_or_lie);
	tcase_add_test(tcase, rsdp_forms);
	tcase_add_test(tcase, fadt_and_s5);
	tcase_add_test(tcase, mcfg_spcr_dmar);
	suite_add_tcase(suite, tcase);
	return suite;
}
